"""What a graph answers when a part of the picture changes: whether its places are places in deed.

Operators alone do not show it. An average over all places, taken by weights that are all the same and laid over a map
of ones, has rows and columns; but it changes everywhere alike, wherever the picture changes. So a graph is run on a
picture of noise, and on two copies of it of which one quarter is another noise: the upper left, and the lower right.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, ValueInfoProto

from transforms.structure.follow import Followed
from transforms.structure.signals import Axes, Factor, Look, Misfit, Signal, has_places, size_of

Picture = NDArray[np.float32]

LOCAL = 0.05
"""Least difference, over all places, of the shares that the two quarters have in a place's changes.

0 for an answer for the whole picture; 0.2 to 0.5 for detectors on pictures of 256 pixels or more, 0.1 on smaller ones.
"""

LOCAL_OF_FEW = 0.005
"""As much where a list has fewer places than 5x5, each of which sees most of a small picture; and for queries."""

OWN = 0.05
"""Least part of what a query looks at that other queries do not."""

MOVED = 0.01
"""Least part of what a query looks at that changes when a quarter of the picture does."""

_NOISE = ((4, 30.0), (16, 50.0), (48, 60.0))
"""Blocks of so many pixels, and how far they lie from the mean of 120."""

_RANGES = ((0.0, 1.0), (120.0, 60.0))
"""Mean and deviation that are taken from pixels of 0..255: not all files say how they want them."""


class Responses(NamedTuple):
    """What is the picture's as a whole although the graph gives it places.

    Attributes:
        spread: Names of tensors that change alike at all their places.
        even: Weights that are the same for all queries, or for all pictures.
    """

    spread: frozenset[str]
    even: frozenset[Look]


def respond(model: ModelProto, followed: Followed, names: Sequence[str], layout: str, dtype: str) -> Responses:
    """Run a graph and find out which of its places are none.

    Args:
        model: For pictures of a fixed size, as `follow` took it.
        followed: What is known of it.
        names: The outputs to be looked at.
        layout: nchw or nhwc.
        dtype: float32 or uint8.

    Raises:
        Misfit: It cannot be run.
    """
    spread = dict(_lists(followed, names))
    even = {look for name in names for look in followed.outputs[name].looks}
    if not spread and not even:
        return Responses(frozenset(), frozenset())
    session, entry = _session(model, {*spread, *(look.tensor for look in even)})
    for mean, deviation in _RANGES[:1] if dtype == "uint8" else _RANGES:
        wanted = sorted({*spread, *(look.tensor for look in even)})
        pictures = [_entering((each - mean) / deviation, layout, dtype) for each in _pictures(followed.size)]
        tensors = [dict(zip(wanted, _run(session, wanted, entry, each), strict=True)) for each in pictures]
        spread = {n: axes for n, axes in spread.items() if not _local([each[n] for each in tensors], axes)}
        even = {look for look in even if not _asking([each[look.tensor] for each in tensors], look)}
        if not spread and not even:
            break
    return Responses(frozenset(spread), frozenset(even))


def _lists(followed: Followed, names: Sequence[str]) -> Iterator[tuple[str, Axes]]:
    """Yield what must be local: outputs, but where the picture chose their places the lists it chose from."""
    known: Mapping[str, Signal] = {**followed.sources, **followed.outputs}
    for name in dict.fromkeys([*names, *(each for n in names for each in sorted(followed.outputs[n].sources))]):
        signal = known[name]
        if signal.placed and not any(factor.kind == "choice" for axis in signal.axes for factor in axis):
            yield name, signal.axes


def _pictures(size: tuple[int, int]) -> list[Picture]:
    """Make noise of 0..255, and two copies of it of which one quarter is another: [height, width, 3]."""
    height, width = size
    random = np.random.default_rng(1)

    def noise() -> Picture:
        made = np.full((height, width, 3), 120.0, np.float32)
        for block, far in _NOISE:
            cells = random.uniform(-far, far, (-(-height // block), -(-width // block), 3)).astype(np.float32)
            made += np.repeat(np.repeat(cells, block, 0), block, 1)[:height, :width]
        return np.clip(made, 0, 255)

    first, other = noise(), noise()
    upper, lower = first.copy(), first.copy()
    upper[: height // 2, : width // 2] = other[: height // 2, : width // 2]
    lower[height // 2 :, width // 2 :] = other[height // 2 :, width // 2 :]
    return [first, upper, lower]


def _entering(picture: Picture, layout: str, dtype: str) -> NDArray[Any]:
    batch = picture[None]
    return np.ascontiguousarray(batch if layout == "nhwc" else batch.transpose(0, 3, 1, 2)).astype(dtype)


def _session(model: ModelProto, names: set[str]) -> tuple[onnxruntime.InferenceSession, str]:
    """Open a graph so that it also gives tensors within it, the same ones for the same picture."""
    watched = ModelProto()
    watched.CopyFrom(model)
    there = {entry.name for entry in watched.graph.output}
    watched.graph.output.extend(ValueInfoProto(name=name) for name in sorted(names - there))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what cannot be run is raised
    try:
        session = onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own that share no public base
        raise Misfit(f"the graph cannot be opened ({type(error).__name__})") from error
    return session, session.get_inputs()[0].name


def _run(
    session: onnxruntime.InferenceSession, names: Sequence[str], entry: str, picture: NDArray[Any]
) -> list[NDArray[np.float64]]:
    try:
        tensors = session.run(list(names), {entry: picture})
    except Exception as error:  # see above
        raise Misfit(f"the graph cannot be run ({type(error).__name__})") from error
    return [np.nan_to_num(np.asarray(each, np.float64), posinf=0, neginf=0) for each in tensors]


def _local(tensors: Sequence[NDArray[np.float64]], axes: Axes) -> bool:
    """Say whether the places of a tensor change each with its own part of the picture, or never."""
    at = [axis for axis, factors in enumerate(axes) if has_places(factors)]
    rows = [_rows(each, axes, at) for each in tensors]
    changes = np.stack([np.abs(row - rows[0]).sum(1) for row in rows[1:]])  # quarters, places
    if not changes.any(1).all():  # an answer for the whole picture changes with any part of it
        return True
    total = changes.sum(0)
    shares = changes[:, total > 0] / total[total > 0]
    asked = any(factor.kind == "query" for factors in axes for factor in factors)
    few = asked or len(total) < 25
    return bool(_difference(shares.T) >= (LOCAL_OF_FEW if few else LOCAL))


def _rows(tensor: NDArray[np.float64], axes: Axes, at: Sequence[int]) -> NDArray[np.float64]:
    """Lay a tensor out as [places, numbers]; an axis may hold numbers beside places."""
    sides: list[Factor] = []
    for axis, factors in enumerate(axes):
        whole = axis in at and size_of(factors) == tensor.shape[axis]
        sides += factors if whole else [Factor("place" if axis in at else "number", tensor.shape[axis])]
    split = tensor.reshape([side.size or 1 for side in sides])
    order = sorted(range(len(sides)), key=lambda index: sides[index].kind == "number")
    places = int(np.prod([side.size or 1 for side in sides if side.kind != "number"]))
    return split.transpose(order).reshape(places, -1)


def _asking(tensors: Sequence[NDArray[np.float64]], look: Look) -> bool:
    """Say whether weights differ from query to query and from picture to picture, in half of the heads at least."""
    weights = [np.moveaxis(each, (look.asking, look.over), (-2, -1)) for each in tensors]
    heads = [each.reshape(-1, *each.shape[-2:]) for each in weights]
    own = np.median([_difference(head) for head in heads[0]])
    moved = max(np.median(np.abs(each - heads[0]).sum(-1).mean(-1)) / 2 for each in heads[1:])
    return bool(own >= OWN and moved >= MOVED)


def _difference(shares: NDArray[np.float64]) -> float:
    """Return how far rows of shares lie from their mean, on average: 0 alike, 1 nothing in common."""
    return float(np.abs(shares - shares.mean(0)).sum(1).mean() / 2)
