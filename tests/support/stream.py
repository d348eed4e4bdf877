"""The job from detections to metric records on Beam: as a batch, and as a stream whose clock the test moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from schemas.records import MetricRecord
from schemas.site import Site
from tests.support.world import MODEL, seconds
from transforms.aggregate import AggregateMetrics
from transforms.arrivals import Span, ToSiteDays
from transforms.detections import ClipDetections, ClipDetectionsCoder
from transforms.events import AnonymiseTracks
from transforms.track import TrackPeople

_written: list[MetricRecord] = []

Happening = Sequence[ClipDetections] | float
"""Clips that come together, or the time in seconds from `T0` to which the watermark moves."""


def count(
    clips: beam.PCollection[ClipDetections], site: Site, asked: Span, *, bounded: bool
) -> beam.PCollection[MetricRecord]:
    """Apply the steps from detections to metric records."""
    sites, spans = (site,), {site.site: asked}
    models = {(site.site, camera.name): MODEL for camera in site.cameras}
    tracked = clips | ToSiteDays(sites, spans) | TrackPeople(sites, spans, bounded)
    return tracked.tracklets | AnonymiseTracks() | AggregateMetrics(sites, models, spans, bounded)


def streamed(site: Site, asked: Span, happenings: Iterable[Happening]) -> list[MetricRecord]:
    """Run a stream to its end and return every record it wrote, in the order of writing."""
    stream = TestStream(coder=ClipDetectionsCoder())
    for happening in happenings:
        if isinstance(happening, float | int):
            stream = stream.advance_watermark_to(Timestamp(micros=seconds(happening)))
        else:
            stream = stream.add_elements(
                [TimestampedValue(clip, Timestamp(micros=clip.start_us)) for clip in happening]
            )
    _written.clear()
    root = beam.Pipeline(runner=BundleBasedDirectRunner(), options=PipelineOptions(["--streaming"]))
    # The old runner would infer no type from the stream, and pickle the clips.
    clips = root | stream.advance_watermark_to_infinity() | beam.Map(_same).with_output_types(ClipDetections)
    count(clips, site, asked, bounded=False) | "Keep" >> beam.Map(_keep)
    root.run().wait_until_finish()
    return list(_written)


def _same(clip: ClipDetections) -> ClipDetections:
    return clip


def _keep(record: MetricRecord) -> None:
    _written.append(record)
