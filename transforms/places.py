"""Tracks and places: who crossed which line, who is in which zone since when.

Pure and causal: an event belongs to the moment it is proven, and nothing looks ahead. A track counts only once
it is confirmed; what it did before is credited at that moment. A person who is briefly not seen is credited
when seen again, so that flicker neither inflates nor empties a count.

All instants are UTC microseconds; `clock_us` is observed time, which stands still while nothing is seen.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, field

from transforms import walks
from transforms.geometry import Point, foot_points, properly_crosses
from transforms.ground import on_floor
from transforms.layout import Layout
from transforms.timeline import Moment
from transforms.tracker import Sightings
from transforms.walks import Walk, Walks

CELLS_KEPT = 4
"""Cells that meet in one corner."""


@dataclass
class Stay:
    """One track inside one zone.

    Attributes:
      since_us: When the stay began.
      last_us: End of the stretch of the last frame that showed the track inside.
      credited_us: Observed time up to which the stay has been counted as occupancy.
      visiting: Whether it has lasted the zone's entry grace and the track is confirmed.
    """

    since_us: int
    last_us: int
    credited_us: int
    visiting: bool = False


@dataclass
class Presence:
    """What the places know of one live track: no trail, only where it stands to each line and zone.

    Attributes:
      anchors: For each line, the last foot point outside its dead band.
      crossings: (line, side) crossed before the track was confirmed.
      stays: For each zone, the open stay.
      cells: The last few heat map cells, latest last: who steps to and fro over an edge passes once.
      confirmed: Whether the tracker has confirmed the track.
      last_zone: The zone whose visit began last.
      walk: Its stride on the floor, where the camera is calibrated.
    """

    anchors: list[Point | None]
    stays: list[Stay | None]
    crossings: list[tuple[int, int]] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    confirmed: bool = False
    last_zone: int | None = None
    walk: Walk | None = None


@dataclass
class Held:
    """What the last frame showed, for the rest of the stretch that it stands for; `flags` as in `Moment`."""

    until_us: int = 0
    flags: int = 0
    persons: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    cells: Counter[int] = field(default_factory=Counter)


@dataclass
class PlacesState:
    """All that goes on from frame to frame."""

    present: dict[int, Presence] = field(default_factory=dict)
    clock_us: int = 0
    held: Held = field(default_factory=Held)


@dataclass(frozen=True)
class Crossing:
    """A confirmed track crossed line number `line` to its right side (1) or its left side (0)."""

    track: int
    line: int
    side: int


@dataclass(frozen=True)
class Visit:
    """A visit that ended; `censored` where coverage or the day ended it and nobody saw the person leave.

    `track` is 0 in a zone that cameras share: no track goes from one to another.
    """

    track: int
    zone: int
    since_us: int
    until_us: int
    censored: bool


@dataclass
class Happened:
    """What happened in one segment. Lists by zone have one entry a zone of the layout.

    Attributes:
      observed_us: Time that sound pictures stand for.
      flawed_us: Time that flawed pictures stand for, by their flags.
      crossings: In the order they were proven.
      visits: In the order they ended.
      person_us: Person-time in each zone.
      peak: Most confirmed tracks in each zone at one instant.
      waiting_us: Person-time of those past the entry grace.
      waiting_peak: Most of these at one instant.
      joined: Visits that began (passed the entry grace).
      flows: Visits that began, by the zone of the same track's visit before and their own.
      heat_us: Person-time in each grid cell.
      heat_tracks: The tracks seen in each cell, and whether they had come there before.
      heat_begun: Passages through each cell that began here.
      walks: Strides in each zone, where the camera is calibrated.
    """

    observed_us: int
    flawed_us: Counter[int]
    crossings: list[Crossing]
    visits: list[Visit]
    person_us: list[int]
    peak: list[int]
    waiting_us: list[int]
    waiting_peak: list[int]
    joined: list[int]
    flows: Counter[tuple[int, int]]
    heat_us: Counter[int]
    heat_tracks: dict[int, dict[int, bool]]
    heat_begun: Counter[int]
    walks: Walks = field(default_factory=dict)

    @classmethod
    def nothing(cls, zones: int) -> Happened:
        """Return an empty segment's."""
        none = [0] * zones
        return cls(0, Counter(), [], [], none, none[:], none[:], none[:], none[:], Counter(), Counter(), {}, Counter())


