"""Tracks and places: who crossed which line, who is in which zone since when.

Pure and causal: an event belongs to the moment it is proven, and nothing looks ahead. A track counts only once it
is confirmed; what it did before is credited at that moment, of a longer doubt the last ten seconds. A person who is
briefly not seen is credited when seen again, so that flicker neither inflates nor empties a count; of a longer
absence, through which a visit may go on, only the last two seconds are. Whoever is seen outside, or in a staff
zone, counts nothing while there.

All instants are UTC microseconds; `clock_us` is observed time, which stands still while nothing is seen.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TypeVar

from schemas.clock import SECOND_US
from transforms import lines, walks
from transforms.geometry import Point
from transforms.happened import NO_TRACK, Crossing, Happened, Visit
from transforms.layout import Layout, Spot
from transforms.lines import Footing
from transforms.timeline import Moment
from transforms.tracker import Sightings, TrackerSettings
from transforms.walks import Walk

CELLS_KEPT = 4
"""Cells that meet in one corner."""

HIDDEN_US = round(TrackerSettings.patience * SECOND_US)
"""The longest time out of sight that is credited to somebody who is seen inside again: as long as a track lasts."""

MOST_OWED_US = 10 * SECOND_US
"""The longest time that is credited at once to a track that was doubtful for so long: a mean must not be far above the
peak because somebody who was long there was confirmed late."""


@dataclass
class Stay:
    """One track inside one zone.

    Attributes:
      since_us: When the stay began.
      last_us: End of the stretch of the last frame that showed the track inside.
      credited_us: Observed time up to which the stay has been counted as occupancy, or is not to be.
      visiting: Whether it has lasted the zone's entry grace and the track is confirmed.
      inside: Whether the track was last seen inside, and not at the picture's edge, where people come and go.
      always: Whether that is so of all its sightings.
      staff_us: Time from when it was last seen inside until last seen in a staff zone, which is no part of the stay.
    """

    since_us: int
    last_us: int
    credited_us: int
    visiting: bool = False
    inside: bool = True
    always: bool = False
    staff_us: int = 0


@dataclass
class Unseen:
    """A visit whose track was lost inside the zone: it goes on for the exit grace, without a track.

    Whoever is then first seen inside is taken for the one who was lost there, of several for the one whose visit began
    first. So a wait goes on when somebody was hidden for longer than the tracker remembers.
    """

    zone: int
    stay: Stay


Lost = TypeVar("Lost", bound=Unseen)
"""A visit that goes on without a track, at one camera or on a floor."""


def owed(stay: Stay, clock_us: int) -> int:
    """Return the observed time inside that is still to be counted as occupancy."""
    return min(max(clock_us - stay.credited_us, 0), MOST_OWED_US)


def take_up(unseen: list[Lost], zone: int, stay: Stay) -> bool:
    """Let a stay go on with the visit that was lost in its zone before it began, of several the one that began first.

    Args:
      unseen: The visits that go on without a track; that one is taken out.
      zone: The zone.
      stay: The stay; changed.

    Returns:
      Whether there was one.
    """
    lost = [each for each in unseen if each.zone == zone and each.stay.last_us <= stay.since_us]
    if not lost:
        return False
    oldest = min(lost, key=lambda each: each.stay.since_us)
    unseen.remove(oldest)
    stay.since_us, stay.visiting = oldest.stay.since_us, True
    stay.credited_us = max(oldest.stay.credited_us, stay.credited_us - HIDDEN_US)
    return True


@dataclass
class Presence:
    """What the places know of one live track: no trail, only where it stands to each line and zone.

    Attributes:
      footing: Where it stands to the lines.
      crossings: (line, side) crossed before the track was confirmed.
      stays: For each zone, the open stay.
      cells: The last few heat map cells, latest last: who steps to and fro over an edge passes once.
      confirmed: Whether the tracker has confirmed the track.
      last_zone: The zone whose visit began last.
      walk: Its stride on the floor, where the camera is calibrated.
    """

    footing: Footing
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
    unseen: list[Unseen] = field(default_factory=list)
    clock_us: int = 0
    held: Held = field(default_factory=Held)

    @property
    def is_empty(self) -> bool:
        """Whether nobody is there."""
        return not self.present and not self.unseen


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
    _lose(state, layout, moment, seen.ended.tolist(), happened)
    held = Held(moment.until_us, 0, [0] * layout.zones, [0] * layout.zones)
    sightings = zip(seen.track.tolist(), seen.confirmed.tolist(), layout.spots(seen.boxes), strict=True)
    for track, confirmed, spot in sightings:
        presence = state.present.get(track)
        if presence is None:
            presence = state.present[track] = _appear(layout, moment, state.clock_us, spot)
        else:
            presence.crossings += lines.step(presence.footing, layout, spot)
        if confirmed and not presence.confirmed:
            _confirm(state, presence, spot, happened)
        _stay(track, presence, layout, moment, state.clock_us, held, spot, happened)
        if spot.floor is not None:
            _walk(track, presence, moment.t_us, spot.floor, spot, happened)
        if presence.confirmed and spot.counts:
            happened.crossings.extend(Crossing(track, *crossing) for crossing in presence.crossings)
            presence.crossings.clear()
            if spot.cell is not None:
                _warm(track, presence, spot.cell, held, happened)
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
        for zone, stay in enumerate(presence.stays):
            _depart(track, zone, stay, happened, censored=True)
    for lost in state.unseen:
        _depart(NO_TRACK, lost.zone, lost.stay, happened, censored=True)
    state.present.clear()
    state.unseen.clear()


def open_visits(state: PlacesState, zones: int) -> list[int]:
    """Count the visits that go on, by zone."""
    counts = [0] * zones
    for presence in state.present.values():
        for zone, stay in enumerate(presence.stays):
            counts[zone] += stay is not None and stay.visiting
    for lost in state.unseen:
        counts[lost.zone] += 1
    return counts


def _lose(state: PlacesState, layout: Layout, moment: Moment, ended: list[int], happened: Happened) -> None:
    """End the stays of tracks that were given up; who visited and was last seen inside has the exit grace to return."""
    for lost in state.unseen:
        if moment.t_us - lost.stay.last_us > layout.exit_us[lost.zone]:
            _depart(NO_TRACK, lost.zone, lost.stay, happened, censored=False)
    state.unseen = [lost for lost in state.unseen if moment.t_us - lost.stay.last_us <= layout.exit_us[lost.zone]]
    for track in ended:
        if presence := state.present.pop(track, None):
            for zone, stay in enumerate(presence.stays):
                # Nobody can return in a later frame where the grace ends with this one.
                if stay and stay.visiting and stay.inside and stay.last_us + layout.exit_us[zone] > moment.until_us:
                    state.unseen.append(Unseen(zone, stay))
                else:
                    _depart(track, zone, stay, happened, censored=False)


def _appear(layout: Layout, moment: Moment, clock_us: int, spot: Spot) -> Presence:
    """Begin with a track's first sighting."""
    begun = Stay(moment.t_us, moment.t_us, clock_us, always=True)
    return Presence(lines.set_foot(layout, spot), [replace(begun) if inside else None for inside in spot.inside])


