"""How often the records' error intervals hold the truth, and how wide they are: on data whose truth is known.

Two videos through the real detector: PETS09-S2L1 (a plaza, crossings of three lines, five zones of which one is a
queue, in windows of five seconds) and the demo's (whether somebody is in the picture, in windows of two: it is short).
Half of the windows are audited, as a person would, and the records of others, with the intervals of that audit, are
held against the truth. Of windows as long as the audit's, halves are the first, the second, every other window, and
twenty random ones, and all other windows are held. Each longer one is held with the first and the last half of the
windows that are not in it, and with two random halves of them. All are put together.

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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.scenes import by_the_truths_rule
from benchmarks.figures import Figure, print_figures, write_report
from pipeline.audit.windows import PICTURE, Item, items_of
from pipeline.models.registry import resolve
from schemas.audit import Audit
from schemas.clock import SECOND_US
from schemas.envelope import SCHEMA_VERSION, Envelope
from schemas.records import Dwell, Flow, Footfall, Heatmap, MetricRecord, Occupancy, Queue
from schemas.site import Site, geometry_digest
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
from transforms.metrics import ANY_ZONE, WindowEvents, records
from transforms.places import PlacesState
from transforms.scene import Segment, Tracklets
from transforms.timeline import Moment
from transforms.tracker import Sightings
from transforms.windows import Window

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
QUEUE = "crossroads"
"""The zone among them that is a queue."""
RANDOM_HALVES = 20

LONGER = (3, 6)
"""How many of the audit's windows the longer ones hold."""
RANDOM_PARTS = 2
"""Audits of random windows that each longer one is held with, beside two of windows that follow one another."""

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
        match record:
            case Footfall():
                what, item, field = "crossings", (record.line, record.direction), "count"
            case Occupancy():
                what, item, field = "occupancy", (record.zone, ""), "mean"
            case Dwell(bin=-1, status="COMPLETED"):
                what, item, field = "visits", (record.zone, ""), "visits"
            case Queue():
                what, item, field = "queue_left", (record.zone, ""), "left"
            case Flow():
                what = "transitions_total" if record.from_zone == ANY_ZONE else "transitions"
                item, field = (record.from_zone, record.to_zone), "count"
            case Heatmap(cell_column=-1):
                what, item, field = "heatmap_total", PICTURE, "person_seconds"
            case _:
                continue
        value, low, high = (getattr(record, name) for name in (field, f"{field}_low", f"{field}_high"))
        if value is not None:
            said.setdefault(what, {})[item] = Value(value, low, high)
    return said


def recorded(site: Site, segments: Sequence[PlaceEvents], run: Run, audit: Audit | None = None) -> Said:
    """Return what the job's records say of a run of segments as one window, with an audit in the site file."""
    camera = site.cameras[0].model_copy(update={"audit": audit})
    own = segments[run[0] : run[1]]
    window = Window(own[-1].end_us - own[0].start_us, own[0].start_us, own[-1].end_us)
    return values(records(WindowEvents(site, camera, MODEL, window, own)))


def audited(footage: Footage, part: Iterable[int]) -> Audit:
    """Return the audit of some windows: what was counted there, beside what was true."""
    camera = footage.site.cameras[0]
    seconds = footage.site.windows[0] / SECOND_US
    made: dict[str, Any] = {}
    for number in sorted(part):
        said, true = _single(footage, number)
        for measure, items in items_of(camera).items():
            what, scale = ("heatmap_total", seconds) if measure == "presence" else (measure, 1)
            if what not in true:
                continue
            samples = made.setdefault(measure, {"seconds": seconds, "samples": [], "at": []})
            for place, item in enumerate(items):
                # A transition that nobody made has no record.
                counted = said[what][item].counted if item in said.get(what, {}) else 0
                pair = counted / scale, true[what].get(item, 0) / scale
                samples["samples"].append(tuple(round(value, 3) for value in pair))
                samples["at"].append((number, place))
    return Audit.model_validate({"model": MODEL, "geometry": geometry_digest(camera)} | made)


@cache
def _single(footage: Footage, number: int) -> tuple[Said, Mapping[str, Mapping[Item, float]]]:
    run = number, number + 1
    return recorded(footage.site, footage.segments, run), footage.true(run)


def parts(windows: Sequence[int]) -> Iterator[frozenset[int]]:
    """Yield the windows to audit: halves, every other one, and random halves."""
    half = len(windows) // 2
    for part in (windows[:half], windows[half:], windows[::2], windows[1::2]):
        yield frozenset(part)
    for seed in range(RANDOM_HALVES):
        yield frozenset(random.Random(seed).sample(windows, half))


def trials(windows: int, times: int) -> Iterator[tuple[frozenset[int], Sequence[Run]]]:
    """Yield the windows to audit, and those to hold with that audit: of so many times the length."""
    every = range(windows)
    if times == 1:
        for part in parts(every):
            yield part, [(each, each + 1) for each in every if each not in part]
        return
    for first in range(windows - times + 1):
        others = [each for each in every if not first <= each < first + times]
        half = min(windows // 2, len(others))
        stretches = others[:half], others[-half:]
        drawn = (random.Random(RANDOM_PARTS * first + seed).sample(others, half) for seed in range(RANDOM_PARTS))
        for part in (*stretches, *drawn):
            yield frozenset(part), [(first, first + times)]


@dataclass(frozen=True)
class Held:
    """How intervals did: those of one value, over all parts.

    Attributes:
      cover: Share that holds the truth; NaN, as the rest, where there is none.
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


def hold(footage: Footage, times: int = 1) -> dict[str, Held]:
    """Audit each part, and hold records of windows of so many times the length against the truth."""
    pairs: dict[str, list[tuple[Value, float]]] = {}
    for part, runs in trials(len(footage.segments), times):
        audit = audited(footage, part)
        for run in runs:
            true = footage.true(run)
            for what, said in recorded(footage.site, footage.segments, run, audit).items():
                if what in true:
                    pairs.setdefault(what, []).extend((value, true[what].get(item, 0)) for item, value in said.items())
    return {what: _held(found) for what, found in pairs.items()}


def _held(pairs: Iterable[tuple[Value, float]]) -> Held:
    widths, errors, within, without = [], [], 0, 0
    for value, true in pairs:
        if value.low is None or value.high is None:
            without += 1
            continue
        # Values and ends are in thousandths at the finest.
        within += value.low - 0.0005 <= true <= value.high + 0.0005
        widths.append(value.high - value.low)
        errors.append(true - value.counted)
    if not widths:
        return Held(math.nan, math.nan, math.nan, 0, without)
    cover = within / len(widths)
    return Held(cover, float(np.mean(widths)), narrowest(errors, cover), len(widths), without)


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
        }
        for name, each in ZONES.items()
    ]
    camera = {"name": "plaza", "units": "pixels", "size": [WIDTH, HEIGHT], "lines": lines, "zones": zones}
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
            for times in (1, *LONGER):
                for what, held in hold(footage, times).items():
                    measured += _figures(footage, what, times, model, held)
    return measured


def _figures(footage: Footage, what: str, times: int, model: str, held: Held) -> list[Figure]:
    audited_s = footage.site.windows[0] // SECOND_US
    seconds = times * audited_s
    name = f"{footage.name}_{what}_{model}_{seconds}s"
    how = (
        f"{LEVEL:.0%} intervals of {what}, {footage.name}, {model}, windows of {seconds} s: half of the windows of "
        f"{audited_s} s audited, {held.records} records of others; {held.without} more had none"
    )
    if not held.records:
        return [Figure(f"interval_none_{name}", held.without, how)]
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
