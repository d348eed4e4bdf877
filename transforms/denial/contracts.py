"""The deny pass over a schema, before any record is made by it: what it names, and what its types leave room for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from transforms.denial import numbers
from transforms.denial.reasons import RAW_BYTES, VECTOR, Finding
from transforms.denial.records import Above, is_calendar, is_series, name_fault, shown

_NUMERIC = frozenset(("int", "long", "float", "double"))
_FRACTIONS = frozenset(("float", "double"))
_KNOWN_BYTES = frozenset(("decimal", "big-decimal", "duration", "uuid"))

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
        return
    match kind.get("type"):
        case "record" | "error":
            yield from _fields(kind.get("fields", ()), above, path)
        case "array":
            if _scalar(kind["items"]) & _FRACTIONS and not is_series(above):
                yield Finding(path, VECTOR)
            else:
                yield from _within(kind["items"], (*above, ""), f"{path}[]")
        case "map":
            if _scalar(kind["values"]) & _FRACTIONS and not is_series(above):
                yield Finding(path, VECTOR)
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


def _fields(fields: Sequence[Mapping[str, Any]], above: Above, path: str) -> Iterator[Finding]:
    names = frozenset(str(field["name"]) for field in fields)
    groups: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for field in fields:
        name = str(field["name"])
        at = f"{path}.{shown(name)}" if path else shown(name)
        said = (name_fault(each, above, names) for each in (name, *map(str, field.get("aliases", ()))))
        if reason := next(filter(None, said), None):
            yield Finding(at, reason)
            continue
        if _scalar(field["type"]) & _NUMERIC and (numbered := re.search(r"\d+", name)):
            groups[re.sub(r"\d+", "#", name)].append((int(numbered.group()), 0.0))
        yield from _within(field["type"], (*above, name), at)
    for pattern, members in groups.items():
        if len(members) >= numbers.SHORT_ROW and not (is_series((*above, pattern)) or is_calendar(pattern, members)):
            yield Finding(f"{path}.{shown(pattern)}" if path else shown(pattern), VECTOR)


def _scalar(kind: Any) -> frozenset[str]:
    """Return the names of the primitive types that a type, its branches or its logical type are made of."""
    if isinstance(kind, list):
        return frozenset(name for branch in kind for name in _scalar(branch))
    if isinstance(kind, Mapping):
        return _scalar(kind["type"]) if isinstance(kind.get("type"), str | Mapping | list) else frozenset()
    return frozenset((str(kind),))
