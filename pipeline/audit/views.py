"""What is drawn into a camera's picture for the person who counts: places, and what of the picture does not count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from schemas.clock import SECOND_US
from schemas.floor import Ground, Group
from schemas.homography import Floats
from schemas.site import Camera
from transforms.layout import COUNTED, counted_zones

Polygon = Sequence[tuple[float, float]]

_NEAREST = 1e-3
"""Share of the depth of a ground's own points nearer than which the floor is behind the camera, or all but."""


def view_of(camera: Camera, place: Camera | Group) -> dict[str, Any]:
    """Return what the page draws into a camera's picture: its own lines and zones, or the zones of its group."""
    return {
        "camera": camera.name,
        "lines": [
            {"name": line.name, "a": line.a, "b": line.b, "right": line.directions.to_right,
             "left": line.directions.to_left}
            for line in place.lines
        ],
        "zones": [
            {"name": zone.name, "polygon": _drawn(zone.polygon, camera.ground if place is not camera else None),
             "grace": zone.entry_grace / SECOND_US}
            for zone in counted_zones(place)
        ],
        "reach": camera.reach,
        "ignored": [zone.polygon for zone in camera.zones if zone.kind not in COUNTED],
    }  # fmt: skip


def in_picture(ground: Ground, polygon: Polygon) -> list[tuple[float, float]]:
    """Return the part of a polygon on the floor that is in the picture, in shares of its width and height.

    It is cut in homogeneous coordinates, side by side (Sutherland and Hodgman 1974; Blinn and Newell 1978): straight
    lines on the floor are straight in the picture, and what lies behind the camera never gets there. Empty where none
    of it is in the picture.
    """
    back = ground.to_picture
    metres = np.array(ground.metres)
    near = _NEAREST * float((metres @ back[2, :2] + back[2, 2]).min())
    corners = np.column_stack((np.array(polygon, float), np.ones(len(polygon)))) @ back.T
    sides = np.array([(0, 0, 1), (1, 0, 0), (-1, 0, 1), (0, 1, 0), (0, -1, 1)], float)
    for side, least in zip(sides, (near, 0, 0, 0, 0), strict=True):
        corners = _cut(corners, corners @ side - least)
    return [(round(x / w, 6), round(y / w, 6)) for x, y, w in corners.tolist()]


def _drawn(polygon: Polygon, ground: Ground | None) -> Polygon:
    return polygon if ground is None else in_picture(ground, polygon)


def _cut(corners: Floats, inside: Floats) -> Floats:
    """Return the part of a (V, 3) polygon where `inside`, told at its corners, is not below 0."""
    kept = []
    for number in range(len(corners)):
        here, there = inside[number - 1], inside[number]
        if (here < 0) != (there < 0):
            kept.append(corners[number - 1] + (corners[number] - corners[number - 1]) * (here / (here - there)))
        if there >= 0:
            kept.append(corners[number])
    return np.array(kept).reshape(-1, 3)
