"""The pixel zone's element types: none of them can be encoded, pickled, shuffled or put into state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from apache_beam import coders

from schemas.envelope import Envelope
from transforms.coders import PixelCoder, PixelsLeaveStageError
from transforms.decode import Frame, OpenClip


@dataclass(frozen=True)
class Clip:
    """An encoded clip in memory, with its envelope."""

    envelope: Envelope
    payload: bytes = field(repr=False)

    def __reduce__(self) -> NoReturn:
        # Coders fall back to pickling where a type was lost on the way; pixels do not.
        raise PixelsLeaveStageError("a Clip must not leave the fused pixel stage")


class Faulty(NamedTuple):
    """A clip that could not be decoded, on its way to the dead letter, still inside the pixel stage."""

    clip: Clip
    reason: str


PIXELS = (Clip, Faulty, Frame, OpenClip)
"""Every type that holds encoded or decoded pictures."""

for pixels in PIXELS:
    coders.registry.register_coder(pixels, PixelCoder)
