"""Which frames of a clip are looked at."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Protocol, TypeVar

from schemas.clock import SECOND_US

# Sampling at nearly the frame rate would drop a frame now and then for nothing.
EVERY_FRAME_FROM = 0.95
# Ticks begin this part of a frame interval before a whole number of sampling steps. The golden section is of
# all numbers the one worst met by fractions: whatever the two rates, no regular frame falls on the edge of a
# tick, where a microsecond of rounding would decide.
_PHASE = (3 - math.sqrt(5)) / 2


class Timed(Protocol):
    """Anything with a time since its clip's first frame, in microseconds."""

    @property
    def offset_us(self) -> int: ...


T = TypeVar("T", bound=Timed)


def sampled(frames: Iterable[T], start_us: int, frame_rate: float, fps: float | None) -> Iterator[T]:
    """Yield the frames to look at.

    Time is cut into ticks of 1/`fps` seconds, counted from the epoch. The first frame of each tick is taken.
    A clip's first frame is taken unless the frame before it, one regular interval earlier in the clip before,
    fell into the same tick. So the choice does not depend on how a video was cut into clips.

    Args:
      frames: A clip's frames, in time order.
      start_us: Capture time of offset 0, microseconds since the epoch.
      frame_rate: True frames a second.
      fps: Frames a second to look at; None, or nearly `frame_rate`, means every frame.
    """
    if fps is None or fps >= EVERY_FRAME_FROM * frame_rate:
        yield from frames
        return
    interval_us = SECOND_US / frame_rate
    tick = _tick_of(fps, round(_PHASE * interval_us))
    last: int | None = None
    for frame in frames:
        at_us = start_us + frame.offset_us
        if last is None:
            last = tick(at_us - round(interval_us))
        this = tick(at_us)
        if this != last:
            yield frame
        last = this


def _tick_of(fps: float, phase_us: int) -> Callable[[int], int]:
    """Return the function from an instant to the number of its tick, in whole numbers throughout."""
    rate = Fraction(fps).limit_denominator(1_000_000)
    numerator, denominator = rate.numerator, rate.denominator * SECOND_US
    return lambda at_us: (at_us + phase_us) * numerator // denominator
