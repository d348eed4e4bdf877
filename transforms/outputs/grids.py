"""Output kinds with one candidate a grid cell: YOLOX, NanoDet, YuNet, FastestDet, CenterNet."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.card import (
    CenterNetOutput,
    CenterNetSidesOutput,
    FastestDetOutput,
    NanodetOutput,
    YoloxOutput,
    YunetOutput,
)
from transforms.boxes import Floats
from transforms.outputs.contract import (
    AtLeast,
    Candidates,
    Decode,
    Disagreement,
    Shapes,
    Size,
    Tensors,
    best,
    cells,
    corners,
    expect,
    only,
)


def yolox(output: YoloxOutput, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Decode YOLOX: centre = (cell + offset) * stride, size = exp(log size) * stride, score = object * class.

    Source: Ge et al., YOLOX: Exceeding YOLO Series in 2021, arXiv:2107.08430; the raw export.
    """
    name = only(shapes)
    cell, stride = cells(size, output.strides)
    expect(shapes, {name: (1, len(stride), AtLeast(6 + max(classes)))})

    def decode(tensors: Tensors, floor: float) -> Candidates:
        rows = tensors[name][0]
        scores = rows[:, 4] * best(rows[:, 5:], classes)
        kept = np.flatnonzero(scores >= floor)
        raw = rows[kept, :4].astype(np.float64)
        step = stride[kept, None]
        boxes = corners((cell[kept] + raw[:, :2]) * step, np.exp(raw[:, 2:]) * step)
        return boxes, scores[kept].astype(np.float64)

    return decode


