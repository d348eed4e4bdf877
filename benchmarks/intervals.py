"""How often the records' error intervals hold the truth, and how wide they are: on data whose truth is known.

Two videos through the real detector: PETS09-S2L1 (a plaza, crossings of three lines, five zones, in windows of five
seconds) and the demo's (whether somebody is in the picture, in windows of two: it is short). The windows are audited in
part, as a person would, and the records of the rest, with the intervals of that audit, are held against the truth.
Parts are the first half, the second, every other window, and twenty random halves; all are put together.

`interval_cover` is the share of records whose interval holds the truth. `interval_width_over_narrowest` is the mean
width over that of the narrowest fixed interval, count + a to count + b, that holds as many of the same truths: which
only somebody who knows them can choose.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.scenes import by_the_truths_rule
from benchmarks.figures import Figure, print_figures, write_report
from pipeline.models.registry import resolve
from schemas.audit import Audit
from schemas.clock import SECOND_US
from schemas.envelope import SCHEMA_VERSION, Envelope
from schemas.records import Dwell, Flow, Footfall, MetricRecord, Occupancy
from schemas.site import Site
from tests.support.models import shared_models_folder
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
from transforms.intervals import LEVEL
from transforms.layout import counted_zones, layout_of
from transforms.metrics import ANY_ZONE, Window, WindowEvents, records
from transforms.places import PlacesState
from transforms.scene import Segment, Tracklets
from transforms.timeline import Moment
from transforms.tracker import Sightings

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
START_US = 1_767_603_600_000_000
MODEL = "0123456789ab"
WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]
ZONES = {
    "crossroads": [[0.25, 0.3], [0.75, 0.3], [0.75, 0.8], [0.25, 0.8]],
    "west": [[0, 0], [0.25, 0], [0.25, 1], [0, 1]],
    "east": [[0.75, 0], [1, 0], [1, 1], [0.75, 1]],
    "south": [[0.25, 0.8], [0.75, 0.8], [0.75, 1], [0.25, 1]],
    "north": [[0.25, 0], [0.75, 0], [0.75, 0.3], [0.25, 0.3]],
}
RANDOM_HALVES = 20

Key = tuple[int, str, str]
"""A window's start, and what is counted in it: line and direction, zone, or two zones."""


@dataclass(frozen=True)
class Value:
    """What a record says: the value, and the ends of its interval, if it has one."""

    counted: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Footage:
    """A video's segments as the job counts them, and the truth of each, by measure and key."""

    name: str
    site: Site
    segments: Sequence[PlaceEvents]
    true: Mapping[str, Mapping[Key, float]]


def values(found: Iterable[MetricRecord]) -> dict[str, dict[Key, Value]]:
    """Return what records say, by measure."""
    said: dict[str, dict[Key, Value]] = {}
    for record in found:
        start = record.window_start
        match record:
            case Footfall(count=int(value)):
                key, measure, low, high = (start, record.line, record.direction), "crossings", "count_low", "count_high"
            case Occupancy(mean=float(value)):
                key, measure, low, high = (start, record.zone, ""), "occupancy", "mean_low", "mean_high"
            case Dwell(visits=int(value), bin=-1, status="COMPLETED"):
                key, measure, low, high = (start, record.zone, ""), "visits", "visits_low", "visits_high"
            case Flow(count=int(value)) if record.from_zone != ANY_ZONE:
                key, measure = (start, record.from_zone, record.to_zone), "transitions"
                low, high = "count_low", "count_high"
            case _:
                continue
        said.setdefault(measure, {})[key] = Value(value, getattr(record, low), getattr(record, high))
    return said


def recorded(site: Site, segments: Iterable[PlaceEvents], audit: Audit | None = None) -> dict[str, dict[Key, Value]]:
    """Return what the job's records say of segments of one window each, with an audit in the site file."""
    camera = site.cameras[0].model_copy(update={"audit": audit})
    windows = ((Window(site.windows[0], each.start_us, each.end_us), each) for each in segments)
    return values(
        record for window, each in windows for record in records(WindowEvents(site, camera, MODEL, window, [each]))
    )


def audited(footage: Footage, starts: frozenset[int]) -> Audit:
    """Return the audit of some windows: what was counted there, beside what was true."""
    samples: dict[str, list[tuple[float, float]]] = {}
    counted = recorded(footage.site, footage.segments)
    for measure, true in footage.true.items():
        # A transition that nobody made has no record.
        said = counted.get(measure, {})
        keys = sorted(key for key in said.keys() | true.keys() if key[0] in starts)
        samples[measure] = [(said[key].counted if key in said else 0, true.get(key, 0)) for key in keys]
    seconds = footage.site.windows[0] / SECOND_US
    return Audit.model_validate(
        {"model": MODEL} | {name: {"seconds": seconds, "samples": pairs} for name, pairs in samples.items() if pairs}
    )


def parts(starts: Sequence[int]) -> Iterator[frozenset[int]]:
    """Yield the windows to audit: halves, every other one, and random halves."""
    half = len(starts) // 2
    for part in (starts[:half], starts[half:], starts[::2], starts[1::2]):
        yield frozenset(part)
    for seed in range(RANDOM_HALVES):
        yield frozenset(random.Random(seed).sample(starts, half))


