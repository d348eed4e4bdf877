"""What others count in the same boxes: LineZone of supervision after a ByteTrack, and mesopic, each also tuned."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import tracking
from benchmarks.accuracy.measures import Scene, crossings_off, event_f1
from benchmarks.accuracy.ours import Counted
from benchmarks.accuracy.peers import mot
from benchmarks.accuracy.peers.ask import MESOPIC, PEERS, Task, ask
from benchmarks.accuracy.tracking import Peer
from transforms.layout import counted_zones

LINE_ZONE, LINE_ZONE_TUNED = "LineZone+ByteTrack", "LineZone+ByteTrack, tuned"
MESOPIC_NAME, MESOPIC_TUNED = "mesopic", "mesopic, tuned"
TUNED = (LINE_ZONE_TUNED, MESOPIC_TUNED)
"""The best of several settings by the truth, which no user has."""

Options = dict[str, Any]
"""What a task says of how it is to be done."""
Answer = Mapping[str, Any]

SUPERVISION, TRACKERS = Peer("", "supervision", "ByteTrack"), Peer("", "trackers", "ByteTrackTracker")


@dataclass(frozen=True)
class Setting:
    """How one of the libraries' ByteTracks is run before LineZone: its options, and which boxes it is given."""

    peer: Peer = SUPERVISION
    options: Mapping[str, float] = field(default_factory=dict)
    boxes: Mapping[str, float] = field(default_factory=dict)


DEFAULTS = [Setting()]
# What matters for F1, of what was tried: a longer lost_track_buffer, a frame rate that is not the true one and another
# minimum_consecutive_frames change nothing on PETS, and boxes that overlap make it worse.
TUNING = [
    Setting(
        SUPERVISION,
        {"track_activation_threshold": activation, "minimum_matching_threshold": matching},
        {"least_score": least_score, "most_overlap": 0.45},
    )
    for activation, matching, least_score in itertools.product((0.25, 0.5), (0.8, 0.95), (0.1, 0.35))
] + [
    Setting(
        TRACKERS,
        {"track_activation_threshold": 0.5, "minimum_iou_threshold": iou, "high_conf_det_threshold": high},
        {"least_score": least_score, "most_overlap": 0.45},
    )
    for iou, (high, least_score) in itertools.product((0.05, 0.1), ((0.6, 0.1), (0.4, 0.35)))
]
CROSSING = (1, 2, 3, 4, 5)
"""Frames beyond the line after which LineZone counts; the first is its default."""

MESOPIC_GRID = {
    "detection_confidence": (0.35, 0.5, 0.6),
    "track_thresh": (0.35, 0.5),
    "max_cost": (0.2, 0.4),
    "track_memory_s": (1.0, 2.0),
}
MESOPIC_DEFAULTS: list[Options] = [{"every_frame": every_frame, "thresholds": {}} for every_frame in (False, True)]
"""Its own sampler takes at most five frames a second; here all else gets every frame, so that is tried too."""
MESOPIC_TUNING: list[Options] = [
    {"every_frame": every_frame, "thresholds": dict(zip(MESOPIC_GRID, values, strict=True))}
    for every_frame, *values in itertools.product((False, True), *MESOPIC_GRID.values())
]

ByLabel = dict[str, list[Counted]]
"""What one of them counted, by the footage's label: at each setting, that of the best F1 first."""


def others(scenes: Sequence[Scene], *, tuned: bool) -> dict[str, ByLabel]:
    """Return what each of the others counts in the scenes; the tuned ones in PETS alone."""
    plaza = [each for each in scenes if each.footage.name == "pets"]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        for each in scenes:
            mot.write(folder / f"{each.footage.label}.txt", each.footage.found)
        made = {LINE_ZONE: _line_zone(folder, scenes, DEFAULTS, CROSSING[:1])}
        if tuned:
            made[LINE_ZONE_TUNED] = _line_zone(folder, plaza, DEFAULTS + TUNING, CROSSING)
        if MESOPIC.exists():
            made[MESOPIC_NAME] = _mesopic(folder, scenes, MESOPIC_DEFAULTS)
            if tuned:
                made[MESOPIC_TUNED] = _mesopic(folder, plaza, MESOPIC_TUNING)
    return made


def line_zone_on(tracks: Sequence[Path], scenes: Sequence[Scene], crossing: int) -> list[Counted]:
    """Return what LineZone counts in each scene on tracks that are given."""
    tasks = [_place_task(each, path, crossing) for each, path in zip(scenes, tracks, strict=True)]
    return [_counted(asked, answer) for asked, answer in zip(tasks, ask(PEERS, "place", tasks), strict=True)]


def _line_zone(folder: Path, scenes: Sequence[Scene], settings: Sequence[Setting], crossing: Sequence[int]) -> ByLabel:
    follow, place = [], []
    for each, (number, setting) in itertools.product(scenes, enumerate(settings)):
        found, tracks = (folder / f"{each.footage.label}{kind}.txt" for kind in ("", f"-{number}-tracks"))
        options = {**setting.options, "frame_rate": each.footage.rate}
        follow.append(tracking.task(setting.peer, options, each.footage, found, tracks) | dict(setting.boxes))
        place += [_place_task(each, tracks, least) for least in crossing]
    ask(PEERS, "track", follow)
    return _best_first(scenes, place, ask(PEERS, "place", place))


def _mesopic(folder: Path, scenes: Sequence[Scene], settings: Sequence[Options]) -> ByLabel:
    tasks = [
        _mesopic_task(each, folder / f"{each.footage.label}.txt") | setting
        for each, setting in itertools.product(scenes, settings)
    ]
    return _best_first(scenes, tasks, ask(MESOPIC, "mesopic_count", tasks))


def _best_first(scenes: Sequence[Scene], tasks: Sequence[Task], answers: Sequence[Answer]) -> ByLabel:
    """Return what was counted in each scene, the best setting first: by F1, then by crossings off."""
    by_label: ByLabel = {}
    for asked, answer in zip(tasks, answers, strict=True):
        by_label.setdefault(asked["name"], []).append(_counted(asked, answer))
    true = {each.footage.label: each.true for each in scenes}
    return {
        label: sorted(made, key=lambda each: (-event_f1(each, true[label]), crossings_off(each, true[label])))
        for label, made in by_label.items()
    }


def _place_task(each: Scene, tracks: Path, crossing: int) -> Task:
    width, height = each.footage.size
    return {
        "name": each.footage.label, "tracks": str(tracks), "frames": each.footage.frames, "rate": each.footage.rate,
        "lines": {line.name: [(x * width, y * height) for x, y in (line.a, line.b)] for line in each.camera.lines},
        "zones": {
            zone.name: [(round(x * width), round(y * height)) for x, y in zone.polygon]
            for zone in counted_zones(each.camera)
        },
        "options": {"minimum_crossing_threshold": crossing},
    }  # fmt: skip


def _mesopic_task(each: Scene, found: Path) -> Task:
    return {
        "name": each.footage.label, "detections": str(found), "size": each.footage.size,
        "frames": each.footage.frames, "rate": each.footage.rate,
        "lines": {line.name: [line.a, line.b] for line in each.camera.lines},
        "zones": {zone.name: zone.polygon for zone in counted_zones(each.camera)},
    }  # fmt: skip


def _counted(asked: Task, answer: Answer) -> Counted:
    counted = answer["counted"]
    crossings = [(line, side, frame / asked["rate"]) for line, side, frame in counted["crossings"]]
    return Counted(crossings, {zone: np.array(people) for zone, people in counted["people"].items()}, counted["visits"])
