"""The deny pass's words (`words.toml`), spelled as `letters.readings` spells the names they are looked for in."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from transforms.denial.letters import plain, words_of

Words = frozenset[str]


@cache
def written() -> dict[str, Any]:
    """Return the file as it is written."""
    return tomllib.loads(resources.files(__package__).joinpath("words.toml").read_text("utf-8"))


@cache
def group(name: str) -> Words:
    """Return the words of a group."""
    return words(written()["groups"][name])


def words(text: str) -> Words:
    """Return the words that a text lists: `@group` adds a group's, `-word` and `-@group` take away what came before."""
    found: set[str] = set()
    for item in text.split():
        name = item.removeprefix("-")
        meant = group(name[1:]) if name.startswith("@") else {spelled(name)}
        found = found - meant if item.startswith("-") else found | meant
    return frozenset(found)


def spelled(word: str) -> str:
    """Return a word without marks, signs and capitals."""
    return "".join(words_of(plain(word)))
