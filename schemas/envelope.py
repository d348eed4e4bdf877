"""The clip envelope: what an edge agent says of a clip, beside it and never inside it.

`clip_envelope.avsc` is the contract. In an archive the envelope is the file `NAME.json` beside `NAME.mp4`; over
Pub/Sub it is the message's attributes.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.clock import SECOND_US, from_rfc3339, to_rfc3339
from schemas.fields import NAME

SCHEMA_VERSION = 1
LATEST_US = from_rfc3339("9000-01-01T00:00:00Z")
"""End of the time that a calendar with room for a day on either side can reckon with."""
_LONG = 2**63
# Forms of numbers in attributes: no space, no sign before a positive one, no more digits than are looked at.
_WHOLE = re.compile(r"-?[0-9]{1,20}")
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?")
_INTEGERS = ("schema_version", "sequence", "clock_offset_us", "size")
_STRINGS = ("site", "camera", "session", "codec", "sha256")
_OPTIONAL = ("key_id",)


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
      size: Bytes of the clip, before it is sealed.
      sha256: Digest of the clip's bytes before it is sealed, hexadecimal: the clip's identity, sealed or not.
      key_id: Name of the key that the payload is sealed with; None where it is not sealed.
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
    key_id: str | None = None

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
        if self.key_id is not None and not re.fullmatch(NAME, self.key_id):
            raise EnvelopeError("key_id: must be 1 to 63 of a-z, 0-9, _ and -, and not begin with _ or -")

    @property
    def seconds(self) -> float:
        """Length of the capture interval."""
        return (self.end_us - self.start_us) / SECOND_US

    def to_json(self) -> dict[str, Any]:
        """Return the form that stands beside a clip: instants in RFC 3339, all else as it is, no key without value."""
        fields = dataclasses.asdict(self)
        start, end = fields.pop("start_us"), fields.pop("end_us")
        said = {name: value for name, value in fields.items() if value is not None}
        return said | {"start": to_rfc3339(start), "end": to_rfc3339(end)}

    def canonical(self) -> bytes:
        """Return the one way of writing this envelope: its JSON in ASCII, keys sorted, no spaces."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Envelope:
        """Read the form that `to_json` writes.

        Raises:
          EnvelopeError: a key is missing, unknown or of the wrong type.
        """
        if not isinstance(fields, Mapping):
            raise EnvelopeError("the envelope must be a JSON object")
        known = {field.name for field in dataclasses.fields(cls)} - {"start_us", "end_us"} | {"start", "end"}
        if missing := sorted(known - set(fields) - set(_OPTIONAL)):
            raise EnvelopeError(f"missing: {', '.join(missing)}")
        if set(fields) - known:
            raise EnvelopeError(f"unknown keys; known are {', '.join(sorted(known))}")
        return cls(
            start_us=_instant(fields, "start"),
            end_us=_instant(fields, "end"),
            frame_rate=_rate(fields),
            **{name: _typed(fields, name, int) for name in _INTEGERS},
            **{name: _typed(fields, name, str) for name in _STRINGS},
            **{name: _typed(fields, name, str) for name in _OPTIONAL if name in fields},
        )

    def to_attributes(self) -> dict[str, str]:
        """Return the form of a Pub/Sub message's attributes: the keys of `to_json`, numbers in decimal."""
        return {name: str(value) for name, value in self.to_json().items()}

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, str]) -> Envelope:
        """Read the form that `to_attributes` writes; attributes that others added are passed over.

        Raises:
          EnvelopeError: an attribute is missing or cannot be read.
        """
        names = (*_INTEGERS, "frame_rate", *_STRINGS, "start", "end", *_OPTIONAL)
        fields: dict[str, Any] = {name: attributes[name] for name in names if name in attributes}
        for name in fields.keys() & set(_INTEGERS):
            fields[name] = int(_written(fields, name, _WHOLE))
        if "frame_rate" in fields:
            fields["frame_rate"] = float(_written(fields, "frame_rate", _DECIMAL))
        return cls.from_json(fields)


def _written(fields: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    if not form.fullmatch(fields[name]):
        raise EnvelopeError(f"{name}: must be a number in decimal digits")
    return fields[name]


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
