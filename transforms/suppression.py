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
from typing import NamedTuple

import numpy as np

from transforms.programs import TOLERANCE, Aim, Floats, Mask, Part, Table

MOST_ROUNDS = 12
"""How often all open aims are tried together before each is tried alone."""


MOST_PROGRAMS = 200
"""How many linear programs may be solved to make a pattern smaller: a table so large that this is not enough has many
small cells, and few others are suppressed for them."""


def reached(moved: float, aim: Aim) -> bool:
    """Return whether a quantity that differs so much reaches an aim."""
    return moved / aim.by >= 1 - TOLERANCE


def within_reach(table: Table, aims: Mapping[int, Sequence[Aim]]) -> dict[int, list[Aim]]:
    """Return each cell's aims as far as the cells that are published in any case allow them.

    A quantity that these give away, so that no suppression could protect it, has no aims any more.
    """
    witnesses = _Witnesses(table)
    witnesses.want(aim for own in aims.values() for aim in own)
    witnesses.try_together(~table.published)

    def reachable(aim: Aim) -> Aim | None:
        if aim in witnesses.moves:
            return aim
        reach = table.reach(aim)
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


class _Move(NamedTuple):
    """How the quantities of a region differ in another table, while all others stay as they are."""

    region: Part
    by: Floats

    def needs(self, cell: int, aim: Aim) -> bool:
        """Return whether a cell must be suppressed for an aim to be reached so."""
        places = self.region.places_of.get(cell, ())
        return any(abs(self.by[place]) > TOLERANCE * abs(aim.by) for place in places)


class _Witnesses:
    """For each aim that is reached, another table in which it is."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._wanted: dict[int, list[Aim]] = defaultdict(list)
        self.moves: dict[Aim, _Move] = {}

    def want(self, aims: Iterable[Aim]) -> None:
        """Take in aims that are to be reached."""
        for aim in aims:
            self._wanted[aim.quantity].append(aim)

    def credit(self, move: _Move) -> int:
        """Note another table for all aims that are reached in it; returns how many."""
        before = len(self.moves)
        for place in np.flatnonzero(move.by).tolist():
            for aim in self._wanted.get(int(move.region.quantities[place]), ()):
                if aim not in self.moves and reached(move.by[place], aim):
                    self.moves[aim] = move
        return len(self.moves) - before

    def reach(self, aim: Aim, hidden: Mask, offered: Mask | None = None) -> _Move | None:
        """Return another table in which an aim is reached, and note it; None where there is none."""
        for region in self._table.regions(aim.quantity):
            if (by := region.move(aim, hidden, offered)) is not None:
                move = _Move(region, by)
                self.credit(move)
                self.moves.setdefault(aim, move)
                return move
        return None

    def try_together(self, hidden: Mask) -> None:
        """Look for tables that reach many aims at once, up ones and down ones apart."""
        for whole in (False, True):
            together: dict[tuple[int, bool], list[Aim]] = defaultdict(list)
            regions: dict[int, Part] = {}
            for own in self._wanted.values():
                for aim in own:
                    region = self._table.regions(aim.quantity)[-1 if whole else 0]
                    regions[id(region)] = region
                    together[id(region), aim.by > 0].append(aim)
            for (number, _), aims in together.items():
                self._try(regions[number], aims, hidden)

    def _try(self, region: Part, aims: Sequence[Aim], hidden: Mask) -> None:
        for _ in range(MOST_ROUNDS):
            left = [aim for aim in aims if aim not in self.moves]
            by = region.move_many(left, hidden) if left else None
            if by is None or not self.credit(_Move(region, by)):
                return


class _Pattern:
    """A set of suppressed cells that grows until every aim is reached, and is thinned after."""

    def __init__(self, table: Table, aims: Mapping[int, Sequence[Aim]]) -> None:
        self._table = table
        self._sensitive = frozenset(aims)
        self._aims: dict[int, list[Aim]] = {cell: list(own) for cell, own in sorted(aims.items())}
        self._witnesses = _Witnesses(table)
        self._witnesses.want(aim for own in self._aims.values() for aim in own)
        self._programs = 0
        self.hidden = np.zeros(len(table.published), np.bool_)
        self.hidden[list(aims)] = True

    def complete(self) -> None:
        """Suppress more until every aim is reached."""
        self._witnesses.try_together(self.hidden)
        while waiting := [aim for own in self._aims.values() for aim in own if aim not in self._witnesses.moves]:
            for aim in sorted(waiting, key=lambda aim: (-abs(aim.by), aim.quantity)):
                if aim not in self._witnesses.moves:
                    self._reach(aim)

    def _reach(self, aim: Aim) -> None:
        """Reach one aim, whatever must be suppressed for it."""
        table = self._table
        move = self._witnesses.reach(aim, self.hidden, ~table.published)
        if move is None:
            # Within a rounding of what can be reached.
            region = table.regions(aim.quantity)[0]
            self._witnesses.moves[aim] = _Move(region, np.zeros(len(region.quantities)))
            return
        for cell in np.unique(move.region.cells[abs(move.by) > TOLERANCE * abs(aim.by)]).tolist():
            if not self.hidden[cell]:
                self.hidden[cell] = True
                self._aims[cell] = within_reach(table, {cell: table.moving(cell)})[cell]
                self._witnesses.want(self._aims[cell])
        self._witnesses.credit(move)

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

    def _without(self, cell: int) -> dict[Aim, _Move] | None:
        """Return ways to reach all aims that leave a cell as it is; None where there are none."""
        moves = self._witnesses.moves
        needing = [aim for own in self._aims.values() for aim in own if moves[aim].needs(cell, aim)]
        found = _Witnesses(self._table)
        found.want(needing)
        for aim in needing:
            if aim not in found.moves:
                if self._programs >= MOST_PROGRAMS:
                    return None
                self._programs += 1
                if found.reach(aim, self.hidden) is None:
                    return None
        return found.moves
