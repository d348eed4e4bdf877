"""Plane geometry of lines and zones, in picture heights (x right, y down), vectorised over points."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Point = tuple[float, float]

EDGE = 0.1
"""Heights of a person from the picture's edge within which a box is at it."""


def foot_points(boxes: Points) -> Points:
    """Return the (N, 2) bottom centres of (N, 4) boxes: where a person stands."""
    return np.column_stack(((boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]))


def at_edge(boxes: Points, aspect: float) -> NDArray[np.bool_]:
    """Tell which (N, 4) boxes are at the edge of a picture so many heights wide, where people come and go."""
    room = np.minimum(boxes[:, :2], (aspect, 1.0) - boxes[:, 2:]).min(axis=1, initial=np.inf)
    near: NDArray[np.bool_] = room < EDGE * (boxes[:, 3] - boxes[:, 1])
    return near


def inside(points: Points, polygon: Points) -> NDArray[np.bool_]:
    """Tell which (N, 2) points lie in a simple (V, 2) polygon, by the even-odd rule.

    A point on a left or upper edge is inside, one on a right or lower edge is not, so that polygons which
    share an edge share no point (Franklin, "PNPOLY").
    """
    x, y = points[:, 0, None], points[:, 1, None]
    x1, y1 = polygon[:, 0], polygon[:, 1]
    x2, y2 = np.roll(x1, -1), np.roll(y1, -1)
    spans = (y1 > y) != (y2 > y)
    rise = np.where(y2 == y1, 1.0, y2 - y1)
    left_of = x < x1 + (y - y1) * ((x2 - x1) / rise)
    return np.bitwise_xor.reduce(spans & left_of, axis=1)


def properly_crosses(p: Point, q: Point, a: Point, b: Point) -> bool:
    """Tell whether the open segments p-q and a-b cross in one inner point of both."""
    return passes_between(p, q, a, b) and passes_between(a, b, p, q)


def passes_between(p: Point, q: Point, a: Point, b: Point) -> bool:
    """Tell whether the straight line through p and q runs between a and b, through neither."""
    return _turn(p, q, a) * _turn(p, q, b) < 0


def past_ends(p: Point, a: Point, b: Point) -> float:
    """Return how far, along a-b, p is past the nearer end; below 0 between them."""
    along = b[0] - a[0], b[1] - a[1]
    length = math.hypot(*along)
    from_a = ((p[0] - a[0]) * along[0] + (p[1] - a[1]) * along[1]) / length
    return max(-from_a, from_a - length)


def _turn(o: Point, u: Point, v: Point) -> float:
    return (u[0] - o[0]) * (v[1] - o[1]) - (u[1] - o[1]) * (v[0] - o[0])
