"""The law of time for a group of cameras: its records are a function of the set of its clips, whichever camera's."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import CameraHealth, MetricRecord, Occupancy
from tests.support.floor import EAST, HALL, WEST, a_floor_site, crossing, film, films, hidden, standing
from tests.support.stream import streamed
from tests.support.world import T0, a_camera, in_order, place_events, records_of, seconds, span
from tests.transforms.test_law import bundles, revisions
from tests.transforms.test_track import revisions as written_revisions
from tests.transforms.test_track import standing as what_stands
from transforms.arrivals import arrivals, day_of, seeds
from transforms.detections import ClipDetections
from transforms.groups import group_of
from transforms.scene import Scene, Segment, Tracklets, run_segment
from transforms.snapshot import Snapshot, SnapshotCoder
from transforms.timeline import distinct

FPS = 2.5
PEOPLE = [
    *(crossing((0.2, 2 + i % 4), (11.8, 6 - i % 4), 3 + 12 * i, speed=1.0) for i in range(8)),
    standing(6, 4, 20, 100),
    hidden(standing(3, 2, 15, 90), 56, 62),
]
ZONES = {"hall": HALL, "till": [(6.5, 1.0), (11.0, 1.0), (11.0, 7.0), (6.5, 7.0)]}
SITE, ASKED = a_floor_site(windows=["1m", "2m"], exit_grace="10s", zones=ZONES), span(0, 120)
RECORDED = [
    *films(PEOPLE, 120, every_s=30, fps=FPS),
    film(WEST, PEOPLE, 40, 65, fps=FPS, tag="restart"),
    film(EAST, PEOPLE, 80, 100, fps=FPS, tag="restart"),
]
EXPECTED = records_of(SITE, RECORDED, ASKED)


@settings(max_examples=3, derandomize=True)
@given(st.integers(0, 2**32))
def test_any_permutation_duplication_and_split_ends_with_the_same_records(seed: int) -> None:
    rng = random.Random(seed)
    clips = RECORDED + rng.choices(RECORDED, k=rng.randint(0, 6))
    rng.shuffle(clips)
    assert what_stands(streamed(SITE, ASKED, bundles(rng, clips))) == EXPECTED


@settings(max_examples=4, derandomize=True)
@given(st.sets(st.sampled_from(RECORDED), max_size=len(RECORDED) - 1))
def test_one_more_clip_of_either_camera_is_a_higher_revision_of_all(subset: set[ClipDetections]) -> None:
    missing = [clip for clip in RECORDED if clip not in subset]
    fewer = revisions(records_of(SITE, subset, ASKED))
    for (size, start, end), revision in revisions(EXPECTED).items():
        assert fewer[size, start, end] == revision - sum(clip.start_us < end for clip in missing)


def test_a_late_clip_of_one_camera_takes_both_back() -> None:
    """It is the east camera's alone; every place of the group is told again, together."""
    late = next(clip for clip in RECORDED if clip.camera == "east" and clip.start_us > seconds(25))
    rest = [clip for clip in RECORDED if clip is not late]
    written = streamed(SITE, ASKED, [rest, 110, [late], 300, 600])
    assert what_stands(written) == EXPECTED
    west = written_revisions(written, "west", 0)
    assert west == written_revisions(written, "east", 0) and len(west) == 2
    floor = {r.revision for r in written if isinstance(r, Occupancy) and r.window_size_seconds == 60}
    assert set(west) <= floor


def test_late_clips_of_both_cameras_go_back_to_the_earlier() -> None:
    """In canonical order the east camera's comes first, and the west camera's begins earlier."""
    site, asked = a_floor_site(lateness="12m", windows=["1m"]), span(0, 780)
    clips = [film(each, PEOPLE, s, s + 10, fps=FPS) for each in (WEST, EAST) for s in (0, 60, 320, 620, 700)]
    late = [film(WEST, PEOPLE, 100, 110, fps=FPS), film(EAST, PEOPLE, 640, 650, fps=FPS)]
    written = streamed(site, asked, [clips, 740, late, 900, 1800])
    assert what_stands(written) == records_of(site, [*clips, *late], asked)


def test_a_silent_camera_of_a_group_is_told_too() -> None:
    west = [clip for clip in RECORDED if clip.camera == "west"]
    found = what_stands(streamed(SITE, ASKED, [west, 300, 600]))
    assert found == records_of(SITE, west, ASKED)
    assert {r.coverage for r in found if isinstance(r, CameraHealth) and r.camera == "east"} == {0.0}
    assert {r.coverage for r in found if r.camera == "floor"} == {0.0}


