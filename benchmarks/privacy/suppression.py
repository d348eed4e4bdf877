"""What an attacker can compute back of suppressed cells, and how much more is suppressed than a solver's least.

* `suppressed_cells_recovered`: cells of which the attack of `tests/support/attack.py` tells the one possible value, and
  which the families without `k` do not tell by themselves, in what is published of made-up crowds, with `k` for some
  families and for all, of the demo's video with a `k` of 5, and in all that a release and its replays have written to
  one output: with other windows, and with a clip that came later. Beside it, what these would tell if none of their
  groups were withheld.
* `suppression_over_smallest`: over test tables in two directions (cells by nested windows, with totals), the share of
  cells that is suppressed beyond the smallest pattern that protects as well, found by mixed-integer programming.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, vstack

from benchmarks.figures import Figure, print_figures
from pipeline.view import current, read_records
from schemas.least import LeastCounts
from schemas.records import MetricRecord
from tests.support.command import silhouette
from tests.support.crowds import a_group, as_measured, crowd, crowded_site, published, recovered
from tests.support.demo import SITE_FILE, cut
from tests.support.world import clips_of, span
from transforms.programs import Aim, Table
from transforms.protect import protect
from transforms.suppression import plan, within_reach

KS: tuple[Any, ...] = (
    5,
    {"dwell": 5, "queue": 5, "occupancy": 5, "footfall": 5},
    {"footfall": 3, "dwell": 3, "heatmap": 10},
)
CROWDS = (4, 10, 20)
REPLAYS: tuple[tuple[dict[str, Any], ...], ...] = (
    ({"windows": ["4m"]}, {"windows": ["1m"], "site_version": 2}),
    ({"windows": ["2m"]}, {"windows": ["1m", "2m"], "site_version": 2}, {"windows": ["1m"], "site_version": 3}),
)
"""What differs in the site files of a run and of the replays after it."""
TABLES, LEAST, LONGEST_S = 12, 5, 20.0


def figures() -> list[Figure]:
    """Return both figures; the demo is counted for the first, which takes a minute."""
    found = [of_crowd(k, seed, people) for k in KS for seed, people in enumerate(CROWDS)]
    # The demo's windows are one group.
    demo = protect(as_measured(demo_records()), LeastCounts())
    found.append(_attacked(LeastCounts(), demo))
    found += [of_replays(sites, seed) for seed, sites in enumerate(REPLAYS, 3)]
    found += [of_late_clip(seed) for seed in (1, 4)]
    suppressed, prevented = (sum(getattr(run, name) for run in found) for name in ("suppressed", "prevented"))
    over = [over_smallest(*a_table(seed)) for seed in range(TABLES)]
    return [
        Figure(
            "suppressed_cells_recovered",
            sum(run.recovered for run in found),
            f"linear programming on all that is written, replays together with what was before; {suppressed} "
            f"suppressed cells; {prevented} would be told if no replay were withheld",
            "== 0",
        ),
        Figure(
            "suppression_over_smallest",
            sum(over) / len(over),
            f"share of cells suppressed beyond scipy's milp's smallest pattern; mean of {TABLES} tables, "
            f"{max(over):.3f} at most",
            "<= 0.10",
        ),
    ]


class Attacked(NamedTuple):
    """How many cells are suppressed, how many of them can be told, and could if a replay were not withheld."""

    suppressed: int
    recovered: int
    prevented: int = 0


def of_crowd(k: Any, seed: int, people: int) -> Attacked:
    """Attack what is published of a made-up crowd."""
    site = crowded_site(k)
    return _attacked(site.k, protect(a_group(site, seed, people), site.k))


def of_replays(changes: Sequence[Mapping[str, Any]], seed: int) -> Attacked:
    """Attack what a run and replays of the same clips have written with other windows."""
    clips = clips_of(crowd(seed, 240, 20), 240, every_s=20)
    sites = [crowded_site(**each) for each in changes]

    def written(*, withholding: bool) -> list[MetricRecord]:
        rows: list[MetricRecord] = []
        for site in sites:
            rows += published(site, clips, span(0, 240), rows, withholding=withholding)
        return rows

    told = _attacked(sites[0].k, written(withholding=True))
    return told._replace(prevented=_attacked(sites[0].k, written(withholding=False)).recovered)


def of_late_clip(seed: int) -> Attacked:
    """Attack what a run and a replay with one more clip have written."""
    site, clips = crowded_site(), clips_of(crowd(seed, 120, 40), 120, every_s=20)
    before = published(site, [*clips[:4], *clips[5:]], span(0, 120))
    shown, all_of_it = (
        published(site, clips, span(0, 120), before, withholding=withholding) for withholding in (True, False)
    )
    told = _attacked(site.k, before, shown)
    return told._replace(prevented=_attacked(site.k, before, all_of_it).recovered)


def _attacked(k: LeastCounts, *written: Sequence[MetricRecord]) -> Attacked:
    known = {each[:4] for each in recovered(k, *written)}
    return Attacked(sum(row.suppressed for rows in written for row in rows), len(known))


def demo_records() -> Mapping[str, Iterable[Mapping[str, Any]]]:
    """Count the demo's video, and return the records that stand."""
    with tempfile.TemporaryDirectory() as folder:
        clips, output = cut(Path(folder, "clips")), f"{folder}/output"
        ran = silhouette("run", "--site", SITE_FILE, "--clips", clips, "--output", output)
        if ran.returncode:
            raise RuntimeError(f"the demo failed: {ran.stderr}")
        return current(read_records(output))


