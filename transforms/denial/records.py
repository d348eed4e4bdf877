"""The deny pass over a record, of any shape: by the names of its fields, then by the shape of what they hold.

A record is what JSON or Avro can say: dicts and lists to any depth, numbers, text, bytes, instants, null. Judged on
its own, without a schema; what is denied is told by path and reason, never by value.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from transforms.denial import numbers, pieces, points, texts
from transforms.denial.compounds import words_in
from transforms.denial.letters import plain, words_of
from transforms.denial.names import family_of, says_person
from transforms.denial.reasons import (
    ENCODED_TEXT,
    IMAGE_BYTES,
    PERSISTENT_ID,
    POINTS,
    RAW_BYTES,
    TOO_DEEP,
    UNKNOWN_TYPE,
    VALUES,
    VECTOR,
    Finding,
)
from transforms.denial.words import group

RECORD = "(record)"
"""Path of a record as a whole."""
DEEPEST = 40
"""Levels of a record that are looked into: deeper ones are denied unseen."""

_CALENDAR = {"h": 24, "d": 31, "m": 60, "w": 53, "q": 96, "p": 100, "t": 24}
"""Single letters before a number, and how many of them there may be: `h0` to `h23`."""
_SERIES = " series"
"""Stands in a path for what neighbours say: that a row runs over time."""
_MOST_DIGITS = 28
"""Of a decimal: as many as Python's own arithmetic keeps, and more than a measurement has."""
_FEW_KINDS = 4
"""Of texts that stand between numbers, and say nothing of each."""
_PLAIN_NAME = re.compile(r"[\w .$/#-]{1,48}")

Above = tuple[str, ...]


def findings(record: Any) -> list[Finding]:
    """Return all that may not leave in a record; none for a harmless one.

    >>> findings({"zone": "hall", "people": 3, "extra": {"faceVec": [0.1, -0.2]}})
    [Finding(path='extra.faceVec', reason='name_of_face')]
    """
    return list(dict.fromkeys(_within(record, (), "")))


def _within(value: Any, above: Above, path: str) -> Iterator[Finding]:
    """Yield what is denied within a value that its names do not deny."""
    if len(above) > DEEPEST:
        yield Finding(path, TOO_DEEP)
    elif isinstance(value, Mapping):
        yield from _whole(_mapping(value, above, path), value, above, path)
    elif isinstance(value, list | tuple | set | frozenset):
        yield from _whole(_list(list(value), above, path), value, above, path)
    elif isinstance(value, str):
        yield from _text(value, above, path)
    elif isinstance(value, bytes | bytearray | memoryview):
        if content := bytes(value):
            yield Finding(path, IMAGE_BYTES if texts.begins_as_picture(content) else RAW_BYTES)
    elif isinstance(value, UUID):
        yield from _text(str(value), above, path)
    elif isinstance(value, int | Decimal):
        if _is_long(value):
            yield Finding(path, ENCODED_TEXT)
    elif value is not None and not isinstance(value, float | datetime | date | time | timedelta):
        yield Finding(path, UNKNOWN_TYPE)


def _is_long(value: int | Decimal) -> bool:
    """Say whether a number has room for encoded bytes."""
    if isinstance(value, Decimal):
        return len("".join(map(str, value.as_tuple().digits)).rstrip("0")) > _MOST_DIGITS
    return abs(value) >= 1 << 80


def _whole(found: Iterator[Finding], value: Any, above: Above, path: str) -> Iterator[Finding]:
    """Yield what is denied within a list or an object, and else what its parts are together."""
    shapes = False
    for each in found:
        shapes = shapes or each.reason in VALUES
        yield each
    if not shapes and (reason := pieces.fault_of(value, above)):
        yield Finding(path or RECORD, reason)


