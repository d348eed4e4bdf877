"""ProtectAggregates: cells that too few people stand behind are suppressed, in whole groups of windows, once.

A group is a longest window with all windows in it. Families with a `k` above 1 wait until the watermark has passed the
group's end plus lateness, and are released then and never again by the job, so that no second look at the same people
can be compared with the first; a replay is held against what was released before. The other families pass at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import apache_beam as beam
from apache_beam import coders
from apache_beam.transforms import userstate
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from schemas.avro import FAMILY_OF
from schemas.capacity import ENDS
from schemas.least import LeastCounts
from schemas.records import FAMILIES, Dwell, Flow, Heatmap, MetricRecord, Queue
from schemas.site import Site
from transforms.aggregate import FORGET_AFTER_US
from transforms.arrivals import before, day_of
from transforms.calendar import window_of
from transforms.cells import CELLS, STAYS, WAITS, Span, key_of, leaves_out, span_of, with_nobody
from transforms.counters import counter
from transforms.guard import Guarded, GuardedCoder, to_fields
from transforms.kept import LONGEST_CLIP_US
from transforms.metrics import TOTAL
from transforms.programs import Aim
from transforms.suppression import plan, within_reach
from transforms.tables import Tables, tables_of
from transforms.ties import Least
from transforms.track import GATHER_US

GroupKey = tuple[str, str, int, int]
"""Site, group, and start and end of the longest window in microseconds."""

Released = Callable[[GroupKey], Iterable[MetricRecord]]
"""Finds all records that overlap a group's time and were ever written, of any revision, version and window."""

SETTLE_US = LONGEST_CLIP_US + GATHER_US
"""How long after lateness a group is released: a clip that is just in time may be as long as one can be, and waits for
others before it is run."""

GROUPS_WITHHELD = "groups_withheld"
"""Counter of groups that a replay does not publish again."""

KEPT_FREELY = 2_000
"""Records of a group that are kept before those of older revisions are looked for and thrown away."""

_RELEASED = -1


def least_counts(k: LeastCounts) -> dict[type[MetricRecord], int]:
    """Return each family's `k`."""
    return {kind: getattr(k, FAMILY_OF[kind]) for kind in CELLS}


def protect(rows: Iterable[MetricRecord], k: LeastCounts) -> list[MetricRecord]:
    """Return the records of one group as they are published, in a fixed order: a pure function of the set of them.

    Args:
      rows: All of the group's records of families that have cells, each window at one revision.
      k: The site's least counts.
    """
    least = least_counts(k)
    by_camera: dict[str, list[MetricRecord]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (FAMILY_OF[type(row)], span_of(row), key_of(row))):
        by_camera[row.camera].append(row)
    return [row for _, own in sorted(by_camera.items()) for row in _protect(own, least)]


def _protect(rows: Sequence[MetricRecord], least: Least) -> list[MetricRecord]:
    every = with_nobody(rows)
    tables = tables_of(every, least)
    reach = within_reach(tables.own, tables.aims)
    hidden = _hidden(tables, reach)

    def shown(cell: int, row: MetricRecord) -> MetricRecord:
        if cell in hidden:
            return suppress(row)
        return _without_joined(row) if isinstance(row, Queue) and tables.alone[cell] in hidden else row

    published = [shown(cell, row) for cell, row in enumerate(every)]
    told = [every[cell] for cell, own in reach.items() if not own]
    return _without_stays(
        [row for cell, row in enumerate(published) if cell < len(rows) or row.suppressed], told, least
    )


def _hidden(tables: Tables, reach: Mapping[int, Sequence[Aim]]) -> frozenset[int]:
    """Return the cells to suppress: for the group before first, then for its own."""

    def whole(cells: Iterable[int]) -> dict[int, Sequence[Aim]]:
        return {each: [] for cell in cells for each in (cell, tables.alone.get(cell, cell))}

    small = whole(reach)
    border: frozenset[int] = frozenset()
    if tables.before:
        free = {cell: aims for cell, aims in small.items() if not tables.border.published[cell]}
        border = plan(tables.border, free | within_reach(tables.border, tables.before))
    own = (cell for cell in border if not tables.own.published[cell])
    return plan(tables.own, whole(own) | small | dict(reach))


