"""The pixel zone's element types: none of them can be encoded, pickled, shuffled or put into state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from apache_beam import coders

from schemas.envelope import Envelope
from transforms.coders import PixelCoder, PixelsLeaveStageError
from transforms.decode import Frame, OpenClip
from transforms.detections import ClipDetections


@dataclass(frozen=True)
class Delivery:
    """A message of a subscription, as it came: nothing of it has been looked at.

    Attributes:
      attributes: Its attributes; those of a clip are its envelope.
      payload: Its bytes.
    """

    attributes: Mapping[str, str]
    payload: bytes = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise PixelsLeaveStageError("a Delivery must not leave the fused pixel stage")


@dataclass(frozen=True)
class Clip:
    """An encoded clip in memory, with its envelope.

    Attributes:
      envelope: What the agent says of it.
      payload: Its bytes; none where they pass the limit and were left unread.
      unread: Number of the bytes that were left unread.
    """

    envelope: Envelope
    payload: bytes = field(repr=False)
    unread: int = 0

    @property
    def size(self) -> int:
        """Bytes of the clip as it came."""
        return len(self.payload) + self.unread

    def __reduce__(self) -> NoReturn:
        # Coders fall back to pickling where a type was lost on the way; pixels do not.
        raise PixelsLeaveStageError("a Clip must not leave the fused pixel stage")


class Faulty(NamedTuple):
    """A clip that could not be decoded, on its way to the dead letter, still inside the pixel stage."""

    clip: Clip
    reason: str


class Outcome(NamedTuple):
    """What came of looking at a clip, detections or a fault, still inside the pixel stage; and the clip's bytes."""

    detections: ClipDetections | None
    fault: Faulty | None
    size: int


PIXELS = (Delivery, Clip, Faulty, Outcome, Frame, OpenClip)
"""Every type that holds, or can hold, encoded or decoded pictures."""

for pixels in PIXELS:
    coders.registry.register_coder(pixels, PixelCoder)
