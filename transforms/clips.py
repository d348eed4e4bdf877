"""The pixel zone's types: an encoded clip, and one that is open for its frames. Neither can be encoded."""

from __future__ import annotations

from dataclasses import dataclass, field

from apache_beam import coders

from schemas.envelope import Envelope
from transforms.coders import PixelCoder


@dataclass(frozen=True)
class Clip:
    """An encoded clip in memory, with its envelope."""

    envelope: Envelope
    payload: bytes = field(repr=False)


coders.registry.register_coder(Clip, PixelCoder)
