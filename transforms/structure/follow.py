"""Follow a graph from the picture to its outputs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, defs, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from transforms.structure import moves, rules
from transforms.structure.rules import Rule, Step
from transforms.structure.signals import Axis, Dims, Misfit, Signal, Untraceable, constant, plain

OPERATOR_SETS = frozenset({"", "ai.onnx"})
"""Domains whose operators may stand in a graph: those of the ONNX standard, and no custom ones."""

_MOST_VALUES = 1 << 21
"""Constants larger than this are not looked at: no shape, list of positions or positional embedding is as large."""


def _words(text: str) -> list[str]:
    return text.split()


_ELEMENTWISE = _words(
    """
    Abs Add And BatchNormalization BitShift Cast CastLike Ceil Celu Clip Cos DequantizeLinear Div Dropout Elu Equal Erf
    Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max
    Mean Min Mish Mod Mul Neg Not Or PRelu Pow QuantizeLinear Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus
    Softsign Sqrt Sub Sum Tanh ThresholdedRelu Where Xor
    """
)
_SPATIAL = _words("AveragePool Conv ConvInteger ConvTranspose LpPool MaxPool QLinearConv Resize Upsample")
_REDUCTIONS = _words(
    """
    ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare
    """
)
_NORMALISATIONS = _words(
    """
    CumSum GroupNormalization InstanceNormalization LRN LayerNormalization LogSoftmax LpNormalization
    MeanVarianceNormalization RMSNormalization Softmax
    """
)
_NUMBERS = _words("ConstantOfShape EyeLike OneHot Range Shape Size")
_HAND_ON = frozenset(_words("Add Cast Clip Expand Identity Max Pow Reciprocal Reshape Sqrt Unsqueeze"))
"""What a vector's length may pass through before the vector is divided by it."""

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE, rules.elementwise),
    **dict.fromkeys(_SPATIAL, rules.spatial),
    **dict.fromkeys(_REDUCTIONS, rules.reduce),
    **dict.fromkeys(_NORMALISATIONS, rules.normalise),
    **dict.fromkeys(["GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"], rules.global_pool),
    **dict.fromkeys(["MatMul", "Gemm"], rules.contraction),
    **dict.fromkeys(["Reshape", "Flatten", "Squeeze", "Unsqueeze"], rules.reshape),
    **dict.fromkeys(["Expand", "Tile"], moves.repeat),
    **dict.fromkeys(["ScatterND", "ScatterElements"], moves.scatter),
    **dict.fromkeys(["DepthToSpace", "SpaceToDepth"], moves.blocks),
    **dict.fromkeys(_NUMBERS, moves.numbers),
    "Transpose": rules.transpose,
    "Concat": moves.concat,
    "Split": moves.split,
    "Slice": moves.slicing,
    "Gather": moves.gather,
    "GatherElements": moves.gather_elements,
    "GatherND": moves.gather_nd,
    "GridSample": moves.sample,
    "NonMaxSuppression": moves.suppression,
    "NonZero": moves.where_true,
    "Pad": moves.pad,
    "RoiAlign": moves.regions,
    "TopK": moves.top,
}
"""Operators whose effect on places is known. A graph with any other on the picture's way is refused."""


@dataclass(frozen=True, eq=False)
class Followed:
    """A graph, followed for one size of picture.

    Attributes:
        outputs: What is known of each output, by name.
        sources: And of each list from which the places of one were chosen.
        size: Height and width of the picture.
    """

    outputs: Mapping[str, Signal]
    sources: Mapping[str, Signal]
    size: tuple[int, int]


