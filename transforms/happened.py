"""The account of one segment: what happened at a camera's places, or on a floor that cameras share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from transforms.walks import Walks

NO_TRACK = 0
"""Number that stands for the track of a visit that has none."""


@dataclass(frozen=True)
class Crossing:
    """A confirmed track crossed line number `line` to its right side (1) or its left side (0)."""

    track: int
    line: int
    side: int


@dataclass(frozen=True)
class Visit:
    """A visit that ended; `censored` where coverage or the day ended it and nobody saw the person leave.

    `track` is `NO_TRACK` where the track was lost before the visit ended, and in a zone that cameras share.
    """

    track: int
    zone: int
    since_us: int
    until_us: int
    censored: bool


@dataclass
class Happened:
    """What happened in one segment. Lists by zone have one entry a zone of the layout.

    Attributes:
      observed_us: Time that sound pictures stand for.
      flawed_us: Time that flawed pictures stand for, by their flags.
      crossings: In the order they were proven.
      visits: In the order they ended.
      person_us: Person-time in each zone.
      peak: Most confirmed tracks in each zone at one instant.
      waiting_us: Person-time of those past the entry grace.
      waiting_peak: Most of these at one instant.
      joined: Visits that began (passed the entry grace).
      flows: Visits that began, by the zone of the same person's visit before and their own.
      heat_us: Person-time in each grid cell.
      heat_tracks: The tracks seen in each cell, and whether they had come there before.
      heat_begun: Passages through each cell that began here.
      walks: Strides in each zone, where the camera is calibrated.
    """

    observed_us: int
    flawed_us: Counter[int]
    crossings: list[Crossing]
    visits: list[Visit]
    person_us: list[int]
    peak: list[int]
    waiting_us: list[int]
    waiting_peak: list[int]
    joined: list[int]
    flows: Counter[tuple[int, int]]
    heat_us: Counter[int]
    heat_tracks: dict[int, dict[int, bool]]
    heat_begun: Counter[int]
    walks: Walks = field(default_factory=dict)

    @classmethod
    def nothing(cls, zones: int) -> Happened:
        """Return an empty segment's."""
        none = [0] * zones
        return cls(0, Counter(), [], [], none, none[:], none[:], none[:], none[:], Counter(), Counter(), {}, Counter())

    def lead(self, came_from: int | None, begun: Iterable[int]) -> int | None:
        """Count somebody's transitions to the zones whose visits begin in one frame, in the order of the site file.

        Of visits that begin in one frame, as where zones overlap, none leads to another: all come from the zone visited
        before the frame, and the first of them is remembered.

        Returns:
          The zone whose visit began last.
        """
        others = [zone for zone in begun if zone != came_from]
        if came_from is not None:
            self.flows.update((came_from, zone) for zone in others)
        return others[0] if others else came_from
