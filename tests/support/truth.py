"""Ground truth of the evaluation clips, read as the job sees people."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEIGHT, FPS = 768, 576, 7
FRAMES = 795


def pets_tracks(shared: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return for each 0-based frame of PETS09-S2L1 the ids (N,) and boxes (N, 4) in pixels."""
    rows = np.loadtxt(shared / "data/mot/PETS09-S2L1/gt/gt.txt", delimiter=",")
    frames = {}
    for frame in range(FRAMES):
        here = rows[rows[:, 0] == frame + 1]
        boxes = here[:, 2:6].copy()
        boxes[:, 2:] += boxes[:, :2]
        frames[frame] = here[:, 1].astype(int), boxes
    return frames


def pets_lines(shared: Path) -> dict[str, Any]:
    """Return the three lines and their true crossings; frames are 1-based."""
    return json.loads((shared / "data/mot/line_crossings_gt.json").read_text())["PETS09-S2L1"]["lines"]


def crossings(lines: dict[str, Any]) -> Counter[tuple[str, str]]:
    """Return the true number of crossings by line and side (pos is to the right of one looking from a to b)."""
    return Counter((name, event["direction"]) for name, line in lines.items() for event in line["events"])
