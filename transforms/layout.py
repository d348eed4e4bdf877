"""A camera's lines and zones as arrays in picture heights, ready to be asked about many points at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from schemas.floor import Group
from schemas.parts import Zone
from schemas.site import Camera, Line
from transforms.geometry import Point, Points, inside

COUNTED = ("area", "queue")
IGNORED = ("staff", "static")


def counted_zones(place: Camera | Group) -> tuple[Zone, ...]:
    """Return the zones that are counted in, in the order in which all lists by zone are kept."""
    return tuple(zone for zone in place.zones if zone.kind in COUNTED)


@dataclass(frozen=True, eq=False)
class Layout:
    """One camera's geometry at one aspect of its picture.

    Attributes:
      polygons: The counted zones' corners, (V, 2) each.
      ignored: Polygons in which a foot point does not count.
      reach: Polygon outside of which a foot point does not count, or None.
      lines: Where each line begins and ends.
      normals: (L, 2) unit normals of the lines, to the right of one who looks from a to b.
      offsets: (L,) signed distances of the lines from the origin, along their normals.
      dead_band: Distance from each line within which a point is on neither side.
      entry_us: How long somebody must be in each zone to be a visit.
      exit_us: How long somebody may be outside each zone before the visit has ended.
      grid: Columns and rows of the heat map, (0, 0) for none.
      plane: The map to the floor, None where the camera is not calibrated.
      aspect: Picture width over height.
    """

    polygons: tuple[Points, ...]
    ignored: tuple[Points, ...]
    reach: Points | None
    lines: tuple[tuple[Point, Point], ...]
    normals: Points
    offsets: NDArray[np.float64]
    dead_band: list[float]
    entry_us: list[int]
    exit_us: list[int]
    grid: tuple[int, int]
    plane: Points | None
    aspect: float

    @property
    def zones(self) -> int:
        """Number of counted zones."""
        return len(self.polygons)

    def counts(self, feet: Points) -> NDArray[np.bool_]:
        """Tell which foot points count at all: within reach, in no staff zone, on no static spot."""
        kept = np.ones(len(feet), bool) if self.reach is None else inside(feet, self.reach)
        for polygon in self.ignored:
            kept &= ~inside(feet, polygon)
        return kept

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
        return (row * columns + column).tolist()


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
        ignored=tuple(np.array(zone.polygon) * scale for zone in camera.zones if zone.kind in IGNORED),
        reach=None if camera.reach is None else np.array(camera.reach) * scale,
        lines=tuple(((a[0], a[1]), (b[0], b[1])) for a, b in ends.tolist()),
        normals=normals,
        offsets=(normals * ends[:, 0]).sum(axis=1),
        dead_band=[line.dead_band for line in lines],
        entry_us=[zone.entry_grace for zone in counted],
        exit_us=[zone.exit_grace for zone in counted],
        grid=camera.heatmap,
        plane=None if camera.ground is None else camera.ground.to_floor,
        aspect=aspect,
    )
