"""Videos whose truth is known, as the job's records and the truth's say what was counted in their windows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.scenes import by_the_truths_rule
from pipeline.audit.windows import PICTURE, Item
from schemas.audit import Audit
from schemas.clock import SECOND_US
from schemas.envelope import SCHEMA_VERSION, Envelope
from schemas.records import Dwell, Flow, Footfall, Heatmap, MetricRecord, Movement, Occupancy, Queue
from schemas.site import Site
from tests.support.truth import FPS, FRAMES, HEIGHT, WIDTH, pets_lines, pets_tracks
from tests.support.world import place_events
from transforms import places
from transforms.arrivals import Span
from transforms.clips import Clip
from transforms.decode import ClipLimits
from transforms.detect import detect
from transforms.detections import ClipDetections
from transforms.detector import Detector
from transforms.events import PlaceEvents, anonymise
from transforms.happened import Happened
from transforms.layout import counted_zones, layout_of
from transforms.metrics import ANY_ZONE, records
from transforms.places import PlacesState
from transforms.scene import Segment, Tracklets
from transforms.timeline import Moment
from transforms.tracker import Sightings
from transforms.window_events import WindowEvents
from transforms.windows import Window

START_US = 1_767_603_600_000_000
MODEL = "0123456789ab"
WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]
ZONES: dict[str, list[list[float]]] = {
    "crossroads": [[0.25, 0.3], [0.75, 0.3], [0.75, 0.8], [0.25, 0.8]],
    "west": [[0, 0], [0.25, 0], [0.25, 1], [0, 1]],
    "east": [[0.75, 0], [1, 0], [1, 1], [0.75, 1]],
    "south": [[0.25, 0.8], [0.75, 0.8], [0.75, 1], [0.25, 1]],
    "north": [[0.25, 0], [0.75, 0], [0.75, 0.3], [0.25, 0.3]],
}
QUEUE = "crossroads"
"""The zone among them that is a queue."""

GROUND = {
    "points": [(0.1 * WIDTH, 0.95 * HEIGHT), (0.9 * WIDTH, 0.95 * HEIGHT), (0.7 * WIDTH, 0.2 * HEIGHT),
               (0.3 * WIDTH, 0.2 * HEIGHT)],
    "metres": [(0, 0), (8, 0), (8, 20), (0, 20)],
}  # fmt: skip
"""A floor that is about right: where people walk on it is held against where the true feet do."""

Run = tuple[int, int]
"""Windows of the audit's length, from and until, by number: one of them, or a longer window."""
Said = dict[str, dict[Item, "Value"]]
"""What a window's records say, by what is counted and where."""


@dataclass(frozen=True)
class Value:
    """What a record says: the value, and the ends of its interval, if it has one."""

    counted: float
    low: float | None
    high: float | None


@dataclass(frozen=True, eq=False)
class Footage:
    """A video's segments as the job counts them, one a window, and the truth of windows, by what is counted and where.

    What no truth is told of is not held.
    """

    name: str
    site: Site
    segments: Sequence[PlaceEvents]
    true: Callable[[Run], Mapping[str, Mapping[Item, float]]]


def values(found: Iterable[MetricRecord]) -> Said:
    """Return what a window's records say."""
    said: Said = {}
    for record in found:
        for what, item, field in _told(record):
            value, low, high = (getattr(record, name) for name in (field, f"{field}_low", f"{field}_high"))
            if value is not None:
                said.setdefault(what, {})[item] = Value(value, low, high)
    return said


def _told(record: MetricRecord) -> Iterator[tuple[str, Item, str]]:
    """Yield the values of a record that have an interval: what each is of, where, and its field."""
    match record:
        case Footfall():
            yield "crossings", (record.line, record.direction), "count"
        case Occupancy():
            yield "occupancy", (record.zone, ""), "mean"
            yield "peaks", (record.zone, ""), "peak"
        case Dwell(bin=-1, status="COMPLETED"):
            yield "visits", (record.zone, ""), "visits"
        case Dwell(bin=-1, status="OPEN"):
            yield "open_visits", (record.zone, ""), "visits"
        case Dwell(status="COMPLETED"):
            yield "dwell_bins", (record.zone, str(record.bin)), "visits"
        case Queue():
            yield "waiting", (record.zone, ""), "length_mean"
            yield "queue_peak", (record.zone, ""), "length_peak"
            yield "queue_joined", (record.zone, ""), "joined"
            yield "queue_left", (record.zone, ""), "left"
        case Flow():
            what = "transitions_total" if record.from_zone == ANY_ZONE else "transitions"
            yield what, (record.from_zone, record.to_zone), "count"
        case Heatmap(cell_column=-1):
            yield "heatmap_total", PICTURE, "person_seconds"
        case Heatmap():
            yield "heatmap_cells", (str(record.cell_column), str(record.cell_row)), "person_seconds"
        case Movement(sector="TOTAL"):
            yield "movement_total", (record.zone, ""), "person_seconds"
        case Movement():
            yield "movement_ways", (record.zone, record.sector), "person_seconds"


def recorded(site: Site, segments: Sequence[PlaceEvents], run: Run, audit: Audit | None = None) -> Said:
    """Return what the job's records say of a run of segments as one window, with an audit in the site file."""
    camera = site.cameras[0].model_copy(update={"audit": audit})
    own = segments[run[0] : run[1]]
    window = Window(own[-1].end_us - own[0].start_us, own[0].start_us, own[-1].end_us)
    return values(records(WindowEvents(site, camera, MODEL, window, own)))


