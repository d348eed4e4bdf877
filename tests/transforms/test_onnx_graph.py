"""Graph edits: on real detectors they change the cost, never the boxes."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.support.graphs import constant_graph
from transforms import onnx_graph

COCO_PERSON = 0


@pytest.fixture(scope="module")
def nano(shared: Path) -> onnx.ModelProto:
    return onnx_graph.parse((shared / "models/person/yolox_nano.onnx").read_bytes())


def run(model: onnx.ModelProto, picture: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    content = onnx_graph.serialise(model)
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: picture})[0]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(0, 255, (1, 3, height, width)).astype(np.float32)


@pytest.mark.parametrize("size", [(416, 416), (256, 416), (384, 640), (544, 960)])
def test_yolox_takes_any_multiple_of_32(nano: onnx.ModelProto, size: tuple[int, int]) -> None:
    answer = run(onnx_graph.resize(nano, size, "nchw", "float32"), noise(*size))
    assert answer.shape == (1, size[0] * size[1] * 21 // 1024, 85)


def test_resizing_changes_only_the_size(nano: onnx.ModelProto) -> None:
    there = onnx_graph.resize(nano, (256, 416), "nchw", "float32")
    back = onnx_graph.resize(there, (416, 416), "nchw", "float32")
    picture = noise(416, 416)
    assert np.array_equal(run(back, picture), run(nano, picture))


def test_sizes_written_into_reshapes_are_changed(nano: onnx.ModelProto) -> None:
    fixed = onnx.ModelProto()
    fixed.CopyFrom(nano)
    shapes = [node.input[1] for node in fixed.graph.node if node.op_type == "Reshape"]
    for tensor in fixed.graph.initializer:
        if tensor.name in shapes:
            cells = [2704, 676, 169][shapes.index(tensor.name)]
            tensor.CopyFrom(numpy_helper.from_array(np.array([1, 85, cells]), tensor.name))
    size, picture = (384, 640), noise(384, 640)
    expected = run(onnx_graph.resize(nano, size, "nchw", "float32"), picture)
    assert np.array_equal(run(onnx_graph.resize(fixed, size, "nchw", "float32"), picture), expected)


@pytest.mark.parametrize("name", ["nanodet_m_416", "FastestDet"])
def test_shuffled_channels_are_resized(shared: Path, name: str) -> None:
    model = onnx_graph.parse((shared / f"models/person/{name}.onnx").read_bytes())
    answer = run(onnx_graph.resize(model, (256, 320), "nchw", "float32"), noise(256, 320))
    assert answer.shape == ((1, 32 * 40, 80) if name == "nanodet_m_416" else (1, 85, 16, 20))


def test_pruning_leaves_boxes_and_person_scores(nano: onnx.ModelProto) -> None:
    pruned, found = onnx_graph.prune_yolox(nano, [COCO_PERSON])
    assert found
    picture = noise(416, 416)
    answer, expected = run(pruned, picture), run(nano, picture)
    assert answer.shape == (1, 3549, 6)
    assert np.allclose(answer, expected[..., :6], rtol=1e-5, atol=1e-5)


def test_pruning_keeps_classes_in_order(nano: onnx.ModelProto) -> None:
    pruned, _ = onnx_graph.prune_yolox(nano, [2, 7])
    picture = noise(416, 416)
    assert np.allclose(run(pruned, picture)[..., 5:], run(nano, picture)[..., [7, 12]], rtol=1e-5, atol=1e-5)


def test_graphs_of_another_structure_are_not_pruned(shared: Path) -> None:
    model = onnx_graph.parse((shared / "models/person/FastestDet.onnx").read_bytes())
    assert onnx_graph.prune_yolox(model, [0]) == (model, False)


def test_folding_leaves_the_answer(nano: onnx.ModelProto) -> None:
    folded = onnx_graph.fold_focus(nano)
    assert not any(node.op_type == "Slice" for node in folded.graph.node)
    picture = noise(416, 416)
    assert np.allclose(run(folded, picture), run(nano, picture), rtol=1e-4, atol=1e-4)


def test_graphs_without_focus_are_not_folded(shared: Path) -> None:
    model = onnx_graph.parse((shared / "models/person/nanodet_m_416.onnx").read_bytes())
    assert onnx_graph.fold_focus(model) is model


def test_chained_pools_give_the_same_bits(nano: onnx.ModelProto) -> None:
    chained = onnx_graph.chain_pools(nano)
    pools = [node for node in chained.graph.node if node.op_type == "MaxPool"]
    kernels = [dict((a.name, list(a.ints)) for a in node.attribute)["kernel_shape"] for node in pools]
    assert kernels == [[5, 5]] * 3
    assert [node.input[0] for node in pools[1:]] == [node.output[0] for node in pools[:2]]
    picture = noise(416, 416)
    assert np.array_equal(run(chained, picture), run(nano, picture))


@pytest.mark.parametrize(
    ("kernel", "attributes"),
    [
        ([4, 4], {"pads": [2, 2, 2, 2]}),
        ([5, 3], {"pads": [2, 2, 2, 2]}),
        ([5, 5], {}),
        ([5, 5], {"pads": [2, 2, 2, 2], "strides": [2, 2]}),
        ([5, 5], {"pads": [2, 2, 2, 2], "dilations": [2, 2]}),
        ([5, 5], {"auto_pad": "SAME_UPPER"}),
    ],
)
def test_pools_of_another_shape_are_left_alone(kernel: list[int], attributes: dict[str, Any]) -> None:
    plain = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("MaxPool", ["picture"], [f"out{index}"], **each)
        for index, each in enumerate([plain, {"kernel_shape": kernel} | attributes])
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, 64, 96])
    outputs = [helper.make_tensor_value_info(f"out{index}", TensorProto.FLOAT, None) for index in range(2)]
    model = helper.make_model(helper.make_graph(nodes, "pools", [picture], outputs))
    assert onnx_graph.chain_pools(model) == model


def test_the_same_edits_give_the_same_bytes(shared: Path) -> None:
    content = (shared / "models/person/yolox_nano.onnx").read_bytes()
    first, second = (
        onnx_graph.serialise(
            onnx_graph.prune_yolox(
                onnx_graph.fold_focus(onnx_graph.resize(onnx_graph.parse(content), (384, 640), "nchw", "float32")),
                [0],
            )[0]
        )
        for _ in range(2)
    )
    assert first == second


def test_edits_leave_their_argument_alone(nano: onnx.ModelProto) -> None:
    before = onnx_graph.serialise(nano)
    onnx_graph.resize(nano, (384, 640), "nchw", "float32")
    onnx_graph.prune_yolox(nano, [0])
    onnx_graph.fold_focus(nano)
    onnx_graph.chain_pools(nano)
    assert onnx_graph.serialise(nano) == before


def test_an_open_size_is_fixed() -> None:
    model = onnx_graph.parse(constant_graph({"out": np.zeros((1, 6))}, ["batch", 3, "height", "width"]))
    resized = onnx_graph.resize(model, (64, 96), "nchw", "float32")
    assert [dim.dim_value for dim in resized.graph.input[0].type.tensor_type.shape.dim] == [1, 3, 64, 96]


@pytest.mark.parametrize("shape", [[2, 3, 64, 96], [1, 1, 64, 96], [1, 64, 96, 3], [1, 128]])
def test_an_input_that_is_no_picture_is_refused(shape: list[int]) -> None:
    model = onnx_graph.parse(constant_graph({"out": np.zeros((1, 6))}, shape))
    with pytest.raises(onnx_graph.GraphError, match="not one picture of three channels in nchw"):
        onnx_graph.resize(model, (64, 96), "nchw", "float32")


def test_an_input_of_another_type_is_refused() -> None:
    model = onnx_graph.parse(constant_graph({"out": np.zeros((1, 6))}, [1, 3, 64, 96]))
    with pytest.raises(onnx_graph.GraphError, match="is float, not uint8"):
        onnx_graph.resize(model, (64, 96), "nchw", "uint8")


@pytest.mark.parametrize("content", [b"", b"\x00\x01 no graph", b"\x08\x07"])
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(onnx_graph.GraphError):
        onnx_graph.parse(content)


def test_weights_in_other_files_are_refused() -> None:
    model = onnx.load_from_string(constant_graph({"out": np.zeros((1, 6))}, [1, 3, 64, 96]))
    weights = model.graph.initializer[0]
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(onnx_graph.GraphError, match="other files"):
        onnx_graph.parse(model.SerializeToString())


def test_what_branches_take_from_outside_is_kept() -> None:
    """A Constant becomes an initialiser, also where only the branch of an If uses it."""
    then = helper.make_graph(
        [helper.make_node("Add", ["picture", "one"], ["sum"])],
        "then",
        [],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, None)],
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["picture"], ["same"])],
        "else",
        [],
        [helper.make_tensor_value_info("same", TensorProto.FLOAT, None)],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], ["one"], value=numpy_helper.from_array(np.float32(1))),
            helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True))),
            helper.make_node("If", ["yes"], ["out"], then_branch=then, else_branch=other),
        ],
        "branches",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, 32, 32])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    picture = noise(32, 32)
    assert np.array_equal(run(onnx_graph.parse(model.SerializeToString()), picture), picture + 1)
