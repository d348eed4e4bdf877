"""TallyClips and TallyDays: from facts to what a run did on one site and UTC day.

Tallied as elements, never from Beam's counters, which a retry may count twice. Facts of a camera's hour gather until
nothing more can become of its clips, are summed up once, and are gone; so what a stream keeps does not grow with its
length. A day is closed when all of its hours are, and its windows' files are written.

A stream closes by event time, but not before the next full hour by the clock: what comes for a day that was closed
gathers for an hour and is told in a pack of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import fastavro
from apache_beam import coders
from apache_beam.transforms import userstate
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.window import GlobalWindow, TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from schemas.clock import SECOND_US, from_rfc3339, now_us, to_rfc3339
from schemas.evidence import UNDATED
from schemas.records import DEAD_LETTER
from schemas.site import Site
from transforms.aggregate import FORGET_AFTER_US
from transforms.arrivals import CLOCK_SKEW_US
from transforms.coders import AvroCoder
from transforms.facts import ClipFact, ClipFactCoder
from transforms.guard import STAGE as GUARD
from transforms.guard import Guarded
from transforms.kept import INTERVALS, save_every_us
from transforms.tally import Tally, TallyCoder, added, tally_of

HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US

STREAM_END = Timestamp(micros=GlobalWindow().max_timestamp().micros // 1000 * 1000)
"""The last instant that a timer can be set to: runners know milliseconds."""

HourKey = tuple[str, str, int]
"""Site, camera and start of the hour; -1 for what says no time."""

DayKey = tuple[str, str]
"""Site and UTC date."""


@dataclass(frozen=True)
class WrittenFile:
    """A file of records or dead letters, as it was written.

    Attributes:
      name: Its name under the output folder.
      sha256: Hash of its content.
      family: Family of its rows.
      site: Site of its rows.
      date: UTC date that its evidence is told under.
      rows: How many there are.
      suppressed: How many of them are suppressed.
    """

    name: str
    sha256: str
    family: str
    site: str
    date: str
    rows: int
    suppressed: int


class WrittenFileCoder(AvroCoder[WrittenFile]):
    """Version 1."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "WrittenFile",
            "fields": [
                *({"name": name, "type": "string"} for name in ("name", "sha256", "family", "site", "date")),
                *({"name": name, "type": "long"} for name in ("rows", "suppressed")),
            ],
        }
    )

    @staticmethod
    def to_fields(value: WrittenFile) -> dict[str, Any]:
        return dict(vars(value))

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> WrittenFile:
        return WrittenFile(**fields)


coders.registry.register_coder(WrittenFile, WrittenFileCoder)


@dataclass(frozen=True)
class DayPart:
    """Something that adds to a day: sums, or a file."""

    tally: Tally = field(default_factory=Tally)
    file: WrittenFile | None = None


class DayPartCoder(AvroCoder[DayPart]):
    """Version 1."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "DayPart",
            "fields": [
                {"name": "tally", "type": TallyCoder.schema},
                {"name": "file", "type": ["null", WrittenFileCoder.schema]},
            ],
        }
    )

    @staticmethod
    def to_fields(value: DayPart) -> dict[str, Any]:
        file = None if value.file is None else WrittenFileCoder.to_fields(value.file)
        return {"tally": TallyCoder.to_fields(value.tally), "file": file}

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> DayPart:
        file = None if fields["file"] is None else WrittenFileCoder.from_fields(fields["file"])
        return DayPart(TallyCoder.from_fields(fields["tally"]), file)


coders.registry.register_coder(DayPart, DayPartCoder)


@dataclass(frozen=True)
class DayTally:
    """All that a run has to tell of a site's day.

    Attributes:
      site: Name of the site, or `unknown`.
      date: UTC date, or `undated`.
      part: How often the run has told of the day before.
      closed_us: Event time at which a stream closed it; None where the input was read to its end.
      tally: The sums.
      files: The files, each once, by name.
    """

    site: str
    date: str
    part: int
    closed_us: int | None
    tally: Tally
    files: tuple[WrittenFile, ...]


def hour_of(fact: ClipFact) -> HourKey:
    """Return the hour that a fact is counted in."""
    return fact.site, fact.camera, -1 if fact.at_us is None else fact.at_us - fact.at_us % HOUR_US


def date_of(instant_us: int | None) -> str:
    """Return the UTC date of an instant."""
    return UNDATED if instant_us is None or instant_us < 0 else to_rfc3339(instant_us)[:10]


def clip_settled_us(site: Site) -> int:
    """Return for how long after a clip was captured something may still become of it, in event time.

    The longest is until its boxes are thrown away: lateness and a few intervals between saved scenes.
    """
    return site.lateness + INTERVALS * save_every_us(site)


def day_settled_us(site: Site) -> int:
    """Return for how long after a day a file of its windows may still be written, in event time."""
    return clip_settled_us(site) + max(site.windows) + FORGET_AFTER_US + HOUR_US


def closing_us(border_us: int, settled_us: int) -> int:
    """Return when to close what ends at a border: in event time, and not before the clock's next full hour."""
    now = now_us()
    return max(border_us + settled_us, now - now % HOUR_US + HOUR_US)


