"""Which models get in, with every disguise: nothing that must be refused is admitted, nothing good is refused."""

from pathlib import Path

from benchmarks.privacy import admission


def test_nothing_that_must_be_refused_gets_in(shared: Path) -> None:
    outcomes = list(admission.refusals(shared))
    assert [outcome.model for outcome in outcomes if outcome.admitted] == []
    assert all(outcome.reasons for outcome in outcomes)
    assert len(outcomes) > 250


def test_every_detector_gets_in(shared: Path) -> None:
    outcomes = list(admission.admissions(shared))
    assert [outcome for outcome in outcomes if not outcome.admitted] == []
    assert len(outcomes) > 25
