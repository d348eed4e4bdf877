"""From the tensors of a detector to its boxes, one function an output kind."""

from collections.abc import Callable, Sequence
from typing import Any

from schemas.card import Output
from transforms.outputs import grids, lists
from transforms.outputs.contract import Decode, Disagreement, Shapes, Size

__all__ = ["KINDS", "Decode", "Disagreement", "prepare"]

KINDS: dict[str, Callable[[Any, Shapes, Size, Sequence[int]], Decode]] = {
    "yolox": grids.yolox,
    "nanodet": grids.nanodet,
    "yunet": grids.yunet,
    "fastestdet": grids.fastestdet,
    "centernet": grids.centernet,
    "centernet_sides": grids.centernet_sides,
    "ssd": lists.ssd,
    "detr": lists.detr,
    "scores_boxes": lists.scores_boxes,
    "rows": lists.rows,
    "nms": lists.nms,
}


def prepare(output: Output, shapes: Shapes, size: Size, classes: Sequence[int]) -> Decode:
    """Check the shapes of a graph's outputs against the card, and return what decodes them.

    Args:
        output: The card's output kind and its parameters.
        shapes: Names and shapes of all outputs of the graph.
        size: Height and width of the input in pixels.
        classes: Indices of the classes to read.

    Raises:
        Disagreement: The outputs are not those of the kind: one is missing, of another shape, or too many.
    """
    return KINDS[output.kind](output, shapes, size, classes)
