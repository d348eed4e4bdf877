"""The tables that a group of windows is suppressed in.

A group is a longest window with all windows in it. What a family without `k` says is published in any case, and part of
what is known.

Groups are protected one by one, though what is known of one is known of the next, and one number belongs to both: the
visits to a zone that go on from one to the other. Each group does its part, so that both together tell no more than
either. Where these visits are fewer than `k`, the group before lets them be anything from 1 to `k`, and the group after
makes sure that it goes on from any of these, whatever goes on in other zones; its own cells it protects as though they
were known. Where they are not, the group before publishes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from schemas.clock import SECOND_US
from schemas.records import Dwell, Flow, MetricRecord
from transforms.cells import is_small
from transforms.programs import Aim, Numbers, Table
from transforms.ties import Least, Sum, Ties

LONGER = 0.01
"""How much more a cell of a longer window costs than one of the size before: it says more."""

BLOCK = 16
"""How many of the shortest windows are a block, or the longest windows that are no longer."""

ALONE = 0.5
"""What it costs to leave out one number and not its cell."""


@dataclass(frozen=True, eq=False)
class Tables:
    """A camera's group of windows.

    Cells have the numbers of their rows; others come after.

    Attributes:
      own: What is known of the group after the one before.
      aims: What the cells of it with fewer than `k` behind them must be able to be.
      border: The same where the visits that go on as the group begins may be others, if they are few. Nobody then comes
        from another zone who did not, so that what goes on in one zone has nothing to do with the others.
      before: What these visits must be able to be.
      alone: By row, the cell of the quantity that can be left out of it alone.
    """

    own: Table
    aims: Mapping[int, list[Aim]]
    border: Table
    before: Mapping[int, list[Aim]]
    alone: Mapping[int, int]


def tables_of(rows: Sequence[MetricRecord], k: Least) -> Tables:
    """Return a camera's records of a group as tables, and the aims of the cells with fewer than `k` behind them.

    Each must, for all that is published, be able to have anything from 1 to `k` visits behind it, and for each other
    quantity as much as so many visits like its own would make.
    """
    ties = Ties(rows, k)
    relations, _ = _matrix(ties.relations(), len(ties.quantities))
    limits, slack = _matrix(ties.limits(), len(ties.quantities))
    before = list(ties.before.values())
    small = [is_small(row, k[type(row)]) for row in rows]
    levels = np.searchsorted(ties.sizes, [row.window_size_seconds for row in rows])
    prices = 1.0 + LONGER * levels
    # What says that there is no data must go on saying so.
    known = np.array([
        k[type(row)] == 1 or (not few and (ties.is_left_open(row) or (row.observed_ms == 0 and row.n == 0)))
        for row, few in zip(rows, small, strict=True)
    ])  # fmt: skip
    flows = np.array([isinstance(row, Flow) for row in rows])
    own = Table(
        values=np.array([quantity.value for quantity in ties.quantities]),
        cells=np.array(ties.cells, np.int64),
        floors=np.array(ties.floors, np.float64),
        whole=np.array([not quantity.name.endswith(("seconds", "metres")) for quantity in ties.quantities]),
        steps=np.array(ties.steps),
        published=np.concatenate([known, known[ties.alone], np.ones(len(before), np.bool_)]),
        blocks=_blocks(ties),
        prices=np.concatenate([prices, ALONE * prices[ties.alone], np.ones(len(before))]),
        relations=relations,
        limits=limits,
        slack=slack,
    )
    open_ = np.array([not each.few for each in before], np.bool_)
    return Tables(
        own=own,
        aims={cell: _aims(own, cell, rows[cell].n, k[type(rows[cell])]) for cell, few in enumerate(small) if few},
        border=replace(own, published=np.concatenate([known | flows, known[ties.alone], open_])),
        before={each.cell: _aims(own, each.cell, each.visits, k[Dwell]) for each in before if each.few},
        alone={cell: at for at, cell in enumerate(ties.alone, len(rows))},
    )


def _blocks(ties: Ties) -> Numbers:
    """Return of each quantity the number of the stretch of time that its window lies in; -1 where it is longer."""
    most = BLOCK * ties.sizes[0]
    fitting = max(size for size in ties.sizes if size <= most)
    length_us = SECOND_US * (fitting if fitting > ties.sizes[0] else most)
    starts, ends = (np.array(each, np.int64) for each in zip(*ties.times, strict=True))
    first = (starts - starts.min()) // length_us
    return np.where(first == (ends - 1 - starts.min()) // length_us, first, -1)


def _aims(table: Table, cell: int, n: int, least: int) -> list[Aim]:
    own = [q for q in table.quantities_of[cell] if table.steps[q] > 0 and table.values[q] > 0]
    # What no visit is counted for is at least somebody's.
    behind = max(n, 1)
    up = [Aim(q, table.values[q] * (least / behind - 1)) for q in own]
    return up + [Aim(q, -table.values[q] * (1 - 1 / behind)) for q in own if behind > 1]


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
