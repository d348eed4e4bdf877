"""The plain loop that a user would write: `python -m benchmarks.plain ARCHIVE MODEL THREADS`, 0 for the defaults.

OpenCV decodes and scales, onnxruntime infers, OpenCV suppresses, supervision's ByteTrack follows and its LineZone
counts at the same lines as the job's site file. One frame after the other, as its examples do; nothing is drawn.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import supervision
from numpy.typing import NDArray

from benchmarks.footage import FPS, clips
from benchmarks.stopwatch import tell, wait_for_start

SIDE = 416
GREY = 114
SCORE = 0.1
OVERLAP = 0.45
LINES = [((384, 60), (384, 575)), ((0, 300), (767, 300)), ((150, 420), (640, 170))]
Picture = NDArray[np.uint8]


def main(archive: str, model: str, threads: str) -> None:
    """Run the loop once."""
    session = open_session(model, int(threads))
    detect = Detect(session)
    warnings.simplefilter("ignore")  # ByteTrack is to move to another package
    tracker = supervision.ByteTrack(frame_rate=FPS)
    zones = [
        supervision.LineZone(
            supervision.Point(*a), supervision.Point(*b), triggering_anchors=[supervision.Position.BOTTOM_CENTER]
        )
        for a, b in LINES
    ]
    detect(np.zeros((SIDE, SIDE, 3), np.uint8))
    wait_for_start()
    begin = time.monotonic()
    frames = 0
    for clip in clips(Path(archive)):
        for picture in pictures(clip):
            tracked = tracker.update_with_detections(detect(picture))
            for zone in zones:
                zone.trigger(tracked)
            frames += 1
    tell(frames, begin, time.monotonic())


def open_session(model: str, threads: int) -> onnxruntime.InferenceSession:
    """Open a model file as it is; 0 threads for the runtime's default."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    if threads:
        cv2.setNumThreads(threads)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def pictures(clip: Path) -> Iterator[Picture]:
    """Yield a clip's pictures, height x width x BGR."""
    video = cv2.VideoCapture(str(clip))
    while True:
        there, picture = video.read()
        if not there:
            return
        yield picture


def letterboxed(picture: Picture) -> tuple[NDArray[np.float32], float]:
    """Return the model's input (1, 3, SIDE, SIDE) for a picture, and its pixels for one of the picture's."""
    ratio = min(SIDE / picture.shape[0], SIDE / picture.shape[1])
    size = round(picture.shape[1] * ratio), round(picture.shape[0] * ratio)
    canvas = np.full((SIDE, SIDE, 3), GREY, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32), ratio


class Detect:
    """YOLOX as its authors' example runs it, for people only."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        grids = [(stride, np.mgrid[: SIDE // stride, : SIDE // stride]) for stride in (8, 16, 32)]
        self._cell = np.concatenate([np.stack([grid[1].ravel(), grid[0].ravel()], 1) for _, grid in grids])
        self._stride = np.concatenate([np.full((grid[0].size, 1), stride) for stride, grid in grids])

    def __call__(self, picture: Picture) -> supervision.Detections:
        """Return the people in a picture, boxes in its pixels."""
        tensor, ratio = letterboxed(picture)
        rows = self._session.run(None, {"images": tensor})[0][0]
        scores = rows[:, 4] * rows[:, 5]
        likely = scores > SCORE
        rows, scores = rows[likely], scores[likely]
        centres = (rows[:, :2] + self._cell[likely]) * self._stride[likely] / ratio
        sizes = np.exp(rows[:, 2:4]) * self._stride[likely] / ratio
        boxes = np.concatenate([centres - sizes / 2, sizes], 1)
        kept = np.array(cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), SCORE, OVERLAP), int).reshape(-1)
        corners = np.concatenate([boxes[kept, :2], boxes[kept, :2] + boxes[kept, 2:]], 1)
        return supervision.Detections(corners, confidence=scores[kept], class_id=np.zeros(len(kept), int))


if __name__ == "__main__":
    main(*sys.argv[1:])
