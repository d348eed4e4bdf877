"""How many, where and how long: counts from boxes against the truth's tracks, ours and others' on the same boxes.

The truth of crossings is a rule of its own (`scenes.true_crossings`), that of occupancy and visits the places' rules on
the truth's tracks. A peer may be run at several settings: with every frame and with those that it takes by itself, or
tuned by the truth, which no user has. Then each measure is the best of any.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.accuracy import ours
from benchmarks.accuracy.measures import (
    HIGHER_IS_BETTER,
    MEASURES,
    ONE_SIDE,
    Made,
    Measured,
    Scene,
    crossings_off,
    in_and_out,
    measured,
    pooled_f1,
)
from benchmarks.accuracy.others import CROSSING, TUNED, line_zone_on, others
from benchmarks.accuracy.ours import Counted
from benchmarks.accuracy.peers import mot
from benchmarks.accuracy.scenes import by_the_truths_rule
from benchmarks.figures import Figure

LEAST_F1 = 0.95
"""On PETS, at the full rate and at half of it."""


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
    """Count crossings on the truth's own tracks, the lines alone: by the truth's rule, and as the product is set."""
    with tempfile.TemporaryDirectory() as work:
        tracks = [Path(work) / f"{each.footage.label}.txt" for each in scenes]
        for each, path in zip(scenes, tracks, strict=True):
            mot.write(path, each.footage.people[:, :7])
        theirs = [line_zone_on(tracks, scenes, crossing) for crossing in CROSSING]
    tuned = min(theirs, key=lambda made: sum(_off(scenes, made)))
    named = [each.footage.label for each in scenes]
    figures = []
    for name, rule, said, goal in (
        ("crossings_off_on_true_tracks", by_the_truths_rule, "by the truth's own rule", "== 0"),
        ("crossings_off_on_true_tracks_as_set", lambda camera: camera, "as the product's lines are set", None),
    ):
        made = [ours.counted_in_truth(each.footage, rule(each.camera)) for each in scenes]
        by_clip = _off(scenes, made)
        crossed = [len(each.true.crossings) for each in scenes]
        f1 = pooled_f1([(counted, each.true) for counted, each in zip(made, scenes, strict=True)])
        how = f"the truth's own tracks, {said}, {sum(crossed)} crossings, F1 {f1:.3f}; "
        how += ", ".join(
            f"{label} {off}, LineZone {other}, of {all_}"
            for label, off, other, all_ in zip(named, by_clip, _off(scenes, theirs[0]), crossed, strict=True)
        )
        peers = {"LineZone": sum(_off(scenes, theirs[0])), "LineZone, tuned": sum(_off(scenes, tuned))}
        figures.append(Figure(name, sum(by_clip), how, goal, peers))
    return figures


def _off(scenes: Sequence[Scene], made: Sequence[Counted]) -> list[int]:
    return [crossings_off(counted, each.true) for counted, each in zip(made, scenes, strict=True)]


def on_random_lines(scenes: Sequence[Scene]) -> list[Figure]:
    """Count at lines that nobody chose, in all scenes together: nothing can be tuned to them.

    Who runs at several settings counts in each scene with that of the best F1 there.
    """
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
        untuned = [value for name, value in peers.items() if name not in TUNED]
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
