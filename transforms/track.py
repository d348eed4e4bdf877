"""TrackPeople: detections in any order become tracklets in order, the same ones whatever order it was.

The key is a camera's site day, the unit of purity: tracks, balances and numbering begin with it and end with it.
A day is run forward segment by segment as the watermark passes. A clip that comes after its segment was run
takes the day back to a saved scene before it, and forward again from there: those segments come out again, with
the higher revision that one more clip gives them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import apache_beam as beam
from apache_beam import coders
from apache_beam.transforms import userstate
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration

from schemas.clock import SECOND_US, now_us
from schemas.site import Camera, Site
from transforms.arrivals import Arrival, DayKey, Span, before, camera_of, day_of, has_ended, wanted
from transforms.calendar import Day, scheduled, window_of
from transforms.counters import counter
from transforms.detections import ClipDetections, ClipDetectionsCoder
from transforms.scene import Scene, Segment, Tracklets, run_segment
from transforms.snapshot import Snapshot, SnapshotCoder
from transforms.timeline import distinct

SAVE_EVERY_US = 300 * SECOND_US
SAVED_SCENES = 8
"""How far apart scenes are saved at least, and how many over the time of lateness: a late clip is run again from the
one before it. What is kept for late clips is gone through once for every scene saved, and so a number of times that
does not grow with lateness."""

GATHER_US = 60 * SECOND_US
"""After the day's end late clips gather for so long, in event time, before it is run again for all of them."""


