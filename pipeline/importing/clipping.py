"""Shapes cut off at the picture's edges. Points are normalised, origin top left."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]

_SIDES = ((0, 0.0, 1), (0, 1.0, -1), (1, 0.0, 1), (1, 1.0, -1))
"""Each side of the picture: axis, where it is, and on which hand the picture lies."""


def clip_polygon(points: Sequence[Point]) -> list[Point]:
    """Return the part of a polygon inside the picture, side by side (Sutherland and Hodgman); may be empty.

    >>> clip_polygon([(0.5, 0.5), (1.5, 0.5), (0.5, 1)])
    [(0.5, 0.5), (1.0, 0.5), (1.0, 0.75), (0.5, 1.0)]
    """
    kept = [(float(x), float(y)) for x, y in points]
    for axis, at, hand in _SIDES:
        before, kept = kept, []
        for index, point in enumerate(before):
            last = before[index - 1]
            was_in, is_in = (hand * (each[axis] - at) >= 0 for each in (last, point))
            if was_in != is_in:
                kept.append(_meet(last, point, axis, at))
            if is_in:
                kept.append(point)
    return without_repeats(kept)


def clip_segment(a: Point, b: Point) -> tuple[Point, Point] | None:
    """Return the part of a segment inside the picture; None if none of it is.

    >>> clip_segment((-0.5, 0.5), (0.5, 0.5))
    ((0.0, 0.5), (0.5, 0.5))
    """
    for axis, at, hand in _SIDES:
        outside = [hand * (each[axis] - at) < 0 for each in (a, b)]
        if all(outside):
            return None
        if outside[0]:
            a = _meet(a, b, axis, at)
        elif outside[1]:
            b = _meet(a, b, axis, at)
    return None if a == b else (a, b)


def without_repeats(points: Sequence[Point]) -> list[Point]:
    """Return a closed outline's points without those that the next one repeats; the last is followed by the first."""
    ahead = [*points[1:], *points[:1]]
    return [point for point, following in zip(points, ahead, strict=True) if point != following]


def _meet(p: Point, q: Point, axis: int, at: float) -> Point:
    """Return where the segment p-q meets a side."""
    share = (at - p[axis]) / (q[axis] - p[axis])
    other = p[1 - axis] + share * (q[1 - axis] - p[1 - axis])
    return (at, other) if axis == 0 else (other, at)