def _mapping(record: Mapping[Any, Any], above: Above, path: str) -> Iterator[Finding]:
    names = [str(name) for name in record]
    beside, said_above = frozenset(names), _named(above)
    denied = set()
    for name in names:
        at = f"{path}.{shown(name)}" if path else shown(name)
        if reason := name_fault(name, said_above, beside):
            denied.add(name)
            yield Finding(at, reason)
    if (of_person := _id_of_a_person(record)) and of_person not in denied:
        denied.add(of_person)
        yield Finding(f"{path}.{shown(of_person)}" if path else shown(of_person), "name_of_identity")
    if said := _said_by_value(record, said_above):
        yield Finding(path or RECORD, said)
        return
    rest = {name: record[key] for key, name in zip(record, names, strict=True) if name not in denied}
    if shapes := list(_together(rest, above, path)):
        # Told once, of all of them together.
        yield from shapes
        rest = {name: value for name, value in rest.items() if numbers.number(value) is None and not _is_points(value)}
    for name, value in rest.items():
        at = f"{path}.{shown(name)}" if path else shown(name)
        before = beside_series(names) if isinstance(value, list | tuple) else ()
        yield from _within(value, (*above, *before, name), at)


def name_fault(name: str, above: Above = (), beside: frozenset[str] = frozenset()) -> str | None:
    """Return the reason class why a field of that name may not leave: by what it says, or by what it holds itself."""
    if family := family_of(name, above, beside):
        return f"name_of_{family}"
    if fault := texts.fault_of(name):
        return fault
    if texts.UUID.fullmatch(name) and says_person(above):
        return PERSISTENT_ID
    return VECTOR if len(texts.numbers_in(name)) >= numbers.SHORT_ROW else None


@lru_cache(maxsize=16_384)
def shown(name: str) -> str:
    """Return a name as a path tells it: without what is hidden in it, `?` for one that may itself be a value."""
    said = name if _PLAIN_NAME.fullmatch(name) else plain(name)
    harmless = _PLAIN_NAME.fullmatch(said) and texts.fault_of(said) is None and not texts.UUID.fullmatch(said)
    return said if harmless else "?"


def _said_by_value(record: Mapping[Any, Any], above: Above) -> str | None:
    """Return why a pair of name and value may not leave whose name is itself a value: `{"key": "age", "value": 31}`."""
    texts_ = {str(name): value for name, value in record.items() if isinstance(value, str) and len(value) <= 64}
    if not texts_:
        return None
    kinds = {name: words_in(str(name)) for name in map(str, record)}
    values = [name for name, words in kinds.items() if words & group("values") and name not in texts_]
    for name, value in texts_.items():
        named = kinds[name] & group("naming") and (
            values or any(kinds[other] & group("values") for other in texts_ if other != name)
        )
        typed = (
            kinds[name] & group("typing")
            and len(kinds) <= 6
            and any(kinds[other] & group("values") for other in values)
        )
        if (named or typed) and (family := family_of(value, above)):
            return f"name_of_{family}"
    return None


def _id_of_a_person(record: Mapping[Any, Any]) -> str | None:
    """Return the field that is an id of somebody seen, as the record says of itself: `{"id": 7, "type": "person"}`."""
    kinds = {str(name): words_in(str(name)) for name in record}
    said = any(
        isinstance(value, str) and len(value) <= 32 and kinds[str(name)] & group("typing") and _is_person(value)
        for name, value in record.items()
    )
    if not said or any(words & group("counted") for words in kinds.values()):
        return None
    seen = any(words & group("seen") for words in kinds.values())
    for name, words in kinds.items():
        # Its own id; one of a camera or a zone has another word in it.
        if words & group("ids") and (words & group("seen_thing") or (seen and words <= group("ids"))):
            return name
    return None


def _is_person(text: str) -> bool:
    """Say whether a text is nothing but a word for a person, or for part of one."""
    written = words_of(plain(text))
    return 0 < len(written) <= 2 and all(word in group("person") for word in written)


