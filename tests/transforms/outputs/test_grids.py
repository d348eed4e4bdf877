"""Grid output kinds, on tensors that hold known boxes."""

from pathlib import Path

import numpy as np
import pytest

from schemas.card import FastestDetOutput
from tests.support.graphs import detect_constant
from transforms.admission import ModelRefused
from transforms.outputs import Disagreement, prepare


def logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def test_yolox_places_a_box_by_cell_and_stride(tmp_path: Path) -> None:
    # 64x96: 8x12 cells of stride 8, 4x6 of 16, 2x3 of 32. The last cell of stride 16 is row 3, column 5.
    rows = np.zeros((1, 96 + 24 + 6, 7))
    rows[0, 96 + 23] = [-0.5, 0.25, np.log(2), np.log(1.5), 0.8, 0.1, 0.5]
    found = detect_constant(tmp_path, {"out": rows}, {"kind": "yolox"}, classes={"car": 0, "person": 1})
    centre, size = np.array([(5 - 0.5) * 16, (3 + 0.25) * 16]), np.array([32, 24])
    assert np.allclose(found.boxes * 64, [[*(centre - size / 2), *(centre + size / 2)]], atol=1e-4)
    assert np.allclose(found.scores, [0.8 * 0.5])


def test_yolox_reads_no_other_class(tmp_path: Path) -> None:
    rows = np.zeros((1, 126, 7))
    rows[0, :, 4:6] = 1  # every cell is sure of a car
    found = detect_constant(tmp_path, {"out": rows}, {"kind": "yolox"}, classes={"car": 0, "person": 1})
    assert len(found.boxes) == len(found.scores) == 0


@pytest.mark.parametrize("shape", [(1, 125, 6), (1, 126, 5), (126, 6)])
def test_yolox_refuses_other_shapes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelRefused, match=r"output out is .* the card asks for \[1, 126, 6 or more\]"):
        detect_constant(tmp_path, {"out": np.zeros(shape)}, {"kind": "yolox"})


def test_boxes_that_overflow_are_dropped(tmp_path: Path) -> None:
    rows = np.zeros((1, 126, 6))
    rows[0, 0] = [0, 0, 1e6, 0, 1, 1]
    assert len(detect_constant(tmp_path, {"out": rows}, {"kind": "yolox"}).boxes) == 0


def test_nanodet_takes_the_mean_of_each_side(tmp_path: Path) -> None:
    sides = np.full((1, 24, 32), -50.0)
    distances = [1, 2, 3, 4]  # in strides, to the left, top, right, bottom
    for side, distance in enumerate(distances):
        sides[0, 8, side * 8 + distance] = 50
    sides[0, 8, 0 * 8 + 2] = 50  # the left side is split between 1 and 2
    scores = np.zeros((1, 24, 2))
    scores[0, 8, 1] = 0.75
    found = detect_constant(
        tmp_path,
        {"class": scores, "side": sides},
        {"kind": "nanodet", "strides": [16], "reg_max": 7},
        classes=["cat", "person"],
    )
    x, y = (2 + 0.5) * 16, (1 + 0.5) * 16  # cell 8 of 4x6
    assert np.allclose(found.boxes * 64, [[x - 24, y - 32, x + 48, y + 64]], atol=1e-4)
    assert np.allclose(found.scores, [0.75])


def test_nanodet_needs_both_tensors_of_each_stride(tmp_path: Path) -> None:
    outputs = {"class": np.zeros((1, 24, 2)), "side": np.zeros((1, 24, 32))}
    with pytest.raises(ModelRefused, match=r"stride 8 needs scores \[1, 96, C\]"):
        detect_constant(tmp_path, outputs, {"kind": "nanodet"})
    with pytest.raises(ModelRefused, match="output extra"):
        detect_constant(tmp_path, outputs | {"extra": np.zeros(1)}, {"kind": "nanodet", "strides": [16]})


def test_fastestdet_places_a_box_by_cell(tmp_path: Path) -> None:
    grid = np.full((1, 7, 4, 6), -9.0)
    grid[0, [0, 5, 6]] = 0
    grid[0, :, 3, 2] = [0.9, np.arctanh(0.5), np.arctanh(-0.25), logit(0.5), logit(0.25), 0.2, 0.8]
    found = detect_constant(tmp_path, {"out": grid}, {"kind": "fastestdet"}, classes={"person": 1})
    centre, size = np.array([2.5 * 16, 2.75 * 16]), np.array([48, 16])
    assert np.allclose(found.boxes * 64, [[*(centre - size / 2), *(centre + size / 2)]], atol=1e-4)
    assert np.allclose(found.scores, [0.9**0.6 * 0.8**0.4])


def test_fastestdet_refuses_a_grid_of_another_shape() -> None:
    with pytest.raises(Disagreement, match="4x5 cells"):
        prepare(FastestDetOutput(kind="fastestdet"), {"out": (1, 6, 4, 5)}, (64, 96), [0])


