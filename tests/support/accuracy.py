"""Average precision of a detector on pictures with ground truth."""

import configparser
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.card import ModelCard
from transforms.boxes import iou
from transforms.detector import Detections, Detector

PEDESTRIAN = (1, -1)  # MOT's classes of what must be found; all others may be found


@dataclass(frozen=True, eq=False)
class Labelled:
    """A picture, the (N, 4) boxes in pixels of its people, and which of them must be found."""

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    required: NDArray[np.bool_]


def look(detector: Detector, picture: NDArray[np.uint8]) -> Detections:
    """Run a detector on a BGR picture of any size."""
    fit = detector.fit(picture.shape[1], picture.shape[0])
    content: NDArray[Any] = cv2.resize(picture, (fit.content_w, fit.content_h), interpolation=cv2.INTER_LINEAR)
    if detector.card.input.colour == "rgb":
        content = np.ascontiguousarray(content[:, :, ::-1])
    return detector.detect([content], fit)[0]


def with_floor(card: ModelCard, score: float) -> ModelCard:
    """Return the card with another floor for scores."""
    return card.model_copy(update={"thresholds": card.thresholds.model_copy(update={"score": score})})


def plaza(shared: Path, step: int) -> Iterator[Labelled]:
    """Yield every step-th frame of PETS09-S2L1."""
    truth = _truth(shared / "data/mot/PETS09-S2L1/gt/gt.txt")
    video = cv2.VideoCapture(str(shared / "data/clips/opencv_vtest.avi"))
    number = 0
    while video.grab():
        number += 1
        if number % step == 0 and number in truth:
            yield Labelled(video.retrieve()[1], *truth[number])


def streets(shared: Path) -> Iterator[Labelled]:
    """Yield the frames of MOT17-mini."""
    for folder in sorted((shared / "data/mot/MOT17-mini").iterdir()):
        truth = _truth(folder / "gt/gt.txt")
        settings = configparser.ConfigParser()
        settings.read(folder / "seqinfo.ini")
        for file in sorted((folder / settings["Sequence"]["imDir"]).iterdir()):
            if int(file.stem) in truth:
                yield Labelled(cv2.imread(str(file)), *truth[int(file.stem)])


def average_precision(detector: Detector, frames: Iterable[Labelled]) -> float:
    """Return the area under the precision-recall curve at IoU 0.5."""
    outcomes: list[tuple[float, bool]] = []
    people = 0
    for frame in frames:
        found = look(detector, frame.picture)
        overlaps = iou(found.boxes * frame.picture.shape[0], frame.boxes)
        free = frame.required.copy()
        people += int(free.sum())
        for row, score in zip(overlaps, found.scores, strict=True):
            best = int(np.where(free, row, -1).argmax()) if len(row) else -1
            if best >= 0 and free[best] and row[best] >= 0.5:
                free[best] = False
                outcomes.append((score, True))
            elif not (row[~frame.required] >= 0.5).any():
                outcomes.append((score, False))
    outcomes.sort(key=lambda outcome: -outcome[0])
    hits = np.cumsum([hit for _, hit in outcomes])
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(hits, prepend=0) * envelope) / people)


def _truth(file: Path) -> dict[int, tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """Read a MOT ground truth file: frame, id, left, top, width, height, considered, class."""
    rows = np.loadtxt(file, delimiter=",", ndmin=2)
    frames = {}
    for number in np.unique(rows[:, 0]):
        here = rows[rows[:, 0] == number]
        boxes = np.concatenate([here[:, 2:4], here[:, 2:4] + here[:, 4:6]], axis=1)
        frames[int(number)] = boxes, (here[:, 6] == 1) & np.isin(here[:, 7], PEDESTRIAN)
    return frames
