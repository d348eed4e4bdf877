"""A scene as bytes: small, by an Avro schema, and exact, so that a restored job goes on bit for bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
from apache_beam import coders

from transforms import tracker, visitors
from transforms.coders import AvroCoder
from transforms.geometry import Point
from transforms.lines import Footing, LineSide
from transforms.places import Held, Lost, PlacesState, Presence, Stay, Unseen
from transforms.scene import CameraScene, Scene
from transforms.visitors import FloorState, Stander
from transforms.walks import Walk


@dataclass
class Snapshot:
    """A camera group's site day, run up to an instant.

    Attributes:
      until_us: Every segment that ends by then has been run.
      scene: The scene at that instant.
    """

    until_us: int
    scene: Scene


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _fields(**types: Any) -> list[dict[str, Any]]:
    return [{"name": name, "type": kind} for name, kind in types.items()]


_STAY = {
    "type": "record",
    "name": "Stay",
    "fields": _fields(
        since_us="long",
        last_us="long",
        credited_us="long",
        visiting="boolean",
        inside="boolean",
        always="boolean",
        staff_us="long",
    ),
}
_POINT = {"type": "record", "name": "Point", "fields": _fields(x="double", y="double")}
_SIDE = {
    "type": "record",
    "name": "LineSide",
    "fields": _fields(distance="double", settled=["null", _POINT], right="boolean", over="int", near="int"),
}
_WALK = {
    "type": "record",
    "name": "Walk",
    "fields": _fields(x="double", y="double", since_us="long", walked=_array("int")),
}
_CROSSING = {"type": "record", "name": "LineCrossing", "fields": _fields(line="int", side="int")}
_PRESENCE = {
    "type": "record",
    "name": "Presence",
    "fields": _fields(
        track="long",
        x="double",
        y="double",
        sides=_array(_SIDE),
        stays=_array(["null", _STAY]),
        crossings=_array(_CROSSING),
        cells=_array("int"),
        confirmed="boolean",
        last_zone=["null", "int"],
        walk=["null", _WALK],
    ),
}
_UNSEEN = {"type": "record", "name": "Unseen", "fields": _fields(zone="int", stay="Stay")}
_CELL = {"type": "record", "name": "HeldCell", "fields": _fields(cell="int", persons="int")}
_CAMERA = {
    "type": "record",
    "name": "CameraScene",
    "fields": _fields(
        camera="string",
        covered_until_us="long",
        tracker="bytes",
        clock_us="long",
        held_until_us="long",
        held_flags="int",
        held_persons=_array("int"),
        held_waiting=_array("int"),
        held_cells=_array(_CELL),
        present=_array(_PRESENCE),
        unseen=_array(_UNSEEN),
    ),
}
_STANDER = {
    "type": "record",
    "name": "Stander",
    "fields": _fields(
        camera="string",
        track="long",
        x="double",
        y="double",
        seen_us="long",
        stays=_array(["null", "Stay"]),
        walk="Walk",
        vx="double",
        vy="double",
        shown="boolean",
        at_home="boolean",
        counted="boolean",
        at_staff="boolean",
        last_zone=["null", "int"],
    ),
}
_FLOOR_UNSEEN = {
    "type": "record",
    "name": "FloorUnseen",
    "fields": _fields(camera="string", zone="int", stay="Stay"),
}
_FLOOR = {
    "type": "record",
    "name": "Floor",
    "fields": _fields(
        standers=_array(_STANDER),
        sound_until_us={"type": "map", "values": "long"},
        now_us="long",
        clock_us="long",
        persons=_array("int"),
        waiting=_array("int"),
        visits=_array(_array("long")),
        uneven_us=_array("long"),
        unseen=_array(_FLOOR_UNSEEN),
    ),
}


class SnapshotCoder(AvroCoder[Snapshot]):
    """Version 1."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "Snapshot",
            "fields": _fields(until_us="long", clips="long", cameras=_array(_CAMERA), floor=["null", _FLOOR]),
        }
    )

    @staticmethod
    def to_fields(value: Snapshot) -> dict[str, Any]:
        scene = value.scene
        return {
            "until_us": value.until_us,
            "clips": scene.clips,
            "cameras": [_camera_to(name, camera) for name, camera in scene.cameras.items()],
            "floor": None if scene.floor is None else _floor_to(scene.floor),
        }

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> Snapshot:
        cameras = {camera["camera"]: _camera_from(camera) for camera in fields["cameras"]}
        floor = None if fields["floor"] is None else _floor_from(fields["floor"])
        return Snapshot(fields["until_us"], Scene(cameras, floor, fields["clips"]))


