"""How clips reach their site days: by camera group and day, after a seed that opens each day that is asked for.

A day is seeded from the site file, not from its clips, so that a camera that is silent still reports. It is seeded
when event time comes to it: a stream need not know its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import fastavro
from apache_beam import coders
from apache_beam.transforms import userstate
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from schemas.clock import SECOND_US, now_us
from schemas.envelope import LATEST_US
from schemas.site import Camera, Site
from transforms.calendar import Day, site_day, window_of
from transforms.coders import AvroCoder
from transforms.detections import ClipDetections, ClipDetectionsCoder
from transforms.groups import group_of, groups_of

CameraKey = tuple[str, str]
"""Names of a site and one of its cameras."""

DayKey = tuple[str, str, int]
"""Site, camera group and start of the site day (UTC microseconds): the unit of purity."""


class Span(NamedTuple):
    """The stretch of event time for which records are asked, `--from` and `--until`: part of the input."""

    from_us: int
    until_us: int

    @property
    def is_open(self) -> bool:
        """Whether it ends with the stream."""
        return self.until_us == OPEN_US


OPEN_US = LATEST_US
"""Where a span ends that ends with the stream."""

CLOCK_SKEW_US = 10 * SECOND_US
"""How far the clocks of workers may be apart."""


def has_ended(span: Span, border_us: int) -> bool:
    """Return whether a stream has ended, seen from a timer at a border.

    The watermark of a stream stays behind the clock; only at the stream's end does it run ahead.
    """
    return span.is_open and border_us > now_us() + CLOCK_SKEW_US


class Arrival(NamedTuple):
    """What comes to a site day: a clip's detections, or None, the seed that opens the day."""

    clip: ClipDetections | None


class ArrivalCoder(AvroCoder[Arrival]):
    """Version 1."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "Arrival",
            "fields": [{"name": "clip", "type": ["null", ClipDetectionsCoder.schema]}],
        }
    )

    @staticmethod
    def to_fields(value: Arrival) -> dict[str, Any]:
        return {"clip": None if value.clip is None else ClipDetectionsCoder.to_fields(value.clip)}

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> Arrival:
        clip = fields["clip"]
        return Arrival(None if clip is None else ClipDetectionsCoder.from_fields(clip))


coders.registry.register_coder(Arrival, ArrivalCoder)


def day_of(site: Site, instant_us: int) -> Day:
    """Return the site day that holds an instant."""
    return site_day(site.time_zone, site.day_start, instant_us)


def days_between(site: Site, from_us: int, until_us: int) -> Iterator[Day]:
    """Yield the site days that share an instant with [from, until), in order."""
    while from_us < until_us:
        day = day_of(site, from_us)
        yield day
        from_us = day.end_us


def wanted(site: Site, day: Day, spans: Mapping[str, Span]) -> tuple[int, int] | None:
    """Return the stretch of a day over which the asked windows reach; None where they reach over none of it."""
    if (span := spans.get(site.site)) is None:
        return None
    from_us, until_us = max(span.from_us, day.start_us), min(span.until_us, day.end_us)
    if from_us >= until_us:
        return None
    first = min(window_of(day, size, from_us)[0] for size in site.windows)
    return first, max(window_of(day, size, until_us - 1)[1] for size in site.windows)


def is_asked_for(site: Site, spans: Mapping[str, Span], start_us: int, end_us: int) -> bool:
    """Return whether a record that is asked for can depend on what was captured in an interval.

    It can from the start of the site day on, where tracks begin, to the end of the day's last asked window.
    """
    stretches = (wanted(site, day, spans) for day in days_between(site, start_us, end_us))
    return any(stretch is not None and start_us < stretch[1] for stretch in stretches)


def seeds(site: Site, day: Day) -> Iterator[tuple[DayKey, Arrival]]:
    """Yield the seed of every camera group's part of a site day."""
    for group in groups_of(site):
        yield (site.site, group.name, day.start_us), Arrival(None)


def before(border_us: int) -> Timestamp:
    """Return the last instant before a border: a timer there holds the watermark for what it will emit."""
    return Timestamp(micros=border_us - 1000)


def arrivals(clip: ClipDetections, site: Site) -> Iterator[tuple[DayKey, Arrival]]:
    """Yield the clip for its site day; for both days where it lies across `day_start`."""
    for day in days_between(site, clip.start_us, clip.end_us):
        yield (clip.site, group_of(site, clip.camera).name, day.start_us), Arrival(clip)


def camera_of(site: Site, name: str) -> Camera:
    """Return a camera of the site by name."""
    return next(camera for camera in site.cameras if camera.name == name)


@dataclass(eq=False)
class ToSiteDays(beam.PTransform[beam.PCollection[ClipDetections], beam.PCollection[tuple[DayKey, Arrival]]]):
    """Sends each clip to its camera group's site day, and a seed to every day that is asked for.

    Attributes:
      sites: The site files.
      spans: For each site, the stretch of event time for which records are asked.
    """

    sites: tuple[Site, ...]
    spans: Mapping[str, Span]

    def expand(self, clips: beam.PCollection[ClipDetections]) -> beam.PCollection[tuple[DayKey, Arrival]]:
        by_name = {site.site: site for site in self.sites}
        opened = (
            clips.pipeline
            | "Begin" >> beam.Impulse()  # not beam.Create, whose steps are named by lines of Beam's code
            | "Sites" >> beam.FlatMap(_sites, sorted(self.spans)).with_output_types(tuple[str, str])
            | "OpenDays" >> beam.ParDo(_OpenDaysFn(by_name, self.spans)).with_output_types(tuple[DayKey, Arrival])
        )
        arrived = clips | "ToDays" >> beam.FlatMap(lambda clip: arrivals(clip, by_name[clip.site])).with_output_types(
            tuple[DayKey, Arrival]
        )
        return (opened, arrived) | "Arrivals" >> beam.Flatten()


def _sites(_: bytes, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each site, as a key."""
    for name in names:
        yield name, ""


class _OpenDaysFn(beam.DoFn):
    """Keyed by site. Opens each day that is asked for when the watermark comes to it, and not before."""

    NEXT = userstate.TimerSpec("next", TimeDomain.WATERMARK)

    def __init__(self, sites: Mapping[str, Site], spans: Mapping[str, Span]) -> None:
        self._sites = sites
        self._spans = spans

    def process(
        self, element: tuple[str, str], next_day: Any = beam.DoFn.TimerParam(NEXT)
    ) -> Iterable[tuple[DayKey, Arrival]]:
        """Open the first day."""
        site = self._sites[element[0]]
        day = day_of(site, self._spans[site.site].from_us)
        yield from seeds(site, day)
        next_day.set(before(day.end_us))

    @userstate.on_timer(NEXT)
    def on_next(
        self,
        name: Any = beam.DoFn.KeyParam,
        at: Any = beam.DoFn.TimestampParam,
        next_day: Any = beam.DoFn.TimerParam(NEXT),
    ) -> Iterable[TimestampedValue]:
        """Open the day that begins now."""
        site, span = self._sites[name], self._spans[name]
        day = day_of(site, at.micros + 1000)
        if day.start_us >= span.until_us or has_ended(span, day.start_us):
            return
        for seed in seeds(site, day):
            yield TimestampedValue(seed, at)
        next_day.set(before(day.end_us))
