"""The `.avsc` files are the contract: the typed rows agree with them, and nothing in them can hold a template."""

import json
import typing
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from types import UnionType
from typing import Any

import fastavro
import pytest

import schemas
from schemas.avro import FAMILY_OF, RECORD_TYPES, contract, natural_key, parsed
from schemas.clock import EPOCH
from schemas.records import FAMILIES
from schemas.versions import RECORD_VERSION
from tests.golden.make import GOLDEN
from tests.support.world import a_site
from transforms.guard import inspect
from transforms.vocabulary import vocabulary_of

PYTHON = {"int": int, "long": int, "double": float, "boolean": bool, "string": str, "enum": str}
HEAD = (
    "schema_version", "pipeline_version", "model", "site", "site_version", "group", "camera", "window_start",
    "window_end", "window_size_seconds", "window_seconds", "revision", "coverage", "observed_ms", "scheduled_ms",
    "n", "suppressed",
)  # fmt: skip
WHOLE_SET = ("site", "group", "window_size_seconds", "window_start", "site_version", "revision")
HEADS = {field["name"]: field for field in contract("footfall")["fields"]}
ALL = [(family, field) for family in RECORD_TYPES for field in contract(family)["fields"]]
IDS = [f"{family}.{field['name']}" for family, field in ALL]


def kind_of(field: dict[str, Any]) -> tuple[Any, bool]:
    """Return a field's type without null, and whether null may stand there."""
    kind = field["type"]
    if isinstance(kind, list):
        assert kind[0] == "null" and len(kind) == 2
        return kind[1], True
    return kind, False


def name_of(kind: Any) -> str:
    return kind["type"] if isinstance(kind, dict) else kind


def test_every_contract_has_its_rows() -> None:
    files = {path.stem for path in Path(schemas.__file__).parent.glob("*.avsc")} - {"clip_envelope"}
    assert files == set(RECORD_TYPES)
    assert {record: family for family, record in RECORD_TYPES.items()} == FAMILY_OF


@pytest.mark.parametrize("family", RECORD_TYPES)
def test_rows_agree_with_the_contract(family: str) -> None:
    hints = typing.get_type_hints(RECORD_TYPES[family])
    declared = contract(family)["fields"]
    assert [field.name for field in fields(RECORD_TYPES[family])] == [field["name"] for field in declared]
    for field in declared:
        kind, nullable = kind_of(field)
        plain = PYTHON[name_of(kind)]
        expected: type | UnionType = plain | None if nullable else plain
        assert hints[field["name"]] == expected, field["name"]
        assert ("default" in field) == nullable, "a nullable field can be left out, and no other"
    assert contract(family)["doc"]
    assert parsed(family)["name"] == f"silhouette.{RECORD_TYPES[family].__name__}"


@pytest.mark.parametrize(("family", "field"), ALL, ids=IDS)
def test_a_field_is_a_described_and_bounded_scalar(family: str, field: dict[str, Any]) -> None:
    assert len(field["doc"]) > 10 and field["doc"].endswith(".")
    kind, _ = kind_of(field)
    match name_of(kind):
        case "int" | "long" | "double":
            assert field["min"] < field["max"]
            assert isinstance(kind, str) or kind["logicalType"] == "timestamp-micros"
            assert name_of(kind) != "double" or field["step"] > 0, "a number without a step holds 50 bits"
        case "string":
            assert field["vocabulary"] in vocabulary_of((a_site(),), {}, ())
        case "enum":
            assert kind["default"] in kind["symbols"], "without a default an enum cannot grow"
        case other:
            assert other == "boolean"


@pytest.mark.parametrize("family", RECORD_TYPES)
def test_natural_keys_are_never_null(family: str) -> None:
    declared = {field["name"]: kind_of(field) for field in contract(family)["fields"]}
    assert bool(natural_key(family)) == (family in FAMILIES), "dead letters have none"
    assert not any(declared[name][1] for name in natural_key(family))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_metric_record_has_the_same_head(family: str) -> None:
    declared = {field["name"]: field for field in contract(family)["fields"]}
    assert set(HEAD) <= set(declared)
    assert set(WHOLE_SET) <= set(natural_key(family))
    for name in HEAD:
        same = {key: value for key, value in declared[name].items() if key != "doc"}
        assert same == {key: value for key, value in HEADS[name].items() if key != "doc"}


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.avro")), ids=lambda file: file.stem)
def test_golden_files_stay_readable(file: Path) -> None:
    """A file that an earlier version wrote is read with the contract of today, and says the same."""
    family = file.stem.split("-v")[0]
    said = json.loads(file.with_suffix(".json").read_text("utf-8"))
    with file.open("rb") as opened:
        (row,) = fastavro.reader(opened, reader_schema=parsed(family))
    micros = {name: _micros(value) for name, value in row.items()}
    assert {name: micros[name] for name in said} == said
    assert all(micros[name] is None for name in micros.keys() - said.keys()), "new fields have defaults"
    vocabulary = {field["vocabulary"]: frozenset({"example"}) for _, field in ALL if "vocabulary" in field}
    assert inspect(family, micros, vocabulary).violations == ()


@pytest.mark.parametrize("family", FAMILIES)
def test_todays_version_has_a_golden_file_with_all_its_fields(family: str) -> None:
    said = json.loads((GOLDEN / f"{family}-v{RECORD_VERSION}.json").read_text("utf-8"))
    assert list(said) == [field["name"] for field in contract(family)["fields"]]


def _micros(value: Any) -> Any:
    return (value - EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else value
