"""Denial by the shape of numbers: layouts of points, as of landmarks, joints or a trail, however they are held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from transforms.denial.compounds import words_in
from transforms.denial.names import family_of, says_person
from transforms.denial.numbers import number
from transforms.denial.texts import numbers_in
from transforms.denial.words import group

MANY_POINTS = 5

Row = list[float]


def rows_of(parts: Sequence[Any]) -> list[Row] | None:
    """Return the points that a list holds, each two to four numbers in a list or under short names; None for others."""
    found = []
    for part in parts:
        row = _row(part)
        if row is None:
            return None
        found.append(row)
    return found


def _row(part: Any) -> Row | None:
    if isinstance(part, Mapping):
        named = {str(name): number(value) for name, value in part.items()}
        row = [value for value in named.values() if value is not None]
        others = [part[name] for name, value in zip(part, named.values(), strict=True) if value is None]
        axes = [name for name, value in named.items() if value is not None and is_axis(name)]
        if len(axes) < 2 or not all(isinstance(other, str | bool) or other is None for other in others):
            return None
    elif isinstance(part, list | tuple):
        numbers = [number(value) for value in part]
        row = [value for value in numbers if value is not None]
        if len(row) < len(numbers):
            return None
    else:
        return None
    return row if 2 <= len(row) <= 4 else None


def is_axis(name: str) -> bool:
    """Say whether a name is one that a point's parts have: an axis, or anything as short."""
    return (
        name.lower() in group("axes")
        or len(name) == 1
        or name.lower().rstrip("0123456789_-").split("_")[-1] in group("axes")
    )


def are_points(rows: Sequence[Sequence[float]], *, series: bool, area: bool) -> bool:
    """Say whether rows of two to four numbers are a layout of points, as of landmarks, joints or a trail.

    Args:
      rows: The points.
      series: Whether names say over what they run.
      area: Whether names say that they border an area.
    """
    if len({tuple(row) for row in rows}) < MANY_POINTS:
        return False
    if (area and rows[0] == rows[-1]) or run_on(rows):
        return False
    whole = all(value >= 0 and value == int(value) for row in rows for value in row)
    return not (series and whole)


def run_on(rows: Sequence[Sequence[float]]) -> bool:
    """Say whether rows run over time or over equal steps, which their first numbers are."""
    first = [row[0] for row in rows]
    steps = [after - before for before, after in pairwise(first)]
    return bool(steps) and min(steps) > 0 and (min(first) > 1e8 or max(steps) - min(steps) <= 0.01 * max(steps))


def are_held_points(parts: Sequence[Any], above: Sequence[str]) -> bool:
    """Say whether objects hold a point each, beside what names it: `{"name": "nose", "p": [120, 80]}`.

    Ranges, sizes and places of things that stand in two numbers, too, are told by their names and by how they behave.
    """
    held = [_held(part) for part in parts] if len(parts) >= MANY_POINTS else []
    found = [each for each in held if each is not None]
    if not found or len(found) < len(held):
        return False
    rows, where = [row for row, _ in found], _words(name for _, names in found for name in names)
    beside = _words(str(name) for part in parts for name in part)
    if where & group("sizes") or _are_ranges(rows, named=bool(where & group("ranges"))):
        return False
    if where & group("whereabouts") and (beside | _words(above[-3:])) & group("sited") and _are_of_things(parts, above):
        return False
    return are_points(rows, series=bool((beside | _words(above[-3:])) & group("series")), area=False)


def _held(part: Any, depth: int = 0) -> tuple[Row, tuple[str, ...]] | None:
    """Return the one point in an object, and the names that it is under; None where there is none, or more."""
    if not isinstance(part, Mapping):
        return None
    found: list[tuple[Row, tuple[str, ...]]] = []
    for name, value in part.items():
        if (row := _row(value)) is not None:
            found.append((row, (str(name),)))
        elif depth < 2 and (inner := _held(value, depth + 1)) is not None:
            found.append((inner[0], (str(name), *inner[1])))
    return found[0] if len(found) == 1 else None


def _are_ranges(rows: Sequence[Row], *, named: bool) -> bool:
    """Say whether pairs are from-to: each ends where the next begins, or they are named so and all ascend."""
    if any(len(row) != 2 or row[0] > row[1] for row in rows):
        return False
    return named or all(before[1] == after[0] for before, after in pairwise(rows))


def _are_of_things(parts: Sequence[Mapping[Any, Any]], above: Sequence[str]) -> bool:
    """Say whether the points are where things stand: each thing once, and nothing speaks of a body or of people."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for part in parts:
        for name, value in part.items():
            if isinstance(value, str):
                texts[str(name)].append(value)
    if says_person((*above[-3:], *texts)) or any(family_of(value) for values in texts.values() for value in values):
        return False
    sited = [values for name, values in texts.items() if words_in(name) & group("sited")]
    return all(len(set(values)) == len(values) for values in sited)


def are_in_columns(record: Mapping[str, Any], above: Sequence[str]) -> bool:
    """Say whether two fields of a record are the columns of points: `xs` and `ys`, a number each for each point."""
    columns = {name: row for name, value in record.items() if (row := _column(value)) is not None}
    for name, across in columns.items():
        for at in (at for at, letter in enumerate(name) if letter in "xX"):
            down = columns.get(f"{name[:at]}{'y' if name[at] == 'x' else 'Y'}{name[at + 1 :]}")
            if down is None or len(down) != len(across):
                continue
            rows = [list(pair) for pair in zip(across, down, strict=True)]
            words = _words((*above[-3:], *record))
            ascends = all(before < after for before, after in pairwise(across))
            if ascends and words & (group("charts") | group("series")):
                continue
            if are_points(rows, series=bool(words & group("series")), area=bool(words & group("areas"))):
                return True
    return False


def _column(value: Any) -> Row | None:
    """Return a field's row of numbers, in a list or as text."""
    if isinstance(value, str):
        return list(numbers_in(value)) or None
    if not isinstance(value, list | tuple) or len(value) < MANY_POINTS:
        return None
    found = [one for each in value if (one := number(each)) is not None]
    return found if len(found) == len(value) else None


def _words(names: Iterable[str]) -> frozenset[str]:
    return frozenset(word for name in names for word in words_in(name))