@dataclass(frozen=True)
class Held:
    """How intervals did: those of one measure, over all parts.

    Attributes:
      cover: Share that holds the truth.
      width: Mean width.
      narrowest: Width of the narrowest fixed interval that holds as many.
      records: How many there were.
      without: Records that had no interval, for want of samples.
    """

    cover: float
    width: float
    narrowest: float
    records: int
    without: int

    @property
    def ratio(self) -> float:
        """Width over the narrowest; 1 where both are nothing."""
        if self.narrowest:
            return self.width / self.narrowest
        return math.inf if self.width else 1.0


def narrowest(errors: Iterable[float], cover: float) -> float:
    """Return the width of the narrowest interval that holds a share of errors."""
    ordered = sorted(errors)
    within = math.ceil(cover * len(ordered) - 1e-9)
    return min(last - first for first, last in zip(ordered, ordered[within - 1 :], strict=False))


def hold(footage: Footage, measure: str) -> Held:
    """Audit each part, and hold the rest's records against the truth."""
    true = footage.true[measure]
    starts = sorted({each.start_us for each in footage.segments})
    widths, errors, within, without = [], [], 0, 0
    for part in parts(starts):
        audit = audited(footage, part)
        rest = [each for each in footage.segments if each.start_us not in part]
        for key, value in recorded(footage.site, rest, audit)[measure].items():
            if value.low is None or value.high is None:
                without += 1
                continue
            # Values and ends are in thousandths at the finest.
            within += value.low - 0.0005 <= true.get(key, 0) <= value.high + 0.0005
            widths.append(value.high - value.low)
            errors.append(true.get(key, 0) - value.counted)
    cover = within / len(widths)
    return Held(cover, float(np.mean(widths)), narrowest(errors, cover), len(widths), without)


def plaza(shared: Path, detector: Detector) -> Footage:
    """Return PETS09-S2L1; its truth is what the job's own places say of the true tracks."""
    lines = [
        {"name": name.replace("_", "-"), "a": line["a"], "b": line["b"]} for name, line in pets_lines(shared).items()
    ]
    zones = [
        {"name": name, "kind": "area", "polygon": [(x * WIDTH, y * HEIGHT) for x, y in polygon]}
        for name, polygon in ZONES.items()
    ]
    camera = {"name": "plaza", "units": "pixels", "size": [WIDTH, HEIGHT], "lines": lines, "zones": zones}
    site = _site("pets", "5s", camera)
    clip = _look(site, shared / "data/clips/opencv_vtest.avi", detector, FRAMES, FPS)
    true = recorded(site, _true_segments(site, pets_tracks(shared)))
    said = {measure: {key: value.counted for key, value in found.items()} for measure, found in true.items()}
    return Footage("pets", site, _segments(site, clip), said)


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
    means = {
        (START_US + at // every * site.windows[0], "picture", ""): round(float(there[at : at + every].mean()), 3)
        for at in range(0, frames, every)
    }
    clip = _look(site, video, detector, frames, told["fps"])
    return Footage("demo", site, _segments(site, clip), {"occupancy": means})


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
            moment = Moment(t_us, t_us, _instant(frame + 1), 0, WIDTH / HEIGHT, boxes, np.ones(len(ids)))
            places.see(state, layout, moment, end_us, seen, happened)
            frame += 1
        segment = Segment(start_us, end_us, ((start_us, end_us),), first=start_us == START_US, last=False)
        open_visits = places.open_visits(state, len(counted_zones(camera)))
        tracklets = Tracklets(
            site.site, camera.name, camera.name, segment,
            clips=1, revision=1, own_clips=1, bad_clips=0, frames=1, frames_left_out=0,
            happened=happened, open_visits=open_visits,
        )  # fmt: skip
        yield anonymise(tracklets)


def _instant(frame: int) -> int:
    return START_US + frame * SECOND_US // FPS


def figures(shared: Path = SHARED) -> list[Figure]:
    """Measure both videos with their models."""
    measured = []
    with tempfile.TemporaryDirectory() as work:
        os.environ["SILHOUETTE_MODELS"] = str(shared_models_folder(Path(work), shared))
        for video, model in ((plaza, "yolox_nano_384x640"), (plaza, "person"), (table, "person")):
            footage = video(shared, Detector.open(*resolve(model)))
            for measure in footage.true:
                measured += _figures(footage, measure, model)
    return measured


def _figures(footage: Footage, measure: str, model: str) -> list[Figure]:
    held = hold(footage, measure)
    name = f"{footage.name}_{measure}_{model}"
    how = (
        f"{LEVEL:.0%} intervals of {measure}, {footage.name}, {model}, windows of "
        f"{footage.site.windows[0] // SECOND_US} s: half of them audited, {4 + RANDOM_HALVES} ways, {held.records} "
        f"records of the rest; {held.without} more had none"
    )
    wide = f"{how}; mean width {held.width:.2f}, narrowest fixed width with the same cover {held.narrowest:.2f}"
    return [
        Figure(f"interval_cover_{name}", round(held.cover, 3), how, ">= 0.85"),
        Figure(
            f"interval_width_over_narrowest_{name}",
            round(held.ratio, 2),
            wide,
            "<= 1.5",
            {"narrowest fixed width": 1.0},
        ),
    ]


def main() -> None:
    """Print the figures and write the report."""
    measured = figures()
    print_figures("Error intervals on data with truth", measured)
    write_report("intervals", measured)


if __name__ == "__main__":
    main()
