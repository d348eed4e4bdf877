"""Sinks: Avro files that are complete when visible, the same bytes for the same records."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import fastavro

from schemas.avro import natural_key, parsed
from schemas.clock import to_rfc3339
from schemas.records import DEAD_LETTER
from transforms.guard import Guarded

Partition = tuple[str, str, str]
"""Family, site and UTC date of the window's start (none for dead letters): one file a flush."""


def partition(record: Guarded) -> Partition:
    """Return where a record belongs."""
    date = "" if record.family == DEAD_LETTER else to_rfc3339(record.fields["window_start"])[:10]
    return record.family, record.fields["site"], date


def folder(output: Path, where: Partition) -> Path:
    """Return the folder of a partition: `records/footfall/site=demo/date=2026-01-05`, `dead_letters/site=demo`."""
    family, site, date = where
    if family == DEAD_LETTER:
        return output / "dead_letters" / f"site={site}"
    return output / "records" / family / f"site={site}" / f"date={date}"


def encode_file(family: str, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return an Avro object container file: a pure function of the rows, whatever their order.

    Rows of a family with a natural key come once each, sorted by it. Without one every row is a fact of its own:
    all of them come, sorted by all fields.
    """
    key = natural_key(family)
    kept = sorted(rows, key=lambda row: ([row[name] for name in key], repr(row)))
    if key:
        kept = [row for i, row in enumerate(kept) if not i or row != kept[i - 1]]
    # Avro's sync marker is random by custom, and any 16 bytes by the specification.
    marker = hashlib.sha256(repr(kept).encode()).digest()[:16]
    buffer = io.BytesIO()
    fastavro.writer(buffer, parsed(family), kept, codec="deflate", sync_marker=marker)
    return buffer.getvalue()


def write_file(output: Path, where: Partition, rows: Iterable[Guarded]) -> Path:
    """Write a partition's rows to a file named by its content, and return its path.

    Written beside its place and renamed, so that it is complete when visible; a retry overwrites it with itself.
    """
    content = encode_file(where[0], [row.fields for row in rows])
    target = folder(output, where) / f"{hashlib.sha256(content).hexdigest()[:32]}.avro"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".staging-", dir=output) as staging:
        written = Path(staging) / target.name
        written.write_bytes(content)
        written.replace(target)
    return target


@dataclass(eq=False)
class WriteRecords(beam.PTransform[beam.PCollection[Guarded], beam.PCollection[str]]):
    """Writes guarded records as Avro files, one a partition; returns the paths.

    Attributes:
      output: Folder on local disk.
    """

    output: Path

    def expand(self, records: beam.PCollection[Guarded]) -> beam.PCollection[str]:
        output = self.output
        return (
            records
            | "Partition"
            >> beam.Map(lambda record: (partition(record), record)).with_output_types(tuple[Partition, Guarded])
            | "Group" >> beam.GroupByKey()
            | "Write" >> beam.MapTuple(lambda where, rows: str(write_file(output, where, rows)))
        )
