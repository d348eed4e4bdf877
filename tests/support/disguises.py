"""Ways to make a model of templates, landmarks or attributes look like a detector: what admission must not believe."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper, version_converter

Disguise = Callable[[ModelProto], ModelProto]


def parsed(content: bytes) -> ModelProto:
    """Read a file and fix the number of pictures to one."""
    model = onnx.load_from_string(content)
    constants = {tensor.name for tensor in model.graph.initializer}
    for entry in model.graph.input:
        if entry.name not in constants:
            entry.type.tensor_type.shape.dim[0].dim_value = 1
    return model


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


def renamed(model: ModelProto) -> ModelProto:
    """Call the output `boxes`."""
    return after(model, lambda tail, data: data, name="boxes")


def noisy(model: ModelProto) -> ModelProto:
    """Add nodes that change nothing."""

    def build(tail: Tail, data: str) -> str:
        data = tail.add("Mul", tail.add("Identity", data), tail.constant(1, np.float32))
        data = tail.add("Add", data, tail.constant(0, np.float32))
        return tail.add("Transpose", tail.add("Reshape", data, tail.constant([1, 1, -1])), perm=[0, 2, 1])

    return after(model, build)


def gathered(model: ModelProto) -> ModelProto:
    """Pick the numbers again and again into rows [1, 84, 85] of a box, an object score and 80 classes."""

    def build(tail: Tail, data: str) -> str:
        picked = tail.add("Gather", tail.flat(data), tail.constant(np.zeros(84 * 85)), axis=0)
        return tail.add("Reshape", picked, tail.constant([1, 84, 85]))

    return after(model, build)


def tiled(model: ModelProto) -> ModelProto:
    """Repeat the numbers as rows, as many as a detector has places, and pass them off as scores."""

    def build(tail: Tail, data: str) -> str:
        row = tail.add("Reshape", data, tail.constant([1, 1, -1]))
        return tail.add("Sigmoid", tail.add("Tile", row, tail.constant([1, 84, 1])))

    return after(model, build)


def joined(model: ModelProto) -> ModelProto:
    """Join the numbers to themselves, and constant boxes to them, in columns and in rows."""

    def build(tail: Tail, data: str) -> str:
        row = tail.add("Reshape", data, tail.constant([1, 1, -1]))
        two = tail.add("Concat", row, tail.add("Sigmoid", row), axis=2)
        boxes = tail.constant(np.ones((1, 1, 5)), np.float32)
        once = tail.add("Concat", boxes, two, axis=2)
        return tail.add("Concat", *[once] * 21, axis=1)

    return after(model, build)


def mapped(model: ModelProto) -> ModelProto:
    """Spread the numbers over a map as large as a detector's, and run a convolution over it."""

    def build(tail: Tail, data: str) -> str:
        count = _count(model)
        cell = tail.add("Reshape", data, tail.constant([1, count, 1, 1]))
        weights = tail.constant(np.ones((count, 6, 8, 8)), np.float32)
        spread = tail.add("ConvTranspose", cell, weights, kernel_shape=[8, 8])
        head = tail.constant(np.ones((6, 6, 1, 1)), np.float32)
        rows = tail.add("Transpose", tail.add("Conv", spread, head), perm=[0, 2, 3, 1])
        return tail.add("Reshape", rows, tail.constant([1, -1, 6]))

    return after(model, build)


def overlaid(model: ModelProto) -> ModelProto:
    """Lay the numbers over real places of the picture: add them to a map of zeros."""
    return after(model, lambda tail, data: tail.add("Add", _nothing(tail, model), _row(tail, data)))


def scaled(model: ModelProto) -> ModelProto:
    """Lay the numbers over real places of the picture: scale a map of ones by them."""

    def build(tail: Tail, data: str) -> str:
        ones = tail.add("Add", _nothing(tail, model), tail.constant(1, np.float32))
        return tail.add("Mul", ones, _row(tail, data))

    return after(model, build)


def beside(model: ModelProto) -> ModelProto:
    """Put the numbers beside a real map, as more of its channels."""

    def build(tail: Tail, data: str) -> str:
        nothing = _nothing(tail, model)
        wide = tail.add("Expand", _row(tail, data), tail.add("Shape", nothing))
        return tail.add("Concat", nothing, wide, axis=2)

    return after(model, build)


def opened(model: ModelProto) -> ModelProto:
    """Leave height and width open, so that another size can be asked for."""
    made = ModelProto()
    made.CopyFrom(model)
    tail = Tail(made)
    entry = next(entry for entry in made.graph.input if entry.name == tail.picture())
    dims = entry.type.tensor_type.shape.dim
    for index, dim in enumerate(dims):
        if index and dim.dim_value > 3:
            dim.dim_param = f"side{index}"
    return made


