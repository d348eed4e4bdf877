"""Tracks at a camera's places, given frame by frame: no boxes are detected and nothing is followed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from schemas.site import Camera
from tests.support.world import ASPECT, a_camera
from transforms import places
from transforms.happened import Happened
from transforms.layout import layout_of
from transforms.places import PlacesState
from transforms.timeline import Moment
from transforms.tracker import Sightings

FRAME_US = 200_000
FOREVER_US = 10**15

Foot = tuple[float, float] | None


class Run:
    """One track, or none, frame after frame; a foot of None is a frame that does not show it."""

    def __init__(self, camera: Camera, confirmed_at: int = 0) -> None:
        self.layout = layout_of(camera, ASPECT)
        self.state = PlacesState()
        self.happened = Happened.nothing(self.layout.zones)
        self.frame = 0
        self.confirmed_at = confirmed_at

    def see(self, feet: Iterable[Foot], ended: Sequence[int] = (), track: int = 7) -> Run:
        for foot in feet:
            shown = [] if foot is None else [[foot[0] - 0.1, foot[1] - 0.3, foot[0] + 0.1, foot[1]]]
            boxes = np.array(shown, float).reshape(-1, 4)
            sure = np.full(len(boxes), self.frame >= self.confirmed_at)
            seen = Sightings(np.full(len(boxes), track), boxes, sure, np.array(ended, int))
            start = self.frame * FRAME_US
            moment = Moment(0, start, start, start + FRAME_US, 0, ASPECT, boxes, sure)
            places.see(self.state, self.layout, moment, FOREVER_US, seen, self.happened)
            self.frame += 1
        return self

    def end(self) -> Run:
        """Give the track up, and wait for longer than the zones' exit grace."""
        return self.see([None] * 12, ended=[7])

    def cut(self) -> Run:
        places.cut(self.state, self.happened)
        return self


def crossings(feet: Iterable[Foot], camera: Camera | None = None, confirmed_at: int = 0) -> list[tuple[int, int]]:
    found = Run(camera or a_camera(), confirmed_at).see(feet).happened.crossings
    return [(crossing.line, crossing.side) for crossing in found]
