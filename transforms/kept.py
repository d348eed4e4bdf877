"""What tracking keeps of a site day for clips that come late, in Beam state, and how it goes back to it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from schemas.clock import SECOND_US
from schemas.site import Site
from transforms.calendar import Day
from transforms.counters import counter
from transforms.detections import ClipDetections
from transforms.facts import forgotten, tell
from transforms.groups import CameraGroup
from transforms.snapshot import Snapshot

SAVE_EVERY_US = 300 * SECOND_US
SAVED_SCENES = 8
"""How far apart scenes are saved at least, and how many over the time of lateness: a late clip is run again from the
one before it."""

LONGEST_CLIP_US = SAVE_EVERY_US
"""The longest clip of a stream: it reaches from one interval between saved scenes into the next, and no further."""

INTERVALS = SAVED_SCENES + 3
"""For how many intervals between saved scenes clips are kept at most: lateness, one that is being filled, one for the
longest clip, one for the way back to a scene."""


def save_every_us(site: Site) -> int:
    """Return how far apart a site's scenes are saved: whole segments."""
    apart_us = max(SAVE_EVERY_US, site.lateness // SAVED_SCENES)
    return -(-apart_us // site.segment_us) * site.segment_us


class Rewind(NamedTuple):
    """Where a day goes back to for clips that came late.

    Attributes:
      scene: The scene to begin again from.
      clips: All clips from there on, with some before.
      changed_us: Start of the first clip that is new: what had ended by then is as it was.
    """

    scene: Snapshot
    clips: list[ClipDetections]
    changed_us: int


class Kept:
    """What is kept of a day for late clips: those that were run, and scenes to begin again from.

    Clips lie in a ring of bags, one for each interval between scenes. What is too old is thrown away by the bag,
    unread, and a late clip reads the bags from its own time on: neither costs more where lateness is longer.
    """

    def __init__(self, bags: Sequence[Any], saved: Any, site: Site, day: Day) -> None:
        self._bags = bags
        self._saved = saved
        self._site = site.site
        self._day = day
        self._every_us = save_every_us(site)
        self._lateness_us = site.lateness
        self._intervals = -(-site.lateness // self._every_us) + INTERVALS - SAVED_SCENES

    def save(self, snapshot: Snapshot) -> None:
        """Keep a scene."""
        self._saved.add(copy.deepcopy(snapshot))

    def add(self, clips: Iterable[ClipDetections], now_us: int) -> None:
        """Keep those clips that are not too old already."""
        oldest = self._interval(now_us) - self._intervals + 1
        for clip in clips:
            interval = self._interval(self._begin(clip))
            if interval >= oldest:
                self._bag(interval).add(clip)

    def forget(self, since_us: int, now_us: int) -> None:
        """Throw away what has become too old between two instants."""
        since, now = self._interval(since_us), self._interval(now_us)
        if since == now:
            return
        for interval in range(max(since, now - INTERVALS) + 1, now + 1):
            self._bag(interval - self._intervals).clear()
        # A clip that reaches into a scene's interval may lie in the bag before.
        oldest_us = self._day.start_us + (now - self._intervals + 2) * self._every_us
        replace(self._saved, [scene for scene in self._saved.read() if scene.until_us >= oldest_us])

    def oldest_us(self, now_us: int) -> int:
        """Return from when on clips are kept at an instant."""
        return self._day.start_us + max(0, self._interval(now_us) - self._intervals + 1) * self._every_us

    def told(self, group: CameraGroup, asked: tuple[int, int], since_us: int, until_us: int) -> Iterator[Any]:
        """Yield that those boxes are gone that were kept at an instant and are of before another.

        A stretch is told whether there were boxes in it or not: what is too old is thrown away unread.
        """
        first_us = max(self.oldest_us(since_us), asked[0] - (asked[0] - self._day.start_us) % self._every_us)
        for start_us in range(first_us, min(until_us, asked[1]), self._every_us):
            yield from (tell(forgotten(self._site, camera.name, start_us)) for camera in group.cameras)

    def in_time(self, late: Sequence[ClipDetections], now_us: int) -> list[ClipDetections]:
        """Return those late clips that can still be counted."""
        first_us = min(scene.until_us for scene in self._saved.read())
        horizon_us = now_us - self._lateness_us
        in_time = [clip for clip in late if clip.end_us > horizon_us and self._begin(clip) >= first_us]
        counter(__name__, "clips_too_late").inc(len(late) - len(in_time))
        return in_time

    def rewind(self, in_time: Sequence[ClipDetections], now_us: int) -> Rewind | None:
        """Take late clips in, and go back to the last scene before the first of them that is new; None if none is."""
        scenes = sorted(self._saved.read(), key=lambda scene: scene.until_us)
        known = self._clips_from(min(map(self._begin, in_time)), now_us)
        identities = {clip.identity for clip in known}
        new = [clip for clip in in_time if clip.identity not in identities]
        counter(__name__, "clips_late").inc(len(new))
        if not new:
            return None
        first_us = min(map(self._begin, new))
        scenes = [scene for scene in scenes if scene.until_us <= first_us]
        self.add(new, now_us)
        replace(self._saved, scenes)
        return Rewind(copy.deepcopy(scenes[-1]), [*known, *new], first_us)

    def _clips_from(self, instant_us: int, now_us: int) -> list[ClipDetections]:
        """Return the clips that reach into an instant's interval, or begin later."""
        intervals = range(max(0, self._interval(instant_us) - 1), self._interval(now_us) + 1)
        return [clip for interval in intervals for clip in self._bag(interval).read()]

    def _begin(self, clip: ClipDetections) -> int:
        return begin(clip, self._day)

    def _interval(self, instant_us: int) -> int:
        return (instant_us - self._day.start_us) // self._every_us

    def _bag(self, interval: int) -> Any:
        return self._bags[interval % INTERVALS]


def begin(clip: ClipDetections, day: Day) -> int:
    return max(clip.start_us, day.start_us)


def take(bag: Any) -> list[Any]:
    items = list(bag.read())
    bag.clear()
    return items


def replace(bag: Any, items: Iterable[Any]) -> None:
    items = list(items)
    bag.clear()
    add(bag, items)


def add(bag: Any, items: Iterable[Any]) -> None:
    for item in items:
        bag.add(item)
