"""Where in a camera's picture a foot point can count, and what keeps it from counting elsewhere.

Coordinates are picture heights, origin top left, y down.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.site import Camera
from transforms.geometry import Points, inside

Flags = NDArray[np.bool_]

EDGE, REACH, MASK, STATIC, STAFF = "the picture's edge", "reach", "a mask", "a static zone", "a staff zone"
DEAD_BAND = "dead_band"

USUAL_ASPECT = 16 / 9
"""Stands in for the shape of the picture where neither the site file nor a clip tells it."""

_STEP = 0.02
"""Picture heights between tried places, and how far beyond the dead band somebody must be able to stand."""
_DEPTHS = 6
_ALONG = 60
_MOST_PAIRED = 400


@dataclass(frozen=True)
class Opening:
    """How far a line can count.

    Attributes:
      share: Share of its length that can be crossed, from a place that counts to another.
      never: Whether no step at all, however slanted, leads from one such place over the line to another.
      why: What keeps the rest from counting, the most frequent first.
    """

    share: float
    never: bool
    why: tuple[str, ...]


def aspect_of(camera: Camera) -> float:
    """Return width over height of the picture on which a camera was drawn, as far as it is known."""
    return camera.size[0] / camera.size[1] if camera.size else USUAL_ASPECT


class Ground:
    """One camera's floor."""

    def __init__(self, camera: Camera, aspect: float) -> None:
        self.aspect = aspect
        self.scale = np.array([aspect, 1.0])
        self._reach = None if camera.reach is None else np.array(camera.reach) * self.scale
        self._closed = [(MASK, np.array(mask) * self.scale) for mask in camera.masks] + [
            (STATIC if zone.kind == "static" else STAFF, np.array(zone.polygon) * self.scale)
            for zone in camera.zones
            if zone.kind in ("static", "staff")
        ]

    def blocked(self, points: Points) -> dict[str, Flags]:
        """Tell for each reason at which (N, 2) points it keeps a foot point from counting."""
        x, y = points[:, 0], points[:, 1]
        reasons = {EDGE: (x <= 0) | (x >= self.aspect) | (y <= 0) | (y >= 1)}
        if self._reach is not None:
            reasons[REACH] = ~inside(points, self._reach)
        for reason, polygon in self._closed:
            reasons[reason] = inside(points, polygon) | reasons.get(reason, np.zeros(len(points), bool))
        return reasons

    def open(self, points: Points) -> Flags:
        """Tell at which (N, 2) points a foot point counts."""
        return ~np.logical_or.reduce(list(self.blocked(points).values()))

    def reasons(self, points: Points) -> tuple[str, ...]:
        """Return what keeps points from counting, the most frequent first; what matters little is left out."""
        counts = Counter({reason: int(flags.sum()) for reason, flags in self.blocked(points).items()})
        most = max(counts.values(), default=0)
        return tuple(reason for reason, count in counts.most_common() if count and count >= most / 5)

    def opening(self, a: Points, b: Points, dead_band: float) -> Opening:
        """Tell how far the line from a to b can count."""
        share, closed = self._share(a, b, dead_band)
        why = self.reasons(closed) if len(closed) else ()
        if why and share < self._share(a, b, 0.0)[0] - 0.2:
            why = (DEAD_BAND, *why)
        return Opening(share, share == 0 and not self._crossable(a, b, dead_band), why)

    def _share(self, a: Points, b: Points, dead_band: float) -> tuple[float, Points]:
        """Return the share of a line that is open straight across, and the tried places of the rest that are closed.

        A place beside the line is tried at a few depths beyond the dead band: it is open if somebody can stand at
        one of them.
        """
        tried = beside(a, b, dead_band + _STEP * np.arange(1, _DEPTHS + 1) / _DEPTHS)
        flags = self.open(tried.reshape(-1, 2)).reshape(tried.shape[:3])
        sides: Flags = np.asarray(flags.any(axis=2))
        on = beside(a, b, np.zeros(1))[:, 0, 0]
        staffed = self._staffed(on)
        both: Flags = np.all(sides, axis=1) & ~staffed
        shut = ~flags & ~both[:, None, None] & ~sides[:, :, None]
        return float(both.mean()), np.concatenate((tried[shut], on[staffed]))

    def _staffed(self, points: Points) -> Flags:
        """Tell which (N, 2) points are in a staff zone: a line counts nothing where it is in one."""
        found: Flags = np.zeros(len(points), bool)
        for reason, polygon in self._closed:
            if reason == STAFF:
                found |= inside(points, polygon)
        return found

    def _crossable(self, a: Points, b: Points, dead_band: float) -> bool:
        """Tell whether any step between two places that count properly crosses the line."""
        if self._staffed(beside(a, b, np.zeros(1))[:, 0, 0]).all():
            return False
        low, high = np.minimum(a, b) - 0.5, np.maximum(a, b) + 0.5
        places = grid(low, high, _STEP)
        places = places[self.open(places)]
        along = (b - a) / np.hypot(*(b - a))
        distance = (places - a) @ np.array([-along[1], along[0]])
        sides = [_some(places[distance > dead_band]), _some(places[distance < -dead_band])]
        p, q = sides[0][:, None], sides[1][None]
        meets = _cross(q - p, a - p) * _cross(q - p, b - p) < 0
        return bool(meets.any())


def beside(a: Points, b: Points, distances: Points) -> Points:
    """Return places beside a line, (along, side, distance, 2): right of it first, then left."""
    along = b - a
    normal = np.array([-along[1], along[0]]) / np.hypot(*along)
    on = a + along * ((np.arange(_ALONG) + 0.5) / _ALONG)[:, None]
    signed = np.stack([distances, -distances])
    return on[:, None, None] + signed[None, :, :, None] * normal


def grid(low: Points, high: Points, step: float) -> Points:
    """Return the (N, 2) middles of the cells of a grid."""
    x, y = (np.arange(low[axis] + step / 2, high[axis], step) for axis in (0, 1))
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def within(polygon: Points, cells: int = 40) -> Points:
    """Return (N, 2) evenly spread places inside a polygon; its corners' middle where it is too thin for any."""
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    places = grid(low, high, max(float((high - low).max()) / cells, 1e-4))
    places = places[inside(places, polygon)]
    return places if len(places) else polygon.mean(axis=0, keepdims=True)


def _some(places: Points) -> Points:
    """Return an even choice of places, so that all pairs can be tried."""
    return places[:: max(1, len(places) // _MOST_PAIRED)]


def _cross(u: Points, v: Points) -> Points:
    result: Points = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    return result
