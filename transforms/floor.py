"""Zones that several cameras share: everybody on the floor is counted once, and no identity crosses cameras.

Each place on the floor belongs to one camera (ground.py), and only that one counts there. Around the seams, where two
see the same feet on either side of it, both may; what they count within a tolerance of each other is taken for one
person, one to one, at that instant and by place alone. Who walks over a seam is so counted by one camera, by both, and
by the other, and nothing is handed on but that there is somebody whose visit was counted, and the zone of the last one.

Visits have no track. A visit is joined when the first camera to count it has seen somebody inside for the entry grace,
left when a camera that alone counts somebody has seen them leave; the first that was joined is the first that is left.
So numbers joined, left and open, and the mean of the stays, are what they are whoever leaves first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

import numpy as np

from schemas.clock import SECOND_US
from transforms import walks
from transforms.geometry import at_edge, foot_points
from transforms.ground import Floor, on_floor
from transforms.happened import NO_TRACK, Happened, Visit
from transforms.places import Stay, owed, take_up
from transforms.timeline import Moment
from transforms.tracker import Sightings
from transforms.visitors import FloorState, Key, Stander, Unseen, Visitors, people
from transforms.walks import Stride, Walk

KEEP = 2.0
"""Tolerances beyond what it owns up to which a camera goes on counting somebody whom no other has taken over."""

UNSEEN_US = SECOND_US // 2
"""How long somebody is out of a camera's sight before another camera that counts them goes on for it."""


def go_on(state: FloorState, floor: Floor, to_us: int, happened: Happened) -> None:
    """Count what the last frames still hold up to an instant, as far as all owners are observed."""
    sound_us = min((state.sound_until_us.get(name, 0) for name in floor.owners), default=0)
    span = min(to_us, sound_us) - state.now_us
    if span > 0:
        state.clock_us += span
        happened.observed_us += span
        for zone in range(floor.zones):
            happened.person_us[zone] += state.persons[zone] * span
            happened.waiting_us[zone] += state.waiting[zone] * span
            happened.peak[zone] = max(happened.peak[zone], state.persons[zone])
            happened.waiting_peak[zone] = max(happened.waiting_peak[zone], state.waiting[zone])
    state.now_us = max(state.now_us, to_us)


def see(state: FloorState, floor: Floor, camera: int, moment: Moment, seen: Sightings, happened: Happened) -> None:
    """Take one sound frame of a camera, by number; changes `state` and `happened`.

    Frames of all cameras come in the order in which their stretches begin; of two at once, the first camera's first.
    """
    go_on(state, floor, moment.from_us, happened)
    name = floor.names[camera]
    state.sound_until_us[name] = moment.until_us
    before = Visitors(state, floor, moment.t_us)
    _close(state, name)
    _expire(state, floor, moment.t_us, happened)
    going_on = _lose(state, floor, name, moment, seen.ended.tolist(), before)
    strides = _stand(state, floor, camera, moment, seen)
    heirs = _take_over(state, floor, name, moment.t_us, happened)
    after = Visitors(state, floor, moment.t_us)
    if resumed := _resume(state, name, before, after):
        after = Visitors(state, floor, moment.t_us)
    _join_and_leave(state, name, before, after, heirs, going_on | resumed, happened)
    _settle(state, floor, after, moment.from_us, happened)
    for key, stander in state.standers.items():
        if key[0] == name and stander.shown and stander.counted:
            here = [zone for zone, stay in enumerate(stander.stays) if stay and stay.last_us == moment.until_us]
            _credit(state, [key, *after.others(key)], here, happened)
            if key in strides and after.first(key):
                walks.account(happened.walks, stander.walk, key, strides[key], here)
    _count(state, floor, after)


def see_flawed(state: FloorState, floor: Floor, camera: int, moment: Moment, happened: Happened) -> None:
    """Take a frame whose picture is flawed: its camera shows nobody, and nothing is observed."""
    go_on(state, floor, moment.from_us, happened)
    state.sound_until_us[floor.names[camera]] = 0
    _close(state, floor.names[camera])
    _count(state, floor, Visitors(state, floor, moment.t_us))


