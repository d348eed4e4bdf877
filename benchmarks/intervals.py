"""How often the records' error intervals hold the truth, and how wide they are: on data whose truth is known.

Two videos through the real detector: PETS09-S2L1 (a plaza, crossings of three lines, five zones of which one is a
queue, a heat map and a floor, in windows of five seconds) and the demo's (whether somebody is in the picture, in
windows of two: it is short). Half of the windows are audited, as a person would, and the records of others, with the
intervals of that audit, are held against the truth. Of windows as long as the audit's, halves are the first, the
second, every other window, and twenty random ones, and all other windows are held. Each longer one is held with the
first and the last half of the windows that are not in it, and with two random halves of them. All are put together.

`interval_cover` is the share of records whose interval holds the truth. `interval_width_over_narrowest` is the mean
width over that of the narrowest fixed interval, count + a to count + b, that holds as many of the same truths: which
only somebody who knows them can choose. Both are told for each value, model and length of windows, and of all records
together, each width over the narrowest of its own kind.
"""

from __future__ import annotations

import math
import os
import random
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.audited import MODEL, Footage, Run, Said, Value, plaza, recorded, table
from benchmarks.figures import Figure, print_figures, write_report
from pipeline.audit.windows import Item, items_of
from pipeline.models.registry import resolve
from schemas.audit import Audit, Measure
from schemas.clock import SECOND_US
from schemas.geometry import geometry_digest
from tests.support.models import shared_models_folder
from transforms.detector import Detector
from transforms.intervals import LEVEL

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"

RANDOM_HALVES = 20

IN_PERSON_SECONDS: Mapping[Measure, str] = {"presence": "heatmap_total", "walking": "movement_total"}
"""Means that the records tell of by their sum, and what it is."""

LONGER = (3, 6)
"""How many of the audit's windows the longer ones hold."""
RANDOM_PARTS = 2
"""Audits of random windows that each longer one is held with, beside two of windows that follow one another."""


def audited(footage: Footage, part: Iterable[int]) -> Audit:
    """Return the audit of some windows: what was counted there, beside what was true."""
    camera = footage.site.cameras[0]
    seconds = footage.site.windows[0] / SECOND_US
    made: dict[str, Any] = {}
    for number in sorted(part):
        said, true = _single(footage, number)
        for measure, items in items_of(camera).items():
            what, scale = (IN_PERSON_SECONDS[measure], seconds) if measure in IN_PERSON_SECONDS else (measure, 1)
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
        for audited_ in (*stretches, *drawn):
            yield frozenset(audited_), [(first, first + times)]


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


def figures(shared: Path = SHARED) -> list[Figure]:
    """Measure both videos with their models."""
    measured: list[Figure] = []
    kinds: list[Held] = []
    with tempfile.TemporaryDirectory() as work:
        os.environ["SILHOUETTE_MODELS"] = str(shared_models_folder(Path(work), shared))
        for video, model in ((plaza, "yolox_nano_384x640"), (plaza, "person"), (table, "person")):
            footage = video(shared, Detector.open(*resolve(model)))
            for times in (1, *LONGER):
                for what, held in hold(footage, times).items():
                    measured += _figures(footage, what, times, model, held)
                    kinds.append(held)
    return overall(kinds) + measured


def overall(kinds: Iterable[Held]) -> list[Figure]:
    """Tell of the records of all kinds together; the width of each is held against the narrowest of its kind."""
    told = [held for held in kinds if held.records]
    records = [held.records for held in told]
    how = (
        f"{LEVEL:.0%} intervals of {sum(records)} records of {len(told)} kinds: value, video, model, length of windows"
    )
    return [
        _cover("interval_cover", float(np.average([held.cover for held in told], weights=records)), how),
        _width("interval_width_over_narrowest", float(np.average([held.ratio for held in told], weights=records)), how),
    ]


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
        _cover(f"interval_cover_{name}", held.cover, how),
        _width(f"interval_width_over_narrowest_{name}", held.ratio, wide),
    ]


def _cover(name: str, share: float, how: str) -> Figure:
    return Figure(name, round(share, 3), how, ">= 0.85")


def _width(name: str, ratio: float, how: str) -> Figure:
    return Figure(name, round(ratio, 2), how, "<= 1.5", {"narrowest fixed width": 1.0})


def main() -> None:
    """Print the figures and write the report."""
    measured = figures()
    print_figures("Error intervals on data with truth", measured)
    write_report("intervals", measured)


if __name__ == "__main__":
    main()
