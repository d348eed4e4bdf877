"""The small written forms of a site file: names, durations, times of day, points and polygons.

Each type reads the form that a person writes (`15m`, `08:00-20:00`, `[0.1, 0.9]`), holds plain integers and
tuples, and is dumped in the written form again. Errors say what to do and never repeat what was written.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from schemas.clock import SECOND_US
from schemas.polygons import fault

MINUTE_US = 60 * SECOND_US
DAY_MINUTES = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_UNITS_US = {"d": DAY_MINUTES * MINUTE_US, "h": 60 * MINUTE_US, "m": MINUTE_US, "s": SECOND_US, "ms": 1_000}
NAME = r"[a-z0-9][a-z0-9_-]{0,62}"
_DURATION = r"[0-9]{1,9}(ms|s|m|h|d)"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_HOURS = rf"{_CLOCK}-({_CLOCK}|24:00)"
_DAYS = rf"({'|'.join(WEEKDAYS)})(-({'|'.join(WEEKDAYS)}))?"


def wrong(message: str, *at: str | int) -> PydanticCustomError:
    """Return an error for a validator to raise; `at` leads from its value to the part that is wrong."""
    return PydanticCustomError("site_file", "{message}", {"message": message, "at": at})


def written(default: Any, **constraints: Any) -> Any:
    """Return a field whose default stands in the form that a file would hold."""
    return Field(default=default, validate_default=True, **constraints)


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean …?` for the one of `names` that is close to `name`, else an empty text."""
    close = difflib.get_close_matches(name, sorted(names), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _matching(pattern: str, advice: str) -> Callable[[Any], str]:
    compiled = re.compile(pattern)

    def check(value: Any) -> str:
        if not (isinstance(value, str) and compiled.fullmatch(value)):
            raise wrong(advice)
        return value

    return check


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "examples": list(examples)})


Name = Annotated[
    str,
    AfterValidator(_matching(NAME, "must be 1 to 63 of a-z, 0-9, _ and -, and not begin with _ or -")),
    _text(NAME, "reading-room"),
]
"""A name that records carry. Lower case, so that no two differ by case alone in file names and queries."""

UNKNOWN = "unknown"
"""Stands in records for a name that the site files do not know: what an envelope says is not repeated."""


def _taken(name: str) -> str:
    if name == UNKNOWN:
        raise wrong(f"{UNKNOWN} stands in records for what no site file names: choose another name")
    return name


PlaceName = Annotated[
    Name,
    AfterValidator(_taken),
    WithJsonSchema({"type": "string", "pattern": f"^{NAME}$", "not": {"const": UNKNOWN}, "examples": ["reading-room"]}),
]
"""Name of a site, a camera or a group."""

_PREFIX = "[0-9a-f]{12}"

ModelPrefix = Annotated[
    str,
    AfterValidator(_matching(_PREFIX, 'must be 12 of 0-9 and a-f, in quotation marks, as in "0123456789ab"')),
    _text(_PREFIX, "0123456789ab"),
]
"""The first digits of a model's sha256, as records carry them."""

Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$"),
]
"""Words for people; without control characters, which a document cannot show."""


_duration_form = _matching(_DURATION, "must be a whole number with a unit (ms, s, m, h, d), as in 90s")


def parse_duration(text: str) -> int:
    """Read a duration as microseconds.

    Raises:
      PydanticCustomError: the text is not a whole number with one of the units ms, s, m, h, d.

    >>> parse_duration("15m")
    900000000
    """
    digits = _duration_form(text).rstrip("dhms")
    return int(digits) * _UNITS_US[text.removeprefix(digits)]


def write_duration(duration_us: int) -> str:
    """Write a duration of whole milliseconds in the largest unit that keeps it whole.

    >>> write_duration(5_400_000_000)
    '90m'
    """
    unit = next((unit for unit, size in _UNITS_US.items() if duration_us and duration_us % size == 0), "s")
    return f"{duration_us // _UNITS_US[unit]}{unit}"


