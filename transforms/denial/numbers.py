"""Denial by the shape of numbers: rows that are an embedding's rather than a measurement's.

A row of 32 numbers or more is denied unless its name says over what it runs (hours, bins, zones) and its numbers
behave so: neighbours are alike, or they are small skewed counts. Shorter rows are denied where they could be
nothing else: unit length, or fine fractions of both signs without order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from statistics import fmean
from typing import Any

LONG_ROW = 32
"""So many numbers in a row are denied, unless they are known to be a series."""
SHORT_ROW = 8
MANY_BITS = 64
"""So many values of two kinds, as yes and no, are taken for bits."""
_MANY_SMALL = 48
_LAGS = (1, 7, 24)
_HEX_FLOAT = re.compile(r"(?i)[-+]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[-+]?\d+")
"""C99's: `0x1.8p-3`."""
_DRESSED = re.compile(
    r"(?:[^\W\d_]{0,4}|[#$€£~<>≈])\s?([-+]?\d*[.,]\d+(?:e[-+]?\d+)?)\s?(?:[^\W\d_]{0,4}|[%°$€£])", re.IGNORECASE
)
"""A fraction with a unit or a letter or two at it: `0.125px`, `v0.125`; also with a decimal comma."""


def number(value: Any) -> float | None:
    """Return what a number, or a text that is one, counts as; None for all else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return number(float(value)) if value.is_finite() else None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e300 else None
    if isinstance(value, str) and len(value) <= 32:
        found = _read(value)
        return found if found is not None and math.isfinite(found) else None
    return None


def _read(text: str) -> float | None:
    """Return the number that a text is, however it is written."""
    try:
        return float.fromhex(text) if _HEX_FLOAT.fullmatch(text) else float(text)
    except OverflowError:
        return None
    except ValueError:
        dressed = _DRESSED.fullmatch(text)
        return float(dressed[1].replace(",", ".")) if dressed else None


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
        return mixed and fine and not is_smooth(values, width)
    return not (series and (is_smooth(values, width) or _counts(values)))


def is_spread(values: Sequence[float]) -> bool:
    """Say whether numbers that stand under different names are of one kind, as the parts of a vector are.

    Tables of many columns hold numbers of many kinds: shares beside sums, and few that are negative.
    """
    small = [value for value in values if -128 <= value <= 255 and value == int(value)]
    if len(small) >= LONG_ROW and len(set(small)) > 2:
        signed = [value for value in small if value < 128]
        if len(signed) >= LONG_ROW and _mixed(signed):
            return True
        if len(small) >= _MANY_SMALL and (_fills_a_byte(small) or _is_rectified(small)):
            return True
    fine = _fine(values)
    return _are_alike(values, fine)


def is_strewn(values: Sequence[float]) -> bool:
    """Say whether numbers from many short rows are nearly all fine fractions of one kind, as a cut vector's are."""
    fine = _fine(values)
    if len(fine) + values.count(0) < 0.75 * len(values):
        return False
    return _are_alike(values, fine)


def are_eight_bit(values: Sequence[float]) -> bool:
    """Say whether many whole numbers among words are of both signs or rectified, as a vector's in eight bits are."""
    return len(values) >= LONG_ROW and (_mixed(values) or (len(values) >= _MANY_SMALL and _is_rectified(values)))


def are_bits(values: Sequence[Any]) -> bool:
    """Say whether many values are of two kinds, both common and without order, as a vector's signs are."""
    kinds = sorted({str(value) for value in values[:MANY_BITS]})
    if len(values) < MANY_BITS or len(kinds) != 2 or any(str(value) not in kinds for value in values):
        return False
    bits = [float(str(value) == kinds[1]) for value in values]
    return 0.3 <= fmean(bits) <= 0.7 and not is_smooth(bits)


def _fine(values: Sequence[float]) -> list[float]:
    """Return the fractions that have four decimals and more, and are no larger than a vector's."""
    return [value for value in values if abs(value) <= 8 and value != round(value, 3)]


def _are_alike(values: Sequence[float], fine: Sequence[float]) -> bool:
    """Say whether many fine fractions are of both signs, of unit length together, or half of them cut to zero."""
    zeros = values.count(0)
    shown = len(fine) + zeros
    if len(fine) >= 20 and shown >= _MANY_SMALL and 0.3 <= zeros / shown <= 0.7:
        return True
    long = len(fine) >= LONG_ROW * 3 // 4 and len(values) >= LONG_ROW
    return long and (_unit(fine) or _mixed(fine))


def _is_rectified(values: Sequence[float]) -> bool:
    """Say whether whole numbers are half the least of them, half as far above it as a vector's in eight bits.

    Rare counts are small.
    """
    least = min(values)
    above = sorted(value - least for value in values if value > least)
    if least < 0 or not 0.3 <= len(above) / len(values) <= 0.7:
        return False
    return above[-1] < 128 and above[len(above) // 2] >= 12 and _skew(above) < 1.6


def _mixed(values: Sequence[float]) -> bool:
    """Say whether numbers are of both signs, a fifth of them at least of each."""
    return min(sum(value > 0 for value in values), sum(value < 0 for value in values)) >= len(values) / 5


def _unit(values: Sequence[float]) -> bool:
    return abs(math.hypot(*values) - 1) < 0.02 and max(map(abs, values)) < 0.95


def is_smooth(values: Sequence[float], width: int = 0) -> bool:
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
    return min(values) >= 0 and max(values) <= 255 and 90 <= mean <= 165 and spread >= 12 and abs(_skew(values)) < 0.9
