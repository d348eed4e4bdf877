"""What moves within a scene: pictures compared with the scene's usual one, and with those before and after."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from transforms.boxes import Floats

Grey = NDArray[np.uint8]

HEIGHT, WIDEST = 180, 720
"""Rows to which pictures are scaled, and columns at most."""
_CHANGED = 12  # of 255; what is stored differs by less from picture to picture where nothing moves
_BACKGROUNDS = 31  # pictures, spread over the scene, of which the usual one is made
_SPREAD = 5  # pixels by which what changed is widened, so that the parts of one hang together
_LEAST_CELLS = 6  # what changed in fewer pixels is noise


def moving(pictures: Sequence[Grey], changes: Sequence[Grey]) -> list[Floats]:
    """Return the boxes, in picture heights, around what moves in each picture of one scene.

    What changed on the way to a picture and on the way from it counts, and what differs from the median of the whole
    scene: so that who comes and who is about to leave is found, and who stands still for less than half of the scene.
    Between two pictures all that anything came through is in the boxes of both.

    Args:
      pictures: (h, w), in order of time; `HEIGHT` rows are enough.
      changes: (h, w) for each, by how much each pixel changed at most from frame to frame since the one before; not
        looked at for the first.
    """
    if not pictures:
        return []
    chosen = np.linspace(0, len(pictures) - 1, min(_BACKGROUNDS, len(pictures))).astype(int)
    usual = np.median([pictures[index] for index in chosen], axis=0).astype(np.uint8)
    found = []
    for index, picture in enumerate(pictures):
        changed = cv2.absdiff(picture, usual)
        for way in changes[max(1, index) : index + 2]:
            changed = cv2.max(changed, way)
        found.append(_boxes(cv2.blur(changed, (3, 3)) > _CHANGED))
    return found


def _boxes(changed: NDArray[np.bool_]) -> Floats:
    wide = cv2.dilate(changed.astype(np.uint8), np.ones((2 * _SPREAD + 1, 2 * _SPREAD + 1), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(wide)
    counts = np.bincount(labels[changed], minlength=len(stats))
    kept = stats[1:][counts[1:] >= _LEAST_CELLS]
    left, top, width, height = kept[:, :4].T.astype(np.float64)
    return np.stack([left, top, left + width, top + height], axis=1) / len(changed)
