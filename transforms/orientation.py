"""How a decoded picture lies, by its display matrix."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from numpy.typing import NDArray


@dataclass(frozen=True)
class Orientation:
    """How a decoded picture is turned for display: transposed first, then flipped."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def turn(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a height x width x 3 picture upright."""
        if self.transpose:
            picture = picture.transpose(1, 0, 2)
        if self.flip_x or self.flip_y:
            picture = picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.ascontiguousarray(picture)

    def turn_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return width and height of the upright picture, or back."""
        return size[::-1] if self.transpose else size

    def turn_back(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where boxes of the upright picture lie in the decoded one, both as shares of width and height.

        Args:
          boxes: (N, 4) x1, y1, x2, y2, origin top left.
        """
        left, top, right, bottom = boxes.T
        if self.flip_x:
            left, right = 1 - right, 1 - left
        if self.flip_y:
            top, bottom = 1 - bottom, 1 - top
        sides = (top, left, bottom, right) if self.transpose else (left, top, right, bottom)
        return np.stack(sides, axis=1)

    def turn_mask_back(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a height x width mask of the upright picture as it lies over the decoded one."""
        mask = mask[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.ascontiguousarray(mask.T if self.transpose else mask)


def orientation_of(picture: av.VideoFrame) -> Orientation:
    """Read the display matrix, nearest of the eight ways a picture can lie.

    The matrix maps a stored point (x, y) to the shown one: x' = a x + c y, y' = b x + d y (ISO/IEC 14496-12).
    """
    side_data = picture.side_data.get(SideDataType.DISPLAYMATRIX)
    if side_data is None:
        return Orientation()
    a, b, _, c, d = np.frombuffer(bytes(side_data), np.int32)[:5].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transpose=True, flip_x=c < 0, flip_y=b < 0)
    return Orientation(flip_x=a < 0, flip_y=d < 0)
