"""What is left of people after redaction, what is lost besides, and how long it takes; beside deface 1.5.0.

`python -m benchmarks.privacy.redaction` prints the figures alone. Both sides are run as a user would, start-up
included, in turn on both cores: `silhouette redact --what faces`, and `deface` with its defaults.

* `residual_faces_20px`: faces on a slide-show of pictures that drift and grow, 20 pixels and larger, on which two of
  four detectors agree: of these, on all frames, the share that YuNet or UltraFace still finds on the redacted video.
  Neither is used by the product as it comes. A face counts as found where a detection overlaps it by an IoU of 0.4.
* `faces_seen_in_any_frame`: the share of these faces that is found on at least one frame of the slide.
* `residual_faces_on_clips`: the same on real clips of people's faces. They have no truth: what both YuNet and UltraFace
  find on a frame as it is, is a face.
* `frames_covered_whole`: of the slide-show, and of clips with people covered.
* `background_kept`: on a plaza with people covered, the share of the pixels outside all true boxes that are not
  black now; what was nearly black before is left out.
* `redaction_speed_over_deface`: seconds of deface over seconds of the product, on the slide-show.

Nothing is tuned to a picture: thresholds and margins are the product's own, for all clips alike.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, print_figures
from benchmarks.footage import GROUP
from benchmarks.footage import cut as cut_footage
from benchmarks.privacy.slides import SMALLEST, Slide, slides, write_show
from pipeline.models.registry import resolve
from tests.support.models import shared_models_folder
from tests.support.truth import pets_tracks
from transforms.boxes import iou
from transforms.detector import Detector

SHARED = Path(__file__).resolve().parents[3] / "shared"
WATCHERS = ("yunet_n_dynamic", "ultraface")
FOUND_SCORE, FOUND_IOU = 0.5, 0.4
CLIPS = (
    "intel/classroom.mp4", "intel/face-demographics-walking.mp4", "intel/face-demographics-walking-and-pause.mp4",
    "intel/head-pose-face-detection-female-and-male.mp4", "intel/people-detection.mp4",
    "intel/person-bicycle-car-detection.mp4", "intel/store-aisle-detection.mp4", "intel/worker-zone-detection.mp4",
    "intel/intel_car-detection.mp4", "bikes.mp4",
)  # fmt: skip
FACE_CLIPS = tuple(clip for clip in CLIPS if re.search("face|classroom", clip))
_BLACK, _NOT_BLACK = 24, 48  # Y of what is covered, and of what cannot be taken for it


@dataclass(frozen=True)
class Left:
    """What is found of the faces of a show.

    Attributes:
      residual: Share of faces on all frames.
      seen: Share of faces that are found on at least one.
    """

    residual: float
    seen: float


def figures(shared: Path = SHARED) -> list[Figure]:
    """Measure; a few minutes on two cores, most of them deface's."""
    with ExitStack() as held:
        work = Path(held.enter_context(tempfile.TemporaryDirectory()))
        os.environ["SILHOUETTE_MODELS"] = str(shared_models_folder(work, shared))
        show = slides(shared)
        told = write_show(show, work / "show.mp4")
        spent, covered_whole = _redact(work / "show.mp4", work / "ours.mp4", "faces")
        peer_spent = _deface(work / "show.mp4", work / "deface.mp4")
        watchers = [Detector.open(*resolve(name)) for name in WATCHERS]
        ours, peer = (left(told, work / name, watchers) for name in ("ours.mp4", "deface.mp4"))
        whole = [
            covered_whole,
            *(_redact(shared / "data/clips" / clip, work / "clip.mp4", "people")[1] for clip in CLIPS),
        ]
        kept, on_plaza = background_kept(shared, work)
        seen = [on_clip(shared / "data/clips" / clip, work, watchers) for clip in FACE_CLIPS]
        faces, still, peer_still = np.sum(seen, axis=0)
    frames = np.sum([*whole, on_plaza], axis=0)
    of = f"{len(told)} frames of a slide-show of {len(show)} pictures"
    return [
        Figure(
            "residual_faces_20px", ours.residual,
            f"share of faces of 20 pixels and up, on {of}, that YuNet or UltraFace still finds", "<= 0.001",
            {"deface 1.5.0": peer.residual},
        ),
        Figure(
            "faces_seen_in_any_frame", ours.seen,
            f"share of these faces that either finds on at least one frame; {of}", "<= 0.005",
            {"deface 1.5.0": peer.seen},
        ),
        Figure(
            "residual_faces_on_clips", still / faces,
            f"share of {faces} faces of 20 pixels and up, on all frames of {len(FACE_CLIPS)} clips, still found",
            "<= 0.001", {"deface 1.5.0": peer_still / faces},
        ),
        Figure(
            "frames_covered_whole", frames[0] / frames[1],
            f"of {frames[1]} frames: the slide-show with faces covered, {len(CLIPS) + 1} clips with people covered",
            "<= 0.05",
        ),
        Figure(
            "background_kept", kept,
            f"share of the pixels outside all true boxes that are not black, people covered; {GROUP} frames of a plaza",
            ">= 0.8",
        ),
        Figure(
            "redaction_speed_over_deface", peer_spent / spent,
            f"seconds of deface 1.5.0 over seconds of silhouette redact --what faces, start-up included; {of}", ">= 5",
            {"deface 1.5.0": 1.0},
        ),
    ]  # fmt: skip


