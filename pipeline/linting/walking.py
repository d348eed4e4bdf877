"""Rules that need a sample clip: how large people are, how fast they walk, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from pipeline.audit.views import Polygon, in_picture
from pipeline.linting.findings import Finding
from pipeline.linting.ground import Ground, beside, within
from pipeline.linting.people import People
from pipeline.linting.watching import Trail, Watched
from schemas.floor import Group
from schemas.site import Camera, Line
from transforms.geometry import Points, inside
from transforms.layout import COUNTED

LEAST_ROWS = 24
"""Rows of a model's input below which a person is often missed: three cells of the usual coarse stride of 8."""

MOST_STEP = 0.5
"""Heights of a person between two sampled frames beyond which people who pass each other can be taken for another."""

_SHARE = 0.2
_BESIDE_WIDTHS = 2.0
_BESIDE_SHARE = 0.05
_LEAST_SECONDS = 1.0
_LEAST_WALK = 0.5
_CELLS = 8


def check_walking(
    camera: Camera, ground: Ground, watched: Watched, people: People, shared: Group | None = None
) -> Iterator[Finding]:
    """Yield what is wrong for the people in a sample clip of a camera, which may share zones with others."""
    yield from _small(camera, ground, watched, people)
    yield from _slow(camera, ground, watched, people)
    walkers = [trail for trail in watched.trails if _walks(trail)]
    yield from _passed_beside(camera, ground, walkers, people)
    yield from _uncovered(camera, ground, walkers, shared)


def _small(camera: Camera, ground: Ground, watched: Watched, people: People) -> Iterator[Finding]:
    drawn = [("zones", i, z.name, within(np.array(z.polygon) * ground.scale), z.kind in COUNTED)
             for i, z in enumerate(camera.zones)]  # fmt: skip
    drawn += [("lines", i, line.name, np.linspace(line.a, line.b, 50) * ground.scale, True)
              for i, line in enumerate(camera.lines)]  # fmt: skip
    for kind, index, name, places, counted in drawn:
        if not counted:
            continue
        rows = people.height(places[ground.open(places)][:, 1]) * watched.rows
        if len(rows) and (rows < LEAST_ROWS).mean() > _SHARE:
            yield Finding(
                f"{kind[:-1]}-people-small", "warning", (kind, index),
                f"in {(rows < LEAST_ROWS).mean():.0%} of {name} people are less than {LEAST_ROWS} rows of the model's "
                f"input tall, down to {rows.min():.0f}: many of them will be missed",
                "draw it nearer to the camera, draw `reach` round where people are large enough, or take a model with "
                "a larger input",
            )  # fmt: skip


def _slow(camera: Camera, ground: Ground, watched: Watched, people: People) -> Iterator[Finding]:
    rate = min(camera.fps or watched.frame_rate, watched.frame_rate)
    step = people.fast / rate
    if step > MOST_STEP:
        yield Finding(
            "rate-too-low", "warning", ("fps",),
            f"at {rate:g} frames a second people move up to {step:.2f} of their height from one to the next, and are "
            "lost or taken for another",
            f"set `fps` to {np.ceil(people.fast / MOST_STEP):g} or more",
        )  # fmt: skip
    for index, zone in enumerate(camera.zones):
        if zone.kind not in COUNTED or not step:
            continue
        polygon = np.array(zone.polygon) * ground.scale
        across = min(cv2.minAreaRect(polygon.astype(np.float32))[1])
        stride = step * float(people.height(polygon[:, 1].mean()))
        if across < 2 * stride:
            yield Finding(
                "zone-too-narrow", "warning", ("zones", index),
                f"{zone.name} is {across:.3f} picture heights across, and people move {stride:.3f} there from one "
                f"frame to the next at {rate:g} a second: who walks through it may never be seen in it",
                f"draw it wider, or set `fps` to {np.ceil(rate * 2 * stride / across):g} or more",
            )  # fmt: skip
    for index, line in enumerate(camera.lines):
        a, b = (np.array(end) * ground.scale for end in (line.a, line.b))
        height = float(people.height((a[1] + b[1]) / 2))
        stride, width = people.usual / rate * height, people.width * height
        if np.hypot(*(b - a)) < width:
            yield Finding(
                "line-too-short", "warning", ("lines", index),
                f"{line.name} is {np.hypot(*(b - a)):.3f} picture heights long, and people are {width:.3f} wide there",
                "draw it from one end of the passage to the other",
            )  # fmt: skip
        band = max(line.dead_band, line.dead_band_share * height)
        if people.stray * height > band:
            yield Finding(
                "line-band-narrow", "warning", ("lines", index),
                f"the feet of people who stand stray by {people.stray:.2f} of their height, there by "
                f"{people.stray * height:.3f} picture heights, and the dead band of {line.name} is {band:.3f}: "
                "standing on it may count",
                f"set `dead_band_share` to {np.ceil(100 * people.stray) / 100:.2f}",
            )  # fmt: skip
        room = _room(ground, a, b, band, stride)
        if stride and room < 1 - _SHARE and not ground.opening(a, b, band).never:
            yield Finding(
                "line-no-room", "warning", ("lines", index),
                f"people move {stride:.3f} picture heights from one frame to the next at {rate:g} a second, and beside "
                f"{1 - room:.0%} of {line.name} there is less than that between its dead band and where nobody counts: "
                "they may be gone before the crossing is proven",
                "move the line to where there is floor on both sides, make its dead band smaller, or raise `fps`",
            )  # fmt: skip


