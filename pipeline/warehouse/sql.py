"""`silhouette sql`: ask the records on this machine what the warehouse would answer."""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.warehouse.local import Answer


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "sql",
        help="ask the records in SQL, on this machine",
        description="Answers one SELECT from the records as they stand, with DuckDB. A family of records is a function "
        "of the window size in seconds, as in BigQuery: SELECT SUM(count) FROM silhouette.footfall(900). The tables "
        "FAMILY_history hold all revisions. Times are UTC.",
    )
    parser.add_argument("query", metavar="SELECT", help="the query")
    parser.add_argument("--output", required=True, metavar="DIR", help="output of a run: a folder, or gs://…")
    parser.add_argument(
        "--window", type=int, metavar="SECONDS",
        help="window size that a family's name alone stands for, as in FROM footfall (default: the only one there is)",
    )  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print comma-separated values")
    form.add_argument("--json", action="store_true", help="print a list of objects")


def run(args: argparse.Namespace) -> int:
    """Print the answer; 1 where the records cannot be read, 2 for a wrong query or flag."""
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.view import RecordsError
    from pipeline.warehouse.local import QueryError, ask, lock, name_views, open_records

    def said(code: int, what: object) -> int:
        print(f"silhouette sql: {what}", file=sys.stderr)
        return code

    try:
        database, sizes = open_records(args.output)
    except (RecordsError, OSError) as error:
        return said(FAILED, error)
    if not sizes:
        return said(USAGE, f"--output: {args.output} holds no records; give the output of a run")
    if args.window is not None and args.window not in sizes:
        return said(USAGE, f"--window: {args.output} holds windows of {_listed(sizes)} seconds")
    if args.window is not None or len(sizes) == 1:
        name_views(database, args.window or sizes[0])
    lock(database)
    try:
        answer = ask(database, args.query)
        if args.json:
            print(_as_json(answer))
        elif args.csv:
            _print_csv(answer)
        else:
            _print_table(answer)
    except QueryError as error:
        sized = args.window is not None or len(sizes) == 1 or "does not exist" not in str(error)
        hint = f"\nThere are windows of {_listed(sizes)} seconds: write footfall({sizes[0]}), or give --window."
        return said(USAGE, f"{error}{'' if sized else hint}")
    return OK


def _listed(sizes: Sequence[int]) -> str:
    return " and ".join(map(str, sizes)) if len(sizes) < 3 else ", ".join(map(str, sizes))


def _as_json(answer: Answer) -> str:
    from pipeline.warehouse.local import QueryError

    if len(set(answer.columns)) < len(answer.columns):
        raise QueryError("--json: two columns have one name; tell them apart with AS")
    rows = [dict(zip(answer.columns, map(_plain, row), strict=True)) for row in answer.rows]
    return json.dumps(rows, indent=2, ensure_ascii=False, default=str)


def _print_csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in answer.rows:
        values = (_plain(value) for value in row)
        writer.writerow(str(value).lower() if isinstance(value, bool) else value for value in values)


def _print_table(answer: Answer) -> None:
    from rich import box
    from rich.table import Table

    from pipeline.console import print_whole

    table = Table(box=box.SIMPLE_HEAD)
    for i, name in enumerate(answer.columns):
        numbers = all(isinstance(row[i], int | float) for row in answer.rows if row[i] is not None)
        table.add_column(name, no_wrap=True, justify="right" if numbers else "left")
    for row in answer.rows:
        table.add_row(*map(_text, row))
    print_whole(table)


def _plain(value: Any) -> Any:
    """Return a value as JSON and CSV have it: an instant as RFC 3339, and no number that is none."""
    from schemas.clock import micros, to_rfc3339

    if isinstance(value, datetime) and value.tzinfo is not None:
        return to_rfc3339(micros(value))
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