def see(state: PlacesState, layout: Layout, moment: Moment, end_us: int, seen: Sightings, happened: Happened) -> None:
    """Take one sound frame's sightings; changes `state` and `happened`.

    Args:
      state: As left by the frame before.
      layout: The camera's lines and zones.
      moment: The frame.
      end_us: End of the segment; what the frame holds beyond is counted by `go_on`.
      seen: The tracks seen in the frame, and those that ended.
      happened: The segment's account.
    """
    for track in seen.ended.tolist():
        if presence := state.present.pop(track, None):
            _end_stays(track, presence, happened, censored=False)
    held = Held(moment.until_us, 0, [0] * layout.zones, [0] * layout.zones)
    if len(seen.track):
        feet = foot_points(seen.boxes)
        inside = layout.inside(feet).tolist()
        sides = layout.side_distances(feet).tolist()
        standing = list(map(tuple, feet.tolist()))
        cells = layout.cells(feet) if layout.grid[0] else None
        floor = None if layout.plane is None else on_floor(layout.plane, feet, layout.aspect).tolist()
        for i, track in enumerate(seen.track.tolist()):
            presence = state.present.get(track)
            if presence is None:
                presence = Presence([None] * len(layout.lines), [None] * layout.zones)
                state.present[track] = presence
            _cross(presence, layout, standing[i], sides[i])
            presence.confirmed = presence.confirmed or bool(seen.confirmed[i])
            if presence.confirmed and presence.crossings:
                happened.crossings.extend(Crossing(track, *crossing) for crossing in presence.crossings)
                presence.crossings.clear()
            _stay(track, presence, layout, moment, state.clock_us, held, inside[i], happened)
            if cells is not None and presence.confirmed:
                _warm(track, presence, cells[i], held, happened)
            if floor is not None:
                _walk(track, presence, moment.t_us, floor[i], inside[i], happened)
    state.clock_us += moment.until_us - moment.from_us
    state.held = held
    for zone in range(layout.zones):
        happened.peak[zone] = max(happened.peak[zone], held.persons[zone])
        happened.waiting_peak[zone] = max(happened.waiting_peak[zone], held.waiting[zone])
    go_on(state, moment.from_us, end_us, happened)


def see_flawed(state: PlacesState, moment: Moment, end_us: int, happened: Happened) -> None:
    """Take a frame whose picture is flawed: nobody is seen, and nothing is observed."""
    state.held = Held(moment.until_us, moment.flags)
    go_on(state, moment.from_us, end_us, happened)


def go_on(state: PlacesState, from_us: int, end_us: int, happened: Happened) -> None:
    """Count what the last frame still holds in [from, end)."""
    held = state.held
    span = min(held.until_us, end_us) - from_us
    if span <= 0:
        return
    if held.flags:
        happened.flawed_us[held.flags] += span
        return
    happened.observed_us += span
    for zone, (persons, waiting) in enumerate(zip(held.persons, held.waiting, strict=True)):
        happened.person_us[zone] += persons * span
        happened.waiting_us[zone] += waiting * span
    for cell, persons in held.cells.items():
        happened.heat_us[cell] += persons * span


def cut(state: PlacesState, happened: Happened) -> None:
    """End everything that is open: coverage was lost, or the day is over. Open visits are censored."""
    for track, presence in state.present.items():
        _end_stays(track, presence, happened, censored=True)
    state.present.clear()


def open_visits(state: PlacesState, zones: int) -> list[int]:
    """Count the visits that go on, by zone."""
    counts = [0] * zones
    for presence in state.present.values():
        for zone, stay in enumerate(presence.stays):
            counts[zone] += stay is not None and stay.visiting
    return counts


