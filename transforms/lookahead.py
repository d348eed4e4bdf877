"""Looking ahead inside a clip: where the boxes of a frame go in the frames after it.

Behind an occluder, place and size do not tell who comes out; where the box goes next often does. So the boxes of a
clip are linked into chains, frame to frame, each with the one that it fits best and that it is the best of, and the
motion filter is run along each chain backwards, from `TrackerSettings.foresight` ahead. That the two directions
agree where they meet is part of what a pair costs (two-filter smoothing, Fraser and Potter 1969). Chains break where
people hide each other, and may be wrong; `TrackerSettings.muddle` is the chance.

All this is a function of one clip's boxes. Its last frames see nothing ahead, and no frame sees the next clip: a
record depends on no clip that starts after it. Whatever the tracker needs to know of a frame's boxes alone is worked
out here too, for all frames of the clip at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.boxes import overlap
from transforms.motion import (
    Compared,
    Floats,
    across,
    agreement,
    begin,
    compare,
    correct,
    look_back,
    measure,
    predict,
    surprise,
)

if TYPE_CHECKING:
    from transforms.tracker import TrackerSettings

Integers = NDArray[np.int64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]

_BLOCK = 1 << 14
"""Pairs of boxes that are looked at together, about: few enough for the processor's cache. A matter of speed only."""


class View(NamedTuple):
    """One frame: its boxes, and what comes after them, as far as its clip tells.

    Boxes that can be nobody's are left out, the others are in one order, whatever order they came in.

    Attributes:
        boxes: (N, 4) x1, y1, x2, y2 in picture heights, by falling score.
        scores: (N,) of the boxes.
        strong: Number of strong boxes, which are the first.
        seen: (SEEN, N) the boxes as in motion.py; those that overlap are less sure.
        after: (AFTER, N) what later boxes say of the velocity at each, as in motion.py.
        heads_us: (H,) times of the heads, boxes soon after: the first strong ones of chains that begin after it.
        heads: (SEEN, H) the heads.
        heads_after: (AFTER, H) what still later boxes say of the velocity at each.
    """

    boxes: Floats
    scores: Floats
    strong: int
    seen: Floats
    after: Floats
    heads_us: Integers
    heads: Floats
    heads_after: Floats


def look_ahead(
    times_us: Sequence[int], counts: Sequence[int], boxes: Floats, scores: Floats, settings: TrackerSettings
) -> list[View]:
    """Look ahead from every frame of a clip.

    Args:
        times_us: (F,) times of the frames, strictly rising.
        counts: (F,) number of boxes in each.
        boxes: (sum of counts, 4) x1, y1, x2, y2 in picture heights, frame after frame. Boxes without area are ignored.
        scores: (sum of counts,) in 0..1.
        settings: The tracker's.

    Returns:
        (F,) what is seen at each frame. The order of a frame's boxes makes no difference.
    """
    frame = np.repeat(np.arange(len(counts)), counts)
    used = _admit(frame, boxes, scores, settings.weak)
    frame, boxes, scores = frame[used], boxes[used], scores[used]
    time_us = np.asarray(times_us, np.int64)[frame]
    alone = measure(boxes)
    following = _links(frame, time_us, alone, settings)
    after = _filter_back(following, time_us, alone, settings)
    seen = alone.copy()
    seen[4] += settings.crowding * _most_covered(frame, boxes)
    strong = scores >= settings.strong
    begun, heads = _heads(following, frame, strong)
    heads_us, heads_seen, heads_after = time_us[heads], alone[:, heads], after[:, heads]
    ends = np.searchsorted(frame, np.arange(len(counts) + 1)).tolist()
    strong_before = np.concatenate((np.zeros(1, int), np.cumsum(strong)))[ends].tolist()
    soon = np.searchsorted(heads_us, np.add.outer((1, 1e6 * settings.foresight + 1), times_us)).T.tolist()
    since = begun.tolist()
    views = []
    for f, (first, last) in enumerate(soon):
        own = slice(ends[f], ends[f + 1])
        # Most chains begin with their head, and so after any frame before it.
        which: slice | list[int] = slice(first, last)
        if any(begin <= f for begin in since[which]):
            which = [head for head in range(first, last) if since[head] > f]
        views.append(
            View(
                boxes[own], scores[own], strong_before[f + 1] - strong_before[f], seen[:, own], after[:, own],
                heads_us[which], heads_seen[:, which], heads_after[:, which],
            )
        )  # fmt: skip
    return views


def support(pairs: Compared, after: Floats, settings: TrackerSettings) -> Floats:
    """Return what speaks for pairs of tracks and boxes in where the boxes go next; see `agreement`.

    Twice the logarithm of a likelihood ratio, to be taken off `surprise`: 0 where nothing comes after. It can speak
    against a pair no more than the chance allows that the chain is wrong.
    """
    better = agreement(pairs, after)
    better += math.log1p(-settings.muddle)
    np.logaddexp(better, math.log(settings.muddle), out=better)
    better *= 2
    return better


