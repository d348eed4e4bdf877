"""Motion-only tracking: which boxes of successive frames are one person.

`step` is a pure function of a small state and one frame's boxes. Nothing of a person but place, size and motion is
looked at, and nothing is kept once a track has ended. A track changes only when it is seen: frames without it,
whether missing or empty, leave it as it was, and its motion is carried over the whole gap at once.

Strong boxes are given out first, then weak ones to the confirmed tracks still without (ByteTrack, Zhang et al.
2022), each time by an optimal assignment. The cost of a pair is its negative log-likelihood (see motion.py): the
gate opens as the place of an occluded track becomes uncertain, and a track lost long ago yields to one seen just
now, without rules of their own. Where the boxes' clip goes on, so does the likelihood (see lookahead.py).
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from transforms.boxes import iou
from transforms.lookahead import View, detours, support
from transforms.motion import ROWS, MotionSettings, across, arrive, compare, correct, frame, predict, surprise

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]

_HEADER = struct.Struct("<BqqI")
_VERSION = 1
_NEVER = -(2**63)


@dataclass(frozen=True)
class TrackerSettings:
    """What counts as a person's track.

    One setting for all cameras and rates: times are seconds, lengths shares of a person's height.

    Attributes:
        motion: How people move and how well they are detected.
        strong: Score from which a box can be any track's, or begin one.
        weak: Score from which a box can prolong a confirmed track. Boxes below are not looked at.
        doubtful: Score that speaks neither for nor against a person. A track's evidence is the sum of what its
            scores exceed it by, never below 0 (a cumulative sum test, Page 1954).
        evidence: Evidence from which a track is confirmed, for ever: more than any single box can give.
        patience: Seconds for which a confirmed track may be out of sight.
        trial: Seconds for which an unconfirmed track may be; at low frame rates, not even one frame.
        reach: Largest cost at which a strong box is a track's.
        reach_weak: Largest cost at which a weak box is a track's.
        newcomer: Cost added to an unconfirmed track's, which so yields to a confirmed one.
        crowding: By how much the variance of a box grows where another covers it: boxes of people who hide
            each other are drawn towards each other.
        twin: Overlap with a box in use from which a box begins no track: it is the same person again.
        foresight: Seconds for which is looked ahead, inside a clip.
        muddle: Chance that boxes linked on the way ahead are not one person.
        sure: Cost up to which a track has a box of its own in sight, and what comes later casts no doubt on it.
    """

    motion: MotionSettings = field(default_factory=MotionSettings)
    strong: float = 0.4
    weak: float = 0.1
    doubtful: float = 0.6
    evidence: float = 0.5
    patience: float = 2.0
    trial: float = 0.3
    reach: float = 17.0
    reach_weak: float = 9.0
    newcomer: float = 3.0
    crowding: float = 1.0
    twin: float = 0.5
    foresight: float = 1.2
    muddle: float = 0.1
    sure: float = 6.0


@dataclass(frozen=True, eq=False)
class TrackerState:
    """Live tracks between two frames; all that is needed to go on exactly.

    Attributes:
        next_id: Id of the next track to begin.
        now_us: Time of the last frame, microseconds.
        track: (K,) ids, rising.
        seen_us: (K,) time of each track's last sighting.
        evidence: (K,) that each is a person; no longer summed up once it is confirmed.
        motion: (ROWS, K) its motion then, as in motion.py.
    """

    next_id: int
    now_us: int
    track: Integers
    seen_us: Integers
    evidence: Floats
    motion: Floats


class Sightings(NamedTuple):
    """Tracks seen in one frame, by rising id, and those that ended.

    Attributes:
        track: (M,) ids.
        boxes: (M, 4) the detected boxes as the motion filter sees them: steadier than the detector's, no later.
        confirmed: (M,) whether the track is known to be a person; once true, true for ever.
        ended: (E,) ids of tracks that were given up in this step.
    """

    track: Integers
    boxes: Floats
    confirmed: Flags
    ended: Integers


def start() -> TrackerState:
    """Return the state before the first frame."""
    return _no_tracks(1, _NEVER)


def cut(state: TrackerState) -> TrackerState:
    """Give up all tracks, where the camera's view was lost, and keep the numbering."""
    return _no_tracks(state.next_id, state.now_us)


