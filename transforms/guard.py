"""DropBiometrics: the closed world at the exit. What a record's `.avsc` does not declare does not leave.

It inspects exactly what is handed to the serialiser, field by field: only declared names, only declared types,
numbers within declared bounds and rounded to the declared step, strings only from the vocabulary of this run.
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
from schemas.records import DEAD_LETTER, DeadLetter
from transforms.counters import counter
from transforms.dead_letters import DEAD_LETTER_VERSION, UNKNOWN
from transforms.metrics import PIPELINE_VERSION

STAGE = "DropBiometrics"
ON_BIOMETRIC = ("drop", "fail")

UNDECLARED = "undeclared"
"""Path of a field that no contract declares."""

REASONS = (
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
"""Reason classes, stable."""

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


class BiometricFoundError(RuntimeError):
    """A record held what it must not, and the job was told to stop then."""


@dataclass(frozen=True, eq=False)
class Guarded:
    """A record that has passed the guard: the only type that a record sink takes."""

    family: str
    fields: Mapping[str, Any]


def inspect(family: str, record: Mapping[str, Any], vocabulary: Vocabulary) -> Verdict:
    """Judge a record against its family's contract.

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
    declared = {field["name"]: field for field in contract(family)["fields"]}
    for name in record:
        if name not in declared:
            # An undeclared name is not repeated: it could be the value itself.
            violations.append(Violation(UNDECLARED, "undeclared_field"))
    for name, field in declared.items():
        nullable = isinstance(field["type"], list)
        value = record.get(name)
        reason = "missing_field" if name not in record else _fault(field, value, nullable, vocabulary)
        if reason is None:
            kept[name] = value
            continue
        violations.append(Violation(name, reason))
        kept[name] = None
        whole = whole and nullable and name in record
    return Verdict(kept if whole else None, tuple(violations))


def _fault(field: Mapping[str, Any], value: Any, nullable: bool, vocabulary: Vocabulary) -> str | None:
    """Return the reason class why a value may not stand in a field; None where it may."""
    if value is None:
        return None if nullable else "null"
    kind = field["type"][1] if nullable else field["type"]
    name = kind["type"] if isinstance(kind, dict) else kind
    # The exact type: a subclass of str or int could carry more than its value.
    if type(value) not in _TYPES[name]:
        return "wrong_type"
    if name == "enum":
        return None if value in kind["symbols"] else "unknown_symbol"
    if name == "string":
        return None if value in vocabulary.get(field["vocabulary"], ()) else "outside_vocabulary"
    if name != "boolean":
        return _number_fault(field, value)
    return None


def _number_fault(field: Mapping[str, Any], value: float) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "not_finite"
    if not field["min"] <= value <= field["max"]:
        return "out_of_bounds"
    step = field.get("step")
    if step is None:
        return None
    on_step = value % step == 0 if isinstance(value, int) and step >= 1 else value == round(value, _decimals(step))
    return None if on_step else "finer_than_step"


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
    """Lets only declared, bounded numbers and known names through to a record sink.

    Attributes:
      vocabulary: The strings that may leave.
      on_biometric: `drop` what may not leave, or `fail` the job.
    """

    vocabulary: Vocabulary
    on_biometric: str = "drop"

    def __post_init__(self) -> None:
        if self.on_biometric not in ON_BIOMETRIC:
            raise ValueError(f"on_biometric must be one of {', '.join(ON_BIOMETRIC)}")

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
        fields = {field["name"]: field for field in contract(family)["fields"]}
        start_us = getattr(record, "window_start", None)
        fault = _fault(fields["window_start"], start_us, False, self._vocabulary) if "window_start" in fields else ""
        return start_us if fault is None else None


def _name(record: Record, field: str, vocabulary: Vocabulary) -> str:
    name = getattr(record, field, UNKNOWN)
    return name if type(name) is str and name in vocabulary[field] else UNKNOWN