def _camera_to(name: str, scene: CameraScene) -> dict[str, Any]:
    places = scene.places
    return {
        "camera": name,
        "covered_until_us": scene.covered_until_us,
        "tracker": tracker.encode(scene.tracker),
        "clock_us": places.clock_us,
        "held_until_us": places.held.until_us,
        "held_flags": places.held.flags,
        "held_persons": places.held.persons,
        "held_waiting": places.held.waiting,
        "held_cells": [{"cell": cell, "persons": n} for cell, n in sorted(places.held.cells.items())],
        "present": [_presence_to(track, presence) for track, presence in places.present.items()],
        "unseen": _unseen_to(places.unseen),
    }


def _camera_from(fields: Mapping[str, Any]) -> CameraScene:
    held = Held(
        fields["held_until_us"],
        fields["held_flags"],
        fields["held_persons"],
        fields["held_waiting"],
        Counter({cell["cell"]: cell["persons"] for cell in fields["held_cells"]}),
    )
    present = {presence["track"]: _presence_from(presence) for presence in fields["present"]}
    places = PlacesState(present, _unseen_from(Unseen, fields["unseen"]), fields["clock_us"], held)
    return CameraScene(tracker.decode(fields["tracker"]), places, fields["covered_until_us"])


def _floor_to(floor: FloorState) -> dict[str, Any]:
    standers = [
        vars(stander)
        | {"camera": camera, "track": track, "walk": vars(stander.walk), "stays": _stays_to(stander.stays)}
        for (camera, track), stander in floor.standers.items()
    ]
    sound_until_us = dict(sorted(floor.sound_until_us.items()))
    return vars(floor) | {"standers": standers, "sound_until_us": sound_until_us, "unseen": _unseen_to(floor.unseen)}


def _floor_from(fields: Mapping[str, Any]) -> FloorState:
    standers = {}
    for each in fields["standers"]:
        key = each.pop("camera"), each.pop("track")
        standers[key] = Stander(**each | {"stays": _stays_from(each["stays"]), "walk": Walk(**each["walk"])})
    unseen = _unseen_from(visitors.Unseen, fields["unseen"])
    return FloorState(**{**fields, "standers": standers, "unseen": unseen})


def _stays_to(stays: list[Stay | None]) -> list[dict[str, Any] | None]:
    return [None if stay is None else vars(stay) for stay in stays]


def _stays_from(stays: list[Any]) -> list[Stay | None]:
    return [None if stay is None else Stay(**stay) for stay in stays]


def _point_to(point: Point | None) -> dict[str, float] | None:
    return None if point is None else {"x": point[0], "y": point[1]}


def _point_from(fields: Mapping[str, float] | None) -> Point | None:
    return None if fields is None else (fields["x"], fields["y"])


def _unseen_to(unseen: Sequence[Unseen]) -> list[dict[str, Any]]:
    return [vars(each) | {"stay": vars(each.stay)} for each in unseen]


def _unseen_from(kind: type[Lost], fields: list[Any]) -> list[Lost]:
    return [kind(**each | {"stay": Stay(**each["stay"])}) for each in fields]


def _presence_to(track: int, presence: Presence) -> dict[str, Any]:
    return {
        "track": track,
        "x": presence.footing.foot[0],
        "y": presence.footing.foot[1],
        "sides": [vars(side) | {"settled": _point_to(side.settled)} for side in presence.footing.sides],
        "stays": _stays_to(presence.stays),
        "crossings": [{"line": line, "side": side} for line, side in presence.crossings],
        "cells": presence.cells,
        "confirmed": presence.confirmed,
        "last_zone": presence.last_zone,
        "walk": None if presence.walk is None else vars(presence.walk),
    }


def _presence_from(fields: Mapping[str, Any]) -> Presence:
    return Presence(
        Footing(
            (fields["x"], fields["y"]),
            [LineSide(**{**side, "settled": _point_from(side["settled"])}) for side in fields["sides"]],
        ),
        _stays_from(fields["stays"]),
        [(crossing["line"], crossing["side"]) for crossing in fields["crossings"]],
        fields["cells"],
        fields["confirmed"],
        fields["last_zone"],
        None if fields["walk"] is None else Walk(**fields["walk"]),
    )


coders.registry.register_coder(Snapshot, SnapshotCoder)
