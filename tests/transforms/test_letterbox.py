"""Where pictures lie in the input, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.card import Letterbox
from transforms.letterbox import fit, to_heights

side = st.integers(32, 1200)


def test_top_left() -> None:
    found = fit(Letterbox(mode="letterbox-top-left"), (416, 416), 768, 576)
    assert (found.content_w, found.content_h, found.offset_x, found.offset_y) == (416, 312, 0, 0)


def test_centre() -> None:
    found = fit(Letterbox(mode="letterbox-centre"), (384, 640), 576, 768)
    assert (found.content_w, found.content_h, found.offset_x, found.offset_y) == (288, 384, 176, 0)


def test_stretch() -> None:
    found = fit(Letterbox(mode="stretch"), (352, 352), 1920, 1080)
    assert (found.content_w, found.content_h, found.offset_x, found.offset_y) == (352, 352, 0, 0)
    assert np.allclose(to_heights(np.array([[0, 0, 352, 352.0]]), found), [[0, 0, 1920 / 1080, 1]])


@given(st.sampled_from(["letterbox-top-left", "letterbox-centre", "stretch"]), side, side, side, side)
def test_the_content_lies_inside_and_spans_the_picture(
    mode: str, height: int, width: int, picture_w: int, picture_h: int
) -> None:
    found = fit(Letterbox.model_validate({"mode": mode}), (height, width), picture_w, picture_h)
    right, bottom = found.offset_x + found.content_w, found.offset_y + found.content_h
    assert 0 <= found.offset_x < right <= width
    assert 0 <= found.offset_y < bottom <= height
    assert right - found.offset_x == width or bottom - found.offset_y == height
    whole = np.array([[found.offset_x, found.offset_y, right, bottom]], np.float64)
    assert np.allclose(to_heights(whole, found), [[0, 0, picture_w / picture_h, 1]])


def test_a_picture_has_pixels() -> None:
    with pytest.raises(ValueError, match="0x100"):
        fit(Letterbox(), (416, 416), 0, 100)
