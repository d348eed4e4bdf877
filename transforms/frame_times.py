"""When a clip's frames were taken: container time stamps made sense of."""

from __future__ import annotations

import math
from fractions import Fraction


class FrameClock:
    """Times of a clip's frames since its first, from the container's time stamps, such as they are.

    A frame without a stamp (as the first of a live stream that was joined), or with one not after the frame
    before (a clock that stepped back), comes one regular interval after the frame before.

    Args:
      time_base: Unit of the stamps, seconds.
      interval: Regular distance of two frames, seconds.
      time_scale: Factor on all times.

    >>> clock = FrameClock(Fraction(1, 1000), Fraction(1, 10))
    >>> [clock.offset_us(stamp) for stamp in (None, 7100, 7200, 7150, 7500)]
    [0, 100000, 200000, 300000, 500000]
    """

    def __init__(self, time_base: Fraction, interval: Fraction, time_scale: Fraction = Fraction(1)) -> None:
        unit_us, interval_us = (each * time_scale * 1_000_000 for each in (time_base, interval))
        # Whole numbers of one small part of a microsecond: exact, and much faster than fractions.
        self._parts = math.lcm(unit_us.denominator, interval_us.denominator)
        self._unit = int(unit_us * self._parts)
        self._interval = int(interval_us * self._parts)
        self._origin: int | None = None
        self._at = -self._interval
        self._last_us = -1

    def offset_us(self, stamp: int | None) -> int:
        """Return the next frame's time, microseconds; each is greater than the one before."""
        at = self._at + self._interval
        if stamp is not None:
            if self._origin is None:
                self._origin = stamp * self._unit - at
            stamped = stamp * self._unit - self._origin
            at = stamped if stamped > self._at else at
        self._at = at
        self._last_us = max(self._last_us + 1, (2 * at + self._parts) // (2 * self._parts))
        return self._last_us
