"""AggregateMetrics: place events into event-time windows; records when a window is whole, and for each revision.

Windows are keys, not Beam windows: they are laid from each site day's start and cut at its end. State keeps the
highest revision of each segment, so that what comes twice counts once. A window is written when the watermark
passes its end, and again whenever its segments agree on a higher revision, until lateness is over.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam import coders
from apache_beam.transforms import userstate
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from schemas.clock import SECOND_US
from schemas.records import MetricRecord
from schemas.site import Site
from transforms.arrivals import CameraKey, Span, before, day_of
from transforms.calendar import window_of
from transforms.counters import counter
from transforms.events import PlaceEvents, PlaceEventsCoder
from transforms.groups import group_named
from transforms.metrics import records
from transforms.window_events import WindowEvents
from transforms.windows import Window, agreeing_places

WindowKey = tuple[str, str, int, int, int]
"""Site, camera group, window size, start and end in microseconds."""


FORGET_AFTER_US = 3600 * SECOND_US
"""How long a window is kept beyond lateness: a rewind and the shuffle behind it take their time."""

NOT_YET = -1
"""Revision of a window that has ended and was not written yet."""


class DisagreementError(RuntimeError):
    """A window of a batch whose segments do not agree: a fault of this job, never of its clips."""


def to_windows(events: PlaceEvents, site: Site, span: Span) -> Iterator[tuple[WindowKey, PlaceEvents]]:
    """Yield the segment's events for each window that is asked for and holds it."""
    day = day_of(site, events.start_us)
    for size_us in site.windows:
        start_us, end_us = window_of(day, size_us, events.start_us)
        if start_us < span.until_us and end_us > span.from_us:
            yield (events.site, events.group, size_us, start_us, end_us), events


@dataclass(eq=False)
class AggregateMetrics(beam.PTransform[beam.PCollection[PlaceEvents], beam.PCollection[MetricRecord]]):
    """Sums place events up into the metric records of every window.

    Attributes:
      sites: The site files.
      models: For each (site, camera), the first digits of its model's sha256.
      spans: For each site, the stretch of event time for which records are asked.
      bounded: Whether all events come before any timer, as in batch: then a window is written once.
    """

    sites: tuple[Site, ...]
    models: Mapping[CameraKey, str]
    spans: Mapping[str, Span]
    bounded: bool

    def expand(self, events: beam.PCollection[PlaceEvents]) -> beam.PCollection[MetricRecord]:
        sites = {site.site: site for site in self.sites}
        spans = self.spans
        return (
            events
            | "ToWindows"
            >> beam.FlatMap(lambda each: to_windows(each, sites[each.site], spans[each.site])).with_output_types(
                tuple[WindowKey, PlaceEvents]
            )
            | "Aggregate"
            >> beam.ParDo(_AggregateFn(sites, self.models, spans, self.bounded)).with_output_types(MetricRecord)
        )


class _AggregateFn(beam.DoFn):
    """Keyed by window."""

    SEGMENTS = userstate.BagStateSpec("segments", PlaceEventsCoder())
    # The revision that was written last; nothing before the watermark has passed the window's end.
    WRITTEN = userstate.ReadModifyWriteStateSpec("written", coders.VarIntCoder())
    CLOSE = userstate.TimerSpec("close", TimeDomain.WATERMARK)

    def __init__(
        self, sites: dict[str, Site], models: Mapping[CameraKey, str], spans: Mapping[str, Span], bounded: bool
    ) -> None:
        self._sites = sites
        self._models = models
        self._spans = spans
        self._bounded = bounded

    def process(
        self,
        element: tuple[WindowKey, PlaceEvents],
        segments: Any = beam.DoFn.StateParam(SEGMENTS),
        close: Any = beam.DoFn.TimerParam(CLOSE),
    ) -> None:
        """Take a segment in; at the window's end, or at once where that is past, it is written."""
        key, events = element
        segments.add(events)
        close.set(before(key[4]))

    @userstate.on_timer(CLOSE)
    def on_close(
        self,
        key: Any = beam.DoFn.KeyParam,
        at: Any = beam.DoFn.TimestampParam,
        segments: Any = beam.DoFn.StateParam(SEGMENTS),
        written: Any = beam.DoFn.StateParam(WRITTEN),
        close: Any = beam.DoFn.TimerParam(CLOSE),
    ) -> Iterable[Any]:
        """Write the window; when lateness is over, forget it."""
        # Told by time, not by what was done: a runner may fire a timer once more that was set while it fired.
        forget_us = key[4] + self._sites[key[0]].lateness + FORGET_AFTER_US
        over = at.micros >= forget_us
        if not over:
            yield from self._write(key, segments, written)
        if over and written.read() == NOT_YET:
            counter(__name__, "windows_never_agreed").inc()
        if over or self._bounded:
            segments.clear()
            written.clear()
        else:
            close.set(Timestamp(micros=forget_us))

    def _write(self, key: WindowKey, segments: Any, written: Any) -> Iterator[TimestampedValue]:
        name, group_name, size_us, start_us, end_us = key
        window = Window(size_us, start_us, end_us)
        group = group_named(self._sites[name], group_name)
        agreed = agreeing_places(window, segments.read(), [place.name for place in group.places])
        if not agreed and self._bounded and not self._spans[name].is_open:
            raise DisagreementError(
                f"segments of {name} {group_name}, window of {size_us // SECOND_US} s, do not agree"
            )
        revision = agreed[0][-1].revision if agreed else NOT_YET
        written_before = written.read()
        last = NOT_YET if written_before is None else written_before
        written.write(max(last, revision))
        if agreed:
            segments.clear()
            for segment in itertools.chain.from_iterable(agreed):
                segments.add(segment)
        if revision <= last:
            return
        site = self._sites[name]
        # The cameras of a group have one model.
        model = self._models[name, group.cameras[0].name]
        for place, of_place in zip(group.places, agreed, strict=True):
            for record in records(WindowEvents(site, place, model, window, of_place)):
                yield TimestampedValue(record, before(end_us))
