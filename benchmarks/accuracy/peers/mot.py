"""MOT text, in which boxes, tracks and truth go from one interpreter to another.

A row is: frame (1-based), track (-1 for none), left, top, width, height, score. Rows of the truth may go on with a
class and a visibility, which are kept.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]


def read(path: Path) -> Rows:
    """Read a file's rows, (N, 7 or more), by rising frame."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    return rows[np.argsort(rows[:, 0], kind="stable")] if rows.size else np.empty((0, 7))


def write(path: Path, rows: Rows) -> None:
    """Write rows, numbers as short as they are exact."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(f"{value:.10g}" for value in row) + "\n" for row in rows))


def row(frame: int, track: float, box: NDArray[np.float64], score: float) -> list[float]:
    """Make a row of a box x1, y1, x2, y2."""
    left, top, right, bottom = (float(side) for side in box)
    return [frame, track, left, top, right - left, bottom - top, score]


def stacked(rows: list[list[float]]) -> Rows:
    """Return rows as one array."""
    return np.array(rows, float).reshape(-1, 7)


def frames(rows: Rows, count: int) -> list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]]:
    """Return for each frame the boxes (N, 4) x1, y1, x2, y2, the scores and the tracks."""
    bounds = np.searchsorted(rows[:, 0], np.arange(1, count + 2))
    boxes = np.column_stack((rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]))
    return [(boxes[a:b], rows[a:b, 6], rows[a:b, 1].astype(np.int64)) for a, b in pairwise(bounds)]
