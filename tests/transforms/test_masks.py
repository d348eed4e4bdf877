"""Masks hide everything under them, whatever the scaling, and nothing much beside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.video import encode, pictures
from transforms.decode import open_clip
from transforms.masks import rasterise

TRIANGLE = ((0.2, 0.1), (0.7, 0.3), (0.4, 0.8))


def test_no_masks_no_work() -> None:
    assert rasterise((), 64, 48) is None


def test_blanks_in_place_and_only_there() -> None:
    mask = rasterise((TRIANGLE,), 64, 48)
    picture = np.full((48, 64, 3), 200, np.uint8)
    mask.blank(picture)
    np.testing.assert_array_equal((picture == 0).all(axis=2), ~mask.visible)
    assert set(np.unique(picture)) == {0, 200}


@given(
    corners=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=3, unique=True),
    width=st.integers(8, 200),
    height=st.integers(8, 200),
)
def test_rounded_outward(corners: list[tuple[float, float]], width: int, height: int) -> None:
    """Every pixel of which any part lies in the triangle is masked, as is each neighbour that scaling mixes in."""
    (ax, ay), (bx, by), (cx, cy) = corners
    mask = rasterise((tuple(corners),), width, height)
    weights = np.random.default_rng(0).dirichlet((1, 1, 1), 200)
    points = weights @ np.array([(ax, ay), (bx, by), (cx, cy)])
    for x, y in points:
        column, row = min(int(x * width), width - 1), min(int(y * height), height - 1)
        for dx, dy in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
            at = min(max(row + dy, 0), height - 1), min(max(column + dx, 0), width - 1)
            assert not mask.visible[at]


@pytest.mark.parametrize("size", [(80, 60), (124, 93), (160, 120), (203, 152), (416, 312), (640, 480)])
def test_what_is_masked_does_not_survive_scaling(size: tuple[int, int]) -> None:
    """Two clips that differ only under the mask look the same once they are masked."""
    one = pictures(1)[0]
    other = one.copy()
    other[30:70, 40:100] = 255 - other[30:70, 40:100]
    square = ((40 / 160, 30 / 120), (100 / 160, 30 / 120), (100 / 160, 70 / 120), (40 / 160, 70 / 120))
    mask = rasterise((square,), *size, enlarged=max(1.0, size[0] / 160))
    seen = []
    for picture in (one, other):
        payload = encode([picture], "avi", "ffv1")
        with open_clip(payload) as clip:
            content = next(iter(clip.frames())).content(*size)
        mask.blank(content)
        seen.append(content)
    np.testing.assert_array_equal(*seen)
    assert mask.visible.mean() > 0.5


def test_whole_picture_and_parts_outside_it() -> None:
    everything = ((-1.0, -1.0), (2.0, -1.0), (2.0, 2.0), (-1.0, 2.0))
    assert not rasterise((everything,), 64, 48).visible.any()
    assert rasterise((((2.0, 2.0), (3.0, 2.0), (3.0, 3.0)),), 64, 48) is None


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot blank"):
        rasterise((TRIANGLE,), 64, 48).blank(np.zeros((47, 64, 3), np.uint8))
