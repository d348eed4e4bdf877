"""What payloads look like: numbers as models give them, and every disguise that text, nesting and splitting offer."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import random
import string
import struct
from collections.abc import Callable, Sequence
from typing import Any

Vector = list[float]

DIMENSIONS = (64, 96, 128, 192, 256, 384, 512, 768)


def embedding(rng: random.Random, dim: int | None = None) -> Vector:
    """Return a vector as a model gives it: of unit length, or not; symmetric, or rectified."""
    dim = dim or rng.choice(DIMENSIONS)
    values = [rng.gauss(0, 1) for _ in range(dim)]
    if dim >= 16 and rng.random() < 0.15:
        values = [max(0.0, value) for value in values]
    if rng.random() < 0.7:
        length = math.hypot(*values)
        values = [value / length for value in values]
    return [round(value, rng.choice((4, 5, 6, 8, 17))) for value in values]


def layout(rng: random.Random, count: int | None = None, axes: int | None = None) -> list[Vector]:
    """Return points of a face or a body: the usual numbers of them, in pixels or in parts of the picture."""
    count = count or rng.choice((5, 17, 21, 33, 68, 106))
    axes = axes or rng.choice((2, 3) if count < 68 else (2,))
    pixels = rng.random() < 0.5
    width, height = rng.uniform(40, 200), rng.uniform(50, 260)
    left, top = rng.uniform(0, 1200), rng.uniform(0, 700)
    # Five points of a face, as eyes, nose and corners of the mouth stand; others around a body's or a face's middle.
    five = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
    places = five if count == 5 else [(rng.gauss(0.5, 0.22), rng.gauss(0.5, 0.25)) for _ in range(count)]
    points = []
    for across, down in places:
        x, y = left + width * (across + rng.gauss(0, 0.02)), top + height * (down + rng.gauss(0, 0.02))
        point = [round(x), round(y)] if pixels else [round(x / 1920, 6), round(y / 1080, 6)]
        points.append([*point, round(rng.uniform(0.4, 1), 4)][:axes] if axes > 2 else point)
    return points


def picture(rng: random.Random) -> bytes:
    """Return how a picture's file begins, and some of what follows."""
    magic = rng.choice(
        (
            b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
            b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
            b"RIFF\x24\x10\x00\x00WEBPVP8 ",
            b"GIF89a",
        )
    )
    return magic + rng.randbytes(rng.randint(40, 400))


def packed(rng: random.Random, values: Vector) -> bytes:
    """Return a vector's bytes: floats, half floats or bytes."""
    match rng.randrange(3):
        case 0:
            return struct.pack(f"<{len(values)}f", *values)
        case 1:
            return struct.pack(f"<{len(values)}e", *values)
        case _:
            return struct.pack(f"{len(values)}b", *quantised(rng, values, signed=True))


def quantised(rng: random.Random, values: Vector, *, signed: bool) -> list[int]:
    """Return a vector in whole numbers of eight bits."""
    scale = 127 / max(map(abs, values))
    found = [round(value * scale) for value in values]
    return found if signed else [value + 128 for value in found]


def digest(rng: random.Random, content: bytes) -> str:
    """Return a hash of something, in one of the usual alphabets."""
    kind = getattr(hashlib, rng.choice(("sha256", "sha1", "md5", "sha512", "blake2b")))
    made = kind(content).digest()
    return rng.choice(
        (
            made.hex(),
            made.hex().upper(),
            base64.b64encode(made).decode(),
            base64.urlsafe_b64encode(made).decode().rstrip("="),
        )
    )


def _reshaped(rng: random.Random, values: Vector) -> Any:
    width = rng.choice([size for size in (4, 8, 16, 32) if len(values) % size == 0])
    rows = [values[at : at + width] for at in range(0, len(values), width)]
    if len(rows) % 4 == 0 and rng.random() < 0.5:
        return [rows[at : at + 4] for at in range(0, len(rows), 4)]
    return rows


def _objects(rng: random.Random, values: Vector) -> list[dict[str, Any]]:
    index, value = rng.choice((("i", "v"), ("dim", "val"), ("k", "w"), ("n", "f")))
    return [{index: at, value: each} for at, each in enumerate(values)]


def _dict_of_dicts(rng: random.Random, values: Vector) -> dict[str, Any]:
    width = rng.choice((4, 8, 16))
    return {
        f"r{at // width}": {f"c{j}": value for j, value in enumerate(values[at : at + width])}
        for at in range(0, len(values), width)
    }


def _separated(rng: random.Random, values: Sequence[float]) -> str:
    text = rng.choice((",", ";", " ", "|", ", ", "\t", "\n", "; ", "_", "/")).join(f"{value:.6g}" for value in values)
    return rng.choice(("{}", "[{}]", "({})", "v={}")).format(text) if "_" not in text and "/" not in text else text


