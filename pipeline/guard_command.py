"""`silhouette guard check`: judge anyone's records or schema as the guard judges the job's own."""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from transforms.denial.reasons import Finding

Found = tuple[Finding, ...]


class UnreadableError(ValueError):
    """A file that cannot be judged; the text names it, and the line where there is one."""


@dataclass(frozen=True)
class Verdict:
    """What the guard says of one record, or of a file's schema.

    Attributes:
      file: The file as it was named.
      record: Number of the record, from 1; 0 for the schema.
      findings: What may not leave of it.
    """

    file: str
    record: int
    findings: Found

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as it is printed for other programs."""
        return {
            "file": self.file,
            "record": self.record,
            "clean": not self.findings,
            "findings": [found._asdict() for found in self.findings],
        }


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "guard",
        help="look for biometric and personal fields in anyone's records or schemas",
        description="The guard at the job's exit, as a tool. What it denies, and what it cannot see: docs/guard.md.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    checking = actions.add_parser(
        "check",
        help="judge every record of files by the deny pass",
        description="Judges every record, and an Avro file's schema, by the names of the fields and the shape of what "
        "they hold; records of Silhouette's own families by their contract too. Prints path and reason, never a value.",
        epilog="Exit codes: 0 clean; 1 something was found; 2 a file cannot be read.",
    )
    checking.add_argument(
        "files", nargs="+", metavar="FILE", help="records, .avro, .jsonl or .json; or a schema, .avsc; gs://… too"
    )
    checking.add_argument("--json", action="store_true", help="print a list with one verdict a record, clean ones too")
    checking.add_argument(
        "--limit", type=int, default=50, help="most findings to print in the table (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Judge the files; 0 clean, 1 found, 2 unreadable."""
    from pipeline.cli import FAILED, OK, USAGE

    try:
        verdicts = [verdict for file in args.files for verdict in judge(file)]
    except (UnreadableError, OSError) as error:
        print(f"silhouette guard check: {error}", file=sys.stderr)
        return USAGE
    if args.json:
        print("[" + ",\n ".join(json.dumps(verdict.as_json(), ensure_ascii=False) for verdict in verdicts) + "]")
    else:
        _print(verdicts, args.limit)
    return FAILED if any(verdict.findings for verdict in verdicts) else OK


def judge(file: str) -> Iterator[Verdict]:
    """Yield the verdict on a file's schema, where it has one, and on each of its records in order.

    Raises:
      UnreadableError: it is none of the kinds of file, or is damaged.
      OSError: it is not there, or cannot be had.
    """
    from pipeline.storage import read

    kind = file.rsplit(".", 1)[-1].lower()
    if kind == "avro":
        yield from _avro(file)
    elif kind in ("jsonl", "ndjson"):
        yield from _lines(file, read(file))
    elif kind == "json":
        found = _parsed(file, read(file), "")
        for number, record in enumerate(found if isinstance(found, list) else [found], 1):
            yield Verdict(file, number, _denied(record))
    elif kind == "avsc":
        schema = _parsed(file, read(file), "")
        if not isinstance(schema, dict | list):
            raise UnreadableError(f"{file}: holds no Avro schema: an object or a list of them")
        yield Verdict(file, 0, _schema_found(file, schema))
    else:
        raise UnreadableError(f"{file}: give records as .avro, .jsonl or .json, or a schema as .avsc")


def _avro(file: str) -> Iterator[Verdict]:
    from pipeline.view import UnreadableRecordsError, read_file

    try:
        schema, rows = read_file(file)
    except UnreadableRecordsError as error:
        raise UnreadableError(str(error)) from error
    yield Verdict(file, 0, _schema_found(file, schema))
    family = _family(schema)
    if family is None:
        for number, row in enumerate(rows, 1):
            yield Verdict(file, number, _denied(row))
        return
    from transforms.guard import inspect

    said = _vocabulary(family, rows)
    for number, row in enumerate(rows, 1):
        violations = inspect(family, _as_serialised(family, row), said).violations
        closed = tuple(Finding(violation.field, violation.reason) for violation in violations)
        named = {found.path for found in closed}
        yield Verdict(file, number, (*closed, *(found for found in _denied(row) if found.path not in named)))


