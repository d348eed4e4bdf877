"""How many, where and how long: counts from boxes against the truth's tracks, ours and others' on the same boxes.

The truth of crossings is a rule of its own (`scenes.true_crossings`), that of occupancy and visits the places' rules on
the truth's tracks. A crossing is found if the truth has one of the same line and direction within a second, one to one.
Occupancy is compared as it would be recorded, by its mean in windows of ten seconds; visits by their mean length.

Of a peer that is tried at several settings, tuned by the truth, which no user has, each measure is the best of any.
"""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment

from benchmarks.accuracy import ours, tracking
from benchmarks.accuracy.footage import Footage
from benchmarks.accuracy.ours import Counted
from benchmarks.accuracy.peers import mot
from benchmarks.accuracy.peers.ask import MESOPIC, PEERS, Task, ask
from benchmarks.accuracy.scenes import by_the_truths_rule, true_crossings
from benchmarks.accuracy.tracking import Peer
from benchmarks.figures import Figure
from schemas.site import Camera
from transforms.layout import counted_zones

TOLERANCE_SECONDS = 1.0
ENTRY_GRACE_SECONDS = 1.0
WINDOW_SECONDS = 10
LINE_ZONE, TUNED, MESOPIC_NAME = "LineZone+ByteTrack", "LineZone+ByteTrack, tuned", "mesopic"
IN, OUT = "pos", "neg"
"""In is to the right of one who looks from a line's a to its b."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Footage, its lines and zones, and what is true there."""

    footage: Footage
    camera: Camera
    true: Counted


def scene(footage: Footage, camera: Camera, at_full_rate: Footage | None = None) -> Scene:
    """Return a scene with the truth of its footage; crossings are those at the full rate."""
    counted = ours.counted_in_truth(footage, camera)
    return Scene(
        footage, camera, Counted(true_crossings(at_full_rate or footage, camera), counted.people, counted.visits)
    )


def crossings_off(counted: Counted, true: Counted, sides: Sequence[str] = (IN, OUT)) -> int:
    """Return the sum over lines and directions of what was counted too much or too little."""
    ours, theirs = (Counter(event[:2] for event in each.crossings) for each in (counted, true))
    return sum(abs(ours[key] - theirs[key]) for key in ours.keys() | theirs.keys() if key[1] in sides)


def in_and_out(counted: Counted) -> str:
    """Return how many were counted in and out, over all lines."""
    sides = Counter(side for _, side, _ in counted.crossings)
    return f"{sides[IN]} in {sides[OUT]} out"


def event_f1(counted: Counted, true: Counted) -> float:
    """Return the F1 of the crossings, matched one to one within a second."""
    return pooled_f1([(counted, true)])


def pooled_f1(pairs: Sequence[tuple[Counted, Counted]]) -> float:
    """Return the F1 of the crossings of several scenes together, of what was counted and what is true in each."""
    both = sum(len(counted.crossings) + len(true.crossings) for counted, true in pairs)
    return 2 * sum(_matched(*pair) for pair in pairs) / both if both else 1.0


def _matched(counted: Counted, true: Counted) -> int:
    matched = 0
    for key in {event[:2] for event in true.crossings}:
        ours, theirs = (
            np.array([at for *where, at in each.crossings if tuple(where) == key]) for each in (counted, true)
        )
        if len(ours) and len(theirs):
            near = np.abs(ours[:, None] - theirs[None]) <= TOLERANCE_SECONDS + 1e-6
            matched += int(near[linear_sum_assignment(~near)].sum())
    return matched


def occupancy_off(counted: Counted, true: Counted, frames: int) -> float:
    """Return the mean absolute error of the people in a zone, over windows of some frames and over zones."""
    errors = []
    for zone, truly in true.people.items():
        missed = np.subtract(counted.people[zone], truly)
        errors += [abs(missed[first : first + frames].mean()) for first in range(0, len(missed), frames)]
    return float(np.mean(errors))


def visits_off(counted: Counted, true: Counted) -> int:
    """Return by how many visits the zones' counts are off; visits shorter than the entry grace are none."""
    return sum(abs(len(_long(counted.visits[zone])) - len(_long(true.visits[zone]))) for zone in true.visits)


def dwell_off(counted: Counted, true: Counted) -> float:
    """Return the mean over zones of the relative error of a visit's mean length."""
    return float(np.mean([abs(_mean(counted.visits[zone]) / _mean(true.visits[zone]) - 1) for zone in true.visits]))