def _room(ground: Ground, a: Points, b: Points, dead_band: float, stride: float) -> float:
    """Return the share of a line with a whole stride of open floor beyond the dead band on both sides."""
    places = beside(a, b, dead_band + max(stride, 1e-6) * np.array([0.05, 0.35, 0.7, 1.0]))
    flags = ground.open(places.reshape(-1, 2)).reshape(places.shape[:3])
    return float(flags.all(axis=(1, 2)).mean())


@dataclass(frozen=True)
class Passing:
    """A change of sides of a line, prolonged without end.

    Attributes:
      at: Where, in lengths of the line from a: 0 to 1 is on it.
      foot: The foot point there.
    """

    at: float
    foot: Points


def passings(trail: Trail, line: Line, ground: Ground) -> list[Passing]:
    """Return where a trail settles on the other side of a line, or of what prolongs it."""
    a, b = (np.array(end) * ground.scale for end in (line.a, line.b))
    along = b - a
    length = float(np.hypot(*along))
    feet = trail.feet
    distance = (feet - a) @ np.array([-along[1], along[0]]) / length
    band = np.maximum(line.dead_band, line.dead_band_share * (trail.boxes[:, 3] - trail.boxes[:, 1]))
    settled = np.flatnonzero(np.abs(distance) > band)
    found = []
    for i, j in pairwise(settled.tolist()):
        if distance[i] * distance[j] < 0:
            share = distance[i] / (distance[i] - distance[j])
            foot = feet[i] + share * (feet[j] - feet[i])
            found.append(Passing(float((foot - a) @ along) / length**2, foot))
    return found


def _passed_beside(camera: Camera, ground: Ground, walkers: Sequence[Trail], people: People) -> Iterator[Finding]:
    for index, line in enumerate(camera.lines):
        a, b = (np.array(end) * ground.scale for end in (line.a, line.b))
        length = float(np.hypot(*(b - a)))
        near = max(_BESIDE_WIDTHS * people.width * float(people.height((a[1] + b[1]) / 2)), length / 4) / length
        found = [each for trail in walkers for each in passings(trail, line, ground)]
        across = sum(0 <= each.at <= 1 for each in found)
        ends = (("a", [each for each in found if -near <= each.at < 0]),
                ("b", [each for each in found if 1 < each.at <= 1 + near]))  # fmt: skip
        for end, missed in ends:
            if not missed or len(missed) < _BESIDE_SHARE * across:
                continue
            furthest = max(missed, key=lambda each: abs(each.at - 0.5)).foot / ground.scale
            yield Finding(
                "gap-beside-line", "warning", ("lines", index, end),
                f"{len(missed)} passed beside the end {end} of {line.name} and {across} over it",
                f"if they should count, draw {end} out to [{furthest[0]:.3f}, {furthest[1]:.3f}] or to the wall",
            )  # fmt: skip


def _uncovered(camera: Camera, ground: Ground, walkers: Sequence[Trail], shared: Group | None) -> Iterator[Finding]:
    if not walkers:
        return
    if camera.reach is not None:
        reach = np.array(camera.reach) * ground.scale
        beyond = [trail for trail in walkers if not inside(trail.feet, reach).any()]
        if beyond:
            yield Finding(
                "walk-outside-reach", "note", ("reach",),
                f"{len(beyond)} of {len(walkers)} walk outside reach all the time, most around {_most(beyond, ground)}",
                "if they should count, draw `reach` wider",
            )  # fmt: skip
        walkers = [trail for trail in walkers if inside(trail.feet, reach).any()]
    drawn: list[Polygon] = [zone.polygon for zone in camera.zones if zone.kind in (*COUNTED, "staff")]
    if shared is not None and camera.ground is not None:
        drawn += [part for zone in shared.zones if (part := in_picture(camera.ground, zone.polygon))]
    zones = [np.array(polygon) * ground.scale for polygon in drawn]
    if not zones and not camera.lines:
        return
    missed = [
        trail
        for trail in walkers
        if not any(inside(trail.feet, zone).any() for zone in zones)
        and not any(0 <= each.at <= 1 for line in camera.lines for each in passings(trail, line, ground))
    ]
    if missed and len(missed) > _BESIDE_SHARE * len(walkers):
        yield Finding(
            "walk-uncovered", "note", (),
            f"{len(missed)} of {len(walkers)} who walk there cross no line and enter no zone, most around "
            f"{_most(missed, ground)}",
            "if they should count, draw a line or a zone there",
        )  # fmt: skip


def _walks(trail: Trail) -> bool:
    """Tell whether somebody was in sight for a while and went somewhere."""
    heights = np.median(trail.boxes[:, 3] - trail.boxes[:, 1])
    went = np.hypot(*np.ptp(trail.feet, axis=0))
    return trail.seconds >= _LEAST_SECONDS and bool(went > _LEAST_WALK * heights)


def _most(trails: Sequence[Trail], ground: Ground) -> str:
    """Say where in the picture trails are densest: the middle of a coarse cell, normalised, and nothing of a trail."""
    cells = np.concatenate([np.unique(np.floor(trail.feet / ground.scale * _CELLS), axis=0) for trail in trails])
    each, count = np.unique(np.clip(cells, 0, _CELLS - 1), axis=0, return_counts=True)
    x, y = (each[count.argmax()] + 0.5) / _CELLS
    return f"[{x:.2f}, {y:.2f}]"
