"""`k`: for each family of records, how many must stand behind what is published."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, PositiveInt

from schemas.fields import wrong
from schemas.parts import Part


class LeastCounts(Part):
    """For each family of records, the least number of visits or passages behind a published cell; 1 is off."""

    footfall: PositiveInt = 1
    """Crossings behind a line's count in one direction."""

    occupancy: PositiveInt = 1
    """Visits behind a zone's occupancy."""

    dwell: PositiveInt = 5
    """Visits behind a bin or a total."""

    queue: PositiveInt = 1
    """People behind a queue's figures."""

    flow: PositiveInt = 5
    """Transitions behind a pair of zones, or behind all pairs."""

    heatmap: PositiveInt = 5
    """Passages behind a cell, or behind all cells."""

    movement: PositiveInt = 5
    """Passages behind a direction, or behind all directions."""

    @property
    def is_off(self) -> bool:
        """Whether nothing is suppressed."""
        return max(dict(self).values()) == 1


BY_DEFAULT = ("dwell", "flow", "heatmap", "movement")
"""The families that `k: 5` means."""


def _of_families(k: Any) -> Any:
    """Take one number as that of the families that have a `k` by default."""
    if isinstance(k, dict | LeastCounts):
        return k
    if not str(k).isdecimal() or int(k) < 1:
        raise wrong("must be a whole number greater than 0, or one a family, as in {dwell: 5, footfall: 10}")
    return dict.fromkeys(BY_DEFAULT, int(k))


K = Annotated[LeastCounts, BeforeValidator(_of_families, PositiveInt | LeastCounts)]
"""The least counts as a site file writes them: one number, or one a family."""