def lose(state: FloorState, floor: Floor, camera: int, happened: Happened) -> None:
    """Forget a camera's tracks, whose coverage was lost; visits that it alone counted are censored."""
    name = floor.names[camera]
    before = Visitors(state, floor, state.now_us)
    for key in [key for key in state.standers if key[0] == name]:
        del state.standers[key]
        for zone in sorted(before.alone(key)):
            _leave(state, zone, before.last_us[key, zone], happened, censored=True)
    for each in [each for each in state.unseen if each.camera == name]:
        state.unseen.remove(each)
        _leave(state, each.zone, each.stay.last_us, happened, censored=True)
    state.sound_until_us[name] = 0
    _count(state, floor, Visitors(state, floor, state.now_us))


def has_unseen(state: FloorState, floor: Floor, camera: int) -> bool:
    """Tell whether visits go on whose tracks a camera has lost."""
    return any(each.camera == floor.names[camera] for each in state.unseen)


def cut(state: FloorState, floor: Floor, happened: Happened) -> None:
    """End everything: the day or the watch is over. Open visits are censored, and end where somebody was last seen."""
    for camera in range(len(floor.names)):
        lose(state, floor, camera, happened)
    for zone, visits in enumerate(state.visits):
        while visits:
            _leave(state, zone, state.now_us, happened, censored=True)
        state.uneven_us[zone] = 0


def open_visits(state: FloorState) -> list[int]:
    """Count the visits that go on, by zone."""
    return [len(visits) for visits in state.visits]


def _expire(state: FloorState, floor: Floor, now_us: int, happened: Happened) -> None:
    """Leave the visits of those who were lost for longer than the exit grace."""
    for each in [each for each in state.unseen if now_us - each.stay.last_us > floor.exit_us[each.zone]]:
        state.unseen.remove(each)
        _leave(state, each.zone, each.stay.last_us, happened)


def _lose(
    state: FloorState, floor: Floor, name: str, moment: Moment, ended: Iterable[int], before: Visitors
) -> set[tuple[Key, int]]:
    """Let go of tracks that were given up; returns whose visits of which zones go on unseen."""
    lost = set()
    for key in ((name, track) for track in ended):
        stander = state.standers.pop(key, None)
        if stander is None:
            continue
        for zone in sorted(before.alone(key)):
            stay = stander.stays[zone]
            if stay and stay.inside and stay.last_us + floor.exit_us[zone] > moment.until_us:
                state.unseen.append(Unseen(zone, stay, name))
                lost.add((key, zone))
    return lost


def _resume(state: FloorState, name: str, before: Visitors, after: Visitors) -> set[tuple[Key, int]]:
    """Let those who are counted from now on, and have always been inside, go on with visits of who was lost there."""
    resumed = set()
    for key in sorted(key for key in after.tracks - before.tracks if key[0] == name):
        stander = state.standers[key]
        begun: list[tuple[int, int]] = []
        for zone, stay in enumerate(stander.stays):
            if stay is None or stay.visiting or not stay.always:
                continue
            if any(zone in after.zones(other) for other in after.others(key)):
                continue
            if take_up(state.unseen, zone, stay):
                resumed.add((key, zone))
                begun.append((-stay.since_us, zone))
        if begun and stander.last_zone is None:
            stander.last_zone = min(begun)[1]
    return resumed


def _close(state: FloorState, name: str) -> None:
    """Close a camera's last frame: the time of those whom it showed is accounted for, by it or another, or left out."""
    for key, stander in state.standers.items():
        if key[0] == name and (stander.shown or stander.at_staff):
            stander.shown = stander.at_staff = False
            for stay in filter(None, stander.stays):
                stay.credited_us = state.clock_us


