"""The SQL of the templates: made from the schemas, in BigQuery's dialect, one text with DuckDB's."""

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from pipeline.warehouse.functions import create_function, create_macro, standing
from pipeline.warehouse.tables import DATASET, columns, create_external_table, create_table, history
from pipeline.warehouse.templates import templates
from schemas.avro import contract, natural_key
from schemas.records import FAMILIES


@pytest.mark.parametrize("name", templates())
def test_templates_are_what_the_schemas_say(root: Path, name: str) -> None:
    assert (root / "templates/bigquery" / name).read_text("utf-8") == templates()[name], "run `make schema`"


def test_templates_hold_no_other_file(root: Path) -> None:
    assert {path.name for path in (root / "templates/bigquery").iterdir()} == set(templates())


@pytest.mark.parametrize("name", templates())
def test_templates_are_in_bigquerys_dialect(name: str) -> None:
    statements = [each for each in sqlglot.parse(templates()[name], dialect="bigquery") if each is not None]
    assert len(statements) == len(FAMILIES) + (name == "tables.sql")
    assert {type(each) for each in statements} == {exp.Create}


@pytest.mark.parametrize("family", FAMILIES)
def test_tables_say_what_the_schema_says(family: str) -> None:
    parsed = sqlglot.parse_one(create_table(family, DATASET), dialect="bigquery")
    defined = {each.name: each for each in parsed.find_all(exp.ColumnDef)}
    assert list(defined) == [field["name"] for field in contract(family)["fields"]]
    for field in contract(family)["fields"]:
        column = defined[field["name"]]
        assert bool(column.find(exp.NotNullColumnConstraint)) == (not isinstance(field["type"], list))
        (described,) = [each for each in column.find_all(exp.Property) if each.name == "description"]
        assert described.args["value"].name == field["doc"]
    partitioned = parsed.find(exp.PartitionedByProperty)
    assert partitioned is not None
    assert partitioned.sql("bigquery") == "PARTITION BY TIMESTAMP_TRUNC(window_start, DAY)"
    (clustered,) = [each for each in parsed.args["properties"].expressions if isinstance(each, exp.ClusterProperty)]
    clusters = [each.name for each in clustered.expressions]
    assert clusters[:3] == ["window_size_seconds", "site", "camera"]
    assert len(clusters) <= 4
    assert set(clusters) <= set(defined)


@pytest.mark.parametrize("family", FAMILIES)
def test_tables_of_the_files_have_the_newest_columns_which_older_files_may_lack(family: str) -> None:
    text = create_external_table(family, DATASET, "gs://bucket/out")
    defined = list(sqlglot.parse_one(text, dialect="bigquery").find_all(exp.ColumnDef))
    assert [each.name for each in defined] == [column.name for column in columns(family)]
    assert [each.kind.sql("bigquery") for each in defined] == [column.type for column in columns(family)]
    assert not any(each.find(exp.NotNullColumnConstraint) for each in defined)


def test_types_are_bigquerys() -> None:
    types = {column.name: column.type for family in FAMILIES for column in columns(family)}
    assert types["status"] == types["group"] == "STRING"
    assert types["window_start"] == "TIMESTAMP"
    assert types["revision"] == types["bin"] == "INT64"
    assert types["coverage"] == "FLOAT64"
    assert types["suppressed"] == "BOOL"


@pytest.mark.parametrize("family", FAMILIES)
def test_no_key_of_a_merge_is_ever_null(family: str) -> None:
    required = {column.name for column in columns(family) if column.required}
    assert set(natural_key(family)) <= required


@pytest.mark.parametrize("family", FAMILIES)
def test_functions_are_one_text_in_both_dialects(family: str) -> None:
    text = standing(family, DATASET)
    assert create_function(family, DATASET).endswith(text)
    assert create_macro(family, DATASET).endswith(text)
    tables = {each.name for each in sqlglot.parse_one(text, dialect="bigquery").find_all(exp.Table)}
    assert tables == {history(each) for each in FAMILIES}, "a version of the site counts over all families"
