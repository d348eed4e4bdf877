"""How those who emit such payloads might call them: phrases by what is held, in many languages, in many styles.

The phrases (`wording.json`) are written from what peers emit and from what people would say, and not from the deny
pass, which they share no table with.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

_PHRASES = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))

VECTORS: list[str] = _PHRASES["vectors"]
POINTS: list[str] = _PHRASES["points"]
TRAITS: dict[str, list[str | float]] = _PHRASES["traits"]
"""Single values, and what stands there."""
IDENTITIES: list[str] = _PHRASES["identities"]
PICTURES: list[str] = _PHRASES["pictures"]
HARMLESS: list[str] = _PHRASES["harmless"]
"""Names that say nothing: only the shape of what they hold can tell."""
SERIES: list[str] = _PHRASES["series"]
"""Names of honest rows of numbers, to hide behind."""
THINGS: list[str] = _PHRASES["things"]
"""Names of ids and digests of things, to hide behind."""
_TWINS: dict[str, str] = _PHRASES["twins"]
_LEET = {"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"}

Style = Callable[[random.Random, list[str]], str]


def _camel(_: random.Random, words: list[str]) -> str:
    return words[0].lower() + "".join(word[:1].upper() + word[1:].lower() for word in words[1:])


def _look_alike(rng: random.Random, words: list[str]) -> str:
    """Swap some letters for others that look the same; of a script without such, none."""
    name = "_".join(words).lower()
    spots = [at for at, letter in enumerate(name) if letter in _TWINS]
    for at in rng.sample(spots, min(len(spots), rng.randint(1, 4))):
        name = name[:at] + rng.choice(_TWINS[name[at]]) + name[at + 1 :]
    return name


def _leet(rng: random.Random, words: list[str]) -> str:
    name = "_".join(words).lower()
    spots = [at for at, letter in enumerate(name) if letter in _LEET and 0 < at < len(name) - 1]
    for at in rng.sample(spots, min(len(spots), rng.randint(1, 3))):
        name = name[:at] + _LEET[name[at]] + name[at + 1 :]
    return name


def _invisible(rng: random.Random, words: list[str]) -> str:
    name = "_".join(words)
    at = rng.randrange(1, len(name)) if len(name) > 1 else 0
    return name[:at] + rng.choice("\u200b\u200d\u2060\ufeff\u00ad") + name[at:]


STYLES: dict[str, Style] = {
    "snake": lambda _, words: "_".join(words).lower(),
    "camel": _camel,
    "pascal": lambda _, words: "".join(word[:1].upper() + word[1:].lower() for word in words),
    "kebab": lambda _, words: "-".join(words).lower(),
    "screaming": lambda _, words: "_".join(words).upper(),
    "dotted": lambda _, words: ".".join(words),
    "spaced": lambda _, words: " ".join(words),
    "joined": lambda _, words: "".join(words).lower(),
    "suffix": lambda rng, words: "_".join(
        [*words, rng.choice(["v2", "raw", "0", "out", "tmp", "x", "arr", "1"])]
    ).lower(),
    "prefix": lambda rng, words: "_".join([rng.choice(["my", "p", "the", "obj", "out", "dbg", "m"]), *words]).lower(),
    "look_alike": _look_alike,
    "leet": _leet,
    "invisible": _invisible,
    "letters": lambda _, words: "_".join("".join(words).lower()),
    "fullwidth": lambda _, words: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in "_".join(words)),
}


def written(rng: random.Random, phrase: str) -> tuple[str, str]:
    """Return a phrase as a field's name, and the style it is written in."""
    style = rng.choice(sorted(STYLES))
    return STYLES[style](rng, phrase.replace("'", " ").split()), style
