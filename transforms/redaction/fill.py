"""Covering parts of a decoded picture, so that nothing of what was there is left in the new one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray

from transforms.boxes import Floats
from transforms.encode import LIMITED_RANGE, format_for
from transforms.redaction.what import Fill

Plane = NDArray[np.uint8]

BLOCKS = 3
"""Blocks of a mosaic along the longer side of what is covered: a face in it is two of them broad, or fewer."""
_BLACK = (16, 128, 128)  # Y, Cb, Cr in the limited range


def covered(picture: av.VideoFrame, boxes: Floats, fill: Fill, blank: NDArray[np.bool_] | None = None) -> av.VideoFrame:
    """Return a new picture, as it can be encoded, with what lies under boxes filled.

    Args:
      picture: As decoded; not changed.
      boxes: (N, 4) x1, y1, x2, y2 as shares of the width and height of the picture as decoded.
      fill: How.
      blank: height x width, what is to be black besides, whatever the fill.
    """
    target = _copy(picture)
    planes = list(_planes(target))
    height, width = planes[0].shape
    parts = [(height // plane.shape[0], width // plane.shape[1]) for plane in planes]
    cells = _outward(boxes, width, height, parts[-1])
    if fill == "mosaic":
        originals = [plane.copy() for plane in planes] if cells else planes
        # Of two that overlap the larger has the larger blocks: it goes over the smaller.
        for left, top, right, bottom in sorted(cells, key=lambda box: max(box[2] - box[0], box[3] - box[1])):
            for plane, original, (down, across) in zip(planes, originals, parts, strict=True):
                at = np.s_[top // down : -(-bottom // down), left // across : -(-right // across)]
                plane[at] = _mosaic(original[at])
    else:
        for left, top, right, bottom in cells:
            for plane, (down, across), value in zip(planes, parts, _BLACK, strict=True):
                plane[top // down : -(-bottom // down), left // across : -(-right // across)] = value
    if blank is not None:
        for plane, (down, across), value in zip(planes, parts, _BLACK, strict=True):
            plane[_any(blank, down, across)] = value
    return target


def covered_whole(picture: av.VideoFrame) -> av.VideoFrame:
    """Return a new picture of the same size, all of it black."""
    return covered(picture, np.array([[0.0, 0.0, 1.0, 1.0]]), "solid")


def _copy(picture: av.VideoFrame) -> av.VideoFrame:
    """Return the picture in the encoder's format, the caller's own: a decoded one still serves the decoder."""
    source = picture.reformat(
        format=format_for(picture.width, picture.height), dst_color_range=LIMITED_RANGE, threads=1
    )
    if source is not picture:
        target = source
    else:
        target = av.VideoFrame(picture.width, picture.height, source.format.name)
        for mine, theirs in zip(_planes(target), _planes(source), strict=True):
            mine[:] = theirs
    target.colorspace, target.color_range = picture.colorspace, LIMITED_RANGE
    return target


def _planes(picture: av.VideoFrame) -> Iterator[Plane]:
    for plane in picture.planes:
        yield np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def _outward(boxes: Floats, width: int, height: int, cell: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Return boxes in whole pixels, rounded outward to those that share a colour; those outside are left out."""
    down, across = cell
    found = []
    for left, top, right, bottom in boxes.tolist():
        x1, x2 = (int(min(max(side * width, 0), width)) for side in (left, right + 1 / width))
        y1, y2 = (int(min(max(side * height, 0), height)) for side in (top, bottom + 1 / height))
        if left < 1 and right > 0 and top < 1 and bottom > 0 and x1 < x2 and y1 < y2:
            found.append((x1 // across * across, y1 // down * down, x2, y2))
    return found


def _mosaic(part: Plane) -> Plane:
    """Return a part in blocks of one value each."""
    rows, columns = part.shape
    block = max(1, math.ceil(max(rows, columns) / BLOCKS))
    tops, lefts = np.arange(0, rows, block), np.arange(0, columns, block)
    sums = np.add.reduceat(np.add.reduceat(part.astype(np.uint32), tops, axis=0), lefts, axis=1)
    heights, widths = np.diff([*tops, rows]), np.diff([*lefts, columns])
    means = (sums // np.outer(heights, widths)).astype(np.uint8)
    return means.repeat(heights, axis=0).repeat(widths, axis=1)


def _any(mask: NDArray[np.bool_], down: int, across: int) -> NDArray[np.bool_]:
    """Return which pixels of a plane hold any of a mask over the whole picture."""
    rows, columns = mask.shape
    return np.asarray(mask.reshape(rows // down, down, columns // across, across).any(axis=(1, 3)), np.bool_)
