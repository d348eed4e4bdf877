"""Small detectors of the real output kinds, with random weights: what admission must let in."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = (128, 192)


class Net:
    """A graph under construction: each method adds a node and returns the name of its output."""

    def __init__(self, seed: int = 7, opset: int = 13) -> None:
        self._random = np.random.default_rng(seed)
        self._opset = opset
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._channels = {"picture": 3}

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; the name of its output, or a list of several."""
        names = [f"{kind.lower()}{len(self._nodes)}_{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        self._channels[names[0]] = self._channels.get(inputs[0], 0) if inputs else 0
        return names[0] if outputs == 1 else names

    def constant(self, values: Any, dtype: Any = np.int64) -> str:
        """Add a constant."""
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def weights(self, *dims: int) -> str:
        """Add random weights."""
        return self.constant(self._random.normal(0, 0.3, dims), np.float32)

    def conv(self, data: str, channels: int, kernel: int = 3, stride: int = 1, pad: int | None = None) -> str:
        """Add a convolution with a bias."""
        weights, bias = self.weights(channels, self._channels[data], kernel, kernel), self.weights(channels)
        pads = [kernel // 2 if pad is None else pad] * 4
        made: str = self.add("Conv", data, weights, bias, strides=[stride] * 2, pads=pads)
        self._channels[made] = channels
        return made

    def backbone(self, levels: int = 5, channels: int = 8) -> list[str]:
        """Add a pyramid: feature maps of stride 2, 4, 8 ..."""
        maps, data = [], "picture"
        for _ in range(levels):
            data = self.add("Relu", self.conv(data, channels, stride=2))
            maps.append(data)
        return maps

    def rows(self, data: str, width: int) -> str:
        """Lay a map [1, A * width, h, w] out as rows [1, h * w * A, width]."""
        last = self.add("Transpose", data, perm=[0, 2, 3, 1])
        return str(self.add("Reshape", last, self.constant([1, -1, width])))

    def dense(self, data: str, before: int, after: int) -> str:
        """Add a layer over the last axis."""
        return str(self.add("Add", self.add("MatMul", data, self.weights(before, after)), self.weights(after)))

    def done(self, outputs: dict[str, str], size: Sequence[int | str] = SIZE) -> bytes:
        """Return the file, its outputs by name."""
        for name, made in outputs.items():
            self._nodes.append(helper.make_node("Identity", [made], [name]))
        graph = helper.make_graph(
            self._nodes,
            "detector",
            [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, *size])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self._opset)], ir_version=8)
        return bytes(model.SerializeToString())


def squeezed() -> bytes:
    """A CenterNet with squeeze-and-excitation: channels scaled by an answer for the whole picture, then mixed."""
    net = Net()
    data = net.backbone(2)[-1]
    gate = net.add("Sigmoid", net.conv(net.add("GlobalAveragePool", data), 8, 1))
    data = net.conv(net.add("Mul", data, gate), 8)
    maps = {
        "heat": net.add("Sigmoid", net.conv(data, 1, 1)),
        "size": net.conv(data, 2, 1),
        "offset": net.conv(data, 2, 1),
    }
    return net.done(maps)


def ssd() -> bytes:
    """SSD: anchors on ever coarser maps, the last of one cell, as scores and boxes."""
    net = Net()
    maps = net.backbone(6)[3:]  # 8x12, 4x6, 2x3
    maps.append(net.add("Relu", net.add("AveragePool", net.conv(maps[-1], 8), kernel_shape=[2, 3])))
    net._channels[maps[-1]] = 8
    scores = [net.rows(net.conv(each, 6 * 21), 21) for each in maps]
    boxes = [net.rows(net.conv(each, 6 * 4), 4) for each in maps]
    joined = net.add("Softmax", net.add("Concat", *scores, axis=1), axis=-1)
    return net.done({"scores": joined, "boxes": net.add("Concat", *boxes, axis=1)})


def suppressed() -> bytes:
    """A detector with its own non-maximum suppression: [N, 6]."""
    net = Net()
    data = net.backbone(4)[-1]
    boxes = net.rows(net.conv(data, 4, 1), 4)
    scores = net.add("Sigmoid", net.rows(net.conv(data, 3, 1), 3))
    most = net.constant([50])
    turned = net.add("Transpose", scores, perm=[0, 2, 1])
    kept = net.add(
        "NonMaxSuppression", boxes, turned, most, net.constant([0.5], np.float32), net.constant([0.3], np.float32)
    )
    places = net.add("Gather", kept, net.constant([2]), axis=1)
    classes = net.add("Gather", kept, net.constant([1]), axis=1)
    flat = net.add("Reshape", places, net.constant([-1]))
    chosen = net.add("Gather", net.add("Squeeze", boxes, net.constant([0])), flat, axis=0)
    which = net.add("Concat", classes, places, axis=1)
    score = net.add(
        "Unsqueeze", net.add("GatherND", net.add("Squeeze", turned, net.constant([0])), which), net.constant([1])
    )
    number = net.add("Cast", classes, to=TensorProto.FLOAT)
    return net.done({"found": net.add("Concat", chosen, score, number, axis=1)})