def day_tally(key: DayKey, parts: Iterable[DayPart], part: int = 0, closed_us: int | None = None) -> DayTally:
    """Sum up a day's parts; a file that was written again under its name is one file."""
    parts = list(parts)
    files = {part.file.name: part.file for part in parts if part.file is not None}
    tally = added(part.tally for part in parts)
    return DayTally(*key, part, closed_us, tally, tuple(files[name] for name in sorted(files)))


@dataclass(eq=False)
class TallyClips(beam.PTransform[beam.PCollection[ClipFact], beam.PCollection[tuple[DayKey, DayPart]]]):
    """Sums the facts of each camera's hour up, each once.

    Attributes:
      sites: The site files.
      stream: Whether the input may never end.
    """

    sites: tuple[Site, ...]
    stream: bool

    def expand(self, facts: beam.PCollection[ClipFact]) -> beam.PCollection[tuple[DayKey, DayPart]]:
        by_hour = facts | "ToHours" >> beam.Map(lambda fact: (hour_of(fact), fact)).with_output_types(
            tuple[HourKey, ClipFact]
        )
        if self.stream:
            sums = beam.ParDo(_CloseHourFn(_longest(self.sites, clip_settled_us)))
            return by_hour | "Sum" >> sums.with_output_types(tuple[DayKey, DayPart])
        grouped = by_hour | "Group" >> beam.GroupByKey()
        return grouped | "Sum" >> beam.MapTuple(_hour_part).with_output_types(tuple[DayKey, DayPart])


def _hour_part(key: HourKey, facts: Iterable[ClipFact]) -> tuple[DayKey, DayPart]:
    return (key[0], date_of(key[2])), DayPart(tally_of(facts))


def _longest(sites: Iterable[Site], settled: Callable[[Site], int]) -> dict[str, int]:
    """Return how long each site is waited for; what is of no known site, as long as the longest."""
    by_site = {site.site: settled(site) for site in sites}
    return by_site | {"": max(by_site.values())}


class _CloseHourFn(beam.DoFn):
    """Keyed by a camera's hour. Gathers facts until nothing more can become of its clips."""

    FACTS = userstate.BagStateSpec("facts", ClipFactCoder())
    OPEN = userstate.ReadModifyWriteStateSpec("open", coders.BooleanCoder())
    CLOSE = userstate.TimerSpec("close", TimeDomain.WATERMARK)

    def __init__(self, settled_us: Mapping[str, int]) -> None:
        self._settled_us = settled_us

    def process(
        self,
        element: tuple[HourKey, ClipFact],
        facts: Any = beam.DoFn.StateParam(FACTS),
        is_open: Any = beam.DoFn.StateParam(OPEN),
        close: Any = beam.DoFn.TimerParam(CLOSE),
    ) -> None:
        """Take a fact in."""
        (site, _, hour_us), fact = element
        facts.add(fact)
        if not is_open.read():
            is_open.write(True)
            settled_us = self._settled_us.get(site, self._settled_us[""])
            close.set(Timestamp(micros=closing_us(hour_us + HOUR_US, settled_us)))

    @userstate.on_timer(CLOSE)
    def on_close(
        self,
        key: Any = beam.DoFn.KeyParam,
        at: Any = beam.DoFn.TimestampParam,
        facts: Any = beam.DoFn.StateParam(FACTS),
        is_open: Any = beam.DoFn.StateParam(OPEN),
    ) -> Iterable[TimestampedValue]:
        """Tell the sums, and forget the facts."""
        gathered = list(facts.read())
        facts.clear()
        is_open.clear()
        if gathered:
            yield TimestampedValue(_hour_part(key, gathered), at)


