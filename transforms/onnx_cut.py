"""Cuts in a detector's ONNX graph: what is not read of its outputs is not computed.

The same model and arguments give the same bytes. What stays is computed by the same steps as before.
"""

from collections.abc import Collection, Sequence

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, helper, numpy_helper, shape_inference

from transforms.onnx_graph import copied, tidy

_POINTWISE = frozenset(
    {"Cast", "Clip", "Exp", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Relu", "Sigmoid", "Tanh"}
)
_PAIRWISE = frozenset({"Add", "Div", "Mul", "Sub"})


def keep_outputs(model: ModelProto, names: Collection[str]) -> ModelProto:
    """Return the model without its other outputs and all that only they need."""
    model = copied(model)
    for entry in [entry for entry in model.graph.output if entry.name not in names]:
        model.graph.output.remove(entry)
    return tidy(model)


def take_columns(model: ModelProto, axis: int, columns: Sequence[int]) -> ModelProto:
    """Leave some columns of the one output, in the order given.

    The choice is moved towards the picture as far as it goes: through what treats columns alike, into the weights of
    the convolutions that compute them. There the others are no longer computed; elsewhere they are left out.

    Args:
        model: A graph with one output and an input of fixed size.
        axis: That of the columns.
        columns: Which to keep.
    """
    model = copied(model)
    name = model.graph.output[0].name
    whole = name + ".whole"
    for node in model.graph.node:
        node.output[:] = [whole if each == name else each for each in node.output]
        node.input[:] = [whole if each == name else each for each in node.input]
    taken = _Taking(model).take(whole, axis, list(columns))
    model.graph.node.append(helper.make_node("Identity", [taken], [name]))
    return tidy(model)


class _Taking:
    """Builds, node by node, the part of a graph that gives some columns only."""

    def __init__(self, model: ModelProto) -> None:
        self._graph = model.graph
        self._made_by = {output: node for node in model.graph.node for output in node.output}
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        inferred = shape_inference.infer_shapes(model, data_prop=True).graph.value_info
        self._dims = {entry.name: [dim.dim_value for dim in entry.type.tensor_type.shape.dim] for entry in inferred}
        self._dims |= {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
        self._count = 0

    def take(self, name: str, axis: int, columns: list[int]) -> str:
        """Return the name of a new tensor with these columns of another."""
        node = self._made_by.get(name)
        dims = self._dims.get(name, [])
        taken = None if node is None or 0 in dims or not dims else self._through(node, name, axis, columns)
        if taken is None and len(dims) > axis and columns == list(range(dims[axis])):
            return name
        return taken or self._add("Gather", [name, self._constant(np.array(columns, np.int64))], axis=axis)

    def _through(self, node: NodeProto, name: str, axis: int, columns: list[int]) -> str | None:
        """Take columns from what a node is made of; None where that is not possible."""
        kind = node.op_type
        if kind in _POINTWISE:
            return self._like(node, [self.take(node.input[0], axis, columns), *node.input[1:]])
        if kind in _PAIRWISE:
            return self._like(node, [self._side(each, name, axis, columns) for each in node.input])
        if kind == "Transpose":
            perm = next((list(each.ints) for each in node.attribute if each.name == "perm"), None)
            return self._like(node, [self.take(node.input[0], perm[axis], columns)]) if perm else None
        if kind == "Concat":
            return self._concat(node, name, axis, columns)
        if kind == "Split":
            return self._split(node, name, axis, columns)
        if kind == "Slice":
            return self._slice(node, axis, columns)
        if kind == "Reshape":
            return self._reshape(node, name, axis, columns)
        if kind == "Conv" and axis == 1:
            return self._conv(node, columns)
        return None

    def _side(self, side: str, result: str, axis: int, columns: list[int]) -> str:
        """Take columns of one operand, unless it is the same for all of them."""
        dims = self._dims.get(side, [])
        at = axis - (len(self._dims[result]) - len(dims))
        return side if at < 0 or dims[at] == 1 else self.take(side, at, columns)

    def _concat(self, node: NodeProto, name: str, axis: int, columns: list[int]) -> str | None:
        at = next(each.i for each in node.attribute if each.name == "axis") % len(self._dims[name])
        if at != axis:
            return self._like(node, [self.take(each, axis, columns) for each in node.input])
        widths = [self._dims.get(each, [0] * (axis + 1))[axis] for each in node.input]
        if 0 in widths:
            return None
        runs: list[tuple[int, list[int]]] = []
        starts = np.cumsum([0, *widths])
        for column in columns:
            part = int(np.searchsorted(starts, column, side="right")) - 1
            if not runs or runs[-1][0] != part:
                runs.append((part, []))
            runs[-1][1].append(column - int(starts[part]))
        pieces = [self.take(node.input[part], axis, inside) for part, inside in runs]
        return pieces[0] if len(pieces) == 1 else self._like(node, pieces)

    def _split(self, node: NodeProto, name: str, axis: int, columns: list[int]) -> str | None:
        at = next((each.i for each in node.attribute if each.name == "axis"), 0) % len(self._dims[name])
        before = list(node.output)[: list(node.output).index(name)]
        if at != axis or not all(self._dims.get(each) for each in before):
            return None
        start = sum(self._dims[each][axis] for each in before)
        return self.take(node.input[0], axis, [start + column for column in columns])

    def _slice(self, node: NodeProto, axis: int, columns: list[int]) -> str | None:
        dims = self._dims.get(node.input[0])
        known = len(node.input) >= 4 and all(each in self._constants for each in node.input[1:] if each)
        if not known or not dims:
            return None
        values = [numpy_helper.to_array(self._constants[each]).tolist() for each in node.input[1:] if each]
        starts, ends, axes, steps = (*values, [1] * len(values[0]))[:4]
        if [each % len(dims) for each in axes] != [axis]:
            return None
        picked = range(*slice(starts[0], ends[0], steps[0]).indices(dims[axis]))
        return self.take(node.input[0], axis, [picked[column] for column in columns])

    def _reshape(self, node: NodeProto, name: str, axis: int, columns: list[int]) -> str | None:
        before, after = self._dims.get(node.input[0], [0]), self._dims[name]
        if 0 in before:
            return None
        rest = np.prod(after[axis + 1 :])
        at = next((i for i, dim in enumerate(before) if dim == after[axis] and np.prod(before[i + 1 :]) == rest), None)
        if at is None:
            return None
        taken = self.take(node.input[0], at, columns)
        if taken == node.input[0]:
            return name
        target = self._constant(np.array([*after[:axis], len(columns), *after[axis + 1 :]], np.int64))
        return self._like(node, [taken, target])

    def _conv(self, node: NodeProto, columns: list[int]) -> str | None:
        group = next((each.i for each in node.attribute if each.name == "group"), 1)
        if group != 1 or not set(node.input[1:]) <= set(self._constants):
            return None
        if columns == list(range(self._constants[node.input[1]].dims[0])):
            return str(node.output[0])
        arrays = [numpy_helper.to_array(self._constants[each])[columns] for each in node.input[1:]]
        return self._like(node, [node.input[0], *map(self._constant, arrays)])

    def _like(self, node: NodeProto, inputs: Sequence[str]) -> str:
        """Add a node of the same kind with other inputs; the node itself where they are its own."""
        if len(node.output) == 1 and list(inputs) == list(node.input):
            return str(node.output[0])
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:], copy.output[:] = inputs, [self._name()]
        copy.ClearField("name")
        self._graph.node.append(copy)
        return str(copy.output[0])

    def _add(self, kind: str, inputs: Sequence[str], axis: int) -> str:
        self._graph.node.append(helper.make_node(kind, inputs, [self._name()], axis=axis))
        return str(self._graph.node[-1].output[0])

    def _constant(self, values: np.ndarray) -> str:
        name = self._name()
        self._graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _name(self) -> str:
        self._count += 1
        return f"taken.{self._count}"
