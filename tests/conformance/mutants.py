"""A seeded generator of records that hold what must not leave, three kinds of them.

* `closed`: records of the job with something that their contract does not declare, for the closed world.
* `alone`: anyone's records, shown to the deny pass alone.
* `fitted`: records of the job whose payload is shaped to fit: text in name fields, digits beyond a step.

Each mutant knows where its payload is, so that a test can look for it in what is kept.
"""

from __future__ import annotations

import base64
import json
import math
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance import shapes, wording

HERE = Path(__file__).parent
KINDS = ("closed", "alone", "fitted")

Row = dict[str, Any]


@dataclass(frozen=True)
class Mutant:
    """A record with a payload.

    Attributes:
      kind: One of `KINDS`.
      made: How it was made, for whoever reads a failure.
      record: The record.
      family: Of our own records, the family.
      planted: Names of the fields that hold payload.
    """

    kind: str
    made: str
    record: Row
    family: str = ""
    planted: tuple[str, ...] = ()


def payloads() -> list[tuple[str, Row]]:
    """Return the records that peers emit, by name."""
    return [
        (path.stem, json.loads(path.read_text("utf-8"))["record"])
        for path in sorted((HERE / "payloads").glob("*.json"))
    ]


def tables() -> list[tuple[str, list[Row]]]:
    """Return ordinary metric tables of others, by name."""
    return [
        (f"{path.stem}.{table['name']}", table["rows"])
        for path in sorted((HERE / "tables").glob("*.json"))
        for table in json.loads(path.read_text("utf-8"))
    ]


def planted(rng: random.Random) -> tuple[str, Row]:
    """Return fields with a payload, of one recipe, and how they were made."""
    return rng.choice(_RECIPES)(rng)


def _by_name(rng: random.Random) -> tuple[str, Row]:
    """A telling name over a single harmless-looking value."""
    phrase = rng.choice(sorted(wording.TRAITS))
    name, style = wording.written(rng, phrase)
    return f"trait {style} {phrase}", {name: rng.choice(wording.TRAITS[phrase])}


def _identity(rng: random.Random) -> tuple[str, Row]:
    phrase = rng.choice(wording.IDENTITIES)
    name, style = wording.written(rng, phrase)
    value = rng.choice(
        (rng.randrange(10**6), str(uuid.UUID(int=rng.getrandbits(128), version=4)), f"p-{rng.randrange(10**6)}")
    )
    return f"identity {style} {phrase}", {name: value}


def _called(rng: random.Random) -> tuple[str, Row]:
    """A vector, or points, or a reference to them, under a telling name: short and long ones."""
    if rng.random() < 0.5:
        phrase, value = (
            rng.choice(wording.VECTORS),
            rng.choice(
                (shapes.embedding(rng, 6), shapes.embedding(rng), rng.randrange(10**9), f"store/{rng.randrange(999)}")
            ),
        )
    else:
        phrase, value = (
            rng.choice(wording.POINTS),
            rng.choice((shapes.layout(rng), [x for each in shapes.layout(rng, 5) for x in each], 4)),
        )
    name, style = wording.written(rng, phrase)
    return f"called {style} {phrase}", {name: value}


def _vector(rng: random.Random) -> tuple[str, Row]:
    form = rng.choice(sorted(shapes.VECTOR_FORMS))
    name = rng.choice(wording.HARMLESS + wording.SERIES)
    return f"vector {form} in {name}", {name: shapes.VECTOR_FORMS[form](rng, shapes.embedding(rng))}


def _points(rng: random.Random) -> tuple[str, Row]:
    form = rng.choice(sorted(shapes.POINT_FORMS))
    name = rng.choice(wording.HARMLESS)
    points = shapes.layout(rng)
    return f"points {form} {len(points)}x{len(points[0])} in {name}", {name: shapes.POINT_FORMS[form](rng, points)}


def _split(rng: random.Random) -> tuple[str, Row]:
    fields = shapes.split(rng, shapes.embedding(rng))
    return f"split {next(iter(fields))} {len(fields)}", fields


def _split_points(rng: random.Random) -> tuple[str, Row]:
    fields = shapes.split_points(rng, shapes.layout(rng))
    return f"split points {len(fields)}", fields


def _picture(rng: random.Random) -> tuple[str, Row]:
    content = shapes.picture(rng)
    value = rng.choice(
        (
            base64.b64encode(content).decode(),
            content.hex(),
            "data:image/jpeg;base64," + base64.b64encode(content).decode(),
        )
    )
    name = rng.choice(wording.HARMLESS) if rng.random() < 0.6 else wording.written(rng, rng.choice(wording.PICTURES))[0]
    return f"picture in {name}", {name: value}


