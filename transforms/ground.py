"""The floor under cameras: where their foot points are in metres, and which camera speaks for which part of it.

The partition follows from the site file alone: a place on the floor belongs to the camera that sees it largest, by the
share of its picture that a square metre fills there. So each place belongs to one camera, whatever happens on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from schemas.floor import Group
from schemas.homography import Floats, depth, project
from schemas.site import Camera
from transforms.geometry import inside

Flags = NDArray[np.bool_]

NOBODY = -1
"""Owner of a place that no camera sees."""

_AROUND = np.array([(0, 0), *((np.cos(a), np.sin(a)) for a in np.arange(8) * np.pi / 4)])
_GRID = 24
"""Places along either side of a zone by which its owners are told."""


def on_floor(plane: Floats, feet: Floats, aspect: float) -> Floats:
    """Return where (N, 2) foot points in picture heights are on the floor, in metres; NaN beyond the horizon."""
    return project(plane, feet / (aspect, 1.0))


@dataclass(frozen=True, eq=False)
class View:
    """One camera's view of the floor.

    Attributes:
      plane: The map from the picture to the floor.
      back: The map from the floor to the picture.
      reach: Where the camera sees people reliably, None for everywhere.
      blind: Where it sees nobody: privacy masks and static spots.
      staff: Where whoever stands is left out.
    """

    plane: Floats
    back: Floats
    reach: Floats | None
    blind: tuple[Floats, ...]
    staff: tuple[Floats, ...]

    def in_picture(self, places: Floats) -> tuple[Floats, Flags]:
        """Return where (N, 2) places are in the picture, and which are in it."""
        seen = project(self.back, places)
        visible = np.logical_and.reduce((seen >= 0) & (seen <= 1), axis=1)
        return seen, visible

    def size(self, places: Floats) -> Floats:
        """Return the share of the picture that a square metre fills at (N, 2) places; 0 where nobody is seen."""
        seen, visible = self.in_picture(places)
        if self.reach is not None:
            visible &= inside(seen, self.reach)
        for polygon in self.blind:
            visible &= ~inside(seen, polygon)
        size = np.zeros(len(places))
        # The determinant of a homography's derivative.
        size[visible] = abs(np.linalg.det(self.back)) / depth(self.back, places[visible]) ** 3
        return size


@dataclass(frozen=True, eq=False)
class Floor:
    """The floor that a group's cameras share.

    Attributes:
      names: The cameras, by rising name.
      views: Their views.
      polygons: The shared zones' corners in metres.
      entry_us: How long somebody must be in each zone to be a visit.
      exit_us: How long somebody may be outside each zone before the visit has ended.
      tolerance: How far apart two cameras may see the same feet.
      owners: The cameras that own any of the zones' floor: shared zones are observed while all of these are, and
        never where there are none.
    """

    names: tuple[str, ...]
    views: tuple[View, ...]
    polygons: tuple[Floats, ...]
    entry_us: tuple[int, ...]
    exit_us: tuple[int, ...]
    tolerance: float
    owners: tuple[str, ...]

    @property
    def zones(self) -> int:
        """Number of shared zones."""
        return len(self.polygons)

    def inside(self, places: Floats) -> Flags:
        """Return (N, Z): which places are in which zone."""
        return np.column_stack([inside(places, polygon) for polygon in self.polygons])

    def owned_near(self, camera: int, places: Floats, metres: float) -> Flags:
        """Tell which (N, 2) places are a camera's, or no further than so many metres from what is."""
        around = (places[:, None] + metres * _AROUND).reshape(-1, 2)
        owned: Flags = (owner(self.views, around) == camera).reshape(-1, len(_AROUND))
        return np.logical_or.reduce(owned, axis=1)

    def counts(self, places: Floats) -> Flags:
        """Tell which (N, 2) places count: on the floor, and in no camera's staff zone."""
        on_floor: Flags = np.logical_and.reduce(np.isfinite(places), axis=1)
        return on_floor & ~self.staffed(places)

    def staffed(self, places: Floats) -> Flags:
        """Tell which (N, 2) places are in a staff zone of any camera."""
        found = np.zeros(len(places), bool)
        for view in self.views:
            if view.staff:
                seen, visible = view.in_picture(places)
                for polygon in view.staff:
                    found |= visible & inside(seen, polygon)
        return found


def owner(views: tuple[View, ...], places: Floats) -> NDArray[np.intp]:
    """Return for (N, 2) places the number of the camera that they belong to; of two that tie, the first."""
    sizes = np.stack([view.size(places) for view in views])
    return np.where(sizes.max(axis=0) > 0, sizes.argmax(axis=0), NOBODY)


@lru_cache(maxsize=64)
def floor_of(cameras: tuple[Camera, ...], shared: Group) -> Floor:
    """Lay out the floor of a group, whose cameras come by rising name."""
    views = tuple(_view(camera) for camera in cameras)
    polygons = tuple(np.array(zone.polygon) for zone in shared.zones)
    owned = set().union(*(np.unique(owner(views, _places_in(polygon))).tolist() for polygon in polygons))
    return Floor(
        names=tuple(camera.name for camera in cameras),
        views=views,
        polygons=polygons,
        entry_us=tuple(zone.entry_grace for zone in shared.zones),
        exit_us=tuple(zone.exit_grace for zone in shared.zones),
        tolerance=shared.tolerance,
        owners=tuple(camera.name for number, camera in enumerate(cameras) if number in owned),
    )


def _view(camera: Camera) -> View:
    assert camera.ground is not None, "the site file was checked"
    static = [np.array(zone.polygon) for zone in camera.zones if zone.kind == "static"]
    return View(
        plane=camera.ground.to_floor,
        back=camera.ground.to_picture,
        reach=None if camera.reach is None else np.array(camera.reach),
        blind=(*(np.array(mask) for mask in camera.masks), *static),
        staff=tuple(np.array(zone.polygon) for zone in camera.zones if zone.kind == "staff"),
    )


def _places_in(polygon: Floats) -> Floats:
    """Return a grid of places in a polygon, and its corners."""
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    shares = (np.arange(_GRID) + 0.5) / _GRID
    grid = low + np.stack(np.meshgrid(shares, shares), axis=-1).reshape(-1, 2) * (high - low)
    return np.concatenate((grid[inside(grid, polygon)], polygon.mean(axis=0, keepdims=True)))
