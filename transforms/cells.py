"""The cells of each family: what tells them apart, what a suppressed one leaves empty, and what it holds that adds up.

Each family names its cells once, in `CELLS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple

from schemas.records import Dwell, Flow, Footfall, Heatmap, MetricRecord, Movement, Occupancy, Queue
from transforms.metrics import ALL_WAYS, ANY_ZONE, TOTAL

Key = tuple[Any, ...]
"""What tells the cells of one family and window apart, the camera first."""

Span = tuple[int, int, int]
"""Size, start and end of a window."""


class Over(Enum):
    """What a quantity of a longer window has to do with those of the windows in it."""

    SUM = "the sum of theirs"
    LAST = "that of the last of them"
    BETWEEN = "between the largest and the sum of theirs"
    OWN = "nothing that a sum could tell"


class Quantity(NamedTuple):
    """A number that a cell holds, and must not give away.

    Attributes:
      name: Its name.
      value: What it is.
      over: What it has to do with those of other windows.
      guarded: False where another one stands for it.
      alone: Whether it can be left out of a row that is published.
    """

    name: str
    value: float
    over: Over
    guarded: bool = True
    alone: bool = False


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
    yield Quantity("waiting_seconds", (row.length_mean or 0.0) * row.observed_ms / 1000, Over.SUM)
    yield Quantity("joined", row.joined or 0, Over.SUM, guarded=False, alone=True)


WAITS = ("wait_mean_seconds", "wait_p50_seconds", "wait_p90_seconds", "wait_max_seconds")
STAYS = ("mean_seconds", "p50_seconds", "p90_seconds")
ENDED = "COMPLETED", TOTAL

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


def key_of(row: MetricRecord) -> Key:
    """Return what tells a row from others of its family and window."""
    return tuple(getattr(row, name) for name in CELLS[type(row)].key)


def span_of(row: MetricRecord) -> Span:
    """Return a row's window."""
    return row.window_size_seconds, row.window_start, row.window_end


def is_small(row: MetricRecord, least: int) -> bool:
    """Return whether fewer than so many stand behind a row, and it says something of somebody.

    Somebody may be in a zone though no visit is counted: one too short to be a visit, or in a queue and cut short.
    """
    return least > 1 and row.n < least and (row.n > 0 or any(getattr(row, each) for each in CELLS[type(row)].values))


def leaves_out(row: MetricRecord) -> bool:
    """Return whether a row is published without a number that would tell of others."""
    return isinstance(row, Queue) and row.joined is None and row.observed_ms > 0 and not row.suppressed


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
