"""How long visits lasted, as counts by whole second: a summary that adds up over segments, in any order and grouping.

It is exact, and holds no more numbers than there are visits, so that nothing need be sketched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from transforms.events import VisitEvents


class Stays:
    """The lengths of a zone's visits of one kind in a window."""

    def __init__(self, visits: Iterable[VisitEvents], *, censored: bool) -> None:
        self._counts: Counter[int] = Counter()
        for visit in visits:
            if visit.censored == censored:
                self._counts[visit.seconds] += visit.count

    def __len__(self) -> int:
        """Return how many visits there are."""
        return self._counts.total()

    def within(self, low: float, high: float) -> int:
        """Return how many visits lasted from `low` seconds to less than `high`."""
        return sum(count for seconds, count in self._counts.items() if low <= seconds < high)

    @property
    def mean(self) -> float | None:
        """Mean length in seconds, in thousandths; None without visits."""
        total = sum(seconds * count for seconds, count in self._counts.items())
        return round(total / len(self), 3) if self._counts else None

    def quantile(self, share: float) -> float | None:
        """Return the shortest length in seconds that a share of the visits does not exceed; None without visits.

        Nearest rank: Hyndman and Fan 1996, definition 1.
        """
        if not self._counts:
            return None
        lengths, counts = zip(*sorted(self._counts.items()), strict=True)
        return float(np.quantile(lengths, share, weights=counts, method="inverted_cdf"))

    @property
    def longest(self) -> float | None:
        """Longest length in seconds; None without visits."""
        return float(max(self._counts)) if self._counts else None
