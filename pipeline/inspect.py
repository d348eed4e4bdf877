"""`silhouette inspect`: print Avro records as a table."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "inspect",
        help="print Avro records as a table",
        description="Prints the records of Avro files, or of all Avro files in folders, one table a schema.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="an .avro file, or a folder of them; gs://… too")
    parser.add_argument(
        "--fields",
        help="fields to print, separated by commas (default: those that vary and say something of their own)",
    )
    parser.add_argument("--limit", type=int, default=50, help="most rows to print of a schema (default: %(default)s)")
    parser.add_argument("--format", choices=("table", "csv"), default="table", help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    """Print the records; 2 where a path holds none."""
    from pipeline.view import UnreadableRecordsError, read_file

    if args.limit < 0:
        print("silhouette inspect: --limit: 0 rows at least", file=sys.stderr)
        return 2
    schemas: dict[str, list[dict[str, Any]]] = {}
    try:
        for path in _files(args.paths):
            schema, rows = read_file(path)
            schemas.setdefault(schema["name"], []).extend(rows)
    except (UnreadableRecordsError, OSError) as error:
        print(f"silhouette inspect: {error}", file=sys.stderr)
        return 2
    if not schemas:
        print("silhouette inspect: no .avro file there; give the output folder of a run", file=sys.stderr)
        return 2
    for name, rows in schemas.items():
        names = _fields(rows, args)
        if unknown := [field for field in names if rows and field not in rows[0]]:
            known = ", ".join(rows[0])
            print(f"silhouette inspect: --fields: {name} has no {', '.join(unknown)}; it has {known}", file=sys.stderr)
            return 2
        _print(name, names, rows, args)
    return 0


# What follows from other fields is left out of a table, unless it is asked for.
_FOLLOWS = ("window_end", "window_seconds", "observed_ms", "scheduled_ms")


def _files(paths: list[str]) -> Iterator[str]:
    from pipeline.storage import find, is_remote

    for path in paths:
        if not is_remote(path) and not Path(path).exists():
            raise FileNotFoundError(f"{path}: there is no such file or folder; give the output folder of a run")
        alone = path.endswith(".avro") if is_remote(path) else Path(path).is_file()
        yield from [path] if alone else find(path, ".avro")


def _fields(rows: list[dict[str, Any]], args: argparse.Namespace) -> list[str]:
    if args.fields:
        return str(args.fields).split(",")
    if args.format == "csv" or len(rows) < 2:
        return list(rows[0]) if rows else []
    return [name for name in rows[0] if name not in _FOLLOWS and any(row[name] != rows[0][name] for row in rows)]


def _print(name: str, fields: list[str], rows: list[dict[str, Any]], args: argparse.Namespace) -> None:
    shown = rows[: args.limit]
    if args.format == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(fields)
        writer.writerows([_text(row[field]) for field in fields] for row in shown)
        return
    from rich import box
    from rich.table import Table

    from pipeline.console import plain_console, print_whole

    table = Table(title=f"{name}: {len(shown)} of {len(rows)} rows", title_justify="left", box=box.SIMPLE_HEAD)
    for field in fields:
        table.add_column(field, no_wrap=True)
    for row in shown:
        table.add_row(*(_text(row[field]) for field in fields))
    print_whole(table)
    same = {
        field: rows[0][field] for field in (rows[0] if rows else {}) if all(r[field] == rows[0][field] for r in rows)
    }
    if same and len(rows) > 1 and not args.fields:
        told = ", ".join(f"{field} {_text(value)}" for field, value in same.items())
        plain_console().print(f"The same in all rows: {told}", soft_wrap=True)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
