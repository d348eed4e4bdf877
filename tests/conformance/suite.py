"""Runs the conformance suite: what escapes the guard of what must not leave, and what is dropped of what may."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from schemas.avro import FAMILY_OF, RECORD_TYPES, contract
from schemas.records import DEAD_LETTER
from tests.conformance.mutants import Mutant, Row, generate, tables
from tests.conformance.schemas import PAYLOADS, ordinary
from tests.support.world import MODEL, a_camera, a_clip, a_site, clips_of, records_of, span, stander, walker
from transforms.denial.contracts import contract_findings
from transforms.denial.records import findings
from transforms.guard import REASONS, Vocabulary, inspect, to_fields
from transforms.vocabulary import vocabulary_of

SEED = 20260105
EACH = 3_400
"""Mutants of each kind."""

Deny = Callable[[Any], Sequence[Any]]


@dataclass(frozen=True)
class Outcome:
    """What a run of the suite found.

    Attributes:
      shown: How many mutants there were of each kind.
      escaped: Those that got through.
    """

    shown: Mapping[str, int]
    escaped: tuple[Mutant, ...]


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary of the job whose records are changed."""
    return vocabulary_of((_site(),), {("lab", name): MODEL for name in ("door", "yard")}, ("no_envelope",))


def _site() -> Any:
    cameras = [a_camera("door"), a_camera("yard", heatmap=[16, 9])]
    return a_site(windows=["1m", "3m"], cameras=[camera.model_dump(mode="json") for camera in cameras])


@cache
def own_records() -> tuple[tuple[str, Row], ...]:
    """Return records as the job writes them, with their families: all families, with data and without."""
    people = [
        walker(1),
        walker(20, speed=0.4, y=0.7),
        walker(33, back=True),
        stander(1.5, 0.9, 5, 140),
        stander(0.4, 0.8, 30, 70),
    ]
    clips = [*clips_of(people, 120), a_clip(120, 140, readable=False), a_clip(150, 160, people, flags=4)]
    clips += clips_of(people[:2], 60, camera="yard")
    found = [(FAMILY_OF[type(record)], to_fields(record)) for record in records_of(_site(), clips, span(0, 180))]
    found += [(DEAD_LETTER, row) for row in _letters()]
    # What this small world does not write, as groups of cameras do, is made of legal values.
    rng = random.Random(SEED)
    missing = RECORD_TYPES.keys() - {family for family, _ in found}
    return (*found, *((family, any_record(rng, family)) for family in sorted(missing) for _ in range(20)))


def _letters() -> Iterator[Row]:
    words = vocabulary()
    for at, reason in enumerate(sorted(words["reason"])):
        fields = sorted(words["field"])
        yield {
            "schema_version": 1, "pipeline_version": next(iter(words["pipeline_version"])),
            "stage": sorted(words["stage"])[at % 4],
            "reason": reason, "field": fields[at % len(fields)], "site": "lab", "camera": "unknown",
            "event_time": None, "bytes": at * 997,
        }  # fmt: skip


def any_record(rng: random.Random, family: str) -> Row:
    """Return a record with any legal value in every field."""
    return {field["name"]: _legal(rng, field) for field in contract(family)["fields"]}


def _legal(rng: random.Random, field: Mapping[str, Any]) -> Any:
    kind, nullable = (field["type"][1], True) if isinstance(field["type"], list) else (field["type"], False)
    if nullable and rng.random() < 0.3:
        return None
    name = kind["type"] if isinstance(kind, dict) else kind
    match name:
        case "boolean":
            return rng.random() < 0.5
        case "enum":
            return rng.choice(kind["symbols"])
        case "string":
            return rng.choice(sorted(vocabulary()[field["vocabulary"]]))
        case "double":
            return round(
                field["min"] + rng.random() ** 3 * (field["max"] - field["min"]), 6 if field["step"] < 1e-4 else 3
            )
    step = field.get("step", 1)
    return -(-field["min"] // step) * step + int(rng.random() ** 3 * (field["max"] - field["min"])) // step * step


def hosts() -> list[Row]:
    """Return ordinary records of others to hide payload in."""
    return [row for _, rows in tables() for row in rows]


def mutants(seed: int = SEED, each: int = EACH) -> Iterator[Mutant]:
    """Yield the suite's mutants of one seed."""
    contracts = {family: contract(family) for family in RECORD_TYPES}
    return generate(seed, each, hosts(), own_records(), contracts, vocabulary())


def show(shown: Iterator[Mutant], deny: Deny = findings) -> Outcome:
    """Show mutants to the guard, or to another deny pass, and return what got through."""
    counts: dict[str, int] = {}
    escaped = []
    for mutant in shown:
        counts[mutant.kind] = counts.get(mutant.kind, 0) + 1
        if _escapes(mutant, deny):
            escaped.append(mutant)
    return Outcome(counts, tuple(escaped))


def _escapes(mutant: Mutant, deny: Deny) -> bool:
    if mutant.kind == "alone":
        return not deny(mutant.record)
    verdict = inspect(mutant.family, mutant.record, vocabulary())
    if not verdict.violations or not {violation.reason for violation in verdict.violations} <= set(REASONS):
        return True
    declared = {field["name"] for field in contract(mutant.family)["fields"]}
    kept = verdict.kept or {}
    return not kept.keys() <= declared or any(
        kept.get(name) is mutant.record[name] for name in mutant.planted if kept.get(name) is not None
    )


def false_drops(seed: int = SEED, each: int = 300) -> list[tuple[str, Row]]:
    """Return records of the job of which anything was dropped: those it wrote, and any with legal values."""
    rng = random.Random(seed)
    honest = [*own_records(), *((family, any_record(rng, family)) for family in RECORD_TYPES for _ in range(each))]
    return [
        (family, record)
        for family, record in honest
        if inspect(family, record, vocabulary()) != (record, ()) or findings(record)
    ]


def false_alarms(deny: Deny = findings) -> list[tuple[str, Row]]:
    """Return rows of ordinary tables that the deny pass takes offence at, with the table's name."""
    return [(name, row) for name, rows in tables() for row in rows if deny(row)]


def escaped_schemas(deny: Deny = contract_findings) -> list[str]:
    """Return the makes of schemas that have room for what may not leave, or say so, and get through."""
    return [made for made, make in PAYLOADS.items() if not deny(make(random.Random(SEED)))]


def accused_schemas(deny: Deny = contract_findings) -> list[str]:
    """Return the ordinary tables whose schema the deny pass takes offence at."""
    return [name for name, schema in ordinary() if deny(schema)]
