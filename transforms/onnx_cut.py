"""Cuts in a detector's ONNX graph: what is not read of its outputs is never computed."""

from collections.abc import Collection

from onnx import ModelProto

from transforms.onnx_graph import copied, tidy


def keep_outputs(model: ModelProto, names: Collection[str]) -> ModelProto:
    """Return the model without its other outputs and all that only they need."""
    model = copied(model)
    for entry in [entry for entry in model.graph.output if entry.name not in names]:
        model.graph.output.remove(entry)
    return tidy(model)
