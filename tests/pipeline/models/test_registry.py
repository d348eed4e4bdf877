"""Models by name: which card, which file, and what is told when one is missing."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.models import DEFAULT, ModelError, check, list_models, pull, resolve
from tests.support.graphs import constant_graph
from tests.support.models import shared_models_folder
from transforms import onnx_graph

CONTENT = constant_graph({"out": np.zeros((1, 126, 6))}, [1, 3, 64, 96])


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of models, and an empty cache."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("SILHOUETTE_MODELS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def write_card(folder: Path, name: str = "tiny", uri: str = "https://127.0.0.1:1/tiny.onnx") -> Path:
    path = folder / f"{name}.yaml"
    card = {
        "name": name,
        "uri": uri,
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "licence": "CC0-1.0",
        "source": "made for a test",
        "role": "person",
        "input": {"size": [64, 96], "colour": "bgr"},
        "output": {"kind": "yolox"},
        "classes": {"person": 0},
    }
    path.write_text(yaml.safe_dump(card))
    return path


def test_the_default_model_is_in_the_package(models: Path) -> None:
    card, path = resolve(DEFAULT)
    assert (card.name, card.role, card.uri) == ("person", "person", "builtin:person.onnx")
    assert check(DEFAULT).path == path
    assert pull(DEFAULT) == path
    assert path.stat().st_size < 8 * 1024 * 1024


def test_the_face_model_in_the_package_holds_no_landmarks(models: Path) -> None:
    card, path = resolve("face")
    assert (card.role, card.uri, card.licence) == ("face", "builtin:face.onnx", "MIT")
    graph = onnx_graph.parse(path.read_bytes()).graph
    assert [output.name for output in graph.output] == list(card.output.names)
    assert not any("lm_conv" in tensor.name for tensor in graph.initializer)
    assert check("face").verdict.cut == ()


def test_cards_of_the_package_are_valid(models: Path) -> None:
    listed = {each.card.name: each for each in list_models()}
    assert set(listed) >= {"person", "yolox_nano", "yolox_tiny", "yolox_s", "face", "yunet"}
    assert {name for name, each in listed.items() if each.card.role == "face"} == {"face", "yunet"}
    assert listed["yolox_s"].path is None
    for name in ("yolox_nano", "yolox_tiny", "yolox_s"):
        card = listed[name].card
        release = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"
        assert (card.uri, card.licence) == (f"{release}/{name}.onnx", "Apache-2.0")


def test_the_users_folder_comes_first(models: Path) -> None:
    write_card(models, "yolox_nano")
    (models / "tiny.onnx").write_bytes(CONTENT)
    card, path = resolve("yolox_nano")
    assert (card.source, path) == ("made for a test", models / "tiny.onnx")


def test_a_card_by_its_path_finds_the_file_beside_it(tmp_path: Path, models: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    write_card(site)
    (site / "tiny.onnx").write_bytes(CONTENT)
    assert resolve("tiny.yaml", relative_to=site)[1] == site / "tiny.onnx"
    assert resolve(str(site / "tiny.yaml"))[1] == site / "tiny.onnx"


def test_a_file_of_another_hash_is_not_taken(tmp_path: Path, models: Path) -> None:
    write_card(models)
    (models / "tiny.onnx").write_bytes(b"another file of that name")
    with pytest.raises(ModelError, match=r"not here \(the sha256 of .*tiny.onnx is not the card's\)"):
        resolve("tiny")


def test_a_model_that_is_not_here_says_how_to_get_it(models: Path) -> None:
    card = write_card(models)
    with pytest.raises(ModelError, match=r"silhouette models pull tiny$"):
        resolve("tiny")
    with pytest.raises(ModelError, match=f"silhouette models pull {card}$"):
        resolve(str(card))


@pytest.mark.parametrize("name", ["nobody", "../tiny", "", "Tiny"])
def test_an_unknown_name_lists_those_there_are(models: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"name one of .*yolox_nano"):
        resolve(name)


def test_a_folder_that_is_none(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILHOUETTE_MODELS", str(models / "gone"))
    with pytest.raises(ModelError, match=r"SILHOUETTE_MODELS is .*gone, which is no folder"):
        resolve("person")


def test_pulling_goes_to_the_cache_once(tmp_path: Path, models: Path) -> None:
    origin = tmp_path / "elsewhere/tiny.onnx"
    origin.parent.mkdir()
    origin.write_bytes(CONTENT)
    write_card(models, uri=origin.as_uri())
    path = pull("tiny")
    assert path.is_relative_to(tmp_path / "cache")
    origin.unlink()
    assert pull("tiny") == path == resolve("tiny")[1]
    assert check("tiny").card.name == "tiny"


def test_pulling_without_a_network_says_what_to_do_by_hand(tmp_path: Path, models: Path) -> None:
    write_card(models)
    with pytest.raises(ModelError, match=r"cannot be reached .* by hand, download https://\S+ and put") as caught:
        pull("tiny")
    folder = Path(str(caught.value).rsplit(" ", 1)[1])
    (folder / "tiny.onnx").write_bytes(CONTENT)
    assert resolve("tiny")[1] == folder / "tiny.onnx"


def test_a_cache_that_cannot_be_written(tmp_path: Path, models: Path) -> None:
    write_card(models)
    (tmp_path / "cache").write_text("no folder")
    with pytest.raises(ModelError, match=r"cannot be written to .*/cache/silhouette/models/"):
        pull("tiny")


def test_check_finds_the_card_of_a_file(tmp_path: Path, models: Path) -> None:
    write_card(models)
    path = tmp_path / "any_name.onnx"
    path.write_bytes(CONTENT)
    assert check(str(path)).card.name == "tiny"
    path.write_bytes(CONTENT + b"\0")
    with pytest.raises(ModelError, match="no card here describes this file"):
        check(str(path))
    with pytest.raises(ModelError, match="no such file"):
        check(str(tmp_path / "gone.onnx"))


def test_check_refuses_a_graph_that_is_not_the_cards(models: Path) -> None:
    card = write_card(models)
    card.write_text(card.read_text().replace("kind: yolox", "kind: ssd"))
    (models / "tiny.onnx").write_bytes(CONTENT)
    with pytest.raises(ModelError, match=r"does not agree with card tiny: output out is \[1, 126, 6\]"):
        check("tiny")


def test_the_evaluation_models_have_cards(tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shared_models_folder(tmp_path, shared)
    monkeypatch.setenv("SILHOUETTE_MODELS", str(folder))
    for card in folder.glob("*.yaml"):
        assert check(card.stem).path.parent == folder
    assert os.environ["SILHOUETTE_MODELS"] == str(folder)
