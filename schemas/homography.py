"""A camera's picture and the floor it looks at: the plane-to-plane map that points seen in both give.

Direct linear transformation on normalised points (Hartley and Zisserman 2004, algorithm 4.2): exact for four points,
least squares for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pairs = Sequence[tuple[float, float]]

MISFIT = 0.05
"""Largest share of the extent of the points on the floor by which one may miss where the others put it."""

_FLAT = 1e-3


def fit(points: Pairs, metres: Pairs) -> Floats:
    """Return the (3, 3) map from the picture to the floor, third coordinate positive at the points.

    Args:
      points: Four or more points in the picture.
      metres: The same points on the floor.
    """
    picture, to_picture = _normalised(np.array(points, float))
    floor, to_floor = _normalised(np.array(metres, float))
    equations = np.zeros((2 * len(picture), 9))
    ones = np.column_stack((picture, np.ones(len(picture))))
    equations[0::2, 0:3] = equations[1::2, 3:6] = ones
    equations[0::2, 6:9] = -floor[:, :1] * ones
    equations[1::2, 6:9] = -floor[:, 1:] * ones
    found = np.linalg.inv(to_floor) @ np.linalg.svd(equations)[2][-1].reshape(3, 3) @ to_picture
    plane: Floats = found / np.linalg.norm(found)
    middle = np.array(points, float).mean(axis=0)
    return plane if plane[2] @ (*middle, 1.0) > 0 else -plane


def depth(plane: Floats, points: Floats) -> Floats:
    """Return (N,) third coordinates of (N, 2) mapped points: above 0 on this side of the plane's horizon."""
    return points @ plane[2, :2] + plane[2, 2]


def project(plane: Floats, points: Floats) -> Floats:
    """Map (N, 2) points; one on the horizon or beyond becomes NaN, which lies in nothing."""
    far = depth(plane, points)[:, None]
    mapped: Floats = points @ plane[:2, :2].T + plane[:2, 2]
    return np.divide(mapped, far, out=np.full_like(mapped, np.nan), where=far > 0)


def inverse(plane: Floats, points: Floats) -> Floats:
    """Return the map back, third coordinate positive where (N, 2) points of the picture lie on the floor."""
    found = np.linalg.inv(plane)
    back: Floats = found / np.linalg.norm(found)
    return back if depth(back, project(plane, points)).mean() > 0 else -back


def is_mirrored(plane: Floats) -> bool:
    """Tell whether the floor's axes turn the other way round than the picture's (x right, y down)."""
    return bool(np.linalg.det(plane) < 0)


def fault(points: Pairs, metres: Pairs) -> tuple[str, str, int | None] | None:
    """Say what keeps points from telling the floor, or return None.

    Returns:
      `points` or `metres`, what to do, and the number of the point that is wrong, if one is.
    """
    for name, given in (("points", points), ("metres", metres)):
        if message := _too_few(given):
            return name, message, None
    plane = fit(points, metres)
    picture, floor = np.array(points, float), np.array(metres, float)
    if (depth(plane, picture) <= 0).any():
        return "metres", "are in another order than points: list the same places in the same order", None
    missed = np.hypot(*(project(plane, picture) - floor).T)
    worst = int(missed.argmax())
    if missed[worst] > MISFIT * np.ptp(floor, axis=0).max():
        return "metres", f"lies {missed[worst]:.2g} m from where the other points put it: measure it again", worst
    return None


def _too_few(given: Pairs) -> str | None:
    """Say what keeps points from holding four of which no three lie on one line."""
    spread, _ = _normalised(np.array(given, float))
    on_line = [trio for trio in combinations(range(len(given)), 3) if _area(spread[list(trio)]) < _FLAT]
    for four in combinations(range(len(given)), 4):
        if not any(set(trio) <= set(four) for trio in on_line):
            return None
    first = ", ".join(str(number + 1) for number in on_line[0][:2])
    return f"{first} and {on_line[0][2] + 1} lie on one line: give four of which no three do"


def _area(corners: Floats) -> float:
    (ax, ay), (bx, by), (cx, cy) = corners
    return float(abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / 2)


def _normalised(points: Floats) -> tuple[Floats, Floats]:
    """Return points moved and scaled to a mean distance of the square root of two from 0, and the map that does."""
    middle = points.mean(axis=0)
    mean = np.hypot(*(points - middle).T).mean()
    scale = np.sqrt(2) / mean if mean > 0 else 1.0
    return (points - middle) * scale, np.array(
        [[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]]
    )
