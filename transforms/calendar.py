"""The site's calendar: its days, the windows laid in them, and its opening hours, as instants.

Instants are microseconds since the epoch, UTC; intervals are half-open. Local times become instants by one
rule: a local time stands for the first instant at which the local clock shows it or a later one. So a time
that the clock skips is the moment of the jump, one that it repeats is the first of the two, and order is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.clock import EPOCH
from schemas.site import Opening, Site

Interval = tuple[int, int]
"""Start and end of a stretch of time, the end excluded."""

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Day:
    """A site day: from `day_start` on a local date to the next one."""

    date: date
    start_us: int
    end_us: int


def site_day(time_zone: str, day_start: int, instant_us: int) -> Day:
    """Return the site day that holds an instant.

    Args:
      time_zone: IANA time zone of the site.
      day_start: Minutes after 00:00, local, at which days begin.
      instant_us: Any instant.
    """
    day = _local(time_zone, instant_us).date() + _DAY
    while (start_us := _first_instant(time_zone, day, day_start)) > instant_us:
        day -= _DAY
    return Day(day, start_us, _first_instant(time_zone, day + _DAY, day_start))


def day_on(time_zone: str, day_start: int, date: date) -> Day:
    """Return the site day that begins on a local date."""
    starts = (_first_instant(time_zone, each, day_start) for each in (date, date + _DAY))
    return Day(date, *starts)


def window_of(day: Day, size_us: int, instant_us: int) -> Interval:
    """Return the window of a size, or the segment, that holds an instant of a day.

    Windows are laid from the day's start in elapsed time; the last one is cut at the day's end.
    """
    if not day.start_us <= instant_us < day.end_us:
        raise ValueError("the instant is not of that day")
    start_us = instant_us - (instant_us - day.start_us) % size_us
    return start_us, min(start_us + size_us, day.end_us)


def windows(day: Day, size_us: int) -> list[Interval]:
    """Return all windows of a size in a day, or all its segments, in order; together they are the day."""
    starts = range(day.start_us, day.end_us, size_us)
    return [(start_us, min(start_us + size_us, day.end_us)) for start_us in starts]


def scheduled(site: Site, start_us: int, end_us: int) -> list[Interval]:
    """Return the stretches of an interval in which the site is watched, in order, touching ones joined."""
    if site.schedule is None:
        return [(start_us, end_us)] if start_us < end_us else []
    # Hours reach into the next date, and a clock set back over midnight shows a date that is already over.
    first = _local(site.time_zone, start_us).date() - _DAY
    last = _local(site.time_zone, end_us).date() + _DAY
    dates = (first + step * _DAY for step in range((last - first).days + 1))
    opened = (hours for day in dates for hours in _opening_hours(site.time_zone, site.schedule, day))
    return _joined((max(opens, start_us), min(closes, end_us)) for opens, closes in opened)


def scheduled_us(site: Site, start_us: int, end_us: int) -> int:
    """Return how much of an interval the site is watched."""
    return sum(end - start for start, end in scheduled(site, start_us, end_us))


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Join those intervals that touch, of some that come in order and never overlap; leave out empty ones."""
    joined: list[Interval] = []
    for start, end in intervals:
        if start < end:
            begun = joined.pop()[0] if joined and joined[-1][1] == start else start
            joined.append((begun, end))
    return joined


@lru_cache(maxsize=1024)
def _opening_hours(time_zone: str, schedule: tuple[Opening, ...], day: date) -> tuple[Interval, ...]:
    hours = sorted(opening.hours for opening in schedule if day.weekday() in opening.days)
    return tuple(
        (_first_instant(time_zone, day, opens), _first_instant(time_zone, day, closes)) for opens, closes in hours
    )


@lru_cache(maxsize=4096)
def _first_instant(time_zone: str, day: date, minutes: int) -> int:
    """Return the first instant at which the local clock shows a date's minute, or later."""
    zone = ZoneInfo(time_zone)
    wanted = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)
    # With fold 0 a skipped time is read by the offset before the jump, so comes out after it; with 1, before.
    after, before = (_instant(wanted.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    while after - before > 1:
        middle = (before + after) // 2
        if _local(time_zone, middle) < wanted:
            before = middle
        else:
            after = middle
    return after


def _instant(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // _MICROSECOND


def _local(time_zone: str, instant_us: int) -> datetime:
    """Return what the local clock shows at an instant, without its zone."""
    return (EPOCH + instant_us * _MICROSECOND).astimezone(ZoneInfo(time_zone)).replace(tzinfo=None, fold=0)
