"""Who walks which way how fast, where a camera is calibrated: anonymous sums of strides, by direction.

A stride is a metre or more on the floor, from where a track was last put down to where it is now. Who has not come so
far within two seconds is not walking, and is put down anew: trembling boxes of people who stand are no speed.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.clock import SECOND_US

STRIDE_METRES = 1.0
STRIDE_US = 2 * SECOND_US

FASTEST = 12.0
"""Metres a second that nobody runs: a box that went over to somebody else."""

SECTORS = ("E", "NE", "N", "NW", "W", "SW", "S", "SE")
"""Directions on the floor, by number: east is rising X, north rising Y."""


@dataclass
class Walk:
    """Where a track was last put down on the floor, and when; and what it has walked in before.

    Attributes:
      x: X in metres.
      y: Y in metres.
      since_us: Instant.
      walked: For each zone, the directions of its strides there, as bits: who goes on in one is one passage.
    """

    x: float
    y: float
    since_us: int
    walked: list[int]


class Stride(NamedTuple):
    """Part of a walk: its direction, how long it is and how long it took."""

    sector: int
    millimetres: int
    us: int


@dataclass
class Walked:
    """The strides of one direction in one zone and segment.

    Attributes:
      us: How long they took.
      millimetres: How long they are.
      tracks: Whose they are, and whether these had walked so before the segment.
      begun: Passages that began here.
    """

    us: int = 0
    millimetres: int = 0
    tracks: dict[tuple[str, int], bool] = field(default_factory=dict)
    begun: int = 0


Walks = dict[tuple[int, int], Walked]
"""By number of the zone and of the direction."""


def tread(walk: Walk, x: float, y: float, t_us: int) -> Stride | None:
    """Go on to a place on the floor; returns the stride that ends here, if one does. Changes `walk`."""
    metres = math.hypot(x - walk.x, y - walk.y)
    us = t_us - walk.since_us
    if us <= STRIDE_US and metres < STRIDE_METRES:
        return None
    stride = None
    if us <= STRIDE_US and metres <= FASTEST * us / SECOND_US:
        turn = math.atan2(y - walk.y, x - walk.x) / (2 * math.pi)
        stride = Stride(round(turn * len(SECTORS)) % len(SECTORS), round(metres * 1000), us)
    put_down(walk, x, y, t_us)
    return stride


def put_down(walk: Walk, x: float, y: float, t_us: int) -> None:
    """Put a track down at a place on the floor: what comes begins there. Changes `walk`."""
    walk.x, walk.y, walk.since_us = x, y, t_us


def join(walks: Walks, person: Sequence[tuple[tuple[str, int], Walk]]) -> None:
    """Take tracks that stand for one person as one passage, the first track's; changes `walks` and the walks."""
    first, _ = person[0]
    for zone, bits in enumerate(zip(*(walk.walked for _, walk in person), strict=True)):
        walked = functools.reduce(operator.or_, bits)
        for _, walk in person:
            walk.walked[zone] = walked
    for account in walks.values():
        for track, _ in person[1:]:
            if track in account.tracks:
                before = account.tracks.pop(track)
                account.tracks[first] = account.tracks.get(first, False) or before


def account(walks: Walks, walk: Walk, track: tuple[str, int], stride: Stride, zones: Iterable[int]) -> None:
    """Count a stride in the zones that it ends in; changes `walks` and `walk`."""
    for zone in zones:
        walked = walks.setdefault((zone, stride.sector), Walked())
        walked.us += stride.us
        walked.millimetres += stride.millimetres
        before = bool(walk.walked[zone] >> stride.sector & 1)
        walked.tracks.setdefault(track, before)
        if not before:
            walked.begun += 1
            walk.walked[zone] |= 1 << stride.sector
