"""What can be told of numbers of which weighted sums are known, by linear programming."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csgraph, csr_array

Window = tuple[int, int, int]
"""Size in seconds, start, and revision: the same clips."""

FAR, ROUNDS = 1.01, 4
"""Two solutions so far apart in a number show that it cannot be told; tried in so many directions and back."""
SLACK = 1e-5
"""How far a weighted sum may be off for the solver's sake."""

Name = tuple[str, Window, tuple[Any, ...], str]
"""Family, window, key and quantity of a number."""


@dataclass
class System:
    """Numbers of one camera's group of windows: known, or bound by what is known."""

    known: dict[Name, float] = field(default_factory=dict)
    unknown: dict[Name, int] = field(default_factory=dict)
    floors: list[float] = field(default_factory=list)
    rows: list[tuple[dict[int, float], float]] = field(default_factory=list)

    def let(self, name: Name, value: float | None, floor: float = 0.0) -> None:
        """Say what a number is; None for one that is not known. What is known of it already stays so."""
        if name in self.known:
            return
        if name in self.unknown:
            if value is not None:
                self.at_most([(name, 1.0)], value)
                self.at_most([(name, -1.0)], -value)
        elif value is not None:
            self.known[name] = value
        else:
            self.unknown[name] = len(self.floors)
            self.floors.append(floor)

    def has(self, *names: Name) -> bool:
        return all(name in self.known or name in self.unknown for name in names)

    def at_most(self, terms: Iterable[tuple[Name, float]], most: float) -> None:
        """Say that a weighted sum is at most so much."""
        factors: dict[int, float] = defaultdict(float)
        for name, factor in terms:
            if name in self.known:
                most -= factor * self.known[name]
            elif factor:
                factors[self.unknown[name]] += factor
        if factors:
            self.rows.append((dict(factors), most))

    def is_zero(self, plus: Sequence[Name], minus: Sequence[Name], rounding: float = 0.0) -> None:
        """Say that two sums are the same, up to rounding."""
        terms = [*((name, 1.0) for name in plus), *((name, -1.0) for name in minus)]
        self.at_most(terms, rounding)
        self.at_most([(name, -factor) for name, factor in terms], rounding)

    def bounds(self, names: Sequence[Name], *, wholly: bool) -> dict[Name, tuple[float, float]]:
        """Return the least and the most that unknowns can be; if not wholly, no further than tells that they differ."""
        columns = [(r, c, f) for r, (factors, _) in enumerate(self.rows) for c, f in factors.items()]
        r, c, f = zip(*columns, strict=True) if columns else ((), (), ())
        matrix = csr_array((f, (r, c)), (len(self.rows), len(self.floors)))
        most, floors = np.array([bound for _, bound in self.rows]), np.array(self.floors)
        _, labels = csgraph.connected_components(abs(matrix).T @ abs(matrix), directed=False)
        found: dict[Name, tuple[float, float]] = {}
        wanted: dict[int, list[Name]] = defaultdict(list)
        for name in names:
            wanted[labels[self.unknown[name]]].append(name)
        for label, own_names in wanted.items():
            own = np.flatnonzero(labels == label)
            part = csr_array(matrix[:, own])
            used = np.flatnonzero(np.diff(part.indptr))
            piece = _Piece(part[used], most[used] + SLACK, floors[own])
            if not wholly:
                spread = piece.spread()
                ends = ((name, spread[:, np.searchsorted(own, self.unknown[name])]) for name in own_names)
                found |= {name: (low, high) for name, (low, high) in ends if high - low > FAR}
            for name in own_names:
                if name not in found:
                    at = own == self.unknown[name]
                    found[name] = float(piece.least(at * 1.0)[at][0]), float(piece.least(at * -1.0)[at][0])
        return found


class _Piece(NamedTuple):
    """Unknowns that hang together: weighted sums, their mosts, and the floor of each unknown."""

    sums: Any
    most: Any
    floors: Any

    def least(self, cost: Any, ceiling: float | None = None) -> Any:
        """Return where a weighted sum is least; infinite where it has no end."""
        for presolve in (True, False):  # which takes some that have no end for ones without a solution
            solved = linprog(
                cost, A_ub=self.sums if len(self.most) else None, b_ub=self.most if len(self.most) else None,
                bounds=[(floor, ceiling) for floor in self.floors], method="highs", options={"presolve": presolve},
            )  # fmt: skip
            if solved.status != 2:
                break
        assert solved.status in (0, 3), f"what is known contradicts itself: {solved.message}"
        return solved.x if solved.status == 0 else np.where(cost < 0, math.inf, self.floors)

    def spread(self) -> Any:
        """Return the least and the most that each unknown was in a few solutions, each far out in some direction."""
        rng = np.random.default_rng(1)
        costs = [sign * rng.uniform(0.1, 1, len(self.floors)) * rng.choice([-1, 1], len(self.floors))
                 for _ in range(ROUNDS) for sign in (1, -1)]  # fmt: skip
        points = np.array([self.least(cost, ceiling=1e5) for cost in costs])
        return np.array([points.min(0), points.max(0)])
