"""The command `silhouette models`."""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.models.command import add_parser, run
from tests.support.graphs import card_of, constant_graph


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return run(parser.parse_args(["models", *words]))


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("SILHOUETTE_MODELS", raising=False)


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("list") == 0
    printed = capsys.readouterr().out
    assert "Apache-2.0" in printed
    assert "not here: silhouette models pull yolox_tiny" in printed


def test_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("check", "person") == 0
    assert "agrees with card person" in capsys.readouterr().out


def test_pull_of_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("pull", "person") == 0
    assert Path(capsys.readouterr().out.strip()).name == "person.onnx"


def test_pull_into_a_folder_by_hash(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert call("pull", "person", "--to", str(tmp_path / "models")) == 0
    copy = Path(capsys.readouterr().out.strip())
    assert copy.parent == tmp_path / "models"
    assert copy.name == f"{hashlib.sha256(copy.read_bytes()).hexdigest()}.onnx"
    assert list(copy.parent.iterdir()) == [copy]
    assert call("check", str(copy)) == 0


def test_pull_into_a_folder_that_cannot_be_made(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    assert call("pull", "person", "--to", str(tmp_path / "models")) == 1
    assert "--to: " in capsys.readouterr().err


@pytest.mark.parametrize("action", ["check", "pull"])
def test_a_model_that_is_refused(capsys: pytest.CaptureFixture[str], action: str) -> None:
    assert call(action, "nobody") == 1
    assert f"silhouette models {action}: there is no model nobody" in capsys.readouterr().err


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("check", "face", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["role"], printed["admitted"], printed["licence"], printed["cut"]) == ("face", True, "MIT", [])


def test_a_model_that_its_card_does_not_save_as_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, shared: Path
) -> None:
    reid = (shared / "models/refuse/reid_osnet_x025_market1501.onnx").read_bytes()
    boxes = constant_graph({"out": np.zeros((1, 126, 6))}, [1, 3, 64, 96])
    for content, kind, size, why in (
        (reid, "yolox", (256, 128), "512 numbers for the picture as a whole"),
        (boxes, "ssd", (64, 96), "output out is [1, 126, 6]"),
    ):
        card = card_of(content, {"kind": kind}, input={"size": size, "colour": "rgb"})
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(card.model_dump(mode="json", exclude_unset=True)))
        (tmp_path / "tiny.onnx").write_bytes(content)
        assert call("check", str(tmp_path / "tiny.yaml"), "--json") == 1
        told = capsys.readouterr()
        printed = json.loads(told.out)
        assert (printed["file"], printed["role"]) == (str(tmp_path / "tiny.onnx"), "person")
        assert not printed["admitted"] and why in printed["reasons"][0] and why in told.err
        assert printed["sha256"] == card.sha256


def test_a_file_without_a_card(capsys: pytest.CaptureFixture[str], shared: Path) -> None:
    path = str(shared / "models/face/yunet_n_dynamic.onnx")
    assert call("check", path, "--role", "face") == 0
    printed = capsys.readouterr().out
    assert "admitted for role face" in printed
    assert "would be cut: output kps_16: landmarks, 10 numbers for each place" in printed
    assert call("check", path, "--role", "person") == 1
    assert "refused for role person\n  output kps_8 has 10 more numbers" in capsys.readouterr().out


def test_a_file_without_a_card_as_json(capsys: pytest.CaptureFixture[str], shared: Path) -> None:
    path = shared / "models/refuse/reid_osnet_x025_market1501.onnx"
    assert call("check", str(path), "--role", "person", "--json") == 1
    printed = json.loads(capsys.readouterr().out)
    assert not printed["admitted"]
    assert "512 numbers for the picture as a whole" in printed["reasons"][0]
    assert printed["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("check", "gone.onnx", "--role", "person") == 1
    assert "gone.onnx: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["destroy"], ["list", "person"], ["check", "person", "--role", "age"]])
def test_wrong_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        call(*words)
    assert caught.value.code == 2
