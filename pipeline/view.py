"""The records as they stand: whole sets, never single rows.

Of each site and window the highest `site_version` over all families counts; of it, for each family and group, all
rows of the highest `revision`. So a row that a later revision no longer has is gone. A row that several files hold
counts once: a run that takes in more clips writes the windows before them again, as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import fastavro

from schemas.avro import natural_key
from schemas.records import FAMILIES

Row = Mapping[str, Any]


class RecordsError(ValueError):
    """Records that cannot be taken for what stands; the text says where they are."""


class UnreadableRecordsError(RecordsError):
    """A file that holds no Avro records; the text names it."""


class ContradictionError(RecordsError):
    """Two values for one record, as when jobs with different clips have written to one folder."""


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
    """Return the rows that stand, by family, each once.

    Args:
      records: All rows ever written, by family, in any order and any number.

    Raises:
      ContradictionError: two rows that stand have one natural key and differ.
    """
    versions: dict[tuple[Any, ...], int] = {}
    for rows in records.values():
        for row in rows:
            versions[_window(row)] = max(versions.get(_window(row), 0), row["site_version"])
    return {family: _once(family, _latest(rows, versions)) for family, rows in records.items()}


def _latest(rows: Iterable[Row], versions: Mapping[tuple[Any, ...], int]) -> list[Row]:
    of_version = [row for row in rows if row["site_version"] == versions[_window(row)]]
    revisions: dict[tuple[Any, ...], int] = {}
    for row in of_version:
        revisions[_set(row)] = max(revisions.get(_set(row), -1), row["revision"])
    return [row for row in of_version if row["revision"] == revisions[_set(row)]]


def _once(family: str, rows: Iterable[Row]) -> list[Row]:
    names = natural_key(family)
    standing: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        if standing.setdefault(tuple(row[name] for name in names), row) != row:
            raise ContradictionError(
                f"two {family} records of site {row['site']}, camera {row['camera']}, window from "
                f"{row['window_start']}, site_version {row['site_version']}, revision {row['revision']} differ: jobs "
                "with different clips have written to one folder; run the clips that count into a new one"
            )
    return list(standing.values())


def _window(row: Row) -> tuple[Any, ...]:
    return row["site"], row["window_size_seconds"], row["window_start"]


def _set(row: Row) -> tuple[Any, ...]:
    return *_window(row), row["group"]
