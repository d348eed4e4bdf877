"""How far counts are from the truth's, in one scene.

A crossing is found if the truth has one of the same line and direction within a second, one to one. Occupancy is
compared as it would be recorded, by its mean in windows of ten seconds; visits by their mean length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks.accuracy import ours
from benchmarks.accuracy.footage import Footage
from benchmarks.accuracy.ours import Counted
from benchmarks.accuracy.scenes import true_crossings
from schemas.site import Camera

TOLERANCE_SECONDS = 1.0
ENTRY_GRACE_SECONDS = 1.0
WINDOW_SECONDS = 10
IN, OUT = "pos", "neg"
"""In is to the right of one who looks from a line's a to its b."""

MEASURES = (
    "crossings_off", "crossings_in_off", "crossings_out_off", "event_f1", "occupancy_mae", "visits_off", "dwell_error",
)  # fmt: skip
HIGHER_IS_BETTER = ("event_f1",)
ONE_SIDE = ("crossings_in_off", "crossings_out_off")
"""Of what crossings_off, which has the goal, sums up."""

Made = dict[str, list[Counted]]
"""What was counted in a scene by who did, at each setting: that of the best F1 first."""

Measured = dict[str, dict[str, float]]
"""By who counted, then by measure."""


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
