"""A scene as bytes: small, versioned by its Avro schema, and exact, so that a restored job goes on bit for bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fastavro
from apache_beam import coders

from transforms import tracker
from transforms.coders import AvroCoder
from transforms.places import Held, PlacesState, Presence, Stay
from transforms.scene import Scene


@dataclass
class Snapshot:
    """A camera's site day, run up to an instant.

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
    "fields": _fields(since_us="long", last_us="long", credited_us="long", visiting="boolean"),
}
_ANCHOR = {"type": "record", "name": "Anchor", "fields": _fields(x="double", y="double")}
_CROSSING = {"type": "record", "name": "LineCrossing", "fields": _fields(line="int", side="int")}
_PRESENCE = {
    "type": "record",
    "name": "Presence",
    "fields": _fields(
        track="long",
        anchors=_array(["null", _ANCHOR]),
        stays=_array(["null", _STAY]),
        crossings=_array(_CROSSING),
        cells=_array("int"),
        confirmed="boolean",
        last_zone=["null", "int"],
    ),
}
_CELL = {"type": "record", "name": "HeldCell", "fields": _fields(cell="int", persons="int")}


class SnapshotCoder(AvroCoder[Snapshot]):
    """Version 1."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "Snapshot",
            "fields": _fields(
                until_us="long",
                clips="long",
                covered_until_us="long",
                tracker="bytes",
                clock_us="long",
                held_until_us="long",
                held_flags="int",
                held_persons=_array("int"),
                held_waiting=_array("int"),
                held_cells=_array(_CELL),
                present=_array(_PRESENCE),
            ),
        }
    )

    @staticmethod
    def to_fields(value: Snapshot) -> dict[str, Any]:
        scene, places = value.scene, value.scene.places
        return {
            "until_us": value.until_us,
            "clips": scene.clips,
            "covered_until_us": scene.covered_until_us,
            "tracker": tracker.encode(scene.tracker),
            "clock_us": places.clock_us,
            "held_until_us": places.held.until_us,
            "held_flags": places.held.flags,
            "held_persons": places.held.persons,
            "held_waiting": places.held.waiting,
            "held_cells": [{"cell": cell, "persons": n} for cell, n in sorted(places.held.cells.items())],
            "present": [_presence_to(track, presence) for track, presence in places.present.items()],
        }

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> Snapshot:
        held = Held(
            fields["held_until_us"],
            fields["held_flags"],
            fields["held_persons"],
            fields["held_waiting"],
            Counter({cell["cell"]: cell["persons"] for cell in fields["held_cells"]}),
        )
        present = {presence["track"]: _presence_from(presence) for presence in fields["present"]}
        places = PlacesState(present, fields["clock_us"], held)
        scene = Scene(tracker.decode(fields["tracker"]), places, fields["covered_until_us"], fields["clips"])
        return Snapshot(fields["until_us"], scene)


def _presence_to(track: int, presence: Presence) -> dict[str, Any]:
    return {
        "track": track,
        "anchors": [None if anchor is None else {"x": anchor[0], "y": anchor[1]} for anchor in presence.anchors],
        "stays": [None if stay is None else vars(stay) for stay in presence.stays],
        "crossings": [{"line": line, "side": side} for line, side in presence.crossings],
        "cells": presence.cells,
        "confirmed": presence.confirmed,
        "last_zone": presence.last_zone,
    }


def _presence_from(fields: Mapping[str, Any]) -> Presence:
    return Presence(
        [None if anchor is None else (anchor["x"], anchor["y"]) for anchor in fields["anchors"]],
        [None if stay is None else Stay(**stay) for stay in fields["stays"]],
        [(crossing["line"], crossing["side"]) for crossing in fields["crossings"]],
        fields["cells"],
        fields["confirmed"],
        fields["last_zone"],
    )


coders.registry.register_coder(Snapshot, SnapshotCoder)
