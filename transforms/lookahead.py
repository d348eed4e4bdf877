"""Looking ahead inside a clip: where the boxes of a frame go in the frames after it.

Behind an occluder, place and size do not tell who comes out; where the box goes next often does. So the boxes of a
clip are linked into chains, frame to frame, each with the one that it fits best and that it is the best of, and the
motion filter is run along each chain backwards, from `TrackerSettings.foresight` ahead. That the two directions
agree where they meet is part of what a pair costs (two-filter smoothing, Fraser and Potter 1969). Chains break where
people hide each other, and may be wrong; `TrackerSettings.muddle` is the chance.

All this is a function of one clip's boxes. Its last frames see nothing ahead, and no frame sees the next clip: a
record depends on no clip that starts after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.motion import (
    AFTER,
    Floats,
    Measured,
    across,
    agreement,
    begin,
    correct,
    look_back,
    measure,
    pick,
    predict,
    surprise,
)

if TYPE_CHECKING:
    from transforms.tracker import TrackerSettings

Integers = NDArray[np.int64]
Indices = NDArray[np.intp]

_BLOCK = 1 << 18
"""Pairs of boxes that are looked at together; a matter of memory only."""


class Ahead(NamedTuple):
    """What comes after one frame, as far as its clip tells.

    Attributes:
        after: (AFTER, N) what later boxes say of the velocity at each of the frame's boxes, as in motion.py.
        heads_us: (H,) times of the heads, boxes soon after: the first strong ones of chains that begin after it.
        heads: The H heads.
        heads_after: (AFTER, H) what still later boxes say of the velocity at each.
    """

    after: Floats
    heads_us: Integers
    heads: Measured
    heads_after: Floats


def look_ahead(
    times_us: Sequence[int], counts: Sequence[int], boxes: Floats, scores: Floats, settings: TrackerSettings
) -> list[Ahead]:
    """Look ahead from every frame of a clip.

    Args:
        times_us: (F,) times of the frames, strictly rising.
        counts: (F,) number of boxes in each.
        boxes: (sum of counts, 4) x1, y1, x2, y2 in picture heights, frame after frame.
        scores: (sum of counts,) in 0..1.
        settings: The tracker's.

    Returns:
        (F,) what comes after each frame, its boxes in their order.
    """
    ends = np.cumsum(counts, dtype=np.int64)
    left, top, right, bottom = boxes.T
    used = np.flatnonzero((scores >= settings.weak) & (right > left) & (bottom > top))
    frame = np.searchsorted(ends, used, side="right")
    time_us = np.asarray(times_us, np.int64)[frame]
    seen = measure(boxes[used], np.ones(len(used)))
    following = _links(frame, time_us, seen, settings)
    after = np.zeros((AFTER, len(boxes)))
    after[:, used] = _filter_back(following, time_us, seen, settings)
    begun, heads = _heads(following, frame, scores[used] >= settings.strong)
    found = []
    for f, time in enumerate(times_us):
        soon = slice(*np.searchsorted(time_us[heads], (time + 1, time + 1e6 * settings.foresight + 1)))
        which = heads[soon][begun[soon] > f]
        own = slice(ends[f] - counts[f], ends[f])
        found.append(Ahead(after[:, own], time_us[which], pick(seen, which), after[:, used[which]]))
    return found


def support(motion: Floats, seen: Measured, after: Floats, settings: TrackerSettings) -> Floats:
    """Return what speaks for pairs of tracks and boxes in where the boxes go next; the three broadcast.

    Twice the logarithm of a likelihood ratio, to be taken off `surprise`: 0 where nothing comes after. It can speak
    against a pair no more than the chance allows that the chain is wrong.
    """
    better = agreement(motion, seen, after, settings.motion) / 2
    return 2 * np.logaddexp(np.log1p(-settings.muddle) + better, np.log(settings.muddle))


def detours(costs: Floats, motion: Floats, seen: Measured, t_us: int, ahead: Ahead, settings: TrackerSettings) -> None:
    """Raise the costs of boxes that would lead tracks away from where they come out again.

    A track whose own box is hidden is offered the boxes around it. If, left alone, it fits a head, and fits it
    worse once it has been moved to the box on offer, the offer costs the difference more.

    Args:
        costs: (K, N) of all pairs, changed in place.
        motion: (ROWS, K) tracks, predicted to the frame.
        seen: The frame's N boxes.
        t_us: Time of the frame.
        ahead: What comes after it.
        settings: The tracker's.
    """
    unsure = costs.min(axis=1, initial=np.inf) > settings.sure
    tracks, boxes = np.nonzero(unsure[:, None] & (costs < settings.reach))
    if not len(tracks) or not len(ahead.heads_us):
        return
    alone = motion[:, tracks]
    moved = correct(alone, pick(seen, boxes), settings.motion)
    both, heads = across(np.concatenate((alone, moved), axis=1), ahead.heads)
    both = predict(both, (ahead.heads_us - t_us) / 1e6, settings.motion)
    to_heads = surprise(both, heads, settings.motion) - support(both, heads, ahead.heads_after[:, None], settings)
    cost_alone, cost_moved = np.minimum(to_heads.min(axis=1), settings.reach).reshape(2, -1)
    costs[tracks, boxes] += np.maximum(cost_moved - cost_alone, 0)


def _links(frame: Indices, time_us: Integers, seen: Measured, settings: TrackerSettings) -> Indices:
    """Return for each box the index of the one in the next frame that it is linked with, -1 for none."""
    frames = int(frame[-1]) + 1 if len(frame) else 0
    begins = np.searchsorted(frame, np.arange(frames + 1))
    widest = int(np.diff(begins).max(initial=1))
    following = np.full(len(frame), -1)
    # Frames side by side, each padded to the widest: a few operations on large arrays.
    block = max(1, _BLOCK // widest**2)
    for first in range(0, frames - 1, block):
        last = min(first + block, frames - 1)
        slots = begins[first : last + 1, None] + np.arange(widest)
        filled = slots < begins[first + 1 : last + 2, None]
        slots[~filled] = 0
        here, there = slots[:-1], slots[1:]
        step = np.where(filled[:-1] & filled[1:, :1], time_us[there[:, :1]] - time_us[here], 0) / 1e6
        gone = predict(begin(pick(seen, here), settings.motion), step, settings.motion)
        costs = surprise(*across(gone, pick(seen, there)), settings.motion)
        costs[~(filled[:-1, :, None] & filled[1:, None, :])] = np.inf
        best = costs.argmin(axis=2)
        mutual = np.take_along_axis(costs.argmin(axis=1), best, axis=1) == np.arange(widest)
        mutual &= costs.min(axis=2) <= settings.reach
        following[here[mutual]] = np.take_along_axis(there, best, axis=1)[mutual]
    return following


def _filter_back(following: Indices, time_us: Integers, seen: Measured, settings: TrackerSettings) -> Floats:
    """Return (AFTER, S): what the boxes later in each box's chain say of its velocity."""
    chain = [np.arange(len(following))]
    while True:
        last = chain[-1]
        beyond = np.where(last >= 0, following[last], -1)
        beyond[time_us[beyond] - time_us > 1e6 * settings.foresight] = -1
        if not (beyond >= 0).any():
            break
        chain.append(beyond)
    motion = begin(pick(seen, chain[-1]), settings.motion)
    for there, here in pairwise(reversed(chain)):
        box = pick(seen, here)
        seconds = np.where(there >= 0, time_us[there] - time_us[here], 0) / 1e6
        walked = correct(predict(motion, seconds, settings.motion), box, settings.motion)
        motion = np.where(there >= 0, walked, begin(box, settings.motion))
    return look_back(motion, settings.motion)


def _heads(following: Indices, frame: Indices, strong: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Return for each chain with a strong box the frame of its first box, and its first strong box; by the latter."""
    root = np.arange(len(following))
    linked = np.flatnonzero(following >= 0)
    root[following[linked]] = linked
    while (root[root] != root).any():
        root = root[root]
    candidates = np.flatnonzero(strong)
    heads = np.sort(candidates[np.unique(root[candidates], return_index=True)[1]])
    return frame[root[heads]], heads
