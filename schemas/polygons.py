"""Whether a list of points is a polygon that encloses an area."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

Point = tuple[float, float]

LEAST_AREA = 1e-6
"""Share of the picture below which an area is a slip of the pen: half a pixel of a 768x576 picture."""


def fault(points: Sequence[Point]) -> str | None:
    """Say what keeps points from being a simple polygon, or return None.

    Args:
      points: Corners in order, either way round, the first not repeated; normalised to the picture.
    """
    corners = len(points)
    edges = [(start, (start + 1) % corners) for start in range(corners)]
    for start, end in edges:
        if points[start] == points[end]:
            return f"points {start + 1} and {end + 1} are the same: leave one of them out"
    if all(_turn(points[0], points[1], point) == 0 for point in points):
        return "all points lie on one line: move them apart, so that they enclose an area"
    for (a, b), (c, d) in combinations(edges, 2):
        meet = _fold_back if {a, b} & {c, d} else _touch
        if meet((points[a], points[b]), (points[c], points[d])):
            return (
                f"crosses or touches itself, the side from point {a + 1} to {b + 1} meets that from {c + 1} "
                f"to {d + 1}: list the points in the order in which one meets them walking round it"
            )
    if abs(_area(points)) < LEAST_AREA:
        return "encloses hardly any area: move its points apart"
    return None


def _area(points: Sequence[Point]) -> float:
    ahead = [*points[1:], points[0]]
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(points, ahead, strict=True)) / 2


def _turn(a: Point, b: Point, p: Point) -> int:
    """Sign of (b-a) x (p-a): on which side of a->b the point lies."""
    cross = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    return (cross > 0) - (cross < 0)


def _between(a: Point, b: Point, p: Point) -> bool:
    """Whether p, known to lie on the infinite line a-b, lies on the segment."""
    return min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])


def _touch(first: tuple[Point, Point], second: tuple[Point, Point]) -> bool:
    (a, b), (c, d) = first, second
    turns = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = (a, b, c), (a, b, d), (c, d, a), (c, d, b)
    return any(turn == 0 and _between(*end) for turn, end in zip(turns, ends, strict=True))


def _fold_back(first: tuple[Point, Point], second: tuple[Point, Point]) -> bool:
    """Whether one of two sides that share a corner runs back along the other."""
    return any(
        p not in side and _turn(*side, p) == 0 and _between(*side, p)
        for side, other in ((first, second), (second, first))
        for p in other
    )
