"""DeepStream: `config_nvdsanalytics.txt`, the key file of Gst-nvdsanalytics.

Points are in pixels of `config-width` x `config-height`. A line's value holds four points: a vector, and the line's
two ends. DeepStream counts who crosses in the vector's direction, and nobody else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pipeline.importing.clipping import Point
from pipeline.importing.draft import Draft, DraftCamera, Given
from pipeline.importing.source import SourceError

_GROUP = re.compile(r"(roi-filtering|line-crossing|overcrowding|direction-detection)-stream-([0-9]{1,4})")
_SIDES = ("config-width", "config-height")
_PREFIX = {
    "roi-filtering": "roi-",
    "overcrowding": "roi-",
    "line-crossing": "line-crossing-",
    "direction-detection": "direction-",
}
_UNDRAWN = "nothing is drawn on the video"
_WHY = {
    "class-id": "only people are counted, and the model is chosen by `model`",
    "object-threshold": "an alarm at a number of people is for whoever reads the occupancy records",
    "time-threshold": "an alarm at a number of people is for whoever reads the occupancy records",
    "obj-cnt-win-in-ms": "records are written for windows of time, `windows`",
    "osd-mode": _UNDRAWN,
    "display-font-size": _UNDRAWN,
    "display-obj-cnt": _UNDRAWN,
    "mode": "a crossing counts once, at the moment the far side of `dead_band` is proven",
}
AGREES, AGAINST = "forward", "backward"
"""Names of a line's two directions: along its vector, and against it."""


@dataclass
class _Group:
    line: int
    keys: dict[str, tuple[int, str]] = field(default_factory=dict)

    def get(self, key: str, default: str) -> str:
        return self.keys.get(key, (0, default))[1]


def read(text: str, given: Given) -> Draft:
    """Read a key file; each stream becomes a camera, stream-N.

    Raises:
      SourceError: it is none, or a value is none that the format allows.
    """
    groups = _groups(text)
    draft = Draft(given)
    if "property" not in groups:
        raise SourceError("has no [property]: is it a config_nvdsanalytics.txt?")
    size = _size(groups["property"])
    if groups["property"].get("enable", "1") == "0":
        draft.note(("property", "enable"), "changed", "the analytics were switched off; they are carried over")
    for key, (_, value) in groups["property"].keys.items():
        if key not in _SIDES:
            _setting(draft, ("property", key), value)
    cameras: dict[int, DraftCamera] = {}
    streams = {name: match for name in groups if (match := _GROUP.fullmatch(name))}
    for stream in sorted({int(match[2]) for match in streams.values()}):
        cameras[stream] = draft.camera((f"stream-{stream}",), f"stream-{stream}")
    # Regions first: an overcrowding region is mostly one of them again.
    for name in sorted(streams, key=lambda name: list(_PREFIX).index(streams[name][1])):
        kind, stream = streams[name][1], int(streams[name][2])
        _stream(draft, cameras[stream], name, kind, groups[name], size)
    for name in sorted(groups.keys() - streams.keys() - {"property"}):
        draft.note((name,), "left out", "is no group that this import knows")
    draft.finish()
    return draft


def _groups(text: str) -> dict[str, _Group]:
    groups: dict[str, _Group] = {}
    group: _Group | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            group = groups.setdefault(line[1:-1].strip(), _Group(number))
            continue
        key, equals, value = line.partition("=")
        if not equals or group is None:
            raise SourceError(
                f"line {number}: is neither [group] nor key=value" if not equals else f"line {number}: is in no [group]"
            )
        group.keys[key.strip()] = number, value.strip()
    return groups


def _size(group: _Group) -> tuple[int, int]:
    sides = []
    for key in _SIDES:
        line, value = group.keys.get(key, (group.line, ""))
        if not re.fullmatch(r"[0-9]{1,5}", value) or not int(value):
            raise SourceError(
                f"line {line}: [property] {key} must be the pixels of the picture that points are drawn on"
            )
        sides.append(int(value))
    return sides[0], sides[1]


def _stream(draft: Draft, camera: DraftCamera, name: str, kind: str, group: _Group, size: tuple[int, int]) -> None:
    if group.get("enable", "1") == "0":
        draft.note((name,), "left out", "is switched off (enable=0)")
        return
    prefix = _PREFIX[kind]
    for key, (line, value) in group.keys.items():
        where = (name, key)
        if not key.startswith(prefix):
            _setting(draft, where, value)
            continue
        corners = _points(line, key, value, size)
        if kind == "direction-detection":
            draft.note(where, "left out", "who goes which way is in `movement`, where the camera has `ground`")
        elif kind == "line-crossing":
            _line(draft, camera, where, line, key.removeprefix(prefix), corners)
        elif group.get("inverse-roi", "0") == "1":
            draft.note(where, "left out", "is what is outside a region (inverse-roi=1): draw it as one")
        else:
            draft.zone(camera, where, key.removeprefix(prefix), corners)


def _points(line: int, key: str, value: str, size: tuple[int, int]) -> list[Point]:
    parts = [part.strip() for part in value.removesuffix(";").split(";")]
    if len(parts) % 2 or not all(re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]*)?", part) for part in parts):
        raise SourceError(f"line {line}: must be points in pixels, as in x1;y1;x2;y2")
    numbers = [float(part) for part in parts]
    return [(x / size[0], y / size[1]) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]


def _line(
    draft: Draft, camera: DraftCamera, where: tuple[str, str], number: int, name: str, points: list[Point]
) -> None:
    if len(points) != 4:
        raise SourceError(f"line {number}: must be four points: the direction's two, then the line's two")
    start, end, a, b = points
    # Scaling both axes by what is positive does not change the sign.
    turn = (b[0] - a[0]) * (end[1] - start[1]) - (b[1] - a[1]) * (end[0] - start[0])
    if turn == 0:
        draft.note(where, "left out", "its direction points along the line, or nowhere: it tells neither side")
        return
    to_right, to_left = (AGREES, AGAINST) if turn > 0 else (AGAINST, AGREES)
    draft.line(camera, where, name, a, b, to_right=to_right, to_left=to_left)
    draft.note(where, "changed", f"both directions are counted: {AGREES} is the one that DeepStream counts")


def _setting(draft: Draft, where: tuple[str, str], value: str) -> None:
    key = where[1]
    if key == "enable" or (key in ("extended", "inverse-roi") and value == "0"):
        return
    if key == "extended":
        draft.note(where, "changed", "lines end where they are drawn: draw them from wall to wall")
    elif key != "inverse-roi":
        draft.note(where, "left out", _WHY.get(key, "has no counterpart here"))
