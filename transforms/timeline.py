"""Which clip owns which instant: from a bag of clips to one strictly ordered run of frames.

Clips may overlap (a restart, a failover, a stepped clock) and come twice. Each instant belongs to the first
readable clip that covers it, in the order of identities: capture start, sequence, digest, and whatever else of the
envelope can change a record. So the run of frames, and with it every record, depends on the set of clips and not on
their order, number of deliveries or grouping.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.detections import ClipDetections


@dataclass(frozen=True, eq=False)
class Moment:
    """One frame on a camera's timeline and the stretch of time that it stands for.

    Attributes:
      frame: Number of the frame in its clip, from 0.
      t_us: Instant of the frame; of a clip that takes over between two frames, where it does.
      from_us: Start of the stretch: the frame's own instant, or earlier where a clip begins between two samples.
      until_us: End of the stretch, exclusive.
      flags: What is wrong with the picture; a flawed picture is no coverage.
      aspect: Picture width over height.
      boxes: (N, 4) integers, 1/16384 picture height.
      scores: (N,) 0..255.
    """

    frame: int
    t_us: int
    from_us: int
    until_us: int
    flags: int
    aspect: float
    boxes: NDArray[np.int32]
    scores: NDArray[np.uint8]


def distinct(clips: Iterable[ClipDetections]) -> list[ClipDetections]:
    """Return the clips in canonical order, each once."""
    by_identity = {clip.identity: clip for clip in clips}
    return [by_identity[identity] for identity in sorted(by_identity)]


def moments(
    clips: Iterable[ClipDetections], start_us: int, end_us: int, max_gap_us: int, *, opens: bool = False
) -> Iterator[Moment]:
    """Walk the owned frames of one camera whose stretches begin in [start, end), in time order.

    A frame stands from its instant to the next sampled one or the clip's end, the first one from the clip's
    start; never for more than the gap either way. A clip that comes to own an instant between two of its
    frames (the owner before it ended there) begins with the earlier of the two, at that instant: so what is
    covered is exact, whatever clips overlap.

    Args:
      clips: One camera's distinct clips in canonical order: all that end at or after `start_us` and start
        before `end_us`.
      start_us: Start of the interval.
      end_us: End of the interval, exclusive.
      max_gap_us: The longest stretch that one frame may stand for.
      opens: Whether nothing before `start_us` counts, as at the start of a day: then a frame that stands for
        the time across it begins there.
    """
    owned_until = start_us if opens else 0
    for clip in clips:
        if not clip.readable:
            continue
        own = max(owned_until, clip.start_us)
        owned_until = max(owned_until, clip.end_us)
        begins = _begins(clip, max_gap_us)
        last = bisect.bisect_left(begins, min(end_us, clip.end_us))
        first = bisect.bisect_left(begins, max(start_us, own))
        if own > clip.start_us and start_us <= own < end_us and first > 0:
            taken_over = _moment(clip, first - 1, own, own, max_gap_us)
            if taken_over.until_us > own:
                yield taken_over
        for i in range(first, last):
            yield _moment(clip, i, clip.times_us[i], begins[i], max_gap_us)


def left_out(clips: Iterable[ClipDetections], start_us: int, end_us: int, max_gap_us: int) -> int:
    """Count the frames whose stretches begin in [start, end) but in another clip's time; else as `moments`."""
    owned_until = 0
    count = 0
    for clip in clips:
        if clip.readable:
            begins = _begins(clip, max_gap_us)
            until = bisect.bisect_left(begins, min(end_us, owned_until))
            count += max(0, until - bisect.bisect_left(begins, start_us))
            owned_until = max(owned_until, clip.end_us)
    return count


def _begins(clip: ClipDetections, max_gap_us: int) -> Sequence[int]:
    times = clip.times_us
    if times and times[0] < clip.end_us and times[0] - clip.start_us <= max_gap_us:
        return clip.start_us, *times[1:]
    return times


def _moment(clip: ClipDetections, i: int, t_us: int, from_us: int, max_gap_us: int) -> Moment:
    following = clip.times_us[i + 1] if i + 1 < len(clip.times_us) else clip.end_us
    until = min(following, clip.times_us[i] + max_gap_us, clip.end_us)
    box = slice(clip.bounds[i], clip.bounds[i + 1])
    return Moment(i, t_us, from_us, until, clip.flags[i], clip.aspect, clip.boxes[box], clip.scores[box])
