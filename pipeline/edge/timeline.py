"""From a stream's own times to true time: one line a clip, each beginning where the one before ended.

A camera's clock runs a little fast or slow, packets come late by more or less, and the machine's clock may be set.
What a packet is late by at least, over a minute or two, tells the camera's clock from the network's delays; the line
is bent towards that by so little that no frame notices. Where it is off by more than bending can mend, a new session
begins: within a session, times never overlap or run backwards.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.edge.clock import ClockState
from schemas.clock import SECOND_US

BREAK_US = SECOND_US // 2
"""An error beyond this begins a new session."""
_BUCKET_US = 60 * SECOND_US
_MOST_BEND = 0.002  # camera clocks are off by less than a tenth of it
_MEND_US = 30 * SECOND_US  # an error is to be gone after this


@dataclass(frozen=True)
class Line:
    """Times of one clip.

    Attributes:
      session: Name of the clip's session.
      offset_us: What the system's clock was ahead of true time.
      stamp_us: A time of the stream, and
      utc_us: the true time that belongs to it.
      slope: True seconds in a second of the stream.
    """

    session: str
    offset_us: int
    stamp_us: int
    utc_us: int
    slope: float = 1.0

    def at(self, stamp_us: int) -> int:
        """Return the true time that belongs to a time of the stream."""
        return self.utc_us + round((stamp_us - self.stamp_us) * self.slope)


def new_session() -> str:
    """Return a name for a session that no other has."""
    return secrets.token_hex(8)


class LeastDelay:
    """The least by which arrivals were behind the stream's own times, over the last minute or two."""

    def __init__(self) -> None:
        self._since_us: int | None = None
        self._now: int | None = None
        self._before: int | None = None

    def add(self, stamp_us: int, arrival_us: int) -> None:
        """Note a packet: its time in the stream, and when it came."""
        if self._since_us is None:
            self._since_us = arrival_us
        if arrival_us - self._since_us > _BUCKET_US:
            self._before, self._now, self._since_us = self._now, None, arrival_us
        delay_us = arrival_us - stamp_us
        self._now = delay_us if self._now is None else min(self._now, delay_us)

    @property
    def us(self) -> int:
        """The least delay; 0 before the first packet."""
        return min((each for each in (self._now, self._before) if each is not None), default=0)


class LiveTimes:
    """Lines of a live stream's clips.

    Args:
      now: Reads the clock.
    """

    def __init__(self, now: Callable[[], ClockState]) -> None:
        self._now = now
        self._delay = LeastDelay()
        self._line: Line | None = None

    def saw(self, stamp_us: int | None, arrival_us: int) -> None:
        """Note that a packet came, at a time since boot."""
        if stamp_us is not None:
            self._delay.add(stamp_us, arrival_us)

    def begin(self, stamp_us: int) -> Line:
        """Return the line of a clip that begins at a time of the stream, later than all before it."""
        clock = self._now()
        true_us = stamp_us + self._delay.us + clock.boot_to_utc_us
        here_us = self._line.at(stamp_us) if self._line else true_us
        error_us = true_us - here_us
        if self._line is None or abs(error_us) > BREAK_US:
            self._line = Line(new_session(), clock.offset_us, stamp_us, true_us)
        else:
            bend = max(-_MOST_BEND, min(_MOST_BEND, error_us / _MEND_US))
            self._line = Line(self._line.session, clock.offset_us, stamp_us, here_us, 1 + bend)
        return self._line


class RecordedTimes:
    """Lines of a recording's clips, whose first picture was taken at a time that somebody said."""

    def __init__(self, start_us: int) -> None:
        self._start_us = start_us
        self._line: Line | None = None

    def saw(self, stamp_us: int | None, arrival_us: int) -> None:
        """Pass over when a packet came."""

    def begin(self, stamp_us: int) -> Line:
        """Return the line of a clip that begins at a time of the recording."""
        self._line = self._line or Line(new_session(), 0, stamp_us, self._start_us)
        return self._line


Times = LiveTimes | RecordedTimes
