"""Nothing of what lies under a box is in the new picture; nothing else is changed, and the decoded one stays."""

from __future__ import annotations

import av
import numpy as np
import pytest

from transforms.redaction.fill import BLOCKS, covered, covered_whole

FORMATS = ["yuv420p", "yuv444p", "yuv422p", "nv12", "gray", "yuv420p10le", "yuvj420p", "rgb24"]
SIZES = [(160, 120), (161, 121)]


def frame(size: tuple[int, int] = (160, 120), pix_fmt: str = "yuv420p", seed: int = 0) -> av.VideoFrame:
    image = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return av.VideoFrame.from_ndarray(image, "rgb24").reformat(format=pix_fmt)


def luma(picture: av.VideoFrame) -> np.ndarray:
    plane = picture.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width].copy()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "pix_fmt", ["yuv420p", "yuv444p", "yuv422p", "nv12", "gray", "yuv420p10le", "yuvj420p", "rgb24"]
)
def test_what_is_covered_does_not_depend_on_what_was_there(size: tuple[int, int], pix_fmt: str) -> None:
    box = np.array([[0.25, 0.3, 0.6, 0.71]])
    one, other = (covered(frame(size, pix_fmt, seed), box, "solid").to_ndarray(format="rgb24") for seed in (1, 2))
    inside = np.s_[int(0.3 * size[1]) : int(0.71 * size[1]), int(0.25 * size[0]) : int(0.6 * size[0])]
    assert (one[inside] == other[inside]).all() and one[inside].max() < 8


def test_nothing_else_is_changed_and_the_decoded_picture_stays() -> None:
    picture = frame()
    before = luma(picture)
    after = luma(covered(picture, np.array([[0.25, 0.25, 0.5, 0.5]]), "solid"))
    changed = np.argwhere(after != before)
    assert changed.min(axis=0).tolist() >= [30, 40] and changed.max(axis=0).tolist() <= [62, 82]
    assert (luma(picture) == before).all()


def test_a_mosaic_has_few_blocks_and_a_larger_one_goes_over_a_smaller() -> None:
    large, small = [0.0, 0.0, 0.75, 0.75], [0.2, 0.2, 0.3, 0.3]
    part = luma(covered(frame(), np.array([large, small]), "mosaic"))[:90, :120]
    assert len(np.unique(part)) <= BLOCKS * BLOCKS
    assert (part == luma(covered(frame(), np.array([small, large]), "mosaic"))[:90, :120]).all()


def test_boxes_outside_the_picture_and_over_its_edges() -> None:
    picture = frame()
    assert (luma(covered(picture, np.array([[1.2, 0, 1.5, 1], [-0.5, 0, 0.0, 1]]), "solid")) == luma(picture)).all()
    assert luma(covered(picture, np.array([[-1.0, -1, 2, 2]]), "mosaic")).std() < luma(picture).std()
    assert (luma(covered_whole(picture)) == 16).all()


def test_what_must_not_be_seen_is_black_under_any_fill() -> None:
    blank = np.zeros((120, 160), np.bool_)
    blank[:11, :11] = True
    after = covered(frame(), np.array([[0.0, 0.0, 0.5, 0.5]]), "mosaic", blank)
    assert (after.to_ndarray(format="rgb24")[:11, :11] < 8).all()
