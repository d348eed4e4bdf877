"""Detectors that say more of people than a box and scores: poses, templates and attributes in a detector's shape."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.support.detectors import Net

_MAP = {"stride": 8, "heatmap": "heat", "unit": "cells"}

_CARDS: Mapping[str, Mapping[str, Any]] = {
    "boxes": {"kind": "scores_boxes", "scores": "scores", "boxes": "boxes", "unit": "share"},
    "sides": {"kind": "centernet_sides", "sides": "sides", **_MAP},
    "size": {"kind": "centernet", "size": "size", "offset": "offset", **_MAP},
}
"""Output kinds that tell of boxes only, by an output that they read."""

Heads = Callable[[Net, str], dict[str, str]]


def scores(net: Net, data: str, count: int) -> str:
    """Add scores behind a sigmoid."""
    return str(net.add("Sigmoid", net.conv(data, count, 1)))


def _people(net: Net, data: str, heat: int = 1) -> dict[str, str]:
    return {"heat": scores(net, data, heat), "size": net.conv(data, 2, 1), "offset": net.conv(data, 2, 1)}


def _sides(net: Net, data: str) -> dict[str, str]:
    return {"heat": scores(net, data, 1), "sides": net.conv(data, 4, 1)}


def _named(net: Net, data: str, count: int) -> dict[str, str]:
    boxes = net.rows(net.conv(data, 4, 1), 4)
    return {"scores": net.add("Sigmoid", net.rows(net.conv(data, count, 1), count)), "boxes": boxes}


_LENGTHS = (365, 366, 80, 81, 90, 91, 92)

MAPS: dict[str, Heads] = {
    "a pose as the heat map": lambda net, data: _people(net, data, 17),
    "a pose beside": lambda net, data: _people(net, data) | {"points": scores(net, data, 17)},
    "a template beside": lambda net, data: _people(net, data) | {"id": net.conv(data, 128, 1)},
    "a template of scores beside": lambda net, data: _people(net, data) | {"id": scores(net, data, 128)},
    "a template as long as a list": lambda net, data: _people(net, data) | {"id": net.conv(data, 365, 1)},
    "a template of many lists": lambda net, data: (
        _people(net, data) | {f"list{count}": net.conv(data, count, 1) for count in _LENGTHS}
    ),
    "an age beside": lambda net, data: _people(net, data) | {"age": net.conv(data, 1, 1)},
    "a sex beside": lambda net, data: _people(net, data) | {"sex": net.add("Softmax", net.conv(data, 2, 1), axis=1)},
    "an age beside sides": lambda net, data: _sides(net, data) | {"age": net.conv(data, 1, 1)},
    "a sex beside sides": lambda net, data: (
        _sides(net, data) | {"sex": net.add("Softmax", net.conv(data, 2, 1), axis=1)}
    ),
    "a gaze beside sides": lambda net, data: _sides(net, data) | {"gaze": net.conv(data, 2, 1)},
    "a template as a list of classes": lambda net, data: _named(net, data, 512),
    "a pose as a list of classes": lambda net, data: _named(net, data, 17),
}
"""What stands beside boxes and scores, or in their place."""


def surplus() -> Iterator[tuple[str, bytes, Mapping[str, Any]]]:
    """Yield detectors that say more: a name, the file, and the output kind of a card that tells of boxes only."""
    for name, heads in MAPS.items():
        net = Net()
        made = heads(net, net.backbone(3)[-1])
        yield name, net.done(made), next(card for field, card in _CARDS.items() if field in made)
    net = Net()  # at one scale the classes, at another a template
    fine, coarse = net.backbone(4)[2:]
    outputs = {"sides8": net.rows(net.conv(fine, 32, 1), 32), "classes8": net.rows(scores(net, fine, 1), 1)}
    outputs |= {"sides16": net.rows(net.conv(coarse, 32, 1), 32), "classes16": net.rows(net.conv(coarse, 365, 1), 365)}
    yield "a template at another scale", net.done(outputs), {"kind": "nanodet", "strides": [8, 16]}
