"""Nodes added to the end of an ONNX graph."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper


def after(model: ModelProto, build: Callable[["Tail", str], str], name: str = "output_rows") -> ModelProto:
    """Return the model with more nodes after its first output, under another name."""
    made = ModelProto()
    made.CopyFrom(model)
    tail = Tail(made)
    built = build(tail, made.graph.output[0].name)
    made.graph.node.append(helper.make_node("Identity", [built], [name]))
    del made.graph.output[:]
    made.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    del made.graph.value_info[:]
    return made


class Tail:
    """Adds nodes to the end of a graph."""

    def __init__(self, model: ModelProto) -> None:
        self.graph = model.graph
        self._version = next(each.version for each in model.opset_import if each.domain in {"", "ai.onnx"})

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        name = f"disguise{len(self.graph.node)}"
        self.graph.node.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Any, dtype: Any = np.int64) -> str:
        """Add a constant."""
        name = f"disguise_constant{len(self.graph.initializer)}"
        self.graph.initializer.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def flat(self, data: str) -> str:
        """Lay everything out in one list."""
        return self.add("Reshape", data, self.constant([-1]))

    def picture(self) -> str:
        """Return the name of the picture."""
        constants = {tensor.name for tensor in self.graph.initializer}
        return next(entry.name for entry in self.graph.input if entry.name not in constants)