@pytest.mark.parametrize(("first", "unit", "factor"), [("x", "cells", 4), ("y", "pixels", 1)])
def test_centernet_takes_peaks(tmp_path: Path, first: str, unit: str, factor: int) -> None:
    heat = np.zeros((1, 1, 16, 24))
    heat[0, 0, 5, 7:10] = [0.6, 0.9, 0.6]  # one person: the neighbours are lower
    heat[0, 0, 15, 23] = 0.5  # another, in the corner
    size, offset = np.zeros((2, 1, 2, 16, 24))
    order = [0, 1] if first == "x" else [1, 0]
    size[0, order, 5, 8] = np.array([12, 20]) / factor
    offset[0, order, 5, 8] = [0.25, 0.75]
    size[0, order, 15, 23] = np.array([4, 8]) / factor
    found = detect_constant(
        tmp_path,
        {"heat": heat, "size": size, "offset": offset},
        {
            "kind": "centernet",
            "heatmap": "heat",
            "size": "size",
            "offset": "offset",
            "first": first,
            "unit": unit,
        },
    )
    assert np.allclose(found.boxes * 64, [[33 - 6, 23 - 10, 33 + 6, 23 + 10], [90, 56, 94, 64]], atol=1e-4)
    assert np.allclose(found.scores, [0.9, 0.5])


def test_centernet_with_sides(tmp_path: Path) -> None:
    heat, sides = np.zeros((1, 1, 16, 24)), np.zeros((1, 4, 16, 24))
    heat[0, 0, 5, 8] = 0.7
    sides[0, :, 5, 8] = [3, 10, 6, 12]
    output = {"kind": "centernet_sides", "heatmap": "heat", "sides": "sides", "unit": "pixels"}
    found = detect_constant(tmp_path, {"heat": heat, "sides": sides}, output)
    assert np.allclose(found.boxes * 64, [[32 - 3, 20 - 10, 32 + 6, 20 + 12]], atol=1e-4)


def test_centernet_refuses_a_map_too_many(tmp_path: Path) -> None:
    maps = {"heat": np.zeros((1, 1, 16, 24)), "sides": np.zeros((1, 4, 16, 24))}
    output = {"kind": "centernet_sides", "heatmap": "heat", "sides": "sides", "unit": "pixels"}
    with pytest.raises(ModelRefused, match="output points has 10 more numbers for each place"):
        detect_constant(tmp_path, maps | {"points": np.zeros((1, 10, 16, 24))}, output)
    with pytest.raises(ModelRefused, match="there is no output sides; the graph has heat"):
        detect_constant(tmp_path, {"heat": maps["heat"]}, output)


def test_centernet_with_logarithms_and_offsets_from_the_middle(tmp_path: Path) -> None:
    heat, size, offset = np.zeros((1, 1, 16, 24)), np.zeros((1, 2, 16, 24)), np.zeros((1, 2, 16, 24))
    heat[0, 0, 5, 8] = 0.7
    size[0, :, 5, 8] = np.log([5, 3])  # y first, in cells
    offset[0, :, 5, 8] = [-0.25, 0.5]
    output = {"kind": "centernet", "heatmap": "heat", "size": "size", "offset": "offset", "unit": "cells", "first": "y"}
    found = detect_constant(
        tmp_path, {"heat": heat, "size": size, "offset": offset}, output | {"measure": "log", "origin": "centre"}
    )
    x, y = (8 + 0.5 + 0.5) * 4, (5 + 0.5 - 0.25) * 4
    assert np.allclose(found.boxes * 64, [[x - 6, y - 10, x + 6, y + 10]], atol=1e-4)


def test_yunet_joins_its_two_scores(tmp_path: Path) -> None:
    outputs = {"cls_16": np.zeros((1, 24, 1)), "obj_16": np.ones((1, 24, 1)), "bbox_16": np.zeros((1, 24, 4))}
    outputs["cls_16"][0, 8] = 0.64
    outputs["bbox_16"][0, 8] = [0.5, -0.25, np.log(2), np.log(1.5)]
    found = detect_constant(tmp_path, outputs, {"kind": "yunet", "strides": [16]}, role="face", classes={"face": 0})
    x, y = (2 + 0.5) * 16, (1 - 0.25) * 16  # cell 8 of 4x6
    assert np.allclose(found.boxes * 64, [[x - 16, y - 12, x + 16, y + 12]], atol=1e-4)
    assert np.allclose(found.scores, [0.8])


def test_yunet_refuses_what_it_has_not(tmp_path: Path) -> None:
    outputs = {"cls_16": np.zeros((1, 24, 1)), "obj_16": np.ones((1, 24, 1)), "bbox_16": np.zeros((1, 24, 4))}
    output = {"kind": "yunet", "strides": [16]}
    with pytest.raises(ModelRefused, match="there is no output bbox_16"):
        detect_constant(tmp_path, {name: outputs[name] for name in ("cls_16", "obj_16")}, output)
    with pytest.raises(ModelRefused, match="one class, with index 0"):
        detect_constant(tmp_path, outputs, output, role="face", classes={"background": 0, "face": 1})