def coloured(model: ModelProto) -> ModelProto:
    """Take a colour picture where the model takes a grey one."""
    made = ModelProto()
    made.CopyFrom(model)
    entry = made.graph.input[0]
    dims = [dim.dim_value for dim in entry.type.tensor_type.shape.dim]
    if dims[-1] != 1:
        return made
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("colours", TensorProto.FLOAT, [*dims[:-1], 3]))
    grey = helper.make_node("ReduceMean", ["colours"], [entry.name], axes=[3], keepdims=1)
    grey.output[0] = model.graph.input[0].name
    made.graph.node.insert(0, grey)
    return made


def of_version(version: int) -> Disguise:
    """Return what writes a model with another set of operators; the same model where the converter cannot."""

    def convert(model: ModelProto) -> ModelProto:
        try:
            return version_converter.convert_version(model, version)
        except Exception:  # the converter raises classes of its own for what it does not know
            return model

    return convert


DISGUISES: dict[str, Disguise] = {
    "as it is": lambda model: model,
    "another name": renamed,
    "noise": noisy,
    "gathered": gathered,
    "tiled": tiled,
    "joined": joined,
    "a map": mapped,
    "added to places": overlaid,
    "scaling places": scaled,
    "beside places": beside,
    "open size": opened,
    "opset 15": of_version(15),
    "opset 17": of_version(17),
}


def disguised(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a refused model under every disguise, for colour pictures."""
    model = coloured(parsed(content))
    for name, disguise in DISGUISES.items():
        yield name, disguise(model).SerializeToString()


def _count(model: ModelProto) -> int:
    """Return how many numbers a model puts out."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    dims = [dim.dim_value for dim in inferred.graph.output[0].type.tensor_type.shape.dim]
    return int(np.prod([dim or 1 for dim in dims]))


def _row(tail: Tail, data: str) -> str:
    return tail.add("Reshape", data, tail.constant([1, 1, -1]))


def _nothing(tail: Tail, model: ModelProto) -> str:
    """Return a list of zeros [1, N, 1], one for each eighth row and column of the picture."""
    picture = tail.picture()
    dims = next(entry for entry in model.graph.input if entry.name == picture).type.tensor_type.shape.dim
    last = dims[3].dim_value == 3
    planar = tail.add("Transpose", picture, perm=[0, 3, 1, 2]) if last else picture
    small = tail.add("MaxPool", planar, kernel_shape=[8, 8], strides=[8, 8])
    grey = tail.add("Conv", small, tail.constant(np.zeros((1, 3, 1, 1)), np.float32))
    return tail.add("Reshape", grey, tail.constant([1, -1, 1]))


def smuggling(detector: bytes, at: str, rows: str, width: int) -> Iterator[tuple[str, bytes]]:
    """Yield a real detector that also computes a template, put out in several ways.

    Args:
        detector: The file.
        at: A tensor of it, a feature map.
        rows: Its output [1, N, C].
        width: Channels of the feature map.
    """
    model = onnx.load_from_string(detector)
    random = np.random.default_rng(5)

    def variant(build: Callable[[Tail, str], dict[str, str]]) -> bytes:
        made = ModelProto()
        made.CopyFrom(model)
        tail = Tail(made)
        template = tail.flat(tail.add("GlobalAveragePool", at))
        outputs = build(tail, template)
        columns = [entry.name for entry in made.graph.output]
        del made.graph.output[:]
        for name, tensor in outputs.items():
            if tensor not in columns:
                made.graph.node.append(helper.make_node("Identity", [tensor], [name]))
            made.graph.output.append(
                helper.make_tensor_value_info(tensor if tensor in columns else name, TensorProto.FLOAT, None)
            )
        return made.SerializeToString()

    def shaped(tail: Tail, template: str, dims: Sequence[int]) -> str:
        picked = tail.add("Gather", template, tail.constant(np.arange(np.prod(dims)) % width), axis=0)
        return tail.add("Reshape", picked, tail.constant(list(dims)))

    def head(tail: Tail) -> str:
        return tail.add("Conv", at, tail.constant(random.normal(0, 0.1, (64, width, 1, 1)), np.float32))

    yield "template as an output", variant(lambda tail, template: {"": rows, "template": template})
    yield (
        "template as more rows",
        variant(lambda tail, template: {"all": tail.add("Concat", rows, shaped(tail, template, (1, 4, 85)), axis=1)}),
    )
    yield (
        "template added to rows",
        variant(lambda tail, template: {"all": tail.add("Add", rows, shaped(tail, template, (1, 1, 85)))}),
    )
    yield (
        "template scaling rows",
        variant(lambda tail, template: {"all": tail.add("Mul", rows, shaped(tail, template, (1, 1, 85)))}),
    )
    yield "template for each place", variant(lambda tail, template: {"": rows, "ids": head(tail)})
    yield (
        "unit template for each place",
        variant(lambda tail, template: {"": rows, "ids": tail.add("LpNormalization", head(tail), axis=1, p=2)}),
    )
