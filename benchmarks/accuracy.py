"""`make accuracy`: how well the job counts on PETS09-S2L1 (`opencv_vtest.avi`), against its ground truth.

People per frame, crossings of three lines and occupancy of two zones, from the video alone: yolox_nano at 384x640,
every frame at the scene's true 7 a second. A crossing is found if the truth has one of the same line and direction
within a second, one to one. Nothing here is tuned to the clip: the tracker's settings are the product's.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks.figures import Figure, print_figures, write_report
from pipeline.models.registry import resolve
from schemas.clock import SECOND_US
from schemas.envelope import SCHEMA_VERSION, Envelope
from schemas.site import Camera, Site
from tests.support.models import shared_models_folder
from tests.support.truth import FPS, FRAMES, HEIGHT, WIDTH, pets_lines, pets_tracks
from transforms import places, tracker
from transforms.boxes import UNIT
from transforms.clips import Clip
from transforms.decode import ClipLimits
from transforms.detect import detect
from transforms.detections import ClipDetections
from transforms.detector import Detector
from transforms.geometry import foot_points, inside
from transforms.layout import layout_of
from transforms.places import Happened, PlacesState
from transforms.scene import SETTINGS, foresee, frame_gap_us
from transforms.timeline import moments

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
START_US = 1_767_603_600_000_000
ZONES = {
    "plaza": [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)],
    "crossroads": [(0.25, 0.3), (0.75, 0.3), (0.75, 0.8), (0.25, 0.8)],
}

DIRECTIONS = {"to_right": "pos", "to_left": "neg"}
OF_CROSSINGS = ("crossings_off", "event_f1")

Event = tuple[str, str, int]
"""Line, side (pos is to the right of one who looks from a to b), 0-based frame."""


@dataclass(frozen=True)
class Counted:
    """What the job made of the video.

    Attributes:
      crossings: In order.
      people: (F,) confirmed people seen in each frame.
      occupancy: Mean number of people in each zone.
    """

    crossings: list[Event]
    people: np.ndarray
    occupancy: dict[str, float]


def site(shared: Path) -> Site:
    """Return a site with the truth file's three lines and two zones."""
    lines = [
        {
            "name": name.replace("_", "-"),
            "a": line["a"],
            "b": line["b"],
            "directions": {"to_right": "pos", "to_left": "neg"},
        }
        for name, line in pets_lines(shared).items()
    ]
    zones = [
        {"name": name, "kind": "area", "polygon": [(x * WIDTH, y * HEIGHT) for x, y in polygon]}
        for name, polygon in ZONES.items()
    ]
    camera = {"name": "plaza", "units": "pixels", "size": [WIDTH, HEIGHT], "lines": lines, "zones": zones}
    return Site.model_validate({"site": "pets", "site_version": 1, "time_zone": "UTC", "cameras": [camera]})


def detections(shared: Path, detector: Detector) -> ClipDetections:
    """Look at the whole video as one clip."""
    payload = (shared / "data/clips/opencv_vtest.avi").read_bytes()
    end_us = START_US + FRAMES * SECOND_US // FPS
    sha256 = hashlib.sha256(payload).hexdigest()
    envelope = Envelope(
        SCHEMA_VERSION, "pets", "plaza", "vtest", 0, START_US, end_us, 0, FPS, "msmpeg4", len(payload), sha256
    )
    here = site(shared)
    return detect(Clip(envelope, payload), here, here.cameras[0], detector, ClipLimits())


def count(clip: ClipDetections, camera: Camera) -> Counted:
    """Track and count, as a segment of the job does, noting the frame of each crossing."""
    state, seen_places = tracker.start(), PlacesState()
    happened = Happened.nothing(len(ZONES))
    events: list[Event] = []
    people = np.zeros(len(clip.times_us), int)
    for frame, moment in enumerate(moments([clip], clip.start_us, clip.end_us, frame_gap_us(camera))):
        layout = layout_of(camera, moment.aspect)
        boxes = moment.boxes / UNIT
        kept = layout.counts(foot_points(boxes))
        ahead = foresee(clip, layout)[frame]
        state, seen = tracker.step(state, SETTINGS, moment.t_us, boxes[kept], moment.scores[kept] / 255, ahead)
        before = len(happened.crossings)
        places.see(seen_places, layout, moment, clip.end_us, seen, happened)
        events += [
            (camera.lines[each.line].name, "pos" if each.side else "neg", frame) for each in happened.crossings[before:]
        ]
        people[frame] = int(seen.confirmed.sum())
    means = [person_us / happened.observed_us for person_us in happened.person_us]
    return Counted(events, people, dict(zip(ZONES, means, strict=True)))


