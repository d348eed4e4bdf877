"""`silhouette diff`: what changed between two outputs, or between two versions of the sites in one."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.view import Row

    Records = Mapping[str, Sequence[Row]]

SAME, DIFFERENT, USAGE = 0, 1, 2
"""Exit codes, as those of diff(1)."""

ADDED, REMOVED, CHANGED, INTERVAL = "added", "removed", "changed", "interval"

# What a record was made with, and which of a set it is, say nothing of a place and time.
_MADE_WITH = frozenset({"schema_version", "pipeline_version", "model", "site_version", "revision"})
MAIN_FIELDS = {
    "footfall": "count", "occupancy": "person_seconds", "dwell": "visits", "queue": "left", "flow": "count",
    "heatmap": "person_seconds", "movement": "person_seconds", "camera_health": "clips",
}  # fmt: skip
"""The field of each family whose sum over an hour is shown."""


@dataclass(frozen=True)
class Change:
    """A row that stands in one output alone, or says something else in the other.

    Attributes:
      family: Record family.
      kind: added, removed, changed, or interval where nothing but ends of error intervals differs.
      before: The row in the first output, or None.
      after: The row in the second, or None.
      fields: The fields that differ; of a row in one output alone all that say something.
    """

    family: str
    kind: str
    before: Row | None
    after: Row | None
    fields: tuple[str, ...]

    @property
    def row(self) -> Row:
        """The row, of two the second."""
        return self.after or self.before or {}


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "diff",
        help="say what changed between two outputs, or two versions of a site",
        description="Compares the records that stand in two outputs, or those that stood in one output up to a "
        "site_version with those up to another, as after a replay with other zones or another model. Prints what "
        "changed by site, family, place and hour (UTC); values are sums over the hour. What a record was made with "
        "(schema, release, model, versions, revision) is not compared. Rows in which only the ends of error intervals "
        "differ, as after an audit, are counted below the table; --csv and --json call them interval, not changed.",
        epilog="Exit codes: 0 nothing differs; 1 something does, even if only ends of intervals; 2 wrong usage, "
        "or records that cannot be read.",
    )
    parser.add_argument("outputs", nargs="+", metavar="OUTPUT", help="output of a run: a folder, or gs://…")
    parser.add_argument(
        "--versions", nargs=2, type=int, metavar=("OLD", "NEW"), help="of one output: the two values of site_version"
    )
    parser.add_argument("--window", type=int, metavar="SECONDS", help="compare windows of this size alone")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print each field that differs, as comma-separated values")
    form.add_argument("--json", action="store_true", help="print each row that differs, as a list of objects")


def run(args: argparse.Namespace) -> int:
    """Print what changed; returns the exit code."""
    from pipeline.view import RecordsError

    if len(args.outputs) != (1 if args.versions else 2):
        print("silhouette diff: give two outputs, or one and --versions OLD NEW", file=sys.stderr)
        return USAGE
    try:
        before, after = _both(args)
    except (RecordsError, OSError, ValueError) as error:
        print(f"silhouette diff: {error}", file=sys.stderr)
        return USAGE
    found = changes(before, after)
    if args.json:
        json.dump([_as_json(change) for change in found], sys.stdout, indent=2)
        print()
    elif args.csv:
        _print_csv(found)
    else:
        _print_table(found, before, after)
    return DIFFERENT if found else SAME


def _both(args: argparse.Namespace) -> tuple[Records, Records]:
    """Return the rows that stand in either, of the window size that is asked for."""
    from pipeline.view import read_records

    records = [read_records(output) for output in args.outputs]
    for output, rows in zip(args.outputs, records, strict=True):
        if not any(rows.values()):
            raise ValueError(f"{output}: holds no records; give the output folder of a run")
    if args.window is not None:
        _check_there("--window", [args.window], "window_size_seconds", records)
    if not args.versions:
        return _standing(records[0], None, args.window), _standing(records[1], None, args.window)
    _check_there("--versions", args.versions, "site_version", records)
    old, new = args.versions
    return _standing(records[0], old, args.window), _standing(records[0], new, args.window)


def _check_there(flag: str, asked: Iterable[int], field: str, outputs: Iterable[Records]) -> None:
    """Refuse a value that no record has: nothing would differ, whatever was meant.

    Raises:
      ValueError: the text names the flag, and the values that there are.
    """
    there = {row[field] for records in outputs for rows in records.values() for row in rows}
    if missing := [value for value in asked if value not in there]:
        raise ValueError(f"{flag}: no record has {field} {missing[0]}; there are {', '.join(map(str, sorted(there)))}")


def _standing(records: Records, until: int | None, window: int | None) -> Records:
    """Return the rows that stand, of the versions up to one, and of one window size, where these are given."""
    from pipeline.view import current

    versions = {
        family: [row for row in rows if until is None or row["site_version"] <= until]
        for family, rows in records.items()
    }
    return {
        family: [row for row in rows if window in (None, row["window_size_seconds"])]
        for family, rows in current(versions).items()
    }


def changes(before: Records, after: Records) -> list[Change]:
    """Return what differs between two sets of rows that stand, in the order of families, places and windows."""
    found = []
    for family in before:
        one, other = ({_key(family, row): row for row in rows[family]} for rows in (before, after))
        for key in sorted(one.keys() | other.keys()):
            first, second = one.get(key), other.get(key)
            names = (second or first or {}).keys() - _MADE_WITH - set(_names(family))
            differ = [name for name in names if (first or {}).get(name) != (second or {}).get(name)]
            if kind := _kind(first, second, differ):
                found.append(Change(family, kind, first, second, tuple(sorted(differ))))
    return found


def _kind(before: Row | None, after: Row | None, differ: Sequence[str]) -> str | None:
    """Return what a change is, by the fields that differ; None if there is none."""
    from schemas.capacity import ENDS

    if before is None or after is None:
        return ADDED if before is None else REMOVED
    if not differ:
        return None
    return INTERVAL if all(name.endswith(ENDS) for name in differ) else CHANGED


def _names(family: str) -> list[str]:
    """Return the fields that say which record a row is, whatever version of it."""
    from schemas.avro import natural_key

    return [name for name in natural_key(family) if name not in _MADE_WITH]


def _key(family: str, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _names(family))


Place = tuple[str, str, str, str, datetime, int]
"""Site, family, camera, what is counted there, the hour, the size of the windows."""


def _place(family: str, row: Row) -> Place:
    named = {
        "footfall": lambda: f"{row['line']} {row['direction']}",
        "flow": lambda: f"{row['from_zone']} to {row['to_zone']}",
    }.get(family, lambda: str(row.get("zone", "")))()
    hour = row["window_start"].replace(minute=0, second=0, microsecond=0)
    return row["site"], family, row["camera"], named, hour, row["window_size_seconds"]


def _main_value(family: str, row: Row) -> float | None:
    """Return what a row adds to its place's value: parts of a total by the total, dwell by completed visits."""
    from transforms.metrics import ALL_WAYS, TOTAL

    if family == "dwell" and (row["bin"] != TOTAL or row["status"] != "COMPLETED"):
        return None
    if family == "heatmap" and row["cell_column"] != TOTAL:
        return None
    if family == "movement" and row["sector"] != ALL_WAYS:
        return None
    value: float | None = row[MAIN_FIELDS[family]]
    return value


