"""When a clip's frames were taken: container time stamps made sense of."""

from __future__ import annotations

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
        self._unit_us = time_base * time_scale * 1_000_000
        self._interval_us = interval * time_scale * 1_000_000
        self._origin_us: Fraction | None = None
        self._at_us = -self._interval_us
        self._last = -1

    def offset_us(self, stamp: int | None) -> int:
        """Return the next frame's time, microseconds; each is greater than the one before."""
        at_us = self._at_us + self._interval_us
        if stamp is not None:
            if self._origin_us is None:
                self._origin_us = stamp * self._unit_us - at_us
            stamped_us = stamp * self._unit_us - self._origin_us
            at_us = stamped_us if stamped_us > self._at_us else at_us
        self._at_us = at_us
        self._last = max(self._last + 1, round(at_us))
        return self._last
