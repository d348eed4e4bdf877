"""Whether a model may be loaded: a verdict from the structure of its graph, not from its names or its card's word.

A detector answers place by place. Every output must keep places of the picture on its way through the graph
(`transforms.structure`), and hold for each of them no more than a box and scores. What is computed from the picture
as a whole is refused, whatever its shape: so look templates, re-identification, landmarks of a cropped face, age, sex
and mood. What a face detector puts out beside boxes and scores is cut where it has the shape of landmarks.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
from onnx import ModelProto, TensorProto

from schemas.card import ModelCard, NanodetOutput, Output, Role, RowsOutput
from transforms import onnx_graph
from transforms.structure import Misfit, Signal, Untraceable, follow
from transforms.structure.follow import OPERATOR_SETS
from transforms.structure.signals import has_places, rows_each

LANDMARKS = frozenset(points * numbers * anchors for points in (5, 6) for numbers in (2, 3) for anchors in (1, 2, 3))
"""Numbers a place that a face detector gives for landmarks: five points or six, two or three numbers each."""

CLASS_COUNTS = frozenset({1, 2, 20, 21, 80, 81, 90, 91, 92, 365, 366})
"""Lengths of the class lists of VOC, COCO and Objects365, with and without a background, and of one class."""

BOX_WIDTHS = (4, 32, 64, 68)
"""Numbers of a box: four sides, or four distributions over 8, 16 or 17 bins."""

_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)

MOST_ANCHORS = 9
"""Candidates that a detector may list for one place."""

SIZE_WITHOUT_CARD = (320, 448)
_WHOLE_ROWS = {"ssd": 7, "nms": 6}


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


class _Part(NamedTuple):
    """An output: how many numbers it has for each place, and how many of these are no scores."""

    name: str
    places: int | None
    width: int
    raw: int


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


class _Structure(NamedTuple):
    """A graph, followed at one size or more; or why it cannot be."""

    outputs: tuple[Mapping[str, Signal], ...]
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
    followed: list[Mapping[str, Signal]] = []
    for each in dict.fromkeys([own, size] if own else [size, (2 * size[0], 2 * size[1])]):
        try:
            followed.append(follow(onnx_graph.resize(model, each, layout, dtype), layout).outputs)
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


def _judge(outputs: Mapping[str, Signal], role: Role, output: Output | None, named: int) -> Findings:
    reasons: list[str] = []
    parts: list[_Part] = []
    for name, signal in outputs.items():
        faults = list(_faults(name, signal))
        reasons += faults
        if not faults:
            parts.append(_part(name, signal))
    if output is None:
        more, cut, gone = _explain(parts, role)
    elif isinstance(output, RowsOutput):
        more, cut, gone = _rows(parts, role, output, named)
    else:
        more, cut, gone = _by_card(parts, role, output, named)
    kept = tuple(name for name in outputs if name not in gone)
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


def _part(name: str, signal: Signal) -> _Part:
    sides = list(zip(signal.dims, signal.axes, strict=True))
    width = prod(dim or 1 for dim, axis in sides if not has_places(axis))
    places = [dim for dim, axis in sides if has_places(axis)]
    raw = width
    if signal.is_score:
        raw = 0
    elif signal.scores and signal.mask is not None:
        axis, mask = signal.mask
        raw = width if has_places(signal.axes[axis]) else width // len(mask) * int(np.count_nonzero(~mask))
    return _Part(name, None if None in places else prod(place or 1 for place in places), width, raw)


_Judged = tuple[list[str], list[str], set[str]]
"""Reasons, what is cut in words, names of the outputs that are cut."""


def _by_card(parts: Sequence[_Part], role: Role, output: Output, named: int) -> _Judged:
    """Judge what outputs hold for each place by what the card's output kind reads of them."""
    reasons: list[str] = []
    cut: list[str] = []
    gone: set[str] = set()
    box = 4 * (output.reg_max + 1) if isinstance(output, NanodetOutput) else 4
    most = _WHOLE_ROWS.get(output.kind, box + 1 + named)
    for part in parts:
        if output.names and part.name not in output.names:
            if role == "face" and part.raw in LANDMARKS:
                cut.append(f"output {part.name}: landmarks, {part.width} numbers for each place")
                gone.add(part.name)
            else:
                reasons.append(_too_many(part.name, part.width, role))
        elif part.raw > most:
            reasons.append(
                f"output {part.name} has {part.raw} numbers for each place that are no scores; a box and the classes "
                f"that the card names are {most}. {_GUESS}; if they are logits of classes, name all in the card"
            )
    return reasons, cut, gone


