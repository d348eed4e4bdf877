"""Motion-only tracking: which boxes of successive frames are one person.

`step` is a pure function of a small state and one frame's boxes. Nothing of a person but place, size and motion is
looked at, and nothing is kept once a track has ended.

A frame's boxes are given to tracks in three rounds, each an optimal assignment: strong boxes to confirmed
tracks, then to new ones, then weak boxes to confirmed tracks that are still without (ByteTrack, Zhang et al.
2022). The cost of a pair is twice the negative log-likelihood of the box under the track's motion (see
motion.py). So the gate opens as an occluded track's place becomes uncertain, and a track lost long ago yields to
one seen just now.
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from transforms.boxes import iou
from transforms.motion import ROWS, Measured, MotionSettings, begin, correct, frame, measure, predict, surprise

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Indices = NDArray[np.intp]

_HEADER = struct.Struct("<BqqI")
_VERSION = 1
_NEVER = -(2**63)
_IMPOSSIBLE = 1e6


@dataclass(frozen=True)
class TrackerSettings:
    """What counts as a person's track.

    Attributes:
        motion: How people move and how well they are detected.
        strong: Score from which a box can be any track's.
        weak: Score from which a box can prolong a confirmed track.
        birth: Score from which a box that no track took begins one.
        evidence: Sum of scores from which a track is a person; a single flash never reaches it.
        patience: Seconds for which a confirmed track may be out of sight.
        doubt: Seconds for which a new track may be out of sight; it may always miss no frame at all.
        reach: Cost up to which a strong box is a track's.
        reach_weak: Cost up to which a weak box is a track's.
        gate: Squared Mahalanobis distance of the centres beyond which a pair is impossible.
        overlap_weight: Cost of no overlap between a box and the place where it is expected.
        crowding: By how much a box's variance grows as another covers it: boxes of people who hide each
            other are drawn towards each other.
        twin: Overlap with a box in use from which a box begins no track: it is the same person again.
    """

    motion: MotionSettings = field(default_factory=MotionSettings)
    strong: float = 0.5
    weak: float = 0.1
    birth: float = 0.7
    evidence: float = 2.0
    patience: float = 2.0
    doubt: float = 0.3
    reach: float = 15.0
    reach_weak: float = 9.0
    gate: float = 16.0
    overlap_weight: float = 2.0
    crowding: float = 1.0
    twin: float = 0.6


@dataclass(frozen=True, eq=False)
class TrackerState:
    """Live tracks between two frames; all that is needed to go on exactly.

    Attributes:
        next_id: Id of the next track to begin.
        now_us: Time of the last frame, microseconds.
        track: (K,) ids, rising.
        seen_us: (K,) time of each track's last sighting.
        evidence: (K,) sum of the scores of its sightings.
        motion: (ROWS, K) their motion at their last sightings.
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
    confirmed: NDArray[np.bool_]
    ended: Integers


def start() -> TrackerState:
    """Return the state before the first frame."""
    return _no_tracks(1, _NEVER)


def cut(state: TrackerState) -> TrackerState:
    """Give up all tracks, where the camera's view was lost, and keep the numbering."""
    return _no_tracks(state.next_id, state.now_us)


