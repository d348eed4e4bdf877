"""Looking ahead: where boxes go next, told from one clip's boxes alone, and never further than the foresight."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import lookahead
from transforms.boxes import iou
from transforms.lookahead import View, look_ahead
from transforms.motion import AFTER, Floats
from transforms.tracker import TrackerSettings

SETTINGS = TrackerSettings()
FPS = 8
Frames = list[tuple[Floats, Floats]]


def person(x: float, foot: float = 0.6, height: float = 0.3) -> list[float]:
    return [x - 0.2 * height, foot - height, x + 0.2 * height, foot]


def frame(*boxes: list[float], score: float = 0.9) -> tuple[Floats, Floats]:
    return np.array(boxes, np.float64).reshape(-1, 4), np.full(len(boxes), score)


def ahead_of(frames: Frames, fps: float = FPS) -> list[View]:
    times = [round(k * 1e6 / fps) for k in range(len(frames))]
    boxes, scores = (np.concatenate(each) for each in zip(*frames, strict=True))
    return look_ahead(times, [len(scores) for _, scores in frames], boxes, scores, SETTINGS)


def speeds(view: View) -> Floats:
    """Return how fast the boxes go on, from the left one to the right one."""
    return (view.after[2] / view.after[0])[view.seen[0].argsort()]


@st.composite
def clips(draw: st.DrawFn) -> Frames:
    """People who walk about, with missed, weak and false boxes."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    start, speed = random.uniform(0, 1.3, 4), random.uniform(-0.2, 0.2, 4)
    frames = []
    for k in range(draw(st.integers(2, 40))):
        people = np.array([person(*each) for each in zip(start + speed * k / FPS, (0.5, 0.6, 0.7, 0.8), strict=True)])
        boxes = np.concatenate((people, random.uniform(0, 0.5, (2, 4)) + np.array([0, 0, 0.5, 0.5])))
        shown = random.random(6) < 0.8
        frames.append((boxes[shown], random.random(shown.sum()).round(2)))
    return frames


@pytest.mark.parametrize("fps", [2, 7, 30])
def test_a_walk_is_seen_ahead_at_any_rate(fps: float) -> None:
    found = ahead_of([frame(person(0.2 + 0.15 * k / fps), person(1.2, 0.9)) for k in range(2 * fps)], fps)
    np.testing.assert_allclose(speeds(found[0]), (0.15, 0), atol=0.015)
    assert all(each.after[0].all() for each in found[:-1])
    assert not found[-1].after.any()


def test_where_two_meet_chains_break() -> None:
    frames = [frame(person(0.5 + 0.04 * (k - 4)), person(0.5 - 0.04 * (k - 4))) for k in range(9)]
    met = ahead_of(frames)
    assert np.sign(speeds(met[0])).tolist() == [1, -1]
    assert met[3].after[0].min() < met[0].after[0].min()


def test_heads_are_those_who_come_in() -> None:
    frames = [frame(person(0.2), *([person(0.9)] if k >= 5 else [])) for k in range(20)]
    found = ahead_of(frames)
    assert [len(each.heads_us) for each in found] == [1, 1, 1, 1, 1] + [0] * 15
    assert found[0].heads_us[0] == 5e6 / FPS
    np.testing.assert_allclose(found[0].heads[:2, 0], (0.9, 0.45))


def test_a_weak_box_is_no_head_but_its_chain_has_begun() -> None:
    weak, strong = frame(person(0.9), score=0.2), frame(person(0.9))
    found = ahead_of([frame(), frame(), weak, weak, strong, strong])
    assert [each.heads_us.tolist() for each in found] == [[4e6 / FPS]] * 2 + [[]] * 4


@settings(max_examples=30)
@given(clips(), st.integers(0, 39))
def test_nothing_beyond_the_foresight_is_looked_at(frames: Frames, cut: int) -> None:
    """What is told of a head a second away reaches another second on."""
    reach = round(2 * SETTINGS.foresight * FPS)
    whole, part = ahead_of(frames), ahead_of(frames[: cut + reach + 1])
    for one, other in zip(whole[: cut + 1], part, strict=False):
        np.testing.assert_array_equal(one.after, other.after)
        np.testing.assert_array_equal(one.heads_us, other.heads_us)
        np.testing.assert_array_equal(one.heads_after, other.heads_after)


@settings(max_examples=30)
@given(clips(), st.integers(0, 2**32))
def test_the_order_of_boxes_makes_no_difference(frames: Frames, seed: int) -> None:
    random = np.random.default_rng(seed)
    orders = [random.permutation(len(scores)) for _, scores in frames]
    shuffled = ahead_of([(boxes[order], scores[order]) for (boxes, scores), order in zip(frames, orders, strict=True)])
    for one, other in zip(ahead_of(frames), shuffled, strict=True):
        for before, after in zip(one, other, strict=True):
            np.testing.assert_array_equal(before, after)


def test_a_view_has_the_boxes_that_can_be_somebody_by_falling_score_and_unsure_where_they_overlap() -> None:
    boxes = np.array([person(0.2), person(0.9), person(0.9, height=0.25), person(0.5), [0.5, 0.5, 0.5, 0.9]])
    (view,) = ahead_of([(boxes, np.array([0.9, 0.3, 0.8, 0.05, 0.9]))])
    np.testing.assert_array_equal(view.boxes, boxes[[0, 2, 1]])
    assert view.scores.tolist() == [0.9, 0.8, 0.3]
    assert view.strong == 2
    covered = iou(boxes[1:2], boxes[2:3])[0, 0]
    np.testing.assert_allclose(view.seen[4], 1 + SETTINGS.crowding * np.array([0, covered, covered]))


def test_how_frames_are_laid_side_by_side_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    frames = []
    for k in range(20):
        boxes = np.array([person(x + 0.01 * k, foot) for x, foot in random.uniform(0.2, 0.9, (k % 7, 2))])
        frames.append((boxes.reshape(-1, 4), random.random(len(boxes))))
    whole = ahead_of(frames)
    monkeypatch.setattr(lookahead, "_BLOCK", 1)
    for one, other in zip(whole, ahead_of(frames), strict=True):
        for before, after in zip(one, other, strict=True):
            np.testing.assert_array_equal(before, after)


def test_heads_come_in_order_of_time() -> None:
    frames = [frame(*(person(0.1 + 0.3 * i) for i in range(1 + k // 3))) for k in range(12)]
    assert all(a <= b for each in ahead_of(frames) for a, b in pairwise(each.heads_us))


def test_a_crowd_in_a_long_clip_is_followed_as_one_person_is() -> None:
    crowd = [person(0.05 + 0.2 * column, 0.2 + 0.1 * row, 0.1) for column in range(20) for row in range(16)]
    found = ahead_of([frame(*crowd)] * 8)
    assert all(each.after[0].min() > 0 for each in found[:-1])
    np.testing.assert_allclose(found[0].after[2:4], 0, atol=1e-9)


def test_clips_without_boxes_have_nothing_ahead() -> None:
    assert look_ahead([], [], np.empty((0, 4)), np.empty(0), SETTINGS) == []
    (one, two) = ahead_of([frame(), frame([0.5, 0.5, 0.5, 0.9])])
    assert one.after.shape == (AFTER, 0)
    assert not two.after.any()
    assert not len(one.heads_us)
