"""A small made-up world: people who walk through a hall, clips of it, and the job run on them without Beam."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from schemas.clock import SECOND_US, from_rfc3339
from schemas.records import MetricRecord
from schemas.site import Camera, Site
from transforms.aggregate import to_windows
from transforms.arrivals import Span, days_between, wanted
from transforms.boxes import UNIT
from transforms.detections import ClipDetections
from transforms.events import PlaceEvents, anonymise
from transforms.groups import group_named, groups_of
from transforms.metrics import records
from transforms.protect import GroupKey, protect, to_group, waits
from transforms.scene import Scene
from transforms.snapshot import Snapshot
from transforms.timeline import distinct
from transforms.track import advance
from transforms.window_events import WindowEvents
from transforms.windows import Window, agreeing_places

T0 = from_rfc3339("2026-01-05T00:00:00Z")
"""Start of a site day of `a_site`."""

MODEL = "0123456789ab"
ASPECT = 2.0

GROUND = {"points": [[0, 0.5], [1, 0.5], [1, 1], [0, 1]], "metres": [[0, 0], [10, 0], [10, 5], [0, 5]]}
"""The lower half of the hall's picture, ten metres wide and five deep: what calibrates `a_camera`."""

Person = Callable[[float], tuple[float, float] | None]
"""Where a person's foot point is, in picture heights, at a time in seconds from `T0`; None while not in view."""


def seconds(count: float) -> int:
    """Return an instant so many seconds after `T0`."""
    return T0 + round(count * SECOND_US)


def span(from_s: float, until_s: float) -> Span:
    """Return a stretch of time in seconds from `T0`."""
    return Span(seconds(from_s), seconds(until_s))


def strip(left: float, right: float) -> list[list[float]]:
    """Return a zone over the whole height of the picture, normalised."""
    return [[left, 0], [right, 0], [right, 1], [left, 1]]


def a_camera(name: str = "door", **changes: Any) -> Camera:
    """Return a camera over a hall two heights wide: a line at x = 1, an area left of it, a queue right of it."""
    fields = {
        "name": name,
        "fps": 5,
        "heatmap": [4, 2],
        "lines": [{"name": "gate", "a": [0.5, 1], "b": [0.5, 0], "directions": {"to_right": "in", "to_left": "out"}}],
        "zones": [
            {"name": "hall", "kind": "area", "polygon": strip(0.1, 0.5), "dwell_bins": ["2s", "5s"]},
            {"name": "desk", "kind": "queue", "polygon": strip(0.6, 0.9), "dwell_bins": ["2s"]},
        ],
    }
    return Camera.model_validate(fields | changes)


def a_site(**changes: Any) -> Site:
    """Return a site with that camera: minute windows, three minutes of lateness, days that begin at `T0`."""
    fields = {
        "site": "lab",
        "site_version": 1,
        "time_zone": "UTC",
        "lateness": "3m",
        "windows": ["1m"],
        "k": 1,
        "cameras": [a_camera().model_dump(mode="json")],
    }
    return Site.model_validate(fields | changes)


def walker(enters_s: float, *, speed: float = 0.25, y: float = 0.8, back: bool = False) -> Person:
    """Return a person who walks through the picture from left to right, or back, at so many heights a second."""

    def at(t: float) -> tuple[float, float] | None:
        x = 0.05 + (t - enters_s) * speed
        if t < enters_s or x > ASPECT - 0.05:
            return None
        return (ASPECT - x if back else x), y

    return at


def stander(x: float, y: float, from_s: float, until_s: float) -> Person:
    """Return a person who stands still for a while."""
    return lambda t: (x, y) if from_s <= t < until_s else None


def hidden(person: Person, from_s: float, until_s: float) -> Person:
    """Return a person whom nothing shows for a while."""
    return lambda t: None if from_s <= t < until_s else person(t)


def a_patient_site(**changes: Any) -> Site:
    """Return a site whose queue waits ten seconds for who is out of sight, with a staff zone in its hall."""
    camera = a_camera(
        zones=[
            {"name": "hall", "kind": "area", "polygon": strip(0.1, 0.5), "dwell_bins": ["2s", "5s"]},
            {"name": "desk", "kind": "queue", "polygon": strip(0.6, 0.9), "dwell_bins": ["2s"], "exit_grace": "10s"},
            {"name": "bar", "kind": "staff", "polygon": strip(0.2, 0.3)},
        ]
    )
    return a_site(cameras=[camera.model_dump(mode="json", exclude_unset=True)], **changes)