def _confirm(state: PlacesState, presence: Presence, spot: Spot, happened: Happened) -> None:
    """Let a track count from now on; what it is owed where it is no more is credited."""
    presence.confirmed = True
    _resume(state, presence, spot)
    for zone, stay in enumerate(presence.stays):
        if stay is not None and not spot.inside[zone]:
            happened.person_us[zone] += owed(stay, state.clock_us)


def _resume(state: PlacesState, presence: Presence, spot: Spot) -> None:
    """Let a track that is confirmed now go on with the visits of somebody who was lost where it has always been."""
    resumed: list[tuple[int, int]] = []
    for zone, stay in enumerate(presence.stays):
        if stay is None or not (stay.always and spot.inside[zone] and not spot.at_edge):
            continue
        if take_up(state.unseen, zone, stay):
            resumed.append((-stay.since_us, zone))
    if resumed:
        presence.last_zone = min(resumed)[1]


def _stay(
    track: int,
    presence: Presence,
    layout: Layout,
    moment: Moment,
    clock_us: int,
    held: Held,
    spot: Spot,
    happened: Happened,
) -> None:
    """Go on with, begin or end the track's stay in each zone; `clock_us` is observed time before the frame."""
    t_us, span = moment.t_us, moment.until_us - moment.from_us
    begun = []
    for zone in range(layout.zones):
        stay = presence.stays[zone]
        if not spot.inside[zone]:
            if stay is None:
                continue
            stay.inside = stay.always = False
            # Whoever is not confirmed yet is still owed the time inside before.
            stay.credited_us = clock_us + span if presence.confirmed else stay.credited_us + span
            if not spot.counts:
                stay.staff_us = moment.until_us - stay.last_us
            if t_us - stay.last_us > layout.exit_us[zone]:
                _depart(track, zone, stay, happened, censored=False)
                presence.stays[zone] = None
            continue
        if stay is None or (not stay.visiting and t_us - stay.last_us > layout.exit_us[zone]):
            # Two glimpses further apart than the grace are no stay, and the time between them counts nothing.
            stay = presence.stays[zone] = Stay(t_us, t_us, clock_us)
        stay.since_us += stay.staff_us
        stay.last_us, stay.staff_us = moment.until_us, 0
        stay.inside = not spot.at_edge
        stay.always &= stay.inside
        if not presence.confirmed:
            continue
        owed_us = owed(stay, clock_us)
        happened.person_us[zone] += owed_us
        happened.waiting_us[zone] += owed_us * stay.visiting
        stay.credited_us = clock_us + span
        held.persons[zone] += 1
        if not stay.visiting and moment.until_us - stay.since_us >= layout.entry_us[zone]:
            stay.visiting = True
            happened.joined[zone] += 1
            begun.append(zone)
        held.waiting[zone] += stay.visiting
    presence.last_zone = happened.lead(presence.last_zone, begun)


def _warm(track: int, presence: Presence, cell: int, held: Held, happened: Happened) -> None:
    held.cells[cell] += 1
    here = happened.heat_tracks.setdefault(cell, {})
    here.setdefault(track, cell in presence.cells)
    if cell not in presence.cells:
        happened.heat_begun[cell] += 1
    elif presence.cells[-1] == cell:
        return
    presence.cells = [*(each for each in presence.cells if each != cell), cell][-CELLS_KEPT:]


def _walk(track: int, presence: Presence, t_us: int, place: Point, spot: Spot, happened: Happened) -> None:
    """Put the track down on the floor; what it walks in a staff zone is no stride."""
    if presence.walk is None:
        presence.walk = Walk(*place, t_us, [0] * len(spot.inside))
    elif not spot.counts:
        walks.put_down(presence.walk, *place, t_us)
    elif (stride := walks.tread(presence.walk, *place, t_us)) and presence.confirmed:
        zones = itertools.compress(itertools.count(), spot.inside)
        walks.account(happened.walks, presence.walk, ("", track), stride, zones)


def _depart(track: int, zone: int, stay: Stay | None, happened: Happened, *, censored: bool) -> None:
    if stay is not None and stay.visiting:
        happened.visits.append(Visit(track, zone, stay.since_us, stay.last_us, censored))