def _together(record: Mapping[str, Any], above: Above, path: str) -> Iterator[Finding]:
    """Yield what fields are together: a vector cut to numbered fields, or to many; points under names."""
    groups: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    scalars = []
    for name, value in record.items():
        found = numbers.number(value) if not isinstance(value, str) or "." in value else None
        if found is None:
            continue
        scalars.append(found)
        if numbered := re.search(r"\d+", name):
            groups[re.sub(r"\d+", "#", name)].append((int(numbered.group()), found))
    for pattern, members in groups.items():
        row = [value for _, value in sorted(members, key=lambda member: member[0])]
        if numbers.is_vector(row, series=is_series((*above, pattern)) or is_calendar(pattern, members)):
            yield Finding(f"{path}.{shown(pattern)}" if path else shown(pattern), VECTOR)
    if _are_split_points(groups):
        yield Finding(path or RECORD, POINTS)
    bits = [value for value in record.values() if isinstance(value, bool) or value in (0, 1)]
    if numbers.is_spread(scalars) or numbers.is_spread(_leaves(record)) or numbers.are_bits(bits):
        yield Finding(path or RECORD, VECTOR)
    held = [value for value in record.values() if isinstance(value, Mapping | list | tuple)]
    rows = points.rows_of(held) if len(held) >= points.MANY_POINTS else None
    if (
        points.are_held_points(held, _named(above))
        if rows is None
        else points.are_points(rows, series=is_series(above), area=False)
    ) or points.are_in_columns(record, _named(above)):
        yield Finding(path or RECORD, POINTS)


def _are_split_points(groups: Mapping[str, Sequence[tuple[int, float]]]) -> bool:
    """Say whether numbered fields are points cut to their axes: `x0`, `y0`, `x1` and so on."""
    stems = {
        pattern.replace("#", "").strip("_-. ").lower().rsplit("_", 1)[-1]: {at for at, _ in members}
        for pattern, members in groups.items()
    }
    return len(stems.get("x", ())) >= points.MANY_POINTS and stems["x"] == stems.get("y")


def _is_points(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) and points.rows_of([value]) is not None


def _leaves(value: Any, depth: int = 0) -> list[float]:
    """Return the numbers in nested objects, in order; rows of their own are judged as such."""
    if isinstance(value, Mapping):
        if depth > DEEPEST:
            return []
        return [leaf for each in value.values() for leaf in _leaves(each, depth + 1)]
    found = numbers.number(value) if not isinstance(value, str) or "." in value else None
    return [] if found is None else [found]


def _flat(value: Any, depth: int = 0) -> list[float] | None:
    """Return the numbers in nested lists, in order; None where something else is in them."""
    if isinstance(value, list | tuple):
        found: list[float] = []
        for each in value:
            inner = _flat(each, depth + 1) if depth < DEEPEST else None
            if inner is None:
                return None
            found += inner
        return found
    if value is None or isinstance(value, bool):
        return [] if value is None else [float(value)]
    one = numbers.number(value)
    return None if one is None else [one]


def _list(values: Sequence[Any], above: Above, path: str) -> Iterator[Finding]:
    series = is_series(above)
    rows = points.rows_of(values)
    named = is_series(_named(above))
    if rows is not None and points.are_points(rows, series=named, area=bool(words_above(above) & group("areas"))):
        yield Finding(path, POINTS)
        return
    flat = None if rows is not None and points.run_on(rows) else _flat(values)
    if flat is not None:
        width = len(flat) // len(values) if values else 0
        if numbers.is_vector(flat, series=series, width=width if width > 1 else 0):
            yield Finding(path, VECTOR)
        return
    if points.are_held_points(values, _named(above)):
        yield Finding(path, POINTS)
        return
    if _is_mixed_vector(values, series=series):
        yield Finding(path, VECTOR)
        return
    if columns := _columns(values):
        for name, column in columns.items():
            if numbers.is_vector(column, series=True):
                yield Finding(f"{path}[].{shown(name)}", VECTOR)
                return
    for value in values:
        # What is found in many elements is one finding; a list of lists is no deeper in meaning.
        yield from _within(value, (*above, ""), f"{path}[]")


