"""What is covered when: boxes that move through stretches of a clip's time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from transforms.boxes import Floats
from transforms.redaction.tracks import MISSES, Track

LEAD_US = 600_000
"""How long before its first box and after its last one something is covered: detectors find late what comes in."""
_LEAD_STEPS = 2  # or as many looks, where these are further apart
_MOTION = 0.25  # of the way between two boxes, by which the cover between them grows
_STRAIGHT = 0.5  # sizes; over a longer way nobody knows the path, and all that lies between is covered
_PER_STEP = 0.1  # of its size, by which a cover grows for each look that missed it, or that is not there to tell
_FINE = 360  # cells in a picture height: a face of 20 pixels in a picture of 720 is ten of these high
_BROADEST = 8  # of a picture that is broader, in its heights, cells are larger
_WAY = 3  # looks from which it is told where something came from or went: from one to the next, boxes jitter
_FARTHEST = 2.0  # sizes that something is thought to go in the time of the lead

Times = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Covers:
    """Boxes in picture heights, each over a stretch of time, its sides moving evenly from `first` to `last`.

    Attributes:
      from_us: (N,) begin of each stretch, since the clip's first frame; part of it.
      until_us: (N,) its end; part of it.
      first: (N, 4) the box at its begin: x1, y1, x2, y2.
      last: (N, 4) the box at its end.
    """

    from_us: Times
    until_us: Times
    first: Floats
    last: Floats

    def at(self, t_us: int) -> Floats:
        """Return the (M, 4) boxes at one time."""
        now = np.flatnonzero((self.from_us <= t_us) & (t_us <= self.until_us))
        begin, end = self.from_us[now], self.until_us[now]
        share = ((t_us - begin) / np.maximum(end - begin, 1))[:, None]
        return self.first[now] * (1 - share) + self.last[now] * share

    def __or__(self, other: Covers) -> Covers:
        """Return what either covers."""
        return Covers(
            np.concatenate([self.from_us, other.from_us]), np.concatenate([self.until_us, other.until_us]),
            np.concatenate([self.first, other.first]), np.concatenate([self.last, other.last]),
        )  # fmt: skip


NOTHING = Covers(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4)), np.empty((0, 4)))


def grown(boxes: Floats, side: float, top: float, bottom: float) -> Floats:
    """Return (N, 4) boxes grown by shares of their size: each side of the width, top and bottom of the height."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return boxes + np.stack([-side * width, -top * height, side * width, bottom * height], axis=1)


def outermost(boxes: Floats) -> Floats:
    """Return those of (N, 4) boxes that lie in no other; of equal ones the first.

    They cover the same, and there are fewer to be taken for one another from look to look: a detector that is asked for
    what it is hardly sure of tells of a body, and of parts of it.

    >>> outermost(np.array([[0.1, 0.1, 0.2, 0.2], [0.0, 0.0, 0.2, 0.2], [0.1, 0.1, 0.3, 0.3]])).tolist()
    [[0.0, 0.0, 0.2, 0.2], [0.1, 0.1, 0.3, 0.3]]
    """
    near, far = boxes[:, None, :2] >= boxes[None, :, :2], boxes[:, None, 2:] <= boxes[None, :, 2:]
    within = near.all(axis=2) & far.all(axis=2)
    equal = within & within.T
    return boxes[~(within & ~equal | np.tril(equal, -1)).any(axis=1)]


def covers_of(tracks: Iterable[Track], begin_us: int, end_us: int, step_us: int) -> Covers:
    """Return what covers tracks, from before each was first seen until after it was last seen.

    Args:
      tracks: Of one scene.
      begin_us: First frame of the scene.
      end_us: Its last one.
      step_us: Usual time between two looks.
    """
    return reduce(Covers.__or__, (_cover(track, begin_us, end_us, step_us) for track in tracks), NOTHING)


