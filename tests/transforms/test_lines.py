"""People of all sizes at a line, through the real tracker: boxes that tremble count nothing, walks count once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from schemas.clock import SECOND_US
from tests.support.world import ASPECT, a_camera
from transforms import places, tracker
from transforms.happened import Happened
from transforms.layout import layout_of
from transforms.lookahead import look_ahead
from transforms.places import PlacesState
from transforms.scene import SETTINGS
from transforms.timeline import Moment

LINE = {"name": "gate", "a": [0.5, 1.0], "b": [0.5, 0.0]}
FPS = 5
SECONDS = 40
HEIGHTS = (0.1, 0.3, 0.6)
TREMBLES = (0.02, 0.04)
"""Of a box's foot point and height, as shares of its height."""


def counted(way: np.ndarray, height: float, tremble: float, fps: int = FPS, seed: int = 0, **line: float) -> list[int]:
    """Return to which sides somebody crosses the line who is at (F, 2) places, frame after frame."""
    layout = layout_of(a_camera(lines=[LINE | line]), ASPECT)
    noise = np.random.default_rng(seed).normal(0, tremble, (len(way), 3))
    tall = height * np.exp(noise[:, 2])
    x, foot = (way + noise[:, :2] * height).T
    boxes = np.column_stack((x - 0.2 * tall, foot - tall, x + 0.2 * tall, foot))
    times_us = [round(frame * SECOND_US / fps) for frame in range(len(way) + 1)]
    views = look_ahead(times_us[:-1], [1] * len(way), boxes, np.full(len(way), 0.85), SETTINGS)
    state, stands, happened = tracker.start(), PlacesState(), Happened.nothing(layout.zones)
    for view, (at, until) in zip(views, pairwise(times_us), strict=True):
        state, seen = tracker.step(state, SETTINGS, at, view)
        places.see(stands, layout, Moment(0, at, at, until, 0, ASPECT, view.boxes, view.scores), 10**15, seen, happened)
    return [crossing.side for crossing in happened.crossings]


STANDING = np.tile((1.0, 0.7), (SECONDS * FPS, 1))
ALONG = np.column_stack((np.full(SECONDS * FPS, 1.003), np.linspace(0.3, 0.95, SECONDS * FPS)))


@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("tremble", TREMBLES)
def test_standing_on_a_line_and_walking_along_it_count_nothing(height: float, tremble: float) -> None:
    for seed in range(2):
        assert counted(STANDING, height, tremble, seed=seed) == []
        assert counted(ALONG, height, tremble, seed=seed) == []


def test_with_a_band_of_so_many_pixels_large_people_would_count() -> None:
    assert len(counted(STANDING, 0.6, 0.04, dead_band_share=0)) > 5


@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("tremble", TREMBLES)
@pytest.mark.parametrize("fps", [2, 5, 10])
def test_a_walk_counts_once_whichever_way(height: float, tremble: float, fps: int) -> None:
    for heights_a_second, y in ((0.3, 0.65), (0.8, 0.8)):
        seconds = min(1.6 / (heights_a_second * height), 6 / heights_a_second)
        reach, frames = seconds * heights_a_second * height / 2, round(seconds * fps)
        way = np.column_stack((np.linspace(1 - reach, 1 + reach, frames), np.full(frames, y)))
        assert counted(way, height, tremble, fps) == [1]
        assert counted(way[::-1], height, tremble, fps) == [0]


def test_standing_there_on_the_way_makes_no_difference() -> None:
    towards = np.column_stack((np.linspace(0.6, 1, 4 * FPS), np.full(4 * FPS, 0.7)))
    away = np.column_stack((np.linspace(1, 1.4, 4 * FPS), np.full(4 * FPS, 0.7)))
    assert counted(np.concatenate((towards, STANDING[: 10 * FPS], away)), 0.4, 0.03) == [1]
    assert counted(np.concatenate((towards, STANDING[: 10 * FPS], towards[::-1])), 0.4, 0.03) == []