def _cross(presence: Presence, layout: Layout, foot: Point, distances: list[float]) -> None:
    """Settle the sides of the lines; a step over a finite line from one settled side to the other crosses it."""
    for line, distance in enumerate(distances):
        if abs(distance) <= layout.dead_band[line]:
            continue
        anchor = presence.anchors[line]
        presence.anchors[line] = foot
        if anchor is None:
            continue
        # A step that properly crosses the segment also changes sides: no need to remember the side.
        if properly_crosses(anchor, foot, *layout.lines[line]):
            presence.crossings.append((line, int(distance > 0)))


def _stay(
    track: int,
    presence: Presence,
    layout: Layout,
    moment: Moment,
    clock_us: int,
    held: Held,
    inside: list[bool],
    happened: Happened,
) -> None:
    """Go on with, begin or end the track's stay in each zone; `clock_us` is observed time before the frame."""
    t_us = moment.t_us
    came_from = presence.last_zone
    for zone in range(layout.zones):
        stay = presence.stays[zone]
        if not inside[zone]:
            if stay is not None and t_us - stay.last_us > layout.exit_us[zone]:
                _depart(track, zone, stay, happened, censored=False)
                presence.stays[zone] = None
            continue
        if stay is None or (not stay.visiting and t_us - stay.last_us > layout.exit_us[zone]):
            # Two glimpses further apart than the grace are no stay, and the time between them counts nothing.
            stay = presence.stays[zone] = Stay(t_us, t_us, clock_us)
        stay.last_us = moment.until_us
        if not presence.confirmed:
            continue
        happened.person_us[zone] += clock_us - stay.credited_us
        happened.waiting_us[zone] += (clock_us - stay.credited_us) * stay.visiting
        stay.credited_us = clock_us + moment.until_us - moment.from_us
        held.persons[zone] += 1
        if not stay.visiting and moment.until_us - stay.since_us >= layout.entry_us[zone]:
            stay.visiting = True
            happened.joined[zone] += 1
            _flow(presence, came_from, zone, happened)
        held.waiting[zone] += stay.visiting


def _flow(presence: Presence, came_from: int | None, zone: int, happened: Happened) -> None:
    """Credit a transition to the zone whose visit begins.

    Of visits that begin in one frame, as where zones overlap, none leads to another: all come from the zone visited
    before the frame, and the first of them in the site file is remembered.
    """
    if came_from is not None and came_from != zone:
        happened.flows[came_from, zone] += 1
    if presence.last_zone == came_from:
        presence.last_zone = zone


def _warm(track: int, presence: Presence, cell: int, held: Held, happened: Happened) -> None:
    held.cells[cell] += 1
    here = happened.heat_tracks.setdefault(cell, {})
    here.setdefault(track, cell in presence.cells)
    if cell not in presence.cells:
        happened.heat_begun[cell] += 1
    elif presence.cells[-1] == cell:
        return
    presence.cells = [*(each for each in presence.cells if each != cell), cell][-CELLS_KEPT:]


def _walk(
    track: int, presence: Presence, t_us: int, place: list[float], inside: list[bool], happened: Happened
) -> None:
    """Put the track down on the floor; one beyond the horizon is nowhere."""
    x, y = place
    if math.isnan(x):
        return
    if presence.walk is None:
        presence.walk = Walk(x, y, t_us, [0] * len(inside))
    elif (stride := walks.tread(presence.walk, x, y, t_us)) and presence.confirmed:
        walks.account(happened.walks, presence.walk, ("", track), stride, itertools.compress(itertools.count(), inside))


def _end_stays(track: int, presence: Presence, happened: Happened, *, censored: bool) -> None:
    for zone, stay in enumerate(presence.stays):
        if stay is not None:
            _depart(track, zone, stay, happened, censored=censored)


def _depart(track: int, zone: int, stay: Stay, happened: Happened, *, censored: bool) -> None:
    if stay.visiting:
        happened.visits.append(Visit(track, zone, stay.since_us, stay.last_us, censored))
