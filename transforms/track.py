"""TrackPeople: detections in any order become tracklets in order, the same ones whatever order it was.

The key is a camera group's site day, the unit of purity: tracks, balances and numbering begin with it and end with it.
A day is run forward segment by segment as the watermark passes. A clip that comes after its segment was run
takes the day back to a saved scene before it, and forward again from there: the segments that end after its start come
out again, with the higher revision that one more clip gives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import apache_beam as beam
from apache_beam import coders, pvalue
from apache_beam.transforms import userstate
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration

from schemas.clock import SECOND_US, now_us
from schemas.site import Site
from transforms.arrivals import Arrival, DayKey, Span, before, day_of, has_ended, wanted
from transforms.calendar import Day, scheduled, window_of
from transforms.counters import counter
from transforms.detections import ClipDetections, ClipDetectionsCoder
from transforms.facts import TOLD, TOO_LATE, ClipFact, fate, fates, forgotten, tell
from transforms.groups import CameraGroup, group_named
from transforms.kept import INTERVALS, Kept, add, begin, replace, save_every_us, take
from transforms.scene import Scene, Segment, Tracklets, run_segment
from transforms.snapshot import Snapshot, SnapshotCoder
from transforms.timeline import distinct

TRACKLETS = "tracklets"

STRETCH_US = 900 * SECOND_US
"""Clips that came before their time are gone through once a stretch of the day, and only those of its own stretch at
every border: event time may be hours behind what has come, after a pause."""

GATHER_US = 60 * SECOND_US
"""After the day's end late clips gather for so long, in event time, before it is run again for all of them."""


def segments(site: Site, day: Day, start_us: int, end_us: int) -> Iterator[Segment]:
    """Yield the day's segments from one segment's border to another."""
    while start_us < end_us:
        _, until_us = window_of(day, site.segment_us, start_us)
        watched = scheduled(site, start_us - 1, until_us + 1)  # and whether it is just before and just after
        parts = tuple((max(a, start_us), min(b, until_us)) for a, b in watched if a < until_us and b > start_us)
        first, last = start_us == day.start_us, until_us == day.end_us
        opens = first or not watched or watched[0][0] >= start_us
        closes = last or not watched or watched[-1][1] <= until_us
        yield Segment(start_us, until_us, parts, first, opens, closes)
        start_us = until_us


def advance(
    snapshot: Snapshot, site: Site, group: CameraGroup, day: Day, clips: Sequence[ClipDetections], to_us: int
) -> Iterator[list[Tracklets]]:
    """Run a day forward to a segment's border, changing the snapshot; yields the tracklets segment by segment.

    Args:
      snapshot: The day so far.
      site: The site file.
      group: The camera group.
      day: The site day.
      clips: Distinct clips in canonical order: all that end at or after the snapshot and start before `to_us`.
      to_us: Where to stop.
    """
    queues = [_Queue([clip for clip in clips if clip.camera == camera.name]) for camera in group.cameras]
    for segment in segments(site, day, snapshot.until_us, to_us):
        reaching = [clip for queue in queues for clip in queue.reaching(segment)]
        tracklets = run_segment(snapshot.scene, site.site, group, segment, reaching)
        snapshot.until_us = segment.end_us
        yield tracklets


class _Queue:
    """One camera's clips, ordered by start: what starts later than a segment, and all behind it, is not looked at."""

    def __init__(self, clips: Sequence[ClipDetections]) -> None:
        self._clips = clips
        self._waiting = 0

    def reaching(self, segment: Segment) -> list[ClipDetections]:
        """Return the clips that reach into a segment; the next one asked for comes later."""
        clips, waiting = self._clips, self._waiting
        reached = waiting
        while reached < len(clips) and clips[reached].start_us < segment.end_us:
            reached += 1
        found = [clip for clip in clips[waiting:reached] if clip.end_us >= segment.start_us]
        while waiting < reached and clips[waiting].end_us < segment.end_us:
            waiting += 1
        self._waiting = waiting
        return found


class Tracked(NamedTuple):
    """The outputs of `TrackPeople`.

    Attributes:
      tracklets: What people did, a segment an element.
      told: What was done with each clip, and which stretches' boxes are gone.
    """

    tracklets: beam.PCollection[Tracklets]
    told: beam.PCollection[ClipFact]


