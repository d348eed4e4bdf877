"""Privacy masks: parts of the picture that are blanked before anything looks at it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

# Scaling lets a pixel reach into its neighbours, and its colour, stored at half the resolution, into three.
_REACH = 3


@dataclass(frozen=True, eq=False)
class Mask:
    """The masked part of a picture of one size.

    Attributes:
      visible: height x width, true where the picture may be seen.
    """

    visible: NDArray[np.bool_]
    _box: tuple[slice, slice]
    _factor: NDArray[np.uint8]

    def blank(self, picture: NDArray[np.uint8]) -> None:
        """Set the masked pixels of a height x width x 3 picture to 0, in place."""
        if picture.shape[:2] != self.visible.shape:
            raise ValueError(f"a mask for {self.visible.shape} cannot blank a picture of {picture.shape[:2]}")
        part = picture[self._box]
        np.multiply(part, self._factor, out=part)


@lru_cache(maxsize=64)
def rasterise(
    polygons: tuple[tuple[tuple[float, float], ...], ...], width: int, height: int, enlarged: float = 1.0
) -> Mask | None:
    """Draw masks for pictures of one size; None if there is nothing to blank.

    Rounded outward, so that no pixel of which any part is masked survives scaling.

    Args:
      polygons: Corners normalised 0..1 by the picture's width and height, origin top left.
      width: Of the scaled picture, pixels.
      height: Of the scaled picture, pixels.
      enlarged: Scaled over original size where the picture was enlarged; an original pixel is then as large.
    """
    if not polygons:
        return None
    # fillPoly rounds edges to the nearest pixel, hence one more; drawn on a larger sheet, as an edge along the
    # picture's own would fall outside.
    margin = 1 + math.ceil(_REACH * max(1.0, enlarged))
    sheet = np.zeros((height + 2 * margin, width + 2 * margin), np.uint8)
    for polygon in polygons:
        # A picture of n pixels spans 0..n; the pixel with index i is the square from i to i + 1.
        corners = np.asarray(polygon, np.float64) * (width, height) + (margin - 0.5)
        cv2.fillPoly(sheet, [np.rint(corners * 16).astype(np.int32)], 1, shift=4)
    sheet = cv2.dilate(sheet, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    masked = sheet[margin:-margin, margin:-margin]
    rows, columns = np.flatnonzero(masked.any(1)), np.flatnonzero(masked.any(0))
    if not rows.size:
        return None
    box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    visible = masked == 0
    return Mask(visible, box, np.repeat(visible[box][..., np.newaxis], 3, axis=2).astype(np.uint8))
