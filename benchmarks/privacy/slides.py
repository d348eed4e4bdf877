"""A slide-show of the pictures with faces, as a camera would film them: each drifts and grows a little.

The faces that stand for the truth are those on which two of four detectors agree on the pictures as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, FPS = 1280, 720, 25
FRAMES_EACH = 20
SMALLEST = 20
"""Pixels of the longer side of a face, from which on it counts."""
_GROWS, _DRIFTS = 0.08, 24.0

Picture = NDArray[np.uint8]
Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class Slide:
    """A picture, and where its faces are.

    Attributes:
      path: Its file.
      faces: (N, 4) x1, y1, x2, y2 in its own pixels.
    """

    path: Path
    faces: Boxes


def slides(shared: Path) -> list[Slide]:
    """Return the pictures, in order of their names."""
    folder = shared / "data/faces"
    agreed = json.loads((folder / "consensus_boxes.json").read_text())
    return [
        Slide(folder / name, np.array([face["box"] for face in faces], float).reshape(-1, 4))
        for name, faces in sorted(agreed.items())
    ]


def faces_at(slide: Slide, size: tuple[int, int], number: int) -> dict[int, Boxes]:
    """Return the faces of a slide's frame that count, by their index: large enough, and whole in the picture."""
    moved = _placed(size, number)
    corners = slide.faces.reshape(-1, 2) @ moved[:, :2].T + moved[:, 2]
    boxes = corners.reshape(-1, 4)
    large = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) >= SMALLEST
    inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2:] <= (WIDTH, HEIGHT)).all(axis=1)
    return {int(index): boxes[index] for index in np.flatnonzero(large & inside)}


def frames(show: list[Slide]) -> Iterator[tuple[Slide, int, dict[int, Boxes], Picture]]:
    """Yield each frame: its slide, its number in it, its faces, and the picture itself."""
    for slide in show:
        picture = np.asarray(cv2.imread(str(slide.path)), np.uint8)
        size = picture.shape[1], picture.shape[0]
        scale = min(1.0, 1.1 * min(WIDTH / size[0], HEIGHT / size[1]))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # warping alone would alias
        for number in range(FRAMES_EACH):
            moved = _placed(size, number)
            moved[:, :2] /= scale
            shown = cv2.warpAffine(small, moved, (WIDTH, HEIGHT))
            yield slide, number, faces_at(slide, size, number), np.asarray(shown, np.uint8)


def write_show(show: list[Slide], path: Path) -> list[tuple[Slide, dict[int, Boxes]]]:
    """Write the slide-show as H.264; return what is on each frame."""
    told = []
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "16"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index, (slide, _, faces, picture) in enumerate(frames(show)):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            output.mux(stream.encode(frame))
            told.append((slide, faces))
        output.mux(stream.encode(None))
    return told


def _placed(size: tuple[int, int], number: int) -> NDArray[np.float64]:
    """Return the 2 x 3 matrix from a picture's pixels to those of a frame: fitted, then moved on frame by frame."""
    share = number / (FRAMES_EACH - 1)
    scale = min(WIDTH / size[0], HEIGHT / size[1]) * (1 + _GROWS * share)
    left, top = (WIDTH - size[0] * scale) / 2 + _DRIFTS * (share - 0.5), (HEIGHT - size[1] * scale) / 2
    return np.array([[scale, 0, left], [0, scale, top]])
