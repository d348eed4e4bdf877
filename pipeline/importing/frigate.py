"""Frigate: the cameras, zones and masks of its `config.yml`.

Points are shares of the picture, or pixels of `detect` where any is above 1, in one text `x1,y1,x2,y2,…`. Streams,
their passwords, recordings and all else that is not geometry is not even looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.importing.clipping import Point
from pipeline.importing.draft import Draft, DraftCamera, Given
from pipeline.importing.source import SourceError, Where, keys_of, number, pairs, parse_yaml, shown

_USUAL_FPS = 5.0
_USUAL_INERTIA = 3
_PERSON = "person"
_MOST_GRACE_MS = 600_000
_GLOBAL = {
    "detect": "is read where a camera does not say its own",
    "objects": "only people are counted; masks are read where a camera says them",
    "motion": "every sampled frame is looked at, whether anything moves or not",
}
_MASKED = ("motion",), ("objects",), ("objects", "filters", _PERSON)
"""Where masks stand that people are left out by, in a camera or for all."""
_CAMERA = {
    "ffmpeg": "streams, with their passwords, belong to the edge agent: silhouette edge --source",
    "onvif": "cameras are not steered",
    "record": "nothing is recorded",
    "snapshots": "no pictures are kept",
}
_ZONE = {
    "filters": "small or doubtful boxes are told by the detector's own score",
    "objects": "only people are counted",
    "distances": "lengths of sides tell no floor: `ground` is four places measured on it; speed is then in `movement`",
    "speed_threshold": "slow or fast, people count; their speed is in `movement` where the camera has `ground`",
}


def read(text: str, given: Given) -> Draft:
    """Read a configuration.

    Raises:
      SourceError: it is none.
      GivenError: a camera's size is needed, and nobody says it.
    """
    config = keys_of(parse_yaml(text), ())
    cameras = keys_of(config.get("cameras"), ("cameras",))
    draft = Draft(given)
    for name, written in cameras.items():
        where: Where = ("cameras", name)
        camera = keys_of(written, where)
        if _off(draft, where, camera):
            continue
        _camera(draft, where, camera, config)
    for key in sorted(config.keys() - {"cameras", "version"}):
        if not (key == "detect" and draft.cameras):
            draft.note((key,), "left out", _GLOBAL.get(key, "is no matter of what is counted where"))
    for holder in _MASKED:
        if _inside(config, holder).get("mask"):
            draft.note((*holder, "mask"), "left out", "is for every camera: write it in each that needs it")
    draft.finish()
    return draft


def _camera(draft: Draft, where: Where, keys: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    camera = draft.camera(where, str(where[-1]))
    detect = {**_section(config, "detect", ()), **_section(keys, "detect", where)}
    fps = number(detect["fps"], (*where, "detect", "fps")) if detect.get("fps") else _USUAL_FPS
    if not 0 < fps <= 120:
        raise SourceError(f"{shown((*where, 'detect', 'fps'))}: must be above 0, and at most 120")
    camera.fps = fps
    if _is_off(detect):
        draft.note(
            (*where, "detect", "enabled"), "changed", "detection was switched off; what is drawn is carried over, and "
            "counts",
        )  # fmt: skip
    if not detect.get("fps"):
        draft.note((*where, "detect", "fps"), "changed", f"is not given: {_USUAL_FPS:g}, as Frigate then takes it")
    size = _Size(draft, where, detect)
    zones = _section(keys, "zones", where)
    for name, zone in zones.items():
        at = (*where, "zones", name)
        _zone(draft, camera, at, keys_of(zone, at), fps, size)
    for holder in _MASKED:
        for at, corners in _masks(draft, _inside(keys, holder, where), (*where, *holder), size):
            _mask(draft, camera, at, holder[0], corners)
    _objects(draft, (*where, "objects"), _section(keys, "objects", where))
    for key in sorted(_section(keys, "motion", where).keys() - {"mask"}):
        draft.note((*where, "motion", key), "left out", _GLOBAL["motion"])
    for key in sorted(keys.keys() - {"detect", "zones", "motion", "objects", "enabled"}):
        draft.note((*where, key), "left out", _CAMERA.get(key, "is no matter of what is counted where"))
    for key in sorted(detect.keys() - {"fps", "width", "height", "enabled"}):
        draft.note((*where, "detect", key), "left out", "has no counterpart here")


def _off(draft: Draft, where: Where, keys: Mapping[str, Any]) -> bool:
    """Tell whether a part is switched off, and note it."""
    if off := _is_off(keys):
        draft.note(where, "left out", "is switched off (enabled: false)")
    return off


def _is_off(keys: Mapping[str, Any]) -> bool:
    return str(keys.get("enabled", "true")).lower() in ("false", "no", "off", "0")


def _objects(draft: Draft, where: Where, objects: Mapping[str, Any]) -> None:
    """Note what a camera says of its objects beside the masks of people."""
    track = objects.get("track")
    if isinstance(track, list) and _PERSON not in track:
        draft.note((*where, "track"), "changed", "people were not tracked; here they are counted")
    for key in sorted(objects.keys() - {"mask", "filters"}):
        draft.note((*where, key), "left out", "only people are counted")
    for name, filters in _section(objects, "filters", where).items():
        at = (*where, "filters", name)
        if name != _PERSON:
            draft.note(at, "left out", "is for other things than people")
            continue
        for key in sorted(keys_of(filters, at).keys() - {"mask"}):
            draft.note((*at, key), "left out", _ZONE["filters"])


def _section(keys: Mapping[str, Any], name: str, where: Where) -> Mapping[str, Any]:
    """Return a part of the configuration; an absent one, or one without keys, is empty."""
    section = keys.get(name)
    return {} if section in (None, "", "null", "~") else keys_of(section, (*where, name))


def _inside(keys: Mapping[str, Any], names: tuple[str, ...], where: Where = ()) -> Mapping[str, Any]:
    """Return a part of a part, and so on."""
    for name in names:
        keys, where = _section(keys, name, where), (*where, name)
    return keys


class _Size:
    """Reads the points of one camera; looks for its picture's size only where they are in pixels."""

    def __init__(self, draft: Draft, where: Where, detect: Mapping[str, Any]) -> None:
        self._draft, self._where, self._detect = draft, where, detect

    def points(self, written: Any, where: Where) -> list[Point]:
        """Return normalised points of `x1,y1,x2,y2,…`, or of a list of `x,y`."""
        texts = written if isinstance(written, list) else [written]
        parts = [part.strip() for text in texts if isinstance(text, str) for part in text.split(",") if part.strip()]
        corners = pairs([number(part, where) for part in parts], where)
        if not corners:
            raise SourceError(f"{shown(where)}: must be coordinates, as in 0.1,0.2,0.5,0.2,0.5,0.9")
        if all(max(corner) <= 1 for corner in corners):
            return corners
        width, height = self._of_picture(where)
        return [(x / width, y / height) for x, y in corners]

    def _of_picture(self, where: Where) -> tuple[float, float]:
        if not {"width", "height"} <= self._detect.keys():
            return self._draft.size(where)
        width, height = (number(self._detect[side], (*self._where, "detect", side)) for side in ("width", "height"))
        if min(width, height) < 1:
            raise SourceError(f"{shown((*self._where, 'detect'))}: width and height must be pixels")
        return width, height


