"""A scene goes through bytes at any border and goes on as if it had not."""

import pytest

from tests.support.world import a_site, clips_of, seconds, stander, walker
from transforms.arrivals import day_of
from transforms.events import anonymise
from transforms.groups import group_of
from transforms.scene import Scene
from transforms.snapshot import Snapshot, SnapshotCoder
from transforms.track import advance

SITE = a_site(windows=["10s"])
DAY = day_of(SITE, seconds(0))
PEOPLE = [walker(1), walker(8.7, back=True), stander(1.5, 0.8, 3, 40), stander(1.005, 0.9, 12, 30), walker(37, y=0.5)]
CLIPS = clips_of(PEOPLE, 60, every_s=7)


def run(snapshot: Snapshot, until_s: float) -> list[object]:
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
