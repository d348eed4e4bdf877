"""Why the deny pass takes offence: reason classes, stable, and findings made of them."""

from __future__ import annotations

from typing import NamedTuple

FAMILIES = (
    "face",
    "landmarks",
    "gaze",
    "gait",
    "body",
    "template",
    "voice",
    "physiology",
    "demographics",
    "appearance",
    "emotion",
    "identity",
    "trail",
    "pixels",
)
"""Families of fields that never appear."""

VECTOR = "vector"
POINTS = "points"
IMAGE_BYTES = "image_bytes"
RAW_BYTES = "raw_bytes"
ENCODED_TEXT = "encoded_text"
DIGEST = "digest"
PERSISTENT_ID = "persistent_id"
LONG_NUMBER = "long_number"
TOO_DEEP = "too_deep"
UNKNOWN_TYPE = "unknown_type"

VALUES = (
    VECTOR,
    POINTS,
    IMAGE_BYTES,
    RAW_BYTES,
    ENCODED_TEXT,
    DIGEST,
    PERSISTENT_ID,
    LONG_NUMBER,
    TOO_DEEP,
    UNKNOWN_TYPE,
)
"""Reasons that a value gives by its shape."""

NAMES = tuple(f"name_of_{family}" for family in FAMILIES)
"""Reasons that a name gives."""

DENIALS = (*NAMES, *VALUES)


class Finding(NamedTuple):
    """What may not leave: the path to it and a reason class; never its value.

    A path joins names by dots, `[]` is any element of a list and `(text)` what a string holds; a name that could
    itself be the value is `?`.
    """

    path: str
    reason: str
