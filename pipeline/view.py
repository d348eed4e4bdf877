"""The records as they stand: whole sets, never single rows.

Of each site and window the highest `site_version` over all families counts; of it, for each family and group, all
rows of the highest `revision`. So a row that a later revision no longer has is gone. A row that several files hold
counts once: a run that takes in more clips writes the windows before them again, as they were.
"""

from __future__ import annotations

import io
import lzma
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException

from pipeline.storage import find, read
from schemas.avro import natural_key, parsed
from schemas.records import FAMILIES

Row = Mapping[str, Any]


class RecordsError(ValueError):
    """Records that cannot be taken for what stands; the text says where they are."""


class UnreadableRecordsError(RecordsError):
    """A file that holds no Avro records; the text names it."""


class ContradictionError(RecordsError):
    """Two values for one record, as when jobs with different clips have written to one folder."""


_UNREADABLE = (
    ValueError, EOFError, StopIteration, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError,
    SchemaParseException, SchemaResolutionError, zlib.error, lzma.LZMAError, OSError,
)  # fmt: skip
"""What fastavro raises for bytes that are no Avro, Avro of another schema, or instants that no calendar has.

Of bytes in memory an `OSError` is bzip2's.
"""

_PACKAGES = {"snappy": "cramjam", "zstandard": "backports.zstd", "lz4": "lz4"}
"""Ways to pack Avro that Python does not know by itself, and the package with which fastavro does."""


def read_file(name: str | Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read an Avro file, local or `gs://…`: its schema and its rows.

    Raises:
      UnreadableRecordsError: it is none, or is damaged.
      OSError: it is not there, or cannot be had.
    """
    return _read(str(name), "Avro file")


def read_family(name: str, family: str) -> list[dict[str, Any]]:
    """Read the rows of a family's file as today's schema has them: fields newer than the file take their defaults.

    Raises:
      UnreadableRecordsError: it holds no such records, or is damaged.
      OSError: it is not there, or cannot be had.
    """
    return _read(name, f"Avro file of {family} records", parsed(family))[1]


def _read(name: str, wanted: str, schema: Any = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a file's own schema, and its rows as its own or another schema has them."""
    content = io.BytesIO(read(name))
    packed = ""
    try:
        reader = fastavro.reader(content, schema)
        packed = reader.codec
        rows: list[dict[str, Any]] = list(reader)
        return reader.writer_schema, rows
    except _UNREADABLE as error:
        package = _PACKAGES.get(packed, "")
        if package and f"'{package}'" in str(error):  # fastavro names what it lacks
            fault = f"is packed with {packed}: write it with deflate or null, or install {package} beside silhouette"
        else:
            fault = f"is no {wanted}, or is damaged"
        raise UnreadableRecordsError(f"{name}: {fault}") from error


def record_files(output: str | Path, family: str) -> list[str]:
    """Return the names of a family's files under a job's output, a folder or `gs://…`, sorted."""
    return find(f"{str(output).rstrip('/')}/records/{family}", ".avro")


def read_records(output: str | Path) -> dict[str, list[dict[str, Any]]]:
    """Read all metric records under a job's output, a folder or `gs://…`, by family."""
    return {
        family: [row for name in record_files(output, family) for row in read_family(name, family)]
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


def contradiction(family: str, row: Row) -> ContradictionError:
    """Return the error for a record that has two values."""
    return ContradictionError(
        f"two {family} records of site {row['site']}, camera {row['camera']}, window from "
        f"{row['window_start']}, site_version {row['site_version']}, revision {row['revision']} differ: jobs "
        "with different clips have written to one folder; run the clips that count into a new one"
    )


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
            raise contradiction(family, row)
    return list(standing.values())


def _window(row: Row) -> tuple[Any, ...]:
    return row["site"], row["window_size_seconds"], row["window_start"]


def _set(row: Row) -> tuple[Any, ...]:
    return *_window(row), row["group"]
