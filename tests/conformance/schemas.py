"""Avro schemas of the ordinary tables, as a warehouse would infer them, and of payloads that only a schema shows."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from typing import Any

from tests.conformance.mutants import tables

Schema = dict[str, Any]


def inferred(value: Any, name: str = "Row") -> Any:
    """Return the Avro type that holds a value; of a list, its elements' types."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "long"
        case float():
            return "double"
        case dict():
            fields = [
                {"name": key, "type": inferred(each, f"{name}{at}")} for at, (key, each) in enumerate(value.items())
            ]
            return {"type": "record", "name": name, "fields": fields}
        case list():
            kinds: list[Any] = []
            for at, each in enumerate(value):
                kind = inferred(each, f"{name}x{at}")
                if not any(_like(kind, other) for other in kinds):
                    kinds.append(kind)
            return {"type": "array", "items": kinds[0] if len(kinds) == 1 else kinds}
        case _:
            return "string"


def _like(one: Any, other: Any) -> bool:
    """Say whether two types are alike but for the names of their records."""
    return repr(_unnamed(one)) == repr(_unnamed(other))


def _unnamed(kind: Any) -> Any:
    if isinstance(kind, dict):
        nameless = {key: _unnamed(each) for key, each in kind.items() if key != "name" or kind.get("type") != "record"}
        return nameless
    return [_unnamed(each) for each in kind] if isinstance(kind, list) else kind


def ordinary() -> Iterator[tuple[str, Schema]]:
    """Yield the schema of every row of the ordinary tables, with the table's name."""
    for name, rows in tables():
        for row in rows:
            yield name, inferred(row)


def _record(*fields: tuple[str, Any], name: str = "Visit") -> Schema:
    listed = [("zone", "string"), *fields]
    return {"type": "record", "name": name, "fields": [{"name": field, "type": kind} for field, kind in listed]}


def _array(items: Any) -> Schema:
    return {"type": "array", "items": items}


def _decimal(scale: int = 0) -> Schema:
    return {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": scale}


def _distinct(rng: random.Random, count: int) -> list[str]:
    names: set[str] = set()
    while len(names) < count:
        names.add("".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 7))))
    return sorted(names, key=lambda _: rng.random())


def _point(name: str) -> Schema:
    return {"type": "record", "name": name, "fields": [{"name": axis, "type": "float"} for axis in "ab"]}


PAYLOADS: dict[str, Callable[[random.Random], Any]] = {
    "record's name": lambda _: _record(("m", "string"), name="FaceEmbedding"),
    "full name": lambda _: _record(("m", "string"), name="com.example.GaitSignature"),
    "record's alias": lambda _: _record(("m", "string")) | {"aliases": ["IrisTemplate"]},
    "enum's name": lambda _: _record(("m", {"type": "enum", "name": "Gender", "symbols": ["A", "B"]})),
    "fixed's name": lambda _: _record(
        ("m", {"type": "fixed", "name": "Faceprint", "size": 16, "logicalType": "decimal", "precision": 9})
    ),
    "inner record's name": lambda _: _record(
        ("m", {"type": "record", "name": "ReidFeature", "fields": [{"name": "s", "type": "string"}]})
    ),
    "type of another file": lambda _: _record(("m", ["null", "com.example.VoiceEmbedding"])),
    "fields of many names": lambda rng: _record(*((name, "float") for name in _distinct(rng, 128))),
    "lettered fields": lambda _: _record(*((f"f_{a}{b}", "int") for a in "abcdefgh" for b in string.ascii_lowercase)),
    "flags": lambda rng: _record(*((name, ["null", "boolean"]) for name in _distinct(rng, 128))),
    "numbered fields": lambda _: _record(*((f"v{at}", "float") for at in range(64))),
    "numbered decimals": lambda _: _record(*((f"v{at}", _decimal(4)) for at in range(64))),
    "whole numbered decimals": lambda _: _record(*((f"v{at}", ["null", _decimal()]) for at in range(64))),
    "decimals of many names": lambda rng: _record(*((name, _decimal(4)) for name in _distinct(rng, 128))),
    "decimals": lambda _: _record(("m", _array(_decimal(4)))),
    "floats": lambda _: _record(("m", _array("float"))),
    "rows of floats": lambda _: _record(("m", _array(_array("double")))),
    "whole numbers": lambda _: _record(("m", _array("int"))),
    "texts": lambda _: _record(("blob", _array("string"))),
    "points": lambda _: _record(("m", _array(_point("P")))),
    "points or null": lambda _: _record(("m", ["null", _array(["null", _point("P")])])),
    "map of floats": lambda _: _record(("m", {"type": "map", "values": "float"})),
    "bytes": lambda _: _record(("m", "bytes")),
}
"""Schemas that have room for what may not leave, or say so, however harmless the names of their fields."""
