"""What operators that move numbers about do to the places of a tensor: join, cut, pick, repeat."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from transforms.structure.rules import Step, tells_places, unplaced, whole
from transforms.structure.signals import (
    Axis,
    Factor,
    Mask,
    Signal,
    Untraceable,
    chosen,
    has_places,
    join,
    kind_of,
    listed,
    plain,
    rows_each,
    size_of,
)

_MOST_ANCHORS = 9
"""Boxes that a detector may give for one place: SSD has up to 6, RetinaNet 9."""


def concat(step: Step) -> list[Signal]:
    """Several tensors one after the other."""
    parts, dims = step.given, step.dims[0]
    at = step.axis(0)
    axes = [_common(parts, index) for index in range(len(dims))]
    placed = [part for part in parts if has_places(part.axes[at])]
    mixed: tuple[str, ...] = ()
    if placed:
        each = max(rows_each(part.axes[at]) for part in placed)
        factors = [factor for part in placed for factor in part.axes[at]]
        alike = len({factor.kind for factor in factors}) == 1  # padding rows of a map are rows
        kind = factors[0].kind if alike else kind_of(factors, "place")
        axes[at] = plain(dims[at]) if dims[at] == 1 else (Factor(kind, dims[at], each),)
        loose = [part for part in parts if part.picture and not has_places(part.axes[at])]
        if not _coarsest(loose, parts, placed, at):
            _, mixed = whole(step, loose, placed[0], "joins to places")
    else:
        axes[at] = plain(dims[at])
        onto = Signal(dims, tuple(axes), picture=True)
        _, mixed = whole(step, parts, onto, "joins to places")
    made = join(parts, dims, tuple(axes))
    scores, mask = _joined_scores(parts, at, len(dims))
    position = made.position or tells_places(step, tuple(axis if i != at else () for i, axis in enumerate(axes)))
    return [replace(made, scores=scores, mask=mask, position=position, mixed=(*made.mixed, *mixed))]


def _coarsest(loose: Sequence[Signal], parts: Sequence[Signal], placed: Sequence[Signal], at: int) -> bool:
    """Say whether a part without places is the last of ever coarser maps: one cell, with a few anchors (SSD)."""
    sizes = [size_of(part.axes[at]) or 0 for part in parts]
    falling = all(one > other for one, other in pairwise(sizes))
    few = len(loose) == 1 and loose[0] is parts[-1] and sizes[-1] <= _MOST_ANCHORS
    return few and falling and len(placed) >= 3


def _common(parts: Sequence[Signal], index: int) -> Axis:
    """Return the factors that parts have on an axis on which they agree."""
    axes = [part.axes[index] for part in parts]
    return next((axis for axis in axes if has_places(axis)), axes[0])


def _joined_scores(parts: Sequence[Signal], at: int, rank: int) -> tuple[bool, tuple[int, Mask] | None]:
    if all(part.is_score for part in parts):
        return True, None
    masks = [part.mask[1] for part in parts if part.mask is not None and part.mask[0] != at]
    if len(masks) == len(parts):  # maps one after the other, each with the same channels
        axis = {part.mask[0] for part in parts if part.mask is not None}
        same = len(axis) == 1 and all(np.array_equal(mask, masks[0]) for mask in masks)
        return (True, (axis.pop(), masks[0])) if same else (False, None)
    if any(part.dims[at] is None or at >= rank for part in parts):
        return False, None
    pieces = [
        part.mask[1] & part.scores
        if part.mask is not None and part.mask[0] == at
        else np.full(part.dims[at] or 0, part.is_score)
        for part in parts
    ]
    return True, (at, np.concatenate(pieces))


def _cut(step: Step, data: Signal, at: int, index: int, picked: slice | None) -> Signal:
    """Return a piece of a tensor along one axis; what is picked serves the mask only."""
    dims = step.dims[index]
    axes = list(data.axes)
    if dims[at] != data.dims[at]:
        axes[at] = listed(axes[at], dims[at])
    mask = data.mask
    if mask is not None and mask[0] == at:
        if picked is None:
            return join([data], dims, tuple(axes), scores=data.is_score)
        mask = at, mask[1][picked]
    return join([data], dims, tuple(axes), scores=data.scores, mask=mask)


def split(step: Step) -> list[Signal]:
    """One tensor into several along an axis."""
    at = step.axis(0)
    made, start = [], 0
    for index, dims in enumerate(step.dims):
        length = dims[at]
        picked = None if length is None else slice(start, start + length)
        made.append(_cut(step, step.data, at, index, picked))
        start += length or 0
    return made


def slicing(step: Step) -> list[Signal]:
    """Pieces along some axes."""
    data = step.data
    if "starts" in step.attributes:
        starts, ends = list(step.attributes["starts"]), list(step.attributes["ends"])
        axes, steps = list(step.attributes.get("axes", range(len(starts)))), [1] * len(starts)
    else:
        starts, ends = step.known(1).tolist(), step.known(2).tolist()
        given = len(step.inputs) > 3 and step.inputs[3] is not None
        axes = step.known(3).tolist() if given else list(range(len(starts)))
        steps = step.known(4).tolist() if len(step.inputs) > 4 and step.inputs[4] is not None else [1] * len(starts)
    axes = [int(axis) % len(data.dims) for axis in axes]
    made = data
    for axis, start, end, stride in zip(axes, starts, ends, steps, strict=True):
        length = made.dims[axis]
        taken = slice(start, end, stride)
        picked = None if length is None else slice(*_within(taken, length))
        dims = tuple(step.dims[0][i] if i == axis else dim for i, dim in enumerate(made.dims))
        made = _cut(step._replace(dims=[dims]), made, axis, 0, picked)
    return [made]


def _within(taken: slice, length: int) -> tuple[int, int | None, int]:
    start, stop, stride = taken.indices(length)
    return start, None if stop < 0 else stop, stride


def gather(step: Step) -> list[Signal]:
    """Entries of one axis, by their numbers."""
    data, indices = step.given[0], step.given[1]
    at = step.axis(0)
    places = has_places(data.axes[at])
    if places and indices.picture:
        taken = tuple(axis if has_places(axis) else chosen(data.axes[at], dim) for axis, dim in _sides(indices))
    elif places:
        taken = tuple(listed(data.axes[at], dim) for dim in indices.dims)
    else:
        taken = tuple(axis if has_places(axis) else plain(dim) for axis, dim in _sides(indices))
    axes = (*data.axes[:at], *taken, *data.axes[at + 1 :])
    values = step.values[1]
    mask, scores = data.mask, data.scores
    if mask is not None and mask[0] == at:
        known = values is not None and values.ndim == 1
        scores = data.scores if known else data.is_score
        mask = (at, mask[1][values]) if known else None
    elif mask is not None:
        mask = (mask[0] + (len(taken) - 1 if mask[0] > at else 0), mask[1])
    made = join([data, indices], step.dims[0], axes, scores=scores, mask=mask)
    return [_from_source(step, made) if places and indices.picture else made]


def _from_source(step: Step, made: Signal) -> Signal:
    """Return a tensor whose places were chosen from those of the first input."""
    return replace(made, sources=made.sources | {step.names[0]})


def _sides(part: Signal) -> list[tuple[Axis, int | None]]:
    return list(zip(part.axes, part.dims, strict=True))


def gather_elements(step: Step) -> list[Signal]:
    """Entries picked one by one along an axis: they lie where their numbers lie."""
    data, indices = step.given[0], step.given[1]
    at = step.axis(0)
    axes = []
    for index, (axis, dim) in enumerate(_sides(indices)):
        source = data.axes[index]
        if index == at:
            axes.append(axis if has_places(axis) else chosen(source, dim))
        else:
            axes.append(source if dim == data.dims[index] else listed(source, dim))
    made = join([data, indices], step.dims[0], tuple(axes), scores=data.is_score)
    return [_from_source(step, made) if has_places(data.axes[at]) else made]


def gather_nd(step: Step) -> list[Signal]:
    """Entries picked by their positions on several axes."""
    data, indices = step.given[0], step.given[1]
    batch, taken = int(step.attributes.get("batch_dims", 0)), indices.dims[-1]
    if taken is None:
        raise Untraceable(f"{step.name} takes positions on a number of axes that depends on the picture")
    picked = [axis for axis in data.axes[batch : batch + taken] if has_places(axis)]
    rows = tuple(
        axis if has_places(axis) else chosen(picked[0], dim) if picked and i >= batch else plain(dim)
        for i, (axis, dim) in enumerate(_sides(indices)[:-1])
    )
    axes = (*rows, *data.axes[batch + taken :])
    made = join([data, indices], step.dims[0], axes, scores=data.is_score)
    return [_from_source(step, made) if picked else made]


def scatter(step: Step) -> list[Signal]:
    """A tensor with some entries replaced."""
    data, updates = step.given[0], step.given[2]
    made = join(step.given, step.dims[0], data.axes)
    if updates.placed and not data.placed:
        raise Untraceable(f"{step.name} writes places into a list that has none")
    _, mixed = whole(step, [updates], made, "writes")
    return [replace(made, mixed=(*made.mixed, *mixed))]


def repeat(step: Step) -> list[Signal]:
    """Expand and Tile: copies do not make places."""
    data, dims = step.data, step.dims[0]
    lead = len(dims) - len(data.dims)
    axes: list[Axis] = [plain(dim) for dim in dims[:lead]]
    for axis, old, new in zip(data.axes, data.dims, dims[lead:], strict=True):
        if old != new and has_places(axis):
            raise Untraceable(f"{step.name} repeats places")
        axes.append(axis if old == new else plain(new))
    return [join([data], dims, tuple(axes), scores=data.is_score)]


def pad(step: Step) -> list[Signal]:
    """A frame around a tensor."""
    data, dims = step.data, step.dims[0]
    axes = []
    for axis, old, new in zip(data.axes, data.dims, dims, strict=True):
        if old == new:
            axes.append(axis)
        elif len(axis) == 1 and axis[0].kind in {"row", "column"}:
            axes.append(plain(new, axis[0].kind))
        else:
            axes.append(listed(axis, new))
    return [join([data], dims, tuple(axes))]


def top(step: Step) -> list[Signal]:
    """The largest along an axis, and where they lie."""
    data, at = step.data, step.axis(-1)
    made = []
    for which, dims in enumerate(step.dims):
        axes = [chosen(axis, dims[i]) if i == at else axis for i, axis in enumerate(data.axes)]
        largest = join([data], dims, tuple(axes), scores=data.is_score, index=which == 1 or data.index)
        made.append(_from_source(step, largest) if has_places(data.axes[at]) else largest)
    return made


def where_true(step: Step) -> list[Signal]:
    """NonZero: positions of what is not 0."""
    dims = step.dims[0]
    places: Axis = (Factor("choice", dims[1]),) if step.data.placed else plain(dims[1])
    return [_from_source(step, join([step.data], dims, (plain(dims[0]), places), index=True))]


def suppression(step: Step) -> list[Signal]:
    """NonMaxSuppression: which boxes stay; of what has no places, none."""
    dims = step.dims[0]
    listing = all(part.placed for part in step.given[:2])
    places: Axis = (Factor("choice", dims[0]),) if listing else plain(dims[0])
    made = join(step.given, dims, (places, plain(dims[1])), index=True)
    return [replace(made, sources=made.sources | set(step.names[:2]))]


def blocks(step: Step) -> list[Signal]:
    """DepthToSpace and SpaceToDepth: rows and columns of blocks are rows and columns."""
    data, dims = step.data, step.dims[0]
    axes: list[Axis] = [data.axes[0], plain(dims[1])]
    for axis, dim in zip(data.axes[2:], dims[2:], strict=True):
        known = len(axis) == 1 and axis[0].kind in {"row", "column"}
        axes.append(plain(dim, axis[0].kind) if known else listed(axis, dim))
    return [join([data], dims, tuple(axes))]


def sample(step: Step) -> list[Signal]:
    """GridSample: values of a map at points; the points, not the map, say where the result lies."""
    data, points = step.given[0], step.given[1]
    axes = (data.axes[0], data.axes[1], *points.axes[1:-1])
    return [join([data, points], step.dims[0], axes)]


def regions(step: Step) -> list[Signal]:
    """RoiAlign: a small picture of a map for each region."""
    data, boxes = step.given[0], step.given[1]
    dims = step.dims[0]
    return [join([data, boxes], dims, (boxes.axes[0], *[plain(dim) for dim in dims[1:]]))]


def numbers(step: Step) -> list[Signal]:
    """What has no places, whatever it is made of."""
    return [unplaced(step, index) for index in range(len(step.dims))]