@dataclass(eq=False)
class TallyFiles(beam.PTransform[beam.PCollection[WrittenFile], beam.PCollection[tuple[DayKey, DayPart]]]):
    """Adds each file to its day."""

    def expand(self, files: beam.PCollection[WrittenFile]) -> beam.PCollection[tuple[DayKey, DayPart]]:
        to_day = beam.Map(lambda file: ((file.site, file.date), DayPart(file=file)))
        return files | "ToDays" >> to_day.with_output_types(tuple[DayKey, DayPart])


@dataclass(eq=False)
class TallyDropped(beam.PTransform[beam.PCollection[Guarded], beam.PCollection[tuple[DayKey, DayPart]]]):
    """Counts what the guard let not leave, by the dead letters that it wrote of it."""

    def expand(self, guarded: beam.PCollection[Guarded]) -> beam.PCollection[tuple[DayKey, DayPart]]:
        return guarded | "ToDays" >> beam.FlatMap(_dropped).with_output_types(tuple[DayKey, DayPart])


def _dropped(guarded: Guarded) -> Iterator[tuple[DayKey, DayPart]]:
    letter = guarded.fields
    if guarded.family == DEAD_LETTER and letter["stage"] == GUARD:
        yield (letter["site"], date_of(letter["event_time"])), DayPart(Tally(dropped={letter["reason"]: 1}))


@dataclass(eq=False)
class TallyDays(beam.PTransform[beam.PCollection[tuple[DayKey, DayPart]], beam.PCollection[DayTally]]):
    """Sums each site's day up.

    Attributes:
      sites: The site files.
      stream: Whether the input may never end.
    """

    sites: tuple[Site, ...]
    stream: bool

    def expand(self, parts: beam.PCollection[tuple[DayKey, DayPart]]) -> beam.PCollection[DayTally]:
        if self.stream:
            close = beam.ParDo(_CloseDayFn(_longest(self.sites, day_settled_us)))
            return parts | "Close" >> close.with_output_types(DayTally)
        grouped = parts | "Group" >> beam.GroupByKey()
        return grouped | "Close" >> beam.MapTuple(day_tally).with_output_types(DayTally)


class _CloseDayFn(beam.DoFn):
    """Keyed by a site's day. Adds sums up as they come, and keeps the names of files."""

    SUMS = userstate.ReadModifyWriteStateSpec("sums", TallyCoder())
    FILES = userstate.BagStateSpec("files", WrittenFileCoder())
    # How often the day was told of; stays, so that a part that is told again is known by its number.
    PART = userstate.ReadModifyWriteStateSpec("part", coders.VarIntCoder())
    CLOSE = userstate.TimerSpec("close", TimeDomain.WATERMARK)

    def __init__(self, settled_us: Mapping[str, int]) -> None:
        self._settled_us = settled_us

    def process(
        self,
        element: tuple[DayKey, DayPart],
        sums: Any = beam.DoFn.StateParam(SUMS),
        files: Any = beam.DoFn.StateParam(FILES),
        close: Any = beam.DoFn.TimerParam(CLOSE),
    ) -> None:
        """Take a part in."""
        (site, date), part = element
        before = sums.read()
        if before is None:
            border_us = from_rfc3339(f"{date}T00:00:00Z") + DAY_US if date != UNDATED else 0
            settled_us = self._settled_us.get(site, self._settled_us[""])
            close.set(Timestamp(micros=closing_us(border_us, settled_us)))
        if before is None or part.tally != Tally():
            sums.write(added([before or Tally(), part.tally]))
        if part.file is not None:
            files.add(part.file)

    @userstate.on_timer(CLOSE)
    def on_close(
        self,
        key: Any = beam.DoFn.KeyParam,
        at: Any = beam.DoFn.TimestampParam,
        sums: Any = beam.DoFn.StateParam(SUMS),
        files: Any = beam.DoFn.StateParam(FILES),
        part: Any = beam.DoFn.StateParam(PART),
        close: Any = beam.DoFn.TimerParam(CLOSE),
    ) -> Iterable[TimestampedValue]:
        """Tell the day, and forget it; at the stream's end, once all files are written."""
        # The watermark of a stream stays behind the clock; only at the stream's end does it run ahead.
        if now_us() + CLOCK_SKEW_US < at.micros < STREAM_END.micros:
            close.set(STREAM_END)
            return
        tally, written = sums.read(), list(files.read())
        sums.clear()
        files.clear()
        if tally is not None:
            number = part.read() or 0
            part.write(number + 1)
            parts = [DayPart(tally), *(DayPart(file=file) for file in written)]
            closed_us = None if at.micros >= STREAM_END.micros else at.micros
            yield TimestampedValue(day_tally(key, parts, number, closed_us), at)
