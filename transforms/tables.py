"""How the records of a group of windows hang together: which cells add up to which, and what families say of others.

A group is a longest window with all windows in it. Each family names its cells once, in `CELLS`; `table_of` makes of
all records of a group the table that `suppression` works on. What a family without `k` says is published in any case,
and part of what is known.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from schemas.records import Dwell, Flow, Footfall, Heatmap, MetricRecord, Movement, Occupancy, Queue
from transforms.metrics import ANY_ZONE, TOTAL
from transforms.suppression import Aim, Table

Key = tuple[Any, ...]
"""What tells the cells of one family and window apart, the camera first."""

Span = tuple[int, int, int]
"""Size, start and end of a window."""

LONGER = 0.01
"""How much more a cell of a longer window costs than one of the size before: it says more."""


class Over(Enum):
    """What a quantity of a longer window has to do with those of the windows in it."""

    SUM = "the sum of theirs"
    LAST = "that of the last of them"
    BETWEEN = "between the largest and the sum of theirs"
    OWN = "nothing that a sum could tell"


class Quantity(NamedTuple):
    """A number that a cell holds, and must not give away; `guarded` is false where another one stands for it."""

    name: str
    value: float
    over: Over
    guarded: bool = True


@dataclass(frozen=True)
class Cells:
    """How a family's rows are a table.

    Attributes:
      key: The fields that tell the cells of one window apart, the camera first.
      values: The fields that a suppressed cell leaves empty.
      quantities: What a row holds of what adds up.
      total: From a cell's key to that of the total that it is part of, if any.
      floor: The least count of a cell that is there: 1 in a family that has no rows for cells with nobody.
    """

    key: tuple[str, ...]
    values: tuple[str, ...]
    quantities: Callable[[Any], Iterator[Quantity]]
    total: Callable[[Key], Key | None] = lambda key: None
    floor: int = 0


def _dwell(row: Dwell) -> Iterator[Quantity]:
    yield Quantity("n", row.n, Over.LAST if row.status == "OPEN" else Over.SUM)


def _heatmap(row: Heatmap) -> Iterator[Quantity]:
    # A passage that goes on from one window to the next is counted in both.
    yield Quantity("n", row.n, Over.BETWEEN if row.cell_column != TOTAL else Over.OWN)
    yield Quantity("person_seconds", row.person_seconds or 0.0, Over.SUM)


def _movement(row: Movement) -> Iterator[Quantity]:
    yield Quantity("n", row.n, Over.BETWEEN if row.sector != ALL_WAYS else Over.OWN)
    yield Quantity("person_seconds", row.person_seconds or 0.0, Over.SUM)
    yield Quantity("metres", row.metres or 0.0, Over.SUM)


def _flow(row: Flow) -> Iterator[Quantity]:
    yield Quantity("n", row.n, Over.SUM)


def _footfall(row: Footfall) -> Iterator[Quantity]:
    yield Quantity("n", row.n, Over.SUM)


def _occupancy(row: Occupancy) -> Iterator[Quantity]:
    yield Quantity("n", row.n, Over.OWN)
    yield Quantity("open_visits", row.open_visits or 0, Over.LAST, guarded=False)
    yield Quantity("person_seconds", row.person_seconds or 0.0, Over.SUM)


def _queue(row: Queue) -> Iterator[Quantity]:
    yield Quantity("n", row.n, Over.OWN)
    yield Quantity("left", row.left or 0, Over.SUM)
    yield Quantity("joined", row.joined or 0, Over.SUM, guarded=False)


WAITS = ("wait_mean_seconds", "wait_p50_seconds", "wait_p90_seconds", "wait_max_seconds")
STAYS = ("mean_seconds", "p50_seconds", "p90_seconds")
ENDED = "COMPLETED", TOTAL
ALL_WAYS = "TOTAL"

CELLS: Mapping[type[MetricRecord], Cells] = {
    Footfall: Cells(("camera", "line", "direction"), ("count",), _footfall),
    Occupancy: Cells(("camera", "zone"), ("mean", "peak", "person_seconds", "open_visits"), _occupancy),
    Dwell: Cells(
        ("camera", "zone", "status", "bin"),
        ("visits", *STAYS),
        _dwell,
        lambda key: (*key[:2], *ENDED) if key[3] != TOTAL else None,
    ),
    Queue: Cells(("camera", "zone"), ("length_mean", "length_peak", "joined", "left", *WAITS), _queue),
    Flow: Cells(
        ("camera", "from_zone", "to_zone"),
        ("count",),
        _flow,
        lambda key: (key[0], ANY_ZONE, ANY_ZONE) if key[1] != ANY_ZONE else None,
    ),
    Heatmap: Cells(
        ("camera", "cell_column", "cell_row"),
        ("person_seconds",),
        _heatmap,
        lambda key: (key[0], TOTAL, TOTAL) if key[1] != TOTAL else None,
        floor=1,
    ),
    Movement: Cells(
        ("camera", "zone", "sector"),
        ("person_seconds", "metres", "metres_per_second"),
        _movement,
        lambda key: (*key[:2], ALL_WAYS) if key[2] != ALL_WAYS else None,
    ),
}
"""The families whose cells can be suppressed."""

_OPEN = "OPEN", TOTAL
SAME: tuple[tuple[type[MetricRecord], str, tuple[tuple[str, int], ...]], ...] = (
    (Occupancy, "n", (ENDED, ("CENSORED", TOTAL), _OPEN)),
    (Occupancy, "open_visits", (_OPEN,)),
    (Queue, "left", (ENDED,)),
    (Queue, "n", (ENDED, _OPEN)),
)
"""What one family says of a zone and window, and of which dwell totals it is the sum."""


def key_of(row: MetricRecord) -> Key:
    """Return what tells a row from others of its family and window."""
    return tuple(getattr(row, name) for name in CELLS[type(row)].key)


def span_of(row: MetricRecord) -> Span:
    """Return a row's window."""
    return row.window_size_seconds, row.window_start, row.window_end


