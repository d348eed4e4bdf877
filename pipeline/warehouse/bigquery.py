"""Loads Avro files of records into BigQuery: each file once, whatever the order, and again after a crash.

A batch of new files goes into a staging table of its own, from there by MERGE into the family's history, and then
into the ledger. The history only grows: superseded rows stay, and the functions of `pipeline.warehouse.functions`
leave them out. That is the simplest design that is right:

* MERGE goes by the natural key, which holds `site_version` and `revision` and no null. So what is there already is
  not inserted again, and the history is a set of rows, the same in whatever order the files came.
* The ledger only saves work. It is written last: a loader killed at any point loads some files again, to no effect.
* What is replaced is told when reading, over all families at once. Deleting while loading would be wrong as soon as
  an older file came after a newer one.
* Two loaders at once: inserts do not conflict in BigQuery, so both may insert the same rows. The functions take equal
  rows once. For the same reason a file may stand in the ledger twice.
* Two values for one key are refused, before any row of their batch goes in. Two loaders that bring one value each at
  the same moment escape that; the next load of either's key tells.

A load job is made for each batch, into its own table: the limit of load jobs a table and day is never near. Files are
read here rather than by BigQuery, so that rows of older schemas take their defaults, and a folder on a disk is loaded
like one in a bucket.
"""

from __future__ import annotations

import io
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from fastavro.write import Writer
from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from pipeline.view import UnreadableRecordsError, contradiction, read_family, record_files
from pipeline.warehouse.functions import contradictions, create_functions
from pipeline.warehouse.tables import LEDGER, add_column, columns, create_staging, create_tables, history
from schemas.avro import natural_key, parsed
from schemas.clock import EPOCH
from schemas.records import FAMILIES

BATCH_FILES = 10_000
BATCH_BYTES = 32 << 20
"""What is held in memory at once, but for the last file of it."""

_DATASET = re.compile(r"(?P<project>[a-z][a-z0-9.:-]{4,61}[a-z0-9])\.(?P<name>[A-Za-z0-9_]{1,1024})")
_FILE = re.compile(r".*/date=(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})/(?P<file>[^/]+)")


class LocationError(ValueError):
    """The dataset lies elsewhere than asked."""


class Dataset(NamedTuple):
    """A dataset by project and name."""

    project: str
    name: str

    @property
    def sql(self) -> str:
        """The name as it stands in SQL."""
        return f"`{self.project}`.{self.name}"

    def table(self, name: str) -> str:
        """Return a table's name as the client wants it."""
        return f"{self.project}.{self.name}.{name}"


class Loaded(NamedTuple):
    """What a batch came to."""

    family: str
    files: int
    new_rows: int


class File(NamedTuple):
    """A file to load; its name in the ledger, the hash of its content, does not say in which folder it lies."""

    path: str
    name: str
    date: date


@dataclass(frozen=True)
class Batch:
    """Files of a family, and their rows as one Avro file; `first` and `last` bound the starts of their windows."""

    family: str
    files: tuple[File, ...]
    avro: bytes
    first: datetime
    last: datetime


def parse_dataset(text: str) -> Dataset:
    """Read a dataset written as `PROJECT.DATASET`.

    Raises:
      ValueError: it is none.
    """
    found = _DATASET.fullmatch(text)
    if found is None:
        raise ValueError("must be PROJECT.DATASET, as in my-project.silhouette")
    return Dataset(found["project"], found["name"])


def connect(dataset: Dataset, location: str | None) -> bigquery.Client:
    """Return a client that works where the dataset lies, which is made where there is none.

    Raises:
      LocationError: the dataset lies elsewhere than asked.
      google.api_core.exceptions.GoogleAPIError: BigQuery refuses.
      google.auth.exceptions.GoogleAuthError: there are no credentials.
    """
    # As Google's other clients take it, and this one does not yet: an emulator knows no accounts.
    credentials = AnonymousCredentials() if os.environ.get("BIGQUERY_EMULATOR_HOST") else None
    client = bigquery.Client(dataset.project, credentials)
    try:
        found = client.get_dataset(f"{dataset.project}.{dataset.name}")
    except NotFound:
        wanted = bigquery.Dataset(f"{dataset.project}.{dataset.name}")
        if location is not None:
            wanted.location = location
        found = client.create_dataset(wanted, exists_ok=True)
    if location is not None and found.location.lower() != location.lower():
        raise LocationError(f"{dataset.project}.{dataset.name} lies in {found.location}; leave the flag out")
    return bigquery.Client(dataset.project, credentials, location=found.location)


def prepare(client: bigquery.Client, dataset: Dataset) -> None:
    """Make the tables and functions; a table made by an older release gets the columns it lacks."""
    _run(client, ";\n".join(create_tables(dataset.sql)))
    for family in FAMILIES:
        there = {field.name for field in client.get_table(dataset.table(history(family))).schema}
        for column in columns(family):
            if column.name not in there:
                _run(client, add_column(family, dataset.sql, column))
    _run(client, ";\n".join(create_functions(dataset.sql)))


def load(client: bigquery.Client, dataset: Dataset, output: str) -> Iterator[Loaded]:
    """Load the files under a job's output that are not in the ledger yet; yields what each batch came to.

    Raises:
      pipeline.view.RecordsError: a file is no such file, or two values for one record; nothing of its batch went in.
      google.api_core.exceptions.GoogleAPIError: BigQuery refuses.
      OSError: a file cannot be read.
    """
    for family in FAMILIES:
        for batch in batches(family, new_files(client, dataset, family, record_files(output, family))):
            staging = stage(client, dataset, batch)
            try:
                rows = merge(client, dataset, batch, staging)
            finally:
                client.delete_table(dataset.table(staging), not_found_ok=True)
            note(client, dataset, batch)
            yield Loaded(family, len(batch.files), rows)


