"""supervision: polygons as `PolygonZone` takes them, and the start and end of each `LineZone`, as JSON.

One polygon, a list of them, one a name, or keys with any of

    {"polygons": […] or {NAME: …}, "zones": …, "lines": [{"start": [x, y], "end": [x, y], "name": …}, …]}

Points are in pixels; where none in the file is above 1, they are shares of the picture. `LineZone` counts as in whoever
comes to the side where the cross product of start to end with start to the person is negative (y down), which is the
left-hand side here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.importing.clipping import Point
from pipeline.importing.draft import Draft, Given
from pipeline.importing.source import SourceError, Where, keys_of, parse_json, point, points, shown

_POLYGONS = ("polygons", "zones", "polygon_zones")
_LINES = ("lines", "line_zones")
_ANCHORS = "triggering_anchors"


@dataclass(frozen=True)
class _Drawn:
    """A polygon's corners, or a line's two ends, as they stand in the file."""

    where: Where
    name: str
    corners: list[Point]


def read(text: str, given: Given) -> Draft:
    """Read one camera's polygons and lines.

    Raises:
      SourceError: it holds none.
      GivenError: the picture's size is not given.
    """
    draft = Draft(given)
    camera = draft.camera((), "camera-1")
    polygons: list[_Drawn] = []
    lines: list[_Drawn] = []
    for where, kind, part in _sections(parse_json(text)):
        if kind in _POLYGONS:
            polygons += _polygons(draft, where, part)
        elif kind in _LINES:
            lines += _ends(draft, where, part)
        else:
            draft.note(where, "left out", "has no counterpart here")
    drawn = polygons + lines
    if not drawn and not draft.notes:
        raise SourceError("holds no polygon and no line")
    shares = bool(drawn) and all(abs(side) <= 1 for each in drawn for corner in each.corners for side in corner)
    if shares:
        draft.note((), "changed", "no point is beyond 1: they are taken for shares of the picture, not for pixels")
    for each in polygons:
        corners = each.corners if shares else _scaled(draft, each)
        draft.zone(camera, each.where, each.name or f"zone-{len(camera.zones) + 1}", corners)
    for each in lines:
        a, b = each.corners if shares else _scaled(draft, each)
        name = each.name or f"line-{len(camera.lines) + 1}"
        draft.line(camera, each.where, name, a, b, to_right="out", to_left="in")
    draft.finish()
    return draft


def _sections(document: Any) -> Iterator[tuple[Where, str, Any]]:
    """Yield what a file holds: path, kind, and polygons or lines, one or several."""
    if isinstance(document, dict) and {*_POLYGONS, *_LINES} & document.keys():
        yield from (((key,), key, part) for key, part in document.items())
        return
    each = document if isinstance(document, list) and document else [document]
    yield (), "lines" if all(map(_is_line, each)) else "polygons", document


def _parts(part: Any, where: Where) -> Iterator[tuple[Where, str, Any]]:
    """Yield one alone, or each item of a list, or of keys with a name each."""
    if _is_line(part) or _is_polygon(part):
        yield where, str(part.get("name", "")) if isinstance(part, dict) else "", part
    elif isinstance(part, dict):
        for name, item in part.items():
            yield (*where, name), name, item
    elif isinstance(part, list):
        for index, item in enumerate(part):
            name = item.get("name", "") if isinstance(item, dict) else ""
            yield (*where, index), str(name), item
    else:
        raise SourceError(f"{shown(where) or 'the file'}: must be a list, or names with a value each")


def _is_line(value: Any) -> bool:
    return isinstance(value, dict) and "start" in value


def _is_polygon(value: Any) -> bool:
    """Tell a polygon from a list of them by what stands first: a point, or what holds some."""
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, dict):
        return {"x", "y"} <= first.keys()
    return isinstance(first, list) and bool(first) and not isinstance(first[0], (list, dict))


def _polygons(draft: Draft, where: Where, part: Any) -> Iterator[_Drawn]:
    for at, name, item in _parts(part, where):
        polygon = item
        if isinstance(item, dict):
            if "polygon" not in item:
                raise SourceError(f"{shown(at)}: has no polygon")
            polygon = item["polygon"]
            _others(draft, at, item, {"polygon", "name"})
        yield _Drawn(at, name, points(polygon, at))


def _ends(draft: Draft, where: Where, part: Any) -> Iterator[_Drawn]:
    for at, name, item in _parts(part, where):
        held = keys_of(item, at)
        ends = [point(held.get(end), (*at, end)) for end in ("start", "end")]
        _others(draft, at, held, {"start", "end", "name"})
        yield _Drawn(at, name, ends)


def _others(draft: Draft, where: Where, item: Mapping[str, Any], known: set[str]) -> None:
    for key in sorted(item.keys() - known):
        why = "the foot point, the bottom centre of a person's box, always counts" if key == _ANCHORS else ""
        draft.note((*where, key), "left out", why or "has no counterpart here")


def _scaled(draft: Draft, drawn: _Drawn) -> list[Point]:
    width, height = draft.size(drawn.where)
    return [(x / width, y / height) for x, y in drawn.corners]
