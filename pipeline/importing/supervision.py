"""supervision: polygons as `PolygonZone` takes them, and the start and end of each `LineZone`, as JSON.

A list of polygons, or keys with any of

    {"polygons": […] or {NAME: …}, "zones": …, "lines": [{"start": [x, y], "end": [x, y], "name": …}, …]}

or one polygon a name. Points are in pixels. `LineZone` counts as in whoever comes to the side where the cross
product of start to end with start to the person is negative (y down), which is the left-hand side here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.importing.clipping import Point
from pipeline.importing.draft import Draft, DraftCamera, Given
from pipeline.importing.source import SourceError, Where, keys_of, parse_json, point, points, shown

_POLYGONS = ("polygons", "zones", "polygon_zones")
_LINES = ("lines", "line_zones")
_ANCHORS = "triggering_anchors"


def read(text: str, given: Given) -> Draft:
    """Read one camera's polygons and lines.

    Raises:
      SourceError: it holds none.
      GivenError: the picture's size is not given.
    """
    document = parse_json(text)
    draft = Draft(given)
    camera = draft.camera((), "camera-1")
    if isinstance(document, dict) and not {*_POLYGONS, *_LINES} & document.keys():
        document = {"lines" if "start" in document else "polygons": [document] if "start" in document else document}
    elif isinstance(document, list):
        ends = [isinstance(item, dict) and "start" in item for item in document]
        document = {"lines" if ends and all(ends) else "polygons": document}
    for key, part in keys_of(document, ()).items():
        if key in _POLYGONS:
            _zones(draft, camera, (key,), part)
        elif key in _LINES:
            _lines(draft, camera, (key,), part)
        else:
            draft.note((key,), "left out", "has no counterpart here")
    if not camera.zones and not camera.lines and not draft.notes:
        raise SourceError("holds no polygon and no line")
    draft.finish()
    return draft


def _parts(part: Any, where: Where) -> Iterator[tuple[Where, str, Any]]:
    """Yield each item of a list, or of keys with a name each."""
    if isinstance(part, dict):
        for name, item in part.items():
            yield (*where, name), name, item
    elif isinstance(part, list):
        for index, item in enumerate(part):
            name = item.get("name", "") if isinstance(item, dict) else ""
            yield (*where, index), str(name), item
    else:
        raise SourceError(f"{shown(where)}: must be a list, or names with a value each")


def _zones(draft: Draft, camera: DraftCamera, where: Where, part: Any) -> None:
    for at, name, item in _parts(part, where):
        polygon = item
        if isinstance(item, dict):
            if "polygon" not in item:
                raise SourceError(f"{shown(at)}: has no polygon")
            polygon = item["polygon"]
            _others(draft, at, item, {"polygon", "name"})
        corners = _scaled(draft, at, points(polygon, at))
        draft.zone(camera, at, name or f"zone-{len(camera.zones) + 1}", corners)


def _lines(draft: Draft, camera: DraftCamera, where: Where, part: Any) -> None:
    for at, name, item in _parts(part, where):
        held = keys_of(item, at)
        ends = [point(held.get(end), (*at, end)) for end in ("start", "end")]
        _others(draft, at, held, {"start", "end", "name"})
        a, b = _scaled(draft, at, ends)
        draft.line(camera, at, name or f"line-{len(camera.lines) + 1}", a, b, to_right="out", to_left="in")


def _others(draft: Draft, where: Where, item: Mapping[str, Any], known: set[str]) -> None:
    for key in sorted(item.keys() - known):
        why = "the foot point, the bottom centre of a person's box, always counts" if key == _ANCHORS else ""
        draft.note((*where, key), "left out", why or "has no counterpart here")


def _scaled(draft: Draft, where: Where, corners: list[Point]) -> list[Point]:
    width, height = draft.size(where)
    return [(x / width, y / height) for x, y in corners]
