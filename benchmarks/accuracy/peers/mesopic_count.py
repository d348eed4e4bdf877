"""Count with mesopic's own sampler, tracker and geometry, wired as its pipeline does; runs in mesopic's environment.

    python -m benchmarks.accuracy.peers.mesopic_count TASKS.json

A task names boxes in MOT text, number of frames and frame rate, the picture's size, and lines and zones as shares of
it; `every_frame`, or else those that its sampler takes, at most five a second by default; and `thresholds` that are not
the default. Printed is one line of JSON a task: its name, and what was counted, in the form of `place`. Of the boxes
those are used that its detector would keep, and a visit goes on after its grace, as in its aggregator.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from mesopic.aggregator.aggregator import EXIT_GRACE_S
from mesopic.analytics.geometry import GeometryAnalytics
from mesopic.analytics.site_geometry import SiteGeometry
from mesopic.config.schema import MesopicConfig
from mesopic.detector.onnx_detector import DEFAULT_IOU_THRESHOLD
from mesopic.detector.postprocess import _clamp, _non_max_suppression
from mesopic.sampler.sampler import FrameSampler
from mesopic.tracker.bytetrack import ByteTrackTracker
from mesopic.types import DecodedFrame, Detection, EventKind

from benchmarks.accuracy.peers import mot

CAMERA = "camera"
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def configured(task: dict[str, Any]) -> MesopicConfig:
    """Return a site with the task's lines, zones and thresholds, and all else at its default."""
    return MesopicConfig.model_validate(
        {
            "site": {"site_id": "site"},
            "cameras": [
                {
                    "camera_id": CAMERA,
                    "name": CAMERA,
                    "source": {"kind": "rtsp", "url": "rtsp://localhost/"},
                    "reference_resolution": task["size"],
                }
            ],
            "lines": [
                {"line_id": name, "camera_id": CAMERA, "a": ends[0], "b": ends[1], "metrics": ["line_cross"]}
                for name, ends in task["lines"].items()
            ],
            "zones": [
                {"zone_id": name, "camera_id": CAMERA, "polygon": corners, "metrics": ["occupancy"]}
                for name, corners in task["zones"].items()
            ],
            "thresholds": task["thresholds"],
        }
    )


def detections(boxes: np.ndarray, scores: np.ndarray, least: float, size: tuple[int, int]) -> list[Detection]:
    """Return the boxes that its own detector would keep."""
    sure = scores >= least
    boxes, scores = _clamp(boxes[sure].astype(np.float32), *size), scores[sure].astype(np.float32)
    return [
        Detection(tuple(round(float(side)) for side in boxes[k]), float(scores[k]))
        for k in _non_max_suppression(boxes, scores, DEFAULT_IOU_THRESHOLD)
    ]


class Visits:
    """How long each track was in each zone; who is back within its aggregator's grace had not left."""

    def __init__(self) -> None:
        self._inside: dict[tuple[str, int], datetime] = {}
        self._left: dict[tuple[str, int], tuple[datetime, datetime]] = {}
        self._over: list[tuple[str, timedelta]] = []

    def enter(self, zone: str, track: int, at: datetime) -> None:
        """Begin a stay, or go on with the last."""
        since, until = self._left.pop((zone, track), (at, at))
        if at - until > timedelta(seconds=EXIT_GRACE_S):
            self._over.append((zone, until - since))
            since = at
        self._inside[zone, track] = since

    def leave(self, zone: str, track: int, at: datetime) -> None:
        """End a stay, for now."""
        self._left[zone, track] = self._inside.pop((zone, track)), at

    def seconds(self, zones: list[str], end: datetime) -> dict[str, list[float]]:
        """Return the lengths by zone; who is still there has a visit until the end."""
        lasted = self._over + [(zone, until - since) for (zone, _), (since, until) in self._left.items()]
        lasted += [(zone, end - since) for (zone, _), since in self._inside.items()]
        return {name: [length.total_seconds() for zone, length in lasted if zone == name] for name in zones}


def counted(task: dict[str, Any]) -> dict[str, Any]:
    """Count one task."""
    config = configured(task)
    limits = config.thresholds
    sampler = FrameSampler(config.budget.fps_max)
    tracker = ByteTrackTracker(
        track_thresh=limits.track_thresh,
        max_cost=limits.max_cost,
        max_cost_low=limits.max_cost_low,
        track_memory_s=limits.track_memory_s,
    )
    analytics = GeometryAnalytics(SiteGeometry.compile(config), dwell_min_s=limits.dwell_min_s)
    width, height = task["size"]
    crossings: list[tuple[str, str, int]] = []
    now = dict.fromkeys(task["zones"], 0)
    people: dict[str, list[int]] = {name: [] for name in task["zones"]}
    visits = Visits()
    blank = np.empty((0, 0, 3), np.uint8)
    for frame, (boxes, scores, _) in enumerate(mot.frames(mot.read(Path(task["detections"])), task["frames"])):
        at = START + timedelta(seconds=frame / task["rate"])
        if task["every_frame"] or sampler.is_due(at):
            found = detections(boxes, scores, limits.detection_confidence, (width, height))
            tracks = tracker.update(DecodedFrame(CAMERA, at, blank, width, height), found)
            for event in analytics.on_tracks(CAMERA, tracks, ts=at):
                if event.kind is EventKind.LINE_CROSS:
                    crossings.append((event.line_id, "pos" if event.direction > 0 else "neg", frame))
                elif event.kind is EventKind.OCCUPANCY_SAMPLE:
                    now[event.zone_id] = int(event.value)
                elif event.kind is EventKind.ZONE_ENTER:
                    visits.enter(event.zone_id, event.track_id, event.ts)
                elif event.kind is EventKind.ZONE_EXIT:
                    visits.leave(event.zone_id, event.track_id, event.ts)
        for name, count in now.items():
            people[name].append(count)
    end = START + timedelta(seconds=task["frames"] / task["rate"])
    return {"crossings": crossings, "people": people, "visits": visits.seconds(list(now), end)}


def main() -> None:
    """Do all tasks."""
    for task in json.loads(Path(sys.argv[1]).read_text()):
        print(json.dumps({"name": task["name"], "counted": counted(task)}), flush=True)


if __name__ == "__main__":
    main()
