"""Figures of the guard: what escapes it, what it drops or accuses wrongly, and what legal values could still hide."""

from __future__ import annotations

from benchmarks.figures import Figure
from schemas.avro import RECORD_TYPES, contract
from schemas.capacity import capacity_bits, residual_bits
from schemas.records import FAMILIES
from tests.conformance.mutants import KINDS
from tests.conformance.suite import EACH, SEED, false_alarms, false_drops, mutants, show, vocabulary


def figures() -> list[Figure]:
    """Run the conformance suite once and return its figures."""
    outcome = show(mutants(SEED, EACH))
    words = {name: len(strings) for name, strings in vocabulary().items()}
    residual = {family: residual_bits(contract(family), words) for family in RECORD_TYPES}
    every = {f"{family} with key": sum(capacity_bits(contract(family), words).values()) for family in RECORD_TYPES}
    escaped = {kind: float(sum(each.kind == kind for each in outcome.escaped)) for kind in KINDS}
    return [
        Figure(
            "guard_mutants",
            sum(outcome.shown.values()),
            f"Records with payload made from seed {SEED} and shown to the guard, by kind.",
            ">= 10000",
            {kind: float(outcome.shown[kind]) for kind in KINDS},
        ),
        Figure(
            "guard_escapes",
            len(outcome.escaped),
            "Of them, those that got through whole or in part, by kind.",
            "== 0",
            escaped,
        ),
        Figure(
            "guard_false_drops",
            len(false_drops()),
            "Of records that the job writes, and of random ones of legal values, those that lost anything.",
            "== 0",
        ),
        Figure(
            "guard_false_alarms",
            len(false_alarms()),
            "Of the rows of ordinary metric tables of others, those that the deny pass takes offence at.",
            "== 0",
        ),
        Figure(
            "guard_residual_bits",
            max(residual[family] for family in FAMILIES),
            "Most bits a metric record that legal values could hide and its key does not settle; by family.",
            None,
            residual | every,
        ),
    ]
