"""What tracking keeps, reads and writes, in bytes: counted on the step itself, over some hours of one camera."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from apache_beam.transforms.window import TimestampedValue

from benchmarks.recorded import BEGIN_US, CLIP_US, clip
from schemas.clock import SECOND_US
from schemas.site import Site
from tests.support.state import Driven
from transforms.aggregate import FORGET_AFTER_US
from transforms.arrivals import Arrival, DayKey, Span
from transforms.detections import ClipDetections, ClipDetectionsCoder
from transforms.events import PlaceEventsCoder, anonymise
from transforms.kept import INTERVALS, SAVED_SCENES, save_every_us
from transforms.scene import Tracklets
from transforms.snapshot import SnapshotCoder
from transforms.track import _TrackFn

DISORDER_US = 30 * SECOND_US
DAY_US = 24 * 3600 * SECOND_US
WINDOW_BYTES = 500
"""What a runner keeps of a window beside the sums: its key and its timer, and of each state its name."""
_LOOK_US = 3600 * SECOND_US


class Day:
    """A site day of a site's first camera, whose clips come in time.

    Attributes:
      key: The day.
      driven: The tracking step.
      reached_us: How much of the day has been delivered.
    """

    def __init__(self, site: Site, recorded: Sequence[ClipDetections]) -> None:
        self.key: DayKey = site.site, site.cameras[0].name, BEGIN_US
        self.driven = Driven(_TrackFn((site,), {site.site: Span(BEGIN_US, BEGIN_US + DAY_US)}, False))
        self.reached_us = 0
        self._recorded = recorded
        self.driven.process((self.key, Arrival(None)))

    def run(self, until_us: int, left_out: Container[int] = ()) -> list[Tracklets]:
        """Deliver clips, but for some by number, until so much of the day is over; returns the tracklets."""
        found = []
        while self.reached_us < until_us:
            if self.reached_us // CLIP_US not in left_out:
                self.deliver(self.reached_us // CLIP_US)
            self.reached_us += CLIP_US
            found += self.driven.advance(BEGIN_US + self.reached_us - DISORDER_US)
        return [each.value for each in found if isinstance(each, TimestampedValue)]

    def deliver(self, number: int) -> None:
        """Deliver a clip by number."""
        self.driven.process((self.key, Arrival(clip(self._recorded, self.key[1], number))))


def kept_us(site: Site) -> int:
    """Return for how long boxes are kept at most, in event time, as docs/live.md says."""
    every_us = save_every_us(site)
    return -(-site.lateness // every_us) * every_us + (INTERVALS - SAVED_SCENES) * every_us


def on_time_bytes(site: Site, recorded: Sequence[ClipDetections]) -> float:
    """Return the bytes of state read and written for a clip that comes in time, once state has stopped growing."""
    day = Day(site, recorded)
    begin_us = kept_us(site) + save_every_us(site)
    day.run(begin_us)
    before = day.driven.traffic.total
    day.run(begin_us + 2 * save_every_us(site))
    return (day.driven.traffic.total - before) / (2 * save_every_us(site) / CLIP_US)


def backlog_bytes(site: Site, recorded: Sequence[ClipDetections], until_us: int) -> float:
    """Return the bytes of state read and written for a clip, where all came before event time began to go on."""
    day = Day(site, recorded)
    for number in range(until_us // CLIP_US):
        day.deliver(number)
    day.driven.advance(BEGIN_US + until_us)
    return day.driven.traffic.total / (until_us / CLIP_US)


def bound(site: Site, recorded: Sequence[ClipDetections]) -> Callable[[float], float]:
    """Return the bound of docs/live.md on a camera's state, for clips as large as the largest of these.

    Args:
      site: The site file.
      recorded: Clips of the camera.

    Returns:
      Bytes, by how far event time is behind what has come, in microseconds.
    """
    day = Day(site, recorded)
    most_events = max(len(PlaceEventsCoder().encode(anonymise(each))) for each in day.run(_LOOK_US))
    most_saved = max(len(SnapshotCoder().encode(scene)) for scene in day.driven.cells(day.key)["saved"].values())
    most_clip = max(len(ClipDetectionsCoder().encode(each)) for each in recorded)
    kept_windows = [(site.lateness + FORGET_AFTER_US + size_us, size_us) for size_us in site.windows]
    beside = (
        INTERVALS * most_saved
        + sum(kept_for_us // site.segment_us for kept_for_us, _ in kept_windows) * most_events
        + sum(kept_for_us // size_us for kept_for_us, size_us in kept_windows) * WINDOW_BYTES
    )
    return lambda waiting_us: (kept_us(site) + waiting_us) / CLIP_US * most_clip + beside
