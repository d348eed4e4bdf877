"""Sinks: Avro files that are complete when visible, the same bytes for the same records."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import fastavro
from apache_beam import coders
from apache_beam.transforms import userstate
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.utils.timestamp import Duration, Timestamp
from google.cloud.pubsub_v1 import PublisherClient

from pipeline import storage
from schemas.avro import natural_key, parsed
from schemas.clock import now_us, to_rfc3339
from schemas.records import DEAD_LETTER
from transforms.evidence import STREAM_END, WrittenFile, date_of
from transforms.guard import Guarded, GuardedCoder

MOST_ROWS = 50_000
"""Rows of one partition that a stream gathers at most before it writes them."""
_PUBLISH_S = 60.0
_BEFORE_THE_END = Duration(micros=1000)
"""At a stream's end files are written before their evidence is."""

Partition = tuple[str, str, str]
"""Family, site and UTC date of the window's start (none for dead letters): one file a flush."""


def partition(record: Guarded) -> Partition:
    """Return where a record belongs."""
    date = "" if record.family == DEAD_LETTER else to_rfc3339(record.fields["window_start"])[:10]
    return record.family, record.fields["site"], date


def folder(output: str, where: Partition) -> str:
    """Return the folder of a partition: `records/footfall/site=demo/date=2026-01-05`, `dead_letters/site=demo`."""
    family, site, date = where
    if family == DEAD_LETTER:
        return f"{output}/dead_letters/site={site}"
    return f"{output}/records/{family}/site={site}/date={date}"


