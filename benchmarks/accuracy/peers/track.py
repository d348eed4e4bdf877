"""Follow people with a tracker of `trackers`, norfair or supervision; runs in the peers' environment.

    python -m benchmarks.accuracy.peers.track TASKS.json

A task names a tracker, its options, detections, number of frames and a frame rate; the tracks go to its `output`, as
the library gives them from frame to frame; where it says so, boxes of a low score, or that overlap a better one, are
left out before. Where it names `output_from_first_box`, there they go once more, with the boxes that the library had
followed a track by before it gave it: it tells these of its own, by what it holds after each frame.
Printed is one line of JSON a task: seconds of processor time that association took, frame by frame.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import supervision
import trackers
from norfair import Detection, Tracker

from benchmarks.accuracy.peers import mot

Track = tuple[int, Any, float]
"""Number, box, score."""


class Follower(NamedTuple):
    """A library's tracker.

    Attributes:
      update: From a frame's boxes to its tracks.
      held: From the numbers just given to the library's own tracks that it followed in this frame and did not give,
        each with where it is.
      number: The number that such a track has by now, -1 for none.
    """

    update: Callable[[Any], list[Track]]
    held: Callable[[set[int]], list[tuple[Any, Any]]]
    number: Callable[[Any], int]


def of_trackers(name: str, options: dict[str, Any]) -> Follower:
    """Return a tracker of the `trackers` library; what it does not give has the number -1 there."""
    tracker = getattr(trackers, name)(**options)

    def held(given: set[int]) -> list[tuple[Any, Any]]:
        followed = [each for each in tracker.tracks if each.time_since_update == 0]
        return [(each, each.get_state_bbox()) for each in followed if each.tracker_id not in given]

    return Follower(lambda found: _numbered(tracker.update(found)), held, lambda each: int(each.tracker_id))


def of_supervision(name: str, options: dict[str, Any]) -> Follower:
    """Return supervision's own ByteTrack."""
    tracker = getattr(supervision, name)(**options)

    def held(_: set[int]) -> list[tuple[Any, Any]]:
        return [(each, each.tlbr) for each in tracker.tracked_tracks if not each.is_activated]

    return Follower(
        lambda found: _numbered(tracker.update_with_detections(found)), held, lambda each: int(each.external_track_id)
    )


def of_norfair(_: str, options: dict[str, Any]) -> Follower:
    """Return norfair's tracker; a track without a box in this frame is a guess, and left out."""
    tracker = Tracker(**options)
    now: set[int] = set()

    def update(found: Any) -> list[Track]:
        boxes = zip(found.xyxy, found.confidence, strict=True)
        detections = [Detection(box.reshape(2, 2), scores=np.full(2, score)) for box, score in boxes]
        now.clear()
        now.update(map(id, detections))
        seen = [each for each in tracker.update(detections) if id(each.last_detection) in now]
        return [(each.id, each.estimate.ravel(), float(each.last_detection.scores[0])) for each in seen]

    def held(_: set[int]) -> list[tuple[Any, Any]]:
        followed = [each for each in tracker.tracked_objects if id(each.last_detection) in now]
        return [(each, each.estimate.ravel()) for each in followed if each.is_initializing]

    return Follower(update, held, lambda each: -1 if each.id is None else int(each.id))


LIBRARIES = {"trackers": of_trackers, "supervision": of_supervision, "norfair": of_norfair}


def _numbered(found: Any) -> list[Track]:
    if found.tracker_id is None:
        return []
    return [
        (int(track), box, float(score))
        for track, box, score in zip(found.tracker_id, found.xyxy, found.confidence, strict=True)
        if track >= 0
    ]


def _box_at(place: Any, found: Any) -> tuple[Any, float]:
    """Return the box, and its score, by which a track is where it is: the one that it overlaps most."""
    nearest = int(np.argmax(supervision.box_iou_batch(np.asarray([place]), found.xyxy)))
    return found.xyxy[nearest], float(found.confidence[nearest])


def follow(task: dict[str, Any]) -> list[float]:
    """Do one task; returns the seconds of each frame."""
    follower = LIBRARIES[task["library"]](task["name"], task["options"])
    least_score, most_overlap = task.get("least_score", 0.0), task.get("most_overlap")
    rows: list[list[float]] = []
    before: list[tuple[Any, list[float]]] = []
    seconds = []
    for k, (boxes, scores, _) in enumerate(mot.frames(mot.read(Path(task["detections"])), task["frames"])):
        found = supervision.Detections(boxes, confidence=scores, class_id=np.zeros(len(boxes), int))
        found = found[found.confidence >= least_score]
        if most_overlap is not None:
            found = found.with_nms(most_overlap)
        begin = time.thread_time()
        tracks = follower.update(found)
        seconds.append(time.thread_time() - begin)
        rows += [mot.row(k + 1, track, box, score) for track, box, score in tracks]
        if len(found):
            held = follower.held({track for track, *_ in tracks})
            before += [(each, mot.row(k + 1, -1, *_box_at(place, found))) for each, place in held]
    mot.write(Path(task["output"]), mot.stacked(rows))
    if "output_from_first_box" in task:
        numbered = [(follower.number(each), row) for each, row in before]
        rows += [[row[0], number, *row[2:]] for number, row in numbered if number >= 0]
        mot.write(Path(task["output_from_first_box"]), mot.stacked(rows))
    return seconds


def main() -> None:
    warnings.simplefilter("ignore")  # supervision's ByteTrack is to move to another package
    for task in json.loads(Path(sys.argv[1]).read_text()):
        print(json.dumps({"output": task["output"], "seconds": follow(task)}), flush=True)


if __name__ == "__main__":
    main()
