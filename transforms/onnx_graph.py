"""Edits of a detector's ONNX graph: another input size, fewer classes, fewer steps.

Each edit takes a model and returns a new one; the same model and arguments give the same bytes (`serialise`).
Edits that speed up a graph look for a known structure and return the model as it is where they do not find
it; boxes and scores stay the same up to the rounding of float32 sums.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper

Size = tuple[int, int]
DTYPES = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8}


class GraphError(ValueError):
    """The file is no ONNX graph that can be used; the message says why."""


def parse(content: bytes) -> ModelProto:
    """Read a model whose weights all lie inside the file.

    Constants become initialisers, and initialisers are no longer listed as inputs: a runtime can fold them. Noted
    shapes, which edits would make untrue, are dropped; a runtime finds them itself.

    Raises:
        GraphError: No ONNX model, or one with weights in other files.
    """
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # the protobuf backends raise classes of their own that share no public base
        raise GraphError("this is no ONNX file") from error
    graph = model.graph
    if not graph.node or not graph.output:
        raise GraphError("this ONNX file holds no graph")
    for tensor in _tensors(graph):
        if tensor.data_location == TensorProto.EXTERNAL:
            raise GraphError("its weights lie in other files; export it as one file")
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        value = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
        if value is not None:
            graph.initializer.add().CopyFrom(value)
            graph.initializer[-1].name = node.output[0]
            graph.node.remove(node)
    constants = {tensor.name for tensor in graph.initializer}
    for entry in [entry for entry in graph.input if entry.name in constants]:
        graph.input.remove(entry)
    del graph.value_info[:]
    for entry in graph.output:
        entry.type.tensor_type.ClearField("shape")
    return tidy(model)


def serialise(model: ModelProto) -> bytes:
    """Return the bytes of a model, the same for the same model."""
    return model.SerializeToString(deterministic=True)


def picture_input(model: ModelProto, name: str | None) -> ValueInfoProto:
    """Return the graph's one input.

    Raises:
        GraphError: There are several, or it has another name than the one given.
    """
    names = [entry.name for entry in model.graph.input]
    if len(names) != 1:
        raise GraphError(f"the graph takes {len(names)} inputs, a detector takes one picture")
    if name is not None and names[0] != name:
        raise GraphError(f"the graph's input is {names[0]}, not {name}")
    return model.graph.input[0]


def resize(model: ModelProto, size: Size, layout: str, dtype: str) -> ModelProto:
    """Give the graph's picture input a fixed size.

    Constants that hold the old size of a feature map (targets of Reshape, sizes of Resize) change with it.

    Args:
        model: A graph with one picture input of one or any number of pictures and three channels.
        size: Height and width in pixels.
        layout: nchw or nhwc.
        dtype: float32 or uint8.

    Raises:
        GraphError: The input is of another kind. That a graph cannot take the size shows only when it is run.
    """
    model = copied(model)
    graph = model.graph
    tensor = picture_input(model, None).type.tensor_type
    if tensor.elem_type != DTYPES[dtype]:
        found = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise GraphError(f"the graph's input is {found}, not {dtype}")
    dims = tensor.shape.dim
    old = [dim.dim_value for dim in dims]  # 0 where the file leaves it open
    spatial = (2, 3) if layout == "nchw" else (1, 2)
    fixed = {0: 1, (1 if layout == "nchw" else 3): 3}
    if len(old) != 4 or any(old[axis] not in (0, value) for axis, value in fixed.items()):
        raise GraphError(f"the graph's input is {old}, not one picture of three channels in {layout}")
    before = (old[spatial[0]], old[spatial[1]])
    if all(before) and before != size:
        _resize_constants(graph, before, size)
    for axis, value in {**fixed, spatial[0]: size[0], spatial[1]: size[1]}.items():
        dims[axis].dim_value = value
    return model


def _resize_constants(graph: GraphProto, before: Size, after: Size) -> None:
    """Replace the sizes of feature maps in constant shapes, for maps of the input over 1, 2, 4 ... 64.

    A number of cells is taken for one only in a shape without -1: should it be a number of channels, such a shape
    no longer fits, and the graph fails instead of giving other boxes.
    """
    steps = (1, 2, 4, 8, 16, 32, 64)
    old, new = ([(-(-size[0] // step), -(-size[1] // step)) for step in steps] for size in (before, after))
    pairs = {one: other for one, other in zip(old, new, strict=True) if one != (1, 1)}
    products = {one[0] * one[1]: other[0] * other[1] for one, other in pairs.items()}
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    shapes |= {node.input[3] for node in graph.node if node.op_type == "Resize" and len(node.input) > 3}
    for tensor in graph.initializer:
        if tensor.name in shapes:
            dims = numpy_helper.to_array(tensor).tolist()
            at = next((i for i in range(len(dims) - 1) if (dims[i], dims[i + 1]) in pairs), None)
            if at is not None:
                dims[at : at + 2] = pairs[dims[at], dims[at + 1]]
            elif -1 not in dims:
                dims = [products.get(dim, dim) for dim in dims]
            _set(tensor, np.array(dims, np.int64))


def prune_yolox(model: ModelProto, classes: Sequence[int]) -> tuple[ModelProto, bool]:
    """Leave only some classes in the class heads of a YOLOX graph, so that no other score is ever computed.

    Args:
        model: A graph that ends in Concat(box, Sigmoid(object), Sigmoid(classes)) for each stride, reshaped,
            joined and transposed to [1, N, 5 + C].
        classes: Indices of the classes to keep.

    Returns:
        The model, whose classes are now 0, 1 ... in the order given, and True; or the same model and False.
    """
    heads = list(_yolox_heads(model))
    if not heads:
        return model, False
    model = copied(model)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    arrays = {name: numpy_helper.to_array(constants[name]) for head in heads for name in head}
    for weight, _, shape in heads:
        total = len(arrays[weight])
        if max(classes) >= total or arrays[shape].tolist()[1] != 5 + total:
            return model, False
    for weight, bias, shape in heads:
        _set(constants[weight], arrays[weight][list(classes)])
        _set(constants[bias], arrays[bias][list(classes)])
        dims = arrays[shape].tolist()
        _set(constants[shape], np.array([dims[0], 5 + len(classes), *dims[2:]], np.int64))
    return model, True


def _yolox_heads(model: ModelProto) -> Iterator[tuple[str, str, str]]:
    """Yield the constants of each stride: class weights, class biases, Reshape target; none elsewhere."""
    graph = model.graph
    made_by = {output: node for node in graph.node for output in node.output}
    uses = [name for node in graph.node for name in node.input]
    constants = {tensor.name for tensor in graph.initializer}

    def chain(name: str, *kinds: str) -> NodeProto | None:
        node = None
        for kind in kinds:
            node = made_by.get(name)
            if node is None or node.op_type != kind:
                return None
            name = node.input[0]
        return node

    joined = chain(graph.output[0].name, "Transpose", "Concat")
    found = []
    for name in joined.input if joined is not None else ():
        reshape, head = chain(name, "Reshape"), chain(name, "Reshape", "Concat")
        conv = chain(head.input[2], "Sigmoid", "Conv") if head is not None and len(head.input) == 3 else None
        if reshape is None or conv is None or len(conv.input) != 3:
            return
        weight, bias, shape = conv.input[1], conv.input[2], reshape.input[1]
        if not {weight, bias, shape} <= constants or uses.count(weight) != 1 or uses.count(bias) != 1:
            return
        found.append((weight, bias, shape))
    yield from found


def fold_focus(model: ModelProto) -> ModelProto:
    """Fold a Focus layer into the convolution after it.

    Focus (YOLOv5, YOLOX) splits the picture into four of half the size, one for each pixel of a 2x2 block,
    and stacks their channels. A k x k convolution over that stack is a 2k x 2k convolution of stride 2 over
    the picture.
    """
    graph = model.graph
    picture = graph.input[0].name
    made_by = {output: node for node in graph.node for output in node.output}
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

    def corner(name: str) -> tuple[int, int] | None:
        """Return the row and column in the 2x2 block that two Slices pick from the picture."""
        start: dict[int, int] = {}
        while name != picture:
            node = made_by.get(name)
            if node is None or node.op_type != "Slice" or len(node.input) != 5:
                return None
            begin, end, axis, step = (constants.get(each) for each in node.input[1:])
            if begin is None or end is None or axis is None or step is None or axis.size != 1:
                return None
            if int(step[0]) != 2 or int(end[0]) < 2**31 - 1 or int(axis[0]) in start:
                return None
            start[int(axis[0])] = int(begin[0])
            name = node.input[0]
        return (start[2], start[3]) if sorted(start) == [2, 3] else None

    for conv in graph.node:
        stack = made_by.get(conv.input[0]) if conv.op_type == "Conv" else None
        if stack is None or stack.op_type != "Concat" or len(stack.input) != 4:
            continue
        corners = [corner(name) for name in stack.input]
        users = [node for node in graph.node if stack.output[0] in node.input]
        weights = constants.get(conv.input[1])
        plain = {"group": [1], "dilations": [1, 1], "strides": [1, 1]}
        if len(users) != 1 or weights is None:
            continue
        if any(each not in {(0, 0), (0, 1), (1, 0), (1, 1)} for each in corners):
            continue
        if any(_ints(conv, name, default) != default for name, default in plain.items()):
            continue
        return _folded(model, conv, weights, [each for each in corners if each is not None])
    return model


def _folded(
    model: ModelProto, conv: NodeProto, weights: NDArray[np.float32], corners: Sequence[tuple[int, int]]
) -> ModelProto:
    """Return the model with a convolution over the picture in place of Focus and the convolution given."""
    model = copied(model)
    out_channels, stacked, height, width = weights.shape
    channels = stacked // 4
    wide = np.zeros((out_channels, channels, 2 * height, 2 * width), weights.dtype)
    for index, (row, column) in enumerate(corners):
        wide[:, :, row::2, column::2] = weights[:, index * channels : (index + 1) * channels]
    name = conv.input[1] + ".unfocused"
    model.graph.initializer.append(numpy_helper.from_array(wide, name))
    node = next(node for node in model.graph.node if node.output == conv.output)
    node.input[0], node.input[1] = model.graph.input[0].name, name
    pads = [2 * pad for pad in _ints(conv, "pads", [0, 0, 0, 0])]
    _set_ints(node, {"kernel_shape": [2 * height, 2 * width], "strides": [2, 2], "pads": pads})
    return tidy(model)


def chain_pools(model: ModelProto) -> ModelProto:
    """Take the larger of two MaxPools of one tensor from the smaller one: the same values for less work.

    The largest in a window of n x n is the largest of the windows of m x m in one of (n - m + 1) x (n - m + 1), for
    m below n. Spatial pyramid pooling (YOLOv5, YOLOX) has three such pools.
    """
    model = copied(model)
    before: dict[str, tuple[int, str]] = {}  # for each tensor, the size and output of its last pool
    for node in model.graph.node:
        size = _centred_pool(node)
        if size is None:
            continue
        pooled = node.input[0]
        smaller, output = before.get(pooled, (size, ""))
        if smaller < size:
            node.input[0] = output
            kernel = size - smaller + 1
            _set_ints(node, {"kernel_shape": [kernel, kernel], "pads": [kernel // 2] * 4})
        before[pooled] = size, node.output[0]
    return model


def _centred_pool(node: NodeProto) -> int | None:
    """Return n of a MaxPool over n x n, one for each place of the input; None for any other node."""
    kernel = _ints(node, "kernel_shape", [])
    if node.op_type != "MaxPool" or len(node.output) != 1 or len(kernel) != 2:
        return None
    wanted = {"kernel_shape": [kernel[0]] * 2, "pads": [kernel[0] // 2] * 4, "strides": [1, 1], "dilations": [1, 1]}
    centred = kernel[0] % 2 == 1 and all(_ints(node, key, [1, 1]) == value for key, value in wanted.items())
    padded = any(attribute.name == "auto_pad" and attribute.s != b"NOTSET" for attribute in node.attribute)
    return kernel[0] if centred and not padded else None


def tidy(model: ModelProto) -> ModelProto:
    """Remove, in place, nodes and initialisers that nothing uses."""
    graph = model.graph
    needed = {entry.name for entry in graph.output}
    for node in reversed(list(graph.node)):  # the nodes of a valid graph are in topological order
        if needed.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            needed.update(node.input)
            for attribute in node.attribute:  # what a branch or a loop's body takes from outside
                for inner in _subgraphs(attribute):
                    needed.update(name for each in inner.node for name in each.input)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in needed]:
        graph.initializer.remove(tensor)
    return model


def _subgraphs(attribute: AttributeProto) -> Iterator[GraphProto]:
    """Yield the graphs inside an attribute, at every depth."""
    for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
        yield graph
        for node in graph.node:
            for inner in node.attribute:
                yield from _subgraphs(inner)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Yield all constant tensors of a graph, those in its branches included."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in _subgraphs(attribute):
                yield from _tensors(inner)


def _ints(node: NodeProto, name: str, default: list[int]) -> list[int]:
    for attribute in node.attribute:
        if attribute.name == name:
            return list(attribute.ints) if attribute.ints else [attribute.i]
    return default


def _set_ints(node: NodeProto, values: Mapping[str, list[int]]) -> None:
    """Set attributes that are lists of numbers."""
    kept = [attribute for attribute in node.attribute if attribute.name not in values]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(onnx.helper.make_attribute(key, value) for key, value in values.items())


def _set(tensor: TensorProto, values: NDArray[np.generic]) -> None:
    """Replace the values of a constant."""
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))


def copied(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy
