"""Denial of what is cut: numbers in many short rows, and encoded text in pieces too short to tell by themselves.

A list or an object is judged with all that it holds, where nothing in it was denied by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from transforms.denial import numbers, texts
from transforms.denial.compounds import words_in
from transforms.denial.reasons import ENCODED_TEXT, VECTOR
from transforms.denial.words import group

_DEEPEST = 40
_SHORTEST, _LONGEST = 5, 40
_MANY_LETTERS = 64
"""Letters that pieces must have together: forty-eight bytes in base64."""
_MANY_FIELDS = 8
_PIECE = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_DATE = re.compile(r"\d[\d:.T/-]*Z?")
_BETWEEN = re.compile(r"[\s,;|]+")
_FRACTION = re.compile(r"(?<![\d.])[-+]?(?:0x[0-9a-fA-F.]+p[-+]?\d+|\d*\.\d+(?:[eE][-+]?\d+)?)")
_WHOLE = re.compile(r"(?<![\w.:/-])[-+]?\d{1,3}(?![\w.:/-])")


def fault_of(value: Any, above: Sequence[str]) -> str | None:
    """Return the reason class why what a list or an object holds may not leave when taken together.

    Args:
      value: The list or the object.
      above: Names of the fields that hold it, outermost first.
    """
    if numbers.is_strewn(list(_numbers(value))):
        return VECTOR
    named = next((name for name in reversed(above) if name), "")
    pieces = [] if _are_codes(named) else list(_texts(value))
    if isinstance(value, Mapping) and len(pieces) < _MANY_FIELDS:
        return None
    return ENCODED_TEXT if _are_cut(pieces) else None


def fault_of_words(text: str) -> str | None:
    """Return the reason class why a text of several words may not leave: numbers or encoded text strewn in it."""
    if len(text) < _MANY_LETTERS:
        return None
    words = [word for word in _BETWEEN.split(text) if word]
    if numbers.are_bits(words):
        return VECTOR
    if numbers.is_strewn(_read(_FRACTION, text)) or numbers.are_eight_bit(_read(_WHOLE, text)):
        return VECTOR
    return ENCODED_TEXT if len(words) > 1 and _are_cut(words) else None


def _read(pattern: re.Pattern[str], text: str) -> list[float]:
    return [one for found in pattern.findall(text) if (one := numbers.number(found)) is not None]


def merged(parts: Sequence[Any]) -> list[Any] | None:
    """Return the values of a list of objects whose names differ, as one object's; None for a table and all else."""
    if len(parts) < numbers.SHORT_ROW or not all(isinstance(part, Mapping) for part in parts):
        return None
    times = Counter(str(name) for part in parts for name in part)
    if not times or (max(times.values()) > len(parts) / 4 and max(map(len, parts)) > 1):
        return None
    return [each for part in parts for each in part.values()]


def _numbers(value: Any, depth: int = 0) -> Iterator[float]:
    """Yield the numbers within, but for long rows and such as run smoothly, which are judged by themselves."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _numbers(each, depth + 1)
    elif isinstance(value, list | tuple):
        row = [one for each in value if (one := numbers.number(each)) is not None]
        if len(row) < numbers.LONG_ROW and not (len(row) >= numbers.SHORT_ROW and numbers.is_smooth(row)):
            yield from row
        for each in value:
            if isinstance(each, Mapping | list | tuple):
                yield from _numbers(each, depth + 1)
    elif (one := numbers.number(value)) is not None:
        yield one


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the short texts within, but for those under names that say ids and codes of things."""
    if isinstance(value, str):
        if len(value) <= _LONGEST:
            yield value
    elif isinstance(value, Mapping) and depth <= _DEEPEST:
        for name, each in value.items():
            if not _are_codes(str(name)):
                yield from _texts(each, depth + 1)
    elif isinstance(value, list | tuple) and depth <= _DEEPEST:
        for each in value:
            yield from _texts(each, depth + 1)


def _are_codes(name: str) -> bool:
    return bool(words_in(name) & group("coded"))


def _are_cut(pieces: Sequence[str]) -> bool:
    """Say whether short texts are pieces of encoded text: most jump as no word does, and no two in the same way.

    Codes of things, as `TSH-RED-001`, jump alike.
    """
    kept = [piece for piece in pieces if _PIECE.fullmatch(piece) and len(piece) >= _SHORTEST]
    kept = [piece for piece in kept if not (_DATE.fullmatch(piece) or texts.UUID.fullmatch(piece))]
    jumping = [(piece, mask) for piece in kept if len(mask := _mask(piece)) >= 3]
    run = "".join(piece for piece, _ in jumping)
    # By chance a piece of hexadecimal has no letters: such pieces count neither for nor against.
    digits = sum(len(piece) for piece in pieces if piece.isdecimal())
    if (
        len(run) < _MANY_LETTERS / 2
        or len(run) + digits < _MANY_LETTERS
        or len(run) < 0.6 * (sum(map(len, pieces)) - digits)
    ):
        return False
    # Hexadecimal with many zeros jumps little: there each letter's place counts.
    ways = [tuple(map(texts.kind_of, piece)) if texts.is_hex(run) else mask for piece, mask in jumping]
    return Counter(ways).most_common(1)[0][1] <= 0.4 * len(jumping) and texts.is_encoded(run)


def _mask(piece: str) -> tuple[str, ...]:
    """Return how a piece jumps between capitals, small letters, digits and signs; a name jumps once, if at all."""
    return tuple(kind for kind, _ in groupby(map(texts.kind_of, piece)))
