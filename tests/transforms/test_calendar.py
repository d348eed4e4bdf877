"""The calendar in zones whose clocks are moved by an hour, by half an hour, at midnight, and by a whole day."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import EPOCH, SECOND_US, from_rfc3339
from schemas.site import Site
from transforms.calendar import Day, scheduled, scheduled_us, site_day, window_of, windows

MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US

ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Paris",
        "America/Toronto",
        "America/Havana",
        "America/Sao_Paulo",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ]
)
DAY_STARTS = st.sampled_from([0, 30, 90, 120, 150, 240, 1439])
INSTANTS = st.integers(from_rfc3339("2005-01-01T00:00:00Z"), from_rfc3339("2027-01-01T00:00:00Z"))


def local(zone: str, instant_us: int) -> datetime:
    moment = (EPOCH + timedelta(microseconds=instant_us)).astimezone(ZoneInfo(zone))
    return moment.replace(tzinfo=None, fold=0)


def site(zone: str, schedule: list[tuple[str, str]] | None) -> Site:
    written = {"site": "here", "site_version": 1, "time_zone": zone, "cameras": [{"name": "door"}]}
    if schedule is not None:
        written["schedule"] = [{"days": days, "hours": hours} for days, hours in schedule]
    return Site.model_validate(written)


@given(ZONES, DAY_STARTS, INSTANTS)
def test_days_hold_their_instants_and_follow_each_other(zone: str, day_start: int, instant_us: int) -> None:
    day = site_day(zone, day_start, instant_us)
    assert day.start_us <= instant_us < day.end_us
    assert site_day(zone, day_start, day.start_us) == day == site_day(zone, day_start, day.end_us - 1)
    assert site_day(zone, day_start, day.end_us).start_us == day.end_us
    assert site_day(zone, day_start, day.start_us - 1).end_us == day.start_us


@given(ZONES, DAY_STARTS, INSTANTS)
def test_a_day_begins_when_the_clock_first_shows_its_start_or_later(zone: str, day_start: int, instant_us: int) -> None:
    day = site_day(zone, day_start, instant_us)
    shown = datetime.combine(day.date, datetime.min.time()) + timedelta(minutes=day_start)
    before = [day.start_us - 1, *range(day.start_us - 27 * HOUR_US, day.start_us, 5 * MINUTE_US)]
    assert local(zone, day.start_us) >= shown
    assert all(local(zone, earlier_us) < shown for earlier_us in before)


@pytest.mark.parametrize(
    ("zone", "day_start", "instant", "begins", "hours"),
    [
        ("Europe/Paris", 0, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", 23),
        ("Europe/Paris", 0, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", 25),
        # 02:30 is skipped, so the day begins with the jump to 03:00; the next one begins at a real 02:30.
        ("Europe/Paris", 150, "2026-03-29T12:00:00Z", "2026-03-29T01:00:00Z", 23.5),
        # 02:30 comes twice, the day begins with the first and the second is well within it.
        ("Europe/Paris", 150, "2026-10-25T01:30:00Z", "2026-10-25T00:30:00Z", 25),
        ("America/Toronto", 0, "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", 25),
        ("America/Havana", 0, "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", 25),
        ("Australia/Lord_Howe", 0, "2026-10-04T00:00:00Z", "2026-10-03T13:30:00Z", 23.5),
        ("Australia/Lord_Howe", 0, "2026-04-05T00:00:00Z", "2026-04-04T13:00:00Z", 24.5),
        # Midnight is skipped: the day begins at 01:00.
        ("America/Sao_Paulo", 0, "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", 23),
        ("Asia/Kolkata", 0, "2026-03-29T12:00:00Z", "2026-03-28T18:30:00Z", 24),
    ],
)
def test_days_around_clock_changes(zone: str, day_start: int, instant: str, begins: str, hours: float) -> None:
    day = site_day(zone, day_start, from_rfc3339(instant))
    assert day.start_us == from_rfc3339(begins)
    assert day.end_us - day.start_us == hours * HOUR_US


def test_a_date_that_the_clock_skips_has_no_time() -> None:
    jump_us = from_rfc3339("2011-12-30T10:00:00Z")
    assert site_day("Pacific/Apia", 0, jump_us - 1).date == date(2011, 12, 29)
    assert site_day("Pacific/Apia", 0, jump_us).date == date(2011, 12, 31)


@given(ZONES, DAY_STARTS, INSTANTS, st.integers(1, 86_400))
def test_windows_are_laid_from_the_start_and_cut_at_the_end(
    zone: str, day_start: int, instant_us: int, seconds: int
) -> None:
    day, size_us = site_day(zone, day_start, instant_us), max(seconds, 60) * SECOND_US
    laid = windows(day, size_us)
    assert laid[0][0] == day.start_us
    assert laid[-1][1] == day.end_us
    assert all(end == start for (_, end), (start, _) in pairwise(laid))
    assert all(end - start == size_us for start, end in laid[:-1])
    assert 0 < laid[-1][1] - laid[-1][0] <= size_us
    held = window_of(day, size_us, instant_us)
    assert held in laid
    assert held[0] <= instant_us < held[1]


def test_the_last_window_of_a_day_of_24_and_a_half_hours_is_short() -> None:
    day = site_day("Australia/Lord_Howe", 0, from_rfc3339("2026-04-05T00:00:00Z"))
    start_us, end_us = windows(day, HOUR_US)[-1]
    assert end_us - start_us == HOUR_US // 2


def test_a_window_is_asked_for_in_its_own_day() -> None:
    with pytest.raises(ValueError, match="not of that day"):
        window_of(Day(date(2026, 1, 1), 0, HOUR_US), MINUTE_US, HOUR_US)


def test_without_a_schedule_all_is_scheduled() -> None:
    assert scheduled(site("UTC", None), 3, 7) == [(3, 7)]
    assert scheduled(site("UTC", None), 7, 7) == []


@given(ZONES, INSTANTS, st.integers(0, 40 * HOUR_US))
def test_a_schedule_of_all_hours_is_no_schedule(zone: str, start_us: int, length_us: int) -> None:
    whole = site(zone, [("mon-sun", "00:00-24:00")])
    end_us = start_us + length_us
    assert scheduled(whole, start_us, end_us) == scheduled(site(zone, None), start_us, end_us)


SCHEDULE = [
    ("mon-fri", "05:00-11:30"),
    ("mon-thu", "14:00-20:00"),
    ("fri-sat", "21:00-04:30"),
    ("sun", "05:00-24:00"),
]


@given(ZONES, INSTANTS.map(lambda instant_us: instant_us // MINUTE_US * MINUTE_US))
def test_the_schedule_follows_the_local_clock(zone: str, start_us: int) -> None:
    minutes = range(start_us, start_us + 50 * HOUR_US, 10 * MINUTE_US)
    open_ = scheduled(site(zone, SCHEDULE), start_us, start_us + 50 * HOUR_US)
    for instant_us in minutes:
        assert any(start <= instant_us < end for start, end in open_) == shows_open(local(zone, instant_us))


def shows_open(shown: datetime) -> bool:
    minute, day = shown.hour * 60 + shown.minute, shown.weekday()
    return (
        (day <= 4 and 300 <= minute < 690)
        or (day <= 3 and 840 <= minute < 1200)
        or (day in (4, 5) and minute >= 1260)
        or (day in (5, 6) and minute < 270)
        or (day == 6 and minute >= 300)
    )


@given(ZONES, INSTANTS, st.lists(st.integers(0, 100 * HOUR_US), min_size=2, max_size=2).map(sorted))
def test_scheduled_time_adds_up(zone: str, start_us: int, cuts: list[int]) -> None:
    here = site(zone, SCHEDULE)
    middle_us, end_us = (start_us + cut for cut in cuts)
    parts = scheduled_us(here, start_us, middle_us) + scheduled_us(here, middle_us, end_us)
    assert parts == scheduled_us(here, start_us, end_us)
    stretches = scheduled(here, start_us, end_us)
    assert all(earlier[1] < later[0] for earlier, later in pairwise(stretches))


@pytest.mark.parametrize(
    ("hours", "spring", "autumn"),
    [("00:00-06:00", 5, 7), ("02:00-02:45", 0, 0.75), ("02:00-03:00", 0, 2), ("03:00-04:00", 1, 1)],
)
def test_hours_around_clock_changes(hours: str, spring: float, autumn: float) -> None:
    here = site("Europe/Paris", [("sun", hours)])
    for noon, open_ in (("2026-03-29T10:00:00Z", spring), ("2026-10-25T11:00:00Z", autumn)):
        noon_us = from_rfc3339(noon)
        assert scheduled_us(here, noon_us - 14 * HOUR_US, noon_us) == open_ * HOUR_US
