"""`silhouette deadletters`: what was set aside, by stage and reason."""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.usage import UsageError, instant
from schemas.clock import micros, to_rfc3339

Letter = Mapping[str, Any]
"""A row of `dead_letter.avsc`."""


@dataclass(frozen=True)
class Reason:
    """Dead letters of one stage and reason.

    Attributes:
      stage: Step of the job that set them aside.
      reason: Class of the reason.
      letters: How many there are; equal ones are several facts.
      cameras: Cameras they are of, as `site/camera`, in order.
      first: Earliest event time, RFC 3339; None where none says its time.
      last: Latest event time, alike.
    """

    stage: str
    reason: str
    letters: int
    cameras: tuple[str, ...]
    first: str | None
    last: str | None


def by_reason(letters: Iterable[Letter]) -> list[Reason]:
    """Return dead letters by stage and reason, most first."""
    groups: dict[tuple[str, str], list[Letter]] = defaultdict(list)
    for letter in letters:
        groups[letter["stage"], letter["reason"]].append(letter)
    found = []
    for (stage, reason), group in groups.items():
        times = [to_rfc3339(micros(each["event_time"])) for each in group if each["event_time"] is not None]
        cameras = tuple(sorted({f"{each['site']}/{each['camera']}" for each in group}))
        first, last = min(times, default=None), max(times, default=None)
        found.append(Reason(stage, reason, len(group), cameras, first, last))
    return sorted(found, key=lambda each: (-each.letters, each.stage, each.reason))


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "deadletters",
        help="list what was set aside, by reason",
        description="Lists dead letters by stage and reason. They say which camera and when, and hold no content.",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="output of a run: a folder, or gs://…")
    parser.add_argument(
        "--since", metavar="TIME",
        help="only those of this event time or later, as 2026-01-05T09:00:00Z; those that say no time are kept",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print a list of objects")


def run(args: argparse.Namespace) -> int:
    """Print the list; 1 where letters cannot be read, 2 for a flag that does not fit."""
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.view import UnreadableRecordsError

    try:
        since_us = instant("--since", args.since)
    except UsageError as error:
        print(f"silhouette deadletters: {error}", file=sys.stderr)
        return USAGE
    try:
        letters = read_letters(args.output)
    except FileNotFoundError as error:
        print(f"silhouette deadletters: --output: {error}", file=sys.stderr)
        return USAGE
    except (UnreadableRecordsError, OSError) as error:
        print(f"silhouette deadletters: {error}", file=sys.stderr)
        return FAILED
    reasons = by_reason(letter for letter in letters if since_us is None or _since(letter, since_us))
    if args.json:
        print(json.dumps([asdict(each) for each in reasons], indent=2))
    else:
        _print(reasons)
    return OK


def read_letters(output: str) -> list[Letter]:
    """Read all dead letters under a job's output.

    Raises:
      FileNotFoundError: no job has written there.
      pipeline.view.UnreadableRecordsError: a file holds no dead letters, or is damaged.
      OSError: a file cannot be read.
    """
    from pipeline.storage import find
    from pipeline.view import read_family, record_files
    from schemas.records import DEAD_LETTER

    names = find(f"{output.rstrip('/')}/dead_letters", ".avro")
    # Every run writes the health of its cameras.
    if not names and not record_files(output, "camera_health"):
        raise FileNotFoundError(f"{output} holds neither records nor dead letters; give the output of a run")
    return [letter for name in names for letter in read_family(name, DEAD_LETTER)]


def _since(letter: Letter, since_us: int) -> bool:
    """Return whether a letter is of that instant or later; one that says no time may be."""
    return letter["event_time"] is None or micros(letter["event_time"]) >= since_us


def _print(reasons: list[Reason]) -> None:
    from rich.table import Table

    from pipeline.console import plain_console

    console = plain_console()
    if not reasons:
        console.print("No dead letters.")
        return
    table = Table(title=f"Dead letters: {sum(each.letters for each in reasons):,}", title_justify="left")
    for name in ("stage", "reason", "letters", "cameras", "first", "last"):
        table.add_column(name, justify="right" if name == "letters" else "left", overflow="fold")
    for each in reasons:
        times = (_shown(time) for time in (each.first, each.last))
        table.add_row(each.stage, each.reason, f"{each.letters:,}", "\n".join(each.cameras), *times)
    console.print(table)


def _shown(time: str | None) -> str:
    return "not known" if time is None else f"{time[:10]} {time[11:19]}"