@dataclass(eq=False)
class TrackPeople(beam.PTransform):
    """Follows people within each camera group's site day, and says what they did, segment by segment.

    Attributes:
      sites: The site files.
      spans: For each site, the stretch of event time for which records are asked.
      bounded: Whether all clips come before any timer, as in batch: then a day is run in one step.
    """

    sites: tuple[Site, ...]
    spans: Mapping[str, Span]
    bounded: bool

    def expand(self, arrivals: beam.PCollection[tuple[DayKey, Arrival]]) -> Tracked:
        track = beam.ParDo(_TrackFn(self.sites, self.spans, self.bounded)).with_outputs(TOLD, main=TRACKLETS)
        outcome = arrivals | "Track" >> track
        outcome[TRACKLETS].element_type = Tracklets
        outcome[TOLD].element_type = ClipFact
        return Tracked(outcome[TRACKLETS], outcome[TOLD])


class _TrackFn(beam.DoFn):
    """Keyed by site day. Reads only what reaches past the border, unless a late clip asks for more."""

    # True while the day is run; False where it was not asked for, or is over: what comes then is not kept.
    BEGUN = userstate.ReadModifyWriteStateSpec("begun", coders.BooleanCoder())
    # Clips that came since the last step, in order or late.
    FRESH = userstate.BagStateSpec("fresh", ClipDetectionsCoder())
    # Clips that end at or after the border up to which the day was run, but for those ahead.
    REACHING = userstate.BagStateSpec("reaching", ClipDetectionsCoder())
    # Clips that begin in a later stretch of the day than the border is in.
    AHEAD = userstate.BagStateSpec("ahead", ClipDetectionsCoder())
    # Clips that were run, and scenes to go back to; see transforms/kept.py.
    KEPT = tuple(userstate.BagStateSpec(f"kept_{number}", ClipDetectionsCoder()) for number in range(INTERVALS))
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
    ) -> Iterable[pvalue.TaggedOutput]:
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
            site, _, day = self._place(key)
            if wanted(site, day, self._spans) is not None:
                yield tell(fate(arrival.clip, TOO_LATE))

    @userstate.on_timer(STEP)
    def on_step(
        self,
        key: Any = beam.DoFn.KeyParam,
        at: Any = beam.DoFn.TimestampParam,
        begun: Any = beam.DoFn.StateParam(BEGUN),
        fresh: Any = beam.DoFn.StateParam(FRESH),
        reaching: Any = beam.DoFn.StateParam(REACHING),
        ahead: Any = beam.DoFn.StateParam(AHEAD),
        saved: Any = beam.DoFn.StateParam(SAVED),
        head: Any = beam.DoFn.StateParam(HEAD),
        kept_0: Any = beam.DoFn.StateParam(KEPT[0]),
        kept_1: Any = beam.DoFn.StateParam(KEPT[1]),
        kept_2: Any = beam.DoFn.StateParam(KEPT[2]),
        kept_3: Any = beam.DoFn.StateParam(KEPT[3]),
        kept_4: Any = beam.DoFn.StateParam(KEPT[4]),
        kept_5: Any = beam.DoFn.StateParam(KEPT[5]),
        kept_6: Any = beam.DoFn.StateParam(KEPT[6]),
        kept_7: Any = beam.DoFn.StateParam(KEPT[7]),
        kept_8: Any = beam.DoFn.StateParam(KEPT[8]),
        kept_9: Any = beam.DoFn.StateParam(KEPT[9]),
        kept_10: Any = beam.DoFn.StateParam(KEPT[10]),
        step: Any = beam.DoFn.TimerParam(STEP),
    ) -> Iterable[Any]:
        """Run the day to the next border; from an earlier scene, if a late clip came."""
        site, group, day = self._place(key)
        asked = cast(tuple[int, int], wanted(site, day, self._spans))
        bags = kept_0, kept_1, kept_2, kept_3, kept_4, kept_5, kept_6, kept_7, kept_8, kept_9, kept_10
        kept = Kept(bags, saved, site, day)
        state = fresh, reaching, ahead, saved, head, *bags
        snapshot = head.read()
        if snapshot is None:
            snapshot = Snapshot(day.start_us, Scene())
            kept.save(snapshot)
        border_us = snapshot.until_us
        to_us = self._next_border(site, day, asked, border_us)
        if has_ended(self._spans[site.site], to_us):
            to_us = _last_border(site, day)  # what it stopped in is not told
            if not self._bounded or to_us <= border_us:
                yield from _ended(begun, state, kept.told(group, asked, border_us, border_us))
                return
        since_us, reached_us, changed_us = border_us, to_us, border_us
        if to_us <= border_us:  # the day is over; event time goes on
            since_us, reached_us = at.micros + 1000 - GATHER_US, at.micros + 1000
        arrived = distinct(take(fresh))
        late = [clip for clip in arrived if begin(clip, day) < border_us]
        coming = [clip for clip in arrived if begin(clip, day) >= border_us]
        if (border_us - day.start_us) % STRETCH_US == 0:
            coming += take(ahead)
        clips = distinct([*reaching.read(), *coming])
        in_time = kept.in_time(late, since_us) if late else []
        yield from fates(arrived, late, in_time)
        if in_time and (rewind := kept.rewind(in_time, since_us)) is not None:
            snapshot, changed_us = rewind.scene, rewind.changed_us
            clips = distinct([*rewind.clips, *clips])
        for tracklets in advance(snapshot, site, group, day, clips, to_us):
            segment = tracklets[0].segment
            # What ended before anything changed is not told again: its windows may have been forgotten.
            if asked[0] <= segment.start_us < asked[1] and segment.end_us > changed_us:
                yield from (TimestampedValue(each, before(segment.end_us)) for each in tracklets)
            if not self._bounded and (segment.end_us - day.start_us) % save_every_us(site) == 0:
                kept.save(snapshot)
        if self._bounded:
            yield from _gone(clips, day)
            return
        head.write(snapshot)
        far_us = to_us + (day.start_us - to_us) % STRETCH_US
        replace(reaching, [clip for clip in clips if clip.end_us >= to_us and begin(clip, day) < far_us])
        add(ahead, [clip for clip in clips if begin(clip, day) >= far_us])
        kept.forget(since_us, reached_us)
        yield from kept.told(group, asked, since_us, kept.oldest_us(reached_us))
        kept.add([clip for clip in clips if border_us <= begin(clip, day) < to_us], reached_us)
        if to_us < asked[1]:
            step.set(before(self._next_border(site, day, asked, to_us)))
        elif at.micros < asked[1] + site.lateness:
            step.set(at + Duration(micros=GATHER_US))
        else:
            yield from _ended(begun, state, kept.told(group, asked, reached_us, asked[1]))

    def _place(self, key: DayKey) -> tuple[Site, CameraGroup, Day]:
        site = self._sites[key[0]]
        return site, group_named(site, key[1]), day_of(site, key[2])

    def _next_border(self, site: Site, day: Day, asked: tuple[int, int], border_us: int) -> int:
        """Return how far to run next: to what is asked for in one step, then segment by segment."""
        from_us, until_us = asked
        if self._bounded or border_us >= until_us:
            return until_us
        return from_us if border_us < from_us else window_of(day, site.segment_us, border_us)[1]


def _gone(clips: Sequence[ClipDetections], day: Day) -> Iterator[pvalue.TaggedOutput]:
    """Yield for each camera that the boxes of a whole day, clips in order, are gone."""
    first = {clip.camera: clip for clip in reversed(clips)}
    yield from (tell(forgotten(first[name].site, name, begin(first[name], day))) for name in sorted(first))


def _ended(begun: Any, states: Iterable[Any], told: Iterable[Any]) -> Iterator[Any]:
    """Forget a day, and tell it."""
    begun.write(False)
    for state in states:
        state.clear()
    yield from told


def _last_border(site: Site, day: Day) -> int:
    """Return the day's last border between segments that the clock has passed."""
    now = now_us()
    return day.end_us if now >= day.end_us else window_of(day, site.segment_us, max(now, day.start_us))[0]
