"""The records as they stand: whole sets, never single rows.

Of each site and window the highest `site_version` over all families counts; of it, for each family and group, all
rows of the highest `revision`. So a row that a later revision no longer has is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import fastavro

from schemas.records import FAMILIES

Row = Mapping[str, Any]


class UnreadableRecordsError(ValueError):
    """A file that holds no Avro records; the text names it."""


def read_file(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read an Avro file: its schema and its rows.

    Raises:
      UnreadableRecordsError: it is none, or is damaged.
    """
    try:
        with path.open("rb") as file:
            reader = fastavro.reader(file)
            rows: list[dict[str, Any]] = list(reader)
            return reader.writer_schema, rows
    except (ValueError, EOFError, StopIteration, KeyError, IndexError, TypeError) as error:
        raise UnreadableRecordsError(f"{path}: is no Avro file, or is damaged") from error


def read_records(output: Path) -> dict[str, list[dict[str, Any]]]:
    """Read all metric records under a job's output folder, by family."""
    return {
        family: [row for path in sorted(output.glob(f"records/{family}/**/*.avro")) for row in read_file(path)[1]]
        for family in FAMILIES
    }


def current(records: Mapping[str, Iterable[Row]]) -> dict[str, list[Row]]:
    """Return the rows that stand, by family.

    Args:
      records: All rows ever written, by family, in any order.
    """
    versions: dict[tuple[Any, ...], int] = {}
    for rows in records.values():
        for row in rows:
            versions[_window(row)] = max(versions.get(_window(row), 0), row["site_version"])
    return {family: _latest(rows, versions) for family, rows in records.items()}


def _latest(rows: Iterable[Row], versions: Mapping[tuple[Any, ...], int]) -> list[Row]:
    of_version = [row for row in rows if row["site_version"] == versions[_window(row)]]
    revisions: dict[tuple[Any, ...], int] = {}
    for row in of_version:
        revisions[_set(row)] = max(revisions.get(_set(row), -1), row["revision"])
    return [row for row in of_version if row["revision"] == revisions[_set(row)]]


def _window(row: Row) -> tuple[Any, ...]:
    return row["site"], row["window_size_seconds"], row["window_start"]


def _set(row: Row) -> tuple[Any, ...]:
    return *_window(row), row["group"]
