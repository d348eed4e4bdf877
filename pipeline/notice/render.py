"""From facts to pages: Jinja2 templates in Markdown, and HTML made of the same Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
from markdown_it import MarkdownIt

LANGUAGES = ("en", "fr")
FORMATS = ("html", "md")

_UNITS = {
    "en": (("day", "days"), ("hour", "hours"), ("minute", "minutes"), ("second", "seconds")),
    "fr": (("jour", "jours"), ("heure", "heures"), ("minute", "minutes"), ("seconde", "secondes")),
}
_DAYS_FR = {"mon": "lun.", "tue": "mar.", "wed": "mer.", "thu": "jeu.", "fri": "ven.", "sat": "sam.", "sun": "dim."}
# What Markdown could take for markup: a site file is text, and stays text.
_MARKUP = re.compile(r"([\\`*_{}\[\]#!|<>~&])")
_LEADING = re.compile(r"^([-+=]|\d+(?=[.)]))")


def plain(text: str) -> str:
    r"""Return a text that Markdown shows as it is, on one line.

    >>> print(plain("a *b*"))
    a \*b\*
    """
    return _LEADING.sub(_escaped, _MARKUP.sub(r"\\\1", " ".join(text.split())))


def _escaped(leading: re.Match[str]) -> str:
    # A number begins a list by what follows it.
    return f"{leading[0]}\\" if leading[0].isdigit() else f"\\{leading[0]}"


def duration(seconds: float, language: str) -> str:
    """Return a length of time in words, rounded up to two digits or so.

    >>> duration(86400, "en"), duration(5400, "fr"), duration(3.2, "en"), duration(0, "en"), duration(0, "fr")
    ('1 day', '90 minutes', '4 seconds', '0 seconds', '0 seconde')
    """
    number, (one, many) = 0, _UNITS[language][-1]
    for size, words in zip((86_400, 3_600, 60, 1), _UNITS[language], strict=True):
        number, (one, many) = int(-(-seconds // size)), words
        if (seconds and seconds % size == 0) or seconds >= 3 * size:
            break
    return f"{number} {one if number == 1 or (number == 0 and language == 'fr') else many}"


def markdown(template: str, language: str, **values: Any) -> str:
    """Fill a template of this package in; values of the site file go through the filter `plain`."""
    loader = jinja2.FunctionLoader(_source)
    environment = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters["plain"] = plain
    environment.filters["duration"] = lambda seconds: duration(seconds, language)
    environment.filters["weekdays"] = lambda days: _weekdays(days, language)
    text = environment.get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def page(text: str, language: str) -> str:
    """Return Markdown as an HTML page of its own: no script, nothing from elsewhere."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    title = re.search(r"<h1>(.*?)</h1>", body)
    values: Mapping[str, str] = {"language": language, "title": html.unescape(title[1]) if title else "", "body": body}
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    return environment.from_string(_source("page.html")).render(**values)


def _source(name: str) -> str:
    return resources.files("pipeline.notice").joinpath("words", name).read_text("utf-8")


def _weekdays(days: str, language: str) -> str:
    return ", ".join(_DAYS_FR[day] for day in days.split(", ")) if language == "fr" else days
