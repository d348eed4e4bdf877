"""What happens to clips, one fact each, on its way to the evidence: names, counts and times, nothing of pictures.

A fact is told where it happens. What comes of a clip twice has one identity, so that it is counted once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import fastavro
from apache_beam import coders, pvalue

from schemas.clock import now_us
from schemas.envelope import Envelope
from transforms.coders import AvroCoder
from transforms.dead_letters import Names
from transforms.detections import ClipDetections

TOLD = "told"
"""Tag of the output on which a step tells facts."""

DECODED, UNWATCHED, NOT_ASKED_FOR, BAD = "decoded", "unwatched", "not_asked_for", "bad"
DELIVERIES = (DECODED, UNWATCHED, NOT_ASKED_FOR, BAD)
"""What comes of a clip in the pixel stage, told once each time that it comes."""

IN_TIME, LATE, TOO_LATE = "in_time", "late", "too_late"
"""What tracking does with what is known of a clip: takes it in, takes it in after its time, or not at all."""

REDACTED, NOT_REDACTED = "redacted", "not_redacted"
"""A redacted clip was written, or could not be."""

FORGOTTEN = "forgotten"
"""Tracking has thrown away the boxes of a stretch of a camera's day."""


@dataclass(frozen=True)
class ClipFact:
    """One thing that happened to one clip, or to the boxes of a stretch.

    Attributes:
      site: Name of the site, or `unknown`.
      camera: Name of the camera, or `unknown`.
      at_us: Capture start; of a clip that does not say so, when it came; None where that is not to be told.
      identity: Equal for the same clip, however often it comes; of a stretch, its start.
      what: One of the words above.
      stage: Step that set the clip aside.
      reason: Class of the reason.
      size: Bytes of the clip as it came.
      frames: Frames that were looked at.
      took_us: From the start of capture to when pixels, or boxes, were gone; None where it cannot be told.
      measure: Of a clip that was redacted, its leak measure.
    """

    site: str
    camera: str
    at_us: int | None
    identity: str
    what: str
    stage: str = ""
    reason: str = ""
    size: int = 0
    frames: int = 0
    took_us: int | None = None
    measure: Mapping[str, int] = field(default_factory=dict)


class ClipFactCoder(AvroCoder[ClipFact]):
    """Version 1."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "ClipFact",
            "fields": [
                {"name": "site", "type": "string"},
                {"name": "camera", "type": "string"},
                {"name": "at_us", "type": ["null", "long"]},
                {"name": "identity", "type": "string"},
                {"name": "what", "type": "string"},
                {"name": "stage", "type": "string"},
                {"name": "reason", "type": "string"},
                {"name": "size", "type": "long"},
                {"name": "frames", "type": "long"},
                {"name": "took_us", "type": ["null", "long"]},
                {"name": "measure", "type": {"type": "map", "values": "long"}},
            ],
        }
    )

    @staticmethod
    def to_fields(value: ClipFact) -> dict[str, Any]:
        return dict(vars(value))

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> ClipFact:
        return ClipFact(**fields)


coders.registry.register_coder(ClipFact, ClipFactCoder)


def tell(fact: ClipFact) -> pvalue.TaggedOutput:
    """Return a fact for the output of facts."""
    return pvalue.TaggedOutput(TOLD, fact)


def identity_of(*parts: object) -> str:
    """Return a short hash of what tells one thing from another."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:24]


def _identity(clip: ClipDetections) -> str:
    camera, start_us, sequence, sha256, end_us, frame_rate, readable = clip.identity
    return identity_of(clip.site, camera, start_us, sequence, sha256, end_us, float(frame_rate), readable)


def known_clip(clip: ClipDetections, what: str, size: int, *, stage: str = "", reason: str = "") -> ClipFact:
    """Return what came of a clip of a known camera, its pixels being gone now."""
    took_us = now_us() - clip.start_us
    frames = len(clip.times_us)
    identity = _identity(clip)
    return ClipFact(clip.site, clip.camera, clip.start_us, identity, what, stage, reason, size, frames, took_us)


def stranger(envelope: Envelope, names: Names, size: int, *, stage: str, reason: str) -> ClipFact:
    """Return that a clip of a site or camera that nobody knows was set aside; unknown names are not repeated."""
    site, camera = names.site(envelope.site), names.camera(envelope.camera)
    identity = identity_of(envelope.to_json(), size)
    return ClipFact(
        site, camera, envelope.start_us, identity, BAD, stage, reason, size, took_us=now_us() - envelope.start_us
    )


def unopened(
    site: str, camera: str, at_us: int | None, identity: str, size: int, *, reason: str, start_us: int | None = None
) -> ClipFact:
    """Return that something was set aside before it was known to be a clip; names as its dead letter has them."""
    took_us = None if start_us is None else now_us() - start_us
    return ClipFact(site, camera, at_us, identity, BAD, "ReadClips", reason, size, took_us=took_us)


def fate(clip: ClipDetections, what: str) -> ClipFact:
    """Return what tracking does with a clip."""
    return ClipFact(clip.site, clip.camera, clip.start_us, _identity(clip), what)


def fates(
    arrived: Iterable[ClipDetections], late: Iterable[ClipDetections], in_time: Iterable[ClipDetections]
) -> Iterator[pvalue.TaggedOutput]:
    """Yield what tracking does with each clip that arrived.

    Args:
      arrived: The clips.
      late: Those of them whose time was counted already.
      in_time: Those of the late ones that can still be counted.
    """
    lost, counted = set(late), set(in_time)
    for clip in arrived:
        yield tell(fate(clip, LATE if clip in counted else TOO_LATE if clip in lost else IN_TIME))


def redacted_clip(envelope: Envelope, size: int, measure: Mapping[str, int]) -> ClipFact:
    """Return that a redacted clip was written: its size, and its leak measure."""
    return _of_redaction(envelope, REDACTED, size, measure)


def unredacted_clip(envelope: Envelope) -> ClipFact:
    """Return that a clip could not be redacted; why is in its dead letter, of this step or of `DetectPeople`."""
    return _of_redaction(envelope, NOT_REDACTED, 0, {})


def _of_redaction(envelope: Envelope, what: str, size: int, measure: Mapping[str, int]) -> ClipFact:
    identity = identity_of("redaction", envelope.to_json())
    return ClipFact(envelope.site, envelope.camera, envelope.start_us, identity, what, size=size, measure=measure)


def forgotten(site: str, camera: str, since_us: int) -> ClipFact:
    """Return that the boxes of a stretch that begins at an instant are gone now."""
    took_us = now_us() - since_us
    return ClipFact(site, camera, since_us, identity_of(site, camera, since_us), FORGOTTEN, took_us=took_us)
