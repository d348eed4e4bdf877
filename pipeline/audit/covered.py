"""Where a redacted clip shows nothing: frames that were covered whole, since somebody could not be covered alone."""

from __future__ import annotations

import av
import numpy as np

from pipeline.audit.windows import Stretch
from pipeline.video_file import BOUNDLESS
from transforms.decode import ClipError, open_clip

_BLACKEST = 16
_ALMOST = 12
"""What encoding may lift black by."""


def covered_stretches(payload: bytes) -> list[Stretch]:
    """Return the stretches of black frames, in shares of the clip's length; all of one that cannot be decoded."""
    try:
        with open_clip(payload, BOUNDLESS) as clip:
            rate = float(clip.frame_rate or 25)
            frames = [(frame.offset_us, _is_black(frame.picture)) for frame in clip.frames()]
    except ClipError:
        return [(0.0, 1.0)]
    starts = [offset_us for offset_us, _ in frames]
    length = starts[-1] + 1_000_000 / rate
    ends = [*starts[1:], length]
    return [(start / length, end / length) for (start, black), end in zip(frames, ends, strict=True) if black]


def _is_black(picture: av.VideoFrame) -> bool:
    plane = picture.planes[0]
    luma = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
    return int(luma.max()) <= _BLACKEST + _ALMOST
