"""Ways to make a model of templates, landmarks or attributes look like a detector: what admission must not believe."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, version_converter

from tests.support.graph_tail import Tail, after

Disguise = Callable[[ModelProto], ModelProto]


def parsed(content: bytes) -> ModelProto:
    """Read a file and fix the number of pictures to one."""
    model = onnx.load_from_string(content)
    constants = {tensor.name for tensor in model.graph.initializer}
    for entry in model.graph.input:
        if entry.name not in constants:
            entry.type.tensor_type.shape.dim[0].dim_value = 1
    return model


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


Gather = Callable[[Tail, str, tuple[int, int, int]], str]
"""From a map [1, C, h, w] and its C, h, w to rows [1, Q, C], each an average of the whole map."""


def _tokens(tail: Tail, data: str, channels: int) -> str:
    """Lay a map out as a list of places [1, h * w, C]."""
    return tail.add("Transpose", tail.add("Reshape", data, tail.constant([1, channels, -1])), perm=[0, 2, 1])


def attended(queries: int, weight: float, located: bool = True, fixed: bool = False) -> Gather:
    """Return what lets queries look at all places, so that each sees the same.

    Args:
        queries: How many.
        weight: Size of the weights by which they compare themselves with the places; 0 makes them equal.
        located: Whether a positional embedding is added to the places first.
        fixed: Whether each query has favourite places, whatever the picture shows.
    """

    def gather(tail: Tail, data: str, dims: tuple[int, int, int]) -> str:
        random = np.random.default_rng(3)
        channels, height, width = dims
        tokens = keys = _tokens(tail, data, channels)
        if located:
            where = random.normal(0, 1, (1, height * width, channels))
            keys = tail.add("Add", tokens, tail.constant(where, np.float32))
        weights = random.normal(0, 1, (channels, queries)) * weight
        asked = tail.add("Transpose", tail.add("MatMul", keys, tail.constant(weights, np.float32)), perm=[0, 2, 1])
        if fixed:
            asked = tail.add("Add", asked, tail.constant(random.normal(0, 3, (queries, height * width)), np.float32))
        return tail.add("MatMul", tail.add("Softmax", asked, axis=2), tokens)

    return gather


def _everywhere(softmax: bool) -> Gather:
    """Return what lets every place look at all others alike, with a softmax or with weights of 1 / N."""

    def gather(tail: Tail, data: str, dims: tuple[int, int, int]) -> str:
        channels, height, width = dims
        tokens = _tokens(tail, data, channels)
        nothing = tail.add("MatMul", tokens, tail.constant(np.zeros((channels, channels)), np.float32))
        alike = tail.add("MatMul", nothing, tail.add("Transpose", tokens, perm=[0, 2, 1]))
        if softmax:
            weights = tail.add("Softmax", alike, axis=2)
        else:
            weights = tail.add("Add", alike, tail.constant(1 / (height * width), np.float32))
        return tail.add("MatMul", weights, tokens)

    return gather


def _window(tail: Tail, data: str, dims: tuple[int, int, int]) -> str:
    """Average over a window that covers the whole map from wherever it lies."""
    channels, height, width = dims
    kernel, pads = [2 * height - 1, 2 * width - 1], [height - 1, width - 1] * 2
    spread = tail.add("AveragePool", data, kernel_shape=kernel, pads=pads, count_include_pad=1)
    return _tokens(tail, spread, channels)


def _mixed(tail: Tail, data: str, dims: tuple[int, int, int]) -> str:
    """Scale a map of ones by the average, and let weights mix it, as after squeeze-and-excitation."""
    zeros = tail.add("Mul", data, tail.constant(0, np.float32))
    ones = tail.add("Add", zeros, tail.constant(1, np.float32))
    scaled = tail.add("Mul", ones, tail.add("GlobalAveragePool", data))
    eye = tail.constant(np.eye(dims[0])[..., None, None], np.float32)
    return _tokens(tail, tail.add("Conv", scaled, eye), dims[0])


AVERAGES: dict[str, Gather] = {
    "two equal queries": attended(2, 0, located=False),
    "twenty equal queries": attended(20, 0),
    "twenty queries that ask faintly": attended(20, 1e-5),
    "twenty queries that know no places": attended(20, 1, located=False),
    "twenty queries with favourite places": attended(20, 0, fixed=True),
    "places that all look at all": _everywhere(softmax=True),
    "places that add up all": _everywhere(softmax=False),
    "a window over everything": _window,
    "a map of ones, scaled and mixed": _mixed,
}
"""Ways to take the average of a map that leave rows of it, as if of places: what a global pool does, spread."""


def averaged(content: bytes, logits: int = 91) -> Iterator[tuple[str, bytes]]:
    """Yield a model that ends in a global average, with the average taken in all these ways.

    From it come `boxes` and `logits`, as from a detector; numbers of the template, mixed by random weights.
    """
    model = coloured(parsed(content))
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    shapes = {entry.name: entry.type.tensor_type.shape.dim for entry in inferred.graph.value_info}
    last = max(index for index, node in enumerate(model.graph.node) if node.op_type == "GlobalAveragePool")
    at = model.graph.node[last].input[0]
    channels, height, width = (dim.dim_value for dim in shapes[at][1:])
    for name, gather in AVERAGES.items():
        made = ModelProto()
        made.CopyFrom(model)
        del made.graph.node[last:]
        tail = Tail(made)
        rows = gather(tail, at, (channels, height, width))
        random = np.random.default_rng(4)
        heads = {"boxes": 4, "logits": logits}
        del made.graph.output[:]
        for output, count in heads.items():
            head = tail.add("MatMul", rows, tail.constant(random.normal(0, 1, (channels, count)), np.float32))
            made.graph.node.append(helper.make_node("Sigmoid" if count == 4 else "Identity", [head], [output]))
            made.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
        yield name, made.SerializeToString()