def _rows(parts: Sequence[_Part], role: Role, output: RowsOutput, named: int) -> _Judged:
    """Judge a tensor of rows: what is neither box nor score is cut from a face detector, if it can be landmarks."""
    reasons: list[str] = []
    cut: list[str] = []
    for part in parts:
        read = columns(output, range(named))
        left = [column for column in range(part.width) if column not in read]
        if max(read) >= part.width or len(read) != len(set(read)):
            reasons.append(f"output {part.name} has {part.width} columns, the card names others, or one twice")
        elif left and (role != "face" or len(left) not in LANDMARKS):
            reasons.append(_too_many(part.name, len(left), role))
        elif left:
            spans = f"{left[0]} to {left[-1]}" if left[-1] - left[0] == len(left) - 1 else ", ".join(map(str, left))
            cut.append(f"output {part.name}: landmarks, columns {spans}")
    return reasons, cut, set()


def columns(output: RowsOutput, classes: Sequence[int]) -> list[int]:
    """Return the columns that are read of a tensor of rows: the box, the object score, these classes."""
    single = [] if output.object is None else [output.object]
    return [*range(output.box, output.box + 4), *single, *(output.scores + index for index in classes)]


def _explain(parts: Sequence[_Part], role: Role) -> _Judged:
    """Judge outputs without a card: for each group of places there must be a box and scores, and nothing else."""
    reasons: list[str] = []
    cut: list[str] = []
    gone: set[str] = set()
    groups: dict[int | None, list[_Part]] = defaultdict(list)
    for part in parts:
        groups[part.places].append(part)
    for group in groups.values():
        rest = _without_box(group)
        if rest is None or not any(part.raw in {0, *CLASS_COUNTS} or part.raw < part.width for part in group):
            names = ", ".join(f"{part.name} ({part.width})" for part in group)
            reasons.append(f"no box and scores among the numbers for each place: {names}. {_GUESS}")
            continue
        for part, raw in rest:
            if raw == 0 or raw in CLASS_COUNTS:
                continue
            if role == "face" and raw in LANDMARKS:
                gone |= {part.name} if raw == part.width else set()
                which = "" if raw == part.width else f" of {part.width}: a card must say which"
                cut.append(f"output {part.name}: landmarks, {raw} numbers for each place{which}")
            else:
                reasons.append(_too_many(part.name, raw, role))
    return reasons, cut, gone


def _without_box(group: Sequence[_Part]) -> list[tuple[_Part, int]] | None:
    """Take the box from the outputs for the same places; return what else they hold that is no score."""
    halves = [part for part in group if part.width == 2 and part.raw]  # size and offset
    for width in BOX_WIDTHS:
        box = next((part for part in group if part.width == width), None)
        if box is not None and (width == 4 or len(halves) != 2):
            return [(part, part.raw) for part in group if part is not box]
    if len(halves) == 2:
        return [(part, part.raw) for part in group if part not in halves]
    fused = [part for part in group if part.width > 4]
    if len(group) == 1 and fused:  # box, perhaps an object score and a number or two of the list, classes
        return [(fused[0], _left(fused[0].raw))]
    return None


def _left(raw: int) -> int:
    """Return what is left of numbers that are no scores, without a box and up to three beside it."""
    more = [raw - 4 - extra for extra in range(4)]
    return next((left for left in more if left in CLASS_COUNTS or left in LANDMARKS), max(0, more[0] if raw > 7 else 0))


_GUESS = "They may be landmarks, a pose or a template"


def _too_many(name: str, count: int, role: Role) -> str:
    return (
        f"output {name} has {count} more numbers for each place than a box and its scores. {_GUESS}, which no "
        f"model of role {role} may compute"
    )
