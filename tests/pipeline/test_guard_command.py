"""`silhouette guard check`: one verdict a record of anyone's files, path and reason, and never a value."""

from __future__ import annotations

import base64
import io
import json
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pytest

from pipeline.cli import main
from pipeline.sinks import encode_file
from tests.golden.make import GOLDEN, example

TEMPLATE = base64.b64encode(struct.pack("64f", *(0.01 * at - 0.3 for at in range(64)))).decode()
CLEAN: dict[str, Any] = {"store": "S1", "hour": 9, "visitors": 42}
LISTED = [CLEAN, CLEAN | {"faceVec": [0.1, 0.2]}, CLEAN | {"extra": {"q": TEMPLATE}}]


def check(*arguments: object) -> int:
    return main(["guard", "check", *map(str, arguments)])


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, LISTED)) + "\n\n", "utf-8")
    return path


def test_every_record_gets_a_verdict(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(lines, "--json") == 1
    told = capsys.readouterr().out
    assert [(each["record"], each["clean"]) for each in json.loads(told)] == [(1, True), (2, False), (3, False)]
    assert [each["findings"] for each in json.loads(told)][1:] == [
        [{"path": "faceVec", "reason": "name_of_face"}],
        [{"path": "extra.q", "reason": "encoded_text"}],
    ]
    assert TEMPLATE[:20] not in told


def test_the_table_shows_what_was_found(
    lines: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert check(lines, "--limit", 1) == 1
    told = capsys.readouterr().out
    assert "faceVec" in told and "name_of_face" in told
    assert "1 more findings" in told
    assert "2 of 3 records hold what must not leave." in told


def test_clean_files_of_every_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text(json.dumps([CLEAN, CLEAN]))
    (tmp_path / "one.json").write_text(json.dumps(CLEAN))
    assert (
        check(tmp_path / "a.json", tmp_path / "one.json", *GOLDEN.glob("*.avro"), *Path("schemas").glob("*.avsc")) == 0
    )
    told = capsys.readouterr().out
    assert f"0 of {3 + len(list(GOLDEN.glob('*.avro')))} records hold what must not leave." in told
    assert "Schemas that do: 0." in told


def test_others_avro_is_judged_by_schema_and_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = {
        "type": "record",
        "name": "Row",
        "fields": [
            {"name": "store", "type": "string"},
            {"name": "q", "type": ["null", "bytes"], "default": None},
            {"name": "note", "type": "string"},
        ],
    }
    buffer = io.BytesIO()
    rows = [{"store": "S1", "q": b"\xff\xd8\xff\xe0", "note": "fine"}, {"store": "S1", "note": TEMPLATE}]
    fastavro.writer(buffer, schema, rows)
    (tmp_path / "rows.avro").write_bytes(buffer.getvalue())
    assert check(tmp_path / "rows.avro", "--json") == 1
    found = [
        (each["record"], [(f["path"], f["reason"]) for f in each["findings"]])
        for each in json.loads(capsys.readouterr().out)
    ]
    assert found == [(0, [("q", "raw_bytes")]), (1, [("q", "image_bytes")]), (2, [("note", "encoded_text")])]


def test_records_of_our_own_families_are_held_to_their_contract(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [example("footfall"), example("footfall") | {"coverage": 0.123456789}, example("footfall") | {"n": -1}]
    (tmp_path / "own.avro").write_bytes(encode_file("footfall", rows))
    assert check(tmp_path / "own.avro", "--json") == 1
    found = [[(f["path"], f["reason"]) for f in each["findings"]] for each in json.loads(capsys.readouterr().out)]
    # The schema first, then the rows in the order of the file.
    assert found[0] == []
    assert sorted(found[1:]) == [[], [("coverage", "finer_than_step")], [("n", "out_of_bounds")]]


def test_a_schema_of_our_own_is_held_to_the_closed_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(Path("schemas/footfall.avsc").read_text("utf-8"))
    schema["fields"] += [{"name": "note", "type": "string"}, {"name": "v", "type": "long"}]
    (tmp_path / "footfall.avsc").write_text(json.dumps(schema))
    assert check(tmp_path / "footfall.avsc", "--json") == 1
    (verdict,) = json.loads(capsys.readouterr().out)
    assert [(f["path"], f["reason"]) for f in verdict["findings"]] == [("note", "no_vocabulary"), ("v", "unbounded")]


def test_a_name_that_stands_twice_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "twice.jsonl").write_text(f'{{"note": "{TEMPLATE}", "note": "fine"}}\n')
    assert check(tmp_path / "twice.jsonl") == 1


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("rows.jsonl", b'{"a": 1}\n{"secret-value": ', "rows.jsonl, line 2: is no JSON"),
        ("rows.json", b"\xff\xfe", "rows.json: is no JSON"),
        ("rows.avro", b"no avro", "rows.avro: is no Avro file"),
        ("rows.avsc", b"7", "rows.avsc: holds no Avro schema"),
        ("rows.avsc", b'{"type": "record", "fields": [{"type": "int"}]}', "rows.avsc: is no Avro schema"),
        ("rows.csv", b"a,b", "rows.csv: give records as"),
        ("deep.json", b"[" * 100_000, "deep.json: is no JSON"),
    ],
)
def test_what_cannot_be_read_is_told(
    name: str, content: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert check(tmp_path / name) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "secret-value" not in error


def test_a_damaged_block_is_told_and_nothing_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = bytearray(encode_file("footfall", [example("footfall")]))
    # After the marker that ends the header: how many rows, how many bytes, and the first of these.
    whole[whole.index(whole[-16:]) + 16 + 1 + 2] = 0xFF
    (tmp_path / "own.avro").write_bytes(whole)
    assert check(tmp_path / "own.avro") == 2
    assert "own.avro: is no Avro file, or is damaged" in capsys.readouterr().err


def test_a_local_time_is_no_instant_of_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = Path("schemas/footfall.avsc").read_text("utf-8")
    local = json.loads(written.replace('"timestamp-micros"', '"local-timestamp-micros"'))
    buffer = io.BytesIO()
    fastavro.writer(buffer, local, [example("footfall")])
    (tmp_path / "own.avro").write_bytes(buffer.getvalue())
    assert check(tmp_path / "own.avro", "--json") == 1
    _, verdict = json.loads(capsys.readouterr().out)
    assert {each["path"] for each in verdict["findings"]} == {"window_start", "window_end"}


def test_decimals_are_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 4}
    schema = {"type": "record", "name": "Row", "fields": [{"name": f"v{at}", "type": kind} for at in range(64)]}
    buffer = io.BytesIO()
    numbers = struct.unpack("64f", base64.b64decode(TEMPLATE))
    row = {f"v{at}": Decimal(f"{value:.4f}") for at, value in enumerate(numbers)}
    fastavro.writer(buffer, schema, [row])
    (tmp_path / "rows.avro").write_bytes(buffer.getvalue())
    assert check(tmp_path / "rows.avro", "--json") == 1
    found = [(each["record"], each["findings"][0]) for each in json.loads(capsys.readouterr().out)]
    assert found == [(at, {"path": "v#", "reason": "vector"}) for at in (0, 1)]


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path / "none.jsonl") == 2
    assert "none.jsonl" in capsys.readouterr().err
