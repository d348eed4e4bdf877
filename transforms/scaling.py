"""From a decoded picture to the size that a detector takes.

Bilinear and without smoothing first, as OpenCV scales and as detectors were trained: on PETS09-S2L1 that finds more
than area averaging does. Where the planes allow, each is scaled before the colours are made, which takes half the time.
"""

from __future__ import annotations

from typing import Literal

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Colour = Literal["bgr", "rgb"]

_FROM_I420 = {"bgr": cv2.COLOR_YUV2BGR_I420, "rgb": cv2.COLOR_YUV2RGB_I420}
# What OpenCV takes planar video for: ITU-R BT.601 (5, 6; or 2, none named), in the limited range (1; or 0, none named).
# The numbers are those of ITU-T H.273, as FFmpeg gives them.
_BT601 = (2, 5, 6)
_LIMITED = (0, 1)


def scaled(picture: av.VideoFrame, width: int, height: int, colour: Colour, reformatter: VideoReformatter) -> Picture:
    """Return a decoded picture as `height` x `width` x 3, contiguous, the caller's own to write to.

    Args:
      picture: As decoded, not turned.
      width: Wanted, pixels.
      height: Wanted, pixels.
      colour: Order of the channels.
      reformatter: Converts the colours of pictures that OpenCV does not read; kept from picture to picture.
    """
    planar = picture.format.name == "yuv420p" and picture.colorspace in _BT601 and picture.color_range in _LIMITED
    # A plane of colours for an odd size reaches beyond the picture, and scaled by itself would be shifted.
    if planar and not any(size % 2 for size in (picture.width, picture.height, width, height)):
        return _scaled_planes(picture, width, height, colour)
    whole = reformatter.reformat(picture, picture.width, picture.height, f"{colour}24", threads=1)
    return cv2.resize(np.asarray(whole.to_ndarray(), np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)


def _scaled_planes(picture: av.VideoFrame, width: int, height: int, colour: Colour) -> Picture:
    planes = np.empty(width * height * 3 // 2, np.uint8)
    begin = 0
    for plane, part in zip(picture.planes, (1, 2, 2), strict=True):
        lines = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        size = width // part, height // part
        end = begin + size[0] * size[1]
        cv2.resize(lines, size, dst=planes[begin:end].reshape(size[::-1]), interpolation=cv2.INTER_LINEAR)
        begin = end
    return cv2.cvtColor(planes.reshape(height * 3 // 2, width), _FROM_I420[colour])
