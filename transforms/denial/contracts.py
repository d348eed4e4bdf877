"""The deny pass over a schema, before any record is made by it: what it names, and what its types leave room for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from transforms.denial import numbers
from transforms.denial.compounds import words_in
from transforms.denial.letters import plain, words_of
from transforms.denial.points import is_axis
from transforms.denial.reasons import ENCODED_TEXT, POINTS, RAW_BYTES, VECTOR, Finding
from transforms.denial.records import (
    RECORD,
    Above,
    beside_series,
    is_calendar,
    is_series,
    name_fault,
    shown,
    words_above,
)
from transforms.denial.words import group

_NUMERIC = frozenset(("int", "long", "float", "double"))
_FRACTIONS = frozenset(("float", "double"))
_WHOLE = _NUMERIC - _FRACTIONS
_CARRYING = _NUMERIC | {"boolean", "string"}
_PRIMITIVE = _CARRYING | {"null", "bytes"}
_MANY_BARE = 64
"""So many fields under bare names are a vector's parts: nobody reads a table of them."""
_DECIMALS = frozenset(("decimal", "big-decimal"))
_KNOWN_BYTES = _DECIMALS | {"duration", "uuid"}

NOT_FLAT = "not_flat"
UNBOUNDED = "unbounded"
NO_STEP = "no_step"
NO_VOCABULARY = "no_vocabulary"
STRUCTURE = (NOT_FLAT, UNBOUNDED, NO_STEP, NO_VOCABULARY)
"""Why a schema is no closed world: reason classes, stable."""


def contract_findings(schema: Any) -> list[Finding]:
    """Return what an Avro schema, as parsed JSON, would let out that may not leave."""
    return list(dict.fromkeys(_within(schema, (), "")))


def structure_findings(schema: Mapping[str, Any]) -> list[Finding]:
    """Return where a record schema leaves more room than the closed world allows.

    Its fields are scalars, enums or instants, null apart; numbers have bounds, fractions a step, text a vocabulary.
    """
    found = []
    for field in schema["fields"]:
        kind = field["type"]
        if isinstance(kind, list):
            branches = [branch for branch in kind if branch != "null"]
            kind = branches[0] if len(branches) == 1 else {"type": "union"}
        name = kind["type"] if isinstance(kind, Mapping) else kind
        path = shown(str(field["name"]))
        if name in ("int", "long", "double"):
            if not {"min", "max"} <= field.keys():
                found.append(Finding(path, UNBOUNDED))
            elif name == "double" and "step" not in field:
                found.append(Finding(path, NO_STEP))
        elif name == "string":
            if "vocabulary" not in field:
                found.append(Finding(path, NO_VOCABULARY))
        elif name not in ("boolean", "enum"):
            found.append(Finding(path, NOT_FLAT))
    return found


def _within(kind: Any, above: Above, path: str) -> Iterator[Finding]:
    if isinstance(kind, list):
        for branch in kind:
            yield from _within(branch, above, path)
        return
    if not isinstance(kind, Mapping):
        if kind == "bytes":
            yield Finding(path, RAW_BYTES)
        elif kind not in _PRIMITIVE:
            # A type that is defined elsewhere: its name is all there is of it.
            yield from _named(str(kind), (), path)
        return
    if "name" in kind:
        yield from _named(str(kind["name"]), kind.get("aliases", ()), path)
    match kind.get("type"):
        case "record" | "error":
            yield from _fields(kind.get("fields", ()), above, path)
        case "array":
            if reason := _row_fault(kind["items"], above):
                yield Finding(path, reason)
            else:
                yield from _within(kind["items"], (*above, ""), f"{path}[]")
        case "map":
            if reason := _row_fault(kind["values"], above):
                yield Finding(path, reason)
            else:
                yield from _within(kind["values"], (*above, ""), f"{path}.*")
        case "enum":
            for symbol in map(str, kind.get("symbols", ())):
                if reason := name_fault(symbol, above):
                    yield Finding(path, reason)
        case "bytes" | "fixed":
            if kind.get("logicalType") not in _KNOWN_BYTES:
                yield Finding(path, RAW_BYTES)
        case inner if isinstance(inner, Mapping | list):
            yield from _within(inner, above, path)