def with_nobody(rows: Sequence[MetricRecord]) -> list[MetricRecord]:
    """Return a camera's rows of a group with one for each pair of zones between which nobody went.

    A pair that a count of nobody stands behind has no row; suppressed, it can hide another.
    """
    zones = sorted({row.zone for row in rows if isinstance(row, Occupancy)})
    there = {(span_of(row), key_of(row)) for row in rows if isinstance(row, Flow)}
    totals = [row for row in rows if isinstance(row, Flow) and row.n and row.from_zone == ANY_ZONE]
    pairs = [(one, other) for one in zones for other in zones if one != other]
    return [*rows, *(
        replace(total, from_zone=one, to_zone=other, n=0, count=0)
        for total in totals for one, other in pairs if (span_of(total), (total.camera, one, other)) not in there
    )]  # fmt: skip


def table_of(rows: Sequence[MetricRecord], k: Mapping[type[MetricRecord], int]) -> tuple[Table, dict[int, list[Aim]]]:
    """Return a group's records as a table, one cell a row, and the aims of the cells with fewer than `k` behind them.

    Each must, for all that is published, be able to have anything from 1 to `k` visits behind it, and for each other
    quantity as much as so many visits like its own would make.
    """
    built = _Builder(rows, waits_are_told=k[Queue] == 1)
    relations, _ = _matrix(built.relations(), len(built.quantities))
    limits, slack = _matrix(built.limits(), len(built.quantities))
    levels = np.searchsorted(built.sizes, [row.window_size_seconds for row in rows])
    table = Table(
        values=np.array([quantity.value for quantity in built.quantities]),
        cells=np.array(built.cells, np.int64),
        floors=np.array(built.floors),
        whole=np.array([not quantity.name.endswith(("seconds", "metres")) for quantity in built.quantities]),
        steps=np.array(built.steps),
        # What says that there is no data must go on saying so.
        published=np.array([k[type(row)] == 1 or (row.observed_ms == 0 and row.n == 0) for row in rows]),
        prices=(1 + LONGER * levels).astype(np.float64),
        relations=relations,
        limits=limits,
        slack=slack,
    )
    aims = {}
    for cell, row in enumerate(rows):
        least = k[type(row)]
        if 0 < row.n < least:
            own = [q for q in table.quantities_of[cell] if table.steps[q] > 0 and table.values[q] > 0]
            up = [Aim(q, table.values[q] * (least / row.n - 1)) for q in own]
            aims[cell] = up + [Aim(q, -table.values[q] * (1 - 1 / row.n)) for q in own if row.n > 1]
    return table, aims


