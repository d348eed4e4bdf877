"""The queries of docs/warehouse.md: each runs, on DuckDB and on BigQuery's emulator, with the same answer."""

import re
from pathlib import Path

import pytest

from pipeline.warehouse.bigquery import Dataset, connect, load, prepare
from pipeline.warehouse.local import ask, open_records
from tests.conftest import ROOT
from tests.pipeline.warehouse.stories import comparable, write_story

QUERIES = re.findall(r"```sql\n(.*?)\n```", (ROOT / "docs/warehouse.md").read_text("utf-8"), re.DOTALL)
SELECTS = [query for query in QUERIES if query.startswith("SELECT")]


def test_queries_are_found() -> None:
    assert len(SELECTS) == 10


@pytest.mark.parametrize("query", SELECTS, ids=lambda query: query.partition("FROM silhouette.")[2].split("(")[0])
def test_queries_answer_from_files(tmp_path: Path, query: str) -> None:
    write_story(tmp_path, range(3))
    database, _ = open_records(str(tmp_path))
    answer = ask(database, query.replace("example-library", "lab"))
    assert answer.rows
    assert not any(value is None for value in answer.rows[0])


def test_bigquery_answers_them_alike(dataset: Dataset, tmp_path: Path) -> None:
    write_story(tmp_path, range(3))
    client = connect(dataset, None)
    prepare(client, dataset)
    assert list(load(client, dataset, str(tmp_path)))
    database, _ = open_records(str(tmp_path))
    for query in QUERIES:
        asked = query.replace("example-library", "lab")
        found = [dict(row.items()) for row in client.query_and_wait(asked.replace("silhouette.", f"{dataset.sql}."))]
        if query in SELECTS:
            answer = ask(database, asked)
            here = [dict(zip(answer.columns, each, strict=True)) for each in answer.rows]
            assert comparable(found) == comparable(here), query
    view = f"SELECT COUNT(*) FROM {dataset.sql}.footfall_quarter_hours"
    assert [row[0] for row in client.query_and_wait(view)] == [3]
