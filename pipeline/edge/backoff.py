"""Waiting longer and longer, by chance a little less, so that many agents do not come back at once."""

from __future__ import annotations

import random


class Backoff:
    """Times to wait after failures in a row.

    Args:
      first_s: The first, at most.
      most_s: The longest.
    """

    def __init__(self, first_s: float = 1.0, most_s: float = 60.0) -> None:
        self._first_s, self._most_s = first_s, most_s
        self._failures = 0

    def failed(self) -> float:
        """Note a failure; returns seconds to wait: half to all of a time that doubles each time."""
        longest_s = min(self._most_s, self._first_s * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return longest_s * random.uniform(0.5, 1)

    def worked(self) -> bool:
        """Begin anew; returns whether the last try had failed."""
        failed, self._failures = self._failures > 0, 0
        return failed
