"""How clips reach their site days."""

from itertools import pairwise

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from schemas.clock import now_us
from schemas.site import Site
from tests.support.graph import pipeline
from tests.support.world import T0, a_camera, a_clip, a_site, seconds, span
from transforms.arrivals import (
    OPEN_US,
    Arrival,
    ArrivalCoder,
    DayKey,
    Span,
    ToSiteDays,
    arrivals,
    day_of,
    days_between,
    is_asked_for,
    wanted,
)
from transforms.detections import ClipDetections

DAY_US = 86_400_000_000


def opened(sites: tuple[Site, ...], spans: dict[str, Span], expected: list[DayKey]) -> None:
    """Run the step without clips; the days that it opens must be those expected."""
    with pipeline() as root:
        clips = root | beam.Create([], reshuffle=False).with_output_types(ClipDetections)
        seeds = clips | ToSiteDays(sites, spans)
        assert_that(seeds, equal_to([(key, Arrival(None)) for key in expected]))


def test_every_camera_and_day_that_is_asked_for_is_opened() -> None:
    site = a_site(cameras=[a_camera(name).model_dump(mode="json") for name in ("a", "b")])
    opened((site,), {"lab": span(-60, 60)}, [("lab", name, day) for day in (T0 - DAY_US, T0) for name in ("a", "b")])


def test_where_a_stream_has_no_end_days_are_opened_up_to_now() -> None:
    now = now_us()
    begin = now - 2 * DAY_US
    days = days_between(a_site(), begin, now)
    opened((a_site(),), {"lab": Span(begin, OPEN_US)}, [("lab", "door", day.start_us) for day in days])


def test_a_site_without_a_span_has_no_day() -> None:
    opened((a_site(),), {}, [])


def test_a_clip_goes_to_each_day_that_it_shares_an_instant_with() -> None:
    def days(start_s: float, end_s: float) -> list[int]:
        return [key[2] for key, _ in arrivals(a_clip(start_s, end_s), a_site())]

    assert days(-5, 5) == [T0 - DAY_US, T0]
    assert days(-5, 0) == [T0 - DAY_US]
    assert days(0, 5) == [T0]


def test_days_follow_each_other_without_a_gap() -> None:
    found = list(days_between(a_site(time_zone="Europe/Paris", day_start="02:30"), seconds(0), seconds(90 * 86_400)))
    assert all(one.end_us == other.start_us for one, other in pairwise(found))
    assert found[0] == day_of(a_site(time_zone="Europe/Paris", day_start="02:30"), seconds(0))


def test_arrivals_go_through_bytes() -> None:
    coder = ArrivalCoder()
    assert coder.decode(coder.encode(Arrival(None))) == Arrival(None)
    clip = a_clip(0, 1)
    assert coder.decode(coder.encode(Arrival(clip))).clip.identity == clip.identity


@pytest.mark.parametrize(
    ("asked", "expected"), [((70, 130), (0, 240)), ((-500, 30), (0, 120)), ((-500, -400), None), ((30, 30), None)]
)
def test_whole_windows_are_wanted_within_the_day(asked: tuple[int, int], expected: tuple[int, int] | None) -> None:
    site = a_site(windows=["1m", "2m"])
    found = wanted(site, day_of(site, T0), {"lab": span(*asked)})
    assert found == (expected and tuple(map(seconds, expected)))
    assert wanted(site, day_of(site, T0), {}) is None


@pytest.mark.parametrize(
    ("start_s", "end_s", "expected"),
    [(-5, 0, False), (-5, 1, True), (0, 5, True), (119, 125, True), (120, 125, False), (90_000, 90_005, False)],
)
def test_a_day_needs_its_clips_from_its_start_to_its_last_asked_window(
    start_s: float, end_s: float, expected: bool
) -> None:
    asked = {"lab": span(70, 110)}
    assert is_asked_for(a_site(), asked, seconds(start_s), seconds(end_s)) == expected
    assert not is_asked_for(a_site(), {}, seconds(start_s), seconds(end_s))
