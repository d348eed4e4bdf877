"""What holds between the quantities of a group of windows: what adds up to what, and what can be no more than what.

That is of windows that lie in each other, of cells and their total, of families that count the same people, and of the
visits that go on from one window to the next, and from one group to the next.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from schemas.records import Dwell, Flow, MetricRecord, Occupancy, Queue
from transforms.cells import CELLS, ENDED, Key, Over, Quantity, Span, is_small, key_of, span_of
from transforms.metrics import ANY_ZONE, TOTAL

_CENSORED, _OPEN = ("CENSORED", TOTAL), ("OPEN", TOTAL)
SAME: tuple[tuple[type[MetricRecord], str, tuple[tuple[str, int], ...]], ...] = (
    (Occupancy, "n", (ENDED, _CENSORED, _OPEN)),
    (Occupancy, "open_visits", (_OPEN,)),
    (Queue, "left", (ENDED,)),
    (Queue, "n", (ENDED, _OPEN)),
)
"""What one family says of a zone and window, and of which dwell totals it is the sum."""

Least = Mapping[type[MetricRecord], int]
"""Each family's `k`."""

Place = tuple[Span, type[MetricRecord], Key, str]
"""Where a quantity is: window, family, key and name."""

Sum = tuple[list[tuple[int, float]], float]
"""Quantities and their factors, and how far their sum is from its most."""


class Before(NamedTuple):
    """The visits to a zone that go on as a window begins that has none before it in the group.

    Attributes:
      quantity: The number of this quantity, which no row of the group holds.
      cell: The number of its cell.
      visits: How many they are; in a zone without a queue, how many they can be at most.
      few: Whether they may be fewer than `k`, and are told by no family without one.
    """

    quantity: int
    cell: int
    visits: int
    few: bool


