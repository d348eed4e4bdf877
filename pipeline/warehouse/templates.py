"""Writes `templates/bigquery/` from the `.avsc` files: `python -m pipeline.warehouse.templates FOLDER`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from pipeline.warehouse.functions import create_functions
from pipeline.warehouse.tables import DATASET, create_external_table, create_tables
from schemas.records import FAMILIES

BUCKET = "gs://BUCKET/OUTPUT"

_MADE = "Made from schemas/*.avsc by `make schema`: change it there."
_RUN = f"Make the dataset {DATASET}, or put the name of yours; then: bq query --use_legacy_sql=false < "

_TABLES = """\
One table a family, with all revisions of its rows, and the ledger of loaded files.
`silhouette load bigquery` makes and fills them."""

_FUNCTIONS = """\
The records as they stand, one function a family, for one window size in seconds:
SELECT * FROM silhouette.footfall(900). They stand on the tables of tables.sql or external_tables.sql.
`silhouette load bigquery` makes them."""

_EXTERNAL = """\
The same tables over the job's Avro files, for those who load nothing: slower with every file, and always up to date.
Put the job's --output in place of gs://BUCKET/OUTPUT. BigQuery wants at least one file for each table: leave out a
family that has none (as queue, without queue zones), and run tables.sql afterwards, which makes those that are missing.
The folders site=…/date=… are not declared as partitions: BigQuery refuses a key that is a field of the files too."""


def templates() -> dict[str, str]:
    """Return the files of `templates/bigquery/` by name."""
    external = [create_external_table(family, DATASET, BUCKET) for family in FAMILIES]
    return {
        "tables.sql": _script("tables.sql", _TABLES, create_tables(DATASET)),
        "functions.sql": _script("functions.sql", _FUNCTIONS, create_functions(DATASET)),
        "external_tables.sql": _script("external_tables.sql", _EXTERNAL, external),
    }


def _script(name: str, about: str, statements: Iterable[str]) -> str:
    heading = "\n".join(f"-- {line}" for line in f"{about}\n{_RUN}{name}\n{_MADE}".splitlines())
    return "\n\n".join([heading, *(f"{statement};" for statement in statements)]) + "\n"


if __name__ == "__main__":
    for file, text in templates().items():
        (Path(sys.argv[1]) / file).write_text(text, "utf-8")
