"""How tall people are in the picture, by where they stand, and how fast they walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.linting.watching import Trail
from schemas.clock import SECOND_US
from transforms.geometry import Points

_BANDS = 20
_LEAST_BOXES = 30
_EDGE = 0.01
_STRIDE_S = 0.5
_STANDING = 0.15
_STAND_S = 2.0
_LEAST_SIGHTINGS = 6


@dataclass(frozen=True)
class People:
    """What a sample says of people in a camera's picture.

    Attributes:
      slope: By how much a person is taller one picture height further down.
      height_at_0: Height of a person with the feet at the picture's top, by the same rule; may be below 0.
      width: Width of a person's box, in heights of the person.
      usual: Speed of every other step, in heights of the person a second; 0 if nobody walked.
      fast: Speed that nine of ten steps stay below, alike.
      stray: How far the feet of those who stand stray within two seconds, in their heights, in all but one of twenty
        such times; 0 if nobody stood.
    """

    slope: float
    height_at_0: float
    width: float
    usual: float
    fast: float
    stray: float = 0.0

    def height(self, y: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return how tall, in picture heights, a person is with the feet in a row; never less than nothing."""
        return np.maximum(self.height_at_0 + self.slope * np.asarray(y, np.float64), 0.0)


def people_of(trails: Sequence[Trail], aspect: float) -> People | None:
    """Measure people; None where too few were seen whole."""
    boxes = np.concatenate([trail.boxes for trail in trails]) if trails else np.empty((0, 4))
    whole = boxes[
        (boxes[:, 0] > _EDGE) & (boxes[:, 1] > _EDGE) & (boxes[:, 2] < aspect - _EDGE) & (boxes[:, 3] < 1 - _EDGE)
    ]
    if len(whole) < _LEAST_BOXES:
        return None
    feet, heights = whole[:, 3], whole[:, 3] - whole[:, 1]
    slope, height_at_0 = _fit(feet, heights)
    width = float(np.median((whole[:, 2] - whole[:, 0]) / heights))
    strides = np.concatenate([_speeds(trail) for trail in trails])
    walking = strides[strides > _STANDING]
    usual, fast = np.quantile(walking, (0.5, 0.9)).tolist() if len(walking) else (0.0, 0.0)
    strays = [stray for trail in trails for stray in _strays(trail)]
    return People(slope, height_at_0, width, usual, fast, float(np.quantile(strays, 0.95)) if strays else 0.0)


def _fit(feet: Points, heights: Points) -> tuple[float, float]:
    """Fit a straight line through the medians of bands of rows, each by its weight."""
    band = np.clip(((feet - feet.min()) / max(np.ptp(feet), 1e-9) * _BANDS).astype(int), 0, _BANDS - 1)
    bands = np.unique(band)
    x = np.array([np.median(feet[band == each]) for each in bands])
    y = np.array([np.median(heights[band == each]) for each in bands])
    if len(bands) < 3 or np.ptp(x) < 0.05:
        return 0.0, float(np.median(heights))
    weight = np.sqrt([np.count_nonzero(band == each) for each in bands])
    slope, height_at_0 = np.polyfit(x, y, 1, w=weight)
    return float(slope), float(height_at_0)


def _speeds(trail: Trail) -> NDArray[np.float64]:
    """Return speeds over half a second each, in heights of the person a second."""
    times = np.array(trail.times_us) / SECOND_US
    later = np.searchsorted(times, times + _STRIDE_S)
    start = np.flatnonzero(later < len(times))
    end = later[start]
    heights = trail.boxes[:, 3] - trail.boxes[:, 1]
    moved = np.hypot(*(trail.feet[end] - trail.feet[start]).T)
    return moved / (times[end] - times[start]) / np.maximum((heights[start] + heights[end]) / 2, 1e-9)


def _strays(trail: Trail) -> list[float]:
    """Return for each two seconds in which somebody stood how far their foot point went from its middle, in heights."""
    times = np.array(trail.times_us) / SECOND_US
    heights = trail.boxes[:, 3] - trail.boxes[:, 1]
    found = []
    for stretch in np.split(np.arange(len(times)), np.flatnonzero(np.diff((times - times[0]) // _STAND_S)) + 1):
        if len(stretch) < _LEAST_SIGHTINGS:
            continue
        feet = trail.feet[stretch] / np.median(heights[stretch])
        half = len(stretch) // 2
        went = np.hypot(*(feet[half:].mean(axis=0) - feet[:half].mean(axis=0)))
        if went < _STANDING * _STAND_S / 2:
            found.append(float(np.hypot(*(feet - np.median(feet, axis=0)).T).max()))
    return found