def suppress(row: MetricRecord) -> MetricRecord:
    """Return a record that says only that it is suppressed: no value, and no bounds of one."""
    return replace(row, suppressed=True, n=0, **_nothing_of(row, CELLS[type(row)].values))


def _without_joined(row: Queue) -> Queue:
    return replace(row, **_nothing_of(row, ("joined",)))


def _nothing_of(row: MetricRecord, values: Iterable[str]) -> dict[str, Any]:
    """Return nothing for each of these values of a row, and for its bounds where it has any."""
    names = {f"{name}{end}" for name in values for end in ("", *ENDS)}
    return {field.name: None for field in fields(row) if field.name in names}


def _without_stays(rows: Sequence[MetricRecord], told: Sequence[MetricRecord], least: Least) -> list[MetricRecord]:
    """Leave the mean and the quantiles of stays out where they would tell of what is suppressed.

    That is beside a suppressed bin, and in windows around a suppressed total whose count other families tell: nothing
    else need be suppressed for that one, and how long its few visits were would be what is left of the sums.

    Args:
      rows: A camera's rows of a group as they are published.
      told: The rows that are suppressed though other families tell their counts.
      least: Each family's `k`.
    """
    bins = {(span_of(row), row.zone) for row in rows if isinstance(row, Dwell) and row.bin != TOTAL and row.suppressed}
    waits = {(span_of(row), row.zone) for row in rows if isinstance(row, Queue) and least[Queue] == 1}
    inner = [row for row in told if isinstance(row, Dwell) and row.bin == TOTAL and row.mean_seconds is not None]
    # The stays that a queue's own waits are may be read there.
    inner = [row for row in inner if row.status != "COMPLETED" or (span_of(row), row.zone) not in waits]

    def tells(row: MetricRecord) -> bool:
        if isinstance(row, Dwell) and row.bin == TOTAL:
            beside = row.status == "COMPLETED" and (span_of(row), row.zone) in bins
            return beside or any(_is_around(row, each) for each in inner)
        return isinstance(row, Queue) and least[Queue] > 1 and (span_of(row), row.zone) in bins

    nothing: Mapping[type[MetricRecord], dict[str, Any]] = {
        Dwell: dict.fromkeys(STAYS), Queue: dict.fromkeys(WAITS)
    }  # fmt: skip
    return [replace(row, **nothing[type(row)]) if tells(row) else row for row in rows]


def _is_around(row: Dwell, inner: Dwell) -> bool:
    same = (row.zone, row.status) == (inner.zone, inner.status)
    return same and row.window_start <= inner.window_start and inner.window_end <= row.window_end


def overlaps(row: MetricRecord, key: GroupKey) -> bool:
    """Return whether a record says something of a group's time, whatever windows it was written in."""
    return row.site == key[0] and row.window_start < key[3] and key[2] < row.window_end


def may_follow(rows: Iterable[MetricRecord], released: Iterable[MetricRecord], k: LeastCounts) -> bool:
    """Return whether a group may be published after what was published of its time before.

    It may if all that was published was of windows and places that it has too, and is as it was. Then the table holds
    all that is known. If cells differ, each must have been published, be published, and move by at least `k` visits,
    and there may be no windows that were not there before: so nobody can tell from the two tables what a few more
    visits have changed, nor compute a suppressed cell of one from the other.

    Args:
      rows: The group as it would be published, the families without a `k` too.
      released: All records that were published before and overlap it, of any revision, version, group and window.
      k: The site's least counts.
    """
    least = least_counts(k)
    rows = list(rows)
    cameras = {row.camera for row in rows}
    before = [row for row in released if type(row) in CELLS and row.camera in cameras]
    then: dict[tuple[Any, ...], list[MetricRecord]] = defaultdict(list)
    for row in before:
        if least[type(row)] > 1:
            then[_cell(row)].append(row)
    if not then:
        return True
    if not {_laid_out(row) for row in before} <= {_laid_out(row) for row in rows}:
        return False
    now = {_cell(row): row for row in rows if least[type(row)] > 1}
    spans = {cell[:2] for cell in then}
    pairs: list[tuple[MetricRecord | None, MetricRecord | None]] = []
    pairs += [(old, now.get(cell)) for cell, olds in then.items() for old in olds]
    pairs += [(None, row) for cell, row in now.items() if cell not in then and cell[:2] in spans]
    differing = [pair for pair in pairs if not _says_the_same(*pair)]
    if differing and {cell[:2] for cell in now} != spans:
        return False
    return all(_far_enough(old, new, least) for old, new in differing)


