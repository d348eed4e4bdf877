"""The agent's clock: runs on when the system's clock is set, and says how far that one is from true time.

True time is reckoned from the clock that counts from boot, which nobody sets, plus what the system's clock was ahead
of it when the kernel last said that it is synchronised (NTP, PTP or GPS, by whichever daemon), less what the kernel
knows it to be off. While it is not synchronised, whatever is done to the system's clock is passed over.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_UNSYNCHRONISED, _NANOSECONDS = 0x0040, 0x2000  # STA_UNSYNC, STA_NANO of <sys/timex.h>
_TIME_ERROR = 5


@dataclass(frozen=True)
class Reading:
    """The system's clocks at one moment, microseconds.

    Attributes:
      boot_us: Since the machine was started, its sleep included where the system counts it.
      wall_us: What the system takes for UTC, since the epoch.
      synchronised: Whether the kernel says that something keeps its clock right.
      ahead_us: What the kernel knows its clock to be ahead of true time, and is about to take off.
    """

    boot_us: int
    wall_us: int
    synchronised: bool
    ahead_us: int = 0


@dataclass(frozen=True)
class ClockState:
    """What is known of true time.

    Attributes:
      utc_us: True time, as well as it is known.
      boot_to_utc_us: What to add to the time since boot to have it.
      offset_us: What the system's clock is ahead of it.
      synchronised: Whether something keeps the system's clock right.
    """

    utc_us: int
    boot_to_utc_us: int
    offset_us: int
    synchronised: bool

    def healthy(self, limit_us: int) -> bool:
        """Return whether capture times can be trusted to a limit."""
        return self.synchronised and abs(self.offset_us) <= limit_us


def boot_us() -> int:
    """Return the time since boot, microseconds."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


def read_clocks() -> Reading:
    """Read the system's clocks; where the kernel does not say whether it is synchronised, it is not."""
    synchronised, ahead_us = _kernel_state()
    before_us, wall_us, after_us = boot_us(), time.time_ns() // 1000, boot_us()
    return Reading((before_us + after_us) // 2, wall_us, synchronised, ahead_us)


class Clock:
    """True time, as well as it can be known; may be asked by several threads.

    Args:
      read: Reads the system's clocks.
    """

    def __init__(self, read: Callable[[], Reading] = read_clocks) -> None:
        self._read = read
        self._lock = threading.Lock()
        reading = read()
        self._held_us = reading.wall_us - reading.boot_us

    def now(self) -> ClockState:
        """Return the state of the clock at this moment."""
        with self._lock:
            reading = self._read()
            wall_after_boot_us = reading.wall_us - reading.boot_us
            if reading.synchronised:
                self._held_us = wall_after_boot_us
            ahead_us = reading.ahead_us if reading.synchronised else 0
            boot_to_utc_us = self._held_us - ahead_us
        return ClockState(
            utc_us=reading.boot_us + boot_to_utc_us,
            boot_to_utc_us=boot_to_utc_us,
            offset_us=wall_after_boot_us - boot_to_utc_us,
            synchronised=reading.synchronised,
        )


class _Timex(ctypes.Structure):
    """The head of `struct timex`, and room for what follows."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


def _kernel_state() -> tuple[bool, int]:
    """Return whether the kernel's clock is synchronised, and what it is ahead; see adjtimex(2)."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):  # another system than Linux
        return False, 0
    timex = _Timex()
    answer = adjtimex(ctypes.byref(timex))  # no modes: it only reads
    if answer < 0 or answer == _TIME_ERROR or timex.status & _UNSYNCHRONISED:
        return False, 0
    # What the kernel has still to add: the clock is behind by that.
    return True, -timex.offset // (1000 if timex.status & _NANOSECONDS else 1)
