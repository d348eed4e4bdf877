"""What `make faults` reports: figures of trials, and how records that stand are held against the batch run's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults import FAULTS, PLAIN, SPOOL, TAKEN_AWAY, figures_of, quantile
from benchmarks.trials import Outcome
from pipeline.sinks import write_file
from tests.golden.make import example
from tests.support.live_job import above_first, lost_and_other
from transforms.guard import Guarded


def outcome(fault: str, **changed: Any) -> Outcome:
    """Return a trial that came out well."""
    fields = {
        "held": 3, "came_again": 4, "records": 10, "above_first": 5, "lost": 0, "twice": 0, "recover_s": 40.0,
        "rows_ratio": 2.0,
    }  # fmt: skip
    return Outcome(fault, **(fields | changed))


def test_all_that_came_out_well_holds() -> None:
    outcomes = [outcome(fault) for fault in FAULTS]
    outcomes.append(outcome(PLAIN, held=0, latencies_s=[float(second) for second in range(1, 101)]))
    figures = {each.name: each for each in figures_of(outcomes)}
    assert all(each.holds for each in figures.values())
    assert figures["faults_injected"].value == len(FAULTS)
    assert figures["redeliveries"].value == 4 * len(FAULTS), "those of the run without a fault are none"
    assert figures["records_above_first_revision"].value == 5 * len(FAULTS)
    assert figures["capture_to_record_p50_seconds"].value == 50
    assert figures["capture_to_record_p99_seconds"].value == 99


@pytest.mark.parametrize(
    ("changed", "name", "value"),
    [
        ({"held": 0}, "faults_injected", len(FAULTS) - 1),
        ({"lost": 2}, "records_lost", 2),
        ({"twice": 3}, "records_counted_twice", 3),
        ({"rows_ratio": 10.0}, "spool_rows_ratio", 10),
    ],
)
def test_one_trial_that_came_out_badly_is_told(changed: dict[str, Any], name: str, value: float) -> None:
    outcomes = [outcome(fault, **(changed if fault == SPOOL else {})) for fault in FAULTS]
    figures = {each.name: each for each in figures_of(outcomes)}
    assert figures[name].value == value
    assert [each.name for each in figures.values() if not each.holds] == [name]


def test_a_trial_that_could_not_be_made_is_no_fault_injected() -> None:
    figures = {each.name: each for each in figures_of([outcome("worker", recover_s=61.0), outcome("duplicates")])}
    assert not figures["faults_injected"].holds
    assert figures["recover_seconds"].value == 61, "what comes twice takes nothing away"
    assert set(figures["recover_seconds"].peers) == {"worker"} < set(TAKEN_AWAY)
    assert "spool_rows_ratio" not in figures and "capture_to_record_p50_seconds" not in figures


def test_a_quantile_is_one_of_the_values() -> None:
    assert [quantile([1, 2, 3, 4], share) for share in (0.25, 0.5, 0.51, 1)] == [1, 2, 3, 4]


def row(line: str, revision: int = 1, **changed: Any) -> dict[str, Any]:
    """Return a record of footfall."""
    return example("footfall") | {"line": line, "revision": revision} | changed


def test_what_is_lost_and_what_is_other() -> None:
    rows = [row("gate"), row("door")]
    assert lost_and_other({"footfall": rows}, {"footfall": rows}) == (0, 0)
    assert lost_and_other({"footfall": rows}, {"footfall": rows[:1]}) == (1, 0)
    assert lost_and_other({"footfall": rows[:1]}, {"footfall": rows}) == (0, 1)
    assert lost_and_other({"footfall": rows}, {"footfall": [rows[0], row("door", count=0)]}) == (0, 1)
    assert lost_and_other({"footfall": rows}, {"footfall": [rows[0], row("door", 2)]}) == (0, 1), (
        "it counted more clips"
    )


def test_records_above_their_first_revision(tmp_path: Path) -> None:
    def write(*rows: dict[str, Any]) -> None:
        where = "footfall", "example", "2026-01-05"
        write_file(str(tmp_path), where, [Guarded("footfall", each) for each in rows])

    write(row("gate", 3), row("door", 3))
    assert above_first(tmp_path) == 0
    write(row("gate", 5))
    assert above_first(tmp_path) == 1, "the other is gone with the revision"
    write(row("gate", 9, window_size_seconds=1))
    assert above_first(tmp_path) == 1, "of a window that was not written before"
