"""Figures of the guard: what escapes it, what it drops or accuses wrongly, and what legal values could still hide."""

from __future__ import annotations

from benchmarks.figures import Figure
from schemas.avro import RECORD_TYPES, contract
from schemas.capacity import capacity_bits, residual_bits
from schemas.records import FAMILIES
from tests.conformance.mutants import KINDS
from tests.conformance.suite import (
    EACH,
    SEED,
    accused_schemas,
    escaped_schemas,
    false_alarms,
    false_drops,
    mutants,
    show,
    vocabulary,
)


def figures() -> list[Figure]:
    """Run the conformance suite once and return its figures."""
    outcome = show(mutants(SEED, EACH))
    words = {name: len(strings) for name, strings in vocabulary().items()}
    residual = {family: residual_bits(contract(family), words) for family in RECORD_TYPES}
    every = {f"{family} with key": sum(capacity_bits(contract(family), words).values()) for family in RECORD_TYPES}
    escaped = {kind: float(sum(each.kind == kind for each in outcome.escaped)) for kind in KINDS}
    escaped["schemas"] = float(len(escaped_schemas()))
    alarms = {"rows": float(len(false_alarms())), "schemas": float(len(accused_schemas()))}
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
            int(sum(escaped.values())),
            "Of them, those that got through whole or in part, by kind; and schemas that have room for such.",
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
            int(sum(alarms.values())),
            "Of the rows of ordinary metric tables of others and their schemas, those that are taken offence at.",
            "== 0",
            alarms,
        ),
        Figure(
            "guard_residual_bits",
            max(residual[family] for family in FAMILIES),
            "Most bits a metric record that legal values could hide and its key does not settle; by family.",
            None,
            residual | every,
        ),
    ]
