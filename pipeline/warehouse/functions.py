"""The records as they stand, in SQL: one text for BigQuery and DuckDB, the same as `pipeline.view.current`.

Each family has a table function of its name that takes one window size in seconds, `footfall(900)`: sizes lie over
each other, so a sum over several would count twice. Columns are written with their table, `r.group`: so a reserved
word is a name in both dialects, without either's quotes.
"""

from __future__ import annotations

from pipeline.warehouse.tables import history
from schemas.avro import natural_key
from schemas.records import FAMILIES


def standing(family: str, dataset: str) -> str:
    """Return the query for a family's rows that stand, each once; `window_size` is a name it does not bind.

    Of each site and window the newest `site_version` over all families, of it each group's highest `revision`, whole.
    """
    sources = "\n    UNION ALL\n".join(
        f"    SELECT r.site, r.window_size_seconds, r.window_start, r.site_version FROM {dataset}.{history(each)} AS r"
        for each in FAMILIES
    )
    return f"""\
SELECT DISTINCT r.*
FROM {dataset}.{history(family)} AS r
JOIN (
  SELECT v.site, v.window_start, MAX(v.site_version) AS site_version
  FROM (
{sources}
  ) AS v
  WHERE v.window_size_seconds = window_size
  GROUP BY v.site, v.window_start
) AS newest
ON r.site = newest.site AND r.window_start = newest.window_start AND r.site_version = newest.site_version
WHERE r.window_size_seconds = window_size
QUALIFY r.revision = MAX(r.revision) OVER (PARTITION BY r.site, r.group, r.window_start)"""


def create_function(family: str, dataset: str) -> str:
    """Return BigQuery's statement that makes, or makes anew, a family's function."""
    return f"CREATE OR REPLACE TABLE FUNCTION {dataset}.{family}(window_size INT64) AS\n{standing(family, dataset)}"


def create_macro(family: str, dataset: str) -> str:
    """Return DuckDB's statement that makes the same function."""
    return f"CREATE MACRO {dataset}.{family}(window_size) AS TABLE\n{standing(family, dataset)}"


def create_functions(dataset: str) -> list[str]:
    """Return BigQuery's statements that make all functions."""
    return [create_function(family, dataset) for family in FAMILIES]


def contradictions(family: str, rows: str) -> str:
    """Return the query for records that have two values: the same natural key, and rows that differ.

    Args:
      family: Record family.
      rows: The rows to look at, as they stand after FROM, equal ones once.
    """
    names = "site", "camera", "window_start", "site_version", "revision"
    return (
        f"SELECT {', '.join(f'r.{name}' for name in names)}\nFROM {rows} AS r\n"
        f"GROUP BY {', '.join(f'r.{name}' for name in natural_key(family))}\nHAVING COUNT(*) > 1\nLIMIT 1"
    )
