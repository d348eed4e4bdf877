"""What every output kind builds on: its types, the check of shapes, the centres of cells.

A kind is a function `kind(output, shapes, size, classes)` that is called once when a model is opened. It
refuses shapes that do not fit the card (`Disagreement`) and returns a `Decode`, called for every frame.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.boxes import Floats

Shapes = Mapping[str, tuple[int, ...]]
"""Output name to shape, as found by running the graph."""

Tensors = Mapping[str, NDArray[np.float32]]
"""Output name to values."""

Size = tuple[int, int]
"""Height and width of the input in pixels."""

Candidates = tuple[Floats, Floats]
"""(N, 4) boxes x1, y1, x2, y2 in input pixels, and (N,) scores in 0..1; before suppression."""

Decode = Callable[[Tensors, float], Candidates]
"""From the graph's outputs and a floor to the candidates with at least that score."""


class Disagreement(ValueError):
    """The graph's outputs are not those of the card's output kind."""


class AtLeast(int):
    """A dimension that may be larger."""

    def __str__(self) -> str:
        return f"{int(self)} or more"


Wanted = tuple[int | None, ...]
"""A shape; None where any length will do."""


def expect(shapes: Shapes, wanted: Mapping[str, Wanted]) -> None:
    """Check that the graph has exactly these outputs, with these shapes.

    Raises:
        Disagreement: Names the output and what is wrong with it.
    """
    for name in shapes:
        if name not in wanted:
            raise Disagreement(f"output {name} {_words(shapes[name])} is not one of the card's output kind")
    for name, dims in wanted.items():
        if name not in shapes:
            raise Disagreement(f"there is no output {name}; the graph has {', '.join(shapes)}")
        if len(shapes[name]) != len(dims) or not all(map(_fits, shapes[name], dims)):
            raise Disagreement(f"output {name} is {_words(shapes[name])}, the card asks for {_words(dims)}")


def only(shapes: Shapes) -> str:
    """Return the name of the one output.

    Raises:
        Disagreement: There are several.
    """
    if len(shapes) != 1:
        raise Disagreement(f"the card's output kind has one output, the graph has {', '.join(shapes)}")
    return next(iter(shapes))


def cells(size: Size, strides: Sequence[int]) -> tuple[Floats, Floats]:
    """Lay out the cells of all strides, row by row, stride after stride.

    Returns:
        (N, 2) column and row of each cell, and (N,) its stride.
    """
    corners, steps = [], []
    for stride in strides:
        rows, columns = np.mgrid[: -(-size[0] // stride), : -(-size[1] // stride)]
        corners.append(np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float64))
        steps.append(np.full(rows.size, stride, np.float64))
    return np.concatenate(corners), np.concatenate(steps)


def best(scores: NDArray[Any], classes: Sequence[int]) -> NDArray[Any]:
    """Return the best score (N,) among the classes of (N, C); no other class is read."""
    if len(classes) == 1:
        return scores[:, classes[0]]
    return scores[:, list(classes)].max(axis=1)


def corners(centres: Floats, sizes: Floats) -> Floats:
    """Turn (N, 2) centres and (N, 2) sizes, x first, into (N, 4) boxes x1, y1, x2, y2."""
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def activate(scores: NDArray[Any], activation: str) -> NDArray[Any]:
    """Apply the last step that some graphs leave out to scores (N, C): none, sigmoid or softmax."""
    if activation == "sigmoid":
        return 1 / (1 + np.exp(-scores))
    if activation == "softmax":
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return scores


def _fits(length: int, wanted: int | None) -> bool:
    return wanted is None or (length >= wanted if isinstance(wanted, AtLeast) else length == wanted)


def _words(dims: Wanted) -> str:
    return "[" + ", ".join("any" if dim is None else str(dim) for dim in dims) + "]"