def left(
    told: Sequence[tuple[Slide, dict[int, NDArray[np.float64]]]], video: Path, watchers: Sequence[Detector]
) -> Left:
    """Look for the faces of a show in what became of it."""
    shown = found = 0
    faces: dict[tuple[str, int], bool] = {}
    with av.open(str(video)) as container:
        for (slide, boxes), frame in zip(told, container.decode(video=0), strict=True):
            truth = np.array(list(boxes.values())).reshape(-1, 4) / frame.height
            seen = _found(truth, watchers, frame)
            shown, found = shown + len(boxes), found + int(seen.sum())
            for index, was in zip(boxes, seen, strict=True):
                key = slide.path.name, index
                faces[key] = faces.get(key, False) or bool(was)
    return Left(found / shown, sum(faces.values()) / len(faces))


def on_clip(clip: Path, work: Path, watchers: Sequence[Detector]) -> tuple[int, int, int]:
    """Return how many faces a clip shows, on all frames, and how many are found after the product and after deface."""
    ours, peers = work / "ours.mp4", work / "deface.mp4"
    _redact(clip, ours, "faces")
    _deface(clip, peers)
    shown = still = peer_still = 0
    with av.open(str(clip)) as before, av.open(str(ours)) as after, av.open(str(peers)) as after_peer:
        decoded = (each.decode(video=0) for each in (before, after, after_peer))
        for was, now, now_peer in zip(*decoded, strict=True):
            first, second = (_look(watcher, was) for watcher in watchers)
            faces = first[(first[:, 2:] - first[:, :2]).max(axis=1) >= SMALLEST / was.height]
            faces = faces[_overlaps(faces, second)]
            shown += len(faces)
            still += int(_found(faces, watchers, now).sum())
            peer_still += int(_found(faces, watchers, now_peer).sum())
    return shown, still, peer_still


def background_kept(shared: Path, work: Path) -> tuple[float, tuple[int, int]]:
    """Return what is kept of the plaza's background, and how many of how many frames were covered whole."""
    cut_footage(shared / "data/clips/opencv_vtest.avi", work / "plaza")
    source, target = work / "plaza/plaza-0.avi", work / "plaza.mp4"
    _, whole = _redact(source, target, "people")
    truth = pets_tracks(shared)
    kept = judged = 0
    with av.open(str(source)) as before, av.open(str(target)) as after:
        for number, pair in enumerate(zip(before.decode(video=0), after.decode(video=0), strict=True)):
            was, now = (frame.to_ndarray(format="yuv420p")[: frame.height] for frame in pair)
            background = was >= _NOT_BLACK
            for left_, top, right, bottom in truth[number][1].astype(int):
                background[max(0, top) : max(0, bottom + 1), max(0, left_) : max(0, right + 1)] = False
            judged += int(background.sum())
            kept += int((now[background] > _BLACK).sum())
    return kept / judged, whole


def _found(faces: NDArray[np.float64], watchers: Sequence[Detector], frame: av.VideoFrame) -> NDArray[np.bool_]:
    """Say which faces (N, 4), in picture heights, any detector finds."""
    return np.any([_overlaps(faces, _look(watcher, frame)) for watcher in watchers], axis=0)


def _overlaps(faces: NDArray[np.float64], detected: NDArray[np.float64]) -> NDArray[np.bool_]:
    if not len(faces) or not len(detected):
        return np.zeros(len(faces), np.bool_)
    return iou(faces, detected).max(axis=1) >= FOUND_IOU


def _look(detector: Detector, frame: av.VideoFrame) -> NDArray[np.float64]:
    """Return what a detector is sure of, in picture heights."""
    fit = detector.fit(frame.width, frame.height)
    colour = f"{detector.card.input.colour}24"
    picture = frame.reformat(fit.content_w, fit.content_h, colour).to_ndarray()
    boxes, scores = detector.detect([picture], fit)[0]
    return boxes[scores >= FOUND_SCORE]


def _redact(source: Path, target: Path, what: str) -> tuple[float, tuple[int, int]]:
    """Run the product; returns seconds, and how many of how many frames were covered whole."""
    command = [sys.executable, "-m", "pipeline.cli", "redact", source, target, "--what", what]
    spent, said = _run(command)
    frames, whole = re.findall(r"([\d,]+) frames", said)[:2]
    return spent, (int(whole.replace(",", "")), int(frames.replace(",", "")))


def _deface(source: Path, target: Path) -> float:
    return _run([Path(sys.executable).with_name("deface"), source, "--output", target])[0]


def _run(command: Sequence[object]) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr[-2000:]}")
    return time.perf_counter() - began, done.stdout


if __name__ == "__main__":
    print_figures("Redaction", figures())
