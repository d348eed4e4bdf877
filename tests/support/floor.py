"""A made-up floor under two cameras: people who walk on it, what pinhole cameras see of them, and the truth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.homography import Floats
from schemas.site import Site
from tests.support.world import a_site, seconds
from transforms.boxes import UNIT
from transforms.detections import ClipDetections
from transforms.geometry import inside

ASPECT = 16 / 9
TALL = 1.7
"""Metres that everybody is tall here."""

HALL = [(1.0, 1.0), (11.0, 1.0), (11.0, 7.0), (1.0, 7.0)]
"""The shared zone: ten metres by six of a floor of twelve by eight, which both cameras see in the middle."""

Walker = Callable[[float], tuple[float, float] | None]
"""Where somebody stands on the floor, in metres, at a time in seconds from `T0`; None while not there."""


@dataclass(frozen=True)
class Pinhole:
    """A camera of a name, where it hangs, where it looks, and its focal length in picture heights."""

    name: str
    at: tuple[float, float, float]
    looks_at: tuple[float, float, float]
    focal: float = 0.8

    def project(self, places: Floats) -> Floats:
        """Return where (N, 3) places are in the picture, in its heights; NaN behind the camera."""
        ahead = np.subtract(self.looks_at, self.at)
        ahead = ahead / np.linalg.norm(ahead)
        right = np.cross(ahead, (0, 0, 1))
        right /= np.linalg.norm(right)
        away = places - np.array(self.at)
        depth = away @ ahead
        seen = np.column_stack((away @ right, away @ np.cross(ahead, right))) * self.focal
        seen /= np.where(depth > 0.1, depth, np.nan)[:, None]
        return np.add(seen, (ASPECT / 2, 0.5))

    def ground(self, places: Iterable[tuple[float, float]], error: float = 0.0) -> dict[str, Any]:
        """Return the calibration by places on the floor, as found in a picture of 1280x720, a metre so far off."""
        metres = [(float(x), float(y)) for x, y in places]
        seen = self.project(np.array([(x, y, 0) for x, y in metres])) / (ASPECT, 1)
        found = np.round(seen * (1280, 720)) / (1280, 720)
        off = [(x + error * (-1) ** i, y + error * (-1) ** (i // 2)) for i, (x, y) in enumerate(metres)]
        return {"points": found.tolist(), "metres": off}


WEST = Pinhole("west", (-2.5, 4.0, 4.5), (3.6, 4.0, 0.0))
EAST = Pinhole("east", (14.5, 4.0, 4.5), (8.4, 4.0, 0.0))
PLACES = {
    "west": [(1.0, 2.5), (1.0, 5.5), (7.0, 1.0), (7.0, 7.0)],
    "east": [(11.0, 2.5), (11.0, 5.5), (5.0, 1.0), (5.0, 7.0)],
}


Corners = Sequence[tuple[float, float]]


def a_floor_site(
    error: float = 0.0,
    overlap: float | None = None,
    exit_grace: str = "2s",
    zones: Mapping[str, Corners] | None = None,
    **changes: Any,
) -> Site:
    """Return a site with both cameras as one group.

    Args:
      error: By how many metres the east camera's ground is measured wrong.
      overlap: How many metres of the hall both are within reach of; all of it if left out.
      exit_grace: That of the shared zones.
      zones: The shared zones by name; the hall if left out.
      changes: Other keys of the site file.
    """
    cameras: list[dict[str, Any]] = [
        {"name": pinhole.name, "fps": 5, "heatmap": [0, 0], "ground": pinhole.ground(PLACES[pinhole.name], off)}
        for pinhole, off in ((WEST, 0.0), (EAST, error))
    ]
    if overlap is not None:
        for camera, pinhole, x in zip(
            cameras, (WEST, EAST), ((0, 6 + overlap / 2), (6 - overlap / 2, 12)), strict=True
        ):
            corners = np.array([(x[0], 0, 0), (x[1], 0, 0), (x[1], 8, 0), (x[0], 8, 0)])
            camera["reach"] = _clipped(pinhole.project(corners) / (ASPECT, 1))
    common = {"kind": "queue", "dwell_bins": ["10s", "20s"], "exit_grace": exit_grace}
    shared = [common | {"name": name, "polygon": corners} for name, corners in (zones or {"hall": HALL}).items()]
    group = {"name": "floor", "cameras": ["west", "east"], "zones": shared}
    return a_site(**{"cameras": cameras, "groups": [group]} | changes)


def alone(site: Site, pinhole: Pinhole) -> Site:
    """Return a site whose only camera has the shared zone drawn on its own picture: what is summed up naively."""
    camera = next(camera for camera in site.cameras if camera.name == pinhole.name)
    hall = np.array(HALL)
    edge = np.concatenate(
        [np.linspace(a, b, 9, endpoint=False) for a, b in zip(hall, np.roll(hall, -1, 0), strict=True)]
    )
    seen = pinhole.project(np.column_stack((edge, np.zeros(len(edge))))) / (ASPECT, 1)
    zone = {"name": "hall", "kind": "queue", "polygon": _clipped(seen), "dwell_bins": ["10s", "20s"]}
    return a_site(cameras=[camera.model_dump(mode="json", exclude_unset=True) | {"zones": [zone]}])


def _clipped(polygon: Floats) -> list[list[float]]:
    """Return the part of a convex polygon that lies in the picture (Sutherland and Hodgman 1974)."""
    for axis, bound, sign in ((0, 0.0, 1), (0, 1.0, -1), (1, 0.0, 1), (1, 1.0, -1)):
        kept: list[Floats] = []
        for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
            da, db = sign * (a[axis] - bound), sign * (b[axis] - bound)
            if da >= 0:
                kept.append(a)
            if da * db < 0:
                kept.append(a + (b - a) * da / (da - db))
        polygon = np.clip(np.array(kept), 0, 1)
    _, first = np.unique(np.round(polygon, 6), axis=0, return_index=True)
    return polygon[np.sort(first)].tolist()


def crossing(begin: tuple[float, float], end: tuple[float, float], enters_s: float, speed: float = 1.2) -> Walker:
    """Return somebody who walks in a line from one place to another."""
    way = np.subtract(end, begin)
    takes_s = float(np.hypot(*way)) / speed

    def at(t: float) -> tuple[float, float] | None:
        share = (t - enters_s) / takes_s
        return (begin[0] + share * way[0], begin[1] + share * way[1]) if 0 <= share < 1 else None

    return at


def standing(x: float, y: float, from_s: float, until_s: float) -> Walker:
    """Return somebody who stands."""
    return lambda t: (x, y) if from_s <= t < until_s else None


def hidden(walker: Walker, from_s: float, until_s: float) -> Walker:
    """Return somebody whom no camera shows for a while."""
    return lambda t: None if from_s <= t < until_s else walker(t)


def film(
    pinhole: Pinhole,
    people: Sequence[Walker],
    start_s: float,
    end_s: float,
    *,
    fps: float = 5,
    noise: float = 0.0,
    missed: float = 0.0,
    seed: int = 0,
    tag: str = "",
) -> ClipDetections:
    """Return what is detected in a clip: boxes with noise (a share of their height), some of them missed."""
    rng = np.random.default_rng([seed, round(start_s * 1000), *pinhole.name.encode()])
    frames = int((end_s - start_s) * fps + 1e-9)
    times = [start_s + frame / fps for frame in range(frames)]
    found = [_boxes(pinhole, people, t, rng, noise, missed) for t in times]
    boxes = np.concatenate(found) if found else np.empty((0, 4))
    identity = f"{tag} {pinhole.name} {start_s} {end_s} {seed}"
    return ClipDetections(
        site="lab",
        camera=pinhole.name,
        start_us=seconds(start_s),
        end_us=seconds(end_s),
        sequence=0,
        frame_rate=fps,
        sha256=hashlib.sha256(identity.encode()).hexdigest(),
        readable=True,
        aspect=ASPECT,
        times_us=tuple(seconds(t) for t in times),
        flags=(0,) * frames,
        counts=tuple(map(len, found)),
        boxes=np.round(boxes * UNIT).astype(np.int32),
        scores=np.full(len(boxes), 230, np.uint8),
    )


def _boxes(
    pinhole: Pinhole, people: Sequence[Walker], t: float, rng: np.random.Generator, noise: float, missed: float
) -> Floats:
    boxes = []
    for person in people:
        if (place := person(t)) is None:
            continue
        (x, foot), (_, head) = pinhole.project(np.array([(*place, 0.0), (*place, TALL)]))
        if not (0 <= x <= ASPECT and 0 <= foot <= 1) or rng.random() < missed:
            continue
        height = foot - head
        shaken = rng.normal(0, noise * height, 4)
        boxes.append(np.array([x - 0.2 * height, max(head, 0), x + 0.2 * height, foot]) + shaken)
    return np.array(boxes).reshape(-1, 4)


def films(people: Sequence[Walker], until_s: float, *, every_s: float = 10, **changes: Any) -> list[ClipDetections]:
    """Return an unbroken run of both cameras' clips; the east camera's begin a tenth of a second later."""
    starts = np.arange(0, until_s, every_s).tolist()
    return [
        film(pinhole, people, start + late_s, min(start + every_s, until_s) + late_s, **changes)
        for pinhole, late_s in ((WEST, 0.0), (EAST, 0.1))
        for start in starts
    ]


def present_s(people: Sequence[Walker], until_s: float, zone: Sequence[tuple[float, float]] = HALL) -> float:
    """Return the true person-seconds in a zone."""
    step_s = 0.02
    corners = np.array(zone)
    places = [place for person in people for t in np.arange(0, until_s, step_s) if (place := person(t)) is not None]
    return float(inside(np.array(places), corners).sum()) * step_s if places else 0.0
