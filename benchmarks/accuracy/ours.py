"""Footage through the job's own steps, as `scene.py` takes them: clips of ten seconds, tracker, places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.footage import START_US, Footage
from benchmarks.accuracy.peers import mot
from benchmarks.accuracy.peers.mot import Rows
from schemas.clock import SECOND_US
from schemas.site import Camera
from transforms import places, tracker
from transforms.boxes import quantise
from transforms.detections import ClipDetections
from transforms.happened import Happened
from transforms.layout import Layout, counted_zones, layout_of
from transforms.lookahead import View
from transforms.places import PlacesState
from transforms.scene import SETTINGS, foresee, frame_gap_us
from transforms.timeline import Moment, moments
from transforms.tracker import Sightings

CLIP_SECONDS = 10
"""What `silhouette cut` makes; nothing is looked ahead to beyond a clip's end."""

Event = tuple[str, str, float]
"""Line, side (pos is to the right of one who looks from a to b), seconds."""


@dataclass(frozen=True, eq=False)
class Counted:
    """What somebody made of some footage.

    Attributes:
      crossings: In order.
      people: For each zone, (F,) the people counted in it from frame to frame; somebody who was out of sight, or not
        sure yet to be a person, may count for the time since when seen again.
      visits: For each zone, the lengths of the visits in seconds, in any order.
    """

    crossings: list[Event]
    people: dict[str, np.ndarray]
    visits: dict[str, list[float]]


@dataclass(frozen=True, eq=False)
class Followed:
    """What the job makes of footage.

    Attributes:
      tracks: MOT rows of the tracks that were confirmed, from their first box on: what a track did before it was
        confirmed counts from then on.
      as_it_goes: Those of them that were confirmed by their frame.
      seen: (F,) confirmed people seen in each frame.
      counted: At the camera's lines and zones.
    """

    tracks: Rows
    as_it_goes: Rows
    seen: np.ndarray
    counted: Counted


def clips(footage: Footage) -> list[ClipDetections]:
    """Return the boxes as the job's pixel stage hands them on."""
    times = START_US + np.rint(np.arange(footage.frames + 1) * SECOND_US / footage.rate).astype(int)
    frames = mot.frames(footage.found, footage.frames)
    found = [quantise(boxes / footage.size[1], scores) for boxes, scores, _ in frames]
    step = round(CLIP_SECONDS * footage.rate)
    made: list[ClipDetections] = []
    for first in range(0, footage.frames, step):
        own = range(first, min(first + step, footage.frames))
        counts = tuple(len(found[k][1]) for k in own)
        made.append(
            ClipDetections(
                "site", "camera", int(times[own.start]), int(times[own.stop]), len(made), footage.rate, f"{first:064x}",
                True, footage.size[0] / footage.size[1], tuple(times[own.start : own.stop].tolist()), (0,) * len(own),
                counts, np.concatenate([found[k][0] for k in own]), np.concatenate([found[k][1] for k in own]),
            )
        )  # fmt: skip
    return made


def follow(footage: Footage, camera: Camera) -> Followed:
    """Track and count, noting who was where in which frame."""
    state, accounts = tracker.start(), _Accounts(camera, footage)
    rows: list[list[float]] = []
    confirmed: list[bool] = []
    for frame, moment, view in _steps(clips(footage), camera):
        layout = layout_of(camera, moment.aspect)
        state, seen = tracker.step(state, SETTINGS, moment.t_us, view)
        accounts.see(layout, moment, seen, frame)
        rows += [
            mot.row(frame + 1, track, box * footage.size[1], 1)
            for track, box in zip(seen.track.tolist(), seen.boxes, strict=True)
        ]
        confirmed += seen.confirmed.tolist()
    tracks = mot.stacked(rows)
    as_it_goes = tracks[np.array(confirmed, bool)]
    return Followed(tracks[np.isin(tracks[:, 1], as_it_goes[:, 1])], as_it_goes, accounts.seen, accounts.counted())


def counted_in_truth(footage: Footage, camera: Camera) -> Counted:
    """Count at the camera's lines and zones with the truth's own tracks in place of the tracker's."""
    accounts = _Accounts(camera, footage)
    layout = layout_of(camera, footage.size[0] / footage.size[1])
    alive: set[int] = set()
    for frame, (boxes, scores, tracks) in enumerate(mot.frames(footage.people, footage.frames)):
        order = np.argsort(tracks)
        gone = np.array(sorted(alive - set(tracks.tolist())), int)
        alive = set(tracks.tolist())
        at, until = (START_US + round(k * SECOND_US / footage.rate) for k in (frame, frame + 1))
        moment = Moment(0, at, at, until, 0, layout.aspect, np.empty((0, 4), np.int32), np.empty(0, np.uint8))
        sightings = Sightings(tracks[order], boxes[order] / footage.size[1], np.ones(len(scores), bool), gone)
        accounts.see(layout, moment, sightings, frame)
    return accounts.counted()


class _Accounts:
    """The places' account of a run, by frame."""

    def __init__(self, camera: Camera, footage: Footage) -> None:
        self._lines = [line.name for line in camera.lines]
        self._zones = [zone.name for zone in counted_zones(camera)]
        self._rate = footage.rate
        self._end_us = START_US + round(footage.frames * SECOND_US / footage.rate)
        self._state, self._happened = PlacesState(), Happened.nothing(len(self._zones))
        self._crossings: list[Event] = []
        self._people = np.zeros((footage.frames, len(self._zones)))
        self.seen = np.zeros(footage.frames, int)

    def see(self, layout: Layout, moment: Moment, seen: Sightings, frame: int) -> None:
        """Take one frame."""
        before, credited = len(self._happened.crossings), np.array(self._happened.person_us)
        places.see(self._state, layout, moment, self._end_us, seen, self._happened)
        self._crossings += [
            (self._lines[each.line], "pos" if each.side else "neg", frame / self._rate)
            for each in self._happened.crossings[before:]
        ]
        self._people[frame] = (self._happened.person_us - credited) * self._rate / SECOND_US
        self.seen[frame] = int(seen.confirmed.sum())

    def counted(self) -> Counted:
        """Close the account: who is still there has a visit until now."""
        places.cut(self._state, self._happened)
        visits: dict[str, list[float]] = {zone: [] for zone in self._zones}
        for visit in self._happened.visits:
            visits[self._zones[visit.zone]].append((visit.until_us - visit.since_us) / SECOND_US)
        return Counted(self._crossings, dict(zip(self._zones, self._people.T, strict=True)), visits)


def _steps(parts: list[ClipDetections], camera: Camera) -> Iterator[tuple[int, Moment, View]]:
    frame = 0
    for clip in parts:
        own = moments([clip], clip.start_us, clip.end_us, frame_gap_us(camera))
        for moment, view in zip(own, foresee(clip, layout_of(camera, clip.aspect)), strict=True):
            yield frame, moment, view
            frame += 1
