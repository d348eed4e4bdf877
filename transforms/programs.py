"""A table of quantities that add up, and the linear programs that tell how it can differ from what it is.

What is found is the same for the same table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import block_array, coo_array, csc_array, csgraph, csr_array, diags_array, hstack, vstack

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

TOLERANCE = 1e-6
"""Share of an aim that a solver may miss it by."""

LARGE = 2_000
"""Of a part with so many quantities, only those of an aim's own block are tried first."""


class Aim(NamedTuple):
    """By how much a quantity must be able to differ from what it is."""

    quantity: int
    by: float


@dataclass(frozen=True, eq=False)
class Table:
    """Cells, the quantities that each holds, and what is known of them in advance.

    Attributes:
      values: What each quantity is.
      cells: The number of the cell that each quantity is of.
      floors: The least that each quantity can be.
      whole: Which quantities are whole numbers.
      steps: By how much a quantity must be able to differ wherever its cell is suppressed; 0 for one that need not.
      published: Cells that are published whatever happens.
      blocks: The number of the block that each quantity is in; -1 for one in none. What can differ in a block while all
        else stays can differ.
      prices: What it costs to suppress each cell, about 1.
      relations: One row a sum that is always zero.
      limits: One row a sum that has a most.
      slack: How far each limit is from its most.
    """

    values: Floats
    cells: Numbers
    floors: Floats
    whole: Mask
    steps: Floats
    published: Mask
    blocks: Numbers
    prices: Floats
    relations: Any
    limits: Any
    slack: Floats

    @cached_property
    def parts(self) -> list[Part]:
        """The table's parts that no relation or limit joins, each with its own quantities."""
        ties = abs(vstack([self.relations, self.limits]))
        _, labels = csgraph.connected_components(block_array([[None, ties], [ties.T, None]]), directed=False)
        _, labels = np.unique(labels[ties.shape[0] :], return_inverse=True)
        order = np.argsort(labels, kind="stable")
        return [Part.of(self, own) for own in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(own)]

    def regions(self, quantity: int) -> list[Part]:
        """Return where a quantity can differ, in the order to try: its block of a large part, then the part."""
        block = self._block(quantity)
        part = self.parts[self.part_of[quantity]]
        return [block.alone, part] if block else [part]

    def reach(self, aim: Aim) -> float:
        """Return how far a quantity can differ in an aim's direction, up to it, if all may that is not published."""
        hidden = ~self.published
        if block := self._block(aim.quantity):
            least, most = block.alone.reach(aim, hidden), block.loose.reach(aim, hidden)
            if abs(most - least) <= TOLERANCE * abs(aim.by):
                return least
        return self.parts[self.part_of[aim.quantity]].reach(aim, hidden)

    def _block(self, quantity: int) -> _Block | None:
        """Return the block of a large part that a quantity is in, if it is in one."""
        number, block = int(self.part_of[quantity]), int(self.blocks[quantity])
        part = self.parts[number]
        if len(part.quantities) < LARGE or block < 0:
            return None
        if (number, block) not in self._blocks:
            own = part.quantities[self.blocks[part.quantities] == block]
            self._blocks[number, block] = _Block(Part.of(self, own), Part.of(self, own, loose=True))
        return self._blocks[number, block]

    @cached_property
    def _blocks(self) -> dict[tuple[int, int], _Block]:
        return {}

    @cached_property
    def columns(self) -> tuple[Any, Any]:
        """Relations and limits, by quantity."""
        return csc_array(self.relations), csc_array(self.limits)

    @cached_property
    def part_of(self) -> Numbers:
        """The number of the part that each quantity is in."""
        numbers = np.zeros(len(self.values), np.int64)
        for number, part in enumerate(self.parts):
            numbers[part.quantities] = number
        return numbers

    @cached_property
    def quantities_of(self) -> Mapping[int, list[int]]:
        """The quantities of each cell."""
        return _by_cell(self.cells)

    def moving(self, cell: int) -> list[Aim]:
        """Return what any suppressed cell must be able to do: differ at all."""
        return [Aim(q, float(self.steps[q])) for q in self.quantities_of[cell] if self.steps[q] > 0]


