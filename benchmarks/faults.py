"""`make faults`: what is lost, and what is counted twice, when parts of the live job are taken away.

Every fault by itself, with an output of its own, on a Flink of two TaskManagers and Google's Pub/Sub emulator, both
real, in `benchmarks/trials.py`. It hits while clips are un-acknowledged. Afterwards the records that stand are held
against the batch run's over the same clips, with the same `--from` and `--until`, row for row.

* `faults_injected`: faults that hit while clips were held.
* `records_lost`, `records_counted_twice`: records of the batch that do not stand; records that stand and are not the
  batch's, or have another value.
* `recover_seconds`: from the fault until the records were the batch's, of the slowest where something was taken away.
  What a dead process held comes again within a minute, the deadline to which messages are extended.
* `capture_to_record_p50_seconds`, `capture_to_record_p99_seconds`: over the records of a run in real time without a
  fault, from the window's end to when the file with the record was there. Edge agent with clips of 5 s, windows of
  10 s and 1 m, `--disorder 8s --flush 2s --checkpoint-every 2`: what is waited for by design is most of it.
* `spool_rows_ratio`: rows written where three hours of one camera came late, over the batch's rows.
* `redeliveries`, `records_above_first_revision`: that the faults did hit.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, print_figures, write_report
from benchmarks.trials import Ground, Outcome
from tests.support import builds
from tests.support.flink_cluster import flink_cluster
from tests.support.pubsub import emulator

PLAIN, SPOOL = "plain", "spool"
TAKEN_AWAY = ("taskmanager", "worker", "emulator", "savepoint", "edge")
FAULTS = (*TAKEN_AWAY, "duplicates", "disorder", SPOOL)


def figures_of(outcomes: Sequence[Outcome]) -> list[Figure]:
    """Return the figures of some trials; those of a trial that was not made are left out."""
    faults = {each.fault: each for each in outcomes if each.fault != PLAIN}
    found = [
        Figure("faults_injected", sum(each.held > 0 for each in faults.values()), "faults that hit while clips were "
               "un-acknowledged", f"== {len(FAULTS)}", {name: each.held for name, each in faults.items()}),
        Figure("records_lost", sum(each.lost for each in outcomes), "records of the batch run that do not stand",
               "== 0", {each.fault: each.lost for each in outcomes}),
        Figure("records_counted_twice", sum(each.twice for each in outcomes), "records that stand and are not the "
               "batch run's", "== 0", {each.fault: each.twice for each in outcomes}),
        Figure("redeliveries", sum(each.came_again for each in faults.values()), "clips that came to the job again",
               None, {name: each.came_again for name, each in faults.items()}),
        Figure("records_above_first_revision", sum(each.above_first for each in faults.values()), "records that stand, "
               "of windows that were written before", None, {name: each.above_first for name, each in faults.items()}),
    ]  # fmt: skip
    if taken := {name: faults[name].recover_s for name in TAKEN_AWAY if name in faults}:
        found.append(
            Figure("recover_seconds", max(taken.values()), "from the fault until all records stand, the slowest",
                   None, taken)
        )  # fmt: skip
    if latencies := sorted(each for outcome in outcomes if outcome.fault == PLAIN for each in outcome.latencies_s):
        found += [
            Figure(f"capture_to_record_p{share}_seconds", quantile(latencies, share / 100),
                   "from a window's end to when the file with the record was there, in real time, without a fault")
            for share in (50, 99)
        ]  # fmt: skip
    if SPOOL in faults:
        found.append(
            Figure("spool_rows_ratio", faults[SPOOL].rows_ratio, "rows written where three hours of one of two cameras "
                   "came late, over the batch run's", "< 10")
        )  # fmt: skip
    return found


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank quantile of what is in order."""
    return ordered[math.ceil(share * len(ordered)) - 1]


def print_outcomes(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print what each trial came to."""
    table = Table(
        "fault", "held", "came again", "records", "above first", "lost", "twice", "recovered s", "rows over batch",
        title="Trials", title_justify="left",
    )  # fmt: skip
    for each in outcomes:
        table.add_row(
            each.fault, str(each.held), str(each.came_again), str(each.records), str(each.above_first),
            str(each.lost), str(each.twice), f"{each.recover_s:.0f}", f"{each.rows_ratio:.2f}",
        )  # fmt: skip
    console.print(table)


def try_all(names: Sequence[str], console: Console) -> list[Outcome]:
    """Start what is needed, and make the trials one after the other."""
    outcomes = []
    builds.flink_job_server(), builds.flink_libraries()
    with (
        tempfile.TemporaryDirectory(prefix="silhouette-faults-") as work,
        emulator() as pubsub,
        flink_cluster(Path(work) / "flink") as flink,
    ):
        ground = Ground(Path(work), pubsub, flink)
        for name in names:
            begun = time.monotonic()
            trial: Callable[[], Outcome] = getattr(ground, name)
            try:
                outcome = trial()
            except AssertionError as error:
                console.print(f"{name}: could not be tried: {error}", highlight=False)
                continue
            outcomes.append(outcome)
            console.print(
                f"{name}: {time.monotonic() - begun:.0f} s, {outcome.lost} records lost, {outcome.twice} twice",
                highlight=False,
            )
    return outcomes


def main() -> int:
    """Make the trials; returns 0 if they could be made, whatever came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description="Takes parts of the job away.")
    parser.add_argument("--only", nargs="+", choices=(*FAULTS, PLAIN), help="some of the trials, and no report")
    args = parser.parse_args()
    console = Console()
    try:
        outcomes = try_all(args.only or (*FAULTS, PLAIN), console)
    except (pytest.skip.Exception, pytest.fail.Exception, builds.BuildError) as error:
        print(f"faults: {error}", file=sys.stderr)
        return 1
    print_outcomes(console, outcomes)
    figures = figures_of(outcomes)
    print_figures("Figures", figures, console)
    if args.only is None:
        console.print(f"written to {write_report('faults', figures)}", highlight=False)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the cluster and the emulator are ended, too
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
