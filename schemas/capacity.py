"""How much could still be hidden in a record whose every value is legal: bits a record, from the `.avsc` alone.

An upper bound. What the closed world lets through holds log2 of the number of a field's legal values; a sender who
chose all of them freely could say that much in one record. Part of it anyone can check who has the site file: those
fields follow from the record's key, and a record that says something else there is found out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

FOLLOWS = frozenset(
    (
        "schema_version", "pipeline_version", "model", "window_end", "window_seconds", "scheduled_ms", "coverage",
        "columns", "rows", "from_seconds", "until_seconds",
    )
)  # fmt: skip
"""Fields that a record's key, the site file and the rest of the record settle."""

ENDS = ("_low", "_high")
"""How the ends of an interval are named: they follow from what it is of, the observed time and the audit."""


def legal_values(field: Mapping[str, Any], words: Mapping[str, int]) -> int:
    """Return how many values may stand in a field, null among them where it may.

    Args:
      field: A field of a closed-world schema.
      words: For each vocabulary, how many strings it holds.

    >>> legal_values({"type": ["null", "double"], "min": 0, "max": 1, "step": 0.001}, {})
    1002
    """
    nullable = isinstance(field["type"], list)
    kind = field["type"][1] if nullable else field["type"]
    name = kind["type"] if isinstance(kind, Mapping) else kind
    match name:
        case "boolean":
            count = 2
        case "enum":
            count = len(kind["symbols"])
        case "string":
            count = words[field["vocabulary"]]
        case _:
            count = math.floor((field["max"] - field["min"]) / field.get("step", 1) + 0.5) + 1
    return count + nullable


def capacity_bits(schema: Mapping[str, Any], words: Mapping[str, int]) -> dict[str, float]:
    """Return each field's bits: log2 of the number of its legal values."""
    return {field["name"]: math.log2(max(1, legal_values(field, words))) for field in schema["fields"]}


def residual_bits(schema: Mapping[str, Any], words: Mapping[str, int]) -> float:
    """Return the bits a record that its natural key does not settle: what could be hidden in legal values.

    Which records there are follows from site file and clock, so the key's own fields say nothing. A schema without
    a key, as that of dead letters, has every field counted but those of `FOLLOWS`.
    """
    settled = FOLLOWS | set(schema.get("natural_key", ()))
    bits = capacity_bits(schema, words)
    return sum(own for name, own in bits.items() if name not in settled and not name.endswith(ENDS))
