"""Output kinds that list candidates, on tensors that hold known boxes."""

from pathlib import Path

import numpy as np
import pytest

from schemas.card import NmsOutput, SsdOutput
from tests.support.graphs import detect_constant
from transforms.admission import ModelRefused
from transforms.outputs import Disagreement, prepare

BOX = np.array([24, 16, 48, 32])  # in input pixels of 96x64
SHARES = BOX / [96, 64, 96, 64]
CENTRED = np.array([0.375, 0.375, 0.25, 0.25])  # the same, as centre and size in shares


def test_ssd(tmp_path: Path) -> None:
    rows = np.array([
        [0, 1, 0.9, *SHARES],
        [0, 2, 0.9, 0, 0, 1, 1],  # another class
        [0, 1, 0.2, 0, 0, 1, 1],  # too weak
        [-1, 1, 0.9, 0, 0, 1, 1],  # the end of the list
    ])  # fmt: skip
    found = detect_constant(tmp_path, {"out": rows[None, None]}, {"kind": "ssd"}, classes={"person": 1})
    assert np.allclose(found.boxes * 64, [BOX])
    assert np.allclose(found.scores, [0.9])


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_detr(tmp_path: Path, activation: str) -> None:
    logits = np.array([[[2.0, 0.0, -1.0], [-4.0, 5.0, 0.0], [-5.0, -5.0, 5.0]]])
    output = {"kind": "detr", "boxes": "boxes", "logits": "logits", "activation": activation}
    boxes = np.array([[CENTRED, CENTRED / 2, CENTRED / 3]])
    found = detect_constant(tmp_path, {"boxes": boxes, "logits": logits}, output, classes=["person", "dog"])
    powers = np.exp(logits[0, 0])
    share = powers[0] / powers.sum() if activation == "softmax" else 1 / (1 + np.exp(-2))
    assert np.allclose(found.boxes * 64, [BOX], atol=1e-4)
    assert np.allclose(found.scores, [share])


@pytest.mark.parametrize(
    ("corners", "unit", "box"),
    [
        ("xyxy", "pixels", BOX),
        ("xyxy", "share", SHARES),
        ("cxcywh", "share", CENTRED),
        ("cxcywh", "pixels", [36, 24, 24, 16]),
    ],
)
def test_scores_boxes(tmp_path: Path, corners: str, unit: str, box: list[float]) -> None:
    output = {"kind": "scores_boxes", "scores": "s", "boxes": "b", "corners": corners, "unit": unit}
    scores = np.array([[[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]])  # the last two are one person
    boxes = np.array([[np.zeros(4), box, box]])
    found = detect_constant(tmp_path, {"s": scores, "b": boxes}, output, classes=["background", "person"])
    assert np.allclose(found.boxes * 64, [BOX], atol=1e-4)
    assert np.allclose(found.scores, [0.8])


def test_scores_boxes_must_match_in_number(tmp_path: Path) -> None:
    output = {"kind": "scores_boxes", "scores": "s", "boxes": "b", "unit": "share"}
    with pytest.raises(ModelRefused, match=r"output s is \[1, 4, 1\]"):
        detect_constant(tmp_path, {"s": np.zeros((1, 4, 1)), "b": np.zeros((1, 3, 4))}, output)


@pytest.mark.parametrize(("unit", "box"), [("pixels", BOX), ("share", SHARES)])
@pytest.mark.parametrize("batched", [True, False])
def test_nms(tmp_path: Path, unit: str, box: list[float], batched: bool) -> None:
    rows = np.array([[*box, 0.9, 3], [*box, 0.8, 3], [*box, 0.9, 0], [*box, 0.1, 3]])
    rows = rows[None] if batched else rows
    found = detect_constant(
        tmp_path,
        {"out": rows},
        {"kind": "nms", "unit": unit},
        classes={"person": 3},
        thresholds={"score": 0.3, "nms_iou": None},
    )
    assert np.allclose(found.boxes * 64, [BOX, BOX], atol=1e-4)  # the graph's own suppression is trusted
    assert np.allclose(found.scores, [0.9, 0.8])


@pytest.mark.parametrize("output", [SsdOutput(kind="ssd"), NmsOutput(kind="nms", unit="share")])
def test_one_output_means_one(output: SsdOutput | NmsOutput) -> None:
    two = {"one": (1, 1, 5, 7), "two": (1, 128)}
    with pytest.raises(Disagreement, match="the card's output kind has one output, the graph has one, two"):
        prepare(output, two, (64, 96), [0])


@pytest.mark.parametrize(("corners", "unit", "box"), [("xyxy", "pixels", BOX), ("cxcywh", "share", CENTRED)])
def test_rows_without_their_landmarks(tmp_path: Path, corners: str, unit: str, box: list[float]) -> None:
    landmarks = np.full(10, 0.9)
    rows = np.array([[[*box, 0.5, *landmarks, 0.8], [*box, 0.5, *landmarks, 0.1]]])
    output = {"kind": "rows", "object": 4, "scores": 15, "corners": corners, "unit": unit}
    found = detect_constant(tmp_path, {"out": rows}, output, role="face", classes={"face": 0})
    assert np.allclose(found.boxes * 64, [BOX], atol=1e-4)
    assert np.allclose(found.scores, [0.4])


def test_rows_of_many_classes(tmp_path: Path) -> None:
    rows = np.array([[[0.9, 0.1, *BOX], [0.2, 0.8, *BOX]]])
    output = {"kind": "rows", "box": 2, "scores": 0, "unit": "pixels"}
    found = detect_constant(tmp_path, {"out": rows}, output, classes=["car", "person"])
    assert np.allclose(found.scores, [0.8])
    assert np.allclose(found.boxes * 64, [BOX], atol=1e-4)


def test_rows_of_a_person_detector_hold_nothing_else(tmp_path: Path) -> None:
    output = {"kind": "rows", "scores": 4, "unit": "pixels"}
    with pytest.raises(ModelRefused, match="output out has 51 more numbers for each place than a box"):
        detect_constant(tmp_path, {"out": np.zeros((1, 20, 56))}, output)
    with pytest.raises(ModelRefused, match="has 4 columns, the card names others"):
        detect_constant(tmp_path, {"out": np.zeros((1, 20, 4))}, output)
