"""A careless change of schema or vocabulary is caught when the job is built, before any record is made."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from schemas.avro import RECORD_TYPES, contract
from tests.support.world import MODEL, a_site
from transforms.denial.contracts import contract_findings, structure_findings
from transforms.guard import CarelessContractError, DropBiometrics, refuse_careless
from transforms.vocabulary import vocabulary_of

VOCABULARY = vocabulary_of((a_site(),), {("lab", "door"): MODEL}, ())
CONTRACTS = {family: contract(family) for family in RECORD_TYPES}
NUMBER = {"min": 0, "max": 1, "step": 0.001, "doc": "Some number."}


def changed(*fields: dict[str, Any], family: str = "footfall") -> dict[str, Any]:
    """Return the contracts with more fields in one of them."""
    schema = copy.deepcopy(contract(family))
    schema["fields"] += fields
    return CONTRACTS | {family: schema}


def test_the_contracts_of_today_and_their_words_pass() -> None:
    refuse_careless(CONTRACTS, VOCABULARY)
    DropBiometrics(VOCABULARY)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ([{"name": "face_embedding", "type": "double", **NUMBER}], "footfall.face_embedding: name_of_template"),
        ([{"name": "ageGroup", "type": "int", "min": 0, "max": 9}], "footfall.ageGroup: name_of_demographics"),
        (
            [{"name": "haarfarbe", "type": {"type": "enum", "name": "H", "symbols": ["A"]}}],
            "footfall.haarfarbe: name_of_appearance",
        ),
        ([{"name": "track_id", "type": "long", "min": 0, "max": 9}], "footfall.track_id: name_of_identity"),
        (
            [{"name": "who", "type": "int", "aliases": ["person_id"], "min": 0, "max": 9}],
            "footfall.who: name_of_identity",
        ),
        ([{"name": f"v{at}", "type": "double", **NUMBER} for at in range(16)], "footfall.v#: vector"),
        (
            [{"name": f"v{at}", "type": ["null", "int"], "min": -127, "max": 127} for at in range(16)],
            "footfall.v#: vector",
        ),
        ([{"name": "v", "type": {"type": "array", "items": "float"}}], "footfall.v: vector"),
        ([{"name": "v", "type": {"type": "map", "values": "float"}}], "footfall.v: vector"),
        ([{"name": "v", "type": "bytes"}], "footfall.v: raw_bytes"),
        ([{"name": "v", "type": {"type": "fixed", "name": "F", "size": 64}}], "footfall.v: raw_bytes"),
        (
            [{"name": "v", "type": {"type": "record", "name": "R", "fields": [{"name": "gaze", "type": "int"}]}}],
            "footfall.v.gaze: name_of_gaze",
        ),
        (
            [{"name": "v", "type": {"type": "enum", "name": "V", "symbols": ["MALE", "FEMALE"]}}],
            "footfall.v: name_of_demographics",
        ),
        (
            [{"name": "v", "type": {"type": "enum", "name": "AgeGroup", "symbols": ["A"]}}],
            "footfall.v: name_of_demographics",
        ),
        ([{"name": "v", "type": {"type": "array", "items": "int"}}], "footfall.v: vector"),
        ([{"name": "blob", "type": {"type": "array", "items": "string"}}], "footfall.blob: encoded_text"),
        (
            [{"name": f"q{a}{b}", "type": "int", "min": 0, "max": 9} for a in "abcdefgh" for b in "abcdefgh"],
            "footfall.(record): vector",
        ),
        ([{"name": "note", "type": "string"}], "footfall.note: no_vocabulary"),
        ([{"name": "v", "type": "double", "min": 0, "max": 1}], "footfall.v: no_step"),
        ([{"name": "v", "type": "long"}], "footfall.v: unbounded"),
        ([{"name": "v", "type": {"type": "array", "items": "string"}}], "footfall.v: not_flat"),
        ([{"name": "v", "type": ["null", "int", "string"], "min": 0, "max": 1}], "footfall.v: not_flat"),
    ],
)
def test_a_careless_field_is_refused_with_its_path_and_reason(fields: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(CarelessContractError) as refused:
        refuse_careless(changed(*fields), VOCABULARY)
    assert told in str(refused.value)


@pytest.mark.parametrize("name", ["zone", "line", "camera", "reason"])
def test_a_name_that_looks_like_a_payload_is_refused_and_not_repeated(name: str) -> None:
    planted = "mzxw6ytboi4dqnzvgq3tqmrugi2tmnzyhe2tk"
    with pytest.raises(CarelessContractError, match=f"a {name} has a name that looks like encoded_text") as refused:
        DropBiometrics({**VOCABULARY, name: VOCABULARY[name] | {planted}})
    assert planted not in str(refused.value)


def test_anyones_schema_can_be_judged() -> None:
    schema = json.loads("""{"type": "record", "name": "Visit", "fields": [
        {"name": "store", "type": "string"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9}},
        {"name": "hourly_counts", "type": {"type": "array", "items": "double"}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "visitor", "type": {"type": "record", "name": "V", "fields": [
            {"name": "id", "type": "string"}, {"name": "kind", "type": "string"}]}}]}""")
    assert [tuple(found) for found in contract_findings(schema)] == [("visitor.id", "name_of_identity")]
    assert {found.reason for found in structure_findings(schema)} == {"no_vocabulary", "not_flat"}