def _cell(row: MetricRecord) -> tuple[Any, ...]:
    return type(row), span_of(row), key_of(row)


def _laid_out(row: MetricRecord) -> tuple[Any, ...]:
    """Return what a record says of its table, whoever was counted: its window, and the place where it has one."""
    if isinstance(row, Flow):  # a pair of zones without a row is one with nobody
        return type(row), span_of(row)
    if isinstance(row, Heatmap):
        return type(row), span_of(row), row.columns, row.rows
    bounds = (row.from_seconds, row.until_seconds) if isinstance(row, Dwell) else ()
    return *_cell(row), *bounds


def _says_the_same(old: MetricRecord | None, new: MetricRecord | None) -> bool:
    return old is not None and new is not None and _says(old) == _says(new)


def _far_enough(old: MetricRecord | None, new: MetricRecord | None, least: Least) -> bool:
    one = old or new
    assert one is not None
    # A cell without a row is one with nobody: its window and its zone are there.
    counts = [0 if row is None else row.n for row in (old, new)]
    hidden = any(row is not None and (row.suppressed or leaves_out(row)) for row in (old, new))
    return not hidden and abs(counts[0] - counts[1]) >= least[type(one)]


def _says(row: MetricRecord) -> tuple[Any, ...]:
    return row.suppressed, row.n, *(getattr(row, name) for name in CELLS[type(row)].values)


def latest(rows: Iterable[MetricRecord]) -> list[MetricRecord]:
    """Return of each window the rows of its highest revision, each once."""
    rows = list(rows)
    highest: dict[Span, int] = {}
    for row in rows:
        highest[span_of(row)] = max(highest.get(span_of(row), -1), row.revision)
    return list({_cell(row): row for row in rows if row.revision == highest[span_of(row)]}.values())


@dataclass(frozen=True, eq=False)
class Measured:
    """A record on its way to its group."""

    record: MetricRecord


class MeasuredCoder(coders.Coder):
    """A measured record travels in its family's Avro encoding."""

    def __init__(self) -> None:
        self._guarded = GuardedCoder()

    def encode(self, value: Measured) -> bytes:
        """Write the family and the record."""
        return self._guarded.encode(Guarded(FAMILY_OF[type(value.record)], to_fields(value.record)))

    def decode(self, encoded: bytes) -> Measured:
        """Read what `encode` wrote."""
        guarded = self._guarded.decode(encoded)
        return Measured(FAMILIES[guarded.family](**guarded.fields))

    def is_deterministic(self) -> bool:
        """The same record has the same bytes."""
        return True

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


coders.registry.register_coder(Measured, MeasuredCoder)


def waits(record: MetricRecord, site: Site) -> bool:
    """Return whether a record is released with its group."""
    return type(record) in CELLS and least_counts(site.k)[type(record)] > 1


def to_group(record: MetricRecord, site: Site) -> Iterator[tuple[GroupKey, Measured]]:
    """Yield a record for its group, if any of its site's families waits: what the others say is known there."""
    if type(record) in CELLS and not site.k.is_off:
        day = day_of(site, record.window_start)
        start_us, end_us = window_of(day, site.windows[-1], record.window_start)
        yield (record.site, record.group, start_us, end_us), Measured(record)