def new_files(client: bigquery.Client, dataset: Dataset, family: str, paths: Iterable[str]) -> list[File]:
    """Return the files that the ledger does not name, in order."""
    files = [file_at(path) for path in paths]
    if not files:
        return []
    # From the earliest date on: where old files are deleted from the bucket, old entries are not read either.
    query = f"SELECT DISTINCT l.file FROM {dataset.sql}.{LEDGER} AS l WHERE l.family = @family AND l.date >= @first"
    first = min(file.date for file in files)
    loaded = {row["file"] for row in _run(client, query, family=("STRING", family), first=("DATE", first))}
    return [file for file in files if file.name not in loaded]


def file_at(path: str) -> File:
    """Return a file by its path under a job's output.

    Raises:
      pipeline.view.UnreadableRecordsError: it lies where the job writes no records.
    """
    found = _FILE.fullmatch(path)
    if found is None:
        raise UnreadableRecordsError(f"{path}: lies in no folder date=YYYY-MM-DD; give the output folder of a run")
    return File(path, found["file"], date.fromisoformat(found["date"]))


def batches(
    family: str, files: Iterable[File], most_files: int = BATCH_FILES, most_bytes: int = BATCH_BYTES
) -> Iterator[Batch]:
    """Yield the files with their rows, many at once: a batch is full with so many files, or so many bytes of Avro."""
    batch = _Batching(family)
    for file in files:
        batch.add(file)
        if len(batch.files) >= most_files or batch.size >= most_bytes:
            yield batch.done()
            batch = _Batching(family)
    if batch.files:
        yield batch.done()


class _Batching:
    """A batch that is being put together."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.files: list[File] = []
        self._avro = io.BytesIO()
        self._writer = Writer(self._avro, parsed(family), codec="deflate")
        self._starts: set[datetime] = set()

    @property
    def size(self) -> int:
        return self._avro.tell()

    def add(self, file: File) -> None:
        self.files.append(file)
        for row in read_family(file.path, self.family):
            self._writer.write(row)
            self._starts.add(row["window_start"])

    def done(self) -> Batch:
        self._writer.flush()
        first, last = min(self._starts, default=EPOCH), max(self._starts, default=EPOCH)
        return Batch(self.family, tuple(self.files), self._avro.getvalue(), first, last)


def stage(client: bigquery.Client, dataset: Dataset, batch: Batch) -> str:
    """Load a batch into a table of its own, and return its name."""
    name = f"staging_{batch.family}_{uuid.uuid4().hex}"
    _run(client, create_staging(batch.family, dataset.sql, name))
    config = bigquery.LoadJobConfig(source_format="AVRO", use_avro_logical_types=True)
    client.load_table_from_file(io.BytesIO(batch.avro), dataset.table(name), job_config=config).result()
    return name


def merge(client: bigquery.Client, dataset: Dataset, batch: Batch, staging: str) -> int:
    """Insert the staged rows that are not in the history; returns how many that were.

    Raises:
      pipeline.view.ContradictionError: two rows have one natural key and differ; none was inserted.
    """
    source, target = f"{dataset.sql}.{staging}", f"{dataset.sql}.{history(batch.family)}"
    # Bounds that are known beforehand, so that only the days concerned are read of the history.
    between = "BETWEEN @first AND @last"
    bounds = {"first": ("TIMESTAMP", batch.first), "last": ("TIMESTAMP", batch.last)}
    # By name: in a table that was given columns later they come in another order.
    names = [f"`{column.name}`" for column in columns(batch.family)]
    listed = ", ".join(names)
    both = f"(SELECT {listed} FROM {source} UNION DISTINCT SELECT {listed} FROM {target} WHERE window_start {between})"
    for row in _run(client, contradictions(batch.family, both), **bounds):
        raise contradiction(batch.family, row)
    same = " AND ".join(f"h.{name} = s.{name}" for name in natural_key(batch.family))
    merged = _run(
        client,
        f"MERGE {target} AS h USING (SELECT DISTINCT {listed} FROM {source}) AS s "
        f"ON {same} AND h.window_start {between} "
        f"WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({', '.join(f's.{name}' for name in names)})",
        **bounds,
    )
    return int(merged.num_dml_affected_rows or 0)


def note(client: bigquery.Client, dataset: Dataset, batch: Batch) -> None:
    """Write a batch's files into the ledger."""
    files = bigquery.ArrayQueryParameter(
        "files",
        "STRUCT",
        [
            bigquery.StructQueryParameter(
                None,
                bigquery.ScalarQueryParameter("date", "DATE", file.date),
                bigquery.ScalarQueryParameter("name", "STRING", file.name),
            )
            for file in batch.files
        ],
    )
    query = (
        f"INSERT INTO {dataset.sql}.{LEDGER} (family, date, file, loaded_at) "
        "SELECT @family, f.date, f.name, CURRENT_TIMESTAMP() FROM UNNEST(@files) AS f"
    )
    family = bigquery.ScalarQueryParameter("family", "STRING", batch.family)
    config = bigquery.QueryJobConfig(query_parameters=[family, files])
    client.query_and_wait(query, job_config=config)


def _run(client: bigquery.Client, query: str, **parameters: tuple[str, Any]) -> Any:
    given = [bigquery.ScalarQueryParameter(name, *each) for name, each in parameters.items()]
    return client.query_and_wait(query, job_config=bigquery.QueryJobConfig(query_parameters=given))
