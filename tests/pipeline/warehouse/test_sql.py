"""`silhouette sql`: the answer in three forms, and what is said of a wrong query."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.pipeline.warehouse.commands import command
from tests.pipeline.warehouse.stories import row, write_rows, write_story

QUERY = """\
SELECT f.window_start, f.line, SUM(f.count) AS people, NULL AS nothing, true AS yes
FROM silhouette.footfall(60) AS f
GROUP BY f.window_start, f.line
ORDER BY f.line"""


def test_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_story(tmp_path, [0])
    assert command("sql", QUERY, "--output", tmp_path) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if "line-" in line]
    assert lines[0] == ["2026-01-05", "09:00:00", "line-0", "7", "True"]


def test_values_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_story(tmp_path, [0])
    assert command("sql", QUERY, "--output", tmp_path, "--json") == 0
    first, *_ = json.loads(capsys.readouterr().out)
    assert first == {
        "window_start": "2026-01-05T09:00:00.000000Z", "line": "line-0", "people": 7, "nothing": None, "yes": True,
    }  # fmt: skip
    assert command("sql", QUERY, "--output", tmp_path, "--csv") == 0
    first, *_ = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert first == {
        "window_start": "2026-01-05T09:00:00.000000Z", "line": "line-0", "people": "7", "nothing": "", "yes": "true",
    }  # fmt: skip


def test_no_number_that_json_does_not_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_story(tmp_path, [0])
    assert command("sql", "SELECT 'nan'::DOUBLE AS a, 1.5 AS b", "--output", tmp_path, "--json") == 0
    assert capsys.readouterr().out == '[\n  {\n    "a": null,\n    "b": "1.5"\n  }\n]\n'
    assert command("sql", "SELECT 1 AS a, 2 AS a", "--output", tmp_path, "--json") == 2
    assert "two columns have one name" in capsys.readouterr().err


def test_a_familys_name_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_story(tmp_path, [0])
    query = "SELECT COUNT(*) AS rows FROM footfall"
    assert command("sql", query, "--output", tmp_path, "--window", 900, "--csv") == 0
    assert capsys.readouterr().out == "rows\n3\n"
    assert command("sql", query, "--output", tmp_path) == 2
    assert "There are windows of 60 and 900 seconds: write footfall(60), or give --window." in capsys.readouterr().err
    assert command("sql", query, "--output", tmp_path, "--window", 61) == 2
    assert "--window: " in capsys.readouterr().err
    write_rows(tmp_path / "one", {"footfall": [row("footfall")]})
    assert command("sql", query, "--output", tmp_path / "one", "--csv") == 0


@pytest.mark.parametrize(
    ("query", "said"),
    [("SELEC 1", "syntax error"), ("DROP TABLE queue_history", "must be one SELECT"), ("SELECT people", "people")],
)
def test_wrong_queries(tmp_path: Path, query: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_story(tmp_path, [0])
    assert command("sql", query, "--output", tmp_path) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "There are windows" not in told


def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("sql", "SELECT 1", "--output", tmp_path) == 2
    assert "holds no records" in capsys.readouterr().err
    broken = tmp_path / "records/queue/broken.avro"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no avro")
    assert command("sql", "SELECT 1", "--output", tmp_path) == 1
    assert "broken.avro" in capsys.readouterr().err