def save_every_us(site: Site) -> int:
    """Return how far apart a site's scenes are saved: whole segments."""
    apart_us = max(SAVE_EVERY_US, site.lateness // SAVED_SCENES)
    return -(-apart_us // site.segment_us) * site.segment_us


def segments(site: Site, day: Day, start_us: int, end_us: int) -> Iterator[Segment]:
    """Yield the day's segments from one segment's border to another."""
    while start_us < end_us:
        _, until_us = window_of(day, site.segment_us, start_us)
        parts = tuple(scheduled(site, start_us, until_us))
        yield Segment(start_us, until_us, parts, start_us == day.start_us, until_us == day.end_us)
        start_us = until_us


def advance(
    snapshot: Snapshot, site: Site, camera: Camera, day: Day, clips: Sequence[ClipDetections], to_us: int
) -> Iterator[Tracklets]:
    """Run a day forward to a segment's border, changing the snapshot; yields each segment's tracklets.

    Args:
      snapshot: The day so far.
      site: The site file.
      camera: The camera's part of it.
      day: The site day.
      clips: Distinct clips in canonical order: all that end at or after the snapshot and start before `to_us`.
      to_us: Where to stop.
    """
    waiting = 0
    for segment in segments(site, day, snapshot.until_us, to_us):
        # Clips are ordered by start: what starts later than the segment, and all behind it, is not looked at.
        reached = waiting
        while reached < len(clips) and clips[reached].start_us < segment.end_us:
            reached += 1
        reaching = [clip for clip in clips[waiting:reached] if clip.end_us >= segment.start_us]
        tracklets = run_segment(snapshot.scene, site.site, camera, segment, reaching)
        snapshot.until_us = segment.end_us
        while waiting < reached and clips[waiting].end_us < segment.end_us:
            waiting += 1
        yield tracklets


@dataclass(eq=False)
class TrackPeople(beam.PTransform[beam.PCollection[tuple[DayKey, Arrival]], beam.PCollection[Tracklets]]):
    """Follows people within each camera's site day, and says what they did, segment by segment.

    Attributes:
      sites: The site files.
      spans: For each site, the stretch of event time for which records are asked.
      bounded: Whether all clips come before any timer, as in batch: then a day is run in one step.
    """

    sites: tuple[Site, ...]
    spans: Mapping[str, Span]
    bounded: bool

    def expand(self, arrivals: beam.PCollection[tuple[DayKey, Arrival]]) -> beam.PCollection[Tracklets]:
        track = beam.ParDo(_TrackFn(self.sites, self.spans, self.bounded)).with_output_types(Tracklets)
        return arrivals | "Track" >> track


class _TrackFn(beam.DoFn):
    """Keyed by site day. Reads only what reaches past the border, unless a late clip asks for more."""

    # True while the day is run; False where it was not asked for, or is over: what comes then is not kept.
    BEGUN = userstate.ReadModifyWriteStateSpec("begun", coders.BooleanCoder())
    # Clips that came since the last step, in order or late.
    FRESH = userstate.BagStateSpec("fresh", ClipDetectionsCoder())
    # Clips that end at or after the border up to which the day was run.
    REACHING = userstate.BagStateSpec("reaching", ClipDetectionsCoder())
    # Clips that were run, and scenes to go back to, from the day's start on; both are thrown away with lateness.
    KEPT = userstate.BagStateSpec("kept", ClipDetectionsCoder())
    SAVED = userstate.BagStateSpec("saved", SnapshotCoder())
    # The scene at the border.
    HEAD = userstate.ReadModifyWriteStateSpec("head", SnapshotCoder())
    # One timer for everything: runners do not promise an order between several.
    STEP = userstate.TimerSpec("step", TimeDomain.WATERMARK)

    def __init__(self, sites: tuple[Site, ...], spans: Mapping[str, Span], bounded: bool) -> None:
        self._sites = {site.site: site for site in sites}
        self._spans = spans
        self._bounded = bounded

    def process(
        self,
        element: tuple[DayKey, Arrival],
        begun: Any = beam.DoFn.StateParam(BEGUN),
        fresh: Any = beam.DoFn.StateParam(FRESH),
        step: Any = beam.DoFn.TimerParam(STEP),
    ) -> None:
        """Take a clip in; it is looked at when the watermark passes the next border."""
        key, arrival = element
        if begun.read() is None:
            site, _, day = self._place(key)
            asked = wanted(site, day, self._spans)
            begun.write(asked is not None)
            if asked is not None:
                step.set(before(self._next_border(site, day, asked, day.start_us)))
        if arrival.clip is None:
            return
        if begun.read():
            fresh.add(arrival.clip)
        else:
            counter(__name__, "clips_too_late").inc()

    @userstate.on_timer(STEP)
    def on_step(
        self,
        key: Any = beam.DoFn.KeyParam,
        at: Any = beam.DoFn.TimestampParam,
        begun: Any = beam.DoFn.StateParam(BEGUN),
        fresh: Any = beam.DoFn.StateParam(FRESH),
        reaching: Any = beam.DoFn.StateParam(REACHING),
        kept: Any = beam.DoFn.StateParam(KEPT),
        saved: Any = beam.DoFn.StateParam(SAVED),
        head: Any = beam.DoFn.StateParam(HEAD),
        step: Any = beam.DoFn.TimerParam(STEP),
    ) -> Iterable[Any]:
        """Run the day to the next border; from an earlier scene, if a late clip came."""
        site, camera, day = self._place(key)
        asked = cast(tuple[int, int], wanted(site, day, self._spans))
        state = fresh, reaching, kept, saved, head
        snapshot = head.read()
        if snapshot is None:
            snapshot = Snapshot(day.start_us, Scene())
            saved.add(copy.deepcopy(snapshot))
        border_us = snapshot.until_us
        to_us = self._next_border(site, day, asked, border_us)
        if has_ended(self._spans[site.site], to_us):
            to_us = _last_border(site, day)  # what it stopped in is not told
            if not self._bounded or to_us <= border_us:
                begun.write(False)
                _clear(*state)
                return
        reached_us = to_us if to_us > border_us else at.micros + 1000  # time goes on when the day is over
        arrived = distinct(fresh.read())
        fresh.clear()
        late = [clip for clip in arrived if _begin(clip, day) < border_us]
        clips = distinct([*reaching.read(), *(clip for clip in arrived if _begin(clip, day) >= border_us)])
        if late:
            since_us = border_us if to_us > border_us else reached_us
            snapshot, clips = _rewind(snapshot, since_us - site.lateness, day, clips, late, kept, saved)
        for tracklets in advance(snapshot, site, camera, day, clips, to_us):
            segment = tracklets.segment
            if asked[0] <= segment.start_us < asked[1]:
                yield TimestampedValue(tracklets, before(segment.end_us))
            if not self._bounded and (segment.end_us - day.start_us) % save_every_us(site) == 0:
                saved.add(copy.deepcopy(snapshot))
        if self._bounded:
            return
        head.write(snapshot)
        _replace(reaching, [clip for clip in clips if clip.end_us >= to_us])
        for clip in clips:
            if border_us <= _begin(clip, day) < to_us:
                kept.add(clip)
        if (reached_us - day.start_us) % save_every_us(site) == 0:
            # One interval for the longest clip, one for the way back to a saved scene.
            horizon_us = reached_us - site.lateness - 2 * save_every_us(site)
            _replace(kept, [clip for clip in kept.read() if clip.end_us >= horizon_us])
            _replace(saved, [scene for scene in saved.read() if scene.until_us >= horizon_us])
        if to_us < asked[1]:
            step.set(before(self._next_border(site, day, asked, to_us)))
        elif at.micros < asked[1] + site.lateness:
            step.set(at + Duration(micros=GATHER_US))
        else:
            begun.write(False)
            _clear(*state)

    def _place(self, key: DayKey) -> tuple[Site, Camera, Day]:
        site = self._sites[key[0]]
        return site, camera_of(site, key[1]), day_of(site, key[2])

    def _next_border(self, site: Site, day: Day, asked: tuple[int, int], border_us: int) -> int:
        """Return how far to run next: to what is asked for in one step, then segment by segment."""
        from_us, until_us = asked
        if self._bounded or border_us >= until_us:
            return until_us
        return from_us if border_us < from_us else window_of(day, site.segment_us, border_us)[1]


def _rewind(
    snapshot: Snapshot,
    horizon_us: int,
    day: Day,
    clips: list[ClipDetections],
    late: list[ClipDetections],
    kept: Any,
    saved: Any,
) -> tuple[Snapshot, list[ClipDetections]]:
    """Go back to the last saved scene before the first late clip that is new; returns it and the clips to run.

    A clip that ends before the horizon is too late.
    """
    known = distinct(kept.read())
    identities = {clip.identity for clip in known}
    scenes = sorted(saved.read(), key=lambda scene: scene.until_us)
    in_time = [clip for clip in late if clip.end_us > horizon_us and _begin(clip, day) >= scenes[0].until_us]
    new = [clip for clip in in_time if clip.identity not in identities]
    counter(__name__, "clips_late").inc(len(new))
    counter(__name__, "clips_too_late").inc(len(late) - len(in_time))
    if not new:
        return snapshot, clips
    scenes = [scene for scene in scenes if scene.until_us <= _begin(new[0], day)]
    _replace(kept, distinct([*known, *new]))
    _replace(saved, scenes)
    return copy.deepcopy(scenes[-1]), distinct([*known, *new, *clips])


def _begin(clip: ClipDetections, day: Day) -> int:
    return max(clip.start_us, day.start_us)


def _replace(bag: Any, items: Iterable[Any]) -> None:
    items = list(items)
    bag.clear()
    for item in items:
        bag.add(item)


def _clear(*states: Any) -> None:
    for state in states:
        state.clear()


def _last_border(site: Site, day: Day) -> int:
    """Return the day's last border between segments that the clock has passed."""
    now = now_us()
    return day.end_us if now >= day.end_us else window_of(day, site.segment_us, max(now, day.start_us))[0]
