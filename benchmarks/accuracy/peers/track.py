"""Follow people with a tracker of `trackers`, norfair or supervision; runs in the peers' environment.

    python -m benchmarks.accuracy.peers.track TASKS.json

A task names a tracker, its options, detections, number of frames and a frame rate; the tracks go to its `output`;
where it says so, boxes of a low score, or that overlap a better one, are left out before.
Printed is one line of JSON a task: seconds of processor time that association took, frame by frame.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import supervision
import trackers
from norfair import Detection, Tracker

from benchmarks.accuracy.peers import mot

Update = Callable[[Any, float], list[tuple[int, Any, float]]]
"""From a frame's boxes and its time to tracks: number, box, score."""


def of_trackers(name: str, options: dict[str, Any]) -> Update:
    """Return a tracker of the `trackers` library; an unconfirmed track has the number -1 there."""
    tracker = getattr(trackers, name)(**options)
    return lambda found, _: _numbered(tracker.update(found))


def of_supervision(name: str, options: dict[str, Any]) -> Update:
    """Return supervision's own ByteTrack."""
    tracker = getattr(supervision, name)(**options)
    return lambda found, _: _numbered(tracker.update_with_detections(found))


def of_norfair(_: str, options: dict[str, Any]) -> Update:
    """Return norfair's tracker; a track without a box in this frame is a guess, and left out."""
    tracker = Tracker(**options)

    def update(found: Any, _: float) -> list[tuple[int, Any, float]]:
        boxes = zip(found.xyxy, found.confidence, strict=True)
        detections = [Detection(box.reshape(2, 2), scores=np.full(2, score)) for box, score in boxes]
        given = set(map(id, detections))
        seen = [each for each in tracker.update(detections) if id(each.last_detection) in given]
        return [(each.id, each.estimate.ravel(), float(each.last_detection.scores[0])) for each in seen]

    return update


LIBRARIES = {"trackers": of_trackers, "supervision": of_supervision, "norfair": of_norfair}


def _numbered(found: Any) -> list[tuple[int, Any, float]]:
    if found.tracker_id is None:
        return []
    return [
        (int(track), box, float(score))
        for track, box, score in zip(found.tracker_id, found.xyxy, found.confidence, strict=True)
        if track >= 0
    ]


def follow(task: dict[str, Any]) -> list[float]:
    """Do one task; returns the seconds of each frame."""
    update = LIBRARIES[task["library"]](task["name"], task["options"])
    least_score, most_overlap = task.get("least_score", 0.0), task.get("most_overlap")
    rows, seconds = [], []
    for k, (boxes, scores, _) in enumerate(mot.frames(mot.read(Path(task["detections"])), task["frames"])):
        found = supervision.Detections(boxes, confidence=scores, class_id=np.zeros(len(boxes), int))
        found = found[found.confidence >= least_score]
        if most_overlap is not None:
            found = found.with_nms(most_overlap)
        begin = time.thread_time()
        tracks = update(found, k / task["rate"])
        seconds.append(time.thread_time() - begin)
        rows += [mot.row(k + 1, track, box, score) for track, box, score in tracks]
    mot.write(Path(task["output"]), mot.stacked(rows))
    return seconds


def main() -> None:
    warnings.simplefilter("ignore")  # supervision's ByteTrack is to move to another package
    for task in json.loads(Path(sys.argv[1]).read_text()):
        print(json.dumps({"output": task["output"], "seconds": follow(task)}), flush=True)


if __name__ == "__main__":
    main()
