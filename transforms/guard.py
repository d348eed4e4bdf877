"""DropBiometrics: the guard at the exit. What a record's `.avsc` does not declare does not leave, nor what is denied.

It inspects exactly what is handed to the serialiser, field by field. Closed world first: only declared names, only
declared types, numbers within declared bounds and rounded to the declared step, strings only from the vocabulary of
this run. Then the deny pass (`transforms/denial`), by name and by shape: the contracts and the vocabulary are judged
when the job is built, and a job whose contracts would let out what is denied is not built.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, NamedTuple

import apache_beam as beam
import fastavro
from apache_beam import coders

from schemas.avro import FAMILY_OF, RECORD_TYPES, Record, contract
from schemas.fields import UNKNOWN
from schemas.records import DEAD_LETTER, DeadLetter
from schemas.versions import PIPELINE_VERSION
from transforms.counters import counter
from transforms.dead_letters import DEAD_LETTER_VERSION
from transforms.denial import texts
from transforms.denial.contracts import contract_findings, structure_findings
from transforms.denial.reasons import DENIALS

STAGE = "DropBiometrics"
ON_BIOMETRIC = ("drop", "fail")

UNDECLARED = "undeclared"
"""Path of a field that no contract declares."""

CLOSED_WORLD = (
    "undeclared_field",
    "missing_field",
    "null",
    "wrong_type",
    "unknown_symbol",
    "outside_vocabulary",
    "not_finite",
    "out_of_bounds",
    "finer_than_step",
)
REASONS = (*CLOSED_WORLD, *DENIALS)
"""Reason classes, stable: those of the closed world, then those of the deny pass."""

_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "long": (int,),
    "double": (int, float),
    "boolean": (bool,),
    "string": (str,),
    "enum": (str,),
}

Vocabulary = Mapping[str, frozenset[str]]
"""For each vocabulary that a schema names, the strings that may stand there."""


class Violation(NamedTuple):
    """Why a field may not leave: its path and a reason class; never its value."""

    field: str
    reason: str


class Verdict(NamedTuple):
    """What may leave of a record (None for nothing), and what may not."""

    kept: dict[str, Any] | None
    violations: tuple[Violation, ...]


class CarelessContractError(ValueError):
    """A contract or a vocabulary would let out what is denied; the text says where, and repeats no value."""


class BiometricFoundError(RuntimeError):
    """A record held what it must not, and the job was told to stop then."""


@dataclass(frozen=True, eq=False)
class Guarded:
    """A record that has passed the guard: the only type that a record sink takes."""

    family: str
    fields: Mapping[str, Any]


def refuse_careless(contracts: Mapping[str, Mapping[str, Any]], vocabulary: Vocabulary) -> None:
    """Refuse contracts and vocabularies that the deny pass takes offence at, or that leave the closed world.

    Args:
      contracts: Record schemas by family.
      vocabulary: The strings that may leave.

    Raises:
      CarelessContractError: the text names the fields and the reasons.
    """
    careless = [
        f"{family}.{found.path}: {found.reason}"
        for family, schema in contracts.items()
        for found in (*structure_findings(schema), *contract_findings(schema))
    ]
    if careless:
        raise CarelessContractError(f"these fields must not leave the job; take them out: {', '.join(careless)}")
    for name, strings in vocabulary.items():
        if faults := {fault for string in strings if (fault := texts.fault_of(string)) is not None}:
            raise CarelessContractError(
                f"a {name} has a name that looks like {', '.join(sorted(faults))} and not like a name; give it another"
            )


class _Declared(NamedTuple):
    """What a contract says of one field, ready to judge by; `denied` is why nothing may stand there at all."""

    nullable: bool
    kind: str
    types: tuple[type, ...]
    symbols: frozenset[str]
    vocabulary: str
    least: float
    most: float
    step: float
    denied: str | None


@cache
def _declared(family: str) -> dict[str, _Declared]:
    """Return a family's fields, each judged by the deny pass once: its name and kind are those of every record."""
    denied = {found.path: found.reason for found in contract_findings(contract(family))}
    fields = {}
    for field in contract(family)["fields"]:
        nullable = isinstance(field["type"], list)
        kind = field["type"][1] if nullable else field["type"]
        name = kind["type"] if isinstance(kind, dict) else kind
        fields[field["name"]] = _Declared(
            nullable,
            name,
            _TYPES[name],
            frozenset(kind["symbols"]) if name == "enum" else frozenset(),
            field.get("vocabulary", ""),
            field.get("min", -math.inf),
            field.get("max", math.inf),
            field.get("step", 0),
            denied.get(field["name"]),
        )
    return fields


def inspect(family: str, record: Mapping[str, Any], vocabulary: Vocabulary) -> Verdict:
    """Judge a record against its family's contract, and by the deny pass.

    An undeclared field, and a value that may not stand in a nullable field, is dropped from the record; a bad
    value in a field that must be there drops the record whole.

    Args:
      family: Name of the record family.
      record: Exactly what is to be serialised.
      vocabulary: The strings that may leave.
    """
    kept: dict[str, Any] = {}
    violations = []
    whole = True
    declared = _declared(family)
    if record.keys() != declared.keys():
        # An undeclared name is not repeated: it could be the value itself.
        violations += [Violation(UNDECLARED, "undeclared_field") for name in record if name not in declared]
    for name, field in declared.items():
        value = record.get(name)
        reason = "missing_field" if name not in record else _fault(field, value, vocabulary)
        if reason is None:
            kept[name] = value
            continue
        violations.append(Violation(name, reason))
        kept[name] = None
        whole = whole and field.nullable and name in record
    return Verdict(kept if whole else None, tuple(violations))


