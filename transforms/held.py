"""What an output holds for each place: a box and scores, and nothing else.

A card says what is read of each output, and how many classes there are. Without one, outputs for the same places must
be one box and one list of classes, in one of the ways in which detectors give them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from math import prod
from typing import NamedTuple

import numpy as np

from schemas.card import NanodetOutput, Output, Role, RowsOutput
from transforms.structure.signals import Signal, has_places

LANDMARKS = frozenset(points * numbers * anchors for points in (5, 6) for numbers in (2, 3) for anchors in (1, 2, 3))
"""Numbers a place that a face detector gives for landmarks: five points or six, two or three numbers each."""

CLASS_COUNTS: Mapping[Role, frozenset[int]] = {
    "person": frozenset({1, 2, 20, 21, 80, 81, 90, 91, 92, 365, 366}),
    "face": frozenset({1, 2}),
}
"""Lengths of class lists: one class, and those of VOC, COCO and Objects365, with and without a background.

None of the three lists has faces.
"""

_RAW_COLUMNS = (1, 2, 3)
"""Those of one class. Of more in one tensor with a box only a sigmoid or softmax shows where the classes begin."""

_BINS = (32, 64, 68)
"""Numbers of a box as four distributions over 8, 16 or 17 bins."""

_WHOLE_ROWS = {"ssd": 7, "nms": 6}
_BOX_AND_OBJECT = {"yolox": 5, "fastestdet": 5}
_MAY_BE = "They may be landmarks, a pose, an attribute or a template"


class Part(NamedTuple):
    """An output: how many numbers it has for each place, and how many of these are no scores."""

    name: str
    places: int | None
    width: int
    raw: int

    @property
    def of_one_nature(self) -> bool:
        """Say whether all its numbers are scores, or none is."""
        return self.raw in {0, self.width}


class Judged(NamedTuple):
    """What was found out about outputs.

    Attributes:
        reasons: Why they are refused.
        cut: What is cut from the graph, in words.
        gone: Names of the outputs that are cut.
    """

    reasons: list[str]
    cut: list[str]
    gone: set[str]


def _columns(role: Role) -> set[int]:
    """Return how many columns of scores one tensor may have: a list, perhaps with the score of an object before it."""
    return {count + more for count in CLASS_COUNTS[role] for more in (0, 1)}


def part_of(name: str, signal: Signal) -> Part:
    """Count the numbers that an output has for each place."""
    sides = list(zip(signal.dims, signal.axes, strict=True))
    width = prod(dim or 1 for dim, axis in sides if not has_places(axis))
    places = [dim for dim, axis in sides if has_places(axis)]
    raw = width
    if signal.is_score:
        raw = 0
    elif signal.scores and signal.mask is not None:
        axis, mask = signal.mask
        raw = width if has_places(signal.axes[axis]) else width // len(mask) * int(np.count_nonzero(~mask))
    return Part(name, None if None in places else prod(place or 1 for place in places), width, raw)


def by_card(parts: Sequence[Part], role: Role, output: Output, named: int) -> Judged:
    """Judge outputs by what the card's output kind reads of them.

    Args:
        parts: The outputs.
        role: For what the model is to be used.
        output: The card's output kind.
        named: Number of classes that the card names.
    """
    found = Judged([], [], set())
    for part in parts:
        if isinstance(output, RowsOutput):
            _rows(part, role, output, named, found)
        elif output.names and part.name not in output.names:
            _surplus(part, role, found)
        else:
            found.reasons.extend(_beyond(part, role, output, named))
    return found


def _beyond(part: Part, role: Role, output: Output, named: int) -> Iterator[str]:
    """Yield why an output holds more than the card's kind reads, or more classes than the card names.

    Scores may be as many as the well-known class lists have, although the card names only those that are decoded.
    Numbers that are no scores may be anything: the card must name what they are, all but a background.
    """
    box, listing = _read(part, output)
    classes = part.width - box
    known = part.raw <= box and classes in CLASS_COUNTS[role]
    if classes <= (named + 1 if listing else 0) or (listing and known):
        return
    if part.raw > box + (named + 1 if listing else 0):
        yield (
            f"output {part.name} has {part.raw} numbers for each place that are no scores; what the card's kind and "
            f"classes account for are {box + named * listing}. {_MAY_BE}; if they are logits of classes, name all in "
            "the card"
        )
    else:
        yield (
            f"output {part.name} has {classes} scores for each place, of which the card names {named}. {_MAY_BE}; "
            "if they are a detector's classes, name all in the card"
        )


def _read(part: Part, output: Output) -> tuple[int, bool]:
    """Return how many numbers of a place are read of an output beside classes, and whether it also lists these."""
    if output.kind in _WHOLE_ROWS:
        return _WHOLE_ROWS[output.kind], False
    if output.kind in _BOX_AND_OBJECT:
        return _BOX_AND_OBJECT[output.kind], True
    if isinstance(output, NanodetOutput):
        sides = 4 * (output.reg_max + 1)
        return (sides, False) if part.width == sides and part.raw else (0, True)
    if output.kind == "yunet":
        return (4, False) if part.name.startswith("bbox") else (0, True)
    lists = {getattr(output, field, None) for field in ("heatmap", "logits", "scores")}
    if part.name in lists:
        return 0, True
    return (2 if output.kind == "centernet" else 4), False


def _rows(part: Part, role: Role, output: RowsOutput, named: int, found: Judged) -> None:
    """Judge a tensor of rows: what is neither box nor score is cut from a face detector, if it can be landmarks."""
    read = columns(output, range(named))
    left = [column for column in range(part.width) if column not in read]
    if max(read) >= part.width or len(read) != len(set(read)):
        found.reasons.append(f"output {part.name} has {part.width} columns, the card names others, or one twice")
    elif left and (role != "face" or len(left) not in LANDMARKS):
        found.reasons.append(_too_many(part.name, len(left), role))
    elif left:
        spans = f"{left[0]} to {left[-1]}" if left[-1] - left[0] == len(left) - 1 else ", ".join(map(str, left))
        found.cut.append(f"output {part.name}: landmarks, columns {spans}")


def columns(output: RowsOutput, classes: Sequence[int]) -> list[int]:
    """Return the columns that are read of a tensor of rows: the box, the object score, these classes."""
    single = [] if output.object is None else [output.object]
    return [*range(output.box, output.box + 4), *single, *(output.scores + index for index in classes)]


def without_card(parts: Sequence[Part], role: Role) -> Judged:
    """Judge outputs without a card: for each group of places one box and one list of classes, and nothing else.

    Beside a list there may be one more score, of an object or of how central a place is. All scales must hold the
    same.
    """
    found = Judged([], [], set())
    groups: dict[int | None, list[Part]] = defaultdict(list)
    for part in parts:
        groups[part.places].append(part)
    kinds = {_group(group, role, found) for group in groups.values()}
    if len(kinds) > 1 and not found.reasons:
        scales = " and ".join(sorted("+".join(map(str, kind)) for kind in kinds))
        found.reasons.append(f"its scales hold different numbers for each place: {scales}. {_MAY_BE}")
    return found


def _group(group: Sequence[Part], role: Role, found: Judged) -> tuple[int, ...]:
    """Judge outputs for the same places; return the widths of the box and of the scores."""
    if len(group) == 1:
        _one(group[0], role, found)
        return (group[0].width,)
    box = _box(group)
    scores = _scores([part for part in group if part not in box], len(box), role)
    if not box or not scores:
        found.reasons.append(_nothing(group))
        return ()
    for part in group:
        if part not in box and part not in scores:
            _surplus(part, role, found)
    return (*(part.width for part in box), *(part.width for part in scores))


def _box(group: Sequence[Part]) -> Sequence[Part]:
    """Find the box: four sides; or size and offset; or four distributions."""
    sides = [part for part in group if part.width == 4]
    halves = [part for part in group if part.width == part.raw == 2]
    bins = [part for part in group if part.width == part.raw and part.width in _BINS]
    if sides:
        return sides[:1]
    return halves[:2] if len(halves) > 1 else bins[:1]


def _scores(rest: Sequence[Part], boxes: int, role: Role) -> Sequence[Part]:
    """Find the list of classes, and the one more score that may stand beside it.

    A list of two is of one class and a background, or has its object in the box's confidence: nothing is left to say
    of an object. Maps of sizes and offsets come with their heat map alone.
    """
    lists = [part for part in rest if part.width in CLASS_COUNTS[role] and part.of_one_nature]
    if boxes == 1:
        for one, more in permutations(lists, 2):
            if more.width == 1 and one.width != 2 and (one.raw == 0) == (more.raw == 0):
                return one, more
    return sorted(lists, key=lambda part: part.raw > 0)[:1]


def _one(part: Part, role: Role, found: Judged) -> None:
    """Judge a box and its scores in one tensor."""
    scores = part.width - part.raw
    beside = part.raw - 4  # the box
    if part.raw == 0:  # it, too, behind a sigmoid
        beside, listed = 0, part.width - 4 in _columns(role)
    elif scores:
        listed = scores in _columns(role)
    else:
        left = [beside - count for count in _RAW_COLUMNS if beside - count in {0, *LANDMARKS}]
        listed, beside = bool(left), left[0] if left else beside
    if not listed or beside not in {0, *LANDMARKS}:
        found.reasons.append(_nothing([part]))
    elif beside and role == "face":
        found.cut.append(
            f"output {part.name}: landmarks, {beside} numbers for each place of {part.width}: a card must say which"
        )
    elif beside:
        found.reasons.append(_too_many(part.name, beside, role))


def _surplus(part: Part, role: Role, found: Judged) -> None:
    """Cut an output that can be landmarks from a face detector; refuse any other."""
    if role == "face" and part.raw == part.width and part.width in LANDMARKS:
        found.cut.append(f"output {part.name}: landmarks, {part.width} numbers for each place")
        found.gone.add(part.name)
    else:
        found.reasons.append(_too_many(part.name, part.width, role))


def _nothing(group: Sequence[Part]) -> str:
    names = ", ".join(f"{part.name} ({part.width})" for part in group)
    return f"no box and scores among the numbers for each place: {names}. {_MAY_BE}"


def _too_many(name: str, count: int, role: Role) -> str:
    return (
        f"output {name} has {count} more number{'s' * (count > 1)} for each place than a box and its scores. "
        f"{_MAY_BE}, which no model of role {role} may compute"
    )