def step(state: TrackerState, settings: TrackerSettings, t_us: int, view: View) -> tuple[TrackerState, Sightings]:
    """Follow the tracks through one frame.

    Args:
        state: State after the frame before.
        settings: The same in all steps.
        t_us: Time of the frame, microseconds; later than the frame before, by any step.
        view: What is seen at it, see lookahead.py.

    Returns:
        The new state, and what was seen.

    Raises:
        ValueError: The frame is not later than the one before.
    """
    if t_us <= state.now_us:
        raise ValueError("frames must be given in order of time, each later than the one before")
    live = _unexpired(state, settings, t_us)
    track, seen_us = state.track[live], state.seen_us[live]
    evidence, motion = state.evidence[live], state.motion[:, live]
    confirmed = evidence >= settings.evidence
    tried = (~confirmed).nonzero()[0]

    expected = predict(motion, (t_us - seen_us) / 1e6, settings.motion)
    pairs = compare(*across(expected, view.seen), settings.motion)
    costs = surprise(pairs, settings.motion)
    costs -= support(pairs, view.after[:, None], settings)
    if len(tried):
        costs[tried] += settings.newcomer
    detours(costs, expected, t_us, view, settings)
    found, used = _associate(costs, confirmed, view.strong, settings)
    new = _newcomers(view, used, settings.twin)

    sighted = correct(expected.take(found, axis=1), view.seen.take(used, axis=1), settings.motion)
    motion[:, found] = sighted
    seen_us[found] = t_us
    if len(tried):
        gained = np.zeros(len(track))
        gained[found] = view.scores[used] - settings.doubtful
        evidence[tried] = np.maximum(evidence[tried] + gained[tried], 0)
    after = TrackerState(state.next_id, t_us, track, seen_us, evidence, motion)
    if new:
        begun = arrive(view.seen[:, new], settings.motion)
        after = _born(after, begun, np.maximum(view.scores[new] - settings.doubtful, 0))
        found = np.concatenate((found, np.arange(len(track), len(after.track))))
        sighted = np.concatenate((sighted, begun), axis=1)
    return after, Sightings(
        track=after.track[found],
        boxes=frame(sighted),
        confirmed=after.evidence[found] >= settings.evidence,
        ended=state.track[~live],
    )


def encode(state: TrackerState) -> bytes:
    """Write the state as bytes; `decode` gives back exactly the same state."""
    return b"".join(
        (
            _HEADER.pack(_VERSION, state.next_id, state.now_us, len(state.track)),
            state.track.astype("<i8").tobytes(),
            state.seen_us.astype("<i8").tobytes(),
            state.evidence.astype("<f8").tobytes(),
            state.motion.astype("<f8").tobytes(),
        )
    )


def decode(data: bytes) -> TrackerState:
    """Read a state written by `encode`.

    Raises:
        ValueError: Not such a state, or of a version that this release does not know.
    """
    if len(data) < _HEADER.size or data[0] != _VERSION:
        raise ValueError(f"not a tracker state of version {_VERSION}: begin with a fresh state")
    _, next_id, now_us, tracks = _HEADER.unpack_from(data)
    if len(data) != _HEADER.size + 8 * tracks * (3 + ROWS):
        raise ValueError("a tracker state is cut short: begin with a fresh state")
    whole = np.frombuffer(data, "<i8", offset=_HEADER.size).reshape(3 + ROWS, tracks).astype(np.int64)
    return TrackerState(next_id, now_us, whole[0], whole[1], whole[2].view(np.float64), whole[3:].view(np.float64))


def _no_tracks(next_id: int, now_us: int) -> TrackerState:
    none = np.zeros(0, np.int64)
    return TrackerState(next_id, now_us, none, none, np.zeros(0), np.zeros((ROWS, 0)))


def _unexpired(state: TrackerState, settings: TrackerSettings, t_us: int) -> Flags:
    """Say which tracks may still be found."""
    trusted = (state.evidence >= settings.evidence) | (state.seen_us == state.now_us)
    return t_us - state.seen_us <= 1e6 * np.where(trusted, settings.patience, settings.trial)


def _associate(costs: Floats, confirmed: Flags, strong: int, settings: TrackerSettings) -> tuple[Indices, Indices]:
    """Give boxes to tracks, the strong ones first; returns tracks, in order, and the box of each."""
    found, used = _matched(costs[:, :strong] - settings.reach)
    if strong < costs.shape[1] and len(found) < len(costs):
        without = confirmed.copy()
        without[found] = False
        left = without.nonzero()[0]
        again, weak = _matched(costs[left, strong:] - settings.reach_weak)
        if len(again):
            found, used = np.concatenate((found, left[again])), np.concatenate((used, strong + weak))
            order = found.argsort()
            found, used = found[order], used[order]
    return found, used


def _matched(costs: Floats) -> tuple[Indices, Indices]:
    """Match rows with columns at the least cost in all; pairs that cost 0 or more are not made."""
    # Capped, so that a hopeless pair weighs as much as no pair and never bends the others.
    np.minimum(costs, 0, out=costs)
    row, column = linear_sum_assignment(costs)
    made = costs[row, column] < 0
    return row[made], column[made]


def _newcomers(view: View, used: Indices, twin: float) -> list[int]:
    """Return the boxes that begin tracks: strong, nobody's, and not a second one of somebody seen."""
    free = sorted(set(range(view.strong)).difference(used.tolist()))
    if not free or not len(used):
        return free
    alone = iou(view.boxes[free], view.boxes[used]).max(axis=1) < twin
    return [box for box, other in zip(free, alone.tolist(), strict=True) if other]


def _born(state: TrackerState, motion: Floats, evidence: Floats) -> TrackerState:
    """Add tracks seen for the first time."""
    next_id = state.next_id + len(evidence)
    return TrackerState(
        next_id,
        state.now_us,
        np.concatenate((state.track, np.arange(state.next_id, next_id))),
        np.concatenate((state.seen_us, np.full(len(evidence), state.now_us))),
        np.concatenate((state.evidence, evidence)),
        np.concatenate((state.motion, motion), axis=1),
    )
