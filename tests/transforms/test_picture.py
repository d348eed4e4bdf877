"""Flaws are found in real pictures that were spoilt, and not in those that were not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.video import encode, pictures
from transforms.decode import open_clip
from transforms.masks import Mask, rasterise
from transforms.picture import REFERENCE_LENGTH, Flaw, Picture, PictureCheck, reference_of

FIXED_CAMERAS = ["clips/opencv_vtest.avi", "clips/intel/store-aisle-detection.mp4", "demo/one-by-one.mp4"]
NOTHING = Flaw(0)


def contents(payload: bytes, every: int = 1) -> Iterator[tuple[int, Picture]]:
    with open_clip(payload) as clip:
        for index, frame in enumerate(clip.frames()):
            if index % every == 0:
                yield frame.offset_us, frame.content(416, round(416 * clip.height / clip.width))


def flaws(
    frames: list[tuple[int, Picture]],
    reference: tuple[float, ...] | None = None,
    spoil: Callable[[Picture], Picture] = lambda picture: picture,
    mask: Mask | None = None,
) -> list[Flaw]:
    check = PictureCheck(reference, mask)
    return [check.update(offset_us, np.ascontiguousarray(spoil(picture))) for offset_us, picture in frames]


@pytest.fixture(scope="module")
def aisle(shared: Path) -> list[tuple[int, Picture]]:
    return list(contents((shared / "data/clips/intel/store-aisle-detection.mp4").read_bytes()))


@pytest.fixture(scope="module")
def reference(aisle: list[tuple[int, Picture]]) -> tuple[float, ...]:
    return reference_of(picture for _, picture in aisle[::10])


def test_no_false_alarm_on_real_clips(shared: Path) -> None:
    """None in any clip, with anybody there or not, at any sampling rate."""
    clips = [*(shared / "data/clips/intel").glob("*.mp4"), shared / "data/clips/bikes.mp4"]
    clips += [shared / "data/clips/opencv_vtest.avi", shared / "data/demo/one-by-one.mp4"]
    for path in clips:
        frames = list(contents(path.read_bytes(), every=3))
        assert set(flaws(frames)) == {NOTHING}, path.name
        assert set(flaws(frames[::3])) == {NOTHING}, path.name


@pytest.mark.parametrize("name", FIXED_CAMERAS)
def test_no_false_alarm_against_a_reference(shared: Path, name: str) -> None:
    frames = list(contents((shared / "data" / name).read_bytes(), every=3))
    assert set(flaws(frames, reference_of(picture for _, picture in frames[::20]))) == {NOTHING}


def test_dark(aisle: list[tuple[int, Picture]]) -> None:
    assert all(Flaw.DARK in flaw for flaw in flaws(aisle, spoil=lambda picture: picture // 12))
    assert not any(Flaw.DARK in flaw for flaw in flaws(aisle, spoil=lambda picture: picture // 3))


def test_blurred(aisle: list[tuple[int, Picture]], reference: tuple[float, ...]) -> None:
    def out_of_focus(pixels: float) -> Callable[[Picture], Picture]:
        return lambda picture: cv2.GaussianBlur(picture, (0, 0), pixels)

    assert set(flaws(aisle, spoil=out_of_focus(6))) == {Flaw.BLURRED}
    assert set(flaws(aisle, reference, out_of_focus(3))) == {Flaw.BLURRED}
    assert set(flaws(aisle, reference, out_of_focus(0.5))) == {NOTHING}


def test_covered(aisle: list[tuple[int, Picture]]) -> None:
    def behind_a_hand(picture: Picture) -> Picture:
        return cv2.blur(picture, (121, 121)) // 20 + 100

    assert all(Flaw.COVERED in flaw and Flaw.BLURRED not in flaw for flaw in flaws(aisle, spoil=behind_a_hand))


def test_moved_needs_a_reference_and_three_seconds(
    aisle: list[tuple[int, Picture]], reference: tuple[float, ...]
) -> None:
    def turned(picture: Picture) -> Picture:
        return np.roll(picture, picture.shape[1] // 8, axis=1)

    assert set(flaws(aisle, spoil=turned)) == {NOTHING}
    found = flaws(aisle, reference, turned)
    for (offset_us, _), flaw in zip(aisle, found, strict=True):
        assert flaw == (Flaw.MOVED if offset_us >= 3_000_000 + 200_000 else NOTHING) or offset_us < 3_200_000
    assert found[0] == NOTHING and found[-1] == Flaw.MOVED


@pytest.mark.parametrize(
    "kind",
    [{}, {"gop": 100}, {"codec": "libx265", "gop": 50}, {"codec": "libvpx-vp9", "container": "webm"}],
    ids=["keyframe-a-second", "rare-keyframes", "hevc", "vp9"],
)
def test_frozen_before_the_encoder(aisle: list[tuple[int, Picture]], kind: dict) -> None:
    """One real picture over and over, encoded: frozen from the fourth second on."""
    frozen = np.ascontiguousarray(aisle[0][1][..., ::-1])
    frames = list(contents(encode([frozen] * 60, **kind)))
    found = flaws(frames)
    assert all(Flaw.FROZEN not in flaw for (at, _), flaw in zip(frames, found, strict=True) if at < 3_000_000)
    assert sum(Flaw.FROZEN in flaw for flaw in found[35:]) > 20


def test_frozen_where_few_frames_are_looked_at(aisle: list[tuple[int, Picture]]) -> None:
    found = flaws([(index * 1_000_000, aisle[0][1]) for index in range(12)])
    assert found == [NOTHING] * 6 + [Flaw.FROZEN] * 6


def test_a_frozen_picture_thaws(aisle: list[tuple[int, Picture]]) -> None:
    stuck = [(index * 100_000, aisle[0][1]) for index in range(40)]
    live = [(4_000_000 + index * 100_000, picture) for index, (_, picture) in enumerate(aisle[:20])]
    found = flaws(stuck + live)
    assert found[39] == Flaw.FROZEN
    assert found[-1] == NOTHING


def test_a_still_scene_with_little_noise_is_not_frozen(aisle: list[tuple[int, Picture]]) -> None:
    rng = np.random.default_rng(0)
    scene = aisle[0][1].astype(np.int16)
    noisy = [
        (index * 100_000, np.clip(scene + rng.normal(0, 1, scene.shape).round(), 0, 255).astype(np.uint8))
        for index in range(60)
    ]
    assert set(flaws(noisy)) == {NOTHING}


def test_a_verdict_depends_on_the_pictures_before_it_only(aisle: list[tuple[int, Picture]]) -> None:
    whole = flaws(aisle, spoil=lambda picture: picture // 12)
    for end in (1, 10, 30):
        assert flaws(aisle[:end], spoil=lambda picture: picture // 12) == whole[:end]


def test_what_is_masked_is_not_judged(aisle: list[tuple[int, Picture]], reference: tuple[float, ...]) -> None:
    """The same verdicts whatever lies under the mask; masked black is not dark, its border no edge."""
    height, width = aisle[0][1].shape[:2]
    mask = rasterise((((0.0, 0.0), (0.6, 0.0), (0.6, 1.0), (0.0, 1.0)),), width, height)

    def masked(picture: Picture) -> Picture:
        picture = picture.copy()
        mask.blank(picture)
        return picture

    assert set(flaws(aisle, reference, masked, mask)) == {NOTHING}
    blurred = flaws(aisle, spoil=lambda picture: masked(cv2.GaussianBlur(picture, (0, 0), 6)), mask=mask)
    assert set(blurred) == {Flaw.BLURRED}


def test_a_picture_masked_whole_is_left_alone() -> None:
    mask = rasterise((((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),), 160, 120)
    check = PictureCheck(None, mask)
    assert check.update(0, np.zeros((120, 160, 3), np.uint8)) == NOTHING


def test_references() -> None:
    images = pictures(9)
    assert reference_of(images) == reference_of(images[::-1])
    assert len(reference_of(images)) == REFERENCE_LENGTH
    with pytest.raises(ValueError, match="at least one"):
        reference_of([])
    with pytest.raises(ValueError, match=str(REFERENCE_LENGTH)):
        PictureCheck((1.0, 2.0))


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 21), (640, 384)])
def test_any_size_of_picture(size: tuple[int, int]) -> None:
    picture = np.full((size[1], size[0], 3), 128, np.uint8)
    check = PictureCheck()
    for index in range(5):
        assert isinstance(check.update(index * 500_000, picture), Flaw)
