"""What is known of a tensor: which of its axes stand for places in the picture, and what went into it.

An axis is a product of factors, outermost first. A detector answers place by place, so its outputs keep rows and
columns of the picture through every layer; what is computed from the picture as a whole (a template, landmarks, an
age) has none left, however it is reshaped, repeated or renamed afterwards.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Dims = tuple[int | None, ...]
"""A shape; None where it depends on what the picture shows."""

Mask = NDArray[np.bool_]

FactorKind = Literal["row", "column", "place", "query", "number"]
PLACES = frozenset({"row", "column", "place", "query"})


class Untraceable(ValueError):
    """A node whose effect on places is not known; the message names it."""


class Misfit(Untraceable):
    """A node that cannot take what it is given, as with an input of the wrong size."""


class Factor(NamedTuple):
    """A part of an axis.

    Attributes:
        kind: row, column: of a map of the picture. place: of several maps in one list, or chosen from one. query: one
            of a fixed number of questions that a transformer puts to all places. number: anything else.
        size: How many; None where that depends on what the picture shows.
        each: The most entries that one place has in the list (anchors).
    """

    kind: FactorKind
    size: int | None
    each: int = 1


Axis = tuple[Factor, ...]
Axes = tuple[Axis, ...]


@dataclass(frozen=True, eq=False)
class Signal:
    """What is known of a tensor.

    Attributes:
        dims: Its shape.
        axes: Factors of each axis; none for an axis of length one.
        picture: Whether it depends on the picture's pixels, not only on its size.
        scores: Whether every number is a score: in 0..1 by a sigmoid, a softmax or a comparison.
        mask: For an axis and each entry on it, whether its numbers are scores, where they differ.
        attends: The axis along which it is a softmax.
        gate: The node that last multiplied it by an answer for the whole picture, until weights mix it again.
        mixed: Why its places no longer stand for places alone.
    """

    dims: Dims
    axes: Axes
    picture: bool
    scores: bool = False
    mask: tuple[int, Mask] | None = None
    attends: int | None = None
    gate: str | None = None
    mixed: tuple[str, ...] = ()

    @property
    def placed(self) -> bool:
        """Say whether any axis stands for places."""
        return any(map(has_places, self.axes))

    @property
    def is_score(self) -> bool:
        """Say whether all its numbers are scores."""
        return self.scores and (self.mask is None or bool(self.mask[1].all()))


def has_places(axis: Axis) -> bool:
    """Say whether an axis stands for places."""
    return any(factor.kind in PLACES for factor in axis)


def size_of(axis: Axis) -> int | None:
    """Return the length of an axis."""
    sizes = [factor.size for factor in axis]
    return None if None in sizes else math.prod(size for size in sizes if size is not None)


def plain(dim: int | None, kind: FactorKind = "number") -> Axis:
    """Return an axis of one factor."""
    return () if dim == 1 else (Factor(kind, dim),)


def constant(dims: Dims) -> Signal:
    """Return what is known of a tensor that does not depend on the picture."""
    return Signal(dims, tuple(plain(dim) for dim in dims), picture=False)


def rows_each(axis: Axis) -> int:
    """Return the most entries that an axis has for one place."""
    numbers = math.prod(factor.size or 1 for factor in axis if factor.kind == "number")
    return numbers * math.prod(factor.each for factor in axis)


def listed(axis: Axis, size: int | None) -> Axis:
    """Return an axis of places that are chosen from, or joined to, those of another."""
    return plain(size) if size == 1 or not has_places(axis) else (Factor("place", size, rows_each(axis)),)


def join(parts: Iterable[Signal], dims: Dims, axes: Axes, **changes: object) -> Signal:
    """Return a tensor made of others, with their blemishes: gates and mixtures are handed on."""
    parts = list(parts)
    made = Signal(
        dims,
        axes,
        picture=any(part.picture for part in parts),
        gate=next((part.gate for part in parts if part.gate), None),
        mixed=tuple(dict.fromkeys(reason for part in parts for reason in part.mixed)),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of Signal


def regroup(axes: Axes, dims: Dims) -> Axes | None:
    """Spread the factors of axes over a new shape; None where it tears places apart in a way that is not followed."""
    queue: list[Factor] = [factor for axis in axes for factor in axis]
    unknown = [factor for factor in queue if factor.size is None]
    if unknown or None in dims:
        return _regroup_unknown(queue, dims)
    made: list[Axis] = []
    for dim in dims:
        axis: list[Factor] = []
        missing = dim or 1
        while missing > 1:
            if not queue:
                return None
            factor = queue.pop(0)
            size = factor.size or 1
            if missing % size == 0:
                axis.append(factor)
                missing //= size
            elif size % missing == 0:
                axis.append(factor._replace(size=missing))
                queue.insert(0, factor._replace(size=size // missing))
                missing = 1
            else:  # a length that cuts through two factors: harmless only among numbers
                count = _numbers(queue, size)
                if factor.kind != "number" or count % missing:
                    return None
                queue = [each for each in _without_numbers(queue)]
                axis.append(Factor("number", missing))
                queue.insert(0, Factor("number", count // missing))
                missing = 1
        made.append(_merged(axis))
    return tuple(made)


def _numbers(queue: Sequence[Factor], first: int) -> int:
    """Return the length of a run of numbers that goes on in a queue."""
    for factor in queue:
        if factor.kind != "number":
            break
        first *= factor.size or 1
    return first


def _without_numbers(queue: Sequence[Factor]) -> Iterable[Factor]:
    """Leave out the run of numbers with which a queue begins."""
    start = next((i for i, factor in enumerate(queue) if factor.kind != "number"), len(queue))
    return queue[start:]


def _merged(axis: Sequence[Factor]) -> Axis:
    """Join neighbours of one kind."""
    made: list[Factor] = []
    for factor in axis:
        if factor.size == 1:
            continue
        if made and made[-1].kind == factor.kind and made[-1].size is not None and factor.size is not None:
            made[-1] = Factor(factor.kind, made[-1].size * factor.size, made[-1].each * factor.each)
        else:
            made.append(factor)
    return tuple(made)


def _regroup_unknown(queue: Sequence[Factor], dims: Dims) -> Axes | None:
    """Regroup where one length depends on the picture: what lies before and after it must stay as it is."""
    at = [i for i, factor in enumerate(queue) if factor.size is None]
    open_dims = [i for i, dim in enumerate(dims) if dim is None]
    if len(at) != 1 or len(open_dims) != 1:
        return None
    before = regroup((tuple(queue[: at[0]]),), dims[: open_dims[0]])
    after = regroup((tuple(queue[at[0] + 1 :]),), dims[open_dims[0] + 1 :])
    return None if before is None or after is None else (*before, (queue[at[0]],), *after)