def _zone(draft: Draft, camera: DraftCamera, where: Where, zone: Mapping[str, Any], fps: float, size: _Size) -> None:
    if "coordinates" not in zone:
        raise SourceError(f"{shown(where)}: has no coordinates")
    if _off(draft, where, zone):
        return
    objects = zone.get("objects") or []
    if objects and _PERSON not in (objects if isinstance(objects, list) else [objects]):
        draft.note(where, "left out", "is for other things than people")
        return
    inertia = number(zone["inertia"], (*where, "inertia")) if zone.get("inertia") else _USUAL_INERTIA
    loitering = number(zone["loitering_time"], (*where, "loitering_time")) if zone.get("loitering_time") else 0.0
    grace_ms = max(0, round(1000 * max(inertia / fps, loitering)))
    if grace_ms > _MOST_GRACE_MS:
        draft.note((*where, "loitering_time"), "changed", "entry_grace is at most 10m")
        grace_ms = _MOST_GRACE_MS
    else:
        draft.note(
            where, "changed", "inertia and loitering_time have become entry_grace, of a visit; occupancy has none"
        )
    grace = f"{grace_ms // 1000}s" if grace_ms % 1000 == 0 else f"{grace_ms}ms"
    draft.zone(camera, where, str(where[-1]), size.points(zone["coordinates"], (*where, "coordinates")), "area", grace)
    for key in sorted(zone.keys() - {"coordinates", "enabled", "inertia", "loitering_time"}):
        if key != "objects" or objects not in ([_PERSON], _PERSON):
            draft.note((*where, key), "left out", _ZONE.get(key, "has no counterpart here"))


def _masks(draft: Draft, section: Mapping[str, Any], where: Where, size: _Size) -> Iterator[tuple[Where, list[Point]]]:
    """Yield the masks of a section: one text, a list of texts, or names with `coordinates`."""
    at = (*where, "mask")
    match section.get("mask"):
        case None | "" | []:
            return
        case {**named}:
            for name, mask in named.items():
                its = (*at, str(name))
                held = keys_of(mask, its)
                if not _off(draft, its, held):
                    yield its, size.points(held.get("coordinates"), (*its, "coordinates"))
        case [*masks] if not all(isinstance(mask, str) and mask.count(",") == 1 for mask in masks):
            for index, mask in enumerate(masks):
                yield (*at, index), size.points(mask, (*at, index))
        case mask:
            yield at, size.points(mask, at)


def _mask(draft: Draft, camera: DraftCamera, where: Where, kind: str, corners: list[Point]) -> None:
    """Carry a mask over.

    Frigate drops what it detects with its foot point in an object mask: a static spot does just that. In a motion
    mask it looks for no motion, and still sees people; to blank it is what its owner may have meant, and never
    shows more.
    """
    if kind == "objects":
        draft.zone(camera, where, f"object-mask-{1 + sum(z.kind == 'static' for z in camera.zones)}", corners, "static")
        draft.note(where, "changed", "is now a zone of kind static: nobody counts whose foot point is in it")
    else:
        draft.mask(camera, where, corners)
        draft.note(
            where, "changed", "is now a privacy mask, blanked: delete it where people walk, who would be cut off"
        )
