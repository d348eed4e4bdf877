"""One camera's site day, run forward segment by segment: what `TrackPeople` does, without Beam.

A segment is a fixed stretch of event time. `run_segment` is a pure function of the scene at its start and the
set of clips that reach into it, so that a rewind to any earlier scene, followed by the same clips, comes to the
same tracklets; whatever order, duplicates or bundles brought the clips.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from schemas.clock import SECOND_US
from schemas.site import Camera
from transforms import places, tracker
from transforms.boxes import UNIT
from transforms.detections import ClipDetections
from transforms.geometry import foot_points
from transforms.layout import Layout, layout_of
from transforms.lookahead import Ahead, look_ahead
from transforms.places import Happened, PlacesState
from transforms.timeline import Moment, left_out, moments

SETTINGS = tracker.TrackerSettings()


@dataclass
class Scene:
    """All that goes on from segment to segment of a camera's site day.

    Attributes:
      tracker: Live tracks.
      places: Where they stand to lines and zones.
      covered_until_us: End of the last stretch that a sound picture stands for; 0 before the first.
      clips: Distinct clips so far: the revision of what has been written.
    """

    tracker: tracker.TrackerState = field(default_factory=tracker.start)
    places: PlacesState = field(default_factory=PlacesState)
    covered_until_us: int = 0
    clips: int = 0


@dataclass(frozen=True)
class Segment:
    """A stretch of a site day.

    Attributes:
      start_us: Start, UTC microseconds.
      end_us: End, exclusive.
      scheduled: The parts of it in which the site is watched, in order.
      first: Whether the day begins here; a clip that began before it is counted here.
      last: Whether the day ends here, and with it every track.
    """

    start_us: int
    end_us: int
    scheduled: tuple[tuple[int, int], ...]
    first: bool
    last: bool


@dataclass(frozen=True)
class Tracklets:
    """What one camera's tracks did in one segment: exact, with track numbers, and so for the job alone.

    Attributes:
      site: Name of the site.
      camera: Name of the camera.
      segment: The stretch of time.
      clips: Distinct clips that start in it.
      revision: Distinct clips of the day that start before its end.
      bad_clips: Of `clips`, those that could not be read.
      frames: Frames looked at.
      frames_left_out: Frames that another clip's frames stand for.
      happened: Coverage, crossings, visits, presence.
      open_visits: Visits that go on at its end, by zone.
    """

    site: str
    camera: str
    segment: Segment
    clips: int
    revision: int
    bad_clips: int
    frames: int
    frames_left_out: int
    happened: Happened
    open_visits: list[int]


def frame_gap_us(camera: Camera) -> int:
    """Return the longest stretch that one frame may stand for: a second, or two frames at a low rate."""
    return max(SECOND_US, int(2 * SECOND_US / camera.fps)) if camera.fps else SECOND_US


def run_segment(
    scene: Scene, site: str, camera: Camera, segment: Segment, clips: Sequence[ClipDetections]
) -> Tracklets:
    """Run one segment; changes `scene` to what it is at the segment's end.

    Args:
      scene: The scene at the segment's start.
      site: Name of the site.
      camera: The camera's part of the site file.
      segment: The stretch of time.
      clips: The camera's distinct clips in canonical order that end at or after the segment's start and start
        before its end; others do no harm.
    """
    happened = Happened.nothing(layout_of(camera, 1.0).zones)
    gap_us = frame_gap_us(camera)
    frames = 0
    for start_us, end_us in segment.scheduled:
        places.go_on(scene.places, start_us, end_us, happened)
        for moment in moments(clips, start_us, end_us, gap_us, opens=segment.first):
            _lose(scene, moment.from_us, gap_us, happened)
            _see(scene, camera, moment, clips, end_us, happened)
            frames += 1
    _lose(scene, segment.end_us, gap_us, happened)
    if segment.last:
        places.cut(scene.places, happened)
    own = [clip for clip in clips if _begins_in(clip, segment)]
    scene.clips += len(own)
    return Tracklets(
        site, camera.name, segment,
        clips=len(own),
        revision=scene.clips,
        bad_clips=sum(not clip.readable for clip in own),
        frames=frames,
        frames_left_out=sum(left_out(clips, *part, gap_us) for part in segment.scheduled),
        happened=happened,
        open_visits=places.open_visits(scene.places, len(happened.peak)),
    )  # fmt: skip


def _begins_in(clip: ClipDetections, segment: Segment) -> bool:
    if clip.start_us < segment.start_us:
        return segment.first and clip.end_us > segment.start_us
    return clip.start_us < segment.end_us


def _lose(scene: Scene, now_us: int, gap_us: int, happened: Happened) -> None:
    """Cut everything once nothing sound was seen for two frame gaps: no track can be told to go on."""
    if scene.places.present and now_us - scene.covered_until_us > 2 * gap_us:
        places.cut(scene.places, happened)
        scene.tracker = tracker.cut(scene.tracker)


def _see(
    scene: Scene, camera: Camera, moment: Moment, clips: Sequence[ClipDetections], end_us: int, happened: Happened
) -> None:
    if moment.flags:
        places.see_flawed(scene.places, moment, end_us, happened)
        return
    layout = layout_of(camera, moment.aspect)
    clip = _owner(clips, moment)
    ahead = foresee(clip, layout)[bisect.bisect_right(clip.times_us, moment.t_us) - 1]
    boxes = moment.boxes / UNIT
    kept = layout.counts(foot_points(boxes))
    scene.tracker, seen = tracker.step(
        scene.tracker, SETTINGS, moment.t_us, boxes[kept], moment.scores[kept] / 255, ahead
    )
    places.see(scene.places, layout, moment, end_us, seen, happened)
    scene.covered_until_us = max(scene.covered_until_us, moment.until_us)


@lru_cache(maxsize=16)
def foresee(clip: ClipDetections, layout: Layout) -> list[Ahead]:
    """Look ahead from each frame of a clip, for the boxes that count in it; a flawed frame has none.

    It is kept while the clip is walked through, by one segment or several.
    """
    boxes, frames = clip.boxes / UNIT, np.repeat(np.arange(len(clip.counts)), clip.counts)
    kept = layout.counts(foot_points(boxes)) & (np.asarray(clip.flags, int)[frames] == 0)
    counts = np.bincount(frames[kept], minlength=len(clip.counts)).tolist()
    return look_ahead(clip.times_us, counts, boxes[kept], clip.scores[kept] / 255, SETTINGS)


def _owner(clips: Sequence[ClipDetections], moment: Moment) -> ClipDetections:
    """Return the clip that a moment is of: the first readable one that covers it (see timeline.py)."""
    return next(clip for clip in clips if clip.readable and clip.start_us <= moment.from_us < clip.end_us)
