"""Denial by the shape of text: pictures and numbers in disguise, digests, and what looks random.

A text is judged whole and in its parts. Words of a language, names, instants, addresses and plain ids pass.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

from transforms.denial.letters import plain
from transforms.denial.numbers import number
from transforms.denial.reasons import DIGEST, ENCODED_TEXT, IMAGE_BYTES, LONG_NUMBER
from transforms.denial.words import group

LONGEST_JSON = 5_000_000
UUID = re.compile(r"(?i)\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?")

_MAGIC = (
    b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM6", b"II*\x00", b"MM\x00*", b"\x00\x00\x00\x0cjP", b"\xff\x4f\xff\x51",
    b"\x00\x00\x01\x00",
    b"\x00\x00\x00\x01\x67", b"\x00\x00\x00\x01\x40", b"\x1aE\xdf\xa3", b"P5\n", b"P6\n", b"qoif", b"\xff\x0a",
)  # fmt: skip
"""How pictures and video begin: JPEG, PNG, GIF, BMP, TIFF, JPEG 2000, ICO, H.264, H.265, Matroska, PNM, QOI, JXL."""
_CONTAINERS = (
    b"\x93NUMPY", b"\x1f\x8b\x08", b"PK\x03\x04", b"\x80\x03", b"\x80\x04\x95", b"\x80\x05\x95", b"\x28\xb5\x2f\xfd",
    b"BZh", b"\xfd7zXZ", b"\x89HDF", b"Obj\x01", b"PAR1",
)  # fmt: skip

_DIGESTS = (32, 40, 56, 64, 96, 128)
"""Hexadecimal digits of the usual digests."""
_HEX = re.compile(r"(?i)(?:0x)?[0-9a-f]+")
_PADDED = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{14,}={1,2}(?![A-Za-z0-9=])")
"""Base64 as its padding gives it away."""
_BASE64_DIGESTS = (22, 27, 43, 86)
"""Letters of the usual digests in base64, without padding."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_URL = re.compile(r"(?i)[a-z][a-z0-9+.-]*://\S+|www\.\S+")
_REPEATED = re.compile(r"(.)\1+")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
_CUT = re.compile(r"[\s,;|/\\?&=:#.()\[\]{}\"'<>_@*+~-]+")
_RUN = re.compile(r"[^\s,;|?&:#()\[\]{}\"'<>@*~]+")


def json_in(text: str) -> Any:
    """Return the list or object that a text is as JSON, also when it is quoted once more; None where it is none."""
    stripped = text.strip()
    if not stripped or stripped[0] not in '[{"' or len(stripped) > LONGEST_JSON:
        return None
    try:
        found = json.loads(stripped, object_pairs_hook=every_pair)
        if isinstance(found, str):
            return json_in(found)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list | dict) else None


