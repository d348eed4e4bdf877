"""Privacy masks: parts of the picture that are blanked before anything looks at it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray


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
    polygons: tuple[tuple[tuple[float, float], ...], ...],
    width: int,
    height: int,
    stored: tuple[int, int] | None = None,
    colour_cell: tuple[int, int] = (2, 2),
) -> Mask | None:
    """Draw masks for pictures of one size; None if there is nothing to blank.

    Rounded outward, so that nothing survives of a stored pixel of which any part is masked, nor of its colour.

    Args:
      polygons: Corners normalised 0..1 by the picture's width and height, origin top left.
      width: Of the scaled picture, pixels.
      height: Of the scaled picture, pixels.
      stored: Width and height of the picture before it was scaled, in pixels; as the scaled one by default.
      colour_cell: Stored pixels, across and down, that share one colour.
    """
    if not polygons:
        return None
    columns, rows = stored or (width, height)
    across, down = _margin(width / columns, colour_cell[0]), _margin(height / rows, colour_cell[1])
    # Drawn on a larger sheet, as an edge along the picture's own would fall outside.
    sheet = np.zeros((height + 2 * down, width + 2 * across), np.uint8)
    for polygon in polygons:
        # A picture of n pixels spans 0..n; the pixel with index i is the square from i to i + 1.
        corners = np.asarray(polygon, np.float64) * (width, height) + (across - 0.5, down - 0.5)
        cv2.fillPoly(sheet, [np.rint(corners * 16).astype(np.int32)], 1, shift=4)
    sheet = cv2.dilate(sheet, np.ones((2 * down + 1, 2 * across + 1), np.uint8))
    masked = sheet[down:-down, across:-across]
    if not masked.any():
        return None
    box = _extent(masked.any(1)), _extent(masked.any(0))
    visible = masked == 0
    return Mask(visible, box, np.repeat(visible[box][..., np.newaxis], 3, axis=2).astype(np.uint8))


def _margin(pixel: float, cell: int) -> int:
    """Return the scaled pixels along one axis to which what is masked can spread.

    Args:
      pixel: Size of a stored pixel, in scaled ones.
      cell: Stored pixels that share one colour.
    """
    # A colour fills its cell, and interpolation takes it half a cell further; then comes half a pixel, scaled or
    # stored, as colours are made after scaling or before it. fillPoly rounds to the nearest pixel, hence one more.
    return 1 + math.ceil(1.5 * cell * pixel + 0.5 * max(1.0, pixel))


def _extent(masked: NDArray[np.bool_]) -> slice:
    hits = np.flatnonzero(masked)
    return slice(int(hits[0]), int(hits[-1]) + 1)
