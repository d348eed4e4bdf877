"""The leak measure: what another detector still finds on the covered pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.card import Role
from transforms.boxes import Floats
from transforms.redaction.covers import NOTHING, Covers, covered_share, covers_of
from transforms.redaction.scan import Scan
from transforms.redaction.tracks import track
from transforms.redaction.what import What, region, with_margin

SURE = 0.5
"""Score from which on what another detector finds is a leak: the one that parts best, to which cards bend scores."""
_SEEN = 0.4  # of what it finds must be uncovered: a black box can look like a head
_EVERY = 2  # stretches between two looks, in the middle of one of which it is measured


@dataclass(frozen=True)
class Measure:
    """What is known of one redacted clip.

    Attributes:
      frames: In the clip.
      whole: Of these, covered whole, because there was no telling what is on them.
      unwatched: Of these, covered whole, because they are out of the site's schedule.
      measured: Frames on which leaks were looked for, by another detector than the one that masked.
      leaks_before: What it found on these under the first masks.
      leaks_after: What it found once more was covered; frames with any were then covered whole.
    """

    frames: int
    whole: int
    unwatched: int
    measured: int
    leaks_before: int
    leaks_after: int


def measured_at(scan: Scan) -> list[list[int]]:
    """Return for each scene the times of the frames to measure: where the last look and the next are farthest."""
    times = np.array(scan.times_us)
    chosen = []
    for scene in scan.scenes:
        pairs = list(zip(scene.looks_us, scene.looks_us[1:], strict=False))[::_EVERY]
        middles = [(begin + end) / 2 for begin, end in pairs] or [float(scene.begin_us)]
        nearest = np.clip(np.searchsorted(times, middles, side="right") - 1, 0, len(times) - 1)
        chosen.append(sorted(set(times[nearest].tolist())))
    return chosen


def leaks(what: What, role: Role, boxes: Floats, scores: NDArray[np.float64], under: Floats, aspect: float) -> Floats:
    """Return what is seen of people on a covered picture, (N, 4) regions in picture heights.

    Args:
      what: What is to be covered.
      role: Of the detector.
      boxes: What it found.
      scores: How sure it was.
      under: (M, 4) what is covered.
      aspect: Width of the picture in its heights.
    """
    sure = boxes[scores >= SURE]
    regions = region(what, role, sure)
    covered = covered_share(regions, under, aspect)
    if role == "person" and what in ("heads", "faces"):
        # Of somebody whose head is black a detector often finds the body below it alone.
        above = regions - (regions[:, 3] - regions[:, 1])[:, None] * np.array([0, 1, 0, 1])
        covered = np.maximum(covered, covered_share(above, under, aspect))
    return regions[1 - covered >= _SEEN]


def more_covers(
    what: What, role: Role, scan: Scan, measured: Sequence[Sequence[int]], found: Mapping[int, Floats]
) -> Covers:
    """Return what covers leaks, from the frame measured before each to the one measured after it.

    Args:
      what: What is to be covered.
      role: Of the detector that found them.
      scan: The clip.
      measured: For each scene the times that were measured.
      found: The leaks, by the time of their frame.
    """
    covers = NOTHING
    for scene, times_us in zip(scan.scenes, measured, strict=True):
        step_us = max(1, (times_us[-1] - times_us[0]) // max(1, len(times_us) - 1))
        regions = [with_margin(what, role, found.get(each, np.empty((0, 4)))) for each in times_us]
        covers |= covers_of(track(times_us, regions, step_us), scene.begin_us, scene.end_us, step_us)
    return covers


def around(times_us: Sequence[int], begin_us: int, end_us: int, bad: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the stretches of a scene, as near as possible to bad moments, that no good moment bounds.

    Args:
      times_us: Moments of the scene, rising.
      begin_us: Its first frame.
      end_us: Its last one.
      bad: Whether each moment is bad.

    Returns:
      First and last instant of each: just after the good moment before, just before the one after.
    """
    good = [each for each, is_bad in zip(times_us, bad, strict=True) if not is_bad]
    stretches = set()
    for each, is_bad in zip(times_us, bad, strict=True):
        if is_bad:
            before = max((other + 1 for other in good if other < each), default=begin_us)
            after = min((other - 1 for other in good if other > each), default=end_us)
            stretches.add((before, after))
    return sorted(stretches)
