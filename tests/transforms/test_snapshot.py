"""A scene goes through bytes at any border and goes on as if it had not."""

import pytest

from tests.support.world import a_patient_site, clips_of, hidden, seconds, stander, walker
from transforms.arrivals import day_of
from transforms.events import PlaceEvents, anonymise
from transforms.groups import group_of
from transforms.scene import Scene
from transforms.snapshot import Snapshot, SnapshotCoder
from transforms.track import advance

SITE = a_patient_site(windows=["10s"])
DAY = day_of(SITE, seconds(0))
PEOPLE = [
    walker(1),
    walker(8.7, back=True),
    hidden(stander(1.5, 0.8, 3, 40), 17, 22),
    stander(1.005, 0.9, 12, 30),
    walker(37, y=0.5),
]
CLIPS = clips_of(PEOPLE, 60, every_s=7)


def run(snapshot: Snapshot, until_s: float) -> list[PlaceEvents]:
    ran = advance(snapshot, SITE, group_of(SITE, "door"), DAY, CLIPS, seconds(until_s))
    return [anonymise(tracklets) for places in ran for tracklets in places]


@pytest.mark.parametrize("border_s", range(0, 70, 10))
def test_a_restored_scene_goes_on_bit_for_bit(border_s: int) -> None:
    coder = SnapshotCoder()
    whole = run(Snapshot(DAY.start_us, Scene()), 70)
    snapshot = Snapshot(DAY.start_us, Scene())
    before = run(snapshot, border_s)
    encoded = coder.encode(snapshot)
    restored = coder.decode(encoded)
    assert coder.encode(restored) == encoded
    assert restored.until_us == snapshot.until_us
    assert before + run(restored, 70) == whole
    assert run(snapshot, 70) == whole[border_s // 10 :], "encoding changes nothing"


def test_a_snapshot_is_small() -> None:
    snapshot = Snapshot(DAY.start_us, Scene())
    run(snapshot, 20)
    assert len(SnapshotCoder().encode(snapshot)) < 400 + 400 * len(snapshot.scene.cameras["door"].places.present)


def test_somebody_is_out_of_sight_at_one_of_the_borders() -> None:
    snapshot = Snapshot(DAY.start_us, Scene())
    run(snapshot, 20)
    assert [each.zone for each in snapshot.scene.cameras["door"].places.unseen] == [1]
    assert sum(zone.joined for events in run(snapshot, 70) for zone in events.zones[1:]) == 1, "the walker's visit"
