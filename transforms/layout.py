"""A camera's lines and zones as arrays in picture heights, ready to be asked about many points at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.floor import Group
from schemas.parts import Zone
from schemas.site import Camera, Line
from transforms.geometry import Point, Points, at_edge, foot_points, inside
from transforms.ground import on_floor

COUNTED = ("area", "queue")


def counted_zones(place: Camera | Group) -> tuple[Zone, ...]:
    """Return the zones that are counted in, in the order in which all lists by zone are kept."""
    return tuple(zone for zone in place.zones if zone.kind in COUNTED)


def queue_zones(place: Camera | Group) -> tuple[Zone, ...]:
    """Return the zones that are queues, in the same order."""
    return tuple(zone for zone in place.zones if zone.kind == "queue")


def is_calibrated(place: Camera | Group) -> bool:
    """Return whether it is known how a place lies on the floor, and so which way and how fast people walk there."""
    return isinstance(place, Group) or place.ground is not None


class Spot(NamedTuple):
    """Where one person stands.

    Attributes:
      foot: The foot point.
      counts: Whether it counts: one in a staff zone does not.
      inside: For each counted zone, whether it counts there.
      distances: From each line, positive on the right of one who looks from a to b.
      bands: For each line, the distance within which this person is on neither side of it.
      at_edge: Whether the box is at the picture's edge, where people come and go.
      cell: Of the heat map; None without one.
      floor: In metres; None where the camera is not calibrated, and beyond the horizon.
    """

    foot: Point
    counts: bool
    inside: list[bool]
    distances: list[float]
    bands: list[float]
    at_edge: bool
    cell: int | None
    floor: Point | None


@dataclass(frozen=True, eq=False)
class Layout:
    """One camera's geometry at one aspect of its picture.

    Attributes:
      polygons: The counted zones' corners, (V, 2) each.
      staff: Polygons in which whoever stands is followed, but counts nothing.
      static: Polygons in which a detection is nobody.
      reach: Polygon outside of which a foot point does not count, or None.
      lines: Where each line begins and ends.
      normals: (L, 2) unit normals of the lines, to the right of one who looks from a to b.
      offsets: (L,) signed distances of the lines from the origin, along their normals.
      dead_band: (L,) distances from the lines within which a point is on neither side.
      dead_band_share: (L,) the same, as shares of the person's height; whichever is wider holds.
      entry_us: How long somebody must be in each zone to be a visit.
      exit_us: How long somebody may be outside each zone before the visit has ended.
      grid: Columns and rows of the heat map, (0, 0) for none.
      plane: The map to the floor, None where the camera is not calibrated.
      aspect: Picture width over height.
    """

    polygons: tuple[Points, ...]
    staff: tuple[Points, ...]
    static: tuple[Points, ...]
    reach: Points | None
    lines: tuple[tuple[Point, Point], ...]
    normals: Points
    offsets: NDArray[np.float64]
    dead_band: NDArray[np.float64]
    dead_band_share: NDArray[np.float64]
    entry_us: list[int]
    exit_us: list[int]
    grid: tuple[int, int]
    plane: Points | None
    aspect: float

    @property
    def zones(self) -> int:
        """Number of counted zones."""
        return len(self.polygons)

    def follows(self, feet: Points) -> NDArray[np.bool_]:
        """Tell which foot points are a person's that is followed: within reach, on no static spot."""
        kept = np.ones(len(feet), bool) if self.reach is None else inside(feet, self.reach)
        return kept & ~_in_any(feet, self.static)

    def counts(self, feet: Points) -> NDArray[np.bool_]:
        """Tell which foot points of people who are followed count: those in no staff zone."""
        return ~_in_any(feet, self.staff)

    def is_staff(self, place: Point) -> bool:
        """Tell whether a place is in a staff zone."""
        return bool(self.staff) and not self.counts(np.array([place])).item()

    def spots(self, boxes: Points) -> list[Spot]:
        """Return where the people of (N, 4) boxes stand."""
        if not len(boxes):
            return []
        feet = foot_points(boxes)
        counts = self.counts(feet)
        heights = boxes[:, 3] - boxes[:, 1]
        arrays = (
            counts,
            self.inside(feet) & counts[:, None],
            self.side_distances(feet),
            np.maximum(self.dead_band, heights[:, None] * self.dead_band_share),
            at_edge(boxes, self.aspect),
        )
        cells = self.cells(feet) if self.grid[0] else [None] * len(feet)
        return list(map(Spot, _points(feet), *(each.tolist() for each in arrays), cells, self._on_floor(feet)))

    def inside(self, feet: Points) -> NDArray[np.bool_]:
        """Return (N, Z): which foot points are in which zone."""
        if not self.polygons:
            return np.empty((len(feet), 0), bool)
        return np.column_stack([inside(feet, polygon) for polygon in self.polygons])

    def side_distances(self, feet: Points) -> NDArray[np.float64]:
        """Return (N, L): signed distances from the lines, positive on the right of one who looks from a to b."""
        return feet @ self.normals.T - self.offsets

    def cells(self, feet: Points) -> list[int]:
        """Return each foot point's heat map cell, row by row from the top left; strays go to the nearest."""
        columns, rows = self.grid
        column = np.clip(feet[:, 0] / self.aspect * columns, 0, columns - 1).astype(int)
        row = np.clip(feet[:, 1] * rows, 0, rows - 1).astype(int)
        cells: list[int] = (row * columns + column).tolist()
        return cells

    def _on_floor(self, feet: Points) -> list[Point | None]:
        if self.plane is None:
            return [None] * len(feet)
        places = _points(on_floor(self.plane, feet, self.aspect))
        return [None if math.isnan(place[0]) else place for place in places]


@lru_cache(maxsize=1024)
def layout_of(camera: Camera, aspect: float) -> Layout:
    """Lay a camera's normalised geometry out at the aspect of its picture."""
    scale = np.array([aspect, 1.0])
    lines: tuple[Line, ...] = camera.lines
    counted = counted_zones(camera)
    ends = np.array([(line.a, line.b) for line in lines], float).reshape(-1, 2, 2) * scale
    along = ends[:, 1] - ends[:, 0]
    normals = np.column_stack((-along[:, 1], along[:, 0])) / np.hypot(along[:, 0], along[:, 1])[:, None]
    return Layout(
        polygons=tuple(np.array(zone.polygon) * scale for zone in counted),
        staff=_polygons(camera, "staff", scale),
        static=_polygons(camera, "static", scale),
        reach=None if camera.reach is None else np.array(camera.reach) * scale,
        lines=tuple(((a[0], a[1]), (b[0], b[1])) for a, b in ends.tolist()),
        normals=normals,
        offsets=(normals * ends[:, 0]).sum(axis=1),
        dead_band=np.array([line.dead_band for line in lines], float),
        dead_band_share=np.array([line.dead_band_share for line in lines], float),
        entry_us=[zone.entry_grace for zone in counted],
        exit_us=[zone.exit_grace for zone in counted],
        grid=camera.heatmap,
        plane=None if camera.ground is None else camera.ground.to_floor,
        aspect=aspect,
    )


def _polygons(camera: Camera, kind: str, scale: Points) -> tuple[Points, ...]:
    return tuple(np.array(zone.polygon) * scale for zone in camera.zones if zone.kind == kind)


def _points(array: Points) -> list[Point]:
    return [(x, y) for x, y in array.tolist()]


def _in_any(points: Points, polygons: tuple[Points, ...]) -> NDArray[np.bool_]:
    found = np.zeros(len(points), bool)
    for polygon in polygons:
        found |= inside(points, polygon)
    return found
