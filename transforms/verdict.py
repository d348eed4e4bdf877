"""Whether a model may be loaded: a verdict from what its graph computes, not from its names or its card's word.

A detector answers place by place. Every output must keep places of the picture on its way through the graph, and
change at each with what the picture shows there (`transforms.structure`); and hold for each of them no more than a box
and scores (`transforms.held`). What is computed from the picture as a whole is refused, whatever its shape: so look
templates, re-identification, landmarks of a cropped face, age, sex and mood. What a face detector puts out beside
boxes and scores is cut where it has the shape of landmarks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

from onnx import ModelProto, TensorProto

from schemas.card import ModelCard, Output, Role
from transforms import onnx_graph
from transforms.held import by_card, part_of, without_card
from transforms.structure import Misfit, Responses, Signal, Untraceable, follow, respond
from transforms.structure.follow import OPERATOR_SETS
from transforms.structure.signals import has_places, rows_each

_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)

MOST_ANCHORS = 9
"""Candidates that a detector may list for one place."""

SIZE_WITHOUT_CARD = (320, 448)


@dataclass(frozen=True)
class Verdict:
    """What was decided about a model file.

    Attributes:
        role: For what it was to be used.
        admitted: Whether it may be loaded.
        reasons: Why not; empty where it may.
        cut: What is removed from the graph before it runs: outputs, or columns of one.
        licence: As the card says; None without a card.
        sha256: Of the file as fetched.
        derived_sha256: Of the graph that runs, after resizing and cutting; None where it is refused.
    """

    role: Role
    admitted: bool
    reasons: tuple[str, ...]
    cut: tuple[str, ...]
    licence: str | None
    sha256: str
    derived_sha256: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as it stands in a report."""
        return asdict(self)


class Findings(NamedTuple):
    """What an examination found.

    Attributes:
        reasons: Why the model is refused; empty where it is not.
        cut: What must be cut, in words.
        kept: Names of the outputs that stay.
    """

    reasons: tuple[str, ...]
    cut: tuple[str, ...]
    kept: tuple[str, ...]


def examine(
    content: bytes, role: Role, output: Output | None, named: int, layout: str, dtype: str, size: tuple[int, int]
) -> Findings:
    """Judge a graph by its structure.

    Args:
        content: The file.
        role: For what it is to be used.
        output: The card's output kind; None without a card.
        named: Number of classes that the card names.
        layout: nchw or nhwc.
        dtype: float32 or uint8.
        size: Height and width at which it is to run.

    Raises:
        GraphError: It is no graph, or cannot take a picture of that kind and size.
    """
    structure = _structure(content, layout, dtype, size)
    if structure.fault is not None:
        return Findings((structure.fault,), (), ())
    found = [_judge(outputs, role, output, named) for outputs in structure.outputs]
    reasons = tuple(dict.fromkeys(reason for each in found for reason in each.reasons))
    return Findings(reasons, () if reasons else found[0].cut, found[0].kept)


class _Answer(NamedTuple):
    """An output: what is known of it, and why it is no answer place by place."""

    signal: Signal
    faults: tuple[str, ...]


class _Structure(NamedTuple):
    """The outputs of a graph, followed at one size or more; or why it cannot be."""

    outputs: tuple[Mapping[str, _Answer], ...]
    fault: str | None = None


@lru_cache(maxsize=4)
def _structure(content: bytes, layout: str, dtype: str, size: tuple[int, int]) -> _Structure:
    """Follow a graph at the size that its file fixes and at the size asked for.

    A file that leaves its size open is followed at the size asked for and at twice that: what shrinks to one answer at
    the size for which it was made must not pass for a map at a larger one.
    """
    model = onnx_graph.parse(content)
    fault = _foreign(model)
    if fault is not None:
        return _Structure((), fault)
    own = own_size(model, layout)
    followed: list[Mapping[str, _Answer]] = []
    for each in dict.fromkeys([own, size] if own else [size, (2 * size[0], 2 * size[1])]):
        try:
            followed.append(_answers(onnx_graph.resize(model, each, layout, dtype), layout, dtype, each == size))
        except Misfit as error:
            if each == size:
                raise onnx_graph.GraphError(
                    f"the graph cannot run with an input of {each[0]}x{each[1]} ({error}). If that is not the "
                    "file's own size, try a multiple of 32, or the file's own"
                ) from error
            if each == own:
                return _Structure((), str(error))
            # Else it is open in name only: made for one size.
        except Untraceable as error:
            return _Structure((), str(error))
    return _Structure(tuple(followed))


