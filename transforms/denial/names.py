"""Denial by name: which family of biometric or personal fields a name is of, in whatever spelling and language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

from transforms.denial.compounds import known
from transforms.denial.letters import latin, readings
from transforms.denial.rules import family_of_stem, ordinary, rules_by_word
from transforms.denial.words import Words, group

_ETA = re.compile(r"(?<![^\W_])[e3][t7]à(?![^\W_])")
"""Italian for age: its accent is all that tells it from a time of arrival."""


def family_of(name: str, above: tuple[str, ...] = (), beside: frozenset[str] = frozenset()) -> str | None:
    """Return the family that a name is of, or None for a harmless one.

    Args:
      name: A field's name.
      above: Names of the fields that hold it, outermost first.
      beside: Names of its neighbours in the same record.

    >>> family_of("leftEyeX"), family_of("f4c3"), family_of("surface")
    ('landmarks', 'face', None)
    """
    return "demographics" if not name.isascii() and _is_italian_age(name) else _family_of(name, above, beside)


def _is_italian_age(name: str) -> bool:
    folded = latin(unicodedata.normalize("NFKC", name)).casefold()
    seen = "".join(each for each in folded if unicodedata.category(each) != "Cf")
    return bool(_ETA.search(seen) or _ETA.fullmatch(re.sub(r"[\W_]+", "", seen)))


def says_person(names: Iterable[str]) -> bool:
    """Say whether names speak of a person or of somebody's track."""
    return _says_person(frozenset(names))


@lru_cache(maxsize=65_536)
def _family_of(name: str, above: tuple[str, ...], beside: frozenset[str]) -> str | None:
    over, near = words_of_all(frozenset(above)), words_of_all(beside)
    written = readings(name)[0] if readings(name) else ()
    spelled = sum(len(word) == 1 for word in written) > 2  # letter by letter: then `h` is no hour
    excuses = known(tuple(word for word in written if len(word) > 1 or not spelled))
    for reading in readings(name):
        own = known(reading)
        if "".join(reading) == "".join(written):
            # Joined to one word, a name must still be excused by the words that it is written with.
            own |= excuses
        for word in sorted(own & rules_by_word().keys()):
            for rule in rules_by_word()[word]:
                if rule.holds(own, over, near):
                    return rule.family
        if not (own | over) & group("operations") and (family := _by_stem(reading)):
            return family
    return None


@lru_cache(maxsize=4_096)
def words_of_all(names: frozenset[str]) -> Words:
    """Return all words that some names may be read to hold."""
    return frozenset(word for name in names for reading in readings(name) for word in known(reading))


@lru_cache(maxsize=4_096)
def _says_person(names: frozenset[str]) -> bool:
    words = words_of_all(names)
    return bool(words & (group("person") | group("tracks"))) or any(
        _signs("person_signs").search(word) for word in words
    )


def _by_stem(reading: tuple[str, ...]) -> str | None:
    for word in reading:
        if word not in ordinary() and word not in rules_by_word() and (found := _stems().search(word)):
            return family_of_stem()[found.group()]
    joined = "".join(reading)
    if _signs("person_signs").search(joined):
        if _signs("template_signs").search(joined):
            return "template"
        if _signs("id_signs").search(joined) or reading[-1] in group("id"):
            return "identity"
    return None


def _any_of(parts: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for any of some parts, long ones first."""
    return re.compile("|".join(re.escape(part) for part in sorted(parts, key=lambda part: (-len(part), part))))


@cache
def _stems() -> re.Pattern[str]:
    return _any_of(family_of_stem())


@cache
def _signs(name: str) -> re.Pattern[str]:
    """Return a pattern for a group's words in scripts without spaces."""
    return _any_of(group(name))