@dataclass(frozen=True, eq=False)
class Part:
    """Quantities of a table and what holds between them, while all others stay as they are: the same fields."""

    quantities: Numbers
    cells: Numbers
    room: Floats
    prices: Floats
    relations: Any
    limits: Any
    slack: Floats

    @classmethod
    def of(cls, table: Table, quantities: Numbers, *, loose: bool = False) -> Part:
        """Return some of a table's quantities; if loose, without what ties them to others that may differ."""
        relations, limits = (each[:, quantities] for each in table.columns)
        own, bound = (np.unique(each.indices) for each in (relations, limits))
        if loose:
            free = ~table.published[table.cells]
            own, bound = (
                rows[_entries(inside, free[quantities])[rows] == _entries(every, free)[rows]]
                for rows, inside, every in zip((own, bound), (relations, limits), table.columns, strict=True)
            )
        cells = table.cells[quantities]
        return cls(
            quantities, cells, table.values[quantities] - table.floors[quantities], table.prices[cells],
            csr_array(relations)[own], csr_array(limits)[bound], table.slack[bound],
        )  # fmt: skip

    @cached_property
    def places_of(self) -> Mapping[int, list[int]]:
        """Where each cell's quantities stand."""
        return _by_cell(self.cells)

    def place(self, quantity: int) -> int:
        """Return where a quantity stands among its own."""
        return int(np.searchsorted(self.quantities, quantity))

    def move(self, aim: Aim, hidden: Mask, offered: Mask | None = None) -> Floats | None:
        """Return how the part's quantities differ where the aim is reached at the least price; None where it cannot be.

        Args:
          aim: What is to be reached.
          hidden: Cells that may differ for nothing.
          offered: Cells that may differ too, at their price; none by default.
        """
        free = np.flatnonzero(hidden[self.cells])
        priced = np.flatnonzero((offered & ~hidden)[self.cells]) if offered is not None else np.zeros(0, np.int64)
        columns = np.concatenate([free, priced, priced])
        sign = np.concatenate([np.ones(len(free) + len(priced)), -np.ones(len(priced))])
        place = self.place(aim.quantity)
        if place not in columns:
            return None
        low = np.concatenate([-self.room[free], np.zeros(2 * len(priced))])
        high = np.concatenate([np.full(len(free) + len(priced), np.inf), self.room[priced]])
        cost = np.concatenate([np.zeros(len(free)), self.prices[priced], self.prices[priced]]) / abs(aim.by)
        target = np.where(columns == place, sign, 0.0)
        turned = diags_array(sign)
        equal = vstack([self.relations[:, columns] @ turned, csr_array(target[np.newaxis])])
        found = _solve(
            cost, self.limits[:, columns] @ turned, self.slack, equal,
            np.append(np.zeros(self.relations.shape[0]), aim.by), low, high,
        )  # fmt: skip
        return None if found is None else self._spread(columns, sign * found)

    def reach(self, aim: Aim, hidden: Mask) -> float:
        """Return how far a quantity can differ in the aim's direction, up to the aim."""
        free = np.flatnonzero(hidden[self.cells])
        place = self.place(aim.quantity)
        if place not in free:
            return 0.0
        direction = np.where(free == place, -np.sign(aim.by), 0.0)
        low, high = -self.room[free], np.full(len(free), np.inf)
        at = free == place
        low[at], high[at] = max(low[at][0], min(aim.by, 0)), max(aim.by, 0)
        nothing = np.zeros(self.relations.shape[0])
        found = _solve(direction, self.limits[:, free], self.slack, self.relations[:, free], nothing, low, high)
        return 0.0 if found is None else float(found[at][0])

    def move_many(self, aims: Sequence[Aim], hidden: Mask) -> Floats | None:
        """Return how the part's quantities differ where as many aims as possible are reached in one table."""
        free = np.flatnonzero(hidden[self.cells])
        where = {place: column for column, place in enumerate(free.tolist())}
        aims = [aim for aim in aims if self.place(aim.quantity) in where]
        if not aims:
            return None
        columns, wanted = len(free), len(aims)
        rows = np.arange(wanted)
        # A share of each aim, up to all of it, below what its quantity differs by.
        share = coo_array((np.ones(wanted), (rows, rows)), (wanted, wanted))
        by = coo_array(
            ([-1 / aim.by for aim in aims], (rows, [where[self.place(aim.quantity)] for aim in aims])),
            (wanted, columns),
        )
        none = coo_array((self.limits.shape[0], wanted))
        above = vstack([hstack([self.limits[:, free], none]), hstack([by, share])])
        equal = hstack([self.relations[:, free], coo_array((self.relations.shape[0], wanted))])
        found = _solve(
            np.concatenate([np.zeros(columns), -np.ones(wanted)]), above,
            np.concatenate([self.slack, np.zeros(wanted)]), equal, np.zeros(self.relations.shape[0]),
            np.concatenate([-self.room[free], np.zeros(wanted)]),
            np.concatenate([np.full(columns, np.inf), np.ones(wanted)]),
        )  # fmt: skip
        return None if found is None else self._spread(free, found[:columns])

    def _spread(self, columns: Numbers, values: Floats) -> Floats:
        moved = np.zeros(len(self.quantities))
        np.add.at(moved, columns, values)
        return moved


class _Block(NamedTuple):
    """A block while all else stays as it is, and while all else may differ that is not published."""

    alone: Part
    loose: Part


def _by_cell(cells: Numbers) -> Mapping[int, list[int]]:
    """Return where each cell stands in a list of them."""
    found: dict[int, list[int]] = defaultdict(list)
    for place, cell in enumerate(cells.tolist()):
        found[cell].append(place)
    return found


def _entries(sums: Any, which: Mask) -> Floats:
    """Return how many of some quantities each sum has."""
    return np.asarray(abs(sums).sign() @ which.astype(np.float64), np.float64)


def _solve(cost: Floats, above: Any, most: Floats, equal: Any, to: Floats, low: Floats, high: Floats) -> Floats | None:
    """Return the point at which a linear program is least; None where there is none."""
    for presolve in (True, False):  # which takes some programs for ones without a solution that have many
        found = linprog(
            cost, A_ub=csr_array(above) if len(most) else None, b_ub=most if len(most) else None,
            A_eq=csr_array(equal) if len(to) else None, b_eq=to if len(to) else None,
            bounds=np.column_stack([low, high]), method="highs", options={"presolve": presolve},
        )  # fmt: skip
        if found.status == 0:
            return np.asarray(found.x, np.float64)
    return None
