"""Masks hide everything under them, whatever the scaling, and nothing much beside."""

from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from hypothesis import given
from hypothesis import strategies as st

from tests.support.video import encode, pictures
from transforms.decode import colour_cell, open_clip
from transforms.masks import rasterise
from transforms.scaling import scaled

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


# Stored size and the size it is scaled to: pixels that are not square, input shapes that stretch, odd sizes.
ENLARGED = [
    ((352, 576), (704, 576)),
    ((160, 480), (640, 480)),
    ((176, 288), (1024, 288)),
    ((65, 480), (640, 416)),
    ((480, 65), (416, 640)),
    ((176, 144), (416, 340)),
    ((640, 480), (416, 312)),
    ((640, 480), (96, 416)),
]
FORMATS = ["yuv420p", "yuvj420p", "yuv411p", "yuv410p", "yuv422p", "yuv440p", "yuv444p", "gray"]


def painted(
    size: tuple[int, int], pix_fmt: str, patch: tuple[int, int, int, int], values: Sequence[int]
) -> av.VideoFrame:
    """Return a grey picture as decoded, where every sample that says anything of the patch has another value."""
    width, height = size
    left, top, right, bottom = patch
    frame = av.VideoFrame(width, height, pix_fmt)
    for plane, value in zip(frame.planes, values, strict=False):
        across, down = -(-width // plane.width), -(-height // plane.height)
        samples = np.full((plane.height, plane.line_size), 128, np.uint8)
        samples[top // down : -(-bottom // down), left // across : -(-right // across)] = value
        plane.update(samples.tobytes())
    return frame


@pytest.mark.parametrize("pix_fmt", FORMATS)
@pytest.mark.parametrize(("stored", "shown"), ENLARGED)
def test_nothing_of_a_masked_pixel_survives_in_any_format(
    stored: tuple[int, int], shown: tuple[int, int], pix_fmt: str
) -> None:
    """Pictures that differ in the pixels that the mask touches, even by a hair, look the same."""
    width, height = stored
    patch = left, top, right, bottom = width // 3, height // 3, 2 * width // 3, 2 * height // 3
    square = tuple(
        ((x + hair_x) / width, (y + hair_y) / height)
        for x, hair_x, y, hair_y in (
            (left, 0.99, top, 0.99),
            (right, -0.99, top, 0.99),
            (right, -0.99, bottom, -0.99),
            (left, 0.99, bottom, -0.99),
        )
    )
    seen = []
    for values in ((128, 128, 128), (235, 128, 128), (128, 0, 255), (128, 255, 0), (16, 255, 255)):
        picture = painted(stored, pix_fmt, patch, values)
        content = scaled(picture, *shown, "bgr", VideoReformatter())
        mask = rasterise((square,), *shown, stored, colour_cell(picture))
        mask.blank(content)
        seen.append(content)
    for other in seen[1:]:
        np.testing.assert_array_equal(seen[0], other)


@pytest.mark.parametrize("size", [(416, 312), (312, 416), (1024, 288)])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_masks_are_drawn_on_the_picture_as_shown(rotation: int, size: tuple[int, int]) -> None:
    """Wide pixels, 4:1:1 and turned: the stored pixels are turned with the picture."""
    stored = 96, 144
    one, other = (np.full((stored[1], stored[0], 3), 128, np.uint8) for _ in range(2))
    other[32:64, 16:48] = 255, 0, 0
    seen = []
    for image in (one, other):
        kind = {"pix_fmt": "yuv411p", "rotation": rotation, "sample_aspect_ratio": Fraction(2)}
        with open_clip(encode([image], "mp4", "ffv1", **kind)) as clip:
            assert (clip.width, clip.height) == ((144, 192) if rotation % 180 else (192, 144))
            assert clip.stored == ((144, 96) if rotation % 180 else (96, 144))
            assert clip.colour_cell == ((1, 4) if rotation % 180 else (4, 1))
            content = next(iter(clip.frames())).content(*size)
            under = np.zeros(stored[::-1], np.uint8)
            under[32:64, 16:48] = 1
            rows, columns = np.nonzero(np.rot90(under, rotation // 90))
            left, right = columns.min() / clip.stored[0], (columns.max() + 1) / clip.stored[0]
            top, bottom = rows.min() / clip.stored[1], (rows.max() + 1) / clip.stored[1]
            square = ((left, top), (right, top), (right, bottom), (left, bottom))
            mask = rasterise((square,), *size, clip.stored, clip.colour_cell)
        mask.blank(content)
        seen.append(content)
    np.testing.assert_array_equal(*seen)
    assert mask.visible.mean() > 0.5


@pytest.mark.parametrize("size", [(80, 60), (124, 93), (160, 120), (203, 152), (416, 312), (640, 480)])
def test_what_is_masked_does_not_survive_scaling(size: tuple[int, int]) -> None:
    """Two clips that differ only under the mask look the same once they are masked."""
    one = pictures(1)[0]
    other = one.copy()
    other[30:70, 40:100] = 255 - other[30:70, 40:100]
    square = ((40 / 160, 30 / 120), (100 / 160, 30 / 120), (100 / 160, 70 / 120), (40 / 160, 70 / 120))
    mask = rasterise((square,), *size, (160, 120))
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