def _hidden(rng: random.Random) -> tuple[str, Row]:
    """A digest of a payload, or the payload itself, as an id or a digest of a thing."""
    vector = shapes.embedding(rng)
    name = rng.choice(wording.THINGS)
    if rng.random() < 0.5:
        value = shapes.digest(rng, json.dumps(vector).encode())
    else:
        content = shapes.packed(rng, vector)[: rng.choice((32, 48, 64, 128))]
        value = rng.choice((content.hex(), base64.urlsafe_b64encode(content).decode().rstrip("=")))
    return f"hidden in {name}", {
        name: rng.choice(("{}", "evt_{}", "v1.{}", "urn:{}", "{}.json", "sha256:{}")).format(value)
    }


def _attribute(rng: random.Random) -> tuple[str, Row]:
    """A name that is itself a value, as attribute tables have it."""
    phrase = rng.choice(sorted(wording.TRAITS))
    name, style = wording.written(rng, phrase)
    key, value = rng.choice(
        (
            ("attribute", "value"),
            ("key", "value"),
            ("metric", "value"),
            ("property", "val"),
            ("feature", "score"),
            ("field", "value"),
        )
    )
    return f"attribute {style} {phrase}", {key: name, value: rng.choice(wording.TRAITS[phrase])}


def _as_name(rng: random.Random) -> tuple[str, Row]:
    """A payload that is a name."""
    content = shapes.packed(rng, shapes.embedding(rng, 64))
    name = rng.choice((base64.b64encode(content).decode(), content.hex(), shapes.digest(rng, content)))
    return "payload as a name", {"seen": {name: rng.randrange(9)}}


_RECIPES: tuple[Callable[[random.Random], tuple[str, Row]], ...] = (
    _by_name, _by_name, _by_name, _identity, _called, _called, _vector, _vector, _vector, _points, _points, _split,
    _split_points, _picture, _hidden, _hidden, _attribute, _as_name,
)  # fmt: skip


def alone(rng: random.Random, hosts: Sequence[Row]) -> Mutant:
    """Return one of anyone's records with a payload, at any depth, as an object or as JSON in text."""
    if rng.random() < 0.04:
        name, record = rng.choice(payloads_once())
        return Mutant("alone", f"peer {name}", record)
    made, fields = planted(rng)
    # In the row of a parcel or of a song, a track id is one of those: nobody could tell.
    told = [host for host in hosts if "track" not in made.lower() or not host.keys() & {"carrier", "artist"}]
    host = dict(rng.choice(told))
    match rng.randrange(5):
        case 0:
            where, record = "nested", host | {rng.choice(wording.HARMLESS): fields}
        case 1:
            where, record = "deep", host | {"ext": [{"part": {rng.choice(wording.HARMLESS): fields}}]}
        case 2:
            where, record = (
                "in text",
                host | {rng.choice(wording.HARMLESS): json.dumps(fields, ensure_ascii=rng.random() < 0.5)},
            )
        case 3:
            where, record = "by itself", fields
        case _:
            # An attribute's pair would lose its partner to a field of the same name.
            where, record = "beside", (host if not fields.keys() & host.keys() else {}) | fields
    return Mutant("alone", f"{made}, {where}", record)


def payloads_once() -> Sequence[tuple[str, Row]]:
    """Return `payloads`, read once."""
    if not _PAYLOADS:
        _PAYLOADS.extend(payloads())
    return _PAYLOADS


_PAYLOADS: list[tuple[str, Row]] = []


class Text(str):
    """Could carry anything beside its text."""


class Whole(int):
    """Could carry anything beside its number."""


def closed(rng: random.Random, family: str, record: Row, contract: Mapping[str, Any]) -> Mutant:
    """Return a record of the job with what its contract does not declare: more fields, or other kinds of values."""
    made, fields = planted(rng)
    names = [field["name"] for field in contract["fields"]]
    target = rng.choice(names)
    match rng.randrange(7):
        case 0 | 1:
            added = {name: value for name, value in fields.items() if name not in record}
            return Mutant("closed", f"{made}, more fields", record | added, family, tuple(added))
        case 2:
            return Mutant("closed", f"{made}, in place of {target}", record | {target: fields}, family, (target,))
        case 3:
            value = rng.choice(
                (
                    shapes.embedding(rng),
                    shapes.layout(rng),
                    shapes.picture(rng),
                    [record[target]],
                    (record[target],),
                    {"v": record[target]},
                )
            )
            return Mutant("closed", f"row or bytes in place of {target}", record | {target: value}, family, (target,))
        case 4:
            numeric = [name for name in names if type(record[name]) in (int, float)]
            target = rng.choice(numeric)
            value = rng.choice((str(record[target]), Whole(record[target]), True, complex(1, 2), rng.randbytes(8)))
            return Mutant("closed", f"another type in place of {target}", record | {target: value}, family, (target,))
        case 5:
            texts = [name for name in names if type(record[name]) is str]
            target = rng.choice(texts)
            value = rng.choice((Text(record[target]), record[target].encode(), [record[target]], 7))
            return Mutant("closed", f"another type in place of {target}", record | {target: value}, family, (target,))
        case _:
            # A declared name in another spelling is another name.
            other = rng.choice(
                (target.upper(), f" {target}", target + "\u200b", wording.STYLES["look_alike"](rng, [target + "a"]))
            )
            return Mutant(
                "closed", f"{other!r} beside {target}", record | {other: rng.getrandbits(40)}, family, (other,)
            )


