"""The warehouse on a laptop: the same tables and functions over the Avro files, in DuckDB, in memory.

A query reads what was loaded and nothing else: no file, no network, no setting can be reached from it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from pipeline.view import contradiction, read_family, record_files
from pipeline.warehouse.functions import contradictions, create_macro
from pipeline.warehouse.tables import DATASET, columns, history
from schemas.records import FAMILIES

_ARROW = {
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "BOOL": pa.bool_(),
    "STRING": pa.string(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
}

_SETTINGS = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "TimeZone": "UTC",
    "temp_directory": "",
}


class QueryError(ValueError):
    """A query that cannot be answered; the text says why."""


class Answer(NamedTuple):
    """Names of the columns, and the rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def open_records(output: str) -> tuple[duckdb.DuckDBPyConnection, tuple[int, ...]]:
    """Load all records under a job's output; returns the database and the window sizes there are, in seconds.

    Raises:
      pipeline.view.RecordsError: a file is no such file, or two values stand for one record.
      OSError: a file cannot be read.
    """
    database = duckdb.connect(":memory:")
    for name, value in _SETTINGS.items():
        database.execute(f"SET {name} = ?", [value])
    database.execute(f"CREATE SCHEMA {DATASET}")
    for family in FAMILIES:
        rows = [row for name in record_files(output, family) for row in read_family(name, family)]
        schema = pa.schema([pa.field(each.name, _ARROW[each.type], not each.required) for each in columns(family)])
        database.register("rows_read", pa.Table.from_pylist(rows, schema))
        database.execute(f"CREATE TABLE {DATASET}.{history(family)} AS SELECT * FROM rows_read")
        database.unregister("rows_read")
    for family in FAMILIES:
        database.execute(create_macro(family, DATASET))
    every = " UNION ".join(f"SELECT r.window_size_seconds FROM {DATASET}.{history(each)} AS r" for each in FAMILIES)
    sizes = tuple(sorted(size for (size,) in database.execute(every).fetchall()))
    for family in FAMILIES:
        for size in sizes:
            _check(database, family, size)
    database.execute(f"SET search_path = '{DATASET}'")
    return database, sizes


def name_views(database: duckdb.DuckDBPyConnection, window_size: int) -> None:
    """Let a family's name alone, without a size behind it, stand for its rows of one window size."""
    for family in FAMILIES:
        database.execute(f"CREATE VIEW {DATASET}.{family} AS SELECT * FROM {DATASET}.{family}({int(window_size)})")


def lock(database: duckdb.DuckDBPyConnection) -> None:
    """Close the database off from the machine, for good."""
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


def ask(database: duckdb.DuckDBPyConnection, query: str) -> Answer:
    """Answer one SELECT.

    Raises:
      QueryError: it is none, or a wrong one.
    """
    try:
        statements = database.extract_statements(query)
        if [each.type for each in statements] != [duckdb.StatementType.SELECT]:
            raise QueryError("must be one SELECT")
        found = database.execute(statements[0])
        names = tuple(name for name, *_ in found.description or ())
        return Answer(names, found.fetchall())
    except duckdb.Error as error:
        raise QueryError(str(error).strip()) from error


def _check(database: duckdb.DuckDBPyConnection, family: str, size: int) -> None:
    found = database.execute(contradictions(family, f"{DATASET}.{family}({size})"))
    names = [name for name, *_ in found.description or ()]
    for row in found.fetchall():
        raise contradiction(family, dict(zip(names, row, strict=True)))
