"""The `audit:` block of a camera or group: made from what a person counted, printed, or put into the site file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from pipeline.audit.windows import AuditWindow, Item, items_of
from schemas.audit import Audit, Measure, Samples
from schemas.clock import SECOND_US
from schemas.floor import Group
from schemas.geometry import geometry_digest, ground_digest
from schemas.site import Camera

_WIDTH = 116
"""Columns that a line of samples takes at most."""


def audit_of(
    model: str, place: Camera | Group, cameras: Sequence[Camera], windows: Iterable[AuditWindow],
    true: Mapping[tuple[Measure, int], Mapping[Item, float]], before: Audit | None = None,
) -> Audit:  # fmt: skip
    """Return the audit: of each item counted by a person, what its record says and what the person says.

    Args:
      model: First digits of the sha256 of the model that counted.
      place: The camera or group, as it counted.
      cameras: Those of its site, as they counted.
      windows: The windows, in order.
      true: What the person counted, by measure and the window's start.
      before: The place's audit so far: measures not counted now stay, if model and geometry are the same.
    """
    geometry = geometry_digest(place, cameras)
    ground = ground_digest(place)
    made: dict[str, Any] = {}
    for measure, items in items_of(place).items():
        pairs, at, seconds = [], [], []
        for number, window in _numbered(windows):
            found, said = true.get((measure, window.start_us), {}), window.counted.get(measure, {})
            for which, item in enumerate(items):
                if item in found and item in said:
                    pairs.append((said[item], found[item]))
                    at.append((number, which))
                    seconds.append(window.seconds)
        if pairs:
            made[measure] = Samples(
                seconds=round(sum(seconds) / len(seconds), 3), samples=tuple(pairs), at=tuple(at)
            )  # fmt: skip
    same = before is not None and (before.model, before.geometry) == (model, geometry)
    kept = before.model_dump(exclude_none=True) if before and same else {}
    if kept.get("ground") not in (None, ground):
        kept.pop("walking", None)
    return Audit.model_validate(kept | {"model": model, "geometry": geometry, "ground": ground} | made)


def _numbered(windows: Iterable[AuditWindow]) -> Iterator[tuple[int, AuditWindow]]:
    """Yield windows in order, with numbers that follow one another where they do."""
    number, reached = -1, None
    for window in windows:
        number += 1 if reached in (None, window.start_us) else 2
        reached = window.start_us + round(window.seconds * SECOND_US)
        yield number, window


def written(audit: Audit, indent: int = 0) -> str:
    """Return the block as it stands in a site file."""
    lines = ["audit:", f'  model: "{audit.model}"']
    for name, digest in (("geometry", audit.geometry), ("ground", audit.ground)):
        if digest is not None:
            lines.append(f'  {name}: "{digest}"')
    for measure, samples in audit:
        if isinstance(samples, Samples):
            pairs = [f"[{counted:g}, {true:g}]" for counted, true in samples.samples]
            lines += [f"  {measure}:", f"    seconds: {samples.seconds:g}", *_wrapped("    samples: [", pairs, indent)]
            if samples.at is not None:
                lines += _wrapped("    at: [", [f"[{window}, {place}]" for window, place in samples.at], indent)
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def put(text: str, name: str, audit: Audit) -> str:
    """Return a site file's text with a block in place of the one before, and `site_version` raised by one.

    Nothing else is changed.

    Args:
      text: The site file's.
      name: Of the camera or group that the block is of: no two of a site have the same.
      audit: The block.

    Raises:
      ValueError: a block cannot be put there; the text says why.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert root is not None, "a site file that was read holds keys"
    version = _at(root, "site_version")[1]
    places = [each for key, value in root.value if key.value in ("cameras", "groups") for each in value.value]
    (node,) = (each for each in places if _at(each, "name")[1].value == name)
    if node.flow_style:
        raise ValueError(f"{name} is written in braces: give each of its keys a line of its own")
    name_key, name_value = _at(node, "name")
    column = name_key.start_mark.column
    lines = text.splitlines(keepends=True)
    lines[version.start_mark.line] = (
        lines[version.start_mark.line][: version.start_mark.column]
        + str(int(version.value) + 1)
        + lines[version.end_mark.line][version.end_mark.column :]
    )
    name_line = name_value.end_mark.line
    lines[name_line] = lines[name_line].rstrip("\r\n") + "\n" + written(audit, column)
    for key, value in node.value:
        if key.value == "audit":
            if lines[key.start_mark.line][: key.start_mark.column].strip():
                raise ValueError(f"{name} begins with its audit: let it begin with its name")
            for line in range(key.start_mark.line, _last_line(value) + 1):
                lines[line] = ""
    return "".join(lines)


def _wrapped(before: str, pairs: list[str], indent: int) -> list[str]:
    lines = [before]
    for number, pair in enumerate(pairs, start=1):
        item = pair + ("]" if number == len(pairs) else ",")
        if len(lines[-1]) + len(item) + 1 > _WIDTH - indent:
            lines.append(" " * len(before))
        joint = "" if lines[-1] == before or lines[-1].isspace() else " "
        lines[-1] += joint + item
    return lines


def _at(node: yaml.Node, name: str) -> tuple[yaml.Node, yaml.Node]:
    """Return a key of a mapping and its value."""
    return next((key, value) for key, value in node.value if key.value == name)


def _last_line(node: yaml.Node) -> int:
    """Return the line of the last thing in a node: where a block ends, comments after it are not its own."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.line)