def detours(costs: Floats, motion: Floats, t_us: int, view: View, settings: TrackerSettings) -> None:
    """Raise the costs of boxes that would lead tracks away from where they come out again.

    A track whose own box is hidden is offered the boxes around it. If, left alone, it fits a head, and fits it
    worse once it has been moved to the box on offer, the offer costs the difference more.

    Args:
        costs: (K, N) of all pairs, changed in place.
        motion: (ROWS, K) tracks, predicted to the frame.
        t_us: Time of the frame.
        view: The frame.
        settings: The tracker's.
    """
    if not len(view.heads_us):
        return
    unsure = np.minimum.reduce(costs, axis=1, initial=np.inf) > settings.sure
    tracks, boxes = (unsure[:, None] & (costs < settings.reach)).nonzero()
    if not len(tracks):
        return
    alone = motion.take(tracks, axis=1)
    moved = correct(alone, view.seen.take(boxes, axis=1), settings.motion)
    both, heads = across(np.concatenate((alone, moved), axis=1), view.heads)
    pairs = compare(predict(both, (view.heads_us - t_us) / 1e6, settings.motion), heads, settings.motion)
    to_heads = surprise(pairs, settings.motion) - support(pairs, view.heads_after[:, None], settings)
    cost_alone, cost_moved = np.minimum(to_heads.min(axis=1), settings.reach).reshape(2, -1)
    costs[tracks, boxes] += np.maximum(cost_moved - cost_alone, 0)


def _admit(frame: Indices, boxes: Floats, scores: Floats, weak: float) -> Indices:
    """Return the boxes that can matter, by frame and, in each, in one order, whatever order they came in."""
    left, top, right, bottom = boxes.T
    use = np.flatnonzero((scores >= weak) & (right > left) & (bottom > top))
    order: Indices = use[np.lexsort((*boxes[use].T, -scores[use], frame[use]))]
    return order


def _tables(frame: Indices) -> Iterator[tuple[Indices, Flags]]:
    """Lay frames side by side, padded to the widest of them: a few operations on large arrays, not many on small ones.

    Yields tables (F, W) of indices of boxes, and which of them are filled; a table begins with the last frame of the
    one before.
    """
    frames = int(frame[-1]) + 1 if len(frame) else 0
    begins = np.searchsorted(frame, np.arange(frames + 1))
    widths = np.diff(begins)
    block = max(1, _BLOCK // int(widths.max(initial=1)) ** 2)
    for first in range(0, max(frames - 1, min(frames, 1)), block):
        last = min(first + block, frames - 1)
        widest = max(1, int(widths[first : last + 1].max()))
        slots = begins[first : last + 1, None] + np.arange(widest)
        filled = slots < begins[first + 1 : last + 2, None]
        slots[~filled] = 0
        yield slots, filled


def _most_covered(frame: Indices, boxes: Floats) -> Floats:
    """Return for each box its largest overlap with another of its frame."""
    covered, sides = np.zeros(len(frame)), np.ascontiguousarray(boxes.T)
    for slots, filled in _tables(frame):
        laid = sides[:, slots]
        shared = overlap(laid[..., :, None], laid[..., None, :])
        shared[~(filled[:, :, None] & filled[:, None, :])] = 0
        itself = np.arange(slots.shape[1])
        shared[:, itself, itself] = 0
        covered[slots[filled]] = shared.max(axis=2)[filled]
    return covered


def _links(frame: Indices, time_us: Integers, seen: Floats, settings: TrackerSettings) -> Indices:
    """Return for each box the index of the one in the next frame that it is linked with, -1 for none."""
    following = np.full(len(frame), -1)
    for slots, filled in _tables(frame):
        here, there = slots[:-1], slots[1:]
        step = np.where(filled[:-1] & filled[1:, :1], time_us[there[:, :1]] - time_us[here], 0) / 1e6
        gone = predict(begin(seen[:, here], settings.motion), step, settings.motion)
        costs = surprise(compare(*across(gone, seen[:, there]), settings.motion), settings.motion)
        costs[~(filled[:-1, :, None] & filled[1:, None, :])] = np.inf
        best = costs.argmin(axis=2)
        mutual = np.take_along_axis(costs.argmin(axis=1), best, axis=1) == np.arange(slots.shape[1])
        mutual &= costs.min(axis=2) <= settings.reach
        following[here[mutual]] = np.take_along_axis(there, best, axis=1)[mutual]
    return following


def _filter_back(following: Indices, time_us: Integers, seen: Floats, settings: TrackerSettings) -> Floats:
    """Return (AFTER, S): what the boxes later in each box's chain say of its velocity."""
    chain = [np.arange(len(following))]
    while True:
        last = chain[-1]
        beyond = np.where(last >= 0, following[last], -1)
        beyond[time_us[beyond] - time_us > 1e6 * settings.foresight] = -1
        if not (beyond >= 0).any():
            break
        chain.append(beyond)
    begun = begin(seen, settings.motion)
    motion = begun.take(chain[-1], axis=1)
    for there, here in pairwise(reversed(chain)):
        goes_on = there >= 0
        seconds = np.where(goes_on, time_us[there] - time_us[here], 0) / 1e6
        walked = correct(predict(motion, seconds, settings.motion), seen.take(here, axis=1), settings.motion)
        motion = np.where(goes_on, walked, begun.take(here, axis=1))
    return look_back(motion, settings.motion)


def _heads(following: Indices, frame: Indices, strong: Flags) -> tuple[Indices, Indices]:
    """Return for each chain with a strong box the frame of its first box, and its first strong box; by the latter."""
    root = np.arange(len(following))
    linked = np.flatnonzero(following >= 0)
    root[following[linked]] = linked
    while (root[root] != root).any():
        root = root[root]
    candidates = np.flatnonzero(strong)
    heads = np.sort(candidates[np.unique(root[candidates], return_index=True)[1]])
    return frame[root[heads]], heads
