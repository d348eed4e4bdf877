"""What decides where a place counts whom: an audit is of that alone, and says nothing of another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from schemas.audit import GEOMETRY_DIGITS, Audit
from schemas.floor import Ground, Group
from schemas.parts import Zone
from schemas.site import Camera


def geometry_digest(place: Camera | Group, cameras: Iterable[Camera] = ()) -> str:
    """Return the first digits of the SHA-256 of what decides where a camera or group counts whom.

    Names are left out, and corners are told to a millionth of the picture or the metre, however they were written.

    Args:
      place: The camera or group.
      cameras: Cameras of the site, all those of a group among them; a camera needs none.
    """
    said = _of_group(place, cameras) if isinstance(place, Group) else _of_camera(place)
    return _digest(said)


def audit_fault(place: Camera | Group, cameras: Iterable[Camera] = (), model: str | None = None) -> str | None:
    """Return why an audit says nothing of what its camera or group counts now; None where it does, or there is none.

    Args:
      place: The camera or group.
      cameras: Cameras of the site, all those of a group among them; a camera needs none.
      model: First digits of the sha256 of the model that counts; None where it is not known.
    """
    audit = place.audit
    if audit is None:
        return None
    if model is not None and audit.model != model:
        return "its audit is of another model"
    if audit.geometry not in (None, geometry_digest(place, cameras)):
        return f"its audit is of other {geometry_of(place)}"
    return None


def ground_digest(place: Camera | Group) -> str | None:
    """Return the first digits of the SHA-256 of a camera's ground, by which alone walking is told; None without one.

    None for a group, too: its geometry has the ground of its cameras in it.
    """
    return None if isinstance(place, Group) or place.ground is None else _digest(_ground(place.ground))


def walking_fault(place: Camera | Group) -> str | None:
    """Return why an audit says nothing of who walks; None where it does, or there is none."""
    audit = place.audit
    if audit is None or audit.walking is None or audit.ground in (None, ground_digest(place)):
        return None
    return "its audit of who walks is of another ground"


def used_audit(place: Camera | Group, cameras: Iterable[Camera], model: str) -> Audit | None:
    """Return of a place's audit what says something of what its model counts now; None where nothing does."""
    audit = None if audit_fault(place, cameras, model) else place.audit
    return audit.model_copy(update={"walking": None}) if audit and walking_fault(place) else audit


def geometry_of(place: Camera | Group) -> str:
    """Say what the geometry of a camera or group is made of."""
    if isinstance(place, Group):
        return "zones, tolerance, cameras, grounds, masks, reach, staff or static zones or fps"
    return "lines, zones, masks, reach or fps"


def _of_camera(camera: Camera) -> dict[str, Any]:
    return {
        "fps": camera.fps,
        "masks": camera.masks,
        "reach": camera.reach,
        "lines": [(line.a, line.b, line.dead_band, line.dead_band_share) for line in camera.lines],
        "zones": _zones(camera.zones),
    }


def _of_group(group: Group, cameras: Iterable[Camera]) -> dict[str, Any]:
    known = {camera.name: camera for camera in cameras}
    looks = [_of_look(known[name]) for name in group.cameras]
    return {"tolerance": group.tolerance, "zones": _zones(group.zones), "cameras": sorted(looks, key=_written)}


def _of_look(camera: Camera) -> dict[str, Any]:
    """Return what decides whom a camera of a group sees, and where on the floor."""
    assert camera.ground is not None, "a group's cameras have it"
    return {
        "fps": camera.fps,
        "masks": camera.masks,
        "reach": camera.reach,
        "ground": _ground(camera.ground),
        "ignored": [(zone.kind, zone.polygon) for zone in camera.zones if zone.kind in ("staff", "static")],
    }


def _ground(ground: Ground) -> tuple[Any, ...]:
    return ground.points, ground.metres


def _zones(zones: Iterable[Zone]) -> list[tuple[Any, ...]]:
    return [(zone.kind, zone.polygon, zone.entry_grace, zone.exit_grace) for zone in zones]


def _digest(said: Any) -> str:
    return hashlib.sha256(_written(said).encode()).hexdigest()[:GEOMETRY_DIGITS]


def _written(said: Any) -> str:
    return json.dumps(_rounded(said), sort_keys=True, separators=(",", ":"))


def _rounded(said: Any) -> Any:
    match said:
        case dict():
            return {key: _rounded(value) for key, value in said.items()}
        case list() | tuple():
            return [_rounded(value) for value in said]
        case float():
            return round(said, 6)
    return said
