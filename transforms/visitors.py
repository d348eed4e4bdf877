"""Who stands on a floor that cameras share, and which of their tracks stand for one person, at one instant.

Tracks of different cameras are matched by place alone, anew at every frame: that two stood for one person is not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from schemas.clock import SECOND_US
from schemas.homography import Floats
from transforms import places
from transforms.ground import Floor
from transforms.places import Stay
from transforms.walks import Walk

AHEAD_US = SECOND_US
"""For how long somebody is taken to go on as when last seen: the cameras' frames are not of the same instants."""

STEADY = 0.3
"""Weight of the last step in a velocity."""

Key = tuple[str, int]
"""A camera's name and the number of one of its tracks."""


@dataclass
class Stander:
    """One camera's track on the floor: a place, no trail.

    Attributes:
      x: X in metres, as last seen.
      y: Y in metres.
      seen_us: When it was last seen.
      vx: Velocity along X, in metres a second.
      vy: Velocity along Y.
      stays: For each shared zone, the open stay, as its own camera sees it.
      walk: Its stride.
      shown: Whether its camera's last frame showed it, confirmed.
      at_home: Whether it was last seen on its camera's part of the floor, or at the seam.
      counted: Whether its camera counts it.
      at_staff: Whether its camera's last frame showed it in a staff zone.
      last_zone: The zone whose visit began last, while its camera counts it.
    """

    x: float
    y: float
    seen_us: int
    stays: list[Stay | None]
    walk: Walk
    vx: float = 0.0
    vy: float = 0.0
    shown: bool = False
    at_home: bool = False
    counted: bool = False
    at_staff: bool = False
    last_zone: int | None = None

    def move(self, x: float, y: float, t_us: int) -> None:
        """See it at a place, later than before."""
        seconds = (t_us - self.seen_us) / SECOND_US
        self.vx += STEADY * ((x - self.x) / seconds - self.vx)
        self.vy += STEADY * ((y - self.y) / seconds - self.vy)
        self.x, self.y, self.seen_us = x, y, t_us

    def let_go(self) -> None:
        """Count it no more; what it was counted for is no longer known of it."""
        self.counted, self.last_zone = False, None

    def at(self, now_us: int) -> tuple[float, float]:
        """Return where it is at an instant soon after, if it goes on."""
        seconds = min(max(now_us - self.seen_us, 0), AHEAD_US) / SECOND_US
        return self.x + self.vx * seconds, self.y + self.vy * seconds


@dataclass
class Unseen(places.Unseen):
    """A visit of somebody who was counted by one camera alone."""

    camera: str


@dataclass
class FloorState:
    """All that goes on from frame to frame on a shared floor. Lists have one entry a shared zone.

    Attributes:
      standers: The tracks of all cameras.
      sound_until_us: For each camera, until when its last sound picture stands.
      now_us: Up to when everything has been counted.
      clock_us: Time in which all owners were observed.
      persons: People in each zone now.
      waiting: Of these, those past the entry grace.
      visits: When the open visits began, in the order in which they were joined.
      uneven_us: Since when there are more or fewer visitors than open visits; 0 for as many.
      unseen: Of the open visits, those whose track was lost, for as long as the exit grace.
    """

    standers: dict[Key, Stander] = field(default_factory=dict)
    sound_until_us: dict[str, int] = field(default_factory=dict)
    now_us: int = 0
    clock_us: int = 0
    persons: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    visits: list[list[int]] = field(default_factory=list)
    uneven_us: list[int] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)

    @classmethod
    def empty(cls, zones: int) -> FloorState:
        """Return a floor on which nobody was seen yet."""
        return cls(
            persons=[0] * zones, waiting=[0] * zones, visits=[[] for _ in range(zones)], uneven_us=[0] * zones
        )  # fmt: skip


class Visitors:
    """Who is counted at an instant, by which cameras, and who of them visits which zone.

    Attributes:
      people: Each person by the tracks that stand for them, one a camera at most.
      last_us: For each track and zone that it visits, the end of its stay so far.
    """

    def __init__(self, state: FloorState, floor: Floor, now_us: int) -> None:
        self.people = people(state, floor, now_us)
        self._person = {key: person for person in self.people for key in person}
        self._zones: dict[Key, set[int]] = {key: set() for key in self._person}
        self.last_us: dict[tuple[Key, int], int] = {}
        for key in self._person:
            for zone, stay in enumerate(state.standers[key].stays):
                if stay is not None and stay.visiting:
                    self._zones[key].add(zone)
                    self.last_us[key, zone] = stay.last_us

    @property
    def tracks(self) -> set[Key]:
        """All tracks that are counted."""
        return set(self._person)

    def others(self, key: Key) -> list[Key]:
        """Return the other cameras' tracks that stand for the same person."""
        return [other for other in self._person.get(key, ()) if other != key]

    def first(self, key: Key) -> bool:
        """Tell whether a track is the first of those that stand for a person."""
        return self._person[key][0] == key

    def zones(self, key: Key) -> set[int]:
        """Return the zones that a track visits."""
        return self._zones.get(key, set())

    def alone(self, key: Key) -> set[int]:
        """Return the zones that a track visits and no other camera's for the same person."""
        return self.zones(key).difference(*map(self.zones, self.others(key)))

    def number(self, zone: int) -> int:
        """Return how many people visit a zone."""
        return sum(any(zone in self._zones[key] for key in person) for person in self.people)


def people(state: FloorState, floor: Floor, now_us: int) -> list[tuple[Key, ...]]:
    """Return the people who are counted now, each by the tracks that stand for them.

    Camera by camera, tracks are given to the people found so far, one to one, so that they gain most together on the
    squared distance that is allowed. That is the best there is for two cameras, and good where three meet.
    """
    found: list[tuple[Key, ...]] = []
    for name in floor.names:
        own = sorted(key for key, stander in state.standers.items() if stander.counted and key[0] == name)
        made: dict[int, int] = {}
        if found and own:
            gains = _gains(state, floor, now_us, found, own)
            pairs = zip(*linear_sum_assignment(gains, maximize=True), strict=True)
            made = {int(column): int(row) for row, column in pairs if gains[row, column] > 0}
        for number, row in made.items():
            found[row] = (*found[row], own[number])
        found += [(key,) for number, key in enumerate(own) if number not in made]
    return found


def _gains(
    state: FloorState, floor: Floor, now_us: int, found: Sequence[tuple[Key, ...]], own: Sequence[Key]
) -> Floats:
    """Return (people, tracks): by how much each track is nearer to each person than allowed, squared; 0 for beyond."""
    members = [(row, key) for row, person in enumerate(found) for key in person]
    here = np.array([state.standers[key].at(now_us) for _, key in members])
    there = np.array([state.standers[key].at(now_us) for key in own])
    gains = np.zeros((len(found), len(own)))
    nearer = floor.tolerance**2 - ((here[:, None] - there) ** 2).sum(axis=2)
    np.maximum.at(gains, [row for row, _ in members], nearer)
    return gains
