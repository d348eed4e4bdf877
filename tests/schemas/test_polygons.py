"""Polygons: what encloses an area, and what only seems to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.polygons import fault

SQUARE = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
NOTCHED = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.25), (0.0, 1.0)]


@pytest.mark.parametrize("points", [SQUARE, SQUARE[::-1], SQUARE[:3], NOTCHED])
def test_simple_polygons_pass(points: list[tuple[float, float]]) -> None:
    assert fault(points) is None


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ([(0, 0), (1, 1), (1, 0), (0, 1)], "from point 1 to 2 meets that from 3 to 4"),
        ([(0, 0), (0.5, 0.5), (1, 0), (1, 1), (0.5, 0.5), (0, 1)], "crosses or touches itself"),
        ([(0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)], "crosses or touches itself"),
        ([(0, 0), (1, 0), (0.5, 0), (0.5, 1)], "crosses or touches itself"),
        ([(0, 0), (1, 0), (1, 0), (0, 1)], "points 2 and 3 are the same"),
        ([(0, 0), (1, 0), (0, 1), (0, 0)], "points 4 and 1 are the same"),
        ([(0, 0), (0.5, 0.5), (1, 1)], "all points lie on one line"),
        ([(0, 0), (1, 0), (1, 1e-7)], "hardly any area"),
    ],
)
def test_faults_are_told(points: list[tuple[float, float]], told: str) -> None:
    assert told in (fault(points) or "")


ANGLES = st.floats(0, math.tau)


def star(radii: list[float], turn: float) -> list[tuple[float, float]]:
    angles = [turn + math.tau * step / len(radii) for step in range(len(radii))]
    return [(0.5 + r * math.cos(a), 0.5 + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]


@given(st.lists(st.floats(0.1, 0.5), min_size=4, max_size=20), ANGLES)
def test_stars_pass_either_way_round(radii: list[float], turn: float) -> None:
    assert fault(star(radii, turn)) is None
    assert fault(star(radii, turn)[::-1]) is None


@given(st.lists(st.floats(0.1, 0.5), min_size=4, max_size=4), ANGLES, st.integers(0, 3))
def test_a_quadrilateral_with_two_corners_swapped_does_not(radii: list[float], turn: float, swap: int) -> None:
    corners = star(radii, turn)
    corners[swap], corners[swap - 1] = corners[swap - 1], corners[swap]
    assert fault(corners) is not None
