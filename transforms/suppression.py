"""Which cells of a table to suppress, so that none of them can be told from what stays.

The rule is that of Fischetti and Salazar (2000, "Models and algorithms for optimizing cell suppression in tabular data
with linear constraints"): an attacker knows how the cells add up, all that is published, and that no count is below
its floor. A quantity is protected if there is, for each of its aims, another table with the same published cells in
which it is so much higher or lower. By linear programming, its feasible interval reaches at least from one aim to the
other. As in their heuristic, each aim is reached by moving the fewest unsuppressed cells, which are then suppressed
too; at last those that no aim needs any more are published again.

Deterministic: the same table has the same pattern.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array, csgraph, csr_array, diags_array, hstack, vstack

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

TOLERANCE = 1e-6
"""Share of an aim that a solver may miss it by."""

MOST_ROUNDS = 12
"""How often all open aims are tried together before each is tried alone."""


MOST_PROGRAMS = 200
"""How many linear programs may be solved to make a pattern smaller: a table so large that this is not enough has many
small cells, and few others are suppressed for them."""


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
    prices: Floats
    relations: Any
    limits: Any
    slack: Floats

    @cached_property
    def parts(self) -> list[_Part]:
        """The table's parts that no relation or limit joins, each with its own quantities."""
        ties = csr_array(abs(vstack([self.relations, self.limits])))
        _, labels = csgraph.connected_components(ties.T @ ties, directed=False)
        return [_Part.of(self, np.flatnonzero(labels == label)) for label in range(labels.max(initial=-1) + 1)]

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
        found: dict[int, list[int]] = defaultdict(list)
        for quantity, cell in enumerate(self.cells.tolist()):
            found[cell].append(quantity)
        return found

    def moving(self, cell: int) -> list[Aim]:
        """Return what any suppressed cell must be able to do: differ at all."""
        return [Aim(q, float(self.steps[q])) for q in self.quantities_of[cell] if self.steps[q] > 0]


@dataclass(frozen=True, eq=False)
class _Part:
    """A connected part of a table: the same fields, for its own quantities alone."""

    quantities: Numbers
    cells: Numbers
    room: Floats
    prices: Floats
    relations: Any
    limits: Any
    slack: Floats

    @classmethod
    def of(cls, table: Table, quantities: Numbers) -> _Part:
        relations, limits = (csr_array(each)[:, quantities] for each in (table.relations, table.limits))
        own, bound = (np.flatnonzero(np.diff(each.indptr)) for each in (relations, limits))
        cells = table.cells[quantities]
        return cls(
            quantities, cells, table.values[quantities] - table.floors[quantities], table.prices[cells],
            relations[own], limits[bound], table.slack[bound],
        )  # fmt: skip

    def place(self, quantity: int) -> int:
        """Return where a quantity stands among the part's own."""
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


def reached(moved: float, aim: Aim) -> bool:
    """Return whether a quantity that differs so much reaches an aim."""
    return moved / aim.by >= 1 - TOLERANCE


def within_reach(table: Table, aims: Mapping[int, Sequence[Aim]]) -> dict[int, list[Aim]]:
    """Return each cell's aims as far as the cells that are published in any case allow them.

    A quantity that these give away, so that no suppression could protect it, has no aims any more.
    """
    hidden = ~table.published
    witnesses = _Witnesses(table)
    witnesses.try_together([aim for own in aims.values() for aim in own], hidden)

    def reachable(aim: Aim) -> Aim | None:
        if aim in witnesses.moves:
            return aim
        reach = table.parts[table.part_of[aim.quantity]].reach(aim, hidden)
        far = math.floor(abs(reach) + TOLERANCE) if table.whole[aim.quantity] else abs(reach) * (1 - TOLERANCE)
        return Aim(aim.quantity, math.copysign(far, aim.by)) if far > TOLERANCE * abs(aim.by) else None

    found: dict[int, list[Aim]] = {}
    for cell, own in aims.items():
        kept = [each for aim in own if (each := reachable(aim)) is not None]
        for quantity in sorted({aim.quantity for aim in own} - {aim.quantity for aim in kept}):
            # What cannot be more may be less.
            tried = [Aim(quantity, sign * float(table.steps[quantity])) for sign in (1, -1)]
            kept += [each for aim in tried if (each := reachable(aim)) is not None][:1]
        found[cell] = kept
    return found


def plan(table: Table, aims: Mapping[int, Sequence[Aim]]) -> frozenset[int]:
    """Return the cells to suppress.

    Args:
      table: The cells.
      aims: The cells that must be suppressed, and what their quantities must be able to do, within reach; one that
        is given away in any case is suppressed all the same.
    """
    pattern = _Pattern(table, aims)
    pattern.complete()
    pattern.thin()
    return frozenset(np.flatnonzero(pattern.hidden).tolist())


