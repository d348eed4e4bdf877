"""What legal values can hide, counted from the contracts."""

import math
from typing import Any

import pytest

from schemas.avro import RECORD_TYPES, contract
from schemas.capacity import FOLLOWS, capacity_bits, legal_values, residual_bits
from schemas.records import FAMILIES

WORDS = {
    field["vocabulary"]: 4 for family in RECORD_TYPES for field in contract(family)["fields"] if "vocabulary" in field
}


@pytest.mark.parametrize(
    ("field", "count"),
    [
        ({"type": "boolean"}, 2),
        ({"type": {"type": "enum", "symbols": ["A", "B", "C"]}}, 3),
        ({"type": "string", "vocabulary": "zone"}, 4),
        ({"type": "int", "min": -1, "max": 8}, 10),
        ({"type": ["null", "long"], "min": 0, "max": 9}, 11),
        ({"type": {"type": "long", "logicalType": "timestamp-micros"}, "min": 0, "max": 9_999, "step": 1_000}, 11),
        ({"type": "double", "min": 0, "max": 1, "step": 1e-06}, 1_000_001),
    ],
)
def test_legal_values_are_counted(field: dict[str, Any], count: int) -> None:
    assert legal_values(field, WORDS) == count


@pytest.mark.parametrize("family", FAMILIES)
def test_what_the_key_settles_is_not_counted(family: str) -> None:
    schema = contract(family)
    bits = capacity_bits(schema, WORDS)
    ends = {name for name in bits if name.endswith(("_low", "_high"))}
    assert {name.rsplit("_", 1)[0] for name in ends} <= set(bits), "an interval is of a value beside it"
    free = set(bits) - FOLLOWS - set(schema["natural_key"]) - ends
    assert residual_bits(schema, WORDS) == pytest.approx(sum(bits[name] for name in free))
    assert free >= {"observed_ms", "n", "suppressed"}
    assert 0 < residual_bits(schema, WORDS) < sum(bits.values())


def test_a_vocabulary_twice_as_large_is_a_bit_more() -> None:
    schema = contract("dead_letter")
    more = residual_bits(schema, WORDS | {"site": 8})
    assert more == pytest.approx(residual_bits(schema, WORDS) + 1)


def test_every_field_of_every_family_has_a_capacity() -> None:
    for family in RECORD_TYPES:
        assert all(math.isfinite(bits) and bits >= 0 for bits in capacity_bits(contract(family), WORDS).values())
    assert {field["name"] for family in FAMILIES for field in contract(family)["fields"]} >= FOLLOWS