def a_clip(
    start_s: float,
    end_s: float,
    people: Iterable[Person] = (),
    *,
    fps: float = 5,
    sequence: int = 0,
    flags: int = 0,
    readable: bool = True,
    camera: str = "door",
    tag: str = "",
) -> ClipDetections:
    """Return what is detected in a clip of the world."""
    step_s = 1 / fps
    frames = int((end_s - start_s) * fps + 1e-9) if readable else 0
    boxes: list[list[int]] = []
    counts = []
    for i in range(frames):
        feet = [foot for person in people if (foot := person(start_s + i * step_s)) is not None and not flags]
        boxes += [box_at(*foot) for foot in feet]
        counts.append(len(feet))
    identity = f"{tag} {camera} {start_s} {end_s} {sequence} {flags} {readable}"
    return ClipDetections(
        site="lab",
        camera=camera,
        start_us=seconds(start_s),
        end_us=seconds(end_s),
        sequence=sequence,
        frame_rate=fps,
        sha256=hashlib.sha256(identity.encode()).hexdigest(),
        readable=readable,
        aspect=ASPECT,
        times_us=tuple(seconds(start_s + i * step_s) for i in range(frames)),
        flags=(flags,) * frames,
        counts=tuple(counts),
        boxes=np.array(boxes, np.int32).reshape(-1, 4),
        scores=np.full(len(boxes), 230, np.uint8),
    )


def box_at(x: float, y: float, width: float = 0.12, height: float = 0.3) -> list[int]:
    """Return a quantised box by its foot point."""
    corners = x - width / 2, y - height, x + width / 2, y
    return [round(corner * UNIT) for corner in corners]


def clips_of(people: Sequence[Person], until_s: float, *, every_s: float = 10, **changes: Any) -> list[ClipDetections]:
    """Return an unbroken run of clips of the world from `T0` on."""
    starts = np.arange(0, until_s, every_s).tolist()
    return [a_clip(s, min(s + every_s, until_s), people, sequence=i, **changes) for i, s in enumerate(starts)]


def place_events(site: Site, name: str, clips: Iterable[ClipDetections], asked: Span) -> list[PlaceEvents]:
    """Run a camera group's days forward and return what happened in each segment that is asked for, place by place."""
    found = []
    group = group_named(site, name)
    cameras = {camera.name for camera in group.cameras}
    own = [clip for clip in distinct(clips) if clip.camera in cameras]
    for day in days_between(site, *asked):
        stretch = wanted(site, day, {site.site: asked})
        assert stretch is not None
        reaching = [clip for clip in own if clip.end_us > day.start_us and clip.start_us < stretch[1]]
        ran = advance(Snapshot(day.start_us, Scene()), site, group, day, reaching, stretch[1])
        found += [anonymise(each) for places in ran for each in places if each.segment.start_us >= stretch[0]]
    return found


def records_of(site: Site, clips: Iterable[ClipDetections], asked: Span) -> list[MetricRecord]:
    """Return the records that a batch run of these clips must write, in a fixed order."""
    clips = list(clips)
    windows: dict[tuple[Any, ...], list[PlaceEvents]] = {}
    for group in groups_of(site):
        for events in place_events(site, group.name, clips, asked):
            for key, each in to_windows(events, site, asked):
                windows.setdefault(key, []).append(each)
    found = []
    for (_, name, size_us, start_us, end_us), segments in windows.items():
        window = Window(size_us, start_us, end_us)
        places = group_named(site, name).places
        agreed = agreeing_places(window, segments, [place.name for place in places])
        assert agreed
        for place, own in zip(places, agreed, strict=True):
            found += records(WindowEvents(site, place, MODEL, window, own))
    return in_order(found)


def protected_of(site: Site, clips: Iterable[ClipDetections], asked: Span) -> list[MetricRecord]:
    """Return the records that a batch run of these clips publishes, in a fixed order."""
    found = records_of(site, clips, asked)
    groups: dict[GroupKey, list[MetricRecord]] = {}
    for record in found:
        for key, measured in to_group(record, site):
            groups.setdefault(key, []).append(measured.record)
    released = [row for rows in groups.values() for row in protect(rows, site.k) if waits(row, site)]
    return in_order([*(record for record in found if not waits(record, site)), *released])


def in_order(found: Iterable[MetricRecord]) -> list[MetricRecord]:
    """Sort records, so that two bags of them can be compared."""
    return sorted(found, key=repr)
