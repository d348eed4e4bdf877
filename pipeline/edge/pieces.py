"""A clip before it has an envelope, and the limits it is cut to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.edge.timeline import Line
from schemas.clock import SECOND_US

GAP_US = 3 * SECOND_US
"""Pictures further apart than this are not one clip: nobody watched in between."""

Begin = Callable[[int], Line]
"""Returns the line of a clip that begins at a time of the stream."""


@dataclass(frozen=True)
class Limits:
    """What a clip is cut to.

    Attributes:
      length_us: A clip ends with the first keyframe after so long.
      most_bytes: A clip's bytes at most, the container's included.
    """

    length_us: int
    most_bytes: int

    @property
    def longest_us(self) -> int:
        """The longest that a clip may get while waiting for a keyframe."""
        return 2 * self.length_us

    @property
    def most_picture_bytes(self) -> int:
        """What the pictures may have, so that the container's tables have room beside them."""
        return self.most_bytes - self.most_bytes // 64


@dataclass(frozen=True)
class Piece:
    """A clip: its place in true time, and its bytes.

    Attributes:
      line: Times of the clip.
      start_us: True time of its first picture.
      end_us: True time of the next clip's first picture, or of its last picture's end where none follows at once.
      frames: How many pictures it has.
      codec: FFmpeg's name of its codec.
      payload: Its bytes.
      reencoded: Why it was encoded again; None where it was not.
    """

    line: Line
    start_us: int
    end_us: int
    frames: int
    codec: str
    payload: bytes = field(repr=False)
    reencoded: str | None = None


def usual_interval_us(first_us: int, last_us: int, frames: int, rate: float | None) -> int:
    """Return how long a clip's last picture is shown: as long as the others, and no longer than the stream says."""
    said_us = round(SECOND_US / (rate or 25))
    if frames < 2:
        return said_us
    mean_us = max(1, (last_us - first_us) // (frames - 1))
    return min(mean_us, said_us) if rate else mean_us
