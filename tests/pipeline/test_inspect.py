"""`silhouette inspect`: records as a table or CSV, none cut off and none left out unsaid."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pipeline.sinks import write_file
from tests.support.command import silhouette_here
from tests.support.world import a_site, clips_of, records_of, span, walker
from transforms.guard import Guarded, to_fields


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output")
    records = [to_fields(each) for each in records_of(a_site(), clips_of([walker(1)], 60), span(0, 60))
               if type(each).__name__ == "Footfall"]  # fmt: skip
    write_file(str(folder), ("footfall", "lab", "2026-01-05"), [Guarded("footfall", row) for row in records])
    return folder


def test_rows_are_printed_whole_at_any_width(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    done = silhouette_here("inspect", output)
    assert done.returncode == 0 and "Footfall: " in done.stdout
    assert "direction" in done.stdout and "\u2026" not in done.stdout


def test_csv_has_every_field_of_every_row(output: Path) -> None:
    rows = list(csv.DictReader(silhouette_here("inspect", output, "--format", "csv").stdout.splitlines()))
    assert {row["direction"] for row in rows} == {"in", "out"}
    assert sum(int(row["count"]) for row in rows if row["window_size_seconds"] == "60") == 1


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--limit", "-3"), "--limit: 0 rows at least"),
        (("--fields", "gait"), "--fields: silhouette.Footfall has no gait; it has"),
    ],
)
def test_a_flag_that_does_not_fit_is_named(output: Path, flags: tuple[str, str], told: str) -> None:
    done = silhouette_here("inspect", output, *flags)
    assert done.returncode == 2 and told in done.stderr


def test_what_holds_no_records_is_told(tmp_path: Path) -> None:
    assert "no .avro file there" in silhouette_here("inspect", tmp_path).stderr
    assert "no such file or folder" in silhouette_here("inspect", tmp_path / "none").stderr
    (tmp_path / "broken.avro").write_bytes(b"Obj\x01?")
    done = silhouette_here("inspect", tmp_path)
    assert done.returncode == 2 and "broken.avro" in done.stderr and "Traceback" not in done.stderr