def step(
    state: TrackerState, settings: TrackerSettings, t_us: int, boxes: Floats, scores: Floats
) -> tuple[TrackerState, Sightings]:
    """Follow the tracks through one frame.

    Args:
        state: State after the frame before.
        settings: The same in all steps.
        t_us: Time of the frame, microseconds; later than the frame before, by any step.
        boxes: (N, 4) x1, y1, x2, y2 in picture heights, in any order. Boxes without area are ignored.
        scores: (N,) in 0..1.

    Returns:
        The new state, and what was seen. The order of the boxes makes no difference.

    Raises:
        ValueError: The frame is not later than the one before.
    """
    if t_us <= state.now_us:
        raise ValueError("frames must be given in order of time, each later than the one before")
    boxes, scores = _admit(boxes, scores, settings.weak)
    live = _unexpired(state, settings, t_us)
    kept = state.track[live]
    seen_us, evidence, motion = state.seen_us[live], state.evidence[live], state.motion[:, live]

    overlap = iou(boxes, boxes)
    np.fill_diagonal(overlap, 0)
    seen = measure(boxes, 1 + settings.crowding * overlap.max(axis=1, initial=0))
    expected = predict(motion, (t_us - seen_us) / 1e6, settings.motion)
    costs = _costs(expected, seen, boxes, settings)
    box_of = _associate(costs, evidence >= settings.evidence, scores, settings)

    found = np.flatnonzero(box_of >= 0)
    used = box_of[found]
    begins = scores >= settings.birth
    begins[used] = False
    begins &= overlap[:, used].max(axis=1, initial=0) < settings.twin
    new = np.flatnonzero(begins)

    motion[:, found] = correct(expected[:, found], _pick(seen, used), settings.motion)
    seen_us[found] = t_us
    evidence[found] += scores[used]
    after = TrackerState(
        next_id=state.next_id + len(new),
        now_us=t_us,
        track=np.concatenate((kept, np.arange(state.next_id, state.next_id + len(new)))),
        seen_us=np.concatenate((seen_us, np.full(len(new), t_us))),
        evidence=np.concatenate((evidence, scores[new])),
        motion=np.concatenate((motion, begin(_pick(seen, new), settings.motion)), axis=1),
    )
    sighted = np.concatenate((found, np.arange(len(kept), len(after.track))))
    return after, Sightings(
        track=after.track[sighted],
        boxes=frame(after.motion[:, sighted]),
        confirmed=after.evidence[sighted] >= settings.evidence,
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


def _admit(boxes: Floats, scores: Floats, weak: float) -> tuple[Floats, Floats]:
    """Leave out what cannot matter, and bring the rest into one order, whatever order it came in."""
    left, top, right, bottom = boxes.T
    use = (scores >= weak) & (right > left) & (bottom > top)
    boxes, scores = boxes[use], scores[use]
    order = np.lexsort((*boxes.T, -scores))
    return boxes[order], scores[order]


def _unexpired(state: TrackerState, settings: TrackerSettings, t_us: int) -> NDArray[np.bool_]:
    """Say which tracks may still be found: sure ones for long, doubtful ones if seen just now."""
    unseen = t_us - state.seen_us
    sure = (state.evidence >= settings.evidence) | (state.seen_us == state.now_us)
    return unseen <= 1e6 * np.where(sure, settings.patience, settings.doubt)


def _costs(expected: Floats, seen: Measured, boxes: Floats, settings: TrackerSettings) -> Floats:
    distance, cost = surprise(expected, seen, settings.motion)
    cost += settings.overlap_weight * (1 - iou(frame(expected), boxes))
    cost[distance > settings.gate] = _IMPOSSIBLE
    return cost


def _associate(
    costs: Floats, sure: NDArray[np.bool_], scores: Floats, settings: TrackerSettings
) -> NDArray[np.intp]:
    """Give boxes to tracks; returns (K,) the index of each track's box, -1 for none."""
    box_of = np.full(len(sure), -1)
    strong = scores >= settings.strong
    free = np.ones(len(scores), bool)
    for tracks, boxes, reach in (
        (sure, strong, settings.reach),
        (~sure, strong, settings.reach),
        (sure, ~strong, settings.reach_weak),
    ):
        rows, columns = np.flatnonzero(tracks & (box_of < 0)), np.flatnonzero(boxes & free)
        if len(rows) and len(columns):
            # Capped, so that an impossible pair never decides which possible ones are made.
            gains = np.minimum(costs[np.ix_(rows, columns)] - reach, 0)
            row, column = linear_sum_assignment(gains)
            made = gains[row, column] < 0
            box_of[rows[row[made]]] = columns[column[made]]
            free[columns[column[made]]] = False
    return box_of


def _pick(seen: Measured, which: Indices) -> Measured:
    return Measured(*(field[which] for field in seen))