def _fault(field: _Declared, value: Any, vocabulary: Vocabulary) -> str | None:
    """Return the reason class why a value may not stand in a field; None where it may."""
    if value is None:
        return None if field.nullable else "null"
    # The exact type: a subclass of str or int could carry more than its value.
    if type(value) not in field.types:
        return "wrong_type"
    if field.kind == "enum":
        return field.denied if value in field.symbols else "unknown_symbol"
    if field.kind == "string":
        if value not in vocabulary.get(field.vocabulary, ()):
            return "outside_vocabulary"
        return field.denied or texts.fault_of(value)
    if field.kind != "boolean" and (fault := _number_fault(field, value)) is not None:
        return fault
    return field.denied


def _number_fault(field: _Declared, value: float) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "not_finite"
    # The sign of a zero would be a bit of its own.
    if not field.least <= value <= field.most or (value == 0 and math.copysign(1, value) < 0):
        return "out_of_bounds"
    step = field.step
    if not step:
        return None
    on_step = value % step == 0 if isinstance(value, int) and step >= 1 else value == round(value, _decimals(step))
    return None if on_step else "finer_than_step"


@cache
def _decimals(step: float) -> int:
    return round(-math.log10(step))


def to_fields(record: Record) -> dict[str, Any]:
    """Return a record as the serialiser gets it."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


class GuardedCoder(coders.Coder):
    """A guarded record travels in its own family's Avro encoding, so that nothing else fits in."""

    def encode(self, value: Guarded) -> bytes:
        """Write the number of the family and the record."""
        buffer = io.BytesIO(bytes([_FAMILY_NUMBERS[value.family]]))
        buffer.seek(1)
        fastavro.schemaless_writer(buffer, _plain(value.family), value.fields)
        return buffer.getvalue()

    def decode(self, encoded: bytes) -> Guarded:
        """Read what `encode` wrote."""
        family = tuple(_FAMILY_NUMBERS)[encoded[0]]
        return Guarded(family, fastavro.schemaless_reader(io.BytesIO(encoded[1:]), _plain(family), None))

    def is_deterministic(self) -> bool:
        """The same record has the same bytes."""
        return True


_FAMILY_NUMBERS = {family: number for number, family in enumerate(RECORD_TYPES)}


@cache
def _plain(family: str) -> Any:
    """Return the family's schema with instants as plain numbers, so that they come back as they went in."""
    fields = []
    for field in contract(family)["fields"]:
        kind = field["type"]
        plain = [_without_logic(branch) for branch in kind] if isinstance(kind, list) else _without_logic(kind)
        fields.append({"name": field["name"], "type": plain})
    return fastavro.parse_schema({"type": "record", "name": contract(family)["name"], "fields": fields})


def _without_logic(kind: Any) -> Any:
    return kind["type"] if isinstance(kind, dict) and "logicalType" in kind else kind


coders.registry.register_coder(Guarded, GuardedCoder)


@dataclass(eq=False)
class DropBiometrics(beam.PTransform):
    """Lets only declared, bounded numbers and known names through to a record sink, and nothing that is denied.

    Attributes:
      vocabulary: The strings that may leave.
      on_biometric: `drop` what may not leave, or `fail` the job.
    """

    vocabulary: Vocabulary
    on_biometric: str = "drop"

    def __post_init__(self) -> None:
        if self.on_biometric not in ON_BIOMETRIC:
            raise ValueError(f"on_biometric must be one of {', '.join(ON_BIOMETRIC)}")
        refuse_careless({family: contract(family) for family in RECORD_TYPES}, self.vocabulary)

    def expand(self, records: beam.PCollection[Record]) -> beam.PCollection[Guarded]:
        guard = beam.ParDo(_GuardFn(self.vocabulary, self.on_biometric)).with_output_types(Guarded)
        return records | "Guard" >> guard


class _GuardFn(beam.DoFn):
    def __init__(self, vocabulary: Vocabulary, on_biometric: str) -> None:
        self._vocabulary = vocabulary
        self._on_biometric = on_biometric

    def process(self, record: Record) -> Iterable[Guarded]:
        family = FAMILY_OF[type(record)]
        verdict = inspect(family, to_fields(record), self._vocabulary)
        if verdict.kept is not None:
            yield Guarded(family, verdict.kept)
        if not verdict.violations:
            return
        if self._on_biometric == "fail":
            found = ", ".join(f"{field}: {reason}" for field, reason in verdict.violations)
            raise BiometricFoundError(f"a {family} record holds what must not leave ({found})")
        for violation in verdict.violations:
            counter(__name__, violation.reason).inc()
            letter = self._letter(record, family, violation)
            accused = inspect(DEAD_LETTER, to_fields(letter), self._vocabulary)
            if accused.kept is not None:
                yield Guarded(DEAD_LETTER, accused.kept)

    def _letter(self, record: Record, family: str, violation: Violation) -> DeadLetter:
        return DeadLetter(
            schema_version=DEAD_LETTER_VERSION,
            pipeline_version=PIPELINE_VERSION,
            stage=STAGE,
            reason=violation.reason,
            field=f"{family}.{violation.field}",
            site=_name(record, "site", self._vocabulary),
            camera=_name(record, "camera", self._vocabulary),
            event_time=self._window_start(record, family),
            bytes=0,
        )

    def _window_start(self, record: Record, family: str) -> int | None:
        declared = _declared(family).get("window_start")
        start_us = getattr(record, "window_start", None)
        return start_us if declared is not None and _fault(declared, start_us, self._vocabulary) is None else None


def _name(record: Record, field: str, vocabulary: Vocabulary) -> str:
    name = getattr(record, field, UNKNOWN)
    return name if type(name) is str and name in vocabulary[field] else UNKNOWN
