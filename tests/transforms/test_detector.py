"""Detectors on real pictures, and against a plain reading of the same model."""

import gc
import json
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.models import resolve
from tests.support.accuracy import Labelled, average_precision, look, plaza, streets, with_floor
from tests.support.graphs import card_of
from tests.support.models import shared_models_folder
from transforms.boxes import iou
from transforms.detector import Detector


@pytest.fixture
def models(tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = shared_models_folder(tmp_path, shared)
    monkeypatch.setenv("SILHOUETTE_MODELS", str(folder))
    return folder


@pytest.fixture(scope="module")
def frames(shared: Path) -> list[Labelled]:
    return list(plaza(shared, 40))


def opened(name: str, floor: float = 0.05) -> Detector:
    card, path = resolve(name)
    return Detector.open(with_floor(card, floor), path)


def plain_yolox(path: Path, picture: np.ndarray, floor: float, threshold: float) -> list[tuple[float, list[float]]]:
    """Detect people as anybody would write it: the file as it is, all classes, cell after cell, box after box."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    ratio = min(416 / picture.shape[0], 416 / picture.shape[1])
    scaled = cv2.resize(picture, (round(picture.shape[1] * ratio), round(picture.shape[0] * ratio)))
    padded = np.full((416, 416, 3), 114, np.uint8)
    padded[: scaled.shape[0], : scaled.shape[1]] = scaled
    rows = session.run(None, {"images": padded.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
    candidates = []
    index = 0
    for stride in (8, 16, 32):
        for row in range(416 // stride):
            for column in range(416 // stride):
                x, y, w, h, certain = rows[index][:5]
                score = float(certain * rows[index][5])
                if score >= floor:
                    cx, cy = (column + x) * stride, (row + y) * stride
                    w, h = np.exp(w) * stride, np.exp(h) * stride
                    box = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
                    candidates.append((score, [float(side) / ratio for side in box]))
                index += 1
    kept: list[tuple[float, list[float]]] = []
    for score, box in sorted(candidates, reverse=True):
        if all(overlap(box, other) <= threshold for _, other in kept):
            kept.append((score, box))
    return kept


def overlap(a: list[float], b: list[float]) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def test_yolox_agrees_with_a_plain_reading(models: Path, frames: list[Labelled]) -> None:
    detector = opened("yolox_nano_416", 0.1)
    for frame in frames[:4]:
        found = look(detector, frame.picture)
        expected = plain_yolox(models / "yolox_nano.onnx", frame.picture, 0.1, 0.65)
        assert len(found.scores) == len(expected) > 0
        assert np.allclose(found.scores, [score for score, _ in expected], atol=1e-4)
        pixels = found.boxes * frame.picture.shape[0]
        assert np.allclose(pixels, [box for _, box in expected], atol=0.05)


@pytest.mark.parametrize(
    ("name", "on_plaza", "on_streets"),
    [
        ("yolox_nano_416", 0.89, 0.35),
        ("yolox_nano_384x640", 0.89, 0.55),
        ("nanodet_m_416", 0.86, 0.35),
        ("fastestdet", 0.71, 0.18),
        ("kazuhito_person_yolox", 0.62, 0.15),
        ("person", 0.86, 0.43),
    ],
)
def test_real_models_find_the_people(
    models: Path, shared: Path, frames: list[Labelled], name: str, on_plaza: float, on_streets: float
) -> None:
    detector = opened(name, 0.01)
    assert average_precision(detector, frames) > on_plaza
    assert average_precision(detector, streets(shared)) > on_streets


@pytest.mark.parametrize("name", ["face", "centerface", "yunet_n_dynamic", "yunet_n_640_640", "ultraface"])
def test_face_detectors_find_the_faces(models: Path, shared: Path, name: str) -> None:
    """Those on which two of four detectors agree, in pictures without a crowd."""
    detector = opened(name, 0.3)
    agreed = json.loads((shared / "data/faces/consensus_boxes.json").read_text())
    met, faces = 0, 0
    for file in [file for file, found in sorted(agreed.items()) if len(found) <= 20][::4]:
        picture = cv2.imread(str(shared / "data/faces" / file))
        boxes = np.array([each["box"] for each in agreed[file]]).reshape(-1, 4)
        overlaps = iou(look(detector, picture).boxes * picture.shape[0], boxes)
        met += int((overlaps.max(axis=0, initial=0) >= 0.5).sum())
        faces += len(boxes)
    assert met >= 0.95 * faces > 0


def test_the_same_picture_gives_the_same_boxes(models: Path, frames: list[Labelled]) -> None:
    one, other = opened("yolox_nano_416"), opened("yolox_nano_416")
    first = look(one, frames[0].picture)
    look(one, frames[1].picture[:300])  # of another shape: its padding must be gone afterwards
    for detector in (one, other):
        again = look(detector, frames[0].picture)
        assert first.boxes.tobytes() == again.boxes.tobytes()
        assert first.scores.tobytes() == again.scores.tobytes()


def test_threads_do_not_mix_their_pictures(models: Path, frames: list[Labelled]) -> None:
    detector = opened("yolox_nano_416")
    pictures = [frame.picture for frame in frames[:4]] * 3
    alone = [look(detector, picture).boxes.tobytes() for picture in pictures]
    with ThreadPoolExecutor(2) as pool:
        together = pool.map(lambda picture: look(detector, picture).boxes.tobytes(), pictures)
    assert list(together) == alone


def test_scores_fall_and_stay_above_the_floor(models: Path, frames: list[Labelled]) -> None:
    found = look(opened("yolox_nano_416", 0.2), frames[0].picture)
    assert (np.diff(found.scores) <= 0).all()
    assert found.scores.min() >= 0.2
    assert found.boxes.dtype == found.scores.dtype == np.float64


def test_a_picture_of_another_size_is_refused(models: Path) -> None:
    detector = opened("yolox_nano_416")
    fit = detector.fit(768, 576)
    with pytest.raises(ValueError, match=r"\(312, 416, 3\) uint8"):
        detector.detect([np.zeros((576, 768, 3), np.uint8)], fit)
    with pytest.raises(ValueError, match="float"):
        detector.detect([np.zeros((312, 416, 3))], fit)  # type: ignore[arg-type]  # which is what is tested


def test_a_detector_can_be_referred_to_weakly(models: Path) -> None:
    detector = opened("yolox_nano_416")
    reference = weakref.ref(detector)
    assert reference() is detector
    del detector
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("view", ["interleaved", "planar"])
def test_pixels_enter_as_the_card_says(tmp_path: Path, layout: str, dtype: str, view: str) -> None:
    """A graph whose boxes are made of the channels a, b, c of one pixel: from a, b to 1000, 1000 + c."""
    planar = layout == "nchw"
    constants = {  # two pixels of one column: one of the picture, and one of the padding, as it ends at row 32
        "axes": [2, 3] if planar else [1, 2],
        "from": [10, 20],
        "to": [51, 21],
        "steps": [40, 1],
        "two": [2, 3],
    }
    matrices = {
        "spread": [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]],
        "base": [0, 0, 1000, 1000, 1, 0],
    }
    nodes = [
        helper.make_node("Slice", ["picture", "from", "to", "axes", "steps"], ["pixels"]),
        helper.make_node("Transpose", ["pixels"], ["pixel_rows"], perm=[0, 2, 3, 1] if planar else [0, 1, 2, 3]),
        helper.make_node("Reshape", ["pixel_rows", "two"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["values", "spread"], ["moved"]),
        helper.make_node("Add", ["moved", "base"], ["out"]),
    ]
    element = TensorProto.FLOAT if dtype == "float32" else TensorProto.UINT8
    graph = helper.make_graph(
        nodes,
        "pixels",
        [helper.make_tensor_value_info("picture", element, [1, 3, 64, 64] if planar else [1, 64, 64, 3])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [2, 6])],
        [numpy_helper.from_array(np.array(values), name) for name, values in constants.items()]
        + [numpy_helper.from_array(np.array(values, np.float32), name) for name, values in matrices.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path / "tiny.onnx"
    path.write_bytes(model.SerializeToString())
    wanted: dict[str, Any] = {"size": (64, 64), "colour": "bgr", "layout": layout, "dtype": dtype}
    if dtype == "float32":
        wanted |= {"scale": 0.5, "mean": [1, 2, 3], "std": [2, 4, 8]}
    card = card_of(
        path.read_bytes(),
        {"kind": "nms", "unit": "pixels"},
        input=wanted | {"letterbox": {"pad": 6}},
        thresholds={"score": 0.3, "nms_iou": None},
    )
    detector = Detector.open(card, path)
    fit = detector.fit(128, 64)
    content = np.zeros((32, 64, 3), np.uint8)
    content[10, 20] = [20, 40, 160]
    if view == "planar":
        content = np.ascontiguousarray(content.transpose(2, 0, 1)).transpose(1, 2, 0)
    values = (detector.detect([content], fit)[0].boxes / fit.scale_x)[:, [0, 1, 3]] - [0, 0, 1000]
    if dtype == "uint8":
        assert values.tolist() == [[20, 40, 160], [6, 6, 6]]
    else:
        assert values.tolist() == [[(10 - 1) / 2, (20 - 2) / 4, (80 - 3) / 8], [(3 - 1) / 2, (3 - 2) / 4, 0]]