def _is_mixed_vector(values: Sequence[Any], *, series: bool) -> bool:
    """Say whether a list holds a vector among other things: between texts, or under a name for each number."""
    if (under := pieces.merged(values)) is not None:
        row = [one for each in under if (one := numbers.number(each)) is not None]
        return numbers.is_spread(row) or numbers.are_bits([each for each in under if isinstance(each, bool)])
    scalars = [value for value in values if not isinstance(value, Mapping | list | tuple)]
    row = [one for value in scalars if (one := numbers.number(value)) is not None]
    if not row:
        return numbers.are_bits([value for value in scalars if value is not None])
    between = {str(value) for value in scalars if numbers.number(value) is None}
    return numbers.is_vector(row, series=series) if len(between) <= _FEW_KINDS else numbers.is_spread(row)


def _columns(values: Sequence[Any]) -> dict[str, list[float]]:
    """Return the numbers under each name, or at each place, of a list's elements, where there are many."""
    columns: defaultdict[str, list[float]] = defaultdict(list)
    for value in values:
        cells = (
            value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
        )
        for name, cell in cells:
            if (found := numbers.number(cell)) is not None:
                columns[str(name)].append(found)
    return {name: column for name, column in columns.items() if len(column) >= 2 * numbers.SHORT_ROW}


def _text(text: str, above: Above, path: str) -> Iterator[Finding]:
    if (inner := texts.json_in(text)) is not None:
        yield from _within(inner, (*above, ""), f"{path}(text)")
        return
    series = is_series(above)
    rows = texts.points_in(text)
    if rows is not None and points.are_points(rows, series=series, area=bool(words_above(above) & group("areas"))):
        yield Finding(path, POINTS)
    elif row := texts.numbers_in(text):
        if numbers.is_vector(row, series=series):
            yield Finding(path, VECTOR)
    elif fault := texts.fault_of(text) or pieces.fault_of_words(text):
        yield Finding(path, fault)
    elif says_person(above[-3:]) and _is_reference(text):
        yield Finding(path, PERSISTENT_ID)


def _is_reference(text: str) -> bool:
    """Say whether a text can only be an id: letters and digits mixed, of some length."""
    if texts.UUID.fullmatch(text):
        return True
    run = re.sub(r"[-_:.]", "", text)
    return (
        8 <= len(run) <= 64
        and run.isascii()
        and run.isalnum()
        and sum(letter.isdigit() for letter in run) >= 3
        and sum(letter.isalpha() for letter in run) >= 2
        and not re.match(r"\d{4}-\d\d-\d\d", text)
    )


@lru_cache(maxsize=4_096)
def words_above(above: Above) -> frozenset[str]:
    """Return the words of a field's name and of those just above it."""
    return frozenset(word for name in above[-3:] for word in words_in(name))


def _named(above: Above) -> Above:
    """Return the names above, without what their neighbours say."""
    return tuple(name for name in above if name != _SERIES)


def is_series(above: Above) -> bool:
    """Say whether a field's name, or those just above it, tell over what its numbers run."""
    return bool(words_above(above) & group("series"))


def is_calendar(pattern: str, members: Sequence[tuple[int, float]]) -> bool:
    """Say whether numbered fields are named as hours, days and the like are: `h0` to `h23`."""
    letter = pattern.replace("#", "").strip("_- ").lower()
    return len(members) <= _CALENDAR.get(letter, 0) and len({number for number, _ in members}) == len(members)


def beside_series(names: Iterable[str]) -> tuple[str, ...]:
    """Return a name that says series, where the neighbours of a row say that it runs over time, or is a chart's."""
    said = group("over_time") | group("charts")
    return (_SERIES,) if any(words_in(name) & said for name in names) else ()