def nanodet(output: NanodetOutput, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Decode NanoDet: each side's distance from the centre is the mean of a softmax over 0 .. reg_max strides.

    Source: Li et al., Generalized Focal Loss, arXiv:2006.04388.
    """
    bins = output.reg_max + 1
    layers = []
    for stride in output.strides:
        cell, _ = cells(size, [stride])
        pair = [name for name, shape in shapes.items() if len(shape) == 3 and shape[1] == len(cell)]
        sides = [name for name in pair if shapes[name][2] == 4 * bins]
        scores = [name for name in pair if name not in sides]
        if len(sides) != 1 or len(scores) != 1:
            raise Disagreement(
                f"stride {stride} needs scores [1, {len(cell)}, C] and distances [1, {len(cell)}, {4 * bins}]"
            )
        layers.append((scores[0], sides[0], (cell + 0.5) * stride, stride))
    wanted = {name: (1, len(cell), AtLeast(1 + max(classes))) for name, _, cell, _ in layers}
    expect(shapes, wanted | {name: (1, len(cell), 4 * bins) for _, name, cell, _ in layers})

    def decode(tensors: Tensors, floor: float) -> Candidates:
        boxes, scores = [], []
        for score_name, side_name, centre, stride in layers:
            score = best(tensors[score_name][0], classes)
            kept = np.flatnonzero(score >= floor)
            logits = tensors[side_name][0, kept].reshape(-1, 4, bins).astype(np.float64)
            powers = np.exp(logits - logits.max(axis=2, keepdims=True))
            sides = powers @ np.arange(bins) / powers.sum(axis=2) * stride
            boxes.append(np.concatenate([centre[kept] - sides[:, :2], centre[kept] + sides[:, 2:]], axis=1))
            scores.append(score[kept].astype(np.float64))
        return np.concatenate(boxes), np.concatenate(scores)

    return decode


def yunet(output: YunetOutput, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Decode YuNet: centre = (cell + offset) * stride, size = exp(log size) * stride, score = sqrt(class * object).

    Source: Wu et al., YuNet: A Tiny Millisecond-level Face Detector, 2023; OpenCV, FaceDetectorYN.
    """
    layers = [(*cells(size, [stride]), stride) for stride in output.strides]
    wanted: dict[str, tuple[int | None, ...]] = {}
    for cell, _, stride in layers:
        count = len(cell)
        wanted |= {f"cls_{stride}": (1, count, 1), f"obj_{stride}": (1, count, 1), f"bbox_{stride}": (1, count, 4)}
    if tuple(classes) != (0,):
        raise Disagreement("this output kind has one class, with index 0")
    expect(shapes, wanted)

    def decode(tensors: Tensors, floor: float) -> Candidates:
        boxes, scores = [], []
        for cell, step, stride in layers:
            pair = np.clip(tensors[f"cls_{stride}"][0, :, 0] * tensors[f"obj_{stride}"][0, :, 0], 0, 1)
            score = np.sqrt(pair.astype(np.float64))
            kept = np.flatnonzero(score >= floor)
            raw = tensors[f"bbox_{stride}"][0, kept].astype(np.float64)
            factor = step[kept, None]
            boxes.append(corners((cell[kept] + raw[:, :2]) * factor, np.exp(raw[:, 2:]) * factor))
            scores.append(score[kept])
        return np.concatenate(boxes), np.concatenate(scores)

    return decode


def fastestdet(output: FastestDetOutput, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Decode FastestDet: centre = (cell + tanh) / grid, size = sigmoid, score = object ** 0.6 * class ** 0.4.

    Source: https://github.com/dog-qiuqiu/FastestDet.
    """
    name = only(shapes)
    if len(shapes[name]) != 4:
        raise Disagreement(f"output {name} has {len(shapes[name])} dimensions, not those of [1, 5 + C, h, w]")
    height, width = shapes[name][2:]
    expect(shapes, {name: (1, AtLeast(6 + max(classes)), height, width)})
    if height * size[1] != width * size[0]:
        raise Disagreement(f"output {name} has {height}x{width} cells for an input of {size[0]}x{size[1]}")
    stride = size[1] / width
    rows, columns = np.mgrid[:height, :width]
    cell = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float64)
    whole = np.array([size[1], size[0]], np.float64)

    def decode(tensors: Tensors, floor: float) -> Candidates:
        rows = tensors[name][0].reshape(shapes[name][1], -1).T
        scores = rows[:, 0] ** 0.6 * best(rows[:, 5:], classes) ** 0.4
        kept = np.flatnonzero(scores >= floor)
        raw = rows[kept, 1:5].astype(np.float64)
        sizes = whole / (1 + np.exp(-raw[:, 2:]))
        return corners((cell[kept] + np.tanh(raw[:, :2])) * stride, sizes), scores[kept].astype(np.float64)

    return decode


def centernet(output: CenterNetOutput, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Decode CenterNet: centre = (cell + offset) * stride, for cells with no higher one among their neighbours.

    Sources: Zhou et al., Objects as Points, arXiv:1904.07850; with logarithms of sizes, and offsets from the middle of
    the cell, Xu et al., CenterFace, arXiv:1911.03599.
    """
    _expect_maps(output, {output.size: 2, output.offset: 2}, shapes, size, classes)
    channels = slice(None, None, 1 if output.first == "x" else -1)
    scale = float(output.stride if output.unit == "cells" else 1)
    origin = 0.5 if output.origin == "centre" else 0.0

    def decode(tensors: Tensors, floor: float) -> Candidates:
        rows, columns, scores = _peaks(tensors[output.heatmap], classes, floor)
        offsets = tensors[output.offset][0, channels, rows, columns].astype(np.float64)
        sizes = tensors[output.size][0, channels, rows, columns].astype(np.float64)
        centres = (np.stack([columns, rows], axis=1) + origin + offsets) * output.stride
        if output.measure == "log":
            sizes = np.exp(sizes)
        return corners(centres, sizes * scale), scores

    return decode


def centernet_sides(output: CenterNetSidesOutput, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Decode CenterNet with boxes by their sides: as `centernet`, the box reaching from the corner of the cell.

    Source: Liu et al., Training-Time-Friendly Network, arXiv:1909.00700.
    """
    _expect_maps(output, {output.sides: 4}, shapes, size, classes)
    scale = float(output.stride if output.unit == "cells" else 1)

    def decode(tensors: Tensors, floor: float) -> Candidates:
        rows, columns, scores = _peaks(tensors[output.heatmap], classes, floor)
        sides = tensors[output.sides][0, :, rows, columns].astype(np.float64) * scale
        centres = np.stack([columns, rows], axis=1) * output.stride
        return np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1), scores

    return decode


def _expect_maps(
    output: CenterNetOutput | CenterNetSidesOutput,
    channels: Mapping[str, int],
    shapes: Shapes,
    size: Size,
    classes: Sequence[int],
) -> None:
    """Check the heatmap and the maps beside it."""
    grid = -(-size[0] // output.stride), -(-size[1] // output.stride)
    maps = {name: (1, count, *grid) for name, count in channels.items()}
    expect(shapes, {output.heatmap: (1, AtLeast(1 + max(classes)), *grid), **maps})


def _peaks(
    heatmap: NDArray[np.float32], classes: Sequence[int], floor: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Return rows, columns and scores of the cells that are the highest of the 3x3 around them."""
    heat = heatmap[0, list(classes)].max(axis=0)
    peaks = (heat >= floor) & (heat == cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    rows, columns = np.nonzero(peaks)
    return rows, columns, heat[rows, columns].astype(np.float64)
