"""Output kinds that list candidates: SSD, DETR, split scores and boxes, and graphs with their own NMS."""

from collections.abc import Sequence

import numpy as np

from schemas.card import DetrOutput, NmsOutput, RowsOutput, ScoresBoxesOutput, SsdOutput
from transforms.boxes import Floats
from transforms.outputs.contract import (
    AtLeast,
    Candidates,
    Decode,
    Shapes,
    Size,
    Tensors,
    activate,
    best,
    corners,
    expect,
    only,
)


def ssd(output: SsdOutput, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Decode rows of picture, class, score, x1, y1, x2, y2 in shares of the input; picture below 0 is no row.

    Source: Caffe SSD and OpenVINO, DetectionOutput.
    """
    name = only(shapes)
    expect(shapes, {name: (1, 1, None, 7)})
    sides = _sides(size)

    def decode(tensors: Tensors, floor: float) -> Candidates:
        rows = tensors[name][0, 0]
        kept = (rows[:, 0] >= 0) & (rows[:, 2] >= floor) & np.isin(rows[:, 1], classes)
        return rows[kept, 3:].astype(np.float64) * sides, rows[kept, 2].astype(np.float64)

    return decode


def detr(output: DetrOutput, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Decode queries: box centre and size in shares of the input, a logit a class (softmax: and no object).

    Source: Carion et al., End-to-End Object Detection with Transformers, arXiv:2005.12872.
    """
    split = ScoresBoxesOutput(
        kind="scores_boxes",
        scores=output.logits,
        boxes=output.boxes,
        activation=output.activation,
        corners="cxcywh",
        unit="share",
    )
    return scores_boxes(split, shapes, size, classes)


def scores_boxes(output: ScoresBoxesOutput, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Decode candidates whose scores and boxes are two tensors."""
    count = shapes[output.boxes][1] if len(shapes.get(output.boxes, ())) == 3 else None
    expect(shapes, {output.scores: (1, count, AtLeast(1 + max(classes))), output.boxes: (1, count, 4)})
    factor = _sides(size) if output.unit == "share" else np.ones(4)

    def decode(tensors: Tensors, floor: float) -> Candidates:
        scores = best(activate(tensors[output.scores][0], output.activation), classes)
        kept = np.flatnonzero(scores >= floor)
        boxes = tensors[output.boxes][0, kept].astype(np.float64) * factor
        if output.corners == "cxcywh":
            boxes = corners(boxes[:, :2], boxes[:, 2:])
        return boxes, scores[kept].astype(np.float64)

    return decode


def rows(output: RowsOutput, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Decode rows of a box, an object score where the kind has one, and class scores; all else was cut before."""
    name = only(shapes)
    first = 4 if output.object is None else 5
    expect(shapes, {name: (1, None, AtLeast(first + 1 + max(classes)))})
    factor = _sides(size) if output.unit == "share" else np.ones(4)

    def decode(tensors: Tensors, floor: float) -> Candidates:
        rows = tensors[name][0]
        scores = best(rows[:, first:], classes)
        if output.object is not None:
            scores = scores * rows[:, 4]
        kept = np.flatnonzero(scores >= floor)
        boxes = rows[kept, :4].astype(np.float64) * factor
        if output.corners == "cxcywh":
            boxes = corners(boxes[:, :2], boxes[:, 2:])
        return boxes, scores[kept].astype(np.float64)

    return decode


def nms(output: NmsOutput, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Decode final rows of x1, y1, x2, y2, score, class."""
    name = only(shapes)
    expect(shapes, {name: (1, None, 6) if len(shapes[name]) == 3 else (None, 6)})
    factor = _sides(size) if output.unit == "share" else np.ones(4)

    def decode(tensors: Tensors, floor: float) -> Candidates:
        rows = tensors[name].reshape(-1, 6)
        kept = (rows[:, 4] >= floor) & np.isin(rows[:, 5], classes)
        return rows[kept, :4].astype(np.float64) * factor, rows[kept, 4].astype(np.float64)

    return decode


def _sides(size: Size) -> Floats:
    """Return what turns shares of the input into its pixels, for x1, y1, x2, y2."""
    return np.array([size[1], size[0]] * 2, np.float64)