def follow(model: ModelProto, layout: str) -> Followed:
    """Follow a graph with one input, a picture of fixed size.

    Args:
        model: As `onnx_graph.parse` and `resize` return it.
        layout: nchw or nhwc.

    Raises:
        Untraceable: A node is of a kind whose effect is not known, or depends on the picture in its shape.
    """
    walk = _Walk(model, layout)
    for node in model.graph.node:
        walk.step(node)
    outputs = {entry.name: walk.known(entry.name) for entry in model.graph.output}
    sources = sorted({name for signal in outputs.values() for name in signal.sources})
    return Followed(outputs, {name: walk.known(name) for name in sources}, walk.size)


class _Walk:
    """Goes through a graph node by node, in order."""

    def __init__(self, model: ModelProto, layout: str) -> None:
        graph: GraphProto = model.graph
        self._imports = {each.domain: each.version for each in model.opset_import}
        self._opset = list(model.opset_import)
        self._ir_version = model.ir_version
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._types: dict[str, TypeProto] = {}
        self._signals: dict[str, Signal] = {}
        self._values: dict[str, NDArray[Any]] = {}
        self._means: dict[str, str] = {}  # a mean, and of what
        self._squares: set[str] = set()
        self._lengths: set[str] = set()  # of vectors
        for tensor in graph.initializer:
            self._types[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
            self._signals[tensor.name] = constant(tuple(tensor.dims))
        entry = graph.input[0]
        dims = tuple(dim.dim_value for dim in entry.type.tensor_type.shape.dim)
        self.size = (dims[2], dims[3]) if layout == "nchw" else (dims[1], dims[2])
        kinds = ("number", "number", "row", "column") if layout == "nchw" else ("number", "row", "column", "number")
        axes: list[Axis] = [plain(dim, kind) for dim, kind in zip(dims, kinds, strict=True)]  # type: ignore[arg-type]
        self._signals[entry.name] = Signal(dims, tuple(axes), picture=True)
        self._types[entry.name] = entry.type

    def known(self, name: str) -> Signal:
        """Return what is known of a tensor.

        Raises:
            Untraceable: No node makes it.
        """
        if name not in self._signals:
            raise Untraceable(f"{name} is made by no node")
        return self._signals[name]

    def step(self, node: NodeProto) -> None:
        """Take in one node."""
        name = f"{node.op_type} {node.output[0]}"
        if node.domain not in OPERATOR_SETS:
            raise Untraceable(f"{name} is an operator of {node.domain}, not of the ONNX standard")
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise Untraceable(f"{name} holds a graph of its own; export the model without control flow")
        inputs = [self.known(each) if each else None for each in node.input]
        dims = self._infer(node)
        counted = node.op_type in {"Shape", "Size"}
        if counted or not any(each is not None and each.picture for each in inputs):
            for output, shape in zip(node.output, dims, strict=True):
                self._signals[output] = constant(shape)
            self._compute(node, inputs[0] if counted else None)
            return
        rule = RULES.get(node.op_type)
        if rule is None:
            raise Untraceable(f"{name} is of a kind that cannot be followed")
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        attributes |= self._normalising(node)
        values = [self.value(each) if each else None for each in node.input]
        version = self._imports.get(node.domain, 1)
        step = Step(name, node.op_type, version, list(node.input), inputs, values, attributes, dims, self.size)
        for output, signal in zip(node.output, rule(step), strict=False):
            if len(signal.axes) != len(signal.dims):
                raise Untraceable(f"{name} cannot be followed")
            self._signals[output] = signal if signal.placed else rules.without_grids(signal)

    def _normalising(self, node: NodeProto) -> dict[str, bool]:
        """Find out whether a node is the last step of a normalisation written out."""
        kind, inputs = node.op_type, list(node.input)
        if kind in {"ReduceMean", "ReduceMax"}:
            self._means[node.output[0]] = inputs[0]
        handed_on = kind in _HAND_ON and not self._lengths.isdisjoint(inputs)
        if handed_on or kind in {"ReduceL2", "ReduceSumSquare"}:
            self._lengths.add(node.output[0])
        if kind == "ReduceSum" and inputs[0] in self._squares:
            self._lengths.add(node.output[0])
        if kind in {"Mul", "Pow"} and (kind == "Pow" or inputs[0] == inputs[1]):
            self._squares.add(node.output[0])
        own_mean = kind == "Sub" and self._means.get(inputs[1]) == inputs[0]
        unit = kind == "LpNormalization" or (kind in {"Div", "Mul"} and not self._lengths.isdisjoint(inputs))
        return {"own_mean": own_mean, "unit_length": unit}

    def value(self, name: str) -> NDArray[Any] | None:
        """Return the values of a constant; None of what depends on the picture, or is large."""
        if name in self._values:
            return self._values[name]
        tensor = self._tensors.get(name)
        if tensor is None or int(np.prod(tensor.dims, dtype=np.int64)) > _MOST_VALUES:
            return None
        self._values[name] = numpy_helper.to_array(tensor)
        return self._values[name]

    def _infer(self, node: NodeProto) -> list[Dims]:
        """Infer types and shapes of a node's outputs."""
        domain = "" if node.domain == "ai.onnx" else node.domain
        try:
            schema = defs.get_schema(node.op_type, self._imports.get(node.domain, 1), domain)
            types = {name: self._types[name] for name in node.input if name}
            found = shape_inference.infer_node_outputs(
                schema, node, types, dict(self._data(node)), opset_imports=self._opset, ir_version=self._ir_version
            )
        except Exception as error:  # the checker raises classes of its own that share no public base
            raise Misfit(f"{node.op_type} {node.output[0]} does not fit its inputs") from error
        dims: list[Dims] = []
        for output in node.output:
            if output and output not in found:
                raise Untraceable(f"{node.op_type} {output} has no known type")
            self._types[output] = found.get(output, TypeProto())
            tensor = self._types[output].tensor_type
            if output and not tensor.HasField("shape"):
                raise Untraceable(f"{node.op_type} {output} has a shape that depends on the picture")
            dims.append(tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim))
        return dims

    def _data(self, node: NodeProto) -> Iterator[tuple[str, TensorProto]]:
        """Yield the small constants that a node takes: shapes and positions."""
        for name in node.input:
            if name and name in self._signals and not self._signals[name].picture:
                value = self.value(name)
                if value is not None and value.ndim <= 1:
                    yield name, numpy_helper.from_array(np.ascontiguousarray(value), name)

    def _compute(self, node: NodeProto, counted: Signal | None) -> None:
        """Compute a small constant."""
        outputs = [self._signals[name] for name in node.output if name]
        if counted is not None:
            if None not in counted.dims:
                sizes = np.array(counted.dims, np.int64)
                bounds = {each.name: helper.get_attribute_value(each) for each in node.attribute}
                part = sizes[bounds.get("start", 0) : bounds.get("end")]
                self._values[node.output[0]] = np.array(np.prod(sizes)) if node.op_type == "Size" else part
            return
        values = {name: self.value(name) for name in node.input if name}
        if any(value is None for value in values.values()):
            return
        if any(None in each.dims or prod(dim or 0 for dim in each.dims) > _MOST_VALUES for each in outputs):
            return
        made = _evaluate(node, values, self._opset)
        for name, value in zip(node.output, made, strict=False):
            self._values[name] = np.asarray(value)


def _evaluate(
    node: NodeProto, values: Mapping[str, NDArray[Any] | None], opset: Sequence[onnx.OperatorSetIdProto]
) -> list[Any]:
    """Compute a node whose inputs are known."""
    entries = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in values]
    outputs = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in node.output if name]
    graph = helper.make_graph([node], "constant", entries, outputs)
    try:
        made = ReferenceEvaluator(helper.make_model(graph, opset_imports=opset)).run(None, dict(values))
    except Exception as error:  # numpy's, and classes of the evaluator's own
        raise Untraceable(f"{node.op_type} {node.output[0]} cannot be computed") from error
    return list(made)
