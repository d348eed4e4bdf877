"""Cuts: what is left is computed as before, bit for bit, and what was cut not at all."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from pipeline.models.cards import read_card
from tests.support.detectors import SIZE, faces
from tests.support.graphs import card_of
from tests.support.models import CARDS
from transforms import onnx_cut, onnx_graph
from transforms.admission import derive, load


def run(model: onnx.ModelProto, picture: np.ndarray) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx_graph.serialise(model), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: picture}), strict=True))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(0, 255, (1, 3, height, width)).astype(np.float32)


def widths(model: onnx.ModelProto) -> set[int]:
    """Return how many channels the graph's convolutions compute."""
    shapes = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    return {shapes[node.input[1]][0] for node in model.graph.node if node.op_type == "Conv"}


@pytest.mark.parametrize("fused", ["convolution", "rows"])
def test_landmarks_fused_with_boxes_are_never_computed(fused: str) -> None:
    content = faces(fused)
    output = {"kind": "rows", "scores": 4, "unit": "pixels"}
    card = card_of(content, output, role="face", classes=["background", "face"], input={"size": SIZE, "colour": "rgb"})
    derived, classes = derive(card, content)
    cut = onnx_graph.parse(derived)
    whole, left = run(onnx_graph.parse(content), noise(*SIZE))["rows"], run(cut, noise(*SIZE))["rows"]
    assert classes == (0,)
    assert np.array_equal(left, whole[..., [0, 1, 2, 3, 5]])
    assert widths(cut).isdisjoint({10, 16})


def test_the_verdict_says_what_was_cut(tmp_path: Path) -> None:
    content = faces()
    path = tmp_path / "faces.onnx"
    path.write_bytes(content)
    output = {"kind": "rows", "scores": 4, "unit": "pixels"}
    card = card_of(content, output, role="face", classes=["background", "face"], input={"size": SIZE, "colour": "rgb"})
    verdict = load(card, path).verdict
    assert verdict.cut == ("output rows: landmarks, columns 6 to 15",)
    assert verdict.derived_sha256 != verdict.sha256


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("centerface", ["output 540"]),
        ("yunet_n_dynamic", ["output kps_8", "output kps_16", "output kps_32"]),
        ("yunet_n_640_640", ["output kps_8", "output kps_16", "output kps_32"]),
        ("ultraface", []),
    ],
)
def test_face_detectors_lose_their_landmarks_and_keep_their_boxes(shared: Path, name: str, cut: list[str]) -> None:
    card = read_card(CARDS / f"{name}.yaml")
    size = (240, 320) if name == "ultraface" else (256, 320)
    card = card.model_copy(update={"input": card.input.model_copy(update={"size": size})})
    path = next(path for path in (shared / "models/face").glob("*.onnx") if read_sha(path) == card.sha256)
    verdict = load(card, path).verdict
    assert [each.partition(":")[0] for each in verdict.cut] == cut
    assert all("landmarks, 10 numbers for each place" in each for each in verdict.cut)
    derived = onnx_graph.parse(derive(card, path.read_bytes())[0])
    whole = onnx_graph.resize(onnx_graph.parse(path.read_bytes()), size, "nchw", "float32")
    before, after = run(whole, noise(*size)), run(derived, noise(*size))
    assert {f"output {output}" for output in before.keys() - after.keys()} == set(cut)
    assert all(np.array_equal(values, before[output]) for output, values in after.items())
    assert 10 not in widths(derived)


def read_sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_columns_that_cannot_be_taken_further_back_are_left_out() -> None:
    content = faces("rows")
    model = onnx_graph.resize(onnx_graph.parse(content), SIZE, "nchw", "float32")
    picture = noise(*SIZE)
    whole = run(model, picture)["rows"]
    for columns in ([5], [0, 4], [15, 3], list(range(16))):  # one of two that a softmax weighs against each other
        taken = onnx_cut.take_columns(model, 2, columns)
        assert np.array_equal(run(taken, picture)["rows"], whole[..., columns])
        assert onnx_graph.serialise(taken) == onnx_graph.serialise(onnx_cut.take_columns(model, 2, columns))
