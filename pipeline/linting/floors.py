"""Zones that a group's cameras share: floor of theirs that no camera covers, where nobody counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.linting.findings import Finding
from pipeline.linting.ground import within
from schemas.floor import Group
from schemas.site import Camera
from transforms.ground import NOBODY, floor_of, owner

_LITTLE = 0.02
"""Share of a zone that is not worth a word: it is by so much that places are too few to tell."""

_MUCH = 0.2


def check_floor(cameras: tuple[Camera, ...], shared: Group) -> Iterator[Finding]:
    """Yield what of a group's zones belongs to none of its cameras, which come by rising name."""
    floor = floor_of(cameras, shared)
    for index, (zone, polygon) in enumerate(zip(shared.zones, floor.polygons, strict=True)):
        places = within(polygon)
        gap = places[owner(floor.views, places) == NOBODY]
        share = len(gap) / len(places)
        if share <= _LITTLE:
            continue
        pictured = np.logical_or.reduce([view.in_picture(gap)[1] for view in floor.views])
        x, y = gap[np.hypot(*(gap - np.median(gap, axis=0)).T).argmin()].round(1)
        blocked = float(pictured.mean()) * share
        why = f"{share - blocked:.0%} in no picture, {blocked:.0%} outside reach, under a mask or a static zone"
        never = share == 1
        yield Finding(
            "shared-zone-never-counts" if never else "shared-zone-uncovered",
            "error" if never else "warning" if share > _MUCH else "note",
            ("zones", index),
            f"{share:.0%} of {zone.name} is covered by no camera of {shared.name}, around [{x}, {y}] metres: {why}",
            "turn a camera there, draw its `reach` wider, take away what covers the floor, or draw the zone smaller",
        )
