"""Boxes of one clip associated over time, by place and size alone; no track outlives its clip, none has a name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from transforms.boxes import Floats, iou

MISSES = 5
"""Looks in a row that may miss somebody who is then taken for the same."""
_REACH = 1.5  # sizes between where a box is and where it was thought to be
_RATIO = math.log(2.5)  # between the sizes of two boxes of one
_OVERLAP = 0.1  # boxes that overlap so much may differ in size by more: somebody half hidden
_FAR = 1e6


@dataclass(frozen=True, eq=False)
class Track:
    """Somebody or something, as long as it was seen.

    Attributes:
      times_us: (K,) when it was, rising.
      boxes: (K, 4) where it was.
    """

    times_us: NDArray[np.int64]
    boxes: Floats


def track(times_us: Sequence[int], found: Sequence[Floats], step_us: int) -> list[Track]:
    """Associate boxes from look to look; each box is in exactly one track.

    Args:
      times_us: When it was looked, rising.
      found: (N, 4) boxes of each look, in any one unit.
      step_us: Usual time between two looks.
    """
    open_, ended = list[_Open](), list[_Open]()
    for t_us, boxes in zip(times_us, found, strict=True):
        ended += [each for each in open_ if t_us - each.times_us[-1] > (MISSES + 1) * step_us]
        open_ = [each for each in open_ if t_us - each.times_us[-1] <= (MISSES + 1) * step_us]
        taken = set()
        for index, box in _matches(open_, boxes, t_us):
            open_[index].add(t_us, boxes[box])
            taken.add(box)
        open_ += [_Open(t_us, boxes[box]) for box in range(len(boxes)) if box not in taken]
    return [Track(np.array(each.times_us, np.int64), np.array(each.boxes)) for each in (*ended, *open_)]


class _Open:
    def __init__(self, t_us: int, box: Floats) -> None:
        self.times_us, self.boxes = [t_us], [box]

    def add(self, t_us: int, box: Floats) -> None:
        self.times_us.append(t_us)
        self.boxes.append(box)

    def at(self, t_us: int) -> Floats:
        """Return where it should be, if it went on as it last did."""
        last = self.boxes[-1]
        if len(self.boxes) < 2:
            return last
        ahead = min(2.0, (t_us - self.times_us[-1]) / (self.times_us[-1] - self.times_us[-2]))
        step = (last[:2] + last[2:] - self.boxes[-2][:2] - self.boxes[-2][2:]) / 2 * ahead
        return last + np.tile(step, 2)


def _matches(open_: Sequence[_Open], boxes: Floats, t_us: int) -> list[tuple[int, int]]:
    if not open_ or not len(boxes):
        return []
    expected = np.array([each.at(t_us) for each in open_])
    sizes = [np.sqrt(np.maximum(np.prod(each[:, 2:] - each[:, :2], axis=1), 1e-12)) for each in (expected, boxes)]
    centres = [(each[:, :2] + each[:, 2:]) / 2 for each in (expected, boxes)]
    apart = np.abs(centres[0][:, None] - centres[1][None]).max(axis=2) / np.maximum.outer(*sizes)
    ratio = np.abs(np.subtract.outer(np.log(sizes[0]), np.log(sizes[1])))
    allowed = ((apart < _REACH) & (ratio < _RATIO)) | (iou(expected, boxes) > _OVERLAP)
    rows, columns = linear_sum_assignment(np.where(allowed, apart + ratio / 2, _FAR))
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if allowed[row, column]]
