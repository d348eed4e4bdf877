"""A camera group's site day, run forward segment by segment: what `TrackPeople` does, without Beam.

A segment is a fixed stretch of event time. `run_segment` is a pure function of the scene at its start and the
set of clips that reach into it, so that a rewind to any earlier scene, followed by the same clips, comes to the
same tracklets; whatever order, duplicates or bundles brought the clips.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from schemas.clock import SECOND_US
from schemas.site import Camera
from transforms import floor as shared_floor
from transforms import places, tracker
from transforms.boxes import UNIT
from transforms.detections import ClipDetections
from transforms.geometry import foot_points
from transforms.ground import Floor, floor_of
from transforms.groups import CameraGroup
from transforms.happened import Happened
from transforms.layout import Layout, layout_of
from transforms.lookahead import View, look_ahead
from transforms.places import PlacesState
from transforms.timeline import Moment, left_out, moments
from transforms.visitors import FloorState

SETTINGS = tracker.TrackerSettings()


@dataclass
class CameraScene:
    """All that goes on from segment to segment of one camera.

    Attributes:
      tracker: Live tracks.
      places: Where they stand to lines and zones.
      covered_until_us: End of the last stretch that a sound picture stands for; 0 before the first.
    """

    tracker: tracker.TrackerState = field(default_factory=tracker.start)
    places: PlacesState = field(default_factory=PlacesState)
    covered_until_us: int = 0


@dataclass
class Scene:
    """All that goes on from segment to segment of a camera group's site day.

    Attributes:
      cameras: Each camera's part, by name, from its first segment on.
      floor: Where its tracks stand on the floor that they share; None where they share none.
      clips: Distinct clips so far: the revision of what has been written.
    """

    cameras: dict[str, CameraScene] = field(default_factory=dict)
    floor: FloorState | None = None
    clips: int = 0


@dataclass(frozen=True)
class Segment:
    """A stretch of a site day.

    Attributes:
      start_us: Start, UTC microseconds.
      end_us: End, exclusive.
      scheduled: The parts of it in which the site is watched, in order; hours are whole minutes, which segments divide.
      first: Whether the day begins here; a clip that began before it is counted here.
      opens: Whether nothing before it counts: the day or the watch begins here.
      closes: Whether the day or the watch ends here, and with it every track.
    """

    start_us: int
    end_us: int
    scheduled: tuple[tuple[int, int], ...]
    first: bool
    opens: bool
    closes: bool


@dataclass(frozen=True)
class Tracklets:
    """What tracks did at one camera, or on a shared floor, in one segment: exact, and so for the job alone.

    Attributes:
      site: Name of the site.
      group: Name of the camera group.
      camera: Name of the camera; the group's for its floor.
      segment: The stretch of time.
      clips: Distinct clips of the group that start in it.
      revision: Distinct clips of the group and day that start before its end.
      own_clips: Of `clips`, the camera's; none of the floor's.
      bad_clips: Of these, those that could not be read.
      frames: Frames looked at.
      frames_left_out: Frames that another clip's frames stand for.
      happened: Coverage, crossings, visits, presence.
      open_visits: Visits that go on at its end, by zone.
    """

    site: str
    group: str
    camera: str
    segment: Segment
    clips: int
    revision: int
    own_clips: int
    bad_clips: int
    frames: int
    frames_left_out: int
    happened: Happened
    open_visits: list[int]


def frame_gap_us(camera: Camera) -> int:
    """Return the longest stretch that one frame may stand for: a second, or two frames at a low rate."""
    return max(SECOND_US, int(2 * SECOND_US / camera.fps)) if camera.fps else SECOND_US


def run_segment(
    scene: Scene, site: str, group: CameraGroup, segment: Segment, clips: Sequence[ClipDetections]
) -> list[Tracklets]:
    """Run one segment; changes `scene` to what it is at the segment's end.

    Args:
      scene: The scene at the segment's start.
      site: Name of the site.
      group: The camera group.
      segment: The stretch of time.
      clips: The group's distinct clips in canonical order that end at or after the segment's start and start
        before its end; others do no harm.

    Returns:
      What happened at each camera, and last on the floor that they share.
    """
    floor = floor_of(group.cameras, group.shared) if group.shared else None
    if floor and scene.floor is None:
        scene.floor = FloorState.empty(floor.zones)
    runs = [_Run(scene, camera, clips, number, floor) for number, camera in enumerate(group.cameras)]
    on_floor = Happened.nothing(floor.zones if floor else 0)
    for start_us, end_us in segment.scheduled:
        if scene.floor:
            scene.floor.now_us = start_us
        walks = [run.moments(start_us, end_us, opens=segment.opens) for run in runs]
        for moment, run in heapq.merge(*walks, key=lambda each: (each[0].from_us, each[1].number)):
            if floor and scene.floor:
                shared_floor.go_on(scene.floor, floor, moment.from_us, on_floor)
            # Whoever is lost takes part no longer in what the others see.
            for each in runs if floor else (run,):
                each.lose(moment.from_us, on_floor)
            run.see(moment, end_us, on_floor)
        if floor and scene.floor:
            shared_floor.go_on(scene.floor, floor, end_us, on_floor)
    for run in runs:
        run.lose(segment.end_us, on_floor)
    if segment.closes:
        for run in runs:
            run.cut()
        if floor and scene.floor:
            shared_floor.cut(scene.floor, floor, on_floor)
    begun = [[clip for clip in run.clips if _begins_in(clip, segment)] for run in runs]
    clips_begun = sum(map(len, begun))
    scene.clips += clips_begun
    found = [
        Tracklets(
            site, group.name, run.camera.name, segment,
            clips=clips_begun,
            revision=scene.clips,
            own_clips=len(own),
            bad_clips=sum(not clip.readable for clip in own),
            frames=run.frames,
            frames_left_out=sum(left_out(run.clips, *part, run.gap_us) for part in segment.scheduled),
            happened=run.happened,
            open_visits=places.open_visits(run.scene.places, len(run.happened.peak)),
        )
        for run, own in zip(runs, begun, strict=True)
    ]  # fmt: skip
    if scene.floor:
        found.append(
            Tracklets(
                site, group.name, group.name, segment, clips_begun, scene.clips, 0, 0, 0, 0, on_floor,
                shared_floor.open_visits(scene.floor),
            )
        )  # fmt: skip
    return found


class _Run:
    """One camera's way through a segment; `on_floor` is the account of the floor that it shares with others."""

    def __init__(
        self, scene: Scene, camera: Camera, clips: Sequence[ClipDetections], number: int, floor: Floor | None
    ) -> None:
        self.camera = camera
        self.number = number
        self.clips = [clip for clip in clips if clip.camera == camera.name]
        self.scene = scene.cameras.setdefault(camera.name, CameraScene())
        self.happened = Happened.nothing(layout_of(camera, 1.0).zones)
        self.gap_us = frame_gap_us(camera)
        self.frames = 0
        self._shared = (scene.floor, floor) if scene.floor and floor else None

    def moments(self, start_us: int, end_us: int, *, opens: bool) -> Iterator[tuple[Moment, _Run]]:
        """Go on with the last frame, and yield the frames of a stretch."""
        places.go_on(self.scene.places, start_us, end_us, self.happened)
        return ((moment, self) for moment in moments(self.clips, start_us, end_us, self.gap_us, opens=opens))

    def lose(self, now_us: int, on_floor: Happened) -> None:
        """Cut everything once nothing sound was seen for two frame gaps: no track can be told to go on."""
        if now_us - self.scene.covered_until_us <= 2 * self.gap_us or not self._has_open():
            return
        self.cut()
        if self._shared:
            shared_floor.lose(*self._shared, self.number, on_floor)

    def _has_open(self) -> bool:
        """Tell whether anybody is there, or has an open visit on the floor although no track of theirs goes on."""
        if not self.scene.places.is_empty:
            return True
        return self._shared is not None and shared_floor.has_unseen(*self._shared, self.number)

    def cut(self) -> None:
        """End every track and what is open at the camera's own places."""
        places.cut(self.scene.places, self.happened)
        self.scene.tracker = tracker.cut(self.scene.tracker)

    def see(self, moment: Moment, end_us: int, on_floor: Happened) -> None:
        """Take a frame."""
        self.frames += 1
        if moment.flags:
            places.see_flawed(self.scene.places, moment, end_us, self.happened)
            if self._shared:
                shared_floor.see_flawed(*self._shared, self.number, moment, on_floor)
            return
        layout = layout_of(self.camera, moment.aspect)
        clip = _owner(self.clips, moment)
        view = foresee(clip, layout)[moment.frame]
        self.scene.tracker, seen = tracker.step(self.scene.tracker, SETTINGS, moment.t_us, view)
        places.see(self.scene.places, layout, moment, end_us, seen, self.happened)
        if self._shared:
            shared_floor.see(*self._shared, self.number, moment, seen, on_floor)
        self.scene.covered_until_us = max(self.scene.covered_until_us, moment.until_us)


def _begins_in(clip: ClipDetections, segment: Segment) -> bool:
    if clip.start_us < segment.start_us:
        return segment.first and clip.end_us > segment.start_us
    return clip.start_us < segment.end_us


@lru_cache(maxsize=16)
def foresee(clip: ClipDetections, layout: Layout) -> list[View]:
    """Look ahead from each frame of a clip, for the boxes that are followed in it; a flawed frame has none.

    It is kept while the clip is walked through, by one segment or several.
    """
    boxes, frames = clip.boxes / UNIT, np.repeat(np.arange(len(clip.counts)), clip.counts)
    kept = layout.follows(foot_points(boxes)) & (np.asarray(clip.flags, int)[frames] == 0)
    counts = np.bincount(frames[kept], minlength=len(clip.counts)).tolist()
    return look_ahead(clip.times_us, counts, boxes[kept], clip.scores[kept] / 255, SETTINGS)


def _owner(clips: Sequence[ClipDetections], moment: Moment) -> ClipDetections:
    """Return the clip that a moment is of: the first readable one that covers it (see timeline.py)."""
    return next(clip for clip in clips if clip.readable and clip.start_us <= moment.from_us < clip.end_us)