def _named(name: str, aliases: Sequence[Any], path: str) -> Iterator[Finding]:
    """Yield why a record, an enum or a fixed may not be called so; of a full name, its last part counts."""
    for each in (name, *map(str, aliases)):
        if reason := name_fault(each.rsplit(".", 1)[-1]):
            yield Finding(path or RECORD, reason)
            return


def _row_fault(items: Any, above: Above) -> str | None:
    """Return why a row of such items has room for what may not leave, unless its name says over what it runs."""
    if is_series(above) or words_above(above) & (group("areas") | group("whereabouts")):
        return None
    kinds, words = _scalar(items), words_in(next((name for name in reversed(above) if name), ""))
    if kinds & _FRACTIONS:
        return VECTOR
    # What a row of whole numbers or of texts is of, its name says; one that says nothing has room for anything.
    if (
        kinds & _WHOLE
        and "string" not in kinds
        and (not words or words <= group("says_nothing") or max(map(len, words)) <= 2)
    ):
        return VECTOR
    if "string" in kinds and words & group("says_bytes"):
        return ENCODED_TEXT
    axes = [field for field in _record_fields(items) if _scalar(field["type"]) & _NUMERIC]
    fine = all(_scalar(field["type"]) & _FRACTIONS and is_axis(str(field["name"])) for field in axes)
    return POINTS if 2 <= len(axes) <= 4 and fine else None


def _record_fields(kind: Any) -> Sequence[Mapping[str, Any]]:
    """Return the fields of a record type, or of the one record among a type's branches."""
    for branch in kind if isinstance(kind, list) else (kind,):
        if isinstance(branch, Mapping) and branch.get("type") == "record":
            return branch.get("fields", ())
    return ()


def _fields(fields: Sequence[Mapping[str, Any]], above: Above, path: str) -> Iterator[Finding]:
    names = frozenset(str(field["name"]) for field in fields)
    groups: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    before = beside_series(names)
    bare = 0
    for field in fields:
        name = str(field["name"])
        at = f"{path}.{shown(name)}" if path else shown(name)
        said = (name_fault(each, above, names) for each in (name, *map(str, field.get("aliases", ()))))
        if reason := next(filter(None, said), None):
            yield Finding(at, reason)
            continue
        kinds = _scalar(field["type"])
        if kinds & _NUMERIC and (numbered := re.search(r"\d+", name)):
            groups[re.sub(r"\d+", "#", name)].append((int(numbered.group()), 0.0))
        elif kinds & _CARRYING and _is_bare(name):
            bare += 1
        yield from _within(field["type"], (*above, *before, name), at)
    for pattern, members in groups.items():
        if len(members) >= numbers.SHORT_ROW and not (is_series((*above, pattern)) or is_calendar(pattern, members)):
            yield Finding(f"{path}.{shown(pattern)}" if path else shown(pattern), VECTOR)
    if bare >= _MANY_BARE:
        yield Finding(path or RECORD, VECTOR)


def _is_bare(name: str) -> bool:
    """Say whether a name is one short word, or of parts that are none: `qab`, `f_ab`."""
    words = words_of(plain(name))
    return len("".join(words)) <= 7 and (len(words) <= 1 or max(map(len, words)) <= 3)


def _scalar(kind: Any) -> frozenset[str]:
    """Return the names of the primitive types that a type, its branches or its logical type are made of.

    A decimal counts as what it stands for, not as the bytes that it is written in.
    """
    if isinstance(kind, list):
        return frozenset(name for branch in kind for name in _scalar(branch))
    if isinstance(kind, Mapping):
        if kind.get("type") in ("bytes", "fixed") and (logical := kind.get("logicalType")) in _DECIMALS:
            return frozenset(("long" if logical == "decimal" and not kind.get("scale") else "double",))
        return _scalar(kind["type"]) if isinstance(kind.get("type"), str | Mapping | list) else frozenset()
    return frozenset((str(kind),))