def _stand(state: FloorState, floor: Floor, camera: int, moment: Moment, seen: Sightings) -> dict[Key, Stride]:
    """Put the frame's tracks on the floor, each with its stays; returns the strides that end here."""
    places = on_floor(floor.views[camera].plane, foot_points(seen.boxes), moment.aspect)
    kept, staffed = floor.counts(places), floor.staffed(places)
    inside = floor.inside(places)
    owned = floor.owned_near(camera, places, floor.tolerance / 2)
    amid = ~at_edge(seen.boxes, moment.aspect)
    strides = {}
    for i, track in enumerate(seen.track.tolist()):
        key = floor.names[camera], track
        stander = state.standers.get(key)
        x, y = places[i].tolist()
        new = stander is None
        if kept[i]:
            if stander is None:
                walk = Walk(x, y, moment.t_us, [0] * floor.zones)
                stander = state.standers[key] = Stander(x, y, moment.t_us, [None] * floor.zones, walk)
            else:
                stander.move(x, y, moment.t_us)
                if stride := walks.tread(stander.walk, x, y, moment.t_us):
                    strides[key] = stride
            stander.shown = bool(seen.confirmed[i])
            stander.at_home = bool(owned[i])
            stander.counted = stander.shown and (
                stander.at_home
                or (stander.counted and floor.owned_near(camera, places[i : i + 1], floor.tolerance * KEEP).item())
            )
            if not stander.counted:
                stander.let_go()
        elif stander is not None and staffed[i]:
            stander.at_staff = True
            walks.put_down(stander.walk, x, y, moment.t_us)
        if stander is not None:
            for zone in range(floor.zones):
                here = bool(kept[i] and inside[i, zone])
                _stay(stander, floor, zone, moment, state.clock_us, inside=here, amid=bool(amid[i]), new=new)
    return strides


def _stay(
    stander: Stander, floor: Floor, zone: int, moment: Moment, clock_us: int, *, inside: bool, amid: bool, new: bool
) -> None:
    """Go on with, begin or end a track's stay in a zone, as its own camera sees it, whoever counts it.

    `amid` is whether the box is away from the picture's edge, `new` whether the track is seen for the first time.
    """
    stay = stander.stays[zone]
    late = stay is not None and moment.t_us - stay.last_us > floor.exit_us[zone]
    if not inside:
        if stay is not None:
            stay.inside = stay.always = False
            # Whoever is not confirmed yet is still owed the time inside before.
            span = moment.until_us - moment.from_us
            stay.credited_us = min(stay.credited_us, clock_us) + span
        if late:
            stander.stays[zone] = None
        return
    if stay is None or (late and not stay.visiting):
        stay = stander.stays[zone] = Stay(moment.t_us, moment.t_us, clock_us, always=new)
    stay.last_us, stay.inside = moment.until_us, amid
    stay.always &= amid
    if stander.shown and moment.until_us - stay.since_us >= floor.entry_us[zone]:
        stay.visiting = True


def _take_over(state: FloorState, floor: Floor, name: str, now_us: int, happened: Happened) -> dict[Key, Sequence[Key]]:
    """Let those go whom another camera counts too, and who are beyond the seam or out of the camera's own sight.

    What is handed on is whether a visit was counted, the zone of the one that began last, and which ways somebody has
    walked: that these are one passage.

    Returns:
      For each track that is let go, those that go on for it.
    """
    heirs: dict[Key, Sequence[Key]] = {}
    for person in people(state, floor, now_us):
        standers = [state.standers[key] for key in person]
        _hand_on_last_zone(standers)
        if len(person) > 1:
            walks.join(happened.walks, [(key, state.standers[key].walk) for key in person])
        for zone in range(floor.zones):
            stays = [stay for stander in standers if (stay := stander.stays[zone]) is not None]
            visiting = any(stay.visiting for stay in stays)
            for stay in stays:
                stay.visiting = visiting
        for key, stander in zip(person, standers, strict=True):
            needed = stander.at_home if stander.shown else now_us - stander.seen_us < UNSEEN_US
            if key[0] == name and len(person) > 1 and not needed:
                stander.let_go()
                heirs[key] = [other for other in person if other != key]
    return heirs


def _hand_on_last_zone(person: Sequence[Stander]) -> None:
    """Hand the zone of the visit that began last to the tracks of a person that have none yet; changes these."""
    known = next((stander.last_zone for stander in person if stander.last_zone is not None), None)
    for stander in person:
        if stander.last_zone is None:
            stander.last_zone = known


