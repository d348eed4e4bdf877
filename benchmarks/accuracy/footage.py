"""The footage with truth: boxes that were detected, and what is true, both as MOT rows in pixels.

PETS09-S2L1 and the demo's video are looked at here, by YOLOX nano at 384x640. The others come with detections of their
own and no pictures: TUD-Campus and TUD-Stadtmitte (Faster R-CNN, scores as they are) and MOT17-04-DPM, whose scores are
margins of a support vector machine, put into 0..1 by Platt's logistic 1 / (1 + exp(-2 margin)) for everybody: a margin
of 0 is even, and 1, from where such a machine is sure, is .88.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy.peers import mot
from benchmarks.accuracy.peers.mot import Rows
from schemas.clock import SECOND_US
from schemas.envelope import SCHEMA_VERSION, Envelope
from schemas.site import Camera, Site
from transforms.boxes import UNIT
from transforms.clips import Clip
from transforms.decode import ClipLimits
from transforms.detect import detect
from transforms.detector import Detector

START_US = 1_767_603_600_000_000
PEDESTRIAN = 1


@dataclass(frozen=True, eq=False)
class Footage:
    """Boxes and truth of one scene at one frame rate.

    Attributes:
      name: Short, for figures.
      rate: Frames a second.
      size: Width and height in pixels.
      frames: Number of frames.
      found: Detected boxes, MOT rows without tracks.
      true: The truth's boxes: frame, track, box, considered, class, visibility.
    """

    name: str
    rate: float
    size: tuple[int, int]
    frames: int
    found: Rows
    true: Rows

    def every(self, step: int) -> Footage:
        """Return every step-th frame, from the first on."""
        if step == 1:
            return self
        count = -(-self.frames // step)
        return replace(
            self, rate=self.rate / step, frames=count, found=_every(self.found, step), true=_every(self.true, step)
        )

    @property
    def label(self) -> str:
        """Name and rate, as in a figure's name."""
        return f"{self.name}_{self.rate:g}fps".replace(".", "_")

    @property
    def people(self) -> Rows:
        """The true boxes that count."""
        return self.true[(self.true[:, 6] == 1) & (self.true[:, 7] == PEDESTRIAN)]


def pets(shared: Path, detector: Detector) -> Footage:
    """Return PETS09-S2L1 (`opencv_vtest.avi`): a plaza, 19 people, 7 frames a second."""
    camera = Camera.model_validate({"name": "plaza"})
    found, frames = look(shared / "data/clips/opencv_vtest.avi", "msmpeg4", 7, (768, 576), camera, detector)
    true = _truth(mot.read(shared / "data/mot/PETS09-S2L1/gt/gt.txt"))
    return Footage("pets", 7, (768, 576), frames, found, true)


def demo(root: Path, camera: Camera, detector: Detector) -> Footage:
    """Return the demo's video, as the camera of its site file sees it; without true boxes."""
    found, frames = look(root / "demo/one-by-one.mp4", "h264", 10, (768, 432), camera, detector)
    return Footage("demo", 10, (768, 432), frames, found, np.empty((0, 9)))


def presence(shared: Path) -> list[tuple[int, int]]:
    """Return the first and last frame of each of the demo's six people."""
    runs = json.loads((shared / "data/demo/one-by-one_presence.json").read_text())["runs"]
    return [(first, last) for first, last in runs]


def tud(shared: Path, name: str) -> Footage:
    """Return `Campus` or `Stadtmitte`: a few people crossing close to a camera, 25 frames a second."""
    folder = shared / f"data/mot/TUD-{name}"
    true = _truth(mot.read(folder / "gt.txt"))
    found = mot.read(folder / "det/det_sort_frcnn.txt")[:, :7]
    return Footage(f"tud_{name.lower()}", 25, (640, 480), int(true[-1, 0]), found, true)


def mot17_04(shared: Path) -> Footage:
    """Return MOT17-04-DPM: a crowded square at night, 30 frames a second."""
    folder = shared / "data/mot/MOT17-04-DPM"
    found = mot.read(folder / "det/det.txt")[:, :7]
    found[:, 6] = 1 / (1 + np.exp(-2 * found[:, 6]))
    true = mot.read(folder / "gt/gt.txt")
    return Footage("mot17_04", 30, (1920, 1080), int(true[-1, 0]), found, true)


def look(
    video: Path, codec: str, rate: float, size: tuple[int, int], camera: Camera, detector: Detector
) -> tuple[Rows, int]:
    """Look at all frames of a video; returns the boxes in pixels, and how many frames there are."""
    payload = video.read_bytes()
    sha256 = hashlib.sha256(payload).hexdigest()
    limits = ClipLimits()
    length_us = round(limits.max_seconds * SECOND_US)
    envelope = Envelope(
        SCHEMA_VERSION, "site", camera.name, video.stem, 0, START_US, START_US + length_us, 0, rate, codec,
        len(payload), sha256,
    )  # fmt: skip
    site = Site.model_validate(
        {"site": "site", "site_version": 1, "time_zone": "UTC", "cameras": [{"name": camera.name}]}
    )
    clip = detect(Clip(envelope, payload), site, camera, detector, limits)
    frame = np.repeat(np.arange(1, len(clip.counts) + 1), clip.counts)
    boxes = clip.boxes / UNIT * size[1]
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.column_stack((frame, np.full(len(frame), -1), boxes[:, :2], sides, clip.scores / 255)), len(clip.counts)


def _truth(rows: Rows) -> Rows:
    """Return rows of older truth files, in which every box is a person that counts."""
    return np.column_stack((rows[:, :6], np.ones((len(rows), 3))))


def _every(rows: Rows, step: int) -> Rows:
    kept = rows[(rows[:, 0] - 1) % step == 0].copy()
    kept[:, 0] = (kept[:, 0] - 1) // step + 1
    return kept