MEASURES = (
    "crossings_off", "crossings_in_off", "crossings_out_off", "event_f1", "occupancy_mae", "visits_off", "dwell_error",
)  # fmt: skip
HIGHER_IS_BETTER = ("event_f1",)
ONE_SIDE = ("crossings_in_off", "crossings_out_off")
"""Of what crossings_off, which has the goal, sums up."""

LEAST_F1 = 0.95
"""On PETS, at the full rate and at half of it."""

SUPERVISION, TRACKERS = Peer("", "supervision", "ByteTrack"), Peer("", "trackers", "ByteTrackTracker")


@dataclass(frozen=True)
class Setting:
    """How one of the libraries' ByteTracks is run before LineZone: its options, and which boxes it is given."""

    peer: Peer = SUPERVISION
    options: Mapping[str, float] = field(default_factory=dict)
    boxes: Mapping[str, float] = field(default_factory=dict)


DEFAULTS = [Setting()]
# What matters for F1, of what was tried: a longer lost_track_buffer, a frame rate that is not the true one and another
# minimum_consecutive_frames change nothing on PETS, and boxes that overlap make it worse.
TUNING = [
    Setting(
        SUPERVISION,
        {"track_activation_threshold": activation, "minimum_matching_threshold": matching},
        {"least_score": least_score, "most_overlap": 0.45},
    )
    for activation, matching, least_score in itertools.product((0.25, 0.5), (0.8, 0.95), (0.1, 0.35))
] + [
    Setting(
        TRACKERS,
        {"track_activation_threshold": 0.5, "minimum_iou_threshold": iou, "high_conf_det_threshold": high},
        {"least_score": least_score, "most_overlap": 0.45},
    )
    for iou, (high, least_score) in itertools.product((0.05, 0.1), ((0.6, 0.1), (0.4, 0.35)))
]
CROSSING = (1, 2, 3, 4, 5)
"""Frames beyond the line after which LineZone counts; the first is its default."""

Made = dict[str, list[Counted]]
"""What was counted in a scene by who did, at each setting: that of the best F1 first."""

Measured = dict[str, dict[str, float]]
"""By who counted, then by measure."""


def figures(scenes: Sequence[Scene], console: Console) -> list[Figure]:
    """Count in all scenes with everybody, print the tables, and compare."""
    made = by_everybody(scenes)
    rows = {label: measured(made[label], each) for each in scenes for label in [each.footage.label]}
    console.print(_table(rows))
    console.print(_counts(scenes, made))
    return [figure for each in scenes for figure in _figures(each, rows[each.footage.label])]


def by_everybody(scenes: Sequence[Scene], *, tuned: bool = True) -> dict[str, Made]:
    """Count in scenes, ours and the peers, also tuned ones; returns what was counted by the footage's label."""
    made: dict[str, Made] = {
        each.footage.label: {"ours": [ours.follow(each.footage, each.camera).counted]} for each in scenes
    }
    for name, counts in others(scenes, tuned=tuned).items():
        for label, counted in counts.items():
            made[label][name] = counted
    return made


def of_another_detector(each: Scene, name: str) -> list[Figure]:
    """Count in a scene whose boxes another detector found, everybody on the same."""
    counts = measured(by_everybody([each])[each.footage.label], each)
    how = f"the detector {name}, {each.footage.frames} frames at {each.footage.rate:g} a second"
    return [
        Figure(f"{measure}_{each.footage.label}_{name}", counts["ours"][measure], how, None, _peers(counts, measure))
        for measure in MEASURES
    ]


def on_true_tracks(scenes: Sequence[Scene]) -> list[Figure]:
    """Count crossings on the truth's own tracks: the lines alone, without detector and tracker."""
    with tempfile.TemporaryDirectory() as work:
        tasks = []
        for number, (each, crossing) in enumerate(itertools.product(scenes, CROSSING)):
            tracks = Path(work) / f"{number}.txt"
            mot.write(tracks, each.footage.people[:, :7])
            tasks.append(_place_task(each, tracks, {"minimum_crossing_threshold": crossing}) | {"name": str(crossing)})
        answers = ask(PEERS, "place", tasks)
    off = Counter[str]()
    for (each, _), answer in zip(itertools.product(scenes, CROSSING), answers, strict=True):
        off[answer["name"]] += crossings_off(_counted(answer, each.footage.rate), each.true)
    crossed = sum(len(each.true.crossings) for each in scenes)
    made = [(ours.counted_in_truth(each.footage, by_the_truths_rule(each.camera)), each.true) for each in scenes]
    counted = sum(crossings_off(*each) for each in made)
    how = f"lines on the truth's own tracks, {crossed} crossings in {', '.join(each.footage.label for each in scenes)}"
    peers = {"LineZone": off[str(CROSSING[0])], "LineZone, tuned": min(off.values())}
    return [Figure("crossings_off_on_true_tracks", counted, how, "== 0", peers)]


