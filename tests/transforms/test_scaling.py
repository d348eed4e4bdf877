"""Pictures scaled plane by plane look as if converted whole; those whose planes cannot be keep their colours."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from tests.support.video import Picture, pictures
from transforms.scaling import Colour, scaled

BT601, BT709 = 5, 1
LIMITED, FULL = 1, 2
SWATCHES = ((220, 30, 40), (30, 200, 60), (40, 60, 210), (200, 200, 30), (128, 128, 128), (16, 16, 16))


def frame(
    image: Picture, pix_fmt: str = "yuv420p", colorspace: int = BT601, color_range: int = LIMITED
) -> av.VideoFrame:
    """Return an RGB picture as a decoder would hand it out."""
    made = av.VideoFrame.from_ndarray(image, "rgb24").reformat(
        format=pix_fmt, dst_colorspace=colorspace, dst_color_range=color_range
    )
    made.colorspace, made.color_range = colorspace, color_range
    return made


def shrunk(picture: av.VideoFrame, width: int, height: int, colour: Colour = "bgr") -> Picture:
    content = scaled(picture, width, height, colour, VideoReformatter())
    assert content.shape == (height, width, 3)
    assert content.dtype == np.uint8 and content.flags.c_contiguous and content.flags.writeable
    return content


def whole(picture: av.VideoFrame, width: int, height: int) -> Picture:
    """Return the picture converted first and scaled then, as detectors' own tools do."""
    return cv2.resize(picture.to_ndarray(format="bgr24"), (width, height), interpolation=cv2.INTER_LINEAR)


def distance(one: Picture, other: Picture) -> np.ndarray:
    return np.abs(one.astype(int) - other.astype(int))


def smooth(width: int, height: int) -> Picture:
    """Return a picture whose colours change slowly, as most of a real one's do."""
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return (np.stack([across, down, 1 - across * down], axis=2) * 200 + 25).astype(np.uint8)


def swatches(side: int = 64) -> Picture:
    """Return plain colours side by side."""
    return np.array([SWATCHES], np.uint8).repeat(side, 0).repeat(side, 1)


def colours(content: Picture) -> np.ndarray:
    """Return the colour in the middle of each swatch."""
    step = content.shape[1] // len(SWATCHES)
    return content[content.shape[0] // 2, step // 2 :: step].astype(int)


@pytest.mark.parametrize("source", [(640, 480), (322, 242), (321, 243), (161, 91)])
@pytest.mark.parametrize("size", [(416, 312), (160, 120), (626, 352), (800, 600)])
def test_planes_scaled_one_by_one_agree_with_the_picture_converted_whole(
    source: tuple[int, int], size: tuple[int, int]
) -> None:
    slow = frame(smooth(*source))
    assert distance(shrunk(slow, *size), whole(slow, *size)).max() <= 8
    assert distance(shrunk(slow, *size), whole(slow, *size)).mean() < 1.5
    blocks = frame(pictures(1, *source)[0])
    one, other = (cv2.cvtColor(each(blocks, *size), cv2.COLOR_BGR2GRAY) for each in (shrunk, whole))
    assert distance(one, other).mean() < 3, "sharp edges are as sharp; only their colours may run"


@pytest.mark.parametrize("size", [(97, 61), (96, 61), (97, 62), (1, 1)])
@pytest.mark.parametrize("source", [(160, 120), (161, 121)])
def test_odd_sizes(source: tuple[int, int], size: tuple[int, int]) -> None:
    picture = frame(smooth(*source))
    assert distance(shrunk(picture, *size), whole(picture, *size)).max() <= 8


@pytest.mark.parametrize("colour", ["bgr", "rgb"])
@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"colorspace": 2, "color_range": 0},
        {"colorspace": BT709},
        {"color_range": FULL},
        {"pix_fmt": "yuvj420p", "color_range": FULL},
        {"colorspace": BT709, "color_range": FULL},
        {"pix_fmt": "yuv422p"},
        {"pix_fmt": "nv12"},
        {"pix_fmt": "yuv420p10le"},
        {"pix_fmt": "yuv420p10le", "colorspace": BT709},
    ],
    ids=lambda kind: "-".join(map(str, kind.values())) or "bt601",
)
def test_colours_are_kept(kind: dict[str, int], colour: Colour) -> None:
    content = shrunk(frame(swatches(), **kind), 192, 32, colour)
    found = colours(content if colour == "rgb" else content[..., ::-1])
    assert np.abs(found - np.array(SWATCHES)).max() <= 4


@pytest.mark.parametrize("named", [{"colorspace": BT709}, {"color_range": FULL}])
def test_the_planes_say_other_colours_where_their_meaning_is_not_heeded(named: dict[str, int]) -> None:
    picture = frame(swatches(), **named)
    picture.colorspace, picture.color_range = BT601, LIMITED
    found = colours(shrunk(picture, 192, 32, "rgb"))
    assert np.abs(found - np.array(SWATCHES)).max() > 10


def test_grey_is_grey() -> None:
    content = shrunk(frame(smooth(160, 120), "gray"), 80, 60)
    assert (content[..., 0] == content[..., 1]).all() and (content[..., 1] == content[..., 2]).all()
    grey = cv2.resize(cv2.cvtColor(smooth(160, 120), cv2.COLOR_RGB2GRAY), (80, 60), interpolation=cv2.INTER_LINEAR)
    assert distance(content[..., 0], grey).max() <= 4


def test_what_is_returned_is_not_the_picture_itself() -> None:
    picture = frame(smooth(160, 120))
    first = shrunk(picture, 160, 120).copy()
    shrunk(picture, 160, 120)[:] = 0
    np.testing.assert_array_equal(shrunk(picture, 160, 120), first)
