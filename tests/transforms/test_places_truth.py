"""With truth tracks in place of detections, lines count what the truth file says, and zones what the boxes say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from schemas.site import Camera
from tests.support.truth import FPS, FRAMES, HEIGHT, WIDTH, pets_lines, pets_tracks
from transforms.geometry import foot_points, inside
from transforms.happened import Happened
from transforms.layout import layout_of
from transforms.places import PlacesState, see
from transforms.timeline import Moment
from transforms.tracker import Sightings

STEP_US = 1_000_000 // FPS
ZONES = {
    "crossroads": [(0.25, 0.3), (0.75, 0.3), (0.75, 0.8), (0.25, 0.8)],
    "whole": [(0, 0), (1, 0), (1, 1), (0, 1)],
}


@pytest.fixture(scope="module")
def camera(shared: Path) -> Camera:
    lines = [
        # The truth file's rule: 8 pixels, whoever is in the picture.
        {"name": name.replace("_", "-"), "a": line["a"], "b": line["b"], "dead_band": 8 / HEIGHT, "dead_band_share": 0}
        for name, line in pets_lines(shared).items()
    ]
    zones = [
        {"name": name, "kind": "area", "polygon": [(x * WIDTH, y * HEIGHT) for x, y in polygon]}
        for name, polygon in ZONES.items()
    ]
    return Camera.model_validate(
        {"name": "plaza", "units": "pixels", "size": [WIDTH, HEIGHT], "lines": lines, "zones": zones}
    )


def run(camera: Camera, tracks: dict[int, tuple[np.ndarray, np.ndarray]]) -> tuple[Happened, dict[int, list]]:
    """Run truth tracks through the places; returns the account, and the crossings by frame."""
    layout = layout_of(camera, WIDTH / HEIGHT)
    state, happened = PlacesState(), Happened.nothing(layout.zones)
    alive: set[int] = set()
    crossed = {}
    for frame, (ids, boxes) in tracks.items():
        at = frame * STEP_US
        gone = np.array(sorted(alive - set(ids)), int)
        alive = set(ids)
        seen = Sightings(ids, boxes / HEIGHT, np.ones(len(ids), bool), gone)
        moment = Moment(0, at, at, at + STEP_US, 0, WIDTH / HEIGHT, boxes, np.ones(len(ids)))
        before = len(happened.crossings)
        see(state, layout, moment, FRAMES * STEP_US, seen, happened)
        crossed[frame] = happened.crossings[before:]
    return happened, crossed


def test_lines_count_exactly_what_the_truth_file_says(camera: Camera, shared: Path) -> None:
    _, crossed = run(camera, pets_tracks(shared))
    for number, (name, line) in enumerate(pets_lines(shared).items()):
        counted = [
            (frame + 1, crossing.track, "pos" if crossing.side else "neg")
            for frame, crossings in crossed.items()
            for crossing in crossings
            if crossing.line == number
        ]
        true = [(event["frame"], event["id"], event["direction"]) for event in line["events"]]
        assert sorted(counted) == sorted(true), name


def test_occupancy_is_what_the_boxes_say(camera: Camera, shared: Path) -> None:
    tracks = pets_tracks(shared)
    happened, _ = run(camera, tracks)
    for number, (name, polygon) in enumerate(ZONES.items()):
        corners = np.array(polygon) * (WIDTH, HEIGHT)
        true_us = sum(inside(foot_points(boxes), corners).sum() for _, boxes in tracks.values()) * STEP_US
        assert happened.person_us[number] == true_us, name