def plaza(shared: Path, detector: Detector) -> Footage:
    """Return PETS09-S2L1; its truth is what the job's own places say of the true tracks."""
    lines = [
        {"name": name.replace("_", "-"), "a": line["a"], "b": line["b"]} for name, line in pets_lines(shared).items()
    ]
    zones = [
        {
            "name": name,
            "kind": "queue" if name == QUEUE else "area",
            "polygon": [(x * WIDTH, y * HEIGHT) for x, y in each],
            "dwell_bins": ["2s", "5s", "10s"],
        }
        for name, each in ZONES.items()
    ]
    camera = {
        "name": "plaza",
        "units": "pixels",
        "size": [WIDTH, HEIGHT],
        "lines": lines,
        "zones": zones,
        "ground": GROUND,
    }
    site = _site("pets", "5s", camera)
    clip = _look(site, shared / "data/clips/opencv_vtest.avi", detector, FRAMES, FPS)
    segments = list(_true_segments(site, pets_tracks(shared)))

    @cache
    def true(run: Run) -> dict[str, dict[Item, float]]:
        said = recorded(site, segments, run)
        return {what: {item: value.counted for item, value in found.items()} for what, found in said.items()}

    return Footage("pets", site, _segments(site, clip), true)


def table(shared: Path, detector: Detector) -> Footage:
    """Return the demo's video; its truth is who is in the picture, one at a time, checked by hand."""
    told = json.loads((shared / "data/demo/one-by-one_presence.json").read_text("utf-8"))
    video, frames = shared / "data/demo/one-by-one.mp4", 1394
    camera = {"name": "reading-table", "zones": [{"name": "picture", "kind": "area", "polygon": WHOLE}]}
    site = _site("example-library", "2s", camera)
    there = np.zeros(frames, bool)
    for first, last in told["runs"]:
        there[first : last + 1] = True
    every = site.windows[0] // SECOND_US * told["fps"]

    def true(run: Run) -> dict[str, dict[Item, float]]:
        mean = float(there[run[0] * every : run[1] * every].mean())
        return {"occupancy": {("picture", ""): round(mean, 3)}}

    clip = _look(site, video, detector, frames, told["fps"])
    return Footage("demo", site, _segments(site, clip), true)


def _site(name: str, window: str, camera: dict[str, Any]) -> Site:
    told = {"site": name, "site_version": 1, "time_zone": "UTC", "windows": [window], "cameras": [camera]}
    return Site.model_validate(told)


def _look(site: Site, video: Path, detector: Detector, frames: int, fps: int) -> ClipDetections:
    """Look at a whole video as one clip."""
    payload = video.read_bytes()
    end_us = START_US + frames * SECOND_US // fps
    sha256 = hashlib.sha256(payload).hexdigest()
    camera = site.cameras[0]
    envelope = Envelope(
        SCHEMA_VERSION, site.site, camera.name, "video", 0, START_US, end_us, 0, fps, "video", len(payload), sha256
    )
    return detect(Clip(envelope, payload), site, camera, detector, ClipLimits(max_seconds=600))


def _segments(site: Site, clip: ClipDetections) -> list[PlaceEvents]:
    """Return the video's whole windows, as the job counts in them."""
    windows = (clip.end_us - clip.start_us) // site.windows[0]
    return place_events(site, site.cameras[0].name, [clip], Span(START_US, START_US + windows * site.windows[0]))


def _true_segments(site: Site, tracks: Mapping[int, tuple[np.ndarray, np.ndarray]]) -> Iterator[PlaceEvents]:
    """Run the true tracks through the lines and zones, window by window."""
    camera = site.cameras[0]
    layout = layout_of(by_the_truths_rule(camera), WIDTH / HEIGHT)
    state = PlacesState()
    alive: set[int] = set()
    frame = 0
    for start_us in range(START_US, START_US + FRAMES * SECOND_US // FPS, site.windows[0]):
        end_us = start_us + site.windows[0]
        happened = Happened.nothing(layout.zones)
        places.go_on(state, start_us, end_us, happened)
        while frame < FRAMES and (t_us := _instant(frame)) < end_us:
            ids, boxes = tracks[frame]
            gone = np.array(sorted(alive - set(ids)), int)
            alive = set(ids)
            seen = Sightings(ids, boxes / HEIGHT, np.ones(len(ids), bool), gone)
            moment = Moment(0, t_us, t_us, _instant(frame + 1), 0, WIDTH / HEIGHT, boxes, np.ones(len(ids), np.uint8))
            places.see(state, layout, moment, end_us, seen, happened)
            frame += 1
        first = start_us == START_US
        segment = Segment(start_us, end_us, ((start_us, end_us),), first=first, opens=first, closes=False)
        open_visits = places.open_visits(state, len(counted_zones(camera)))
        tracklets = Tracklets(
            site.site, camera.name, camera.name, segment,
            clips=1, revision=1, own_clips=1, bad_clips=0, frames=1, frames_left_out=0,
            happened=happened, open_visits=open_visits,
        )  # fmt: skip
        yield anonymise(tracklets)


def _instant(frame: int) -> int:
    return START_US + frame * SECOND_US // FPS
