"""The law of time: a stream ends with the records of the batch, whatever came late, twice or out of order."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import pytest
from apache_beam.transforms.window import TimestampedValue

from schemas.clock import now_us
from schemas.records import CameraHealth, MetricRecord
from schemas.site import Site
from tests.support.state import Driven
from tests.support.stream import Happening, streamed
from tests.support.world import (
    MODEL,
    T0,
    a_camera,
    a_clip,
    a_site,
    clips_of,
    in_order,
    records_of,
    seconds,
    span,
    stander,
    walker,
)
from transforms.aggregate import _AggregateFn, to_windows
from transforms.arrivals import CLOCK_SKEW_US, OPEN_US, Arrival, Span, day_of
from transforms.detections import ClipDetections
from transforms.events import anonymise
from transforms.track import _TrackFn, segments

PEOPLE = [walker(start, speed=0.3, y=0.8) for start in range(2, 240, 25)] + [stander(1.5, 0.9, 20, 200)]


def site_of(*cameras: str, **changes: object) -> Site:
    written = [a_camera(name, heatmap=[2, 1]).model_dump(mode="json") for name in cameras]
    return a_site(cameras=written, windows=["1m", "2m"], **changes)


def window_of(record: MetricRecord) -> tuple[str, int, int]:
    return record.camera, record.window_size_seconds, record.window_start


def standing(written: Iterable[MetricRecord]) -> list[MetricRecord]:
    """Return what stands at the end: of each window all records of its highest revision."""
    by_window = defaultdict(list)
    for record in written:
        by_window[window_of(record)].append(record)
    highest = {window: max(record.revision for record in found) for window, found in by_window.items()}
    return in_order(r for window, found in by_window.items() for r in found if r.revision == highest[window])


def revisions(written: Iterable[MetricRecord], camera: str, start_s: float, size_s: int = 60) -> list[int]:
    """Return the revisions of a window in the order in which they were written."""
    window = camera, size_s, seconds(start_s)
    return [record.revision for record in written if isinstance(record, CameraHealth) and window_of(record) == window]


def delivered(
    clips: list[ClipDetections], delays: dict[ClipDetections, float], twice: list[ClipDetections]
) -> list[Happening]:
    """Deliver clips once captured or later by a delay, some of them again at once and a minute later.

    The watermark is ten seconds behind.
    """
    due = [((clip.end_us - T0) / 1e6 + delays.get(clip, 0), clip) for clip in clips]
    due += [((clip.end_us - T0) / 1e6 + delay, clip) for clip in twice for delay in (0, 60)]
    happenings: list[Happening] = []
    for at in sorted({at for at, _ in due}):
        happenings += [[clip for when, clip in due if when == at], at - 10]
    return happenings


def test_a_stream_ends_with_the_records_of_the_batch() -> None:
    """One camera a fault, so that one stream shows them all."""
    cameras = ("on-time", "disorder", "twice", "late", "silent", "overlap")
    site, asked = site_of(*cameras), span(0, 180)
    on_time, disorder, twice, late = (clips_of(PEOPLE, 180, every_s=30, camera=name) for name in cameras[:4])
    overlap = [
        *clips_of(PEOPLE, 90, every_s=30, camera="overlap"),
        *(a_clip(s, s + 35, PEOPLE, camera="overlap", tag="restart") for s in (75, 110)),
        a_clip(135, 150, readable=False, camera="overlap"),
        a_clip(150, 170, PEOPLE, camera="overlap", flags=4),
    ]
    delays = dict(zip(disorder, [0, 30, 0, 60, 0, 30], strict=True))
    delays |= dict.fromkeys(late[1:3], 120) | {late[4]: 150, overlap[2]: 90, overlap[-2]: 60}
    clips = [*on_time, *disorder, *twice, *late, *overlap]
    happenings = delivered(clips, delays, twice)
    too_late = a_clip(5, 15, PEOPLE, camera="late", tag="spool")
    written = streamed(site, asked, [*happenings, 400, 600, [too_late], 900])

    assert standing(written) == records_of(site, clips, asked)
    assert revisions(written, "on-time", 60) == revisions(written, "twice", 60) == [4]
    assert revisions(written, "silent", 60) == [0]
    assert len(revisions(written, "late", 60)) > 1
    assert revisions(written, "late", 120)[-1] == len(late)
    for camera in cameras:
        for start_s in range(0, 180, 60):
            found = revisions(written, camera, start_s)
            assert found == sorted(set(found)), "a revision is written once, and never after a higher one"


def test_days_are_cut_and_a_late_clip_across_the_border_revises_both() -> None:
    site, asked = site_of("door", time_zone="UTC"), span(-120, 120)
    people = [stander(1.5, 0.9, -100, 100), walker(-6, speed=0.2)]
    across = a_clip(-5, 5, people)
    early, later = a_clip(-40, -5, people), a_clip(5, 40, people)
    written = streamed(site, asked, [[early], 20, [later], 90, [across], 200, 600])
    assert standing(written) == records_of(site, [early, across, later], asked)
    assert revisions(written, "door", -60) == revisions(written, "door", 0) == [1, 2]


def test_a_clip_that_is_late_by_almost_the_lateness_goes_back_far_enough() -> None:
    """Its lateness ends just behind a saved scene, and it begins before that scene."""
    site, asked = site_of("door", lateness="299s"), span(0, 960)
    clips = [a_clip(start, start + 10, PEOPLE, sequence=i) for i, start in enumerate((0, 300, 580, 605, 700, 880))]
    late = a_clip(592, 602, PEOPLE)
    written = streamed(site, asked, [clips, 901, [late], 1000])
    assert standing(written) == records_of(site, [*clips, late], asked)
    assert revisions(written, "door", 540) == [3, 4]


@pytest.mark.parametrize("bad_first", [True, False])
@pytest.mark.parametrize("late", [True, False])
def test_a_bad_and_a_good_delivery_of_the_same_bytes(bad_first: bool, late: bool) -> None:
    """The first came with a wrong envelope, or the second did: both are counted, and the good one covers."""
    site, asked = site_of("door"), span(0, 180)
    good, *rest = clips_of(PEOPLE, 180, every_s=30)
    bad = replace(a_clip(0, 30, readable=False), sha256=good.sha256)
    first, second = (bad, good) if bad_first else (good, bad)
    happenings = [[first, *rest], 130, [second], 300] if late else [[first, second, *rest], 300]
    written = streamed(site, asked, [*happenings, 600])
    assert standing(written) == records_of(site, [good, bad, *rest], asked)
    health = next(r for r in standing(written) if isinstance(r, CameraHealth) and window_of(r)[1:] == (60, T0))
    assert (health.clips, health.bad_clips, health.coverage) == (3, 1, 1.0)


@pytest.mark.parametrize("slow_first", [True, False])
@pytest.mark.parametrize("late", [True, False])
def test_two_rates_for_the_same_bytes_give_the_same_records_whichever_came_first(slow_first: bool, late: bool) -> None:
    site, asked = site_of("door"), span(0, 180)
    clip, *rest = clips_of(PEOPLE, 180, every_s=30)
    slow = replace(clip, frame_rate=2.5, times_us=tuple(T0 + 2 * (t - T0) for t in clip.times_us))
    first, second = (slow, clip) if slow_first else (clip, slow)
    happenings = [[first, *rest], 130, [second], 300] if late else [[first, second, *rest], 300]
    found = standing(streamed(site, asked, [*happenings, 600]))
    assert found == records_of(site, [clip, slow, *rest], asked) == records_of(site, [slow, clip, *rest], asked)


def test_what_comes_after_lateness_changes_nothing() -> None:
    site, asked = site_of("door", lateness="60s"), span(0, 180)
    clips = [a_clip(start, start + 10, PEOPLE) for start in (0, 60, 120)]
    spool = a_clip(20, 30, PEOPLE)
    written = streamed(site, asked, [clips, 170, [spool], 400, [a_clip(30, 40)], 800])
    assert standing(written) == records_of(site, clips, asked)


def test_where_a_stream_has_no_end_what_it_stopped_in_is_not_told() -> None:
    """Its watermark goes to infinity; windows that the clock has not come to are not written, or few."""
    site = site_of("door")
    begin_s = (now_us() - T0) // 120_000_000 * 120 - 240
    asked = Span(seconds(begin_s), OPEN_US)
    people = [stander(1.5, 0.9, begin_s, begin_s + 200)]
    clips = [a_clip(begin_s + start, begin_s + start + 30, people) for start in (0, 30, 60, 90)]
    found = standing(streamed(site, asked, [clips, begin_s + 130]))
    ended = records_of(site, clips, span(begin_s, begin_s + 240))
    assert [record for record in found if record.window_end <= seconds(begin_s + 240)] == ended
    assert max(record.window_end for record in found) <= now_us() + CLOCK_SKEW_US


def test_segments_lie_between_borders_and_end_with_the_day() -> None:
    site = site_of("door")
    day = day_of(site, T0)
    found = list(segments(site, day, day.end_us - 120_000_000, day.end_us))
    assert [(each.first, each.closes) for each in found] == [(False, False), (False, True)]
    assert next(segments(site, day, day.start_us, day.end_us)).first


class Counting:
    """Tracking and windows of one day and camera, under a clock that the test moves."""

    def __init__(self, site: Site, asked: Span) -> None:
        self._site, self._asked, self._key = site, asked, (site.site, "door", T0)
        spans = {site.site: asked}
        self._track = Driven(_TrackFn((site,), spans, False))
        self._windows = Driven(_AggregateFn({site.site: site}, {(site.site, "door"): MODEL}, spans, False))
        self._track.process((self._key, Arrival(None)))

    def deliver(self, *clips: ClipDetections) -> None:
        for clip in clips:
            self._track.process((self._key, Arrival(clip)))

    def advance(self, now_s: float) -> list[MetricRecord]:
        told = [each.value for each in self._track.advance(seconds(now_s)) if isinstance(each, TimestampedValue)]
        for tracklets in told:
            for element in to_windows(anonymise(tracklets), self._site, self._asked):
                self._windows.process(element)
        return [each.value for each in self._windows.advance(seconds(now_s))]


def test_a_very_late_clip_brings_no_window_back_that_ended_before_it() -> None:
    """Scenes lie 68 minutes apart, and the first windows after the one that it goes back to are forgotten by then."""
    site, asked = a_site(lateness="9h"), span(0, 8400)
    clips = [a_clip(start, start + 10, PEOPLE, sequence=i) for i, start in enumerate((4090, 5000, 8050, 8200))]
    late = a_clip(8110, 8120, [stander(1.5, 0.9, 8110, 8120)])
    counting = Counting(site, asked)
    counting.deliver(*clips)
    written = counting.advance(8500) + counting.advance(40_500)
    counting.deliver(late)
    again = counting.advance(45_000)
    assert min(record.window_start for record in again) == seconds(8100)
    assert standing(written + again) == records_of(site, [*clips, late], asked)
