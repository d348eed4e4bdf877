"""`silhouette deadletters`: what was set aside, by stage and reason, with cameras and times."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.deadletters import by_reason, read_letters
from pipeline.sinks import write_file
from schemas.clock import SECOND_US
from tests.golden.make import INSTANT_US, example
from tests.pipeline.warehouse.commands import command
from transforms.guard import Guarded


def letter(reason: str, after_s: float | None = 0, camera: str = "door", site: str = "lab") -> dict[str, Any]:
    when = None if after_s is None else INSTANT_US + int(after_s * SECOND_US)
    return example("dead_letter") | {
        "stage": "ValidateClips", "reason": reason, "site": site, "camera": camera, "event_time": when,
    }  # fmt: skip


LETTERS = [
    letter("wrong_hash", 60), letter("wrong_hash", 0), letter("wrong_hash", 60, "gate"), letter("wrong_hash", 60),
    letter("bad_envelope", None, "unknown", "unknown"),
]  # fmt: skip


@pytest.fixture
def output(tmp_path: Path) -> Path:
    for site in ("lab", "unknown"):
        own = [Guarded("dead_letter", each) for each in LETTERS if each["site"] == site]
        write_file(str(tmp_path), ("dead_letter", site, ""), own)
    return tmp_path


def test_letters_are_counted_by_stage_and_reason(output: Path) -> None:
    wrong, bad = by_reason(read_letters(str(output)))
    assert (wrong.stage, wrong.reason, wrong.letters) == ("ValidateClips", "wrong_hash", 4), "equal ones are two facts"
    assert wrong.cameras == ("lab/door", "lab/gate")
    assert (wrong.first, wrong.last) == ("2026-01-05T09:00:00.000000Z", "2026-01-05T09:01:00.000000Z")
    assert (bad.letters, bad.cameras, bad.first, bad.last) == (1, ("unknown/unknown",), None, None)


def test_they_are_listed(output: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert command("deadletters", "--output", output) == 0
    told = capsys.readouterr().out
    assert "Dead letters: 5" in told
    assert told.index("wrong_hash") < told.index("bad_envelope")


def test_those_of_a_time_and_those_of_an_unknown_one(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("deadletters", "--output", output, "--since", "2026-01-05T10:00:30+01:00", "--json") == 0
    wrong, bad = json.loads(capsys.readouterr().out)
    assert wrong["letters"] == 3
    assert wrong["first"] == wrong["last"] == "2026-01-05T09:01:00.000000Z"
    assert bad == {
        "stage": "ValidateClips", "reason": "bad_envelope", "letters": 1, "cameras": ["unknown/unknown"],
        "first": None, "last": None,
    }  # fmt: skip


def test_none_and_nothing_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("deadletters", "--output", tmp_path / "nowhere") == 2
    assert "holds neither records nor dead letters" in capsys.readouterr().err
    health = Guarded("camera_health", example("camera_health"))
    write_file(str(tmp_path), ("camera_health", "example", "2026-01-05"), [health])
    assert command("deadletters", "--output", tmp_path) == 0
    assert capsys.readouterr().out == "No dead letters.\n"


def test_wrong_use(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for since, told in (
        ("2026-01-05", "must be an instant with its offset"),
        ("1960-01-01T00:00:00Z", "must be between"),
    ):
        assert command("deadletters", "--output", output, "--since", since) == 2
        assert f"silhouette deadletters: --since: {told}" in capsys.readouterr().err
    (output / "dead_letters/broken.avro").write_bytes(b"no avro")
    assert command("deadletters", "--output", output) == 1
    assert "broken.avro" in capsys.readouterr().err
