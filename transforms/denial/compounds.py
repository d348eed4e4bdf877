"""The words that a name is read to hold: as they stand, without a plural's s, and the parts of compounds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache

from transforms.denial.letters import readings
from transforms.denial.rules import ordinary, rules_by_word
from transforms.denial.words import Words, group

_SHORTEST, _LONGEST = 6, 40
"""Letters of a word that is looked into for parts."""
_LONGEST_PART = 16


@lru_cache(maxsize=16_384)
def words_in(name: str) -> Words:
    """Return all words that a name may be read to hold, numbers apart."""
    return frozenset(word for reading in readings(name) for word in known(reading) if not word.isdecimal())


@lru_cache(maxsize=16_384)
def known(reading: tuple[str, ...]) -> Words:
    """Return a reading's words, those without their plural's s, and the parts of compounds."""
    found: set[str] = set()
    for word in reading:
        for each in (word, *parts_of(word)):
            found.update(_forms(each))
    return frozenset(found)


def _forms(word: str) -> Iterable[str]:
    yield word
    # `wears` is what somebody does, `wear` what a shop sells.
    if len(word) > 3 and word != "wears" and word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
    if len(word) > 4 and word.startswith("ال"):
        yield word[2:]


@lru_cache(maxsize=16_384)
def parts_of(word: str) -> tuple[str, ...]:
    """Cut a compound into words that the rules know; none where that leaves a rest, or where it is a word itself.

    >>> parts_of("gesichtsvektor"), parts_of("surface")
    (('gesichts', 'vektor'), ())
    """
    if not _SHORTEST <= len(word) <= _LONGEST or word in rules_by_word():
        return ()
    if word in ordinary() or word.removesuffix("s") in ordinary():
        return ()
    best: list[tuple[str, ...] | None] = [()] + [None] * len(word)
    for end in range(2, len(word) + 1):
        for start in range(max(0, end - _LONGEST_PART), end - 1):
            before, part = best[start], word[start:end]
            # Of several cuts, the one with the fewest parts.
            if before is not None and part in _compounded() and len(before) < len(best[end] or range(99)):
                best[end] = (*before, part)
    return best[-1] or ()


@cache
def _compounded() -> Words:
    """Return the words that stand in compounds: of three letters and more, and a few shorter ones."""
    needed = frozenset(word for rules in rules_by_word().values() for rule in rules for word in rule.needs)
    every = frozenset(rules_by_word()) | needed | group("joined")
    kept = frozenset(word for word in every if len(word) > 2) - group("apart") | group("short")
    # The s between a compound's parts, and the article before them.
    linked = {f"{word}s" for word in kept if len(word) > 4} | {f"ال{word}" for word in kept if word > "\u0600"}
    return kept | group("links") | linked