def _print_table(found: list[Change], before: Records, after: Records) -> None:
    from rich.table import Table

    from pipeline.console import plain_console, print_whole

    console = plain_console()
    if not found:
        console.print("Nothing differs.")
        return
    ends = sum(change.kind == INTERVAL for change in found)
    if ends == len(found):
        console.print(f"No value differs; in {ends} rows the ends of error intervals do.")
        return
    kinds: dict[Place, Counter[str]] = defaultdict(Counter)
    for change in (each for each in found if each.kind != INTERVAL):
        kinds[_place(change.family, change.row)][change.kind] += 1
    sums = [_sums(records, kinds.keys()) for records in (before, after)]
    table = Table(title="What changed", title_justify="left", title_style="bold")
    for name in ("site", "family", "camera", "place", "hour", "window"):
        table.add_column(name)
    for name in ("added", "removed", "changed", "value", "before", "after"):
        table.add_column(name, justify="left" if name == "value" else "right")
    for place in sorted(kinds):
        site, family, camera, named, hour, size = place
        counts = (str(kinds[place][kind] or "") for kind in (ADDED, REMOVED, CHANGED))
        values = (_text(each.get(place)) for each in sums)
        where = site, family, camera, named, f"{hour:%Y-%m-%d %H}h", f"{size} s"
        table.add_row(*where, *counts, MAIN_FIELDS[family], *values)
    print_whole(table)
    total = sum(kinds.values(), Counter[str]())
    console.print(f"{total.total()} rows differ: " + ", ".join(f"{total[kind]} {kind}" for kind in sorted(total)))
    if ends:
        console.print(f"In {ends} more nothing but the ends of error intervals does.")


def _sums(records: Records, places: Iterable[Place]) -> dict[Place, float]:
    wanted = set(places)
    sums: dict[Place, float] = {}
    for family, rows in records.items():
        for row in rows:
            value = _main_value(family, row)
            if value is not None and (place := _place(family, row)) in wanted:
                sums[place] = sums.get(place, 0) + value
    return sums


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _as_json(change: Change) -> dict[str, Any]:
    key = {name: _plain(change.row[name]) for name in _names(change.family)}
    fields = {name: {"before": before, "after": after} for name, before, after in _values(change)}
    return {"family": change.family, "change": change.kind, **key, "fields": fields}


def _values(change: Change) -> list[tuple[str, Any, Any]]:
    return [
        (name, _plain((change.before or {}).get(name)), _plain((change.after or {}).get(name)))
        for name in change.fields
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _print_csv(found: list[Change]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(("site", "family", "camera", "place", "window_start", "window_size_seconds", "row", "change",
                     "field", "before", "after"))  # fmt: skip
    for change in found:
        site, family, camera, named, _, size = _place(change.family, change.row)
        rest = [f"{name}={change.row[name]}" for name in ("status", "bin", "cell_column", "cell_row", "sector")
                if name in change.row]  # fmt: skip
        start = _plain(change.row["window_start"])
        for name, before, after in _values(change) or [("", None, None)]:
            writer.writerow(
                (site, family, camera, named, start, size, " ".join(rest), change.kind, name, before, after)
            )
