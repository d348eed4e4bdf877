"""Verdicts: what a graph may put out for each role, whatever it is called."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import pytest
from onnx import helper

from schemas.card import Role
from tests.support import detectors
from tests.support.detectors import SIZE, Net
from tests.support.disguises import averaged
from tests.support.graphs import card_of
from tests.support.surplus import surplus
from transforms import onnx_graph
from transforms.admission import ModelRefused, judge, load
from transforms.verdict import Verdict, picture_kind


def judged(folder: Path, content: bytes, role: Role = "person") -> Verdict:
    path = folder / "model.onnx"
    path.write_bytes(content)
    return judge(path, role)


@pytest.mark.parametrize("name", detectors.PEOPLE)
def test_detectors_of_every_kind_are_admitted(tmp_path: Path, name: str) -> None:
    verdict = judged(tmp_path, detectors.PEOPLE[name]())
    assert (verdict.admitted, verdict.reasons, verdict.cut) == (True, (), ())
    assert verdict.derived_sha256 is not None


@pytest.mark.parametrize("fused", ["convolution", "rows"])
def test_landmarks_fused_with_boxes_are_for_faces_only(tmp_path: Path, fused: str) -> None:
    content = detectors.faces(fused)
    assert judged(tmp_path, content, "face").cut == (
        "output rows: landmarks, 10 numbers for each place of 16: a card must say which",
    )
    refused = judged(tmp_path, content)
    assert not refused.admitted
    assert "output rows has 10 more numbers for each place than a box and its scores" in refused.reasons[0]


def test_a_verdict_is_a_value(tmp_path: Path) -> None:
    one, other = (judged(tmp_path, detectors.squeezed()) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert json.loads(json.dumps(one.as_json()))["role"] == "person"


def test_a_pose_is_refused(tmp_path: Path) -> None:
    """As YOLOv8-pose: box, score and 17 points in one tensor."""
    net = Net()
    rows = [net.rows(net.conv(each, 56, 1), 56) for each in net.backbone(5)[2:]]
    verdict = judged(tmp_path, net.done({"rows": net.add("Concat", *rows, axis=1)}), "face")
    assert not verdict.admitted
    assert "no box and scores among the numbers for each place: rows (56)" in verdict.reasons[0]


def test_a_template_for_each_box_is_refused(tmp_path: Path) -> None:
    """As FairMOT: a vector to compare people by, beside every box."""
    net = Net()
    data = net.backbone(2)[-1]
    maps = {
        "heat": net.add("Sigmoid", net.conv(data, 1, 1)),
        "size": net.conv(data, 2, 1),
        "shift": net.conv(data, 2, 1),
    }
    content = net.done(maps | {"id": net.conv(data, 64, 1)})
    for role in get_args(Role):
        verdict = judged(tmp_path, content, role)
        assert verdict.reasons == (
            "output id has 64 more numbers for each place than a box and its scores. They may be landmarks, a pose, "
            f"an attribute or a template, which no model of role {role} may compute",
        )


@pytest.mark.parametrize(("name", "content", "output"), list(surplus()))
def test_what_says_more_of_people_is_refused(
    tmp_path: Path, name: str, content: bytes, output: Mapping[str, Any]
) -> None:
    """Without a card, and under one that tells of a box and one class only."""
    for role in get_args(Role):
        assert not judged(tmp_path, content, role).admitted, name
        card = card_of(content, output, role=role, classes={role: 0}, input={"size": SIZE, "colour": "rgb"})
        with pytest.raises(ModelRefused) as refused:
            load(card, tmp_path / "model.onnx")
        assert refused.value.verdict is not None
        assert "They may be landmarks, a pose, an attribute or a template" in refused.value.verdict.reasons[0]


def test_an_average_of_the_whole_picture_is_refused_however_it_is_taken(tmp_path: Path) -> None:
    net = Net()
    template = net.add("Flatten", net.add("GlobalAveragePool", net.backbone(3)[-1]))
    reasons = {name: judged(tmp_path, content).reasons for name, content in averaged(net.done({"template": template}))}
    words = ("for the picture as a whole", "an answer for the picture as a whole, spread", "an average of the picture")
    assert [name for name, each in reasons.items() if not each or not any(word in each[0] for word in words)] == []


def test_queries_must_know_where_places_lie_and_be_many(tmp_path: Path) -> None:
    assert judged(tmp_path, detectors.attending()).admitted
    for graph in (detectors.attending(positions=False), detectors.attending(queries=6)):
        assert "for the picture as a whole" in judged(tmp_path, graph).reasons[0]


def test_many_rows_for_a_place_are_refused(tmp_path: Path) -> None:
    """A vector laid out as boxes: 64 numbers as 16 of them."""
    net = Net()
    data = net.backbone(3)[-1]
    outputs = {
        "boxes": net.rows(net.conv(data, 64, 1), 4),
        "scores": net.rows(net.add("Sigmoid", net.conv(data, 16, 1)), 1),
    }
    assert "lists 16 entries for each place" in judged(tmp_path, net.done(outputs)).reasons[0]


def test_a_map_made_for_another_size_is_refused(tmp_path: Path) -> None:
    """A last convolution over the whole of a small picture gives a map of a larger one, but not a detector's."""
    net = Net()
    data = net.backbone(4)[-1]
    content = net.done({"rows": net.rows(net.conv(net.conv(data, 8, 7, pad=0), 6, 1), 6)}, ("height", "width"))
    assert "the grid of Conv" in judged(tmp_path, content).reasons[0]


def test_operators_of_others_are_refused(tmp_path: Path) -> None:
    model = onnx.load_from_string(detectors.squeezed())
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    assert judged(tmp_path, model.SerializeToString()).reasons == (
        "it uses operators of com.example; only those of the ONNX standard are admitted",
    )


def test_numbers_drawn_at_random_are_refused(tmp_path: Path) -> None:
    net = Net()
    content = net.done({"map": net.add("Add", net.backbone(2)[-1], net.add("RandomNormal", shape=[1]))})
    assert "draws numbers at random" in judged(tmp_path, content).reasons[0]


def test_functions_and_branches_are_refused(tmp_path: Path) -> None:
    model = onnx.load_from_string(detectors.squeezed())
    model.functions.append(
        helper.make_function("own", "Own", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], [])
    )
    assert "operators of its own" in judged(tmp_path, model.SerializeToString()).reasons[0]
    net = Net()
    branch = helper.make_graph([helper.make_node("Identity", ["picture"], ["same"])], "then", [], [
        helper.make_tensor_value_info("same", onnx.TensorProto.FLOAT, None)])  # fmt: skip
    content = net.done({"out": net.add("If", net.constant(True, np.bool_), then_branch=branch, else_branch=branch)})
    assert "holds a graph of its own" in judged(tmp_path, content).reasons[0]


def test_what_is_no_colour_picture_is_refused(tmp_path: Path, shared: Path) -> None:
    grey = (shared / "models/refuse/vladmandic_gender.onnx").read_bytes()
    assert "not one picture of three channels" in judged(tmp_path, grey).reasons[0]
    assert judged(tmp_path, b"no model").reasons == ("this is no ONNX file",)
    model = onnx_graph.parse((shared / "models/refuse/vladmandic_age_ssrnet.onnx").read_bytes())
    assert picture_kind(model) == ("nhwc", "float32")


def test_an_output_that_ignores_the_picture_is_refused(tmp_path: Path) -> None:
    net = Net()
    content = net.done({"rows": net.weights(1, 20, 6), "map": net.backbone(2)[-1]}, SIZE)
    assert "output rows does not depend on the picture" in judged(tmp_path, content).reasons[0]