def attending(positions: bool = True, queries: int = 20) -> bytes:
    """A DETR: a transformer's queries look at all places; a box and classes a query.

    Args:
        positions: Whether the queries are told where the places lie, by a constant that is added to the keys.
        queries: How many.
    """
    net, width, heads = Net(), 8, 2
    data = net.backbone(4)[-1]
    tokens = net.add("Transpose", net.add("Reshape", data, net.constant([1, width, -1])), perm=[0, 2, 1])
    where = net.weights(1, SIZE[0] // 16 * (SIZE[1] // 16), width)

    def parted(data: str) -> str:
        """Part the channels among the heads: [heads, tokens, width / heads]."""
        apart = net.add("Reshape", data, net.constant([-1, heads, width // heads]))
        return str(net.add("Transpose", apart, perm=[1, 0, 2]))

    def look(asking: str, keys: str, values: str) -> str:
        asked = net.add("Mul", parted(net.dense(asking, width, width)), net.constant(0.5, np.float32))
        turned = net.add("Transpose", parted(net.dense(keys, width, width)), perm=[0, 2, 1])
        weights = net.add("Softmax", net.add("MatMul", asked, turned), axis=-1)
        seen = net.add("MatMul", weights, parted(net.dense(values, width, width)))
        joined = net.add("Reshape", net.add("Transpose", seen, perm=[1, 0, 2]), net.constant([1, -1, width]))
        total = net.add("Add", asking, net.dense(joined, width, width))
        mean = net.add("ReduceMean", total, axes=[-1])
        return str(net.dense(net.add("Sub", total, mean), width, width))

    def located(data: str) -> str:
        return str(net.add("Add", data, where)) if positions else data

    tokens = look(located(tokens), located(tokens), tokens)
    asked = net.weights(1, queries, width)
    for _ in range(2):
        asked = look(asked, asked, asked)
        asked = look(asked, located(tokens), tokens)
    boxes = net.add("Sigmoid", net.dense(asked, width, 4))
    return net.done({"boxes": boxes, "logits": net.dense(asked, width, 91)})


def anchored() -> bytes:
    """YOLOv5 with three anchors a cell: rows of box, object and classes in pixels."""
    net, levels = Net(), []
    for index, data in enumerate(net.backbone(5)[2:]):
        stride = 8 * 2**index
        height, width = SIZE[0] // stride, SIZE[1] // stride
        head = net.add("Reshape", net.conv(data, 3 * 7, 1), net.constant([1, 3, 7, height, width]))
        head = net.add("Sigmoid", net.add("Transpose", head, perm=[0, 1, 3, 4, 2]))
        middle, sides, scores = net.add("Split", head, net.constant([2, 2, 3]), outputs=3, axis=4)
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)[None, None]
        middle = net.add(
            "Mul", net.add("Add", middle, net.constant(grid, np.float32)), net.constant(stride, np.float32)
        )
        sides = net.add("Mul", net.add("Pow", sides, net.constant(2, np.float32)), net.constant(4 * stride, np.float32))
        row = net.add("Concat", middle, sides, scores, axis=4)
        levels.append(net.add("Reshape", row, net.constant([1, -1, 7])))
    return net.done({"rows": net.add("Concat", *levels, axis=1)})


def chosen() -> bytes:
    """RT-DETR's way: the best places of an encoder become the queries."""
    net, width = Net(), 8
    data = net.backbone(4)[-1]
    tokens = net.add("Transpose", net.add("Reshape", data, net.constant([1, width, -1])), perm=[0, 2, 1])
    best = net.add("ReduceMax", net.dense(tokens, width, 3), axes=[-1], keepdims=0)
    _, indices = net.add("TopK", best, net.constant([10]), outputs=2, axis=1)
    spread = net.add("Expand", net.add("Unsqueeze", indices, net.constant([-1])), net.constant([1, 10, width]))
    asked = net.add("GatherElements", tokens, spread, axis=1)
    boxes = net.add("Sigmoid", net.dense(asked, width, 4))
    return net.done({"boxes": boxes, "logits": net.add("Sigmoid", net.dense(asked, width, 80))})


def faces(fused: str = "convolution", size: Sequence[int | str] = SIZE) -> bytes:
    """A face detector whose boxes and landmarks are one tensor [1, N, 16]: 4 of the box, 2 scores, 10 landmarks.

    Args:
        fused: convolution: the last one computes all sixteen. rows: three heads are joined row by row.
        size: Height and width of the input.
    """
    net, levels = Net(), []
    for data in net.backbone(5)[2:]:
        if fused == "convolution":
            row = net.rows(net.conv(data, 16, 1), 16)
            box, scores, points = net.add("Split", row, net.constant([4, 2, 10]), outputs=3, axis=2)
            levels.append(net.add("Concat", box, net.add("Sigmoid", scores), points, axis=2))
        else:
            scores = net.add("Softmax", net.rows(net.conv(data, 2, 1), 2), axis=-1)
            box, points = net.rows(net.conv(data, 4, 1), 4), net.rows(net.conv(data, 10, 1), 10)
            levels.append(net.add("Concat", box, scores, points, axis=2))
    return net.done({"rows": net.add("Concat", *levels, axis=1)}, size)


PEOPLE: dict[str, Callable[[], bytes]] = {
    "CenterNet with squeeze-and-excitation": squeezed,
    "SSD with a map of one cell": ssd,
    "own suppression": suppressed,
    "DETR": attending,
    "RT-DETR": chosen,
    "YOLOv5 with anchors": anchored,
}