def test_a_camera_beside_the_group_is_not_touched_by_it() -> None:
    written = SITE.model_dump(mode="json", exclude_unset=True)
    door = a_camera("door").model_dump(mode="json")
    both = a_floor_site(windows=["1m", "2m"], exit_grace="10s", zones=ZONES, cameras=[*written["cameras"], door])
    found = records_of(both, RECORDED, ASKED)
    assert in_order(r for r in found if r.group == "floor") == EXPECTED
    assert {(r.group, r.coverage) for r in found if r.group != "floor"} == {("door", 0.0)}


def test_a_group_is_one_key_and_every_other_camera_its_own() -> None:
    written = SITE.model_dump(mode="json", exclude_unset=True)
    site = a_floor_site(cameras=[*written["cameras"], a_camera("door").model_dump(mode="json")])
    assert [key[1] for key, _ in seeds(site, day_of(site, T0))] == ["floor", "door"]
    assert [key[1] for key, _ in arrivals(RECORDED[0], site)] == ["floor"]
    assert group_of(site, "door").shared is None
    assert [camera.name for camera in group_of(site, "west").cameras] == ["east", "west"]


def in_segments(borders: list[float], *, through_bytes: bool) -> list[Tracklets]:
    """Return what happened on the floor in segments of any lengths."""
    scene, found = Scene(), []
    for start, end in pairwise(borders):
        part = seconds(start), seconds(end)
        segment = Segment(*part, (part,), start == borders[0], start == borders[0], end == borders[-1])
        found.append(run_segment(scene, "lab", group_of(SITE, "west"), segment, distinct(RECORDED))[-1])
        if through_bytes:
            encoded = SnapshotCoder().encode(Snapshot(part[1], scene))
            scene = SnapshotCoder().decode(encoded).scene
            assert SnapshotCoder().encode(Snapshot(part[1], scene)) == encoded
    return found


def summed(tracklets: list[Tracklets]) -> dict[str, object]:
    accounts = [each.happened for each in tracklets]
    return {
        "observed": sum(each.observed_us for each in accounts),
        "person": sum(each.person_us[0] for each in accounts),
        "waiting": sum(each.waiting_us[0] for each in accounts),
        "peak": max(each.peak[0] for each in accounts),
        "joined": sum(each.joined[0] for each in accounts),
        "visits": sorted((v.since_us, v.until_us, v.censored) for each in accounts for v in each.visits),
        "flows": sum((each.flows for each in accounts), Counter()),
        "walked": sum((Counter({k: w.millimetres for k, w in each.walks.items()}) for each in accounts), Counter()),
    }


WHOLE = in_segments([0.0, 125.0], through_bytes=False)


@settings(max_examples=3, derandomize=True)
@given(st.sets(st.integers(1, 1249), max_size=6), st.booleans())
def test_any_segments_add_up_to_one_run_and_go_through_bytes(cuts: set[int], through_bytes: bool) -> None:
    borders = [0.0, *sorted(cut / 10 for cut in cuts), 125.0]
    assert summed(in_segments(borders, through_bytes=through_bytes)) == summed(WHOLE)


def test_who_went_from_zone_to_zone_is_among_what_adds_up() -> None:
    assert sum(each.happened.flows[0, 1] for each in WHOLE) == 8, "all who walk through"


def test_no_track_is_told_of_a_shared_visit() -> None:
    visits = [visit for each in WHOLE for visit in each.happened.visits]
    assert visits and {visit.track for visit in visits} == {0}


@pytest.mark.parametrize("drop", [1, 6])
def test_removing_a_clip_lowers_coverage_by_what_only_it_covers(drop: int) -> None:
    def observed_ms(clips: list[ClipDetections], camera: str) -> int:
        found: list[MetricRecord] = records_of(SITE, clips, ASKED)
        zones = [r for r in found if r.camera == camera and r.window_size_seconds == 120]
        assert len({(r.observed_ms, r.coverage) for r in zones}) == 1
        return zones[0].observed_ms

    clips = films([], 120, every_s=30, fps=FPS)
    rest = clips[:drop] + clips[drop + 1 :]
    lost_ms = observed_ms(clips, clips[drop].camera) - observed_ms(rest, clips[drop].camera)
    assert lost_ms in (30_000, 29_900), "the east camera's last clip reaches over the last window's end"
    assert observed_ms(clips, "floor") - observed_ms(rest, "floor") == pytest.approx(lost_ms, abs=100)


def test_events_come_by_place_and_in_step() -> None:
    events = place_events(SITE, "floor", RECORDED, ASKED)
    assert [each.camera for each in events] == ["east", "west", "floor"] * 2
    for each in zip(*[iter(events)] * 3, strict=True):
        assert len({(event.clips, event.revision) for event in each}) == 1
        assert sum(event.own_clips for event in each) == each[0].clips
