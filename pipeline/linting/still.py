"""Spots where something is detected that never moves: perhaps no person, and then a static zone's business."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.linting.findings import Finding
from pipeline.linting.watching import Watched
from schemas.site import Camera
from transforms.boxes import UNIT, iou
from transforms.geometry import Points, foot_points
from transforms.layout import layout_of
from transforms.scene import SETTINGS

LEAST_SECONDS = 20.0
"""Shorter than this, people stand still too."""

_LEAST_SCORE = 0.3
_SURE = 0.9
_SAME = 0.6
_PRESENT = 0.6
_WANDERS = 0.06
_MOST_SEEDS = 400
_ROOM = 0.1


def check_still(camera: Camera, watched: Watched) -> Iterator[Finding]:
    """Yield a proposed static zone for each spot."""
    sound = [(clip, i) for clip in watched.clips for i in range(len(clip.times_us)) if not clip.flags[i]]
    seconds = sum(clip.end_us - clip.start_us for clip in watched.clips) / 1e6
    if not sound or seconds < LEAST_SECONDS:
        yield Finding(
            "clip-too-short", "note", (),
            f"the sample is {seconds:.0f} s long; in less than {LEAST_SECONDS:.0f} s people stand still too",
            "give a longer one, best of several hours: --clip A --clip B",
        )  # fmt: skip
        return
    spots = tuple(zone for zone in camera.zones if zone.kind == "static")
    layout = layout_of(camera.model_copy(update={"zones": spots, "lines": (), "reach": None}), watched.aspect)
    boxes, scores, frames = [], [], []
    for number, (clip, i) in enumerate(sound):
        part = slice(clip.bounds[i], clip.bounds[i + 1])
        own, sure = clip.boxes[part] / UNIT, clip.scores[part] / 255
        kept = layout.follows(foot_points(own)) & (sure >= _LEAST_SCORE)
        boxes.append(own[kept])
        scores.append(sure[kept])
        frames.append(np.full(int(kept.sum()), number))
    names = {zone.name for zone in camera.zones}
    for box, share in _spots(np.concatenate(boxes), np.concatenate(scores), np.concatenate(frames), len(sound)):
        name = next(name for count in range(1, 1 + len(names) + 1000) if (name := f"static-{count}") not in names)
        names.add(name)
        x, y = (box[0] + box[2]) / 2 / watched.aspect, box[3]
        yield Finding(
            "looks-static", "warning", ("zones",),
            f"at [{x:.3f}, {y:.3f}] something is taken for a person in {share:.0%} of {len(sound)} frames, and never "
            "moves",
            "look at the picture: if it is no person, add this zone; if it is one who stays, do not",
            _zone(name, box, watched.aspect),
        )  # fmt: skip


def _spots(boxes: Points, scores: Points, frames: Points, total: int) -> Iterator[tuple[Points, float]]:
    """Yield the median box and the share of frames of each thing that stays where it is.

    What the detector always doubts is left out: the tracker never confirms it, so it counts nowhere.
    """
    free = np.ones(len(boxes), bool)
    while free.sum() >= _PRESENT * total:
        rest = np.flatnonzero(free)
        seeds = rest[:: max(1, len(rest) // _MOST_SEEDS)]
        near = iou(boxes[seeds], boxes[rest]) >= _SAME
        best = near[near.sum(axis=1).argmax()]
        median = np.median(boxes[rest[best]], axis=0)
        own = rest[iou(median[None], boxes[rest])[0] >= _SAME]
        share = len(np.unique(frames[own])) / total
        if share < _PRESENT:
            return
        free[own] = False
        height = median[3] - median[1]
        strayed = np.hypot(*(foot_points(boxes[own]) - foot_points(median[None])).T)
        sure = np.quantile(scores[own], _SURE) > SETTINGS.doubtful
        if sure and np.quantile(strayed, 0.9) <= _WANDERS * height:
            yield median, share


def _zone(name: str, box: Points, aspect: float) -> str:
    """Write the zone round a box's foot point, in the site file's form."""
    height, width = box[3] - box[1], box[2] - box[0]
    x, y = (box[0] + box[2]) / 2, box[3]
    left, right = (np.clip((x + side * max(width / 3, _ROOM * height)) / aspect, 0, 1) for side in (-1, 1))
    top, bottom = (np.clip(y + side * _ROOM * height, 0, 1) for side in (-1, 1))
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    polygon = ", ".join(f"[{px:.4f}, {py:.4f}]" for px, py in corners)
    return f"- name: {name}\n  kind: static\n  polygon: [{polygon}]"