def _keyed(rng: random.Random, values: Sequence[float]) -> str:
    joint = rng.choice(("=", ":"))
    return rng.choice((";", ",", " ", "&")).join(f"e{at}{joint}{value:.5g}" for at, value in enumerate(values))


def _lettered(at: int, stem: str = "") -> str:
    """Return a name that is neither a word nor numbered."""
    letters = string.ascii_lowercase
    return f"{stem}{letters[at % 26]}{letters[at // 26 % 26]}{letters[at // 676]}"


def _between(rng: random.Random, values: Vector) -> list[Any]:
    fillers = [rng.choice(("a", "x", "n/a", None, "-"))] if rng.random() < 0.5 else []
    return [each for at, value in enumerate(values) for each in (fillers or [_lettered(at)]) + [value]]


def _short_rows(rng: random.Random, values: Vector) -> Any:
    """Return a vector in rows too short to tell by themselves, under names, or each with a text before it."""
    width = rng.randint(3, 9)
    rows = [values[at : at + width] for at in range(0, len(values), width)]
    match rng.randrange(3):
        case 0:
            return {_lettered(at, "k"): row for at, row in enumerate(rows)}
        case 1:
            return [["x", *row] for row in rows]
        case _:
            return [{"n": _lettered(at), "c": row} for at, row in enumerate(rows)]


def _own_objects(rng: random.Random, values: Vector) -> list[dict[str, float]]:
    return [{"".join(rng.choices("abcdefghij", k=5)): value} for value in values]


def _dressed(rng: random.Random, values: Vector) -> Any:
    form = rng.choice(("{:.4f}px", "v{:.4f}", "{:.5f} mm", "{:.4f}%"))
    texts = [form.format(value) for value in values]
    return texts if rng.random() < 0.5 else {_lettered(at): text for at, text in enumerate(texts)}


def _prose(rng: random.Random, values: Vector) -> str:
    form, joint = rng.choice((("p{} is {:.5f}", "; "), ("{} at {:.5f}", ", then "), ("{}: about {:.5f} or so", ". ")))
    return joint.join(form.format(_lettered(at), value) for at, value in enumerate(values))


def _whole_prose(rng: random.Random, values: Vector) -> str:
    return "; ".join(f"p{_lettered(at)} is {value}" for at, value in enumerate(quantised(rng, values, signed=True)))


def _encoded(rng: random.Random, values: Vector) -> str:
    content = packed(rng, values)
    return rng.choice((base64.b64encode(content).decode(), base64.urlsafe_b64encode(content).decode(), content.hex()))


def _pieces(rng: random.Random, values: Vector) -> Any:
    """Return encoded text in pieces that are too short to tell by themselves."""
    pieces = _chunks(rng, _encoded(rng, values), rng.choice((10, 12, 14, 15, 18)))
    match rng.randrange(4):
        case 0:
            return {_lettered(at): piece for at, piece in enumerate(pieces)}
        case 1:
            return rng.choice((" ", ", ", "; ", "|", "\n")).join(pieces)
        case 2:
            return [{"n": at, "t": piece} for at, piece in enumerate(pieces)]
        case _:
            return pieces


def _signs(rng: random.Random, values: Vector) -> Any:
    """Return only which values are positive, in two words, or in fields that are true and false."""
    positive = [value > 0 for value in values]
    no, yes = rng.choice((("no", "yes"), ("low", "high"), ("f", "t")))
    match rng.randrange(4):
        case 0:
            return " ".join((no, yes)[each] for each in positive)
        case 1:
            return [(no, yes)[each] for each in positive]
        case 2:
            return {_lettered(at): each for at, each in enumerate(positive)}
        case _:
            return {_lettered(at): int(each) for at, each in enumerate(positive)}