def in_order(family: str, rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return rows as a file holds them.

    Rows of a family with a natural key come once each, sorted by it. Without one every row is a fact of its own:
    all of them come, sorted by all fields.
    """
    key = natural_key(family)
    kept = sorted(rows, key=lambda row: ([row[name] for name in key], repr(row)))
    if key:
        kept = [row for i, row in enumerate(kept) if not i or row != kept[i - 1]]
    return kept


def encode_file(family: str, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return an Avro object container file: a pure function of the rows, whatever their order."""
    return _encoded(family, in_order(family, rows))


def _encoded(family: str, kept: list[Mapping[str, Any]], apart: str = "") -> bytes:
    # Avro's sync marker is random by custom, and any 16 bytes by the specification: so files of equal rows may differ.
    marker = hashlib.sha256((repr(kept) + apart).encode()).digest()[:16]
    buffer = io.BytesIO()
    fastavro.writer(buffer, parsed(family), kept, codec="deflate", sync_marker=marker)
    return buffer.getvalue()


def write_file(
    output: str, where: Partition, rows: Iterable[Guarded], *, gathered_us: int | None = None
) -> WrittenFile:
    """Write a partition's rows to a file named by its content, which a retry overwrites with itself.

    Equal rows are one record, but several dead letters: a file that a stream gathered of these differs by the time, so
    that it stands beside that of before.

    Its evidence is told under the date of its records; of dead letters under that of the earliest, or where a stream
    wrote them, under the day it did.

    Args:
      output: Folder of all output.
      where: The partition.
      rows: Its rows.
      gathered_us: Since when a stream gathered them, by the clock; None where the input was read to its end.
    """
    family, site, date = where
    kept = in_order(family, (row.fields for row in rows))
    content = _encoded(family, kept, str(gathered_us) if gathered_us is not None and not natural_key(family) else "")
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"{folder('', where)}/{sha256[:32]}.avro"
    storage.write(f"{output}{name}", content)
    told = date or date_of(_earliest_us(kept) if gathered_us is None else now_us())
    suppressed = sum(row.get("suppressed", False) for row in kept)
    return WrittenFile(name[1:], sha256, family, site, told, len(kept), suppressed)


def _earliest_us(letters: Iterable[Mapping[str, Any]]) -> int | None:
    return min((each["event_time"] for each in letters if each["event_time"] is not None), default=None)


@dataclass(eq=False)
class WriteRecords(beam.PTransform[beam.PCollection[Guarded], beam.PCollection[WrittenFile]]):
    """Writes guarded records as Avro files, complete when visible; returns what was written.

    Attributes:
      output: Folder on local disk, or `gs://BUCKET/FOLDER`.
      flush_us: How long the records of a stream gather, by the clock, before they are written; None: until the end.
    """

    output: str
    flush_us: int | None

    def expand(self, records: beam.PCollection[Guarded]) -> beam.PCollection[WrittenFile]:
        output = self.output
        partitioned = records | "Partition" >> beam.Map(lambda record: (partition(record), record)).with_output_types(
            tuple[Partition, Guarded]
        )
        if self.flush_us is not None:
            return partitioned | "Gather" >> beam.ParDo(_GatherFn(output, self.flush_us)).with_output_types(WrittenFile)
        grouped = partitioned | "Group" >> beam.GroupByKey()
        write = beam.MapTuple(lambda where, rows: write_file(output, where, rows))
        return grouped | "Write" >> write.with_output_types(WrittenFile)


class _GatherFn(beam.DoFn):
    """Keyed by partition. Gathers records until they are many, or have waited long, or the stream ends."""

    ROWS = userstate.BagStateSpec("rows", GuardedCoder())
    COUNT = userstate.ReadModifyWriteStateSpec("count", coders.VarIntCoder())
    SINCE = userstate.ReadModifyWriteStateSpec("since", coders.VarIntCoder())
    FLUSH = userstate.TimerSpec("flush", TimeDomain.REAL_TIME)
    END = userstate.TimerSpec("end", TimeDomain.WATERMARK)

    def __init__(self, output: str, flush_us: int) -> None:
        self._output = output
        self._flush_us = flush_us

    def process(
        self,
        element: tuple[Partition, Guarded],
        rows: Any = beam.DoFn.StateParam(ROWS),
        count: Any = beam.DoFn.StateParam(COUNT),
        since: Any = beam.DoFn.StateParam(SINCE),
        flush: Any = beam.DoFn.TimerParam(FLUSH),
        end: Any = beam.DoFn.TimerParam(END),
    ) -> Iterable[WrittenFile]:
        where, record = element
        gathered = (count.read() or 0) + 1
        rows.add(record)
        count.write(gathered)
        if gathered == 1:
            now = now_us()
            since.write(now)
            flush.set(Timestamp(micros=now + self._flush_us))
            end.set(STREAM_END - _BEFORE_THE_END)
        elif gathered >= MOST_ROWS:
            yield from self._write(where, rows, count, since)

    @userstate.on_timer(FLUSH)
    def on_flush(
        self,
        where: Any = beam.DoFn.KeyParam,
        rows: Any = beam.DoFn.StateParam(ROWS),
        count: Any = beam.DoFn.StateParam(COUNT),
        since: Any = beam.DoFn.StateParam(SINCE),
        end: Any = beam.DoFn.TimerParam(END),
    ) -> Iterable[WrittenFile]:
        end.clear()  # nothing is left of a day that is over
        yield from self._write(where, rows, count, since)

    @userstate.on_timer(END)
    def on_end(
        self,
        where: Any = beam.DoFn.KeyParam,
        rows: Any = beam.DoFn.StateParam(ROWS),
        count: Any = beam.DoFn.StateParam(COUNT),
        since: Any = beam.DoFn.StateParam(SINCE),
        flush: Any = beam.DoFn.TimerParam(FLUSH),
    ) -> Iterable[WrittenFile]:
        flush.clear()  # some runners would wait for it
        yield from self._write(where, rows, count, since)

    def _write(self, where: Partition, rows: Any, count: Any, since: Any) -> Iterable[WrittenFile]:
        if count.read():
            yield write_file(self._output, where, rows.read(), gathered_us=since.read() or 0)
            rows.clear()
            count.clear()
            since.clear()


@dataclass(eq=False)
class PublishDeadLetters(beam.PTransform[beam.PCollection[Guarded], beam.PCollection[None]]):
    """Publishes guarded dead letters as JSON, at least once each.

    Attributes:
      topic: `projects/PROJECT/topics/NAME`.
    """

    topic: str

    def expand(self, records: beam.PCollection[Guarded]) -> beam.PCollection[None]:
        letters = records | "Letters" >> beam.Filter(lambda record: record.family == DEAD_LETTER)
        return letters | "Publish" >> beam.ParDo(_PublishFn(self.topic))


class _PublishFn(beam.DoFn):
    def __init__(self, topic: str) -> None:
        self._topic = topic

    def setup(self) -> None:
        self._publisher = PublisherClient()

    def start_bundle(self) -> None:
        self._sent: list[Any] = []

    def process(self, letter: Guarded) -> None:
        self._sent.append(self._publisher.publish(self._topic, letter_json(letter)))

    def finish_bundle(self) -> None:
        for sent in self._sent:
            sent.result(timeout=_PUBLISH_S)


def letter_json(letter: Guarded) -> bytes:
    """Return a dead letter as JSON, its instant in RFC 3339."""
    at_us = letter.fields["event_time"]
    return json.dumps({**letter.fields, "event_time": None if at_us is None else to_rfc3339(at_us)}).encode()
