"""What can be audited: windows that clips cover whole, and what records say of them."""

import numpy as np
import pytest

from pipeline.archive import find_clips
from pipeline.audit.covered import covered_stretches
from pipeline.audit.windows import PICTURE, audit_windows, items_of, parts_of
from pipeline.view import current, read_records
from schemas.envelope import SCHEMA_VERSION, Envelope
from tests.pipeline.audit.scene import a_floor_scene, a_scene, window_start
from tests.support.video import encode, pictures
from tests.support.world import GROUND, a_camera, seconds


def a_clip(start_s: float, end_s: float, digest: str = "a") -> Envelope:
    return Envelope(
        SCHEMA_VERSION, "lab", "door", "one", 0, seconds(start_s), seconds(end_s), 0, 10, "h264", 1, digest * 64
    )


@pytest.mark.parametrize(
    ("clips", "parts"),
    [
        ([(0, 10)], [("a", 0.2, 0.8, 6)]),
        ([(0, 4), (4, 10)], [("a", 0.5, 1, 2), ("b", 0, 4 / 6, 4)]),
        ([(0, 4.05), (4, 10)], [("a", 2 / 4.05, 1, 2.05), ("b", 0.05 / 6, 4 / 6, 3.95)]),  # they overlap
        ([(0, 3.95), (4, 10)], [("a", 2 / 3.95, 1, 1.95), ("b", 0, 4 / 6, 4)]),  # a frame is missing
        ([(0, 3), (4, 10)], []),
        ([(3, 10)], []),
        ([(0, 7)], []),
        ([], []),
    ],
    ids=["one", "two", "overlap", "a frame", "gap", "start", "end", "none"],
)
def test_a_window_is_watched_whole_or_not_at_all(clips: list, parts: list) -> None:
    envelopes = [a_clip(*times, digest) for times, digest in zip(clips, "ab", strict=False)]
    found = parts_of(seconds(2), seconds(8), envelopes)
    assert [part.clip[0] for part in found] == [part[0] for part in parts]
    for part, (_, start, end, length) in zip(found, parts, strict=True):
        assert (part.start, part.end, part.seconds) == pytest.approx((start, end, length))
    assert [part.begins for part in found[1:]] == pytest.approx([6 - part[3] for part in parts[1:]])


def test_the_smallest_windows_are_audited_with_what_their_records_say(tmp_path) -> None:
    scene = a_scene(tmp_path)
    clips = [file.envelope for file in find_clips([scene.clips]) if file.envelope]
    records = current(read_records(scene.output))
    found = audit_windows(scene.site.cameras[0], records, clips)
    assert [window.start_us for window in found] == [window_start(number) for number in range(10)]
    assert {window.seconds for window in found} == {2}
    crossed = [window.counted["crossings"] for window in found]
    assert sum(each["gate", "in"] for each in crossed) == 2
    assert sum(each["gate", "out"] for each in crossed) == 0
    assert max(window.counted["occupancy"]["desk", ""] for window in found) >= 1
    assert all(set(window.counted["transitions"]) == {("hall", "desk"), ("desk", "hall")} for window in found)
    missing = [clip for clip in clips if clip.sequence != 2]
    assert [w.start_us for w in audit_windows(scene.site.cameras[0], records, missing)] == [
        window_start(number) for number in (0, 1, 2, 3, 6, 7, 8, 9)
    ]


def test_what_records_do_not_tell_gives_no_sample(tmp_path) -> None:
    scene = a_scene(tmp_path)
    clips = [file.envelope for file in find_clips([scene.clips]) if file.envelope]
    records = current(read_records(scene.output))
    hidden = {
        family: [row | ({"visits": None} if family == "dwell" else {"count": None} if family == "flow" else {})
                 for row in rows]
        for family, rows in records.items()
    }  # fmt: skip
    for window in audit_windows(scene.site.cameras[0], hidden, clips):
        assert window.counted["visits"] == window.counted["transitions"] == {}
    unseen = {family: [row | {"coverage": 0.9} for row in rows] for family, rows in records.items()}
    assert audit_windows(scene.site.cameras[0], unseen, clips) == []


def test_a_camera_without_lines_has_no_crossings_to_count() -> None:
    assert "crossings" not in items_of(a_camera(lines=[]))
    assert set(items_of(a_camera(zones=[]))) == {"crossings", "presence"}


