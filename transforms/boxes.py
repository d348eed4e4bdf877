"""Boxes as arrays: overlap, non-maximum suppression, and the integers in which boxes leave the pixel stage.

Boxes are rows x1, y1, x2, y2 in any one unit, origin top left.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNIT = 16384
"""Steps in a picture height, the unit of quantised boxes."""

CANDIDATES = 1000
"""Most boxes that enter suppression: it compares all pairs."""


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every box of a with every box of b.

    Args:
        a: (N, 4) boxes.
        b: (M, 4) boxes.

    Returns:
        (N, M) shares in 0..1; 0 where either box is empty.
    """
    return overlap(np.ascontiguousarray(a.T)[:, :, None], np.ascontiguousarray(b.T)[:, None])


def overlap(sides: Floats, other_sides: Floats) -> Floats:
    """Intersection over union of boxes with other boxes, both (4, ...): x1, y1, x2, y2, which broadcast."""
    left, top, right, bottom = sides
    other_left, other_top, other_right, other_bottom = other_sides
    shared = np.maximum(np.minimum(right, other_right) - np.maximum(left, other_left), 0)
    shared *= np.maximum(np.minimum(bottom, other_bottom) - np.maximum(top, other_top), 0)
    area = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    other_area = np.maximum(other_right - other_left, 0) * np.maximum(other_bottom - other_top, 0)
    return shared / np.maximum(area + other_area - shared, np.finfo(np.float64).tiny)


def nms(boxes: Floats, scores: Floats, threshold: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression, by OpenCV.

    A box is dropped where it overlaps a kept box of a higher score (of the same score: an earlier one) by
    more than the threshold. Only the `CANDIDATES` best boxes take part.

    Args:
        boxes: (N, 4), none of them empty.
        scores: (N,), above 0.
        threshold: Largest IoU of two kept boxes.

    Returns:
        Indices of the kept boxes, by falling score.
    """
    sides: Any = boxes.copy()  # OpenCV's types know of lists alone; it takes arrays, much faster
    sides[:, 2:] -= boxes[:, :2]
    levels: Any = scores.astype(np.float32)
    kept = cv2.dnn.NMSBoxes(sides, levels, 0.0, threshold, top_k=CANDIDATES)
    return np.asarray(kept, np.intp).reshape(-1)


def quantise(boxes: Floats, scores: Floats) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Round boxes and scores to integers, in canonical order.

    Args:
        boxes: (N, 4) in picture heights; not clipped to the picture.
        scores: (N,) in 0..1.

    Returns:
        Boxes in 1/`UNIT` of a picture height and scores 0..255, by falling score, then by rising coordinates:
        the same set of boxes gives the same arrays.
    """
    limit = np.iinfo(np.int32).max
    whole = np.clip(np.rint(boxes * UNIT), -limit, limit).astype(np.int32)
    levels = np.clip(np.rint(scores * 255), 0, 255)
    order = np.lexsort((whole[:, 3], whole[:, 2], whole[:, 1], whole[:, 0], -levels))
    return whole[order], levels[order].astype(np.uint8)