def fitted(
    rng: random.Random, family: str, record: Row, contract: Mapping[str, Any], vocabulary: Mapping[str, frozenset[str]]
) -> Mutant:
    """Return a record of the job whose payload has the type of the fields it is in, one field or several."""
    fields = [field for field in contract["fields"] if _kind(field)[0] != "boolean"]
    count = 1 if rng.random() < 0.5 else rng.randint(2, min(8, len(fields)))
    changed: Row = {}
    for field in rng.sample(fields, count):
        value = _fit(rng, field, vocabulary)
        if value is not None:
            changed[field["name"]] = value
    if not changed:
        return fitted(rng, family, record, contract, vocabulary)
    return Mutant("fitted", f"in {', '.join(sorted(changed))}", record | changed, family, tuple(changed))


def _kind(field: Mapping[str, Any]) -> tuple[str, Any]:
    kind = field["type"][1] if isinstance(field["type"], list) else field["type"]
    return (kind["type"], kind) if isinstance(kind, dict) else (kind, kind)


def _fit(rng: random.Random, field: Mapping[str, Any], vocabulary: Mapping[str, frozenset[str]]) -> Any:
    """Return a payload of a field's own type that is not one of its legal values; None where all values are."""
    name, kind = _kind(field)
    if name == "enum":
        symbol = rng.choice(kind["symbols"])
        return rng.choice(
            (
                symbol.lower(),
                symbol + " ",
                symbol + "_",
                "HAPPY",
                "FEMALE",
                shapes.digest(rng, rng.randbytes(8))[:12].upper(),
            )
        )
    if name == "string":
        return _word(rng, vocabulary[field["vocabulary"]])
    low, high, step = field["min"], field["max"], field.get("step")
    if name == "double":
        digits = rng.randint(1, 10**9 - 1) | 1
        return rng.choice((
            _beyond(low, high, step, digits),
            _beyond(low, high, step, digits),
            -math.inf if rng.random() < 0.3 else math.nan,
            float(high) + digits / 1000,
            low - digits / 1e6,
            -0.0 if low == 0 else low - 1.0,
        ))  # fmt: skip
    limit = 2**31 - 1 if name == "int" else 2**63 - 1
    choices = [high + rng.randint(1, max(1, limit - high)), low - rng.randint(1, 10**6)]
    if step:
        choices += [(high // 2) // step * step + rng.randint(1, step - 1)] * 3
    return rng.choice(choices)


def _beyond(low: float, high: float, step: float, digits: int) -> float:
    """Return a number within bounds, whose digits beyond the step hold payload."""
    steps = digits % max(1, min(10**6, int((high - low) / step)))
    return float(low + steps * step + step * (0.05 + 0.9 * (digits % 997) / 997))


def _word(rng: random.Random, known: frozenset[str]) -> str:
    """Return a text that looks like a name, and is none of those that are known."""
    some = sorted(known)[0] if known else "door"
    content = shapes.packed(rng, shapes.embedding(rng, 64))
    word = rng.choice((
        base64.b32encode(content[:30]).decode().lower().rstrip("="),
        content[:6].hex(),
        f"{some}-{rng.randrange(10**6)}",
        f"{some} ",
        some + "\u200b",
        wording.STYLES["look_alike"](rng, [some + "o"]),
        some.upper() + "X",
        rng.choice(("male", "female", "age-34", "happy", "track-17", "jane", "unknown-face", "p-0042")),
        f"0.1.0+{content[:8].hex()}",
        shapes.digest(rng, content),
        json.dumps(shapes.embedding(rng, 8)),
        base64.b64encode(shapes.picture(rng)).decode(),
    ))  # fmt: skip
    return word if word not in known else word + "-2"


def generate(
    seed: int,
    each: int,
    hosts: Sequence[Row],
    own: Sequence[tuple[str, Row]],
    contracts: Mapping[str, Mapping[str, Any]],
    vocabulary: Mapping[str, frozenset[str]],
) -> Iterator[Mutant]:
    """Yield so many mutants of each kind.

    Args:
      seed: The same seed gives the same mutants.
      each: How many of each kind.
      hosts: Ordinary records of others.
      own: Records of the job, each with its family.
      contracts: The schemas of the families.
      vocabulary: The names that may stand in records of the job.
    """
    rng = random.Random(seed)
    for _ in range(each):
        family, record = rng.choice(own)
        yield closed(rng, family, record, contracts[family])
        yield alone(rng, hosts)
        family, record = rng.choice(own)
        yield fitted(rng, family, record, contracts[family], vocabulary)
