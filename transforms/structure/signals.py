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

FactorKind = Literal["row", "column", "place", "choice", "query", "number"]
FIXED_PLACES = frozenset({"row", "column", "place"})
PLACES = FIXED_PLACES | {"choice", "query"}


class Untraceable(ValueError):
    """A node whose effect on places is not known; the message names it."""


class Misfit(Untraceable):
    """A node that cannot take what it is given, as with an input of the wrong size."""


class Factor(NamedTuple):
    """A part of an axis.

    Attributes:
        kind: row, column: of a map of the picture. place: of several maps in one list. choice: chosen from one by what
            the picture shows. query: one of a fixed number of questions that a transformer puts to all places. number:
            anything else.
        size: How many; None where that depends on what the picture shows.
        each: The most entries that one place has in the list (anchors).
    """

    kind: FactorKind
    size: int | None
    each: int = 1


Axis = tuple[Factor, ...]
Axes = tuple[Axis, ...]


class Look(NamedTuple):
    """Weights by which queries gather from all places.

    Attributes:
        tensor: Its name.
        asking: The axis of the queries.
        over: The axis of the places, along which the weights add up to 1.
    """

    tensor: str
    asking: int
    over: int


@dataclass(frozen=True, eq=False)
class Signal:
    """What is known of a tensor.

    Attributes:
        dims: Its shape.
        axes: Factors of each axis; none for an axis of length one.
        picture: Whether it depends on the picture's pixels, not only on its size.
        scores: Whether every number is a score: in 0..1 by a sigmoid, a softmax or a comparison.
        index: Whether every number only says which of a list was the largest, or was kept.
        mask: For an axis and each entry on it, whether its numbers are scores, where they differ.
        attends: The axis along which it is a softmax.
        position: Whether the numbers of a place also say where it lies: a constant that differs from place to place was
            laid over them.
        looks: Weights by which its queries, if it has some, gathered from all places.
        sources: Names of the lists from which its places were chosen.
        gate: The node that last multiplied it by an answer for the whole picture, until weights mix it again.
        mixed: Why its places no longer stand for places alone.
    """

    dims: Dims
    axes: Axes
    picture: bool
    scores: bool = False
    mask: tuple[int, Mask] | None = None
    attends: int | None = None
    index: bool = False
    position: bool = False
    looks: frozenset[Look] = frozenset()
    sources: frozenset[str] = frozenset()
    gate: str | None = None
    mixed: tuple[str, ...] = ()

    @property
    def placed(self) -> bool:
        """Say whether any axis stands for places."""
        return any(map(has_places, self.axes))

    @property
    def is_score(self) -> bool:
        """Say whether all its numbers are scores."""
        return self.index or (self.scores and (self.mask is None or bool(self.mask[1].all())))


def has_places(axis: Axis) -> bool:
    """Say whether an axis stands for places."""
    return any(factor.kind in PLACES for factor in axis)


def has_fixed_places(axis: Axis) -> bool:
    """Say whether an axis stands for places that are the same in every picture."""
    return any(factor.kind in FIXED_PLACES for factor in axis)


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
    """Return an axis of places that are cut from, or joined to, those of another."""
    if size == 1 or not has_places(axis):
        return plain(size)
    return (Factor(kind_of(axis, "place"), size, rows_each(axis)),)


def chosen(axis: Axis, size: int | None) -> Axis:
    """Return an axis of places that the picture chooses from those of another."""
    return plain(size) if size == 1 or not has_places(axis) else (Factor("choice", size, rows_each(axis)),)


def kind_of(factors: Iterable[Factor], mixed: FactorKind) -> FactorKind:
    """Return the kind of places that a list of several factors holds; `mixed` where they are of several fixed kinds."""
    kinds = {factor.kind for factor in factors if factor.kind != "number"}
    if "choice" in kinds:
        return "choice"
    return "query" if kinds == {"query"} else mixed


def join(parts: Iterable[Signal], dims: Dims, axes: Axes, **changes: object) -> Signal:
    """Return a tensor made of others, with their blemishes: gates and mixtures are handed on."""
    parts = list(parts)
    live = [part for part in parts if part.picture]
    made = Signal(
        dims,
        axes,
        picture=bool(live),
        index=bool(live) and all(part.index for part in live),
        position=any(map(has_places, axes)) and any(part.position for part in live),
        looks=frozenset().union(*(part.looks for part in live)),
        sources=frozenset().union(*(part.sources for part in live)),
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
