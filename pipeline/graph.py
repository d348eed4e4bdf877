"""The job, top to bottom: clips in, Avro metric records out.

Three zones. Pixels: from `ReadClips` to `DetectPeople` and `RedactClips`, one fused stage. Geometry: `TrackPeople`,
keyed state. Aggregates: from `AnonymiseTracks` on, numbers about places.
"""

from __future__ import annotations

from functools import partial

import apache_beam as beam

from pipeline import storage
from pipeline.archive import FAULTS
from pipeline.config import Config
from pipeline.deliveries import IN_FUTURE, ReadDeliveries
from pipeline.evidence.made import made_with
from pipeline.evidence.sink import WriteEvidence
from pipeline.keys import load_keys
from pipeline.progress import ReportProgress
from pipeline.sinks import PublishDeadLetters, WriteRecords
from pipeline.sources import ReadClipFiles
from schemas.avro import RECORD_TYPES
from transforms.aggregate import AggregateMetrics
from transforms.arrivals import ToSiteDays
from transforms.detect import DetectPeople
from transforms.events import AnonymiseTracks
from transforms.evidence import TallyClips, TallyDays, TallyDropped, TallyFiles
from transforms.guard import DropBiometrics
from transforms.pack import MakePacks, pack_vocabulary
from transforms.protect import ProtectAggregates
from transforms.redact import RedactClips
from transforms.track import TrackPeople
from transforms.validate import ValidateClips
from transforms.vocabulary import vocabulary_of


def build(root: beam.Pipeline, config: Config) -> None:
    """Add the whole job to a pipeline."""
    sites, limits, spans = config.sites, config.limits, config.spans
    vocabulary = vocabulary_of(sites, config.model_digits, (*FAULTS, IN_FUTURE))

    if config.subscription is None:
        read = root | "ReadClips" >> ReadClipFiles(config.files, sites, limits)
    else:
        read = root | "ReadClips" >> ReadDeliveries(config.subscription, sites, config.native)
    valid = read.good | "ValidateClips" >> ValidateClips(sites, limits, spans, partial(load_keys, config.keys))
    detected = valid.clips | "DetectPeople" >> DetectPeople(sites, config.models, limits)

    known = (valid.unseen, detected.detections) | "AllClips" >> beam.Flatten()
    if config.progress is not None:
        known |= "ReportProgress" >> ReportProgress(config.progress)
    days = known | "ToSiteDays" >> ToSiteDays(sites, spans)
    tracked = days | "TrackPeople" >> TrackPeople(sites, spans, config.bounded)
    events = tracked.tracklets | "AnonymiseTracks" >> AnonymiseTracks()
    metrics = events | "AggregateMetrics" >> AggregateMetrics(sites, config.model_digits, spans, config.bounded)
    protected = metrics | "ProtectAggregates" >> ProtectAggregates(sites, config.bounded, config.released)

    failed = [read.failed, valid.failed, detected.failed]
    told = [read.told, valid.told, detected.told, tracked.told]
    if config.redaction is not None:
        redacted = valid.clips | "RedactClips" >> RedactClips(
            sites, config.redaction, config.eyes, limits, config.output, storage.write
        )
        failed.append(redacted.failed)
        told.append(redacted.told)
    dead = failed | "DeadLetters" >> beam.Flatten()
    leaving = (protected, dead) | "AllRecords" >> beam.Flatten()
    guarded = leaving | "DropBiometrics" >> DropBiometrics(vocabulary, config.on_biometric)
    stream = config.subscription is not None
    written = guarded | "WriteRecords" >> WriteRecords(config.output, config.flush_us if stream else None)
    if config.dead_letter_topic is not None:
        guarded | "PublishDeadLetters" >> PublishDeadLetters(config.dead_letter_topic)

    facts = told | "AllFacts" >> beam.Flatten()
    parts = (
        facts | "TallyClips" >> TallyClips(sites, stream),
        written | "TallyFiles" >> TallyFiles(),
        guarded | "TallyDropped" >> TallyDropped(),
    ) | "AllParts" >> beam.Flatten()
    tallied = parts | "TallyDays" >> TallyDays(sites, stream)
    made = made_with(config)
    words = pack_vocabulary(vocabulary, made.values(), RECORD_TYPES)
    packs = tallied | "MakePacks" >> MakePacks(config.run, made, words, config.on_biometric)
    packs | "WriteEvidence" >> WriteEvidence(config.output)
