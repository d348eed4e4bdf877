"""An attack on everything that was written: what can be told of each suppressed cell, by linear programming.

It is made from rows alone, of all families, revisions and versions, and from what anyone can read in the schemas and
docs: how bins, cells, windows and families add up, that waits and stays lie in their bins, that counts are not below
their floor, that a window of one revision has seen the same clips whenever it was written. It shares no code with the
job.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.clock import micros
from tests.support.bounds import Name, System, Window

Row = Mapping[str, Any]
Written = Mapping[str, Iterable[Row]]
"""Rows by family."""
HALF = 0.0005
"""Half of the thousandth to which seconds are rounded."""
NEAR = 1e-3
"""How far a count may be off for the solver's sake."""
HAZE = 0.02
"""How wide an interval may be for rounding alone, of seconds and metres that are sums; of a mean, a second."""

KEYS = {
    "footfall": ("line", "direction"),
    "occupancy": ("zone",),
    "dwell": ("zone", "status", "bin"),
    "queue": ("zone",),
    "flow": ("from_zone", "to_zone"),
    "heatmap": ("cell_column", "cell_row"),
    "movement": ("zone", "sector"),
}
TOTALS = {"flow": ("*", "*"), "heatmap": (-1, -1)}
"""Families that have no row for a cell with nobody, and the one that they have always."""
MEASURES = {
    "heatmap": {"seconds": "person_seconds"},
    "movement": {"seconds": "person_seconds", "metres": "metres"},
    "occupancy": {"seconds": "person_seconds", "open": "open_visits"},
    "queue": {"left": "left", "joined": "joined", "waiting": "length_mean"},
}
"""What else a family's rows hold that adds up; a mean length does times what was observed."""
ROUNDED = ("seconds", "metres")
COUNTS = {"footfall": "count", "dwell": "visits", "flow": "count"}
"""Families whose value is the number of what stands behind it."""
FLOORS = {"heatmap": 1.0}
"""Least count of a suppressed cell: only cells where somebody was have a row."""


class Told(NamedTuple):
    """What an attacker can tell of one quantity of a suppressed cell."""

    family: str
    camera: str
    window: Window
    key: tuple[Any, ...]
    quantity: str
    least: float
    most: float

    @property
    def recovered(self) -> bool:
        """Whether it is known exactly, as far as what is written is exact; counts are whole numbers.

        Of open visits and of people who joined a queue the row says nothing that dwell's own rows do not.
        """
        if self.quantity in ("open", "joined"):
            return False
        if self.quantity in ROUNDED:
            return self.most - self.least <= HAZE
        if self.quantity == "waiting":
            return self.most - self.least <= HAZE * self.window[0]
        return self.most < math.inf and math.ceil(self.least - NEAR) >= math.floor(self.most + NEAR)


def attack(*written: Written, wholly: bool = True, days: Collection[int] = ()) -> list[Told]:
    """Return what can be told of every suppressed cell in records of any number of sites and days.

    Args:
      written: All rows ever written, by family; those that saw the same clips together, whatever their windows.
      wholly: Whether to find the whole interval of each; if not, only whether it is more than one number.
      days: Instants at which a site day begins, over which no visit goes on.
    """
    places: dict[tuple[str, str], list[list[_Found]]] = defaultdict(lambda: [[] for _ in written])
    for number, records in enumerate(written):
        for family, rows in records.items():
            for row in rows if family in KEYS else ():
                places[row["site"], row["camera"]][number].append((family, row))
    return [told for (_, camera), found in sorted(places.items()) for told in _tell(camera, found, wholly, days)]


_Found = tuple[str, Row]


def _window(row: Row) -> Window:
    return row["window_size_seconds"], _instant(row["window_start"]), row["revision"]


def _instant(told: Any) -> int:
    return told if isinstance(told, int) else micros(told)


def _tell(camera: str, written: Sequence[Sequence[_Found]], wholly: bool, days: Collection[int]) -> list[Told]:
    """Return what can be told of one camera's cells; of the same clips a number has one value in all of it."""
    system, tables = System(), [_unique(rows) for rows in written]
    suppressed: dict[Name, float] = {}
    for unique in tables:
        for (family, window, key), row in unique.items():
            for quantity, value in _numbers(family, row):
                if value is None:
                    floor = FLOORS.get(family, 0.0) if quantity == "n" else 0.0
                    suppressed[family, window, key, quantity] = floor
                else:
                    system.let((family, window, key, quantity), value)
    for name, floor in suppressed.items():
        system.let(name, None, floor)
    for unique in tables:
        ends = {_window(row): _instant(row["window_end"]) for row in unique.values()}
        observed = {_window(row): (row["observed_ms"], row["scheduled_ms"]) for row in unique.values()}
        _totals(system, unique)
        _windows(system, unique, ends, observed)
        _families(system, unique, ends, days)
        _bins(system, unique, ends, observed)
    bounds = system.bounds([name for name in suppressed if name in system.unknown], wholly=wholly)
    bounds |= {name: (system.known[name],) * 2 for name in suppressed if name in system.known}
    return [Told(name[0], camera, name[1], name[2], name[3], *bounds[name]) for name in suppressed]


