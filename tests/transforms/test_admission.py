"""The gate: a file gets in only as what its card says."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from tests.support.graphs import card_of, constant_graph
from transforms.admission import ModelRefused, derive, load

YOLOX = {"kind": "yolox"}


@pytest.fixture
def good() -> bytes:
    return constant_graph({"out": np.zeros((1, 126, 6))}, [1, 3, 64, 96])


def write(folder: Path, content: bytes) -> Path:
    path = folder / "tiny.onnx"
    path.write_bytes(content)
    return path


def test_a_good_model_is_admitted(tmp_path: Path, good: bytes) -> None:
    card = card_of(good, YOLOX)
    model = load(card, write(tmp_path, good))
    assert (model.input_name, model.output_names) == ("picture", ("out",))
    verdict = model.verdict
    assert (verdict.admitted, verdict.reasons, verdict.cut) == (True, (), ())
    assert (verdict.role, verdict.licence, verdict.sha256) == ("person", "CC0-1.0", card.sha256)
    assert verdict.derived_sha256 is not None
    assert verdict == load(card, write(tmp_path, good)).verdict


def test_a_model_runs_on_one_thread_in_order(tmp_path: Path, good: bytes) -> None:
    """One worker process a core; and sums of floats depend on how they are shared out."""
    model = load(card_of(good, YOLOX), write(tmp_path, good))
    options = model.session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    assert model.session.get_providers() == ["CPUExecutionProvider"]


def test_another_file_is_refused(tmp_path: Path, good: bytes) -> None:
    other = constant_graph({"out": np.ones((1, 126, 6))}, [1, 3, 64, 96])
    with pytest.raises(ModelRefused, match=r"is not the file of card tiny: its sha256 is [0-9a-f]{64}"):
        load(card_of(good, YOLOX), write(tmp_path, other))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="no ONNX file"):
        load(card_of(b"something", YOLOX), write(tmp_path, b"something"))


def test_a_size_that_the_graph_cannot_take_is_refused(shared: Path) -> None:
    path = shared / "models/person/yolox_nano.onnx"
    card = card_of(path.read_bytes(), YOLOX, input={"size": (400, 416), "colour": "bgr"})
    with pytest.raises(ModelRefused, match=r"cannot run with an input of 400x416 .* multiple of 32"):
        load(card, path)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "image"}, "the graph's input is picture, not image"),
        ({"layout": "nhwc"}, "not one picture of three channels in nhwc"),
        ({"dtype": "uint8"}, "is float, not uint8"),
    ],
)
def test_an_input_that_is_not_the_cards_is_refused(
    tmp_path: Path, good: bytes, changed: dict[str, Any], words: str
) -> None:
    card = card_of(good, YOLOX, input={"size": (64, 96), "colour": "bgr"} | changed)
    with pytest.raises(ModelRefused, match=words):
        load(card, write(tmp_path, good))


def test_the_output_of_another_kind_is_refused(shared: Path) -> None:
    """Models that compute templates or attributes of people are no detectors, whatever their cards say."""
    for path in sorted((shared / "models/refuse").glob("*.onnx")):
        card = card_of(path.read_bytes(), YOLOX, input={"size": (64, 64), "colour": "bgr"})
        with pytest.raises(ModelRefused):
            load(card, path)


def test_what_runs_depends_on_the_card_alone(shared: Path) -> None:
    content = (shared / "models/person/yolox_nano.onnx").read_bytes()
    small, large = (card_of(content, YOLOX, input={"size": size, "colour": "bgr"}) for size in [(256, 416), (384, 640)])
    assert derive(small, content) == derive(small, content)
    assert derive(small, content) != derive(large, content)
