"""A camera's day, run forward: a function of the set of clips and of nothing else."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.world import (
    T0,
    a_camera,
    a_clip,
    a_site,
    clips_of,
    place_events,
    records_of,
    seconds,
    span,
    stander,
    walker,
)
from transforms.detections import ClipDetections
from transforms.events import PlaceEvents
from transforms.groups import group_of
from transforms.layout import layout_of
from transforms.scene import Scene, Segment, Tracklets, foresee, frame_gap_us, run_segment
from transforms.snapshot import Snapshot, SnapshotCoder
from transforms.timeline import distinct

PEOPLE = (walker(1), walker(6, speed=0.4, y=0.5, back=True), stander(1.5, 0.9, 3, 22), walker(14, y=0.95))
PERSON = st.one_of(
    st.builds(
        walker, st.integers(0, 40), speed=st.sampled_from([0.1, 0.3, 0.6]),
        y=st.sampled_from([0.4, 0.7, 0.95]), back=st.booleans(),
    ),
    st.builds(
        lambda x, start, length: stander(x, 0.8, start, start + length),
        st.sampled_from([0.5, 1.01, 1.5]), st.integers(0, 40), st.integers(1, 30),
    ),
)  # fmt: skip
CLIP = st.tuples(st.integers(0, 500), st.integers(5, 150), st.integers(0, 2), st.sampled_from("ggggbf"))
SCENES = settings(max_examples=30, derandomize=True)


def drawn(clips: list[tuple[int, int, int, str]], people: list) -> list[ClipDetections]:
    return [
        a_clip(
            start / 10, (start + length) / 10, people, sequence=sequence, readable=kind != "b", flags=kind == "f"
        )
        for start, length, sequence, kind in clips
    ]  # fmt: skip


def in_segments(clips: list[ClipDetections], borders: list[float], *, through_bytes: bool = False) -> list[Tracklets]:
    """Run segments of any lengths; where asked, each on a scene that went through bytes before."""
    scene, found = Scene(), []
    for start, end in pairwise(borders):
        part = seconds(start), seconds(end)
        segment = Segment(*part, (part,), start == borders[0], start == borders[0], end == borders[-1])
        found += run_segment(scene, "lab", group_of(a_site(), "door"), segment, distinct(clips))
        if through_bytes:
            scene = SnapshotCoder().decode(SnapshotCoder().encode(Snapshot(part[1], scene))).scene
    return found


def summed(tracklets: list[Tracklets]) -> dict[str, object]:
    """Add segments up to one account."""
    accounts = [each.happened for each in tracklets]
    sums: dict[str, object] = {
        "observed": sum(each.observed_us for each in accounts),
        "flawed": sum((each.flawed_us for each in accounts), Counter()),
        "crossings": [crossing for each in accounts for crossing in each.crossings],
        "visits": sorted((v for each in accounts for v in each.visits), key=lambda v: (v.until_us, v.track, v.zone)),
        "heat": sum((each.heat_us for each in accounts), Counter()),
        "begun": sum((each.heat_begun for each in accounts), Counter()),
        "clips": sum(each.clips for each in tracklets),
        "bad": sum(each.bad_clips for each in tracklets),
        "frames": sum(each.frames for each in tracklets),
        "left_out": sum(each.frames_left_out for each in tracklets),
    }
    for name in ("person_us", "waiting_us", "joined"):
        sums[name] = [sum(column) for column in zip(*(getattr(each, name) for each in accounts), strict=True)]
    for name in ("peak", "waiting_peak"):
        sums[name] = [max(column) for column in zip(*(getattr(each, name) for each in accounts), strict=True)]
    return sums


@SCENES
@given(
    st.lists(CLIP, max_size=8), st.lists(PERSON, max_size=4), st.sets(st.integers(1, 699), max_size=12), st.booleans()
)  # fmt: skip
def test_any_segments_add_up_to_one_run_and_go_through_bytes(
    clips: list, people: list, cuts: set[int], through_bytes: bool
) -> None:
    found = drawn(clips, people)
    borders = [0.0, *sorted(cut / 10 for cut in cuts), 70.0]
    assert summed(in_segments(found, borders, through_bytes=through_bytes)) == summed(in_segments(found, [0.0, 70.0]))


@SCENES
@given(st.data())
def test_order_and_repeats_of_clips_make_no_difference(data: st.DataObject) -> None:
    people = data.draw(st.lists(PERSON, max_size=4))
    clips = drawn(data.draw(st.lists(CLIP, min_size=1, max_size=6)), people)
    shuffled = data.draw(st.permutations(clips + data.draw(st.lists(st.sampled_from(clips), max_size=3))))
    asked = span(0, 120)
    assert place_events(a_site(), "door", shuffled, asked) == place_events(a_site(), "door", clips, asked)


@SCENES
@given(
    st.lists(CLIP, min_size=1, max_size=8), st.lists(PERSON, min_size=1, max_size=4), st.integers(1, 699)
)  # fmt: skip
def test_no_look_ahead_reaches_into_a_clip_that_starts_later(clips: list, people: list, border: int) -> None:
    found = drawn(clips, people)
    known = [clip for clip in found if clip.start_us < seconds(border / 10)]
    assert in_segments(known, [0.0, border / 10, 70.0])[0] == in_segments(found, [0.0, border / 10, 70.0])[0]


def test_only_sound_frames_and_people_who_are_followed_are_looked_ahead_at() -> None:
    people = [walker(0), stander(1.5, 0.8, 0, 10)]
    sound, dark = a_clip(0, 4, people), replace(a_clip(0, 4, people), flags=(2,) * 20)
    static = {"name": "poster", "kind": "static", "polygon": [[0.6, 0], [1, 0], [1, 1], [0.6, 1]]}
    layout = layout_of(a_camera(zones=[static]), sound.aspect)
    assert [each.after.shape[1] for each in foresee(sound, layout)] == [1] * 20
    assert not any(each.after.size or each.heads_us.size for each in foresee(dark, layout))


def alone_us(clips: list[ClipDetections], which: int, start_us: int, end_us: int) -> int:
    """Return the sound time that goes with a clip, by tenths of a second: an independent account of coverage."""

    def sound(some: list[ClipDetections]) -> set[int]:
        found = set()
        for instant in range(start_us, end_us, 100_000):
            owner = next((c for c in distinct(some) if c.readable and c.start_us <= instant < c.end_us), None)
            if owner is not None and owner.times_us and not any(owner.flags):
                shown = max([t for t in owner.times_us if t <= instant] or [owner.times_us[0]])
                if instant - shown < 1_000_000:
                    found.add(instant)
        return found

    return 100_000 * (len(sound(clips)) - len(sound(clips[:which] + clips[which + 1 :])))


@SCENES
@given(st.lists(CLIP, min_size=1, max_size=6), st.integers(0, 5), st.lists(PERSON, max_size=2))
def test_removing_a_clip_lowers_every_familys_coverage_by_what_no_other_covers(
    clips: list, which: int, people: list
) -> None:
    found = distinct(drawn(clips, people))
    which %= len(found)
    asked = span(0, 120)
    whole = records_of(a_site(), found, asked)
    rest = records_of(a_site(), found[:which] + found[which + 1 :], asked)
    for records, sign in ((whole, 1), (rest, -1)):
        assert {type(record).__name__ for record in records} == {
            "Footfall", "Occupancy", "Dwell", "Queue", "Flow", "Heatmap", "CameraHealth",
        }  # fmt: skip
        assert all(record.coverage == round(record.observed_ms / 60_000, 6) for record in records), sign
    for start_us in (T0, T0 + 60_000_000):
        before = {record.observed_ms for record in whole if record.window_start == start_us}
        after = {record.observed_ms for record in rest if record.window_start == start_us}
        assert len(before) == len(after) == 1, "all families of a window say the same"
        lost_ms = alone_us(found, which, start_us, start_us + 60_000_000) // 1000
        assert before.pop() - after.pop() == lost_ms


def revisions(events: list[PlaceEvents]) -> list[int]:
    return [each.revision for each in events]


@SCENES
@given(st.lists(CLIP, min_size=1, max_size=8), st.integers(0, 7))
def test_revision_is_the_number_of_clips_that_start_before_the_end(clips: list, which: int) -> None:
    found = distinct(drawn(clips, []))
    events = place_events(a_site(), "door", found, span(0, 180))
    assert revisions(events) == [sum(clip.start_us < each.end_us for clip in found) for each in events]
    missing = found[which % len(found)]
    fewer = place_events(a_site(), "door", [clip for clip in found if clip is not missing], span(0, 180))
    for one, other in zip(events, fewer, strict=True):
        assert other.revision == one.revision - (missing.start_us < one.end_us)


def test_a_clip_across_the_day_start_counts_in_both_days_and_its_frames_go_by_their_own_time() -> None:
    across = a_clip(-5, 5)
    events = place_events(a_site(), "door", [across, a_clip(5, 10), a_clip(20, 25, readable=False)], span(-60, 60))
    assert [(each.revision, each.clips, each.bad_clips) for each in events] == [(1, 1, 0), (3, 3, 1)]
    assert [each.observed_us for each in events] == [5_000_000, 10_000_000]
    assert [each.frames for each in events] == [25, 50]


@SCENES
@given(
    st.lists(st.tuples(st.integers(-99, 20), st.integers(1, 120), st.sampled_from([1, 2, 5])), min_size=1, max_size=4)
)
def test_nothing_covered_is_lost_where_one_day_becomes_the_next(clips: list[tuple[int, int, int]]) -> None:
    found = [a_clip(start / 10, (start + length) / 10, fps=fps) for start, length, fps in clips]
    before, after = place_events(a_site(), "door", found, span(-60, 60))
    unbroken = in_segments(found, [-60, 60])[0].happened.observed_us
    assert before.observed_us + after.observed_us == unbroken


def test_a_frame_a_second_across_the_day_start_covers_both_days_whole() -> None:
    across = [a_clip(-30.3, -10.3, fps=1), a_clip(-10.3, 59.7, [stander(1.5, 0.8, -30, 60)], fps=1)]
    before, after = place_events(a_site(), "door", across, span(-60, 60))
    assert (before.observed_us, after.observed_us) == (30_300_000, 59_700_000)
    assert after.zones[1].person_us == 59_700_000


def test_tracks_end_with_the_day_and_open_visits_are_censored_there() -> None:
    stays = stander(1.5, 0.8, -30, 30)
    events = place_events(a_site(), "door", [a_clip(-30, 0, [stays]), a_clip(0, 20, [stays])], span(-60, 60))
    assert [(visit.seconds, visit.censored) for visit in events[0].visits] == [(30, True)]
    assert [each.zones[1].open_visits for each in events] == [0, 0]
    assert [(visit.seconds, visit.censored) for visit in events[1].visits] == [(20, True)]


@pytest.mark.parametrize(("pause_s", "censored"), [(1.5, 0), (2.5, 1)])
def test_lost_coverage_censors_a_visit_after_two_frame_gaps(pause_s: float, censored: int) -> None:
    stays = stander(1.5, 0.8, 0, 60)
    clips = [a_clip(0, 10, [stays]), a_clip(10 + pause_s, 20, [stays])]
    account = summed(in_segments(clips, [0, 30]))
    assert sum(visit.censored for visit in account["visits"]) == 1 + censored
    assert account["joined"] == [0, 1 + censored]


def test_flawed_pictures_are_lost_coverage() -> None:
    stays = stander(1.5, 0.8, 0, 60)
    clips = [a_clip(0, 10, [stays]), a_clip(10, 15, [stays], flags=2), a_clip(15, 20, [stays])]
    account = summed(in_segments(clips, [0, 30]))
    assert account["observed"] == 15_000_000
    assert account["flawed"] == {2: 5_000_000}
    assert account["joined"] == [0, 2]


def test_what_is_outside_the_schedule_is_not_looked_at() -> None:
    site = a_site(schedule=[{"days": "mon-sun", "hours": "00:01-00:02"}])
    events = place_events(site, "door", clips_of(PEOPLE, 180), span(0, 180))
    assert [each.scheduled_us for each in events] == [0, 60_000_000, 0]
    assert [each.observed_us for each in events] == [0, 60_000_000, 0]


def test_who_is_inside_as_the_watch_ends_is_censored_there() -> None:
    hours = [{"days": "mon-sun", "hours": each} for each in ("00:00-00:01", "00:02-00:03")]
    clips = clips_of([stander(1.5, 0.8, 10, 999)], 180)
    events = place_events(a_site(schedule=hours), "door", clips, span(0, 180))
    assert [[visit.seconds for visit in each.visits] for each in events] == [[50], [], [60]]
    assert all(visit.censored for each in events for visit in each.visits)
    assert sum(each.zones[1].joined for each in events) == 2
    assert events[-1].zones[1].open_visits == 0


def test_the_first_frame_of_the_watch_stands_for_the_time_from_its_begin() -> None:
    site = a_site(schedule=[{"days": "mon-sun", "hours": "00:01-00:02"}])
    clip = a_clip(59.8, 70, fps=2)
    clip = replace(clip, times_us=clip.times_us[1:], flags=clip.flags[1:], counts=clip.counts[1:])
    events = place_events(site, "door", [clip], span(0, 120))
    assert [each.observed_us for each in events] == [0, 10_000_000]


def test_people_are_counted_at_the_gate_and_at_the_desk() -> None:
    events = place_events(a_site(), "door", clips_of(PEOPLE, 60), span(0, 60))[0]
    assert {(line.side, line.count) for line in events.lines} == {(1, 2), (0, 1)}
    assert events.zones[1].joined >= 1
    assert events.observed_us == 60_000_000


def test_segments_that_a_later_clip_cannot_reach_do_not_change() -> None:
    clips = clips_of(PEOPLE, 180)
    whole = place_events(a_site(), "door", clips, span(0, 180))
    without = place_events(a_site(), "door", [clip for clip in clips if clip.start_us != seconds(120)], span(0, 180))
    assert whole[:2] == without[:2]
    assert whole[2] != without[2]


def test_the_longest_stretch_of_a_frame_follows_the_sampling_rate() -> None:
    assert frame_gap_us(a_camera(fps=None)) == frame_gap_us(a_camera(fps=10)) == 1_000_000
    assert frame_gap_us(a_camera(fps=1)) == 2_000_000


def test_a_clip_that_takes_over_before_its_first_sampled_frame_begins_with_that_frame() -> None:
    """Somebody who left with the clip before comes back on its last frame: that one is not looked at early."""
    spot = 1.5, 0.9
    before = a_clip(-5, 0.1, [stander(*spot, -5, 0.1)])
    gone, back = (a_clip(0, 3, [stander(*spot, from_s, 3)]) for from_s in (3, 2.7))
    first = [
        in_segments([before, replace(clip, times_us=tuple(t + 190_000 for t in clip.times_us))], [-5, 1, 3])[0]
        for clip in (gone, back)
    ]
    assert first[0].happened.observed_us == seconds(1) - seconds(-5)
    assert first[0] == first[1]
