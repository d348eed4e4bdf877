"""Rules about names, by family: what a word says, what must stand beside it, and what shows that a thing is meant.

The rules themselves are in `words.toml`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from transforms.denial.words import Words, group, words, written

NOTHING: Words = frozenset()


@dataclass(frozen=True)
class Rule:
    """What some words say of a field, and what shows that they say something else here.

    Attributes:
      family: One of `reasons.FAMILIES`.
      said: Words, any of which says it.
      needs: Where not empty, one of these must stand in the name, too, or a word for who is meant above it.
      unless: None of these may stand in the name, or above it but for words that only say that something is held.
      unless_beside: None of these may stand in the neighbours' names.
      beside: Where not empty, one of these must stand in a neighbour's name, in the name or above it.
    """

    family: str
    said: Words
    needs: Words = NOTHING
    unless: Words = NOTHING
    unless_beside: Words = NOTHING
    beside: Words = NOTHING

    def holds(self, own: Words, above: Words, beside: Words) -> bool:
        """Say whether a name is denied, whose own words hold one of `said`."""
        said = own & self.said
        if not said or self.unless & (own | (above - group("holders"))) or self.unless_beside & beside:
            return False
        if self.beside and not self.beside & (beside | own | above):
            return False
        if not self.needs:
            return True
        # One word may not be its own company; and of the names above, only who is meant counts, not what.
        return bool(self.needs & above & group("who")) or any(self.needs & (own - {word}) for word in said)


@cache
def rules_by_word() -> dict[str, tuple[Rule, ...]]:
    """Return the rules that a word may say."""
    found: defaultdict[str, list[Rule]] = defaultdict(list)
    for family, rules in written()["rules"].items():
        for parts in rules:
            rule = Rule(family, **{part: words(text) for part, text in parts.items()})
            for word in rule.said:
                found[word].append(rule)
    return {word: tuple(rules) for word, rules in found.items()}


@cache
def family_of_stem() -> dict[str, str]:
    """Return the family that each stem says."""
    return {stem: family for family, stems in written()["stems"].items() for stem in words(stems)}


@cache
def ordinary() -> Words:
    """Return words that hold a denied one by chance."""
    return words(written()["ordinary"]["words"])
