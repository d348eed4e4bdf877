"""`silhouette load`: bring Avro records into a warehouse."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "load",
        help="load records into a warehouse",
        description="Loads records into a warehouse.",
    )
    warehouses = parser.add_subparsers(dest="warehouse", required=True, metavar="WAREHOUSE")
    bigquery = warehouses.add_parser(
        "bigquery",
        help="load records into BigQuery",
        description="Makes the tables and functions where they are missing, and loads the files that were not loaded "
        "yet. Load as often as you like, and again after a failure: no row counts twice.",
        epilog="Credentials are Google's application default ones. Roles: BigQuery Job User on the project, BigQuery "
        "Data Editor on the dataset.",
    )
    bigquery.add_argument("--output", required=True, metavar="DIR", help="output of a run: a folder, or gs://…")
    bigquery.add_argument("--dataset", required=True, metavar="PROJECT.DATASET", help="made where there is none")
    bigquery.add_argument("--location", help="where to make the dataset, as EU (default: as BigQuery has it)")


def run(args: argparse.Namespace) -> int:
    """Load the records; 1 where something failed, 2 for a flag that does not fit."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.usage import LOG_IN
    from pipeline.view import RecordsError, record_files
    from pipeline.warehouse.bigquery import LocationError, connect, load, parse_dataset, prepare
    from schemas.records import FAMILIES

    def said(code: int, what: object) -> int:
        print(f"silhouette load bigquery: {what}", file=sys.stderr)
        return code

    try:
        dataset = parse_dataset(args.dataset)
    except ValueError as error:
        return said(USAGE, f"--dataset: {error}")
    files, rows = Counter[str](), Counter[str]()
    try:
        if not any(record_files(args.output, family) for family in FAMILIES):
            return said(USAGE, f"--output: {args.output} holds no records; give the output of a run")
        try:
            client = connect(dataset, args.location)
        except LocationError as error:
            return said(USAGE, f"--location: {error}")
        prepare(client, dataset)
        for loaded in load(client, dataset, args.output):
            files[loaded.family] += loaded.files
            rows[loaded.family] += loaded.new_rows
    except GoogleAuthError as error:
        return said(FAILED, f"{_line(error)}; {LOG_IN}")
    except (RecordsError, GoogleAPIError, OSError) as error:
        return said(FAILED, f"{_line(error)}; what is loaded stands: mend that, and load again")
    for family in FAMILIES:
        print(f"{family}: {files[family]:,} new files, {rows[family]:,} new rows")
    return OK


def _line(error: Exception) -> str:
    """Return an error's first line, without its full stop."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
