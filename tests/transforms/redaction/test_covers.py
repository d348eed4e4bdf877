"""Covers run ahead of and behind what was seen, bridge what was missed, and grow with motion; never shrink."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from transforms.redaction.covers import LEAD_US, NOTHING, Covers, covered_share, covers_of, grown, outermost
from transforms.redaction.tracks import Track

STEP = 200_000
END = 10_000_000
PERSON = np.array([0.4, 0.2, 0.6, 0.8])


def covers(times: list[int], boxes: list[np.ndarray], end_us: int = END) -> Covers:
    return covers_of([Track(np.array(times, np.int64), np.array(boxes))], 0, end_us, STEP)


def holds(covers: Covers, t_us: int, box: np.ndarray) -> bool:
    return any((each[:2] <= box[:2] + 1e-9).all() and (each[2:] >= box[2:] - 1e-9).all() for each in covers.at(t_us))


def test_who_was_seen_once_is_covered_before_and_after() -> None:
    found = covers([5_000_000], [PERSON])
    for t_us in (5_000_000 - LEAD_US, 5_000_000, 5_000_000 + LEAD_US):
        assert holds(found, t_us, PERSON)
    assert not len(found.at(5_000_000 - LEAD_US - 1)) and not len(found.at(5_000_000 + LEAD_US + 1))


def test_nothing_reaches_over_the_ends_of_a_scene() -> None:
    found = covers([100_000, 9_900_000], [PERSON, PERSON])
    assert found.from_us.min() == 0 and found.until_us.max() == END


def test_missed_looks_are_covered_by_more() -> None:
    def area(found: Covers, t_us: int) -> float:
        (box,) = (each for each in found.at(t_us))
        return float(np.prod(box[2:] - box[:2]))

    bridged, watched = covers([2 * STEP, 7 * STEP], [PERSON] * 2), covers([2 * STEP, 3 * STEP], [PERSON] * 2)
    assert area(bridged, 3 * STEP) > area(watched, 2 * STEP + STEP // 2) >= np.prod(PERSON[2:] - PERSON[:2])


@given(st.floats(-0.6, 0.6), st.floats(-0.3, 0.3), st.integers(0, 10))
def test_somebody_who_goes_straight_is_under_cover_all_the_way(right: float, down: float, tenth: int) -> None:
    there = PERSON + np.tile([right, down], 2)
    found = covers([1_000_000, 1_000_000 + STEP], [PERSON, there])
    assert holds(found, 1_000_000 + STEP * tenth // 10, PERSON + (there - PERSON) * tenth / 10)


def test_over_a_long_way_all_between_is_covered() -> None:
    there = PERSON + np.array([0.5, 0, 0.5, 0])
    found = covers([1_000_000, 1_000_000 + STEP], [PERSON, there])
    for t_us in (1_000_000, 1_000_000 + STEP):
        assert holds(found, t_us, np.array([0.4, 0.2, 1.1, 0.8]))


def test_who_goes_on_as_before_is_under_cover_while_not_seen() -> None:
    step = np.array([0.05, 0, 0.05, 0])
    found = covers([1_000_000, 1_000_000 + STEP], [PERSON, PERSON + step])
    assert holds(found, 1_000_000 + 3 * STEP, PERSON + 3 * step)
    assert holds(found, 1_000_000 - 2 * STEP, PERSON - 2 * step)


def test_what_is_covered_together() -> None:
    both = covers([0], [PERSON]) | NOTHING | covers([0], [PERSON + 1])
    assert holds(both, 0, PERSON) and holds(both, 0, PERSON + 1)
    np.testing.assert_allclose(grown(PERSON[None], 0.5, 0.1, 0.2), [[0.3, 0.14, 0.7, 0.92]])
    halves = np.array([[0.0, 0.0, 0.5, 0.5], [0.5, 0.0, 1.0, 0.5]])
    shares = covered_share(np.array([[0.25, 0.0, 0.75, 0.5], [0.0, 0.25, 1.0, 0.75], [3.0, 0, 4.0, 1]]), halves, 1.0)
    np.testing.assert_allclose(shares, [1, 0.5, 1], atol=0.01)


@given(arrays(np.int64, st.tuples(st.integers(0, 12), st.just(4)), elements=st.integers(0, 6)))
def test_outermost_boxes_cover_what_all_do_and_none_lies_in_another(sides: np.ndarray) -> None:
    boxes = np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:] + 1], axis=1).astype(float)
    kept = outermost(boxes)
    assert np.array_equal(filled(boxes), filled(kept))
    assert len(outermost(kept)) == len(kept) == len(np.unique(kept, axis=0))


def filled(boxes: np.ndarray) -> np.ndarray:
    """Return which unit cells lie under boxes with whole sides."""
    under = np.zeros((20, 20), np.bool_)
    for left, top, right, bottom in boxes.astype(int):
        under[top:bottom, left:right] = True
    return under
