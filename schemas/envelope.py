"""The clip envelope: what an edge agent says of a clip, beside it and never inside it.

`clip_envelope.avsc` is the contract. In an archive the envelope is the file `NAME.json` beside `NAME.mp4`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.clock import SECOND_US, from_rfc3339, to_rfc3339

SCHEMA_VERSION = 1
LATEST_US = from_rfc3339("9000-01-01T00:00:00Z")
"""End of the time that a calendar with room for a day on either side can reckon with."""
_LONG = 2**63
_INTEGERS = ("schema_version", "sequence", "clock_offset_us", "size")
_STRINGS = ("site", "camera", "session", "codec", "sha256")


class EnvelopeError(ValueError):
    """An envelope that cannot be used; the text names the key, never its value."""


@dataclass(frozen=True)
class Envelope:
    """One clip's envelope.

    Attributes:
      schema_version: Version of this form.
      site: Name of the site, as in its site file.
      camera: Name of the camera, as in the site file.
      session: One run of the agent on one source; a restart begins another.
      sequence: Number of the clip within its session, from 0.
      start_us: Capture start, UTC microseconds, corrected by the clock offset.
      end_us: Capture end, exclusive: the start of the next clip where one follows at once.
      clock_offset_us: What the agent's clock was ahead of true time when it captured; already taken off.
      frame_rate: True frames a second of the scene.
      codec: Name of the video codec, as FFmpeg writes it.
      size: Bytes of the clip.
      sha256: Digest of the clip's bytes, hexadecimal.
    """

    schema_version: int
    site: str
    camera: str
    session: str
    sequence: int
    start_us: int
    end_us: int
    clock_offset_us: int
    frame_rate: float
    codec: str
    size: int
    sha256: str

    def __post_init__(self) -> None:
        if self.schema_version != SCHEMA_VERSION:
            raise EnvelopeError(f"schema_version: this release reads version {SCHEMA_VERSION}")
        if not 0 <= self.start_us < self.end_us <= LATEST_US:
            raise EnvelopeError("start, end: end must be after start, both between the years 1970 and 9000")
        if not (math.isfinite(self.frame_rate) and self.frame_rate > 0):
            raise EnvelopeError("frame_rate: must be a positive number")
        if not (0 <= self.size < _LONG and 0 <= self.sequence < _LONG and abs(self.clock_offset_us) < _LONG):
            raise EnvelopeError("size, sequence, clock_offset_us: must be 64-bit numbers, the first two not negative")
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise EnvelopeError("sha256: must be 64 lower-case hexadecimal digits")

    @property
    def seconds(self) -> float:
        """Length of the capture interval."""
        return (self.end_us - self.start_us) / SECOND_US

    def to_json(self) -> dict[str, Any]:
        """Return the form that stands beside a clip: instants in RFC 3339, all else as it is."""
        fields = dataclasses.asdict(self)
        start, end = fields.pop("start_us"), fields.pop("end_us")
        return fields | {"start": to_rfc3339(start), "end": to_rfc3339(end)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Envelope:
        """Read the form that `to_json` writes.

        Raises:
          EnvelopeError: a key is missing, unknown or of the wrong type.
        """
        known = {field.name for field in dataclasses.fields(cls)} - {"start_us", "end_us"} | {"start", "end"}
        if not isinstance(fields, Mapping):
            raise EnvelopeError("the envelope must be a JSON object")
        if missing := sorted(known - set(fields)):
            raise EnvelopeError(f"missing: {', '.join(missing)}")
        if len(fields) > len(known):
            raise EnvelopeError(f"unknown keys; known are {', '.join(sorted(known))}")
        return cls(
            start_us=_instant(fields, "start"),
            end_us=_instant(fields, "end"),
            frame_rate=_rate(fields),
            **{name: _typed(fields, name, int) for name in _INTEGERS},
            **{name: _typed(fields, name, str) for name in _STRINGS},
        )


def _typed(fields: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    value = fields[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise EnvelopeError(f"{name}: wrong type")
    return value


def _rate(fields: Mapping[str, Any]) -> float:
    try:
        return float(_typed(fields, "frame_rate", (int, float)))
    except OverflowError:
        raise EnvelopeError("frame_rate: must be a positive number") from None


def _instant(fields: Mapping[str, Any], name: str) -> int:
    try:
        return from_rfc3339(_typed(fields, name, str))
    except ValueError:
        raise EnvelopeError(f"{name}: must be an RFC 3339 instant such as 2026-01-05T09:00:00Z") from None