def _schema_found(file: str, schema: Any) -> Found:
    from transforms.denial.contracts import contract_findings, structure_findings

    try:
        found = contract_findings(schema)
        if isinstance(schema, dict) and _family(schema) is not None and "doc" in schema:
            found = [*structure_findings(schema), *found]
    except (KeyError, TypeError, AttributeError, RecursionError):
        raise UnreadableError(f"{file}: is no Avro schema: each field needs a name and a type") from None
    return tuple(dict.fromkeys(found))


def _family(schema: Any) -> str | None:
    """Return which of our families a schema says it is; None for anyone else's."""
    from schemas.avro import RECORD_TYPES

    if not isinstance(schema, dict):
        return None
    name = f"{schema.get('namespace', '')}.{schema.get('name', '')}".removeprefix(".")
    return next((family for family, kind in RECORD_TYPES.items() if name == f"silhouette.{kind.__name__}"), None)


def _vocabulary(family: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Return the names that a file's own records use: which ones its site file allows, the file does not say."""
    from schemas.avro import contract

    found: defaultdict[str, set[str]] = defaultdict(set)
    for field in contract(family)["fields"]:
        if "vocabulary" in field:
            found[field["vocabulary"]] |= {row[field["name"]] for row in rows if type(row.get(field["name"])) is str}
    return {name: frozenset(strings) for name, strings in found.items()}


def _as_serialised(family: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as it was handed to the serialiser; fields newer than the file take their defaults.

    A local time is no instant, and stays what it is: the contract has none.
    """
    from schemas.avro import contract
    from schemas.clock import micros

    defaults = {field["name"]: field["default"] for field in contract(family)["fields"] if "default" in field}
    plain = {
        name: micros(value) if isinstance(value, datetime) and value.tzinfo else value for name, value in row.items()
    }
    return defaults | plain


def _lines(file: str, content: bytes) -> Iterator[Verdict]:
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            yield Verdict(file, number, _denied(_parsed(file, line, f", line {number}")))


def _parsed(file: str, content: bytes, where: str) -> Any:
    from transforms.denial.texts import every_pair

    try:
        return json.loads(content, object_pairs_hook=every_pair)
    except (ValueError, RecursionError):
        raise UnreadableError(f"{file}{where}: is no JSON, or is damaged") from None


def _denied(record: Any) -> Found:
    from transforms.denial.records import findings

    return tuple(findings(record))


def _print(verdicts: Sequence[Verdict], limit: int) -> None:
    from rich.table import Table

    from pipeline.console import plain_console

    console = plain_console()
    found = [(verdict, each) for verdict in verdicts for each in verdict.findings]
    records = sum(verdict.record > 0 for verdict in verdicts)
    denied = sum(bool(verdict.findings) for verdict in verdicts if verdict.record > 0)
    schemas = sum(bool(verdict.findings) for verdict in verdicts if verdict.record == 0)
    if found:
        table = Table(title="What must not leave", title_justify="left")
        for name in ("file", "record", "path", "reason"):
            table.add_column(name, justify="right" if name == "record" else "left", overflow="fold")
        for verdict, each in found[:limit]:
            number = str(verdict.record) if verdict.record else "schema"
            table.add_row(verdict.file, number, each.path, each.reason)
        console.print(table)
        if len(found) > limit:
            console.print(f"{len(found) - limit:,} more findings: --limit {len(found)}, or --json")
    console.print(f"{denied:,} of {records:,} records hold what must not leave.")
    if any(verdict.record == 0 for verdict in verdicts):
        console.print(f"Schemas that do: {schemas:,}.")