class Ties:
    """Numbers the quantities of a camera's rows of a group, and finds what holds between them.

    Cells have the numbers of their rows. After these come the cells of quantities that can be left out of a row alone,
    and those of `before`.

    Attributes:
      quantities: All of them.
      cells: The cell of each.
      times: Begin and end of the window of each.
      floors: The least that each can be.
      steps: By how much each must be able to differ where its cell is suppressed; 0 where it need not.
      alone: Rows of which a quantity can be left out alone, in the order of the cells.
      before: By camera and zone, and the begin of the window.
      sizes: The sizes of the windows.
    """

    def __init__(self, rows: Sequence[MetricRecord], k: Least) -> None:
        self._rows = rows
        self._k = k
        self._spans = sorted({span_of(row) for row in rows})
        self._ending = {(size, end): (size, start, end) for size, start, end in self._spans}
        self._until = max((end for _, _, end in self._spans), default=0)
        self.sizes = sorted({size for size, _, _ in self._spans})
        self.quantities: list[Quantity] = []
        self.cells: list[int] = []
        self.times: list[tuple[int, int]] = []
        self.floors: list[float] = []
        self.steps: list[float] = []
        self.alone: list[int] = []
        self._at: dict[Place, int] = {}
        self._in: dict[Span, list[Place]] = defaultdict(list)
        self._into: dict[tuple[Span, Key], list[int]] = defaultdict(list)
        self._bins: dict[tuple[Span, Key], list[Dwell]] = defaultdict(list)
        for cell, row in enumerate(rows):
            self._number(cell, row)
        self.before: dict[tuple[Key, int], Before] = {}
        self._number_before()

    def is_left_open(self, row: MetricRecord) -> bool:
        """Return whether a row counts the visits that go on as the group ends."""
        return isinstance(row, Dwell) and row.status == "OPEN" and row.window_end == self._until

    def relations(self) -> Iterator[Sum]:
        """Yield the sums that are always zero."""
        parts: dict[Place, list[int]] = defaultdict(list)
        for (span, kind, key, name), at in self._at.items():
            if (total := CELLS[kind].total(key)) is not None:
                parts[span, kind, total, name].append(at)
        for whole, own in parts.items():
            if whole in self._at:
                yield _balance(own, [self._at[whole]])
        for span, children in self._nested():
            for at, within in self._within(span, children):
                if self.quantities[at].over is Over.SUM:
                    yield _balance([own for _, own in within], [at])
                elif self.quantities[at].over is Over.LAST and within[-1][0][2] == span[2]:
                    yield _balance([within[-1][1]], [at])
        for row in self._rows:
            yield from self._said(row)
            if isinstance(row, Queue):
                yield from self._joined(row)

    def limits(self) -> Iterator[Sum]:
        """Yield the sums that have a most."""
        for span, children in self._nested():
            tiled = sum(end - start for _, start, end in children) == span[2] - span[1]
            for at, within in self._within(span, children):
                if self.quantities[at].over is Over.BETWEEN:
                    if tiled:
                        yield self._most([at], [own for _, own in within])
                    for _, own in within:
                        yield self._most([own], [at])
        for row in self._rows:
            if isinstance(row, Queue) and row.left and self._k[Queue] == 1:
                yield from self._waits(row)
            if isinstance(row, Occupancy | Queue):
                yield from self._came(row)
            if self._few_go_on(row):
                yield self._below_k(self._at[span_of(row), Dwell, key_of(row), "n"])
        yield from (self._below_k(each.quantity) for each in self.before.values() if each.few)

    def _number(self, cell: int, row: MetricRecord) -> None:
        span, kind, key = span_of(row), type(row), key_of(row)
        for quantity in CELLS[kind].quantities(row):
            place = span, kind, key, quantity.name
            self._at[place] = len(self.quantities)
            self._in[span].append(place)
            counts = quantity.name == "n"
            floor = max(CELLS[kind].floor, self._few_go_on(row)) if counts and row.n else 0
            step = 1.0 if counts else quantity.value / max(row.n, 1)
            self._add(quantity, cell, span[1:], floor, step if quantity.guarded else 0.0)
            if quantity.alone:
                self.cells[-1] = len(self._rows) + len(self.alone)
                self.alone.append(cell)
        if isinstance(row, Flow) and row.to_zone != ANY_ZONE:
            self._into[span, (row.camera, row.to_zone)].append(self._at[span, kind, key, "n"])
        if isinstance(row, Dwell) and row.bin != TOTAL:
            self._bins[span, key[:2]].append(row)

    def _number_before(self) -> None:
        most: dict[tuple[Key, int], list[int]] = defaultdict(list)
        queues = {key_of(row) for row in self._rows if isinstance(row, Queue)}
        for row in self._rows:
            span, key = span_of(row), key_of(row)
            if isinstance(row, Occupancy) and (span[0], span[1]) not in self._ending:
                joined: Place = span, Queue, key, "joined"
                came = [self._at[joined]] if joined in self._at else self._into[span, key]
                most[key, row.window_start].append(row.n - round(sum(self.quantities[at].value for at in came)))
        for (key, start), visits in most.items():
            told = self._k[Occupancy] == 1 or (key in queues and self._k[Queue] == 1)
            few = not told and 0 < min(visits) < self._k[Dwell]
            cell = len(self._rows) + len(self.alone) + len(self.before)
            self.before[key, start] = Before(len(self.quantities), cell, max(min(visits), 0), few)
            self._add(Quantity("n", max(min(visits), 0), Over.OWN), cell, (start, start + 1), int(few), 1.0)

    def _add(self, quantity: Quantity, cell: int, time: tuple[int, int], floor: int, step: float) -> None:
        self.quantities.append(quantity)
        self.cells.append(cell)
        self.times.append(time)
        self.floors.append(floor)
        self.steps.append(step)

    def _few_go_on(self, row: MetricRecord) -> bool:
        """Return whether a row counts the visits that go on as the group ends, and they are few."""
        return self.is_left_open(row) and is_small(row, self._k[Dwell])

    def _nested(self) -> Iterator[tuple[Span, list[Span]]]:
        """Yield each window with those of the size before that lie in it."""
        for shorter, size in pairwise(self.sizes):
            inner = [each for each in self._spans if each[0] == shorter]
            starts = [start for _, start, _ in inner]
            for span in (each for each in self._spans if each[0] == size):
                if within := inner[bisect_left(starts, span[1]) : bisect_left(starts, span[2])]:
                    yield span, within

    def _within(self, span: Span, children: Sequence[Span]) -> Iterator[tuple[int, list[tuple[Span, int]]]]:
        """Yield each quantity of a window with the same ones of the windows in it, in order."""
        for place in self._in[span]:
            own = [(child, self._at[child, *place[1:]]) for child in children if (child, *place[1:]) in self._at]
            if own:
                yield self._at[place], own

    def _were(self, span: Span, key: Key) -> list[int]:
        """Return the quantity of a zone's visits that go on as a window begins, if there is one."""
        if (size_and_start := (span[0], span[1])) in self._ending:
            place: Place = self._ending[size_and_start], Dwell, (*key, *_OPEN), "n"
            return [self._at[place]] if place in self._at else []
        return [self.before[key, span[1]].quantity] if (key, span[1]) in self.before else []

    def _said(self, row: MetricRecord) -> Iterator[Sum]:
        """Yield what a row says of dwell totals."""
        span, kind, key = span_of(row), type(row), key_of(row)
        for told_by, name, totals in SAME:
            if kind is told_by and (ended := self._totals(span, key, totals)):
                yield _balance(ended, [self._at[span, kind, key, name]])

    def _totals(self, span: Span, key: Key, totals: Iterable[tuple[str, int]]) -> list[int]:
        """Return the quantities of a zone's dwell totals; none where one of them has no row."""
        places: list[Place] = [(span, Dwell, (*key, *total), "n") for total in totals]
        return [self._at[each] for each in places] if all(each in self._at for each in places) else []

    def _joined(self, row: Queue) -> Iterator[Sum]:
        """Yield that who is in a queue at a window's end was there before, or joined, and did not leave."""
        span, key = span_of(row), key_of(row)
        were, now = self._were(span, key), self._totals(span, key, (ENDED, _CENSORED, _OPEN))
        if were and now:
            yield _balance(now, [*were, self._at[span, Queue, key, "joined"]])

    def _came(self, row: Occupancy | Queue) -> Iterator[Sum]:
        """Yield that a zone's visits in a window are no fewer than those that go on and those who come from others."""
        span, kind, key = span_of(row), type(row), key_of(row)
        flows = self._into[span, key]
        if kind is Queue and flows:
            yield self._most(flows, [self._at[span, kind, key, "joined"]])
        elif kind is Occupancy and (least := [*flows, *self._were(span, key)]):
            yield self._most(least, [self._at[span, kind, key, "n"]])

    def _waits(self, row: Queue) -> Iterator[Sum]:
        """Yield what a queue's mean, quantiles and longest wait say of the bins of its dwell."""
        span = span_of(row)
        bins = sorted(self._bins[span, key_of(row)], key=lambda each: each.bin)
        at = [self._at[span, Dwell, key_of(each), "n"] for each in bins]
        for factors, most in wait_limits(row, [(each.from_seconds, each.until_seconds) for each in bins]):
            now = sum(factor * each.n for factor, each in zip(factors, bins, strict=True))
            yield [(each, factor) for each, factor in zip(at, factors, strict=True) if factor], max(most - now, 0.0)

    def _below_k(self, at: int) -> Sum:
        return [(at, 1.0)], self._k[Dwell] - self.quantities[at].value

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
