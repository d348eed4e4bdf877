"""Tiny ONNX graphs that answer every picture with the same tensors, and cards for them."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from schemas.card import ModelCard
from transforms.detector import Detections, Detector


def constant_graph(outputs: Mapping[str, NDArray[Any]], shape: Sequence[int | str]) -> bytes:
    """Make a graph with one float input `picture` whose outputs do not depend on it."""
    nodes = [
        helper.make_node("ReduceMax", ["picture"], ["brightest"], keepdims=0),
        helper.make_node("Mul", ["brightest", "zero"], ["nothing"]),
    ]
    constants = [numpy_helper.from_array(np.float32(0), "zero")]
    for name, values in outputs.items():
        constants.append(numpy_helper.from_array(values.astype(np.float32), name + "_values"))
        nodes.append(helper.make_node("Add", [name + "_values", "nothing"], [name]))
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