def _unique(rows: Iterable[_Found]) -> dict[tuple[str, Window, tuple[Any, ...]], Row]:
    """Return rows by what they are about; where one of several is not suppressed, that."""
    found: dict[tuple[str, Window, tuple[Any, ...]], Row] = {}
    for family, row in rows:
        cell = family, _window(row), tuple(row[name] for name in KEYS[family])
        if cell not in found or found[cell]["suppressed"]:
            found[cell] = row
    return found


def _numbers(family: str, row: Row) -> Iterator[tuple[str, float | None]]:
    """Yield the numbers that a row holds; None for what is suppressed or left out. No data is nobody."""
    hidden = row["suppressed"]
    if family in COUNTS:
        yield "n", None if hidden else row[COUNTS[family]] or 0
        return
    yield "n", None if hidden else row["n"]
    for quantity, name in MEASURES[family].items():
        left_out = row[name] is None and row["observed_ms"] > 0
        times = row["observed_ms"] / 1000 if quantity == "waiting" else 1
        yield quantity, None if hidden or left_out else (row[name] or 0) * times


Unique = Mapping[tuple[str, Window, tuple[Any, ...]], Row]


def _totals(system: System, unique: Unique) -> None:
    parts: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for family, window, key in unique:
        if family == "dwell" and key[2] >= 0:
            parts[family, window, (key[0], "COMPLETED", -1)].append(key)
        elif family == "heatmap" and key != (-1, -1):
            parts[family, window, (-1, -1)].append(key)
        elif family == "movement" and key[1] != "TOTAL":
            parts[family, window, (key[0], "TOTAL")].append(key)
        elif family == "flow" and key != ("*", "*"):
            parts[family, window, ("*", "*")].append(key)
    for (family, window, total), keys in parts.items():
        for quantity in ("n", *MEASURES.get(family, ())):
            names = [(family, window, key, quantity) for key in keys]
            rounding = HALF * (len(keys) + 1) if quantity in ROUNDED else 0.0
            system.is_zero(names, [(family, window, total, quantity)], rounding)


def _windows(
    system: System, unique: Unique, ends: Mapping[Window, int], observed: Mapping[Window, tuple[int, int]]
) -> None:
    sizes = sorted({size for size, *_ in ends})
    for parent, end in ends.items():
        below = [size for size in sizes if size < parent[0]]
        children = sorted(w for w in ends if below and w[0] == below[-1] and parent[1] <= w[1] and ends[w] <= end)
        if not children:
            continue
        whole = tuple(map(sum, zip(*(observed[child] for child in children), strict=True))) == observed[parent]
        last = next((child for child in children if ends[child] == end), None)
        names = {(family, key) for family, window, key in unique if window == parent or window in children}
        for family, key in names:
            for quantity in ("n", *ROUNDED, "left", "joined", "waiting", "open"):
                name = (family, parent, key, quantity)
                own = [(family, child, key, quantity) for child in children]
                own = [each for each in own if system.has(each)]
                if not system.has(name):
                    continue
                is_open = quantity == "open" or (family == "dwell" and key[1] == "OPEN")
                if is_open:
                    if last is not None and system.has((family, last, key, quantity)):
                        system.is_zero([(family, last, key, quantity)], [name])
                elif quantity == "n" and (family in ("occupancy", "queue") or key in ((-1, -1), (key[0], "TOTAL"))):
                    continue
                elif quantity == "n" and family in ("heatmap", "movement"):
                    if whole and all(_was_written(system, family, child, key) for child in children):
                        system.at_most([(name, 1.0), *((each, -1.0) for each in own)], 0.0)
                    for each in own:
                        system.at_most([(each, 1.0), (name, -1.0)], 0.0)
                else:
                    rounding = HALF * (len(own) + 1) if quantity in ROUNDED else 0.0
                    if quantity == "waiting":
                        rounding = HALF * sum(observed[each][0] / 1000 for each in (parent, *children))
                    system.at_most([*((each, 1.0) for each in own), (name, -1.0)], rounding)
                    if whole and all(_was_written(system, family, child, key) for child in children):
                        system.at_most([(name, 1.0), *((each, -1.0) for each in own)], rounding)


def _was_written(system: System, family: str, window: Window, key: tuple[Any, ...]) -> bool:
    """Return whether a family was, so that a cell without a row is one with nobody."""
    return system.has((family, window, TOTALS.get(family, key), "n"))


