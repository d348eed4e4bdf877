"""The warehouse's tables: columns from the `.avsc`, day partitions by the window's start, and a ledger of files.

A family's table, `FAMILY_history`, holds every row ever loaded, superseded ones too; what stands of them is told by
the functions of `pipeline.warehouse.functions`. SQL is GoogleSQL, which BigQuery runs; a dataset is named as it stands
in SQL: `silhouette`, or `` `my-project`.silhouette ``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from schemas.avro import contract
from schemas.records import FAMILIES

DATASET = "silhouette"
"""The dataset's name in the templates, and the schema's on a laptop."""

LEDGER = "loaded_files"
"""The table of the files whose rows the tables hold."""

_TYPES = {
    "int": "INT64",
    "long": "INT64",
    "double": "FLOAT64",
    "boolean": "BOOL",
    "string": "STRING",
    "enum": "STRING",
    "timestamp-micros": "TIMESTAMP",
}

# At most four, and those first that most queries ask for: every function asks for one window size.
_CLUSTERS = ("window_size_seconds", "site", "camera", "line", "zone")
_MOST_CLUSTERS = 4


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
      name: The field's name; some are reserved words of SQL (`group`, `left`, `rows`).
      type: Its type in GoogleSQL.
      required: Whether it holds no nulls.
      description: The field's `doc`.
    """

    name: str
    type: str
    required: bool
    description: str


def columns(family: str) -> tuple[Column, ...]:
    """Return a family's columns, in the order of its `.avsc`."""
    return tuple(
        Column(field["name"], _type(field["type"]), not isinstance(field["type"], list), field["doc"])
        for field in contract(family)["fields"]
    )


def history(family: str) -> str:
    """Return the name of the table that holds all revisions of a family's rows."""
    return f"{family}_history"


def create_table(family: str, dataset: str) -> str:
    """Return the statement that makes a family's table where there is none."""
    names = [column.name for column in columns(family)]
    clusters = [name for name in _CLUSTERS if name in names][:_MOST_CLUSTERS]
    stands = f"All revisions: query the function {family}(window_size), which tells what stands."
    return (
        f"CREATE TABLE IF NOT EXISTS {dataset}.{history(family)} (\n"
        + ",\n".join(f"  {_definition(column)}" for column in columns(family))
        + "\n)\nPARTITION BY TIMESTAMP_TRUNC(window_start, DAY)\n"
        + f"CLUSTER BY {', '.join(clusters)}\n"
        + f"OPTIONS (description = {_quoted(contract(family)['doc'] + ' ' + stands)})"
    )


def create_ledger(dataset: str) -> str:
    """Return the statement that makes the ledger where there is none."""
    return (
        f"CREATE TABLE IF NOT EXISTS {dataset}.{LEDGER} (\n"
        '  family STRING NOT NULL OPTIONS (description = "Family of the records."),\n'
        '  date DATE NOT NULL OPTIONS (description = "UTC date of the start of their windows."),\n'
        '  file STRING NOT NULL OPTIONS (description = "Name of the file: a hash of its content."),\n'
        '  loaded_at TIMESTAMP NOT NULL OPTIONS (description = "When its rows were all in the table.")\n'
        ")\nPARTITION BY date\nCLUSTER BY family\n"
        'OPTIONS (description = "Files whose rows have been loaded; a file may stand here twice.")'
    )


def create_external_table(family: str, dataset: str, bucket: str) -> str:
    """Return the statement that makes a family's table of the files themselves.

    Its columns are those of the newest version, given by name, for BigQuery would take those of one of the files; each
    may be null, as it is in files of a version before it. The folders `site=…/date=…` are not declared as partitions:
    BigQuery refuses a partition key that is a field of the files too, as `site` is.

    Args:
      family: Record family.
      dataset: Dataset of the table.
      bucket: The job's output, `gs://bucket/folder`.
    """
    return (
        f"CREATE OR REPLACE EXTERNAL TABLE {dataset}.{history(family)} (\n"
        + ",\n".join(f"  {_definition(replace(column, required=False))}" for column in columns(family))
        + "\n)\nOPTIONS (\n"
        '  format = "AVRO",\n'
        "  enable_logical_types = TRUE,\n"
        f"  uris = [{_quoted(f'{bucket}/records/{family}/*.avro')}]\n"
        ")"
    )


def create_tables(dataset: str) -> list[str]:
    """Return the statements that make all tables where there are none."""
    return [*(create_table(family, dataset) for family in FAMILIES), create_ledger(dataset)]


def create_staging(family: str, dataset: str, name: str) -> str:
    """Return the statement that makes a table to load a family's rows into, which goes by itself after a day."""
    return (
        f"CREATE TABLE {dataset}.{name} (\n"
        + ",\n".join(f"  {_definition(column)}" for column in columns(family))
        + "\n)\nOPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 24 HOUR))"
    )


def add_column(family: str, dataset: str, column: Column) -> str:
    """Return the statement that adds a column to a family's table: one that may be null, as BigQuery wants it."""
    added = _definition(replace(column, required=False))
    return f"ALTER TABLE {dataset}.{history(family)} ADD COLUMN IF NOT EXISTS {added}"


def _definition(column: Column) -> str:
    not_null = " NOT NULL" if column.required else ""
    return f"`{column.name}` {column.type}{not_null} OPTIONS (description = {_quoted(column.description)})"


def _type(kind: Any) -> str:
    if isinstance(kind, list):
        return _type(next(branch for branch in kind if branch != "null"))
    if isinstance(kind, dict):
        kind = kind.get("logicalType", kind["type"])
    return _TYPES[kind]


def _quoted(text: str) -> str:
    """Write a string literal, whose escapes GoogleSQL shares with JSON."""
    return json.dumps(text, ensure_ascii=False)