Place = tuple[Span | None, type[MetricRecord], Key, str]
"""Where a quantity is: window, family, key and name."""

Sum = tuple[list[tuple[int, float]], float]
"""Quantities and their factors, and how far their sum is from its most."""


def _matrix(sums: Iterable[Sum], width: int) -> tuple[Any, Any]:
    rows: list[int] = []
    columns: list[int] = []
    factors: list[float] = []
    slack: list[float] = []
    for terms, room in sums:
        for column, factor in terms:
            rows.append(len(slack))
            columns.append(column)
            factors.append(factor)
        slack.append(room)
    return csr_array((factors, (rows, columns)), (len(slack), width)), np.array(slack)


class _Builder:
    """Numbers the quantities of a group's rows, and finds what holds between them."""

    def __init__(self, rows: Sequence[MetricRecord], *, waits_are_told: bool) -> None:
        self._rows = rows
        self._waits_are_told = waits_are_told
        self.quantities: list[Quantity] = []
        self.cells: list[int] = []
        self.floors: list[float] = []
        self.steps: list[float] = []
        self._at: dict[Place, int] = {}
        for cell, row in enumerate(rows):
            for quantity in CELLS[type(row)].quantities(row):
                self._at[span_of(row), type(row), key_of(row), quantity.name] = len(self.quantities)
                self.quantities.append(quantity)
                self.cells.append(cell)
                counts = quantity.name == "n"
                self.floors.append(CELLS[type(row)].floor if counts and row.n else 0)
                step = 1.0 if counts else quantity.value / max(row.n, 1)
                self.steps.append(step if quantity.guarded else 0)
        self._spans = sorted({span_of(row) for row in rows})
        self.sizes = sorted({size for size, _, _ in self._spans})

    def relations(self) -> Iterator[Sum]:
        """Yield the sums that are always zero."""
        parts: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for (span, kind, key, name), at in self._at.items():
            if (total := CELLS[kind].total(key)) is not None:
                parts[span, kind, total, name].append(at)
        for whole, own in parts.items():
            if whole in self._at:
                yield _balance(own, [self._at[whole]])
        for span, children in self._children():
            for at, within in self._within(span, children):
                if self.quantities[at].over is Over.SUM:
                    yield _balance([own for _, own in within], [at])
                elif self.quantities[at].over is Over.LAST and within[-1][0][2] == span[2]:
                    yield _balance([within[-1][1]], [at])
        yield from self._between_families()

    def limits(self) -> Iterator[Sum]:
        """Yield the sums that have a most."""
        for span, children in self._children():
            tiled = sum(end - start for _, start, end in children) == span[2] - span[1]
            for at, within in self._within(span, children):
                if self.quantities[at].over is Over.BETWEEN:
                    if tiled:
                        yield self._most([at], [own for _, own in within])
                    for _, own in within:
                        yield self._most([own], [at])
        for row in self._rows:
            if isinstance(row, Queue) and row.left and self._waits_are_told:
                yield from self._waits(row)
            if isinstance(row, Occupancy | Queue):
                yield from self._came(row)

    def _children(self) -> Iterator[tuple[Span, list[Span]]]:
        """Yield each window with those of the size before that lie in it."""
        for size, start, end in self._spans:
            below = [each for each in self.sizes if each < size]
            within = [each for each in self._spans if below and each[0] == below[-1] and start <= each[1] < end]
            if within:
                yield (size, start, end), within

    def _within(self, span: Span, children: Sequence[Span]) -> Iterator[tuple[int, list[tuple[Span, int]]]]:
        """Yield each quantity of a window with the same ones of the windows in it, in order."""
        for at, cell in enumerate(self.cells):
            row = self._rows[cell]
            if span_of(row) != span:
                continue
            ids = ((child, (child, type(row), key_of(row), self.quantities[at].name)) for child in children)
            own = [(child, self._at[each]) for child, each in ids if each in self._at]
            if own:
                yield at, own

    def _before(self, span: Span) -> Span | None:
        """Return the window of the same size that ends where one begins."""
        return next((each for each in self._spans if each[0] == span[0] and each[2] == span[1]), None)

    def _between_families(self) -> Iterator[Sum]:
        for row in self._rows:
            span, kind, key = span_of(row), type(row), key_of(row)
            for told_by, name, totals in SAME:
                ids = [(span, Dwell, (*key, *total), "n") for total in totals]
                if kind is told_by and all(each in self._at for each in ids):
                    yield _balance([self._at[each] for each in ids], [self._at[span, kind, key, name]])
            if isinstance(row, Queue):
                yield from self._joined(row)

    def _joined(self, row: Queue) -> Iterator[Sum]:
        """Yield that who is in a queue at a window's end was there before, or joined, and did not leave."""
        span, key = span_of(row), key_of(row)
        ids: list[Place] = [(span, Dwell, (*key, *total), "n") for total in (ENDED, ("CENSORED", TOTAL), _OPEN)]
        come: list[Place] = [(self._before(span), Dwell, (*key, *_OPEN), "n"), (span, Queue, key, "joined")]
        if all(each in self._at for each in [*ids, *come]):
            yield _balance([self._at[each] for each in ids], [self._at[each] for each in come])

    def _came(self, row: Occupancy | Queue) -> Iterator[Sum]:
        """Yield that no more people come to a zone from others than come at all."""
        span, kind, key = span_of(row), type(row), key_of(row)
        flows = [at for (where, family, pair, _), at in self._at.items()
                 if where == span and family is Flow and pair[1] != ANY_ZONE and (pair[0], pair[2]) == key]  # fmt: skip
        if not flows:
            return
        if kind is Queue:
            yield self._most(flows, [self._at[span, kind, key, "joined"]])
            return
        open_before: Place = (self._before(span), Dwell, (*key, *_OPEN), "n")
        were = [self._at[open_before]] if open_before in self._at else []
        yield self._most([*flows, *were], [self._at[span, kind, key, "n"]])

    def _waits(self, row: Queue) -> Iterator[Sum]:
        """Yield what a queue's mean, quantiles and longest wait say of the bins of its dwell."""
        span, key = span_of(row), key_of(row)
        bins = sorted(
            (each for each in self._rows if isinstance(each, Dwell) and span_of(each) == span and each.bin != TOTAL
             and key_of(each)[:2] == key),
            key=lambda each: each.bin,
        )  # fmt: skip
        at = [self._at[span, Dwell, key_of(each), "n"] for each in bins]
        for factors, most in wait_limits(row, [(each.from_seconds, each.until_seconds) for each in bins]):
            now = sum(factor * each.n for factor, each in zip(factors, bins, strict=True))
            yield [(each, factor) for each, factor in zip(at, factors, strict=True) if factor], max(most - now, 0.0)

    def _most(self, smaller: Sequence[int], larger: Sequence[int]) -> Sum:
        terms, _ = _balance(smaller, larger)
        return terms, max(-sum(factor * self.quantities[at].value for at, factor in terms), 0.0)