class _Witnesses:
    """For each aim that is reached, how its part of the table differs then."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.moves: dict[Aim, Floats] = {}

    def credit(self, part: int, moved: Floats, aims: Iterable[Aim]) -> int:
        """Note a way in which a part can differ for all aims that it reaches; returns how many."""
        before = len(self.moves)
        for aim in aims:
            here = aim not in self.moves and self._table.part_of[aim.quantity] == part
            if here and reached(moved[self._table.parts[part].place(aim.quantity)], aim):
                self.moves[aim] = moved
        return len(self.moves) - before

    def try_together(self, aims: Sequence[Aim], hidden: Mask) -> None:
        """Look for tables that reach many aims at once, up ones and down ones apart."""
        by_part: dict[tuple[int, bool], list[Aim]] = defaultdict(list)
        for aim in aims:
            by_part[int(self._table.part_of[aim.quantity]), aim.by > 0].append(aim)
        for (number, _), own in sorted(by_part.items()):
            for _ in range(MOST_ROUNDS):
                left = [aim for aim in own if aim not in self.moves]
                moved = self._table.parts[number].move_many(left, hidden) if left else None
                if moved is None or not self.credit(number, moved, left):
                    break


class _Pattern:
    """A set of suppressed cells that grows until every aim is reached, and is thinned after."""

    def __init__(self, table: Table, aims: Mapping[int, Sequence[Aim]]) -> None:
        self._table = table
        self._sensitive = frozenset(aims)
        self._aims: dict[int, list[Aim]] = {cell: list(own) for cell, own in sorted(aims.items())}
        self._witnesses = _Witnesses(table)
        self._programs = 0
        self.hidden = np.zeros(len(table.published), np.bool_)
        self.hidden[list(aims)] = True

    def complete(self) -> None:
        """Suppress more until every aim is reached."""
        self._witnesses.try_together(self._open(), self.hidden)
        while waiting := self._open():
            for aim in sorted(waiting, key=lambda aim: (-abs(aim.by), aim.quantity)):
                if aim not in self._witnesses.moves:
                    self._reach(aim)

    def _open(self) -> list[Aim]:
        return [aim for own in self._aims.values() for aim in own if aim not in self._witnesses.moves]

    def _reach(self, aim: Aim) -> None:
        """Reach one aim, whatever must be suppressed for it."""
        table = self._table
        number = int(table.part_of[aim.quantity])
        part = table.parts[number]
        moved = part.move(aim, self.hidden, ~table.published)
        if moved is None:
            # Within a rounding of what can be reached.
            self._witnesses.moves[aim] = np.zeros(len(part.quantities))
            return
        for cell in np.unique(part.cells[abs(moved) > TOLERANCE * abs(aim.by)]).tolist():
            if not self.hidden[cell]:
                self.hidden[cell] = True
                self._aims[cell] = within_reach(table, {cell: table.moving(cell)})[cell]
        self._witnesses.credit(number, moved, self._open())
        self._witnesses.moves.setdefault(aim, moved)

    def thin(self) -> None:
        """Publish again what no aim needs, dear cells first, as far as the programs that this may take go."""
        table = self._table
        added = [cell for cell in np.flatnonzero(self.hidden).tolist() if cell not in self._sensitive]
        for cell in sorted(added, key=lambda cell: (-table.prices[cell], cell)):
            if self._programs >= MOST_PROGRAMS:
                return
            self.hidden[cell] = False
            held = self._aims.pop(cell)
            if (found := self._without(cell)) is None:
                self.hidden[cell] = True
                self._aims[cell] = held
            else:
                self._witnesses.moves.update(found)

    def _without(self, cell: int) -> dict[Aim, Floats] | None:
        """Return ways to reach all aims that leave a cell as it is; None where there are none."""
        table = self._table
        found = _Witnesses(table)
        needing = []
        for aim in (aim for own in self._aims.values() for aim in own):
            own_cells = table.parts[table.part_of[aim.quantity]].cells == cell
            if np.any(abs(self._witnesses.moves[aim][own_cells]) > TOLERANCE * abs(aim.by)):
                needing.append(aim)
        for aim in needing:
            if aim not in found.moves:
                if self._programs >= MOST_PROGRAMS:
                    return None
                number = int(table.part_of[aim.quantity])
                moved = table.parts[number].move(aim, self.hidden)
                self._programs += 1
                if moved is None:
                    return None
                found.credit(number, moved, needing)
                found.moves.setdefault(aim, moved)
        return found.moves
