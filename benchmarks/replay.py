"""A source that plays recorded detections as cameras would send them over days, on a clock that runs many times faster.

Every few hours a camera is cut off for a while, and what it has spooled comes two
hours later, all at once; some clips come twice. After the last clip event time goes on, and the source stays open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
from apache_beam import coders
from apache_beam.io.unbounded_source import CheckpointMark, UnboundedReader, UnboundedSource
from apache_beam.utils.timestamp import Timestamp

from benchmarks.recorded import BEGIN_US, CLIP_S, CLIP_US, clip, load
from schemas.clock import SECOND_US, now_us
from transforms.coders import AvroCoder
from transforms.detections import ClipDetections

HOUR = 3600 // CLIP_S
"""Clips of an hour; all that follows is counted in clips too."""

EVERY, CUT_OFF, LATE = 6 * HOUR, HOUR // 4, 2 * HOUR
"""Every so often each camera in its turn is cut off for so long, and its spool is so late."""

TWICE, AGAIN, AGAIN_AFTER = 10, 50, HOUR // 6
"""One clip in so many comes twice at once, one in so many comes again after so long."""

DISORDER_US = 30 * SECOND_US


def due(tick: int, turn: int, until: int) -> list[int]:
    """Return the numbers of the clips that a camera delivers when a clip's time is over.

    Args:
      tick: Which clip's time.
      turn: Number of the camera: each is cut off an hour after the one before.
      until: How many clips there are.
    """
    phase = (tick - turn * HOUR) % EVERY
    numbers = [] if phase < CUT_OFF else [tick]
    if phase == LATE:
        numbers += range(tick - LATE, tick - LATE + CUT_OFF)
    if tick % TWICE == turn:
        numbers += numbers[:1]
    if tick % AGAIN == turn:
        numbers.append(tick - AGAIN_AFTER)
    return [number for number in numbers if 0 <= number < until]


@dataclass(frozen=True)
class Mark(CheckpointMark):
    """How far a reader has come: what it has delivered of a tick, in all its cameras.

    Attributes:
      begun_us: When the first reader began, by the clock: one that goes on keeps its pace.
      tick: The tick.
      delivered: Number of clips.
    """

    begun_us: int
    tick: int
    delivered: int

    def finalize_checkpoint(self) -> None:
        """Nobody waits to hear of it."""


class MarkCoder(AvroCoder[Mark]):
    """Version 1."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "Mark",
            "fields": [{"name": name, "type": "long"} for name in ("begun_us", "tick", "delivered")],
        }
    )

    @staticmethod
    def to_fields(value: Mark) -> dict[str, Any]:
        return dict(vars(value))

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> Mark:
        return Mark(**fields)


@dataclass(frozen=True)
class Replay(UnboundedSource):
    """Plays cameras.

    Attributes:
      folder: Where the recorded detections are.
      cameras: Names of the cameras.
      clips: How many clips each records.
      drain: How much longer event time goes on.
      speed: Seconds of event time in a second.
    """

    folder: str
    cameras: tuple[str, ...]
    clips: int
    drain: int
    speed: float

    def split(self, desired_num_splits: int, options: Any = None) -> Iterable[Replay]:
        """Return the source itself."""
        return [self]

    def create_reader(self, options: Any, checkpoint_mark: CheckpointMark | None) -> UnboundedReader:
        """Return a reader that goes on from a mark."""
        mark = checkpoint_mark if isinstance(checkpoint_mark, Mark) else Mark(now_us(), 0, 0)
        return _Reader(self, load(Path(self.folder)), mark)

    def get_checkpoint_mark_coder(self) -> coders.Coder:
        """Return the coder of `Mark`."""
        return MarkCoder()

    def default_output_coder(self) -> coders.Coder:
        """Return the coder of detections."""
        return coders.registry.get_coder(ClipDetections)


class _Reader(UnboundedReader):
    def __init__(self, source: Replay, recorded: Sequence[ClipDetections], mark: Mark) -> None:
        self._source = source
        self._recorded = recorded
        self._begun_us, self._tick, self._delivered = mark.begun_us, mark.tick, mark.delivered
        self._current: ClipDetections | None = None

    def start(self) -> bool:
        return self.advance()

    def advance(self) -> bool:
        source = self._source
        reached = (now_us() - self._begun_us) * source.speed // CLIP_US
        while self._tick < min(reached, source.clips + source.drain):
            arriving = [
                (camera, number)
                for turn, camera in enumerate(source.cameras)
                for number in due(self._tick, turn, source.clips)
            ]
            if self._delivered < len(arriving):
                self._current = clip(self._recorded, *arriving[self._delivered])
                self._delivered += 1
                return True
            self._tick, self._delivered = self._tick + 1, 0
        return False

    def get_current(self) -> ClipDetections:
        assert self._current is not None
        return self._current

    def get_current_timestamp(self) -> Timestamp:
        return Timestamp(micros=self.get_current().start_us)

    def get_watermark(self) -> Timestamp:
        return Timestamp(micros=BEGIN_US + self._tick * CLIP_US - DISORDER_US)

    def get_checkpoint_mark(self) -> Mark:
        return Mark(self._begun_us, self._tick, self._delivered)
