"""What each operator does to the places of a tensor: one function a family of operators."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.structure.signals import (
    Axes,
    Axis,
    Dims,
    Factor,
    Look,
    Mask,
    Signal,
    Untraceable,
    has_fixed_places,
    has_places,
    join,
    listed,
    plain,
    regroup,
)

Values = NDArray[Any]


class Step(NamedTuple):
    """A node, as the rules see it.

    Attributes:
        name: For messages: kind and first output.
        kind: The operator.
        version: Of the operators that the graph uses.
        names: Of the inputs.
        inputs: What is known of each input; None where an optional one is left out.
        values: Each input's values, where it does not depend on the picture and is not large.
        attributes: By name.
        dims: Shape of each output.
        picture_size: Height and width of the picture.
    """

    name: str
    kind: str
    version: int
    names: Sequence[str]
    inputs: Sequence[Signal | None]
    values: Sequence[Values | None]
    attributes: Mapping[str, Any]
    dims: Sequence[Dims]
    picture_size: tuple[int, int]

    @property
    def given(self) -> list[Signal]:
        """Inputs that are there."""
        return [each for each in self.inputs if each is not None]

    @property
    def data(self) -> Signal:
        """The first input."""
        return self.given[0]

    def axis(self, default: int) -> int:
        """Return the attribute `axis`, counted from the front."""
        return int(self.attributes.get("axis", default)) % max(1, len(self.data.dims))

    def axes(self, position: int) -> list[int] | None:
        """Return axes that are an attribute or an input; None where neither is there.

        Raises:
            Untraceable: They depend on the picture.
        """
        if "axes" in self.attributes:
            return list(map(int, self.attributes["axes"]))
        if position < len(self.inputs) and self.inputs[position] is not None:
            return list(map(int, self.known(position).ravel()))
        return None

    def known(self, position: int) -> Values:
        """Return the values of an input.

        Raises:
            Untraceable: They depend on the picture.
        """
        values = self.values[position]
        if values is None:
            raise Untraceable(f"{self.name} takes a shape or positions that depend on the picture")
        return values


Rule = Callable[[Step], list[Signal]]


def whole(step: Step, parts: Sequence[Signal], onto: Signal, verb: str) -> tuple[str | None, tuple[str, ...]]:
    """Judge what has no places but depends on the picture, and is laid over what has places."""
    for part in parts:
        if part.picture and not part.placed and onto.placed:
            reason = f"{step.name} {verb} an answer for the whole picture"
            return (reason, ()) if step.kind in _GATES else (None, (reason,))
    return None, ()


_GATES = {"Mul", "Div", "MatMul", "Pow", "Where"}


def elementwise(step: Step) -> list[Signal]:
    """One number from the numbers at the same position."""
    dims = step.dims[0]
    parts = step.given
    axes = tuple(_broadcast(parts, index - len(dims), dim) for index, dim in enumerate(dims))
    onto = Signal(dims, axes, picture=True)
    own = step.attributes.get("own_mean", False)
    verb = "scales by" if step.kind in _GATES else "takes in"
    gate, mixed = (None, ()) if own else whole(step, parts, onto, verb)
    made = join(parts, dims, axes)
    live = [part for part in parts if part.picture]
    scores, mask = _scores(step, live)
    attends = next((part.attends for part in live if len(live) == 1 and part.dims == dims), None)
    if step.kind not in _UNCHANGED:
        attends = None
    gate = made.gate or gate or _unit(step)
    position = made.position or (step.kind in _SUMS and tells_places(step, axes))
    return [
        replace(
            made, scores=scores, mask=mask, attends=attends, gate=gate, position=position, mixed=(*made.mixed, *mixed)
        )
    ]


_SUMS = {"Add", "Sub", "Sum"}


def tells_places(step: Step, axes: Axes) -> bool:
    """Say whether a constant among the inputs differs from place to place, as a positional embedding does."""
    for part, values in zip(step.inputs, step.values, strict=True):
        if part is None or part.picture or values is None:
            continue
        for from_end in range(-min(len(axes), values.ndim), 0):
            if has_fixed_places(axes[from_end]) and bool(np.any(values != values.take([0], from_end))):
                return True
    return False


def _unit(step: Step) -> str | None:
    """Judge vectors of unit length, by which templates are compared; a layer may have them, an output not."""
    return f"{step.name} gives each place a vector of unit length" if step.attributes.get("unit_length") else None


_UNCHANGED = {"Identity", "Cast", "CastLike", "Dropout"}
_KEEP_SCORES = {*_UNCHANGED, "Sqrt", "Clip", "Min", "Max", "Pow", "MaxPool"}
_COMPARISONS = {"Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Not", "And", "Or"}
_MAKE_SCORES = {"Sigmoid", "HardSigmoid", *_COMPARISONS}


def _scores(step: Step, live: Sequence[Signal]) -> tuple[bool, tuple[int, Mask] | None]:
    if step.kind in _MAKE_SCORES:
        return True, None
    if len(live) == 1 and step.kind in _KEEP_SCORES and live[0].dims == step.dims[0]:
        return live[0].scores, live[0].mask
    if step.kind in {"Mul", "Min", "Max"} and len(live) == len(step.given):
        return all(part.is_score for part in live), None
    return False, None


def _broadcast(parts: Sequence[Signal], from_end: int, dim: int | None) -> Axis:
    """Return the factors of one axis of a result."""
    if dim == 1:
        return ()
    axes = [part.axes[from_end] for part in parts if len(part.dims) >= -from_end and part.dims[from_end] == dim]
    return next((axis for axis in axes if has_places(axis)), plain(dim))


def spatial(step: Step) -> list[Signal]:
    """Convolutions, pools and resizings: maps stay maps as long as more than one place is left."""
    data, dims = step.data, step.dims[0]
    axes: list[Axis] = [data.axes[0], plain(dims[1])]
    for axis, dim in zip(data.axes[2:], dims[2:], strict=True):
        if len(axis) == 1 and axis[0].kind in {"row", "column"}:
            axes.append(plain(dim, axis[0].kind))
        else:
            axes.append(listed(axis, dim))
    if "Conv" not in step.kind:
        axes[1] = data.axes[1] if dims[1] == data.dims[1] else listed(data.axes[1], dims[1])
    made = join(step.given, dims, tuple(axes))
    if "Conv" in step.kind:
        weights = step.inputs[1]
        gate = None
        if weights is not None and weights.picture:
            gate, _ = whole(step, [weights], made, "scales by")
        made = replace(made, gate=gate)
    irregular = _irregular(step, made)
    kept = without_grids(made).mixed
    scores = data.is_score and step.kind in {"MaxPool", "Resize", "Upsample"}
    return [replace(made, mixed=(*kept, *irregular), scores=scores)] * len(step.dims)


_IRREGULAR = "the grid of "


def without_grids(signal: Signal) -> Signal:
    """Return a tensor without what is said against the grids of maps from which it was made."""
    return replace(signal, mixed=tuple(reason for reason in signal.mixed if not reason.startswith(_IRREGULAR)))


def _irregular(step: Step, made: Signal) -> tuple[str, ...]:
    """Judge the grid of a map: a detector's is the picture's over a power of two, the same both ways."""
    sizes = [(axis[0].kind, axis[0].size) for axis in made.axes if len(axis) == 1]
    found = {kind: size for kind, size in sizes if kind in {"row", "column"} and size is not None}
    if not found:
        return ()
    height, width = step.picture_size
    whole_picture = {"row": height, "column": width}
    for power in range(9):
        stride = 2**power
        if all(size in {whole_picture[k] // stride, -(-whole_picture[k] // stride)} for k, size in found.items()):
            return ()
    grid = "x".join(str(found.get(kind, 1)) for kind in ("row", "column"))
    return (f"{_IRREGULAR}{step.name} is {grid} for a picture of {height}x{width}, not the picture's over 2, 4, 8 ...",)


def global_pool(step: Step) -> list[Signal]:
    """One number from all places."""
    data = step.data
    return [join([data], step.dims[0], (*data.axes[:2], *[()] * (len(step.dims[0]) - 2)))]


def reduce(step: Step) -> list[Signal]:
    """One number from all along some axes."""
    data = step.data
    if step.kind.startswith("Arg"):
        reduced = {step.axis(0)}
    else:
        axes = step.axes(1)
        kept_as_is = axes is None and bool(step.attributes.get("noop_with_empty_axes", 0))
        rank = len(data.dims)
        reduced = set() if kept_as_is else {axis % rank for axis in (range(rank) if axes is None else axes)}
    keep = bool(step.attributes.get("keepdims", 1))
    made = [() if i in reduced else axis for i, axis in enumerate(data.axes) if keep or i not in reduced]
    scores = step.kind in {"ReduceMax", "ReduceMin"} and data.is_score
    return [join([data], step.dims[0], tuple(made), scores=scores, index=step.kind.startswith("Arg") or data.index)]


def normalise(step: Step) -> list[Signal]:
    """Numbers over a measure of their neighbours: places stay."""
    data = step.data
    softmax = step.kind in {"Softmax", "LogSoftmax"}
    along = None
    if softmax:
        along = step.axis(-1 if step.version >= 13 else 1)
        if step.version < 13 and any(dim != 1 for dim in data.dims[along + 1 :]):
            along = None if any(map(has_places, data.axes[along:])) else len(data.dims) - 1
    scores = step.kind == "Softmax" and along is not None and not has_places(data.axes[along])
    made = join(step.given, step.dims[0], data.axes, scores=scores, attends=along)
    made = replace(made, gate=made.gate or _unit(step))
    return [made, *[unplaced(step, index) for index in range(1, len(step.dims))]]


FEWEST_QUERIES = 10
"""A detector asks for many boxes at once; fewer queries than this are the parts of one face or body."""


def unplaced(step: Step, index: int = 0) -> Signal:
    """Return an output that is of no use to a detector: numbers without places."""
    return join(step.given, step.dims[index], tuple(plain(dim) for dim in step.dims[index]))


def contraction(step: Step) -> list[Signal]:
    """MatMul and Gemm: sums along one axis of each."""
    left, right = step.given[0], step.given[1]
    if step.kind == "Gemm":
        left = _swapped(left) if step.attributes.get("transA") else left
        right = _swapped(right) if step.attributes.get("transB") else right
    if len(left.dims) < 2 or len(right.dims) < 2:
        raise Untraceable(f"{step.name} takes a vector")
    summed = has_places(left.axes[-1]) or has_places(right.axes[-2])
    rows, columns = left.axes[-2], right.axes[-1]
    looks = set()
    if summed and _asks(left, -2, -1):
        rows = _asked(rows)
        looks.add(_look(step, 0, left, -2))
    if summed and _asks(right, -1, -2):
        columns = _asked(columns)
        looks.add(_look(step, 1, right, -1))
    dims = step.dims[0]
    batch = tuple(_broadcast([left, right], index - len(dims), dim) for index, dim in enumerate(dims[:-2]))
    made = join([left, right], dims, (*batch, rows, columns))
    kept = [(left, left.axes[-2]), (right, right.axes[-1])]
    if not summed:  # a query's own past tells nothing of the places that it is compared with
        made = replace(made, position=any(part.position and has_fixed_places(axis) for part, axis in kept))
    made = replace(made, looks=made.looks | looks)
    gate = made.gate
    if not (left.picture and right.picture):
        gate = None  # weights
    elif not summed:
        found, _ = whole(step, [left, right], made, "scales by")
        gate = gate or found
    return [replace(made, gate=gate)]


def _swapped(part: Signal) -> Signal:
    attends = None if part.attends is None else len(part.dims) - 1 - part.attends
    return replace(part, dims=part.dims[::-1], axes=part.axes[::-1], mask=None, scores=part.is_score, attends=attends)


def _asks(weights: Signal, asking: int, over: int) -> bool:
    """Say whether a tensor holds weights by which queries gather from all places, knowing where these lie.

    An average that knows nothing of places is the picture's as a whole, however many queries take it; and so is one
    that does not depend on the picture, or few of any kind.
    """
    if not weights.picture or weights.attends != len(weights.dims) + over or has_fixed_places(weights.axes[asking]):
        return False
    return weights.position and (weights.dims[asking] or 0) >= FEWEST_QUERIES


def _asked(axis: Axis) -> Axis:
    """Return an axis of what attends to places: places, or a fixed number of queries."""
    return axis if has_places(axis) else tuple(Factor("query", factor.size) for factor in axis)


def _look(step: Step, position: int, weights: Signal, asking: int) -> Look:
    """Name the weights of an input, with its axes as they were before this node turned them."""
    axes = [len(weights.dims) + asking, len(weights.dims) + (-1 if asking == -2 else -2)]
    turned = step.kind == "Gemm" and bool(step.attributes.get("transA" if position == 0 else "transB"))
    return Look(step.names[position], *(reversed(axes) if turned else axes))


def reshape(step: Step) -> list[Signal]:
    """Reshape, Flatten, Squeeze, Unsqueeze: the same numbers in the same order."""
    data, dims = step.data, step.dims[0]
    axes = regroup(data.axes, dims)
    mixed: tuple[str, ...] = ()
    if axes is None:
        mixed = (f"{step.name} tears places apart",) if data.placed else ()
        axes = tuple(plain(dim) for dim in dims)
    mask = None
    if data.mask is not None:
        at = _same_axis(data.dims, data.mask[0], dims)
        mask = None if at is None else (at, data.mask[1])
    attends = None if data.attends is None else _same_axis(data.dims, data.attends, dims)
    scores = data.scores if mask is not None or data.mask is None else data.is_score
    made = join([data], dims, axes, scores=scores, mask=mask, attends=attends)
    return [replace(made, mixed=(*made.mixed, *mixed))]


def _same_axis(before: Dims, axis: int, after: Dims) -> int | None:
    """Find an axis in a new shape: of its length, with as much before it, or as much after it."""

    def product(dims: Dims) -> int | None:
        return None if None in dims else int(np.prod([dim for dim in dims if dim is not None], dtype=np.int64))

    for index, dim in enumerate(after):
        if dim != before[axis]:
            continue
        lead = product(before[:axis]), product(after[:index])
        rest = product(before[axis + 1 :]), product(after[index + 1 :])
        if (None not in lead and lead[0] == lead[1]) or (None not in rest and rest[0] == rest[1]):
            return index
    return None


def transpose(step: Step) -> list[Signal]:
    """The same numbers with the axes in another order."""
    data = step.data
    order = [int(axis) for axis in step.attributes.get("perm", range(len(data.dims))[::-1])]
    mask = None if data.mask is None else (order.index(data.mask[0]), data.mask[1])
    attends = None if data.attends is None else order.index(data.attends)
    axes: Axes = tuple(data.axes[axis] for axis in order)
    return [join([data], step.dims[0], axes, scores=data.scores, mask=mask, attends=attends)]
