"""The warehouse on a laptop: the reference's rows, and nothing else to be had."""

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.view import ContradictionError, UnreadableRecordsError
from pipeline.warehouse.local import QueryError, ask, lock, name_views, open_records
from schemas.records import FAMILIES
from tests.pipeline.warehouse.stories import (
    SIZES,
    STORY,
    comparable,
    expected,
    row,
    write_rows,
    write_story,
    write_world,
)


def standing(database: duckdb.DuckDBPyConnection, size: int) -> dict[str, list[str]]:
    answers = {family: ask(database, f"SELECT * FROM silhouette.{family}({size})") for family in FAMILIES}
    return {
        family: comparable(dict(zip(answer.columns, each, strict=True)) for each in answer.rows)
        for family, answer in answers.items()
    }


@settings(max_examples=15, derandomize=True)
@given(st.lists(st.sampled_from(range(len(STORY))), min_size=1, unique=True))
def test_rows_are_those_of_the_reference(steps: list[int]) -> None:
    with TemporaryDirectory() as folder:
        write_story(Path(folder), steps)
        database, _ = open_records(folder)
        for size in SIZES:
            assert standing(database, size) == expected(Path(folder), size)


def test_rows_are_those_of_the_reference_for_what_the_job_made(tmp_path: Path) -> None:
    write_world(tmp_path)
    database, sizes = open_records(str(tmp_path))
    assert sizes == (60, 120)
    assert standing(database, 120) == expected(tmp_path, 120)


def test_a_name_alone_is_one_window_size(tmp_path: Path) -> None:
    write_story(tmp_path, [0])
    database, sizes = open_records(str(tmp_path))
    assert sizes == SIZES
    with pytest.raises(QueryError, match="does not exist"):
        ask(database, "SELECT * FROM footfall")
    name_views(database, 900)
    assert ask(database, "SELECT COUNT(*) AS rows FROM footfall") == (("rows",), [(3,)])
    assert ask(database, "SELECT COUNT(*) FROM footfall(60)").rows == [(3,)]


def test_two_values_for_one_record_are_told_where_they_stand(tmp_path: Path) -> None:
    write_rows(tmp_path, {"dwell": [row("dwell")]})
    write_rows(tmp_path, {"dwell": [row("dwell", n=2)]})
    with pytest.raises(ContradictionError, match="two dwell records of site lab"):
        open_records(str(tmp_path))
    write_rows(tmp_path, {"dwell": [row("dwell", revision=2)]})
    open_records(str(tmp_path))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    write_story(tmp_path, [0])
    (tmp_path / "records/queue/broken.avro").write_bytes(b"Obj")
    with pytest.raises(UnreadableRecordsError, match=r"broken\.avro: is no Avro file of queue records"):
        open_records(str(tmp_path))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM '{secret}'",
        "FROM glob('{folder}/*')",
        "SELECT * FROM parquet_scan('http://127.0.0.1:9/a.parquet')",
        "SELECT * FROM statements",
        "SELECT getenv('HOME')",
        "SELECT 1; SELECT 2",
        "COPY silhouette.queue_history TO '{folder}/copy.csv'",
        "EXPORT DATABASE '{folder}/copy'",
        "ATTACH '{folder}/copy.db'",
        "INSTALL spatial",
        "LOAD spatial",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "DROP TABLE silhouette.queue_history",
        "CALL pragma_version()",
        "PRAGMA database_list",
        "EXPLAIN ANALYZE SELECT 1",
        "SELEC 1",
        "",
    ],
)
def test_nothing_else_can_be_reached(tmp_path: Path, query: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\nwatch me\n", "utf-8")
    database, _ = open_records(str(tmp_path))
    lock(database)
    with pytest.raises(QueryError) as raised:
        ask(database, query.format(secret=secret, folder=tmp_path))
    assert "watch me" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


@pytest.mark.parametrize("query", ["DESCRIBE silhouette.queue_history", "SHOW TABLES", "WITH a AS (SELECT 1) FROM a"])
def test_what_only_reads_is_answered(tmp_path: Path, query: str) -> None:
    database, _ = open_records(str(tmp_path))
    lock(database)
    assert ask(database, query).rows