VECTOR_FORMS: dict[str, Callable[[random.Random, Vector], Any]] = {
    "floats": lambda _, v: v,
    "int8": lambda rng, v: quantised(rng, v, signed=True),
    "uint8": lambda rng, v: quantised(rng, v, signed=False),
    "int16": lambda _, v: [round(x * 8192) for x in v],
    "bits": lambda _, v: [int(x > 0) for x in v],
    "reshaped": _reshaped,
    "reshaped_ints": lambda rng, v: _reshaped(rng, [float(x) for x in quantised(rng, v, signed=True)]),
    "objects": _objects,
    "dict_of_dicts": _dict_of_dicts,
    "number_texts": lambda _, v: [f"{x:.6f}" for x in v],
    "json_text": lambda _, v: json.dumps(v),
    "json_text_object": lambda _, v: json.dumps({"d": v, "n": len(v)}),
    "json_text_twice": lambda _, v: json.dumps(json.dumps(v)),
    "csv_text": _separated,
    "csv_int_text": lambda rng, v: _separated(rng, quantised(rng, v, signed=True)),
    "keyed_text": _keyed,
    "base64": lambda rng, v: base64.b64encode(packed(rng, v)).decode(),
    "base64_url": lambda rng, v: base64.urlsafe_b64encode(packed(rng, v)).decode().rstrip("="),
    "base64_lines": lambda rng, v: base64.encodebytes(packed(rng, v)).decode(),
    "base32": lambda rng, v: base64.b32encode(packed(rng, v)).decode().rstrip("=").lower(),
    "base85": lambda rng, v: base64.b85encode(packed(rng, v)).decode(),
    "hex": lambda rng, v: packed(rng, v).hex(),
    "hex_upper": lambda rng, v: packed(rng, v).hex().upper(),
    "hex_spaced": lambda rng, v: packed(rng, v).hex(rng.choice((" ", ":", "-"))),
    "bit_text": lambda _, v: "".join(str(int(x > 0)) for x in v),
    "chunks": lambda rng, v: _chunks(rng, base64.b64encode(packed(rng, v)).decode(), 60),
    "data_uri": lambda rng, v: "data:application/octet-stream;base64," + base64.b64encode(packed(rng, v)).decode(),
    "between": _between,
    "short_rows": _short_rows,
    "own_objects": _own_objects,
    "dressed": _dressed,
    "prose": _prose,
    "whole_prose": _whole_prose,
    "hex_floats": lambda _, v: [value.hex() for value in v],
    "pieces": _pieces,
    "signs": _signs,
    "url": lambda rng, v: "https://example.com/r/" + base64.urlsafe_b64encode(packed(rng, v)).decode().rstrip("="),
}
"""Disguises of a vector that stand in one field."""


def _chunks(rng: random.Random, text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _columns(rng: random.Random, points: list[Vector]) -> dict[str, Vector]:
    form = rng.choice(("{}s", "{}", "p{}", "{}_list", "all_{}"))
    return {form.format(axis): list(column) for axis, column in zip("xyz", zip(*points, strict=True), strict=False)}


POINT_FORMS: dict[str, Callable[[random.Random, list[Vector]], Any]] = {
    "pairs": lambda _, p: p,
    "objects": lambda _, p: [dict(zip("xyz", each, strict=False)) for each in p],
    "capital_objects": lambda _, p: [
        {"Type": f"t{at}", **dict(zip("XYZ", each, strict=False))} for at, each in enumerate(p)
    ],
    "named": lambda _, p: {f"p{at}": each for at, each in enumerate(p)},
    "named_objects": lambda _, p: {f"q{at}": dict(zip("xyz", each, strict=False)) for at, each in enumerate(p)},
    "held": lambda rng, p: [{"name": f"t{at}", rng.choice(("p", "at", "pt")): each} for at, each in enumerate(p)],
    "held_objects": lambda _, p: [
        {"part": f"t{at}", "score": 0.9, "pos": dict(zip("xyz", each, strict=False))} for at, each in enumerate(p)
    ],
    "columns": _columns,
    "json_text": lambda _, p: json.dumps(p),
    "pair_text": lambda rng, p: rng.choice((";", " ", "|")).join(",".join(f"{x:g}" for x in each) for each in p),
    "wkt": lambda _, p: "MULTIPOINT (" + ", ".join(" ".join(f"{x:g}" for x in each) for each in p) + ")",
}
"""Disguises of a layout of points that stand in one field."""


def split(rng: random.Random, values: Vector) -> dict[str, Any]:
    """Return a vector cut to many fields: numbered ones, or ones with names of their own."""
    if rng.random() < 0.5:
        values = [float(x) for x in quantised(rng, values, signed=rng.random() < 0.6)]
    values = values[:256]
    whole = all(value == int(value) for value in values)
    values = [int(value) if whole else value for value in values]
    form = rng.choice(("v{}", "f_{:03d}", "e{}", "dim{}", "x-{}", "c{:02d}", "emb_free_{}q", "k{}_w", "n.{}", "own"))
    if form != "own":
        return {form.replace("emb_free", "part").format(at): value for at, value in enumerate(values)}
    names: dict[str, Any] = {}
    while len(names) < len(values):
        names["".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 7)))] = values[len(names)]
    return names


def split_points(rng: random.Random, points: list[Vector]) -> dict[str, Any]:
    """Return points cut to numbered fields, an axis each."""
    form = rng.choice(("{}{}", "{}_{}", "p_{}{}"))
    return {
        form.format(axis, at): value
        for at, point in enumerate(points)
        for axis, value in zip("xyz", point, strict=False)
    }
