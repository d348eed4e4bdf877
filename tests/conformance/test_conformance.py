"""The conformance suite against the guard: nothing escapes, nothing honest is dropped or accused."""

import json
from collections import Counter
from pathlib import Path

import pytest

from schemas.avro import RECORD_TYPES, contract
from schemas.capacity import capacity_bits, residual_bits
from tests.conformance import wording
from tests.conformance.mutants import HERE, KINDS, payloads, tables
from tests.conformance.suite import (
    EACH,
    SEED,
    accused_schemas,
    escaped_schemas,
    false_alarms,
    false_drops,
    mutants,
    own_records,
    show,
    vocabulary,
)
from transforms.denial.reasons import DENIALS
from transforms.denial.records import findings


@pytest.mark.parametrize("name", sorted(path.stem for path in (HERE / "payloads").glob("*.json")))
def test_what_peers_emit_is_denied(name: str) -> None:
    record = dict(payloads())[name]
    found = findings(record)
    assert found
    assert {each.reason for each in found} <= set(DENIALS)


def test_nothing_escapes() -> None:
    outcome = show(mutants(SEED, EACH))
    assert not [mutant.made for mutant in outcome.escaped]
    assert set(outcome.shown) == set(KINDS)
    assert min(outcome.shown.values()) >= 3_000
    assert sum(outcome.shown.values()) >= 10_000


def test_no_honest_record_of_the_job_loses_anything() -> None:
    assert not false_drops()
    assert {family for family, _ in own_records()} == set(RECORD_TYPES)


def test_no_ordinary_table_is_accused() -> None:
    assert len(tables()) >= 30
    assert not {name: [tuple(each) for each in findings(row)] for name, row in false_alarms()}


def test_no_schema_with_room_for_a_payload_escapes() -> None:
    assert not escaped_schemas()
    assert escaped_schemas(lambda schema: [])


def test_no_schema_of_an_ordinary_table_is_accused() -> None:
    assert not accused_schemas()


def test_a_seed_gives_the_same_mutants_and_another_one_others() -> None:
    one, same, other = ([repr(mutant.record) for mutant in mutants(seed, 20)] for seed in (1, 1, 2))
    assert one == same
    assert not set(one) & set(other)


def test_the_generator_shares_nothing_with_the_deny_pass() -> None:
    for path in (Path(wording.__file__), HERE / "shapes.py", HERE / "schemas.py", HERE / "mutants.py"):
        assert "transforms" not in path.read_text("utf-8")


def test_a_guard_that_sees_nothing_would_be_found_out() -> None:
    outcome = show((mutant for mutant in mutants(3, 60) if mutant.kind == "alone"), lambda record: [])
    assert len(outcome.escaped) == outcome.shown["alone"] == 60


def test_the_mutants_are_of_many_makes() -> None:
    made = Counter(mutant.made.split()[0] for mutant in mutants(4, 400) if mutant.kind == "alone")
    assert set(made) >= {
        "trait",
        "identity",
        "called",
        "vector",
        "points",
        "split",
        "picture",
        "hidden",
        "attribute",
        "payload",
        "peer",
    }


@pytest.mark.parametrize("family", RECORD_TYPES)
def test_the_docs_say_what_legal_values_could_hide(family: str) -> None:
    words = {name: len(strings) for name, strings in vocabulary().items()}
    schema = contract(family)
    left, every = residual_bits(schema, words), sum(capacity_bits(schema, words).values())
    assert f"| `{family}` | {left:.0f} | {every:.0f} |" in Path("docs/guard.md").read_text("utf-8")


def test_payloads_and_tables_are_text_with_their_source() -> None:
    for path in (HERE / "payloads").glob("*.json"):
        assert set(json.loads(path.read_text("utf-8"))) == {"source", "record"}, path.name
