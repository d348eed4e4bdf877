"""Lines and zones for the footage, and what crossed the lines in truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.accuracy.footage import Footage
from benchmarks.accuracy.ours import Event
from benchmarks.accuracy.peers import mot
from schemas.site import Camera
from tests.support.truth import HEIGHT, WIDTH, pets_lines
from transforms.geometry import Point, properly_crosses

ZONES = {
    "plaza": [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)],
    "crossroads": [(0.25, 0.3), (0.75, 0.3), (0.75, 0.8), (0.25, 0.8)],
}
DIRECTIONS = {"to_right": "pos", "to_left": "neg"}
DEAD_BAND = 8 / 576
RANDOM_LINES, SHORTEST, SEED = 40, 0.3, 2026


def pets_camera(shared: Path) -> Camera:
    """Return the plaza's camera: the truth file's three lines, and two zones."""
    lines = {
        name.replace("_", "-"): [(x / WIDTH, y / HEIGHT) for x, y in (line["a"], line["b"])]
        for name, line in pets_lines(shared).items()
    }
    return _camera(lines)


def plain_camera() -> Camera:
    """Return lines and zones that suit no scene better than another, for footage that has none of its own."""
    return _camera(
        {"upright": [(0.5, 0.05), (0.5, 1.0)], "left": [(0.3, 0.05), (0.3, 1.0)], "right": [(0.7, 0.05), (0.7, 1.0)]}
    )


def camera_of_random_lines() -> Camera:
    """Return lines that nobody chose, each at least `SHORTEST` of the picture long, the same each time."""
    rng = np.random.default_rng(SEED)
    lines: dict[str, list[Point]] = {}
    while len(lines) < RANDOM_LINES:
        a, b = rng.uniform(0.05, 0.95, (2, 2)).round(3).tolist()
        if np.hypot(a[0] - b[0], a[1] - b[1]) >= SHORTEST:
            lines[f"line-{len(lines)}"] = [tuple(a), tuple(b)]
    return _camera(lines)


def by_the_truths_rule(camera: Camera) -> Camera:
    """Return a camera whose lines have the truth's dead band: so many pixels, whoever is in the picture."""
    rule = {"dead_band": DEAD_BAND, "dead_band_share": 0.0}
    return camera.model_copy(update={"lines": tuple(line.model_copy(update=rule) for line in camera.lines)})


def true_crossings(footage: Footage, camera: Camera) -> list[Event]:
    """Return the truth's crossings by the rule of `line_crossings_gt.json`, written down apart from the product.

    A foot point nearer to the infinite line than the dead band is skipped; a crossing is at the first point on the
    other side of the last one that was not, if the step between these two properly crosses the segment.
    """
    width, height = footage.size[0] / footage.size[1], 1.0
    events: list[Event] = []
    frames = mot.frames(footage.people, footage.frames)
    for line in camera.lines:
        a, b = ((x * width, y * height) for x, y in (line.a, line.b))
        last: dict[int, tuple[Point, bool]] = {}
        for frame, (boxes, _, tracks) in enumerate(frames):
            for box, track in zip(boxes / footage.size[1], tracks.tolist(), strict=True):
                foot = (float(box[0] + box[2]) / 2, float(box[3]))
                aside = (b[0] - a[0]) * (foot[1] - a[1]) - (b[1] - a[1]) * (foot[0] - a[0])
                if abs(aside) / np.hypot(b[0] - a[0], b[1] - a[1]) <= DEAD_BAND:
                    continue
                before, side = last.get(track, (foot, aside > 0))
                last[track] = foot, aside > 0
                if side != (aside > 0) and properly_crosses(before, foot, a, b):
                    events.append((line.name, "pos" if aside > 0 else "neg", frame / footage.rate))
    return sorted(events, key=lambda event: event[2])


def _camera(lines: dict[str, list[Point]]) -> Camera:
    return Camera.model_validate(
        {
            "name": "camera",
            "lines": [{"name": name, "a": a, "b": b, "directions": DIRECTIONS} for name, (a, b) in lines.items()],
            "zones": [{"name": name, "kind": "area", "polygon": polygon} for name, polygon in ZONES.items()],
        }
    )
