"""Tiny ONNX graphs that answer every picture with the same tensors, and cards for them."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from schemas.card import ModelCard
from transforms.detector import Detections, Detector


def constant_graph(outputs: Mapping[str, NDArray[Any]], shape: Sequence[int | str]) -> bytes:
    """Make a graph with one float input `picture` that gives the same outputs for all pictures.

    In its structure it is a detector: an output is laid over places of the picture, times zero. Maps (1, C, h, w)
    lie over as many cells, lists over the first pixels, one for each entry.
    """
    nodes = [helper.make_node("ReduceMax", ["picture"], ["brightest"], axes=[1], keepdims=1)]
    constants = [numpy_helper.from_array(np.float32(0), "zero")]
    for name, values in outputs.items():
        made, needed = _places(name, values.shape, shape)
        nodes += [
            *made,
            helper.make_node("Mul", [name + "_places", "zero"], [name + "_nothing"]),
            helper.make_node("Add", [name + "_values", name + "_nothing"], [name]),
        ]
        constants += [numpy_helper.from_array(values.astype(np.float32), name + "_values"), *needed]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, values.shape) for name, values in outputs.items()],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _places(
    name: str, dims: tuple[int, ...], picture: Sequence[int | str]
) -> tuple[list[NodeProto], list[TensorProto]]:
    """Make nodes and constants for `<name>_places`: one number for each place of an output."""
    height = picture[2] if len(picture) == 4 else None
    if len(dims) == 4 and dims[3] != 7:  # not the rows of SSD
        stride = int(height or 1) // dims[2]
        pool = helper.make_node(
            "MaxPool", ["brightest"], [name + "_places"], kernel_shape=[stride] * 2, strides=[stride] * 2
        )
        return [pool], []
    at = max(0, len(dims) - 2)
    target = [dims[at] if index == at else 1 for index in range(len(dims))]
    numbers = {"flat": [-1], "from": [0], "to": [dims[at]], "target": target}
    nodes = [
        helper.make_node("Reshape", ["brightest", name + "_flat"], [name + "_all"]),
        helper.make_node("Slice", [name + "_all", name + "_from", name + "_to"], [name + "_first"]),
        helper.make_node("Reshape", [name + "_first", name + "_target"], [name + "_places"]),
    ]
    return nodes, [numpy_helper.from_array(np.array(each), f"{name}_{key}") for key, each in numbers.items()]


def card_of(content: bytes, output: Mapping[str, Any], **changes: Any) -> ModelCard:
    """Make a card for a model file: a person detector of 64x96 input, unless told otherwise."""
    fields: dict[str, Any] = {
        "name": "tiny",
        "uri": "https://example.org/tiny.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "CC0-1.0",
        "source": "made for a test",
        "role": "person",
        "input": {"size": (64, 96), "colour": "bgr"},
        "output": output,
        "classes": {"person": 0},
        "thresholds": {"score": 0.3, "nms_iou": 0.5},
    }
    return ModelCard.model_validate(fields | changes)


def detect_constant(
    folder: Path, outputs: Mapping[str, NDArray[Any]], output: Mapping[str, Any], **changes: Any
) -> Detections:
    """Run a detector over a graph of constants on a 96x64 picture, so that a height is 64 input pixels."""
    content = constant_graph(outputs, [1, 3, 64, 96])
    path = folder / "tiny.onnx"
    path.write_bytes(content)
    detector = Detector.open(card_of(content, output, **changes), path)
    return detector.detect([np.zeros((64, 96, 3), np.uint8)], detector.fit(96, 64))[0]
