"""Overlap, suppression and quantisation of boxes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from transforms.boxes import CANDIDATES, UNIT, iou, nms, quantise

Floats = NDArray[np.float64]

coordinate = st.integers(0, 12).map(float)
box = st.tuples(coordinate, coordinate, coordinate, coordinate)
scored = st.lists(st.tuples(box, st.integers(0, 4).map(lambda level: level / 4)), max_size=12)


corner = st.tuples(coordinate, coordinate)
full = st.builds(lambda at, sides: (*at, at[0] + sides[0] + 1, at[1] + sides[1] + 1), corner, corner)
sure = st.lists(st.tuples(full, st.integers(1, 4).map(lambda level: level / 4)), max_size=12)


def arrays(rows: list[tuple[tuple[float, ...], float]]) -> tuple[Floats, Floats]:
    return np.array([box for box, _ in rows]).reshape(-1, 4), np.array([score for _, score in rows])


def slow_iou(a: Floats, b: Floats) -> float:
    """Count unit squares: whole coordinates make this exact."""
    squares = [{(x, y) for x in range(int(x1), int(x2)) for y in range(int(y1), int(y2))} for x1, y1, x2, y2 in (a, b)]
    union = squares[0] | squares[1]
    return len(squares[0] & squares[1]) / len(union) if union else 0.0


@given(scored, scored)
def test_iou_counts_what_is_shared(a: list, b: list) -> None:
    one, other = arrays(a)[0], arrays(b)[0]
    expected = [[slow_iou(row, column) for column in other] for row in one]
    assert np.allclose(iou(one, other), np.reshape(expected, (len(one), len(other))))


@given(sure, st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_nms_is_the_greedy_one(rows: list, threshold: float) -> None:
    boxes, scores = arrays(rows)
    expected: list[int] = []
    for index in sorted(range(len(rows)), key=lambda index: -scores[index]):
        if all(slow_iou(boxes[index], boxes[kept]) <= threshold for kept in expected):
            expected.append(index)
    assert nms(boxes, scores, threshold).tolist() == expected


def test_nms_takes_the_best_candidates_only() -> None:
    count = CANDIDATES + 50
    left = np.arange(count) * 2.0
    boxes = np.stack([left, np.zeros(count), left + 1, np.ones(count)], axis=1)
    scores = np.linspace(0, 1, count)
    assert nms(boxes, scores, 0.5).tolist() == list(range(count - 1, 49, -1))


def test_quantised_boxes_may_leave_the_picture() -> None:
    boxes, scores = quantise(np.array([[-0.25, 0.5, 0.125, 1.5]]), np.array([0.5]))
    assert boxes.tolist() == [[-UNIT // 4, UNIT // 2, UNIT // 8, UNIT * 3 // 2]]
    assert scores.tolist() == [128]
    assert (boxes.dtype, scores.dtype) == (np.int32, np.uint8)


@given(scored, st.randoms(use_true_random=False))
def test_quantised_boxes_have_one_order(rows: list, random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    (boxes, scores), (again, same) = quantise(*arrays(rows)), quantise(*arrays(shuffled))
    assert boxes.tolist() == again.tolist()
    assert scores.tolist() == same.tolist() == sorted(scores.tolist(), reverse=True)


def test_what_cannot_be_held_is_cut() -> None:
    boxes, scores = quantise(np.array([[-1e9, 0, 1e9, 1]]), np.array([1.5]))
    limit = np.iinfo(np.int32).max
    assert boxes.tolist() == [[-limit, 0, limit, UNIT]]
    assert scores.tolist() == [255]


def test_no_boxes() -> None:
    none = np.zeros((0, 4)), np.zeros(0)
    assert nms(*none, 0.5).shape == (0,)
    assert [part.shape for part in quantise(*none)] == [(0, 4), (0,)]
