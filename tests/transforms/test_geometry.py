"""Lines and zones: half-open edges, signs, and crossings that agree with themselves from both sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.geometry import at_edge, foot_points, inside, passes_between, past_ends, properly_crosses

GRID = st.integers(-8, 8).map(float)
POINT = st.tuples(GRID, GRID).map(np.array)
SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def test_people_stand_at_the_bottom_centre_of_their_box() -> None:
    assert foot_points(np.array([[0.2, 0.1, 0.4, 0.9]])) == pytest.approx(np.array([[0.3, 0.9]]))
    assert foot_points(np.empty((0, 4))).shape == (0, 2)


@pytest.mark.parametrize(
    ("point", "is_inside"),
    [
        ((0.5, 0.5), True),
        ((0.0, 0.5), True),
        ((0.5, 0.0), True),
        ((0.0, 0.0), True),
        ((1.0, 0.5), False),
        ((0.5, 1.0), False),
        ((1.0, 1.0), False),
        ((-0.1, 0.5), False),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_left_and_upper_edges_belong_to_a_zone(point: tuple[float, float], is_inside: bool, turned: bool) -> None:
    polygon = SQUARE[::-1] if turned else SQUARE
    assert inside(np.array([point]), polygon).tolist() == [is_inside]


@settings(max_examples=100, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 31), st.integers(0, 31)), min_size=1, max_size=30))
def test_zones_that_tile_the_floor_share_no_point_and_miss_none(cells: list[tuple[int, int]]) -> None:
    """Points on a fine grid, tiles whose edges lie on it: each point is in exactly one tile."""
    points = np.array(cells, float) / 8
    tiles = [SQUARE + np.array([column, row]) for column in range(4) for row in range(4)]
    assert (sum(inside(points, tile).astype(int) for tile in tiles) == 1).all()


def test_a_dent_is_outside() -> None:
    polygon = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]], float)
    assert inside(np.array([[2.0, 3.0], [0.5, 2.0], [3.6, 2.0]]), polygon).tolist() == [False, True, True]


@settings(max_examples=200, derandomize=True)
@given(POINT, POINT, POINT, POINT)
def test_a_crossing_is_one_from_all_four_ends_and_changes_sides(
    p: np.ndarray, q: np.ndarray, a: np.ndarray, b: np.ndarray
) -> None:
    crosses = properly_crosses(p, q, a, b)
    assert crosses == properly_crosses(q, p, a, b) == properly_crosses(p, q, b, a) == properly_crosses(a, b, p, q)
    if crosses:
        along = b - a
        before, after = (along[0] * (y - a[1]) - along[1] * (x - a[0]) for x, y in (p, q))
        assert before * after < 0


@settings(max_examples=50, derandomize=True)
@given(POINT, POINT, POINT)
def test_what_only_touches_an_end_does_not_cross(p: np.ndarray, q: np.ndarray, a: np.ndarray) -> None:
    touched = (p + q) / 2
    assert not properly_crosses(p, q, touched, a)
    assert not properly_crosses(p, q, p, a)


def test_how_far_past_an_end() -> None:
    a, b = (0.0, 0.0), (0.0, 2.0)
    assert [past_ends((5.0, y), a, b) for y in (-1.0, 0.0, 0.5, 1.75, 3.0)] == [1.0, 0.0, -0.5, -0.25, 1.0]
    assert passes_between((1.0, 0.0), (2.0, 0.5), (0.0, -1.0), (0.0, 1.0))
    assert not passes_between((1.0, 0.0), (2.0, 0.5), (0.0, 0.0), (0.0, 1.0))


def test_people_come_and_go_at_all_edges() -> None:
    middle, size = np.array([0.8, 0.5]), np.array([0.1, 0.4])
    places = middle + np.array([(0, 0), (-0.73, 0), (0.73, 0), (0, 0.27)])
    boxes = np.column_stack((places - size / 2, places + size / 2))
    assert at_edge(boxes, 1.6).tolist() == [False, True, True, True]
    assert at_edge(np.empty((0, 4)), 1.6).shape == (0,)
