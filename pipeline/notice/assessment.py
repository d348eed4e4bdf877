"""`silhouette pia`: a draft of the impact assessment, for the controller to complete."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.notice.command import add_flags, write

if TYPE_CHECKING:
    from pipeline.notice.controls import Control
    from pipeline.notice.facts import SiteFacts


@dataclass(frozen=True)
class Row:
    """A provision, what supports it here, what could and is not in place, and what is left."""

    name: str
    supported_by: tuple[str, ...]
    not_in_place: tuple[str, ...]
    left: str


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "pia",
        help="draft the impact assessment from site file and evidence",
        description="Drafts an impact assessment: data inventory, flows, purposes, retention, risks, and controls with "
        "the tests that show them. What only the controller can answer is marked. It supports compliance, and never "
        "claims it.",
        epilog="Exit codes: 0 written; 1 failed; 2 wrong usage, or blanks in the site file.",
    )
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Write a draft a site; returns the exit code."""
    return write("pia", args, assessment, "en")


def assessment(facts: SiteFacts) -> str:
    """Return the draft, in Markdown."""
    from pipeline.explain import STAGES
    from pipeline.notice.controls import GDPR, PIPEDA, controls
    from pipeline.notice.render import markdown
    from schemas.avro import RECORD_TYPES, contract
    from schemas.versions import PIPELINE_VERSION

    there = [control for control in controls() if control.holds(facts)]
    missing = [control for control in controls() if control not in there]

    def row(name: str, left: str, supports: Callable[[Control], bool]) -> Row:
        here, elsewhere = (tuple(each.name for each in some if supports(each)) for some in (there, missing))
        return Row(name, here, elsewhere, left)

    articles = [row(f"{number} {name}", left, _of_article(number)) for number, (name, left) in GDPR.items()]
    principles = [row(name.capitalize(), left, _of_principle(name)) for name, left in PIPEDA.items()]
    return markdown(
        "assessment.md",
        "en",
        s=facts,
        version=PIPELINE_VERSION,
        stages=STAGES,
        families=[(family, contract(family)) for family in RECORD_TYPES],
        kind=_kind,
        controls=there,
        missing=missing,
        articles=articles,
        principles=principles,
    )


def _of_article(number: str) -> Callable[[Control], bool]:
    return lambda control: number in control.articles()


def _of_principle(name: str) -> Callable[[Control], bool]:
    return lambda control: name in control.pipeda


def _kind(field: dict[str, Any]) -> str:
    """Return what a field can hold, in a word or two."""
    kind = field["type"][-1] if isinstance(field["type"], list) else field["type"]
    if isinstance(kind, dict):
        return "one of " + ", ".join(kind["symbols"]) if "symbols" in kind else "instant"
    if kind == "string":
        return f"name of a {field['vocabulary'].replace('_', ' ')}"
    return "yes or no" if kind == "boolean" else f"number, {field['min']} to {field['max']}"
