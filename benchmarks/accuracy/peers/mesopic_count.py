"""Count with mesopic's own tracker and geometry, as it is configured out of the box; runs in mesopic's environment.

    python -m benchmarks.accuracy.peers.mesopic_count TASKS.json

A task names boxes in MOT text, number of frames and frame rate, the picture's size, and lines and zones as shares of
it. Printed is one line of JSON a task: its name, and what was counted, in the form of `place`. Every frame given is
looked at: the rate is the caller's, as it is for everybody else. Which boxes are used is its detector's default.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from mesopic.analytics.geometry import GeometryAnalytics
from mesopic.analytics.site_geometry import SiteGeometry
from mesopic.config.schema import MesopicConfig
from mesopic.detector.onnx_detector import DEFAULT_IOU_THRESHOLD
from mesopic.detector.postprocess import _non_max_suppression
from mesopic.tracker.bytetrack import ByteTrackTracker
from mesopic.types import DecodedFrame, Detection, EventKind

from benchmarks.accuracy.peers import mot

CAMERA = "camera"
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def configured(task: dict[str, Any]) -> MesopicConfig:
    """Return a site with the task's lines and zones, and every threshold at its default."""
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
        }
    )


def detections(boxes: np.ndarray, scores: np.ndarray, least: float) -> list[Detection]:
    """Return the boxes that its own detector would keep."""
    sure = scores >= least
    boxes, scores = boxes[sure].astype(np.float32), scores[sure].astype(np.float32)
    return [
        Detection(tuple(round(float(side)) for side in boxes[k]), float(scores[k]))
        for k in _non_max_suppression(boxes, scores, DEFAULT_IOU_THRESHOLD)
    ]


def counted(task: dict[str, Any]) -> dict[str, Any]:
    """Count one task."""
    config = configured(task)
    limits = config.thresholds
    tracker = ByteTrackTracker(
        track_thresh=limits.track_thresh,
        max_cost=limits.max_cost,
        max_cost_low=limits.max_cost_low,
        track_memory_s=limits.track_memory_s,
    )
    analytics = GeometryAnalytics(SiteGeometry.compile(config), dwell_min_s=limits.dwell_min_s)
    width, height = task["size"]
    crossings: list[tuple[str, str, int]] = []
    people: dict[str, list[int]] = {name: [0] * task["frames"] for name in task["zones"]}
    visits: dict[str, list[float]] = {name: [] for name in task["zones"]}
    entered: dict[tuple[str, int], datetime] = {}
    blank = np.empty((0, 0, 3), np.uint8)
    for frame, (boxes, scores, _) in enumerate(mot.frames(mot.read(Path(task["detections"])), task["frames"])):
        at = START + timedelta(seconds=frame / task["rate"])
        found = detections(boxes, scores, limits.detection_confidence)
        picture = DecodedFrame(CAMERA, at, blank, width, height)
        for event in analytics.on_tracks(CAMERA, tracker.update(picture, found), ts=at):
            if event.kind is EventKind.LINE_CROSS:
                crossings.append((event.line_id, "pos" if event.direction > 0 else "neg", frame))
            elif event.kind is EventKind.OCCUPANCY_SAMPLE:
                people[event.zone_id][frame] = int(event.value)
            elif event.kind is EventKind.ZONE_ENTER:
                entered[event.zone_id, event.track_id] = event.ts
            elif event.kind is EventKind.ZONE_EXIT:
                since = entered.pop((event.zone_id, event.track_id))
                visits[event.zone_id].append((event.ts - since).total_seconds())
    end = START + timedelta(seconds=task["frames"] / task["rate"])
    for (zone, _), since in entered.items():
        visits[zone].append((end - since).total_seconds())
    return {"crossings": crossings, "people": people, "visits": visits}


def main() -> None:
    """Do all tasks."""
    for task in json.loads(Path(sys.argv[1]).read_text()):
        print(json.dumps({"name": task["name"], "counted": counted(task)}), flush=True)


if __name__ == "__main__":
    main()