def truth(shared: Path) -> Counted:
    """Return what the ground truth says of the same."""
    events = [
        (name.replace("_", "-"), event["direction"], event["frame"] - 1)
        for name, line in pets_lines(shared).items()
        for event in line["events"]
    ]
    tracks = pets_tracks(shared)
    people = np.array([len(tracks[frame][0]) for frame in range(FRAMES)])
    occupancy = {
        name: sum(
            int(inside(foot_points(boxes), np.array(polygon) * (WIDTH, HEIGHT)).sum()) for _, boxes in tracks.values()
        )
        / FRAMES
        for name, polygon in ZONES.items()
    }
    return Counted(events, people, occupancy)


def crossings_off(counted: Counted, true: Counted) -> int:
    """Return the sum over lines and directions of what was counted too much or too little."""
    ours, theirs = (Counter(event[:2] for event in each.crossings) for each in (counted, true))
    return sum(abs(ours[key] - theirs[key]) for key in ours.keys() | theirs.keys())


def event_f1(counted: Counted, true: Counted, tolerance: int = FPS) -> float:
    """Return the F1 of the crossings, matched one to one within a tolerance in frames."""
    matched = 0
    for key in {event[:2] for event in true.crossings}:
        ours, theirs = (
            np.array([frame for *where, frame in each.crossings if tuple(where) == key]) for each in (counted, true)
        )
        if len(ours) and len(theirs):
            near = np.abs(ours[:, None] - theirs[None]) <= tolerance
            matched += int(near[linear_sum_assignment(~near)].sum())
    return 2 * matched / (len(counted.crossings) + len(true.crossings))


def line_zone(clip: ClipDetections, camera: Camera) -> list[Event]:
    """Return the crossings of supervision's LineZone with its ByteTrack, as they come, on the same detections."""
    import supervision

    warnings.simplefilter("ignore")  # ByteTrack is to move to another package
    tracker = supervision.ByteTrack(frame_rate=FPS)
    ends = [[supervision.Point(x * WIDTH, y * HEIGHT) for x, y in (line.a, line.b)] for line in camera.lines]
    zones = [supervision.LineZone(*each, triggering_anchors=[supervision.Position.BOTTOM_CENTER]) for each in ends]
    events: list[Event] = []
    for frame, moment in enumerate(moments([clip], clip.start_us, clip.end_us, frame_gap_us(camera))):
        boxes, scores = moment.boxes / UNIT * HEIGHT, moment.scores / 255
        found = supervision.Detections(boxes, confidence=scores, class_id=np.zeros(len(boxes), int))
        tracked = tracker.update_with_detections(found)
        for line, zone in zip(camera.lines, zones, strict=True):
            crossed_in, crossed_out = zone.trigger(tracked)
            events += [(line.name, "neg", frame)] * int(crossed_in.sum())
            events += [(line.name, "pos", frame)] * int(crossed_out.sum())
    return events


def figures(counted: Counted, true: Counted, model: str) -> list[Figure]:
    """Compare what was counted with the truth; the goals are those of YOLOX nano."""
    people = counted.people - true.people
    how = f"{model}, 795 frames at 7 a second, against the ground truth of PETS09-S2L1"
    occupancy = {name: counted.occupancy[name] / true.occupancy[name] - 1 for name in ZONES}
    return [
        Figure("crossings_off", crossings_off(counted, true), f"{how}; {len(true.crossings)} true crossings"),
        Figure("event_f1", round(event_f1(counted, true), 3), f"{how}; matched within a second"),
        Figure("people_mean_error", round(people.mean(), 3), f"{how}; {true.people.mean():.2f} a frame in truth"),
        Figure("people_mean_absolute_error", round(np.abs(people).mean(), 3), how),
        *(Figure(f"occupancy_{name}_error", round(error, 4), f"{how}; relative") for name, error in occupancy.items()),
    ]


def main() -> None:
    """Print the figures of two models, with a peer on the same detections, and write the report."""
    true, camera, measured = truth(SHARED), site(SHARED).cameras[0], []
    with tempfile.TemporaryDirectory() as work:
        os.environ["SILHOUETTE_MODELS"] = str(shared_models_folder(Path(work), SHARED))
        for model in ("yolox_nano_384x640", "person"):
            clip = detections(SHARED, Detector.open(*resolve(model)))
            counted = count(clip, camera)
            peer = {
                each.name: each.value for each in figures(replace(counted, crossings=line_zone(clip, camera)), true, "")
            }
            for figure in figures(counted, true, model):
                peers = {"LineZone+ByteTrack, defaults": peer[figure.name]} if figure.name in OF_CROSSINGS else {}
                measured.append(replace(figure, name=f"{figure.name}_{model}", peers=peers))
    print_figures("Accuracy on PETS09-S2L1", measured)
    write_report("accuracy", measured)


if __name__ == "__main__":
    main()
