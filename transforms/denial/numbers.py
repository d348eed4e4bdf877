"""Denial by the shape of numbers: rows that are an embedding's rather than a measurement's, and layouts of points.

A row of 32 numbers or more is denied unless its name says over what it runs (hours, bins, zones) and its numbers
behave so: neighbours are alike, or they are small skewed counts. Shorter rows are denied where they could be
nothing else: unit length, or fine fractions of both signs without order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from transforms.denial.words import group

LONG_ROW = 32
"""So many numbers in a row are denied, unless they are known to be a series."""
SHORT_ROW = 8
MANY_POINTS = 5
_LAGS = (1, 7, 24)


def number(value: Any) -> float | None:
    """Return what a number, or a text that is one, counts as; None for all else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e300 else None
    if isinstance(value, str) and len(value) <= 32:
        try:
            found = float(value)
        except ValueError:
            return None
        return found if math.isfinite(found) else None
    return None


def is_vector(values: Sequence[float], *, series: bool, width: int = 0) -> bool:
    """Say whether a row of numbers is taken for an embedding, a template or the like.

    Args:
      values: The numbers, in order.
      series: Whether names say over what they run.
      width: Of a table in rows, how many stand in one.
    """
    values = [value for value in values if math.isfinite(value)]
    count = len(values)
    if count < SHORT_ROW or len(set(values)) == 1:
        return False
    mixed = _mixed(values)
    fine = sum(value != round(value, 3) for value in values) >= count / 2
    if count < 2 * SHORT_ROW:
        return mixed and fine and abs(math.hypot(*values) - 1) < 0.002
    if _unit(values) and fine:
        return True
    if count < LONG_ROW:
        return mixed and fine and not _smooth(values, width)
    return not (series and (_smooth(values, width) or _counts(values)))


def is_spread(values: Sequence[float]) -> bool:
    """Say whether numbers that stand under different names are of one kind, as the parts of a vector are.

    Tables of many columns hold numbers of many kinds: shares beside sums, and few that are negative.
    """
    small = [value for value in values if -128 <= value <= 255 and value == int(value)]
    if len(small) >= LONG_ROW and len(set(small)) > 2:
        signed = [value for value in small if value < 128]
        if len(signed) >= LONG_ROW and _mixed(signed):
            return True
        if len(small) >= 48 and (_fills_a_byte(small) or _is_rectified(small)):
            return True
    fine = [value for value in values if abs(value) <= 8 and value != round(value, 3)]
    zeros = values.count(0)
    if len(fine) >= LONG_ROW * 3 // 4 and 0.3 <= zeros / (len(fine) + zeros) <= 0.7:
        return True  # rectified
    return len(fine) >= LONG_ROW * 3 // 4 and len(values) >= LONG_ROW and (_unit(fine) or _mixed(fine))


def _is_rectified(values: Sequence[float]) -> bool:
    """Say whether whole numbers are half zeros, half as large as a vector's in eight bits: rare counts are small."""
    said = sorted(value for value in values if value)
    if min(values) < 0 or not 0.3 <= len(said) / len(values) <= 0.7:
        return False
    return max(said) < 128 and said[len(said) // 2] >= 12 and _skew(said) < 1.4


def _mixed(values: Sequence[float]) -> bool:
    """Say whether numbers are of both signs, a fifth of them at least of each."""
    return min(sum(value > 0 for value in values), sum(value < 0 for value in values)) >= len(values) / 5


def _unit(values: Sequence[float]) -> bool:
    return abs(math.hypot(*values) - 1) < 0.02 and max(map(abs, values)) < 0.95


def _smooth(values: Sequence[float], width: int) -> bool:
    """Say whether neighbours are alike, in rows or columns, or those a week or a day apart: well beyond chance."""
    mean = fmean(values)
    apart = [value - mean for value in values]
    power = sum(value * value for value in apart)
    least = (
        max(0.5, min(0.6, 5 / math.sqrt(len(values))))
        if len(values) < LONG_ROW
        else max(0.5, 5 / math.sqrt(len(values)))
    )
    return any(
        sum(a * b for a, b in zip(apart, apart[lag:], strict=False)) >= least * power
        for lag in (*_LAGS, width)
        if 0 < 2 * lag <= len(values)
    )


def _counts(values: Sequence[float]) -> bool:
    """Say whether numbers look like rough counts: none negative, few; or skewed to the right, small or very unlike."""
    if min(values) < 0 or any(value != round(value, 2) for value in values):
        return False
    if len(set(values)) == 2 and values.count(min(values)) < 0.8 * len(values):
        return False  # a row of bits
    # A rectified vector is skewed too, less than large counts of unlike things are, and never so small.
    skew = _skew(values)
    return len(values) < 2 * LONG_ROW or skew >= 3 or (skew >= 0.5 and fmean(values) <= 8)


def _skew(values: Sequence[float]) -> float:
    mean = fmean(values)
    spread = math.sqrt(fmean([(value - mean) ** 2 for value in values]))
    return fmean([(value - mean) ** 3 for value in values]) / spread**3 if spread else 0.0


def _fills_a_byte(values: Sequence[float]) -> bool:
    if min(values) >= 0 and max(values) in (127, 255):
        return True  # as far as a scale goes
    mean = fmean(values)
    spread = math.sqrt(fmean([(value - mean) ** 2 for value in values]))
    return min(values) >= 0 and max(values) <= 255 and 90 <= mean <= 165 and spread >= 12 and abs(_skew(values)) < 0.6


def rows_of(parts: Sequence[Any]) -> list[list[float]] | None:
    """Return the points that a list holds, each two to four numbers in a list or under short names; None for others."""
    found = []
    for part in parts:
        if isinstance(part, Mapping):
            named = {str(name): number(value) for name, value in part.items()}
            row = [value for value in named.values() if value is not None]
            others = [part[name] for name, value in named.items() if value is None]
            axes = [name for name, value in named.items() if value is not None and _is_axis(name)]
            if len(axes) < 2 or not all(isinstance(other, str | bool) or other is None for other in others):
                return None
        elif isinstance(part, list | tuple):
            numbers = [number(value) for value in part]
            row = [value for value in numbers if value is not None]
            if len(row) < len(numbers):
                return None
        else:
            return None
        if not 2 <= len(row) <= 4:
            return None
        found.append(row)
    return found


def _is_axis(name: str) -> bool:
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
    if len(rows) < MANY_POINTS:
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
