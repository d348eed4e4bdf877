"""Flaws are found in real pictures that were spoilt, and not in those that were not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.video import encode, pictures
from transforms.decode import open_clip
from transforms.masks import Mask, rasterise
from transforms.picture import REFERENCE_LENGTH, Flaw, Picture, PictureCheck, reference_of

FIXED_CAMERAS = [
    "clips/opencv_vtest.avi",
    "clips/intel/store-aisle-detection.mp4",
    "clips/intel/intel_car-detection.mp4",
    "demo/one-by-one.mp4",
]
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
    at_once = [check.update(offset_us, np.ascontiguousarray(spoil(picture))) for offset_us, picture in frames]
    in_the_end = check.finish()
    assert at_once == [flaw & ~(Flaw.FROZEN | Flaw.MOVED) for flaw in in_the_end]
    return in_the_end


def turned(picture: Picture) -> Picture:
    return np.roll(picture, picture.shape[1] // 8, axis=1)


def pieces(frames: list[tuple[int, Picture]], seconds: int) -> Iterator[list[tuple[int, Picture]]]:
    """Cut into clips of some length, each with times of its own."""
    for _, piece in groupby(frames, lambda frame: frame[0] // (seconds * 1_000_000)):
        clip = list(piece)
        yield [(offset_us - clip[0][0], picture) for offset_us, picture in clip]


def every(frames: list[tuple[int, Picture]], step_us: int) -> list[tuple[int, Picture]]:
    """Return the first frame of each step."""
    return [next(group) for _, group in groupby(frames, lambda frame: frame[0] // step_us)]


@pytest.fixture(scope="module")
def aisle(shared: Path) -> list[tuple[int, Picture]]:
    return list(contents((shared / "data/clips/intel/store-aisle-detection.mp4").read_bytes()))


@pytest.fixture(scope="module")
def reference(aisle: list[tuple[int, Picture]]) -> tuple[float, ...]:
    return reference_of(picture for _, picture in aisle[::10])


def test_no_false_alarm_on_real_clips(shared: Path) -> None:
    """None in any clip, whole or in pieces, with anybody there or not, at any sampling rate."""
    clips = [*(shared / "data/clips/intel").glob("*.mp4"), shared / "data/clips/bikes.mp4"]
    clips += [shared / "data/clips/opencv_vtest.avi", shared / "data/demo/one-by-one.mp4"]
    for path in clips:
        frames = list(contents(path.read_bytes()))
        for sampled in (frames, frames[::3], every(frames, 500_000), every(frames, 1_000_000)):
            assert set(flaws(sampled)) == {NOTHING}, path.name
            for seconds in (2, 5, 10):
                assert all(set(flaws(piece)) == {NOTHING} for piece in pieces(sampled, seconds)), path.name


@pytest.mark.parametrize("name", FIXED_CAMERAS)
def test_no_false_alarm_against_a_reference(shared: Path, name: str) -> None:
    frames = list(contents((shared / "data" / name).read_bytes(), every=3))
    reference = reference_of(picture for _, picture in frames[::20])
    for sampled in (frames, every(frames, 1_000_000)):
        assert set(flaws(sampled, reference)) == {NOTHING}
        for seconds in (2, 5, 10):
            assert all(set(flaws(piece, reference)) == {NOTHING} for piece in pieces(sampled, seconds))


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


def test_moved_needs_a_reference(aisle: list[tuple[int, Picture]], reference: tuple[float, ...]) -> None:
    assert set(flaws(aisle, spoil=turned)) == {NOTHING}
    assert set(flaws(aisle, reference, turned)) == {Flaw.MOVED}
    assert set(flaws(every(aisle, 1_000_000), reference, turned)) == {Flaw.MOVED}


@pytest.mark.parametrize(("pictures_of_15_a_second", "flaw"), [(30, NOTHING), (38, Flaw.MOVED), (45, Flaw.MOVED)])
def test_a_short_clip_moved_whole(
    pictures_of_15_a_second: int, flaw: Flaw, aisle: list[tuple[int, Picture]], reference: tuple[float, ...]
) -> None:
    """From two and a half seconds on: a passing car can fill two."""
    assert set(flaws(aisle[:pictures_of_15_a_second], reference, turned)) == {flaw}


def test_moved_from_where_it_began(aisle: list[tuple[int, Picture]], reference: tuple[float, ...]) -> None:
    """Four good seconds, four turned away, two good ones; looked at once a second."""
    picture = aisle[0][1]
    noise = np.random.default_rng(0)
    shown = [turned(picture) if 40 <= index < 80 else picture for index in range(100)]
    live = [
        (index * 100_000, np.clip(each + noise.normal(0, 4, each.shape), 0, 255).astype(np.uint8))
        for index, each in enumerate(shown)
    ]
    assert flaws(live, reference) == [NOTHING] * 40 + [Flaw.MOVED] * 40 + [NOTHING] * 20


@pytest.mark.parametrize("hidden", [lambda picture: picture // 12, lambda picture: cv2.blur(picture, (151, 151))])
def test_what_cannot_be_compared_does_not_count_as_moved(
    hidden: Callable[[Picture], Picture], aisle: list[tuple[int, Picture]], reference: tuple[float, ...]
) -> None:
    """Turned away for two seconds, dark or blurred for two, turned away for two."""
    second = aisle[:15]
    spoils = [turned, turned, hidden, hidden, turned, turned]
    clip = [
        (1_000_000 * number + offset_us, np.ascontiguousarray(spoil(picture)))
        for number, spoil in enumerate(spoils)
        for offset_us, picture in second
    ]
    assert Flaw.MOVED not in set(flaws(clip, reference))


@pytest.mark.parametrize(
    "kind",
    [{}, {"gop": 100}, {"codec": "libx265", "gop": 50}, {"codec": "libvpx-vp9", "container": "webm"}],
    ids=["keyframe-a-second", "rare-keyframes", "hevc", "vp9"],
)
def test_frozen_before_the_encoder(aisle: list[tuple[int, Picture]], kind: dict) -> None:
    """One real picture over and over, encoded: frozen from the first frame to the last, however it is cut."""
    frozen = np.ascontiguousarray(aisle[0][1][..., ::-1])
    for count in (20, 30, 50, 100):
        assert set(flaws(list(contents(encode([frozen] * count, **kind))))) == {Flaw.FROZEN}


@pytest.mark.parametrize(("fps", "seconds"), [(10, 2), (10, 3), (10, 10), (2, 2), (2, 10), (1, 3), (1, 5), (1, 12)])
def test_frozen_at_any_rate(fps: int, seconds: int, aisle: list[tuple[int, Picture]]) -> None:
    stuck = [(index * 1_000_000 // fps, aisle[0][1]) for index in range(fps * seconds)]
    assert flaws(stuck) == [Flaw.FROZEN] * len(stuck)


@pytest.mark.parametrize(("fps", "count"), [(10, 1), (10, 15), (30, 50), (2, 3), (1, 2)])
def test_too_little_to_say(fps: int, count: int, aisle: list[tuple[int, Picture]]) -> None:
    """A scene can look still for a second and more, and one step says little."""
    assert flaws([(index * 1_000_000 // fps, aisle[0][1]) for index in range(count)]) == [NOTHING] * count


def test_nothing_to_judge() -> None:
    assert PictureCheck().finish() == []


def test_frozen_from_where_it_began_to_where_it_thaws(aisle: list[tuple[int, Picture]]) -> None:
    """Two live seconds, four with the last picture again and again, two live ones."""
    shown = [picture for _, picture in aisle]
    clip = list(enumerate(shown[:20] + [shown[19]] * 40 + shown[20:40]))
    found = flaws([(index * 100_000, picture) for index, picture in clip])
    assert found == [NOTHING] * 19 + [Flaw.FROZEN] * 41 + [NOTHING] * 20


def test_a_still_scene_with_little_noise_is_not_frozen(aisle: list[tuple[int, Picture]]) -> None:
    rng = np.random.default_rng(0)
    scene = aisle[0][1].astype(np.int16)
    noisy = [
        (index * 100_000, np.clip(scene + rng.normal(0, 1, scene.shape).round(), 0, 255).astype(np.uint8))
        for index in range(60)
    ]
    assert set(flaws(noisy)) == {NOTHING}


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
    black = np.zeros((120, 160, 3), np.uint8)
    assert set(flaws([(index * 100_000, black) for index in range(50)], mask=mask)) == {NOTHING}


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
