"""The demo's video, in which six people come one after the other: counts by its own site file, beside others.

The truth says in which frames somebody is there; all six come in over one line and leave over the other.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy import counting
from benchmarks.accuracy.footage import Footage, demo, presence
from benchmarks.accuracy.measures import Scene, measured
from benchmarks.accuracy.ours import Counted
from benchmarks.figures import Figure
from pipeline.sites import load_sites
from transforms.detector import Detector

ENTRANCE, EXIT, ROOM = ("entrance", "neg"), ("exit", "pos"), "room"
"""In is to the left of the line for entering, out to the right of the one for leaving."""


def figures(root: Path, shared: Path, detector: Detector) -> list[Figure]:
    """Count in the demo's video, at its rate and at half of it."""
    (site,) = load_sites(root / "demo/site.yaml")
    (camera,) = site.cameras
    footage = demo(root, camera, detector)
    scenes = [
        Scene(each, camera, _true(each, presence(shared), 10 / each.rate)) for each in (footage, footage.every(2))
    ]
    made = counting.by_everybody(scenes)
    found = []
    for each in scenes:
        label, people = each.footage.label, {ROOM: each.true.people[ROOM]}
        in_room = {
            name: [
                replace(counted, people={ROOM: counted.people[ROOM]}, visits={ROOM: counted.visits[ROOM]})
                for counted in settings
            ]
            for name, settings in made[label].items()
        }
        true = replace(each, true=replace(each.true, people=people, visits={ROOM: each.true.visits[ROOM]}))
        measures = measured(in_room, true)
        how = f"{each.footage.frames} frames of the demo at {each.footage.rate:g} a second; six come, six go"
        for measure in ("crossings_off", "occupancy_mae", "visits_off", "dwell_error"):
            peers = {name: own[measure] for name, own in measures.items() if name != "ours"}
            goal = "== 0" if measure in ("crossings_off", "visits_off") else None
            found.append(Figure(f"{measure}_{label}", measures["ours"][measure], how, goal, peers))
    return found


def _true(footage: Footage, runs: list[tuple[int, int]], step: float) -> Counted:
    """Return the truth: who comes crosses the entrance about then, who leaves the exit."""
    there = np.zeros(footage.frames)
    for first, last in runs:
        there[round(first / step) : round(last / step) + 1] = 1
    crossings = [(*ENTRANCE, first / 10) for first, _ in runs] + [(*EXIT, last / 10) for _, last in runs]
    return Counted(crossings, {ROOM: there}, {ROOM: [(last - first + 1) / 10 for first, last in runs]})
