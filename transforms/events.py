"""What leaves the geometry zone: numbers about places in one segment, without track, trail or instant.

`AnonymiseTracks` is the border: `Tracklets` go in, `PlaceEvents` come out, and only these are shuffled to the
windows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import apache_beam as beam
import fastavro
from apache_beam import coders

from schemas.clock import SECOND_US
from transforms.coders import AvroCoder
from transforms.happened import Happened
from transforms.picture import Flaw
from transforms.scene import Tracklets
from transforms.walks import Walked

FLAWS = tuple(Flaw)


@dataclass(frozen=True)
class ZoneEvents:
    """One zone in one segment: person-microseconds, most at one instant, visits begun and open."""

    person_us: int
    peak: int
    waiting_us: int
    waiting_peak: int
    joined: int
    open_visits: int


@dataclass(frozen=True)
class LineEvents:
    """Crossings of one line, by number, to one side (1 right, 0 left)."""

    line: int
    side: int
    count: int


@dataclass(frozen=True)
class VisitEvents:
    """Visits of one zone, by number, that ended alike after so many whole seconds."""

    zone: int
    seconds: int
    censored: bool
    count: int


@dataclass(frozen=True)
class FlowEvents:
    """Visits that began of one zone, by number, by people whose visit before was of another."""

    from_zone: int
    to_zone: int
    count: int


@dataclass(frozen=True)
class CellEvents:
    """One grid cell: person-microseconds, people in it, those of them who came before, and passages that began."""

    cell: int
    person_us: int
    people: int
    people_before: int
    begun: int


@dataclass(frozen=True)
class WalkEvents:
    """Strides in one zone, by number, in one direction: how long they took and are; people as in `CellEvents`."""

    zone: int
    sector: int
    us: int
    millimetres: int
    people: int
    people_before: int
    begun: int


@dataclass(frozen=True)
class PlaceEvents:
    """What happened at one camera's places, or on a shared floor, in one segment.

    Attributes:
      site: Name of the site.
      group: Name of the camera group.
      camera: Name of the camera; the group's for its floor.
      start_us: Start of the segment.
      end_us: End of the segment, exclusive.
      clips: Distinct clips of the group that start in it.
      revision: Distinct clips of the group and day that start before its end; of two for one segment the higher counts.
      own_clips: Of `clips`, the camera's.
      bad_clips: Of these, those that could not be read.
      frames: Frames looked at.
      frames_left_out: Frames that another clip's frames stand for.
      observed_us: Time that sound pictures stand for.
      scheduled_us: Time in which the site is watched.
      flawed_us: Time that flawed pictures stand for.
      flaws_us: Of it, by flaw, in the order of `FLAWS`; one picture can have several.
      lines: Crossings.
      zones: One entry for each counted zone, in the order of the site file.
      visits: Visits that ended.
      flows: Transitions from zone to zone.
      cells: Non-empty cells of the heat map.
      walks: Strides, where the camera is calibrated.
    """

    site: str
    group: str
    camera: str
    start_us: int
    end_us: int
    clips: int
    revision: int
    own_clips: int
    bad_clips: int
    frames: int
    frames_left_out: int
    observed_us: int
    scheduled_us: int
    flawed_us: int
    flaws_us: tuple[int, ...]
    lines: tuple[LineEvents, ...]
    zones: tuple[ZoneEvents, ...]
    visits: tuple[VisitEvents, ...]
    flows: tuple[FlowEvents, ...]
    cells: tuple[CellEvents, ...]
    walks: tuple[WalkEvents, ...]


def anonymise(tracklets: Tracklets) -> PlaceEvents:
    """Drop track numbers and instants; keep counts, sums and stays in whole seconds."""
    happened = tracklets.happened
    lines = Counter((crossing.line, crossing.side) for crossing in happened.crossings)
    visits = Counter(
        (visit.zone, round((visit.until_us - visit.since_us) / SECOND_US), visit.censored) for visit in happened.visits
    )
    zones = zip(
        happened.person_us, happened.peak, happened.waiting_us, happened.waiting_peak, happened.joined,
        tracklets.open_visits, strict=True,
    )  # fmt: skip
    return PlaceEvents(
        site=tracklets.site,
        group=tracklets.group,
        camera=tracklets.camera,
        start_us=tracklets.segment.start_us,
        end_us=tracklets.segment.end_us,
        clips=tracklets.clips,
        revision=tracklets.revision,
        own_clips=tracklets.own_clips,
        bad_clips=tracklets.bad_clips,
        frames=tracklets.frames,
        frames_left_out=tracklets.frames_left_out,
        observed_us=happened.observed_us,
        scheduled_us=sum(end - start for start, end in tracklets.segment.scheduled),
        flawed_us=happened.flawed_us.total(),
        flaws_us=tuple(_with_flaw(happened.flawed_us, flaw) for flaw in FLAWS),
        lines=tuple(LineEvents(*key, count) for key, count in sorted(lines.items())),
        zones=tuple(ZoneEvents(*zone) for zone in zones),
        visits=tuple(VisitEvents(*key, count) for key, count in sorted(visits.items())),
        flows=tuple(FlowEvents(*pair, count) for pair, count in sorted(happened.flows.items())),
        cells=tuple(_cell(happened, cell) for cell in sorted(happened.heat_us.keys() | happened.heat_tracks.keys())),
        walks=tuple(_walks(key, strides) for key, strides in sorted(happened.walks.items())),
    )


def _cell(happened: Happened, cell: int) -> CellEvents:
    people = happened.heat_tracks.get(cell, {})
    return CellEvents(cell, happened.heat_us[cell], len(people), sum(people.values()), happened.heat_begun[cell])


def _walks(key: tuple[int, int], strides: Walked) -> WalkEvents:
    people, before = len(strides.tracks), sum(strides.tracks.values())
    return WalkEvents(*key, strides.us, strides.millimetres, people, before, strides.begun)


def _with_flaw(flawed_us: Counter[int], flaw: Flaw) -> int:
    return sum(us for flags, us in flawed_us.items() if flags & flaw)


def walked(segments: Sequence[PlaceEvents], zone: int, sector: int) -> tuple[int, int, int]:
    """Return how long the strides in a zone and direction took, how long they are, and the passages behind them."""
    us = millimetres = passages = people = 0
    for segment in segments:
        for walk in segment.walks:
            if (walk.zone, walk.sector) == (zone, sector):
                us, millimetres, people = us + walk.us, millimetres + walk.millimetres, max(people, walk.people)
                # A passage that goes on from the segment before was counted there.
                passages += walk.begun + (walk.people_before if segment is segments[0] else 0)
    return us, millimetres, max(people, passages)


class AnonymiseTracks(beam.PTransform[beam.PCollection[Tracklets], beam.PCollection[PlaceEvents]]):
    """Turns what tracks did into what happened at places."""

    def expand(self, tracklets: beam.PCollection[Tracklets]) -> beam.PCollection[PlaceEvents]:
        return tracklets | "Anonymise" >> beam.Map(anonymise).with_output_types(PlaceEvents)


def _rows(name: str, **types: Any) -> dict[str, Any]:
    fields = [{"name": field, "type": kind} for field, kind in types.items()]
    return {"type": "array", "items": {"type": "record", "name": name, "fields": fields}}


_LONGS = [
    "start_us",
    "end_us",
    "clips",
    "revision",
    "own_clips",
    "bad_clips",
    "frames",
    "frames_left_out",
    "observed_us",
    "scheduled_us",
    "flawed_us",
]
_CELL = ("person_us", "people", "people_before", "begun")
_WALK = ("us", "millimetres", "people", "people_before", "begun")
_ZONE = ("person_us", "peak", "waiting_us", "waiting_peak", "joined", "open_visits")


class PlaceEventsCoder(AvroCoder[PlaceEvents]):
    """Version 1."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "PlaceEvents",
            "fields": [
                {"name": "site", "type": "string"},
                {"name": "group", "type": "string"},
                {"name": "camera", "type": "string"},
                *({"name": name, "type": "long"} for name in _LONGS),
                {"name": "flaws_us", "type": {"type": "array", "items": "long"}},
                {"name": "lines", "type": _rows("LineEvents", line="int", side="int", count="long")},
                {"name": "zones", "type": _rows("ZoneEvents", **dict.fromkeys(_ZONE, "long"))},
                {
                    "name": "visits",
                    "type": _rows("VisitEvents", zone="int", seconds="long", censored="boolean", count="long"),
                },
                {"name": "flows", "type": _rows("FlowEvents", from_zone="int", to_zone="int", count="long")},
                {
                    "name": "cells",
                    "type": _rows("CellEvents", cell="int", **dict.fromkeys(_CELL, "long")),
                },
                {
                    "name": "walks",
                    "type": _rows("WalkEvents", zone="int", sector="int", **dict.fromkeys(_WALK, "long")),
                },
            ],
        }
    )

    @staticmethod
    def to_fields(value: PlaceEvents) -> dict[str, Any]:
        return asdict(value)

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> PlaceEvents:
        return PlaceEvents(
            **{
                **fields,
                "flaws_us": tuple(fields["flaws_us"]),
                "lines": tuple(LineEvents(**row) for row in fields["lines"]),
                "zones": tuple(ZoneEvents(**row) for row in fields["zones"]),
                "visits": tuple(VisitEvents(**row) for row in fields["visits"]),
                "flows": tuple(FlowEvents(**row) for row in fields["flows"]),
                "cells": tuple(CellEvents(**row) for row in fields["cells"]),
                "walks": tuple(WalkEvents(**row) for row in fields["walks"]),
            }
        )


coders.registry.register_coder(PlaceEvents, PlaceEventsCoder)
