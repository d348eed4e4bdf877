"""Azure Spatial Analysis: `SPACEANALYTICS_CONFIG`, alone or wherever it stands in a deployment manifest.

Points are normalised. A line's direction is that of somebody who stands at its start and looks at its end:
CrossRight is from left to right, as here from `a` to `b`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.importing.draft import Draft, DraftCamera, Given
from pipeline.importing.source import SourceError, Where, items_of, keys_of, parse_json, point, points, shown

CONFIG = "SPACEANALYTICS_CONFIG"
_SOURCE = "VIDEO_SOURCE_ID"
_LOOKED_AT = {"name", "polygon", "line", "events"}
_CARRIED = {"count", "zonecrossing", "zonedwelltime", "linecrossing"} | {"zone_crossing", "enter/exit", "enter", "exit"}
"""Types of events; the last four were zonecrossing in earlier releases."""
_DISTANCES = {"persondistance", "people_distance"}
_CALIBRATION = "the floor is told by `ground`: four places of the picture, measured on it in metres"
_ELSEWHERE = {
    "VIDEO_URL": "addresses of cameras, with their passwords, belong to the edge agent: silhouette edge --source",
    "VIDEO_IS_LIVE": "what comes as clips is counted, live or not",
    "VIDEO_DECODE_GPU_INDEX": "where a video is decoded is no matter of what is counted where",
    "INPUT_VIDEO_WIDTH": "points are shares of the picture, however wide it is",
    "DETECTOR_NODE_CONFIG": "the detector is chosen by `model`",
    "TRACKER_NODE_CONFIG": "the tracker has one setting for all cameras",
    "CAMERA_CONFIG": _CALIBRATION,
    "CAMERACALIBRATOR_NODE_CONFIG": _CALIBRATION,
    "CALIBRATION_CONFIG": _CALIBRATION,
    "STATIONARY_TARGET_REMOVER_CONFIG": "draw a zone of kind static in its place: silhouette lint --static finds where",
    "ENABLE_FACE_MASK_CLASSIFIER": "nothing is said of anybody's face",
    "ENABLE_ORIENTATION": "nothing is said of where anybody looks",
    "ENABLE_SPEED": "speed is in the `movement` records of every camera that has `ground`",
}
_WHY = {
    "threshold": "a person is inside, or across, by the foot point; a line has its `dead_band` in place of it",
    "trigger": "records are written for windows of time, `windows`",
    "output_frequency": "records are written for windows of time, `windows`",
    "interval": "records are written for windows of time, `windows`",
    "minimum_trigger_interval": "records are written for windows of time, `windows`",
    "target_side": "nothing is said of where anybody looks",
    "focus": "the foot point, the bottom centre of a person's box, always counts",
}


def read(text: str, given: Given) -> Draft:
    """Read a configuration, a deployment manifest, or anything between the two.

    Raises:
      SourceError: it is none.
    """
    draft = Draft(given)
    cameras: dict[str, DraftCamera] = {}
    document = parse_json(text)
    found = list(_configs(document, (), None))
    if not found:
        raise SourceError(f"holds no {CONFIG} that is switched on, and neither zones nor lines at its top")
    for where, source, config in found:
        named = source if source is not None else f"camera-{len(cameras) + 1}"
        camera = cameras.get(named) if source is not None else None
        if camera is None:
            camera = cameras[named] = draft.camera((*where[:-1], _SOURCE) if source is not None else where, named)
        _config(draft, camera, where, keys_of(config, where))
    for where, why in _others(document, ()):
        draft.note(where, "left out", why)
    draft.finish()
    return draft


def _configs(value: Any, where: Where, source: str | None) -> Iterator[tuple[Where, str | None, Any]]:
    """Yield every configuration that is switched on: its path, its camera if that has a name, and what it says."""
    if isinstance(value, dict):
        if _is_bare(value, where):
            yield where, None, value
            return
        if _is_off(value):
            return
        named = value.get(_SOURCE, source)
        source = _value(named) if isinstance(_value(named), str) else source
        for key, inner in value.items():
            at = (*where, key)
            if key == CONFIG:
                held = _value(inner)
                yield at, source, parse_json(held, at) if isinstance(held, str) else held
            else:
                yield from _configs(inner, at, source)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _configs(inner, (*where, index), source)


def _value(setting: Any) -> Any:
    """Return a setting of a container, which may be written as {"value": …}."""
    return setting["value"] if isinstance(setting, dict) and set(setting) == {"value"} else setting


def _others(value: Any, where: Where) -> Iterator[tuple[Where, str]]:
    """Yield what stands around the configurations and is not carried over: its path, and why."""
    if isinstance(value, dict):
        if _is_bare(value, where):
            return
        if _is_off(value):
            yield where, "is switched off (enabled: false)"
            return
        parameters = where[-1:] == ("parameters",) or CONFIG in value
        for key, inner in value.items():
            at = (*where, key)
            if key in _ELSEWHERE:
                yield at, _ELSEWHERE[key]
            elif key == CONFIG:
                continue
            elif isinstance(_value(inner), dict | list):
                yield from _others(inner, at)
            elif parameters and key not in (_SOURCE, "enabled"):
                yield at, "has no counterpart here"
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _others(inner, (*where, index))


def _is_bare(value: Mapping[str, Any], where: Where) -> bool:
    """Tell whether the whole document is one configuration."""
    return not where and bool({"zones", "lines"} & value.keys())


def _is_off(part: Mapping[str, Any]) -> bool:
    """Tell whether a graph, or an instance of one, is switched off."""
    return part.get("enabled") is False


def _config(draft: Draft, camera: DraftCamera, where: Where, config: Mapping[str, Any]) -> None:
    for at, item in items_of(config.get("zones", []), (*where, "zones")):
        zone = keys_of(item, at)
        if "polygon" not in zone:
            raise SourceError(f"{shown(at)}: has no polygon")
        if _events(draft, at, zone):
            draft.zone(camera, at, _name(zone), points(zone["polygon"], (*at, "polygon")))
    for at, item in items_of(config.get("lines", []), (*where, "lines")):
        line = keys_of(item, at)
        ends = keys_of(line.get("line"), (*at, "line"))
        a, b = (point(ends.get(end), (*at, "line", end)) for end in ("start", "end"))
        if _events(draft, at, line):
            draft.line(camera, at, _name(line), a, b, to_right="cross_right", to_left="cross_left")
    for key in sorted(config.keys() - {"zones", "lines"}):
        draft.note((*where, key), "left out", "has no counterpart here")


def _name(part: Mapping[str, Any]) -> str:
    name = part.get("name", "")
    return name if isinstance(name, str) else ""


def _events(draft: Draft, where: Where, part: Mapping[str, Any]) -> bool:
    """Note what the events ask for that is not carried over; return whether anything is."""
    kinds: set[str] = set()
    for at, item in items_of(part.get("events", []), (*where, "events")):
        event = keys_of(item, at)
        written = event.get("type")
        kind = written if isinstance(written, str) else ""
        kinds.add(kind)
        if kind in _DISTANCES:
            draft.note(at, "left out", "distances between people are not measured")
            continue
        if kind not in _CARRIED:
            draft.note(at, "left out", "is an event that has no counterpart here")
            continue
        for key in keys_of(event.get("config", {}), (*at, "config")):
            _setting(draft, (*at, "config", key), event["config"][key])
    for key in sorted(part.keys() - _LOOKED_AT):
        _setting(draft, (*where, key), part[key])
    if kinds and not _CARRIED & kinds:
        draft.note(where, "left out", "no event of it has a counterpart here")
        return False
    return True


def _setting(draft: Draft, where: Where, value: Any) -> None:
    key = str(where[-1])
    if key == "focus" and value in ("bottom_center", "footprint"):
        return
    draft.note(where, "left out", _WHY.get(key, "has no counterpart here"))