def _answers(model: ModelProto, layout: str, dtype: str, run: bool) -> Mapping[str, _Answer]:
    """Follow a graph at one size, and run it there, to see whether the places that are left are places in deed."""
    followed = follow(model, layout)
    faults = {name: tuple(_faults(name, signal)) for name, signal in followed.outputs.items()}
    found = respond(model, followed, [name for name in faults if run and not faults[name]], layout, dtype)
    return {
        name: _Answer(signal, faults[name] or tuple(_spread(name, signal, found)))
        for name, signal in followed.outputs.items()
    }


def examine_for(card: ModelCard, content: bytes) -> Findings:
    """Judge a graph by its structure and its card; see `examine`."""
    entry = card.input
    return examine(content, card.role, card.output, card.named, entry.layout, entry.dtype, entry.size)


def own_size(model: ModelProto, layout: str) -> tuple[int, int] | None:
    """Return the height and width that a file fixes; None where it leaves one open."""
    dims = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    size = tuple(dims[2:4] if layout == "nchw" else dims[1:3])
    return (size[0], size[1]) if len(dims) == 4 and all(size) else None


def picture_kind(model: ModelProto) -> tuple[str, str]:
    """Find layout and type of a graph's one input.

    Raises:
        GraphError: It is no colour picture.
    """
    tensor = onnx_graph.picture_input(model, None).type.tensor_type
    dims = [dim.dim_value for dim in tensor.shape.dim]
    layout = {(True, False): "nchw", (False, True): "nhwc"}.get((dims[1:2] == [3], dims[3:4] == [3]))
    dtype = next((name for name, code in onnx_graph.DTYPES.items() if code == tensor.elem_type), None)
    if len(dims) != 4 or layout is None or dtype is None:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise onnx_graph.GraphError(f"its input is {kind} {dims}, not one picture of three channels")
    return layout, dtype


def _foreign(model: ModelProto) -> str | None:
    """Say what a graph holds that it may not hold at all."""
    if model.functions:
        return "it defines operators of its own; export it with those of the ONNX standard"
    domains = {node.domain for node in model.graph.node} - OPERATOR_SETS
    if domains:
        return f"it uses operators of {', '.join(sorted(domains))}; only those of the ONNX standard are admitted"
    if any(node.op_type in _RANDOM for node in model.graph.node):
        return "it draws numbers at random; the same picture must give the same boxes"
    return None


def _judge(answers: Mapping[str, _Answer], role: Role, output: Output | None, named: int) -> Findings:
    reasons = [fault for answer in answers.values() for fault in answer.faults]
    parts = [part_of(name, answer.signal) for name, answer in answers.items() if not answer.faults]
    more, cut, gone = by_card(parts, role, output, named) if output else without_card(parts, role)
    kept = tuple(name for name in answers if name not in gone)
    return Findings((*reasons, *more), () if reasons or more else tuple(cut), kept)


def _faults(name: str, signal: Signal) -> Iterator[str]:
    """Yield why an output is no answer place by place."""
    if not signal.picture:
        yield f"output {name} does not depend on the picture"
    elif not signal.placed and signal.mixed:
        yield f"output {name}: {signal.mixed[0]}"
    elif not signal.placed:
        count = prod(dim or 1 for dim in signal.dims)
        yield (
            f"output {name} is {count} number{'s' * (count > 1)} for the picture as a whole, not for places in it: "
            "a template, landmarks or an attribute, no boxes"
        )
    else:
        if signal.mixed:
            yield f"output {name}: {signal.mixed[0]}"
        if signal.gate:
            yield f"output {name}: {signal.gate}, and nothing mixes it after that"
        each = max(rows_each(axis) for axis in signal.axes if has_places(axis))
        if each > MOST_ANCHORS:
            yield f"output {name} lists {each} entries for each place, a detector up to {MOST_ANCHORS}"
        if any(dim is None for dim, axis in zip(signal.dims, signal.axes, strict=True) if not has_places(axis)):
            yield f"output {name} has a width that depends on the picture"


def _spread(name: str, signal: Signal, found: Responses) -> Iterator[str]:
    """Yield why the places of an output are none, by what the graph answered."""
    if name in found.spread:
        yield (
            f"output {name} changes alike at all its places, wherever the picture changes: it is an answer for the "
            "picture as a whole, spread over places"
        )
    for tensor in sorted(signal.sources & found.spread):
        yield f"output {name} is chosen from {tensor}, which changes alike at all its places: an answer for the picture"
    for look in sorted(signal.looks & found.even):
        yield (
            f"output {name}: what its queries look at ({look.tensor}) hardly differs from query to query, or from "
            "picture to picture: it is an average of the picture as a whole"
        )