def a_table(seed: int) -> tuple[Table, dict[int, list[Aim]]]:
    """Return a table of cells by nested windows, a total in each, and what its small cells must be able to be."""
    rng = random.Random(seed)
    kinds, windows = rng.randint(3, 5), rng.randint(2, 4)
    counts = [[_count(rng) for _ in range(windows)] for _ in range(kinds)]
    rows = [[*row, sum(row)] for row in counts]
    rows.append([sum(column) for column in zip(*rows, strict=True)])
    values = np.array(rows, float).ravel()
    width = windows + 1
    sums = [[*range(r * width, (r + 1) * width)] for r in range(kinds + 1)]
    sums += [[*range(c, (kinds + 1) * width, width)] for c in range(width)]
    relations = np.zeros((len(sums), len(values)))
    for number, (*parts, total) in enumerate(sums):
        relations[number, parts], relations[number, total] = 1, -1
    table = Table(
        values=values, cells=np.arange(len(values)), floors=np.zeros(len(values)), whole=np.ones(len(values), bool),
        steps=np.ones(len(values)), published=np.zeros(len(values), bool), prices=np.ones(len(values)),
        blocks=np.full(len(values), -1), relations=csr_array(relations),
        limits=csr_array((0, len(values))), slack=np.zeros(0),
    )  # fmt: skip
    aims = {
        cell: [Aim(cell, LEAST - n), *([Aim(cell, 1 - n)] if n > 1 else [])]
        for cell, n in enumerate(values.tolist())
        if 0 < n < LEAST
    }
    return table, within_reach(table, aims)


def _count(rng: random.Random) -> int:
    return rng.choice([0, rng.randint(1, 4), rng.randint(5, 12), rng.randint(5, 40)])


def over_smallest(table: Table, aims: Mapping[int, Sequence[Aim]]) -> float:
    """Return the share of cells that the job suppresses beyond the solver's smallest pattern."""
    return (len(plan(table, aims)) - smallest(table, aims)) / len(table.published)


def smallest(table: Table, aims: Mapping[int, Sequence[Aim]]) -> int:
    """Return how many cells the smallest pattern has that reaches all aims.

    For each aim there is one other table, that differs in suppressed cells only: Fischetti and Salazar's model. In a
    table of two directions what reaches an aim goes round in circles, so no cell need differ by more than the aim.
    """
    cells, every = len(table.published), [aim for own in aims.values() for aim in own]
    if not every:
        return 0
    width = cells + cells * len(every)
    low, high = np.full(width, 0.0), np.full(width, 1.0)
    low[list(aims)] = 1.0
    blocks, least, most = [], [], []
    for number, aim in enumerate(every):
        at, far = cells * (1 + number), abs(aim.by)
        low[at : at + cells] = -np.minimum(far, table.values - table.floors)
        high[at : at + cells] = far
        low[at + aim.quantity] = high[at + aim.quantity] = aim.by
        inside = table.relations.tocoo()
        blocks.append(coo_array((inside.data, (inside.row, inside.col + at)), (inside.shape[0], width)))
        least += [0.0] * inside.shape[0]
        most += [0.0] * inside.shape[0]
        numbers = np.arange(cells)
        for sign in (1.0, -1.0):
            values = np.concatenate([np.full(cells, sign), np.full(cells, -far)])
            where = np.concatenate([numbers, numbers]), np.concatenate([numbers + at, numbers])
            blocks.append(coo_array((values, where), (cells, width)))
            least += [-np.inf] * cells
            most += [0.0] * cells
    found = milp(
        np.concatenate([np.ones(cells), np.zeros(width - cells)]),
        constraints=LinearConstraint(csr_array(vstack(blocks)), least, most),
        integrality=np.concatenate([np.ones(cells), np.zeros(width - cells)]),
        bounds=Bounds(low, high), options={"time_limit": LONGEST_S},
    )  # fmt: skip
    # Where time runs out, what no pattern can be below: the figure is then no better than it is.
    return int(np.ceil(found.mip_dual_bound - 1e-6))


def main() -> None:
    """Print the figures."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print_figures("Suppression", figures())


if __name__ == "__main__":
    main()
