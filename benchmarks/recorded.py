"""Detections of a plaza, recorded once by the built-in model, and clips made of them for any camera and time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from pipeline.archive import find_clips
from pipeline.models.registry import resolve
from schemas.clock import SECOND_US, from_rfc3339
from schemas.site import Site
from tests.support.command import silhouette
from transforms.clips import Clip
from transforms.decode import ClipLimits
from transforms.detect import detect
from transforms.detections import ClipDetections, ClipDetectionsCoder
from transforms.detector import Detector

BEGIN_US = from_rfc3339("2026-01-05T00:00:00Z")
CLIP_S = 10
CLIP_US = CLIP_S * SECOND_US
SITE = Path(__file__).with_name("soak.yaml")


def site_of(cameras: int, **changes: object) -> Site:
    """Return the site with so many cameras, all like the one in the file."""
    written = yaml.safe_load(SITE.read_text())
    (drawn,) = written["cameras"]
    written["cameras"] = [drawn | {"name": f"plaza-{number}"} for number in range(cameras)]
    return Site.model_validate(written | changes)


def record(video: Path, work: Path) -> Path:
    """Cut a video into clips of `CLIP_S`, and keep what is detected in each; returns the folder.

    Raises:
      RuntimeError: the video cannot be cut.
    """
    (site,) = (site_of(1),)
    (camera,) = site.cameras
    done = silhouette(
        "cut", video, "--output", work / "clips", "--seconds", CLIP_S, "--site", site.site, "--camera", camera.name,
        "--start", "2026-01-05T00:00:00Z",
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    detector = Detector.open(*resolve(camera.model))
    folder = work / "detections"
    folder.mkdir()
    for number, file in enumerate(find_clips([work / "clips"])):
        assert file.envelope is not None
        if file.envelope.end_us - file.envelope.start_us == CLIP_US:  # the last one is shorter
            found = detect(Clip(file.envelope, file.path.read_bytes()), site, camera, detector, ClipLimits())
            (folder / f"{number:03}.detections").write_bytes(ClipDetectionsCoder().encode(found))
    return folder


def load(folder: Path) -> list[ClipDetections]:
    """Return what was recorded, in order."""
    return [ClipDetectionsCoder().decode(file.read_bytes()) for file in sorted(folder.glob("*.detections"))]


def clip(recorded: Sequence[ClipDetections], camera: str, number: int) -> ClipDetections:
    """Return a camera's clip by its number since `BEGIN_US`; the recording goes round and round."""
    shown = recorded[number % len(recorded)]
    start_us = BEGIN_US + number * CLIP_US
    return replace(
        shown,
        camera=camera,
        start_us=start_us,
        end_us=start_us + CLIP_US,
        sequence=number,
        sha256=hashlib.sha256(f"{camera} {number}".encode()).hexdigest(),
        times_us=tuple(time - shown.start_us + start_us for time in shown.times_us),
    )