def test_windows_with_a_frame_covered_whole_are_left_out(tmp_path) -> None:
    scene = a_scene(tmp_path)
    clips = [file.envelope for file in find_clips([scene.clips]) if file.envelope]
    (second,) = (clip.sha256 for clip in clips if clip.sequence == 1)
    # Of the clip from 4 to 8 s half a second is black, from 6.4 s on.
    shown = pictures(40, 320, 160, seed=1)
    shown[24:29] = [np.zeros_like(each) for each in shown[24:29]]
    payload = encode(shown)
    ((start, end),) = {(found[0][0], found[-1][1]) for found in [covered_stretches(payload)]}
    assert (start, end) == pytest.approx((0.6, 0.725), abs=0.01)
    found = audit_windows(
        scene.site.cameras[0], current(read_records(scene.output)), clips,
        lambda camera, clip: covered_stretches(payload) if clip == second else (),
    )  # fmt: skip
    assert window_start(2) in [window.start_us for window in found]
    assert window_start(3) not in [window.start_us for window in found] and len(found) == 9


def test_a_clip_of_any_length_is_looked_at() -> None:
    black = [np.zeros((48, 64, 3), np.uint8)] * 2
    payload = encode([*pictures(310, 64, 48), *black], rate=1)
    ((start, _), (_, end)) = covered_stretches(payload)
    assert (start, end) == pytest.approx((310 / 312, 1))


def test_a_clip_that_cannot_be_decoded_shows_nothing() -> None:
    assert covered_stretches(b"no clip") == [(0, 1)]


def test_people_in_the_picture_are_those_of_the_heat_map(tmp_path) -> None:
    scene = a_scene(tmp_path)
    clips = [file.envelope for file in find_clips([scene.clips]) if file.envelope]
    found = audit_windows(scene.site.cameras[0], current(read_records(scene.output)), clips)
    assert max(window.counted["presence"][PICTURE] for window in found) > 1
    assert "presence" not in items_of(a_camera(heatmap=[0, 0]))


def test_who_waits_is_counted_in_queues_and_who_walks_where_the_floor_is_known(tmp_path) -> None:
    scene = a_scene(tmp_path)
    clips = [file.envelope for file in find_clips([scene.clips]) if file.envelope]
    found = [each.counted for each in audit_windows(scene.site.cameras[0], current(read_records(scene.output)), clips)]
    assert {item for counted in found for item in counted["waiting"]} == {("desk", "")}
    assert max(counted["waiting"]["desk", ""] for counted in found) >= 1
    assert all(counted["peaks"][item] >= mean for counted in found for item, mean in counted["occupancy"].items())
    assert "walking" not in items_of(a_camera())
    assert items_of(a_camera(ground=GROUND))["walking"] == [("hall", ""), ("desk", "")]


def test_a_groups_windows_are_shown_by_all_its_cameras(tmp_path) -> None:
    scene = a_floor_scene(tmp_path)
    (group,) = scene.site.groups
    clips = [file.envelope for file in find_clips([scene.clips]) if file.envelope]
    records = current(read_records(scene.output))
    found = audit_windows(group, records, clips)
    assert [window.start_us for window in found] == [window_start(number) for number in range(6)]
    # The second window, from 2 to 4 s, is in the west's first clip, and in the east's first and second.
    west, east = found[1].parts
    assert [(part.begins, part.seconds) for part in west] == [(0, 2)]
    assert [(part.begins, part.seconds) for part in east] == [(0, 1), (1, 1)]
    assert set(items_of(group)) == {"occupancy", "peaks", "waiting", "visits", "transitions", "walking"}
    assert [window.counted["occupancy"]["hall", ""] for window in found[2:]] == pytest.approx([2] * 4, abs=0.1)
    assert [window.counted["walking"]["hall", ""] for window in found[2:]] == pytest.approx([0] * 4, abs=0.1)
    assert all(set(window.counted["transitions"]) == {("hall", "till"), ("till", "hall")} for window in found)
    second = {clip.camera: clip for clip in clips if clip.start_us in (seconds(4), seconds(3))}
    for camera, left in (("west", [0, 1, 4, 5]), ("east", [0, 3, 4, 5])):
        missing = [clip for clip in clips if clip is not second[camera]]
        assert [w.start_us for w in audit_windows(group, records, missing)] == list(map(window_start, left))
    black = second["east"].sha256
    shown = audit_windows(
        group, records, clips, lambda camera, clip: [(0.9, 1)] if (camera, clip) == ("east", black) else []
    )
    assert [w.start_us for w in shown] == [window_start(number) for number in (0, 1, 3, 4, 5)], "from 5.7 to 6 s"