def _balance(plus: Iterable[int], minus: Iterable[int]) -> Sum:
    return [*((at, 1.0) for at in plus), *((at, -1.0) for at in minus)], 0.0


def wait_limits(row: Queue, bins: Sequence[tuple[float, float | None]]) -> Iterator[tuple[list[float], float]]:
    """Yield what a queue's waits say of how many of them are in each bin: factors of the bins, and their sum's most.

    Args:
      row: A published record of a queue that somebody left.
      bins: Shortest wait in each bin, and the shortest beyond it (None for the last), in seconds.
    """
    left, longest = row.left or 0, row.wait_max_seconds or 0.0
    shortest = [math.ceil(low) for low, _ in bins]
    up_to = [longest if high is None else min(math.ceil(high) - 1, longest) for _, high in bins]
    # Waits are whole seconds; their mean is rounded to a thousandth.
    total, rounding = (row.wait_mean_seconds or 0.0) * left, 0.0005 * left
    yield [float(low) for low in shortest], total + rounding
    yield [-float(high) for high in up_to], rounding - total
    for share, wait in ((0.5, row.wait_p50_seconds), (0.9, row.wait_p90_seconds), (1.0, longest)):
        rank = math.ceil(share * left)
        yield [float(high is not None and high <= (wait or 0.0)) for _, high in bins], rank - 1.0
        yield [-float(low <= (wait or 0.0)) for low in shortest], -float(rank)