def on_random_lines(scenes: Sequence[Scene]) -> list[Figure]:
    """Count at lines that nobody chose, in all scenes together: nothing can be tuned to them."""
    made = by_everybody(scenes, tuned=False)
    names = [name for name in made[scenes[0].footage.label] if all(name in own for own in made.values())]
    pairs = {name: [(made[each.footage.label][name][0], each.true) for each in scenes] for name in names}
    off = {name: sum(crossings_off(*pair) for pair in own) for name, own in pairs.items()}
    f1 = {name: round(pooled_f1(own), 3) for name, own in pairs.items()}
    crossed = sum(len(each.true.crossings) for each in scenes)
    how = f"{len(scenes[0].camera.lines)} random lines, {crossed} crossings in "
    how += f"{', '.join(each.footage.label for each in scenes)}; everybody on the same boxes"
    own_off, own_f1 = off.pop("ours"), f1.pop("ours")
    return [
        Figure("crossings_off_on_random_lines", own_off, how, f"<= {min(off.values())}", off),
        Figure("event_f1_on_random_lines", own_f1, how, f">= {max(f1.values())}", f1),
    ]


def others(scenes: Sequence[Scene], *, tuned: bool) -> dict[str, dict[str, list[Counted]]]:
    """Return what the peers count in each scene, by peer and the footage's label, at each of their settings."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        for each in scenes:
            mot.write(folder / f"{each.footage.label}.txt", each.footage.found)
        plaza = [each for each in scenes if each.footage.name == "pets"]
        made = {LINE_ZONE: _line_zone(folder, scenes, DEFAULTS, CROSSING[:1])}
        if tuned:
            made |= {TUNED: _line_zone(folder, plaza, DEFAULTS + TUNING, CROSSING)}
        if MESOPIC.exists():
            tasks = [_mesopic_task(each, folder / f"{each.footage.label}.txt") for each in scenes]
            made[MESOPIC_NAME] = {
                each.footage.label: [_counted(answer, each.footage.rate)]
                for each, answer in zip(scenes, ask(MESOPIC, "mesopic_count", tasks), strict=True)
            }
    return made


def _line_zone(
    folder: Path, scenes: Sequence[Scene], settings: Sequence[Setting], crossing: Sequence[int]
) -> dict[str, list[Counted]]:
    """Return what LineZone counts in each scene at each setting, the best first: by F1, then by crossings off."""
    follow, place = [], []
    for each, (number, setting) in itertools.product(scenes, enumerate(settings)):
        found, tracks = (folder / f"{each.footage.label}{kind}.txt" for kind in ("", f"-{number}-tracks"))
        options = {**setting.options, "frame_rate": each.footage.rate}
        follow.append(tracking.task(setting.peer, options, each.footage, found, tracks) | dict(setting.boxes))
        place += [_place_task(each, tracks, {"minimum_crossing_threshold": least}) for least in crossing]
    ask(PEERS, "track", follow)
    by_label: dict[str, list[Counted]] = {}
    for asked, answer in zip(place, ask(PEERS, "place", place), strict=True):
        by_label.setdefault(asked["name"], []).append(_counted(answer, asked["rate"]))
    true = {each.footage.label: each.true for each in scenes}
    return {
        label: sorted(made, key=lambda each: (-event_f1(each, true[label]), crossings_off(each, true[label])))
        for label, made in by_label.items()
    }


def _place_task(each: Scene, tracks: Path, options: dict[str, int]) -> Task:
    width, height = each.footage.size
    return {
        "name": each.footage.label, "tracks": str(tracks), "frames": each.footage.frames, "rate": each.footage.rate,
        "lines": {line.name: [(x * width, y * height) for x, y in (line.a, line.b)] for line in each.camera.lines},
        "zones": {
            zone.name: [(round(x * width), round(y * height)) for x, y in zone.polygon]
            for zone in counted_zones(each.camera)
        },
        "options": options,
    }  # fmt: skip


def _mesopic_task(each: Scene, found: Path) -> Task:
    return {
        "name": each.footage.label, "detections": str(found), "size": each.footage.size,
        "frames": each.footage.frames, "rate": each.footage.rate,
        "lines": {line.name: [line.a, line.b] for line in each.camera.lines},
        "zones": {zone.name: zone.polygon for zone in counted_zones(each.camera)},
    }  # fmt: skip


def _counted(answer: Mapping[str, Mapping[str, Any]], rate: float) -> Counted:
    counted = answer["counted"]
    crossings = [(line, side, frame / rate) for line, side, frame in counted["crossings"]]
    return Counted(crossings, {zone: np.array(people) for zone, people in counted["people"].items()}, counted["visits"])


def _long(visits: Sequence[float]) -> list[float]:
    """Return the visits that last the zones' entry grace, ours or not."""
    return [seconds for seconds in visits if seconds >= ENTRY_GRACE_SECONDS - 1e-6]


