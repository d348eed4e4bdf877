"""Sources: where clips come from. A clip's bytes are read in the fused pixel stage, never before it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import fastavro
from apache_beam import coders, pvalue
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from pipeline.archive import NO_ENVELOPE, Capture, ClipFile
from schemas.envelope import Envelope
from schemas.records import DeadLetter
from schemas.site import Site
from transforms.clips import Clip
from transforms.coders import AvroCoder
from transforms.dead_letters import Names, Origin, Outcome, count_set_aside, dead_clip
from transforms.decode import ClipLimits
from transforms.facts import TOLD, ClipFact, identity_of, tell, unopened

STAGE = "ReadClips"
CLIPS, FAILED = "clips", "failed"


class ClipFileCoder(AvroCoder[ClipFile]):
    """Version 1: where a clip lies and its envelope, never its bytes."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "ClipFile",
            "fields": [
                {"name": "path", "type": "bytes"},
                {"name": "envelope", "type": ["null", "string"]},
                {"name": "fault", "type": ["null", "string"]},
                {"name": "capture", "type": ["null", "string"]},
            ],
        }
    )

    @staticmethod
    def to_fields(value: ClipFile) -> dict[str, Any]:
        envelope = value.envelope and json.dumps(value.envelope.to_json())
        capture = value.capture and json.dumps(asdict(value.capture))
        return {"path": os.fsencode(value.path), "envelope": envelope, "fault": value.fault, "capture": capture}

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> ClipFile:
        envelope = fields["envelope"]
        read = None if envelope is None else Envelope.from_json(json.loads(envelope))
        capture = None if fields["capture"] is None else Capture(**json.loads(fields["capture"]))
        return ClipFile(Path(os.fsdecode(fields["path"])), read, fields["fault"], capture)


coders.registry.register_coder(ClipFile, ClipFileCoder)


@dataclass(eq=False)
class ReadClipFiles(beam.PTransform):
    """Reads the clips of an archive, each with its capture start as event time.

    Attributes:
      files: What was found, with envelopes.
      sites: The site files.
      limits: What a clip may be at most: a larger one is left unread, for `ValidateClips` to set aside.
    """

    files: Sequence[ClipFile]
    sites: tuple[Site, ...]
    limits: ClipLimits

    def expand(self, root: pvalue.PBegin) -> Outcome:
        read = (
            root
            | "Begin" >> beam.Impulse()
            | "Files" >> beam.FlatMap(_files, self.files).with_output_types(ClipFile)
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(_ReadFn(Names.of(self.sites), self.limits)).with_outputs(FAILED, TOLD, main=CLIPS)
        )
        read[CLIPS].element_type = Clip
        read[FAILED].element_type = DeadLetter
        read[TOLD].element_type = ClipFact
        return Outcome(read[CLIPS], read[FAILED], read[TOLD])


def _files(_: bytes, files: Sequence[ClipFile]) -> Sequence[ClipFile]:
    return files


class _ReadFn(beam.DoFn):
    def __init__(self, names: Names, limits: ClipLimits) -> None:
        self._names = names
        self._limits = limits

    def process(self, file: ClipFile) -> Iterable[Any]:
        if file.envelope is None:
            reason, capture = file.fault or NO_ENVELOPE, file.capture
            origin = Origin(capture.site, capture.camera, capture.start_us) if capture else Origin()
            count_set_aside(__name__, reason)
            size = file.path.stat().st_size
            letter = dead_clip(STAGE, reason, origin, size, self._names)
            yield pvalue.TaggedOutput(FAILED, letter)
            identity = identity_of(os.fsencode(file.path).hex(), size)
            told = unopened(letter.site, letter.camera, letter.event_time, identity, size, reason=reason)
            yield tell(told)
            return
        yield TimestampedValue(self._read(file.path, file.envelope), Timestamp(micros=file.envelope.start_us))

    def _read(self, path: Path, envelope: Envelope) -> Clip:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > self._limits.max_bytes:
                return Clip(envelope, b"", size)
            return Clip(envelope, stream.read(size))
