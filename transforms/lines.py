"""When a track has crossed a line: finite segments, a dead band, settled sides.

A foot point beyond a line's dead band proves the side it is on; one inside it proves nothing, so that flicker, standing
on the line and walking along it count nothing. The band widens with the person in the picture, for so does the tremble
of their box. Between two sides that were proven the way of the foot is followed: the track has crossed the line if on
balance it came over between the line's ends, wherever the sides were proven. Where that was so near to an end that
tremble decides, the straight way from one proof to the other does.
"""

from __future__ import annotations

from dataclasses import dataclass

from transforms.geometry import Point, passes_between, past_ends
from transforms.layout import Layout, Spot


@dataclass
class LineSide:
    """How a track stands to one line.

    Attributes:
      distance: The last foot point's, positive to the right of one who looks from a to b.
      settled: The last foot point that proved a side; None before the first.
      right: Whether that was the right.
      over: How often the foot has since come over the line between its ends, to the right less to the left.
      near: The same within the dead band of an end, on the line or beside it.
    """

    distance: float
    settled: Point | None = None
    right: bool = False
    over: int = 0
    near: int = 0


@dataclass
class Footing:
    """Where a track stands to a camera's lines.

    Attributes:
      foot: The last foot point, in picture heights.
      sides: For each line.
    """

    foot: Point
    sides: list[LineSide]


def set_foot(layout: Layout, spot: Spot) -> Footing:
    """Begin where a track is first seen."""
    footing = Footing(spot.foot, list(map(LineSide, spot.distances)))
    for line, side in enumerate(footing.sides):
        if _proves(spot, line):
            _settle(side, layout, spot, line)
    return footing


def step(footing: Footing, layout: Layout, spot: Spot) -> list[tuple[int, int]]:
    """Go on to where a track is seen next; changes `footing`.

    Returns:
      The lines that are crossed, by number, each with the side that is proven now: 1 right, 0 left.
    """
    crossed = []
    for line, side in enumerate(footing.sides):
        before, side.distance = side.distance, spot.distances[line]
        if (side.distance > 0) != (before > 0):
            share = before / (before - side.distance)
            x, y = footing.foot
            _come_over(side, layout, spot, line, (x + share * (spot.foot[0] - x), y + share * (spot.foot[1] - y)))
        if _proves(spot, line) and _settle(side, layout, spot, line):
            crossed.append((line, int(side.right)))
    footing.foot = spot.foot
    return crossed


def _proves(spot: Spot, line: int) -> bool:
    """Tell whether a foot point proves the side that it is on; whoever does not count, as in a staff zone, does not."""
    return spot.counts and abs(spot.distances[line]) > spot.bands[line]


def _come_over(side: LineSide, layout: Layout, spot: Spot, line: int, place: Point) -> None:
    """Come over the endless line at a place on it; in a staff zone that counts nothing."""
    if layout.is_staff(place):
        return
    way = 1 if side.distance > 0 else -1
    past = past_ends(place, *layout.lines[line])
    if abs(past) <= spot.bands[line]:
        side.near += way
    elif past < 0:
        side.over += way


def _settle(side: LineSide, layout: Layout, spot: Spot, line: int) -> bool:
    """Settle the side that is proven; tells whether the line has been crossed to it."""
    right = side.distance > 0
    way = 1 if right else -1
    crossed = (
        side.settled is not None
        and side.right != right
        and (
            side.over * way > 0
            or (side.near * way > 0 and passes_between(side.settled, spot.foot, *layout.lines[line]))
        )
    )
    side.settled, side.right, side.over, side.near = spot.foot, right, 0, 0
    return crossed