def _families(system: System, unique: Unique, ends: Mapping[Window, int], days: Collection[int]) -> None:
    nobody: Name = "dwell", (0, 0, 0), (), "n"
    system.let(nobody, 0.0)
    for family, window, key in unique:
        if family not in ("occupancy", "queue"):
            continue
        completed, censored, still = (
            ("dwell", window, (*key, status, -1), "n") for status in ("COMPLETED", "CENSORED", "OPEN")
        )
        if not system.has(completed, censored, still):
            continue
        before = next((w for w, end in ends.items() if w[0] == window[0] and end == window[1]), None)
        were: Name | None = ("dwell", before, (*key, "OPEN", -1), "n") if before else None
        if window[1] in days:
            were = nobody
        if ends[window] in days:
            system.is_zero([still], [nobody])
        if family == "occupancy":
            system.is_zero([completed, censored, still], [(family, window, key, "n")])
            system.is_zero([still], [(family, window, key, "open")])
            came: Name = (family, window, key, "n")
        else:
            system.is_zero([completed], [(family, window, key, "left")])
            system.is_zero([completed, still], [(family, window, key, "n")])
            came = (family, window, key, "joined")
            if were is not None and system.has(were):
                system.is_zero([completed, censored, still], [were, came])
        flows = [("flow", window, pair, "n") for kind, w, pair in unique
                 if kind == "flow" and w == window and pair[1] == key[0] and pair != ("*", "*")]  # fmt: skip
        system.at_most([*((name, 1.0) for name in flows), (came, -1.0)], 0.0)
        if family == "occupancy" and were is not None and system.has(were):
            system.at_most([*((name, 1.0) for name in flows), (were, 1.0), (came, -1.0)], 0.0)


def _bins(
    system: System, unique: Unique, ends: Mapping[Window, int], observed: Mapping[Window, tuple[int, int]]
) -> None:
    """Stays lie in their bins; their sum over windows is the sum of their sums."""
    by_zone: dict[tuple[Window, str], list[tuple[float, float | None, Name]]] = defaultdict(list)
    for (family, window, key), row in unique.items():
        if family == "dwell" and key[2] >= 0:
            by_zone[window, key[0]].append((row["from_seconds"], row["until_seconds"], (family, window, key, "n")))
    rounded: dict[tuple[Window, str], int] = {}
    for (window, zone), found in by_zone.items():
        bins = sorted(found, key=lambda each: each[0])
        total = unique["dwell", window, (zone, "COMPLETED", -1)]
        queue = unique.get(("queue", window, (zone,)))
        stays: Name = ("dwell", window, (zone, "COMPLETED", -1), "stays")
        told = [
            (total["visits"], total["mean_seconds"], total["p50_seconds"], total["p90_seconds"], None),
            *([(queue["left"], *(queue[f"wait_{each}_seconds"] for each in ("mean", "p50", "p90", "max")))] if queue
              else []),
        ]  # fmt: skip
        said = next((each for each in told if each[0] and each[1] is not None), None)
        system.let(stays, said[0] * said[1] if said else None)
        rounded[window, zone] = said[0] if said else 0
        rounding = HALF * rounded[window, zone]
        system.at_most([*((name, float(math.ceil(low))) for low, _, name in bins), (stays, -1.0)], rounding)
        longest = next((each[4] for each in told if each[4] is not None), None)
        tops = [longest if high is None else math.ceil(high) - 1 for _, high, _ in bins]
        if None not in tops:
            tops = [min(top, longest) if longest is not None else top for top in tops]
            system.at_most([*((name, -float(top)) for top, (_, _, name) in zip(tops, bins, strict=True)), (stays, 1.0)],
                           rounding)  # fmt: skip
        for count, _, p50, p90, most in told:
            for share, stay in ((0.5, p50), (0.9, p90), (1.0, most)):
                if count and stay is not None:
                    rank = math.ceil(share * count)
                    below = [(name, 1.0) for _, high, name in bins if high is not None and high <= stay]
                    up_to = [(name, -1.0) for low, _, name in bins if low <= stay]
                    system.at_most(below, rank - 1.0)
                    system.at_most(up_to, -float(rank))
    sizes = sorted({size for size, *_ in ends})
    for (window, zone), _ in by_zone.items():
        below = [size for size in sizes if size < window[0]]
        children = [w for w in ends if below and w[0] == below[-1] and window[1] <= w[1] and ends[w] <= ends[window]]
        key = (zone, "COMPLETED", -1)
        own = [("dwell", child, key, "stays") for child in children]
        whole = children and tuple(map(sum, zip(*(observed[c] for c in children), strict=True))) == observed[window]
        if whole and system.has(*own):
            counted = sum(rounded.get((each, zone), 0) for each in [window, *children])
            system.is_zero(own, [("dwell", window, key, "stays")], HALF * (counted + 1))
