"""The `.avsc` files of the record families, parsed once."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import fastavro

from schemas.records import DEAD_LETTER, FAMILIES, DeadLetter, MetricRecord

Record = MetricRecord | DeadLetter

RECORD_TYPES: dict[str, type[Record]] = {**FAMILIES, DEAD_LETTER: DeadLetter}
"""Every family that has a sink."""

FAMILY_OF: dict[type[Record], str] = {record: family for family, record in RECORD_TYPES.items()}


@cache
def contract(family: str) -> dict[str, Any]:
    """Return a family's `.avsc` as written, with docs, bounds and vocabularies."""
    return json.loads(resources.files(__package__).joinpath(f"{family}.avsc").read_text("utf-8"))


@cache
def parsed(family: str) -> Any:
    """Return a family's schema as fastavro wants it, and writes it: always in the same order."""
    return _ordered(fastavro.parse_schema(contract(family)))


def _ordered(part: Any) -> Any:
    """Sort the keys, which fastavro leaves in the order of Python's string hashes: another one in every process."""
    if isinstance(part, dict):
        return {key: _ordered(part[key]) for key in sorted(part)}
    return [_ordered(each) for each in part] if isinstance(part, list) else part


def natural_key(family: str) -> tuple[str, ...]:
    """Return the names of the fields that tell a family's rows apart, none of them nullable.

    None at all for dead letters: each row is a fact of its own, and two may be equal.
    """
    return tuple(contract(family).get("natural_key", ()))