@dataclass(eq=False)
class ProtectAggregates(beam.PTransform[beam.PCollection[MetricRecord], beam.PCollection[MetricRecord]]):
    """Suppresses small cells of the families that have a `k`, and what would give them away.

    Attributes:
      sites: The site files.
      bounded: Whether all records come before any timer, as in batch.
      released: For a replay, finds what was released before.
    """

    sites: tuple[Site, ...]
    bounded: bool
    released: Released | None = None

    def expand(self, records: beam.PCollection[MetricRecord]) -> beam.PCollection[MetricRecord]:
        sites = {site.site: site for site in self.sites}
        at_once = records | "AtOnce" >> beam.Filter(lambda each: not waits(each, sites[each.site]))
        groups = records | "ToGroups" >> beam.FlatMap(lambda each: to_group(each, sites[each.site])).with_output_types(
            tuple[GroupKey, Measured]
        )
        release = beam.ParDo(_ReleaseFn(sites, self.bounded, self.released)).with_output_types(MetricRecord)
        return (at_once, groups | "Release" >> release) | "Protected" >> beam.Flatten()


class _ReleaseFn(beam.DoFn):
    """Keyed by group."""

    HELD = userstate.BagStateSpec("held", MeasuredCoder())
    # How many records are held; `_RELEASED` once the group was released.
    COUNT = userstate.ReadModifyWriteStateSpec("count", coders.VarIntCoder())
    # At how many records older revisions are looked for.
    FULL = userstate.ReadModifyWriteStateSpec("full", coders.VarIntCoder())
    RELEASE = userstate.TimerSpec("release", TimeDomain.WATERMARK)

    def __init__(self, sites: Mapping[str, Site], bounded: bool, released: Released | None) -> None:
        self._sites = sites
        self._bounded = bounded
        self._released = released

    def process(
        self,
        element: tuple[GroupKey, Measured],
        held: Any = beam.DoFn.StateParam(HELD),
        count: Any = beam.DoFn.StateParam(COUNT),
        full: Any = beam.DoFn.StateParam(FULL),
        release: Any = beam.DoFn.TimerParam(RELEASE),
    ) -> None:
        """Take a record in; it is looked at when the group is released."""
        key, measured = element
        known = count.read() or 0
        if known == _RELEASED:
            counter(__name__, "revisions_after_release").inc()
            return
        held.add(measured)
        if known == 0:
            release.set(before(key[3] + self._sites[key[0]].lateness + SETTLE_US))
        if known + 1 > (full.read() or KEPT_FREELY):
            kept = latest(each.record for each in held.read())
            held.clear()
            for record in kept:
                held.add(Measured(record))
            known = len(kept) - 1
            full.write(2 * len(kept) + KEPT_FREELY)
        count.write(known + 1)

    @userstate.on_timer(RELEASE)
    def on_release(
        self,
        key: Any = beam.DoFn.KeyParam,
        at: Any = beam.DoFn.TimestampParam,
        held: Any = beam.DoFn.StateParam(HELD),
        count: Any = beam.DoFn.StateParam(COUNT),
        full: Any = beam.DoFn.StateParam(FULL),
        release: Any = beam.DoFn.TimerParam(RELEASE),
    ) -> Iterable[Any]:
        """Release the group, once; when no revision can come any more, forget that it was."""
        forget_us = key[3] + self._sites[key[0]].lateness + SETTLE_US + FORGET_AFTER_US
        if count.read() != _RELEASED:
            for record in self._publish(key, latest(each.record for each in held.read())):
                yield TimestampedValue(record, at)
        held.clear()
        full.clear()
        if self._bounded or at.micros >= forget_us:
            count.clear()
        else:
            count.write(_RELEASED)
            release.set(Timestamp(micros=forget_us))

    def _publish(self, key: GroupKey, rows: Sequence[MetricRecord]) -> list[MetricRecord]:
        site = self._sites[key[0]]
        protected = protect(rows, site.k)
        if self._released is not None and not may_follow(protected, self._released(key), site.k):
            counter(__name__, GROUPS_WITHHELD).inc()
            return []
        published = [row for row in protected if waits(row, site)]
        counter(__name__, "groups_released").inc()
        counter(__name__, "cells_suppressed").inc(sum(row.suppressed for row in published))
        return published
