"""Lines and zones as supervision counts at them, on tracks that are given; runs in the peers' environment.

    python -m benchmarks.accuracy.peers.place TASKS.json

A task names tracks in MOT text, number of frames and frame rate, the lines and zones in pixels, and LineZone's options.
Printed is one line of JSON a task: its name, and what was counted, see `counted`.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import supervision

from benchmarks.accuracy.peers import mot

BOTTOM = supervision.Position.BOTTOM_CENTER


def counted(task: dict[str, Any]) -> dict[str, Any]:
    """Count; returns `crossings` (line, side, frame), and by zone `people` in each frame and `visits` in seconds.

    A visit is the number of frames in which a track is in the zone, over the frame rate, as in supervision's own
    example of time in zone.
    """
    lines = {
        name: supervision.LineZone(
            *(supervision.Point(*end) for end in ends), triggering_anchors=[BOTTOM], **task["options"]
        )
        for name, ends in task["lines"].items()
    }
    zones = {
        name: supervision.PolygonZone(np.array(corners), triggering_anchors=[BOTTOM])
        for name, corners in task["zones"].items()
    }
    crossings: list[tuple[str, str, int]] = []
    people: dict[str, list[int]] = {name: [] for name in zones}
    stays: dict[str, dict[int, int]] = {name: {} for name in zones}
    for frame, (boxes, scores, tracks) in enumerate(mot.frames(mot.read(Path(task["tracks"])), task["frames"])):
        found = supervision.Detections(boxes, confidence=scores, class_id=np.zeros(len(boxes), int), tracker_id=tracks)
        for name, line in lines.items():
            into, out = line.trigger(found)
            crossings += [(name, "neg", frame)] * int(into.sum()) + [(name, "pos", frame)] * int(out.sum())
        for name, zone in zones.items():
            inside = zone.trigger(found) if len(found) else np.zeros(0, bool)
            people[name].append(int(inside.sum()))
            for track in tracks[inside].tolist():
                stays[name][track] = stays[name].get(track, 0) + 1
    visits = {name: [frames / task["rate"] for frames in each.values()] for name, each in stays.items()}
    return {"crossings": crossings, "people": people, "visits": visits}


def main() -> None:
    """Do all tasks."""
    warnings.simplefilter("ignore")
    for task in json.loads(Path(sys.argv[1]).read_text()):
        print(json.dumps({"name": task["name"], "counted": counted(task)}), flush=True)


if __name__ == "__main__":
    main()