def every_pair(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; of a name that stands in it twice, all values, for any could be what is read."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name] = [found[name], value] if name in found else value
    return found


@lru_cache(maxsize=8_192)
def fault_of(text: str) -> str | None:
    """Return the reason class why a text may not leave, whatever its name; None where it may.

    JSON is not looked into here, and rows of numbers are only found: `numbers_in` returns them.
    """
    if len(text) < 16:
        return None
    if text.lstrip()[:5].lower() == "data:":
        return IMAGE_BYTES if "image" in text[:32].lower() or "video" in text[:32].lower() else ENCODED_TEXT
    if any(category in text for category in "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x1b\ufffd"):
        return ENCODED_TEXT
    if _INSTANT.fullmatch(text) or json_in(text) is not None or numbers_in(text):
        return None
    bare = "".join(text.split())
    if (fault := _bytes_fault(bare)) is not None:
        return fault
    if _URL.fullmatch(text):
        # The parts of an address are cut finer: `-` and `_` join words there.
        parts = (*re.split(r"[/?&=#]+", text), *_CUT.split(text))
        return next((fault for part in parts if (fault := _run_fault(part)) is not None), None)
    if any(len(found) % 4 == 0 for found in _PADDED.findall(text)):
        return ENCODED_TEXT
    for run in _runs(text):
        if (fault := _run_fault(run)) is not None:
            return fault
    return _symbols_fault(text)


def _runs(text: str) -> Iterator[str]:
    """Yield a text's runs, and the parts of those; also the whole text without separators, for what is cut by them."""
    for run in _RUN.findall(text):
        yield run
        yield from _CUT.split(run)
    lines = text.split()
    if len(lines) > 1 and min(map(len, lines[:-1])) >= 40:
        yield "".join(lines)
    bare = re.sub(r"[\s:,;|-]+", "", text)
    if _HEX.fullmatch(bare) and text.count("-") != 4:
        yield bare


def _bytes_fault(run: str) -> str | None:
    """Return why text that is base64 or hexadecimal of something known may not leave."""
    for content in _decoded(run):
        if begins_as_picture(content):
            return IMAGE_BYTES
        if content.startswith(_CONTAINERS):
            return ENCODED_TEXT
    return None


def begins_as_picture(content: bytes) -> bool:
    """Say whether bytes begin as those of a picture or a video."""
    return (
        content.startswith(_MAGIC)
        or content[4:8] == b"ftyp"
        or (content[:4] == b"RIFF" and content[8:12] in (b"WEBP", b"AVI "))
    )


def _decoded(run: str) -> Iterator[bytes]:
    head = run[:64]
    if _HEX.fullmatch(head) and len(head) >= 16:
        digits = head.removeprefix("0x").removeprefix("0X")
        yield bytes.fromhex(digits[: len(digits) // 2 * 2])
    if _BASE64.fullmatch(head) and len(head) >= 16:
        letters = head.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            yield base64.b64decode(letters[: len(letters) // 4 * 4])
        except binascii.Error:
            return


def _run_fault(run: str) -> str | None:
    """Return why a text without spaces may not leave: what it is in disguise, or that it looks random."""
    if len(run) < 16:
        return None
    if match := UUID.fullmatch(run):
        return None if _is_made(match) else DIGEST
    digits = run.removeprefix("0x")
    if digits.isdecimal():
        return LONG_NUMBER if len(digits) >= 24 else None
    if _HEX.fullmatch(run) and (
        len(digits) >= 48 or len(digits) in _DIGESTS or (len(digits) >= 20 and _alternates(digits, 0.25))
    ):
        return DIGEST if len(digits) in _DIGESTS else ENCODED_TEXT
    if len(run) < 20:
        return None
    if (fault := _bytes_fault(run)) is not None:
        return fault
    # What is sparse, as zeros in base64 are, jumps less: repeated letters count once.
    return ENCODED_TEXT if _looks_random(run) or _looks_random(_REPEATED.sub(r"\1", run)) or _is_dense(run) else None


def _is_dense(run: str) -> bool:
    """Say whether a text is too long to be one name, and of more than one kind of letter."""
    kinds = {kind_of(letter) for letter in run}
    mixed = "digit" in kinds and len(kinds - {"sign"}) >= 2
    return (
        len(run) >= 72
        and mixed
        and _BASE64.fullmatch(run) is not None
        and len(re.findall("[-_/]", run)) <= len(run) / 12
    )


def _is_made(match: re.Match[str]) -> bool:
    """Say whether a UUID was made as one: its version and variant are those of the standard (RFC 9562)."""
    return match[3][0] in "12345678" and match[4][0] in "89abAB"


def _looks_random(run: str) -> bool:
    """Say whether a text jumps between capitals, small letters, digits and signs as no name does."""
    if len(run) < 20:
        return False
    kinds = [kind_of(letter) for letter in run]
    present = set(kinds)
    changes = sum(one != other for one, other in pairwise(kinds)) / (len(run) - 1)
    common = _common(run)
    if {"upper", "lower"} <= present:
        # Zeros in base64; what jumps at every other letter; what jumps less, and is no language either.
        return (
            (len(run) in _BASE64_DIGESTS and "digit" in present and changes >= 0.38)
            or "AAAA" in run
            or changes >= 0.55
            or (changes >= 0.3 and common < 0.47)
            or (len(run) >= 40 and common < 0.4)
        )
    if present & {"upper", "lower"} and "digit" in present:
        # One case and digits: base32 and the like.
        digits = kinds.count("digit") / len(run)
        return len(run) >= 24 and digits >= 0.06 and changes >= 0.15 and common < 0.42 and len(set(run)) >= 12
    # One case alone.
    return len(run) >= 32 and run.isascii() and run.isalpha() and common < 0.42


def _common(run: str) -> float:
    """Return which share of the pairs of letters is common in text; 1 where there are hardly any."""
    pairs = [one + other for one, other in pairwise(plain(run).lower()) if one.isalpha() and other.isalpha()]
    return (
        sum(pair in group("common_pairs") or not pair.isascii() for pair in pairs) / len(pairs)
        if len(pairs) >= 5
        else 1.0
    )


def is_encoded(run: str) -> bool:
    """Say whether a long text without spaces can only be hexadecimal, base64 or the like, by how it jumps."""
    return _alternates(run, 0.1) if is_hex(run) else _looks_random(run)


def is_hex(run: str) -> bool:
    """Say whether a text is hexadecimal digits alone."""
    return _HEX.fullmatch(run) is not None


def kind_of(letter: str) -> str:
    """Return of which kind a letter is: digit, upper, lower or sign."""
    if letter.isdecimal():
        return "digit"
    if letter.isalpha():
        return "upper" if letter.isupper() else "lower"
    return "sign"


def _alternates(run: str, least: float) -> bool:
    """Say whether digits and letters take turns, as in hexadecimal of anything."""
    return sum(one.isdigit() != other.isdigit() for one, other in pairwise(run)) >= least * (len(run) - 1)


def _symbols_fault(text: str) -> str | None:
    """Find base85, uuencoding and the like: long, without spaces, and full of signs among letters and digits."""
    for run in text.split():
        if len(run) < 24 or _URL.fullmatch(run):
            continue
        ascii_signs = sum(
            33 <= ord(letter) < 127 and not letter.isalnum() and letter not in "-_./:,;" for letter in run
        )
        if ascii_signs >= max(4, 0.1 * len(run)) and len(set(run)) >= 16:
            return ENCODED_TEXT
        # Braille, CJK signs and the like, one a byte or two: text in such scripts has spaces or stops, or is short.
        far = sum(ord(letter) > 0x2000 for letter in run)
        if far >= 64 and far >= 0.9 * len(run) and len({ord(letter) >> 8 for letter in run}) <= 2:
            return ENCODED_TEXT
    return None


_BETWEEN = (re.compile(r"[\s,;|&\[\](){}]+"), re.compile(r"[_/:#~^&*]+"))
_GROUPS = (
    (re.compile(r"[;|\n]+"), re.compile(r"[\s,]+")),
    (re.compile(r"\s+"), re.compile(r",")),
    (re.compile(r",\s*"), re.compile(r"\s+")),
)


@lru_cache(maxsize=2_048)
def numbers_in(text: str) -> tuple[float, ...]:
    """Return the numbers that a text is a row of, however they are set apart; none where it is something else."""
    if len(text) < 16 or _INSTANT.fullmatch(text):
        return ()
    for between in _BETWEEN:
        parts = [part for part in between.split(text) if part]
        found = [value for part in parts if (value := _value(part)) is not None]
        if len(found) >= 8 and len(found) >= 0.8 * len(parts):
            return tuple(found)
    return ()


def points_in(text: str) -> list[list[float]] | None:
    """Return the points that a text is a row of: two to four numbers each, set apart otherwise than their parts."""
    if not 16 <= len(text) <= 100_000:
        return None
    bare = re.sub(r"(?i)^[a-z ]*\(+|[()\[\]]+", " ", text).strip()
    for groups, parts in _GROUPS:
        rows = [
            [number(part) for part in parts.split(group.strip()) if part]
            for group in groups.split(bare)
            if group.strip()
        ]
        if len(rows) >= 5 and all(2 <= len(row) <= 4 and None not in row for row in rows):
            return [[value for value in row if value is not None] for row in rows]
    return None


def _value(part: str) -> float | None:
    """Return a number, or the one that a name is set equal to: `v3=0.25`."""
    return number(re.split(r"[=:]", part)[-1].strip("\"'"))