def _join_and_leave(
    state: FloorState,
    name: str,
    before: Visitors,
    after: Visitors,
    heirs: Mapping[Key, Sequence[Key]],
    going_on: Set[tuple[Key, int]],
    happened: Happened,
) -> None:
    """Tell what a camera's frame says of visits that begin or end in it, and do not go on unseen.

    A visit begins with the camera that is first to count it, and ends with the one that is last.
    """
    for key in sorted(key for key in before.tracks | after.tracks if key[0] == name):
        gone_on = set[int]().union(*map(after.zones, heirs.get(key, ())))
        for zone in sorted((before.zones(key) - after.zones(key)) & before.alone(key) - gone_on):
            if (key, zone) not in going_on:
                _leave(state, zone, before.last_us[key, zone], happened)
        person = [key, *after.others(key)]
        begun = after.zones(key).difference(*map(before.zones, person))
        joined = sorted(zone for zone in begun if (key, zone) not in going_on)
        for zone in joined:
            stay = state.standers[key].stays[zone]
            assert stay is not None
            _join(state, zone, stay.since_us, happened)
        if joined:
            last_zone = happened.lead(state.standers[key].last_zone, joined)
            for each in person:
                state.standers[each].last_zone = last_zone


def _settle(state: FloorState, floor: Floor, after: Visitors, now_us: int, happened: Happened) -> None:
    """Join or leave visits where, for the zone's grace, other numbers were there than are open.

    So do two people who stood so close that they were taken for one, or one who was lost between two cameras.
    """
    for zone in range(floor.zones):
        unseen = sum(each.zone == zone for each in state.unseen)
        more = after.number(zone) + unseen - len(state.visits[zone])
        if more == 0:
            state.uneven_us[zone] = 0
            continue
        since_us = state.uneven_us[zone] = state.uneven_us[zone] or now_us
        if now_us - since_us >= (floor.entry_us if more > 0 else floor.exit_us)[zone]:
            for _ in range(abs(more)):
                if more > 0:
                    _join(state, zone, since_us, happened)
                else:
                    _leave(state, zone, since_us, happened)
            state.uneven_us[zone] = 0


def _join(state: FloorState, zone: int, since_us: int, happened: Happened) -> None:
    state.visits[zone].append(since_us)
    happened.joined[zone] += 1


def _leave(state: FloorState, zone: int, until_us: int, happened: Happened, *, censored: bool = False) -> None:
    if state.visits[zone]:
        since_us = state.visits[zone].pop(0)
        happened.visits.append(Visit(NO_TRACK, zone, since_us, max(since_us, until_us), censored))


def _credit(state: FloorState, person: Sequence[Key], zones: Iterable[int], happened: Happened) -> None:
    """Count for somebody who is seen again, or confirmed, the time since any camera last accounted for them."""
    for zone in zones:
        stays = [stay for key in person if (stay := state.standers[key].stays[zone]) is not None]
        owed_us = min(owed(stay, state.clock_us) for stay in stays)
        if not any(state.standers[key].shown for key in person[1:]):
            happened.person_us[zone] += owed_us
            happened.waiting_us[zone] += owed_us * stays[0].visiting
        for stay in stays:
            stay.credited_us = state.clock_us


def _count(state: FloorState, floor: Floor, visitors: Visitors) -> None:
    """Count who is where now: each person once, where the cameras that show them agree to put them."""
    state.persons, state.waiting = [0] * floor.zones, [0] * floor.zones
    shown = [[key for key in person if state.standers[key].shown] for person in visitors.people]
    present = [keys for keys in shown if keys]
    if not present:
        return
    places = [np.mean([(state.standers[key].x, state.standers[key].y) for key in keys], axis=0) for keys in present]
    for keys, inside in zip(present, floor.inside(np.array(places)).tolist(), strict=True):
        for zone in range(floor.zones):
            state.persons[zone] += inside[zone]
            state.waiting[zone] += inside[zone] and any(zone in visitors.zones(key) for key in keys)