def _mean(visits: Sequence[float]) -> float:
    return float(np.mean(_long(visits) or [0.0]))


def measured(made: Made, each: Scene) -> Measured:
    """Return all measures of what was counted in a scene, by who did; of several settings the best of each."""
    found: Measured = {}
    for name, settings in made.items():
        by_setting = [_measured(counted, each) for counted in settings]
        found[name] = {
            measure: (max if measure in HIGHER_IS_BETTER else min)(own[measure] for own in by_setting)
            for measure in MEASURES
        }
    return found


def _measured(counted: Counted, each: Scene) -> dict[str, float]:
    true, window = each.true, round(WINDOW_SECONDS * each.footage.rate)
    return {
        "crossings_off": crossings_off(counted, true),
        "crossings_in_off": crossings_off(counted, true, [IN]),
        "crossings_out_off": crossings_off(counted, true, [OUT]),
        "event_f1": round(event_f1(counted, true), 3),
        "occupancy_mae": round(occupancy_off(counted, true, window), 3),
        "visits_off": visits_off(counted, true),
        "dwell_error": round(dwell_off(counted, true), 3),
    }


def _peers(counts: Measured, measure: str) -> dict[str, float]:
    return {name: own[measure] for name, own in counts.items() if name != "ours"}


def _figures(each: Scene, counts: Measured) -> list[Figure]:
    """Compare ours with the peers; the goal is to be no worse than any of them that is not tuned by the truth."""
    footage = each.footage
    how = f"{footage.frames} frames at {footage.rate:g} a second, {in_and_out(each.true)} in truth at "
    how += f"{len(each.camera.lines)} lines, {len(each.true.people)} zones; everybody on the same boxes"
    made = []
    for measure in MEASURES:
        peers = _peers(counts, measure)
        untuned = [value for name, value in peers.items() if name != TUNED]
        goal = None if measure in ONE_SIDE else f"<= {min(untuned):g}"
        if measure in HIGHER_IS_BETTER:
            best = max(untuned)
            goal = f">= {max(best, LEAST_F1) if footage.name == 'pets' else best:g}"
        made.append(Figure(f"{measure}_{footage.label}", counts["ours"][measure], how, goal, peers))
    return made


def _table(rows: Mapping[str, Measured]) -> Table:
    title = "Counting: crossings off / F1 / occupancy, mean absolute error / visits off / dwell error"
    names = list(dict.fromkeys(name for counts in rows.values() for name in counts))
    table = Table("footage", *names, title=title, title_justify="left")
    for label, counts in rows.items():
        cells = []
        for name in names:
            if name not in counts:
                cells.append("")
                continue
            own = counts[name]
            cells.append(
                f"{own['crossings_off']:.0f} {own['event_f1']:.3f} {own['occupancy_mae']:.2f} "
                f"{own['visits_off']:.0f} {100 * own['dwell_error']:.0f}%"
            )
        table.add_row(label, *cells)
    return table


def _counts(scenes: Sequence[Scene], made: Mapping[str, Made]) -> Table:
    names = list(dict.fromkeys(name for counts in made.values() for name in counts))
    title = "Crossings in and out, over all lines; of several settings at that of the best F1"
    table = Table("footage", "truth", *names, title=title, title_justify="left")
    for each in scenes:
        own = made[each.footage.label]
        cells = [in_and_out(own[name][0]) if name in own else "" for name in names]
        table.add_row(each.footage.label, in_and_out(each.true), *cells)
    return table
