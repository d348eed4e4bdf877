"""A sample clip, looked at as the job would: by its detector, then by its tracker. Trails stay in memory, here.

More frames may be looked at than the job will: how fast people are must be known to say which rate is too low.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.archive import Capture, find_clips
from pipeline.models.registry import resolve
from pipeline.video_file import BOUNDLESS
from schemas.clock import SECOND_US, from_rfc3339
from schemas.site import Camera, Site
from transforms import tracker
from transforms.clips import Clip
from transforms.detect import detect
from transforms.detections import ClipDetections
from transforms.detector import Detector
from transforms.geometry import Points, foot_points
from transforms.layout import layout_of
from transforms.scene import SETTINGS, foresee

LOOK_FPS = 5.0
"""Frames a second that are looked at, of a clip that has as many."""

_SOME_DAY_US = from_rfc3339("2026-01-05T12:00:00Z")


class ClipsError(ValueError):
    """Clips that cannot be looked at; the text names the flag or the file."""


@dataclass(frozen=True, eq=False)
class Trail:
    """One confirmed track: when it was seen, microseconds, and its (N, 4) boxes in picture heights."""

    times_us: tuple[int, ...]
    boxes: Points

    @property
    def feet(self) -> Points:
        """(N, 2) foot points."""
        return foot_points(self.boxes)

    @property
    def seconds(self) -> float:
        """From first sight to last."""
        return (self.times_us[-1] - self.times_us[0]) / SECOND_US


@dataclass(frozen=True, eq=False)
class Watched:
    """What was seen of one camera.

    Attributes:
      aspect: Picture width over height.
      rows: Rows of the model's input in a picture's height.
      frame_rate: True frames a second of the clips.
      clips: What was detected, in order of time.
      trails: Who walked; what stands on a static spot of the site file is nobody.
    """

    aspect: float
    rows: float
    frame_rate: float
    clips: tuple[ClipDetections, ...]
    trails: tuple[Trail, ...]

    @property
    def frames(self) -> int:
        """Frames looked at."""
        return sum(len(clip.times_us) for clip in self.clips)

    @property
    def flawed(self) -> int:
        """Of them, those whose picture is dark, blurred, covered, frozen or moved."""
        return sum(flag != 0 for clip in self.clips for flag in clip.flags)


def watch(files: Sequence[Path], site: Site, camera: Camera, folder: Path) -> Watched:
    """Look at a camera's clips, with envelopes or without.

    Args:
      files: The clips; those without an envelope follow on one another.
      site: The camera's site.
      camera: The camera.
      folder: Folder from which the path of a model card is meant.

    Raises:
      ClipsError: a clip is another camera's, or has no envelope and no length.
      transforms.decode.ClipError: it cannot be decoded.
      pipeline.models.cards.ModelError: the camera's model is not here.
      transforms.admission.ModelRefused: it is refused.
      OSError: a file cannot be read.
    """
    card, path = resolve(camera.model, folder)
    detector = Detector.open(card, path)
    seen = camera.model_copy(update={"fps": LOOK_FPS})
    always = site.model_copy(update={"schedule": None})
    clips: list[ClipDetections] = []
    rows = 1.0
    for file in files:
        if not file.is_file():
            raise ClipsError(f"--clip: no such file: {file}")
        start_us = clips[-1].end_us if clips else _SOME_DAY_US
        (found,) = find_clips([file], Capture(site.site, camera.name, start_us))
        if found.envelope is None:
            raise ClipsError(f"--clip: {file.name}: cannot be looked at: {found.fault}")
        if (found.envelope.site, found.envelope.camera) != (site.site, camera.name):
            raise ClipsError(f"--clip: {file.name}: its envelope is of another camera than {camera.name}")
        clip = detect(Clip(found.envelope, file.read_bytes()), always, seen, detector, BOUNDLESS)
        clips.append(clip)
        # A tall picture is fitted by its height, a wide one by its width.
        rows = detector.fit(round(1000 * clip.aspect), 1000).content_h
    clips.sort(key=lambda clip: clip.start_us)
    return watched(clips, camera, rows)


def watched(clips: Sequence[ClipDetections], camera: Camera, rows: float) -> Watched:
    """Follow what was detected in a camera's clips, in order of time."""
    aspect = clips[0].aspect
    return Watched(aspect, rows, clips[0].frame_rate, tuple(clips), tuple(_trails(clips, camera, aspect)))


def _trails(clips: Sequence[ClipDetections], camera: Camera, aspect: float) -> list[Trail]:
    # Of all that is drawn, only the static spots: whoever walks beyond reach or lines is to be seen.
    spots = tuple(zone for zone in camera.zones if zone.kind == "static")
    layout = layout_of(camera.model_copy(update={"zones": spots, "lines": (), "reach": None}), aspect)
    state, last_us = tracker.start(), 0
    seen: dict[int, list[tuple[int, Any]]] = defaultdict(list)
    confirmed: set[int] = set()
    for clip in clips:
        if clip.start_us - last_us > SECOND_US:
            state = tracker.cut(state)
        for t_us, flags, view in zip(clip.times_us, clip.flags, foresee(clip, layout), strict=True):
            if flags or t_us <= state.now_us:
                continue
            state, found = tracker.step(state, SETTINGS, t_us, view)
            for track, its_box in zip(found.track.tolist(), found.boxes, strict=True):
                seen[track].append((t_us, its_box))
            confirmed.update(found.track[found.confirmed].tolist())
        last_us = clip.end_us
    return [
        Trail(tuple(t_us for t_us, _ in sightings), np.array([box for _, box in sightings]))
        for track, sightings in seen.items()
        if track in confirmed and len(sightings) > 1
    ]
