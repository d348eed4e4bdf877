"""Where a picture lies inside a model's input, and the way back to picture coordinates."""

from dataclasses import dataclass

import numpy as np

from schemas.card import Letterbox
from transforms.boxes import Floats


@dataclass(frozen=True)
class Fit:
    """A picture of one size inside an input of another.

    Attributes:
        content_w: Width in pixels to which the picture is scaled.
        content_h: Height in pixels to which the picture is scaled.
        offset_x: Input column where the content starts.
        offset_y: Input row where the content starts.
        scale_x: Picture heights in one input pixel, across.
        scale_y: Picture heights in one input pixel, down.
    """

    content_w: int
    content_h: int
    offset_x: int
    offset_y: int
    scale_x: float
    scale_y: float


def fit(letterbox: Letterbox, input_size: tuple[int, int], picture_w: int, picture_h: int) -> Fit:
    """Fit a picture into an input.

    Args:
        letterbox: Whether the shape is kept, and where the padding goes.
        input_size: (height, width) of the input, in pixels.
        picture_w: Width of the picture in (square) pixels, after rotation.
        picture_h: Height of the picture.
    """
    if picture_w < 1 or picture_h < 1:
        raise ValueError(f"a picture of {picture_w}x{picture_h} pixels cannot be fitted")
    height, width = input_size
    content_w, content_h = width, height
    if letterbox.mode != "stretch":
        ratio = min(width / picture_w, height / picture_h)
        content_w = min(width, max(1, round(picture_w * ratio)))
        content_h = min(height, max(1, round(picture_h * ratio)))
    centred = letterbox.mode == "letterbox-centre"
    return Fit(
        content_w=content_w,
        content_h=content_h,
        offset_x=(width - content_w) // 2 if centred else 0,
        offset_y=(height - content_h) // 2 if centred else 0,
        scale_x=picture_w / picture_h / content_w,
        scale_y=1 / content_h,
    )


def to_heights(boxes: Floats, fit: Fit) -> Floats:
    """Map (N, 4) boxes from input pixels to picture heights, origin at the picture's top left corner."""
    offset = np.array([fit.offset_x, fit.offset_y] * 2, np.float64)
    return (boxes - offset) * np.array([fit.scale_x, fit.scale_y] * 2)