def within(shortest: str, longest: str) -> AfterValidator:
    """Return a validator that keeps a duration between two, both included."""
    least, most = parse_duration(shortest), parse_duration(longest)

    def check(duration_us: int) -> int:
        if not least <= duration_us <= most:
            raise wrong(f"must be between {shortest} and {longest}")
        return duration_us

    return AfterValidator(check)


def ascending(durations: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse durations that do not grow from one to the next."""
    for index in range(1, len(durations)):
        if durations[index] <= durations[index - 1]:
            raise wrong("must be longer than the one before it: write them in order, each once", index)
    return durations


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(write_duration),
    _text(_DURATION, "90s", "15m", "2h", "7d"),
]
"""A duration in microseconds, written as a whole number and a unit."""


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


_time_form = _matching(_CLOCK, 'must be a time of day from 00:00 to 23:59, as in "08:30"')
_hours_form = _matching(_HOURS, 'must be two times of day, as in "08:00-20:00"; a day ends at 24:00')
_days_form = _matching(_DAYS, "must be a day or a range of days, as in sat or mon-fri")


def _parse_hours(value: Any) -> tuple[int, int]:
    opens, closes = map(_minutes, _hours_form(value).split("-"))
    if opens == closes:
        raise wrong('opens and closes at the same time: for a whole day write "00:00-24:00"')
    return opens, closes if closes > opens else closes + DAY_MINUTES


def write_hours(hours: tuple[int, int]) -> str:
    """Write opening hours as a site file has them.

    >>> write_hours((22 * 60, 26 * 60)), write_hours((0, 24 * 60))
    ('22:00-02:00', '00:00-24:00')
    """
    opens, closes = hours
    return f"{_clock(opens)}-{_clock(closes if closes <= DAY_MINUTES else closes - DAY_MINUTES)}"


def _parse_days(value: Any) -> tuple[int, ...]:
    ends = [WEEKDAYS.index(day) for day in _days_form(value).split("-")]
    return tuple((ends[0] + step) % 7 for step in range((ends[-1] - ends[0]) % 7 + 1))


def _write_days(days: tuple[int, ...]) -> str:
    return "-".join(WEEKDAYS[day] for day in dict.fromkeys((days[0], days[-1])))


TimeOfDay = Annotated[
    int,
    BeforeValidator(lambda value: _minutes(_time_form(value))),
    PlainSerializer(_clock),
    _text(_CLOCK, "00:00", "04:30"),
]
"""Minutes of the local clock after 00:00, below 1440."""

Hours = Annotated[
    tuple[int, int],
    BeforeValidator(_parse_hours),
    PlainSerializer(write_hours),
    _text(_HOURS, "08:00-20:00", "22:00-02:00"),
]
"""Minutes after 00:00 at which a place opens and closes; above 1440 it closes on the next day."""

Days = Annotated[
    tuple[int, ...],
    BeforeValidator(_parse_days),
    PlainSerializer(_write_days),
    _text(_DAYS, "mon-fri", "sat"),
]
"""Days of the week in order, Monday is 0."""


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    # "localtime" is whatever the machine says, so the same file would count differently on two machines.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        raise wrong(f"must be a time zone of the IANA list, as in Europe/Paris{nearest(name, _time_zones())}")
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]
"""A name of the IANA time zone list."""


def _inside(point: tuple[float, float]) -> tuple[float, float]:
    for axis, coordinate, extent in zip("xy", point, ("width", "height"), strict=True):
        if not 0 <= coordinate <= 1:
            raise wrong(
                f"lies outside the picture: {axis} is {coordinate:.4g} of its {extent}, must be from 0 to 1 "
                "(for points in pixels give the camera `units: pixels` and `size`)"
            )
    return point


def _simple(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    if message := fault(points):
        raise wrong(message)
    return points


Point = Annotated[tuple[FiniteFloat, FiniteFloat], AfterValidator(_inside)]
"""x and y, normalised by the picture's width and height; origin top left, y down."""

Polygon = Annotated[tuple[Point, ...], Field(min_length=3, max_length=100), AfterValidator(_simple)]
"""Corners in order, either way round, the first not repeated. Encloses an area and never touches itself."""