def _cover(track: Track, begin_us: int, end_us: int, step_us: int) -> Covers:
    times, boxes = track.times_us, track.boxes
    size = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    stretches: list[tuple[int, int, Floats, Floats]] = []
    for here, there in pairwise(range(len(times))):
        way = np.abs(boxes[there] - boxes[here]).max()
        missed = min(MISSES, (times[there] - times[here]) / step_us - 1)
        slack = _MOTION * way + _PER_STEP * max(0.0, missed) * max(size[here], size[there])
        outward = np.array([-slack, -slack, slack, slack])
        ends = boxes[here], boxes[there]
        if way > _STRAIGHT * min(size[here], size[there]):
            ends = (_hull(*ends),) * 2
        stretches.append((times[here], times[there], ends[0] + outward, ends[1] + outward))
    lead_us = max(LEAD_US, _LEAD_STEPS * step_us)
    for edge, inner, sign in ((0, min(_WAY, len(times) - 1), -1), (-1, max(-1 - _WAY, -len(times)), 1)):
        until = int(np.clip(times[edge] + sign * lead_us, begin_us, end_us))
        hull = _ahead(boxes[edge], boxes[inner], int(times[edge] - times[inner]), lead_us, float(size[edge]))
        slack = _PER_STEP * size[edge] * (1 if len(times) > 1 else _LEAD_STEPS)
        outward = np.array([-slack, -slack, slack, slack])
        # The longer before or after, the farther along the way: this cover grows with the time.
        (here, from_), (there, to) = [(until, hull), (int(times[edge]), boxes[edge])][::-sign]
        stretches.append((here, there, from_ + outward, to + outward))
    first, last = (np.array([stretch[part] for stretch in stretches]).reshape(-1, 4) for part in (2, 3))
    begin, end = (np.array([stretch[part] for stretch in stretches], np.int64) for part in (0, 1))
    return Covers(begin, end, first, last)


def _ahead(box: Floats, other: Floats, apart_us: int, lead_us: int, size: float) -> Floats:
    """Return what holds a box and all the places it comes through if it goes on as from another one."""
    if apart_us == 0:
        return box.copy()
    step = (box[:2] + box[2:] - other[:2] - other[2:]) / 2 * (lead_us / abs(apart_us))
    step *= min(1.0, _FARTHEST * size / max(float(np.abs(step).max()), 1e-9))
    return _hull(box, box + np.tile(step, 2))


def _hull(one: Floats, other: Floats) -> Floats:
    return np.concatenate([np.minimum(one[:2], other[:2]), np.maximum(one[2:], other[2:])])


def covered_share(boxes: Floats, covers: Floats, aspect: float) -> NDArray[np.float64]:
    """Return what share of each box lies under the covers together; 1 of a box outside the picture.

    Args:
      boxes: (N, 4) in picture heights.
      covers: (M, 4) likewise.
      aspect: Width of the picture, in its heights.
    """
    rows = max(1, round(min(_FINE, _FINE * _BROADEST / aspect)))
    columns = max(1, round(aspect * rows))
    under = np.zeros((rows, columns), np.bool_)
    for left, top, right, bottom in _cells(covers, rows, columns, outward=False):
        under[top:bottom, left:right] = True
    shares = np.ones(len(boxes))
    for index, (left, top, right, bottom) in enumerate(_cells(boxes, rows, columns, outward=True)):
        part = under[top:bottom, left:right]
        shares[index] = part.mean() if part.size else 1.0
    return shares


def _cells(boxes: Floats, rows: int, columns: int, *, outward: bool) -> list[list[int]]:
    sides = boxes * rows
    low, high = (np.floor, np.ceil) if outward else (np.ceil, np.floor)
    sides = np.concatenate([low(sides[:, :2]), high(sides[:, 2:])], axis=1)
    cells: list[list[int]] = np.clip(sides, 0, [columns, rows, columns, rows]).astype(int).tolist()
    return cells
