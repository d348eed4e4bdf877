"""The motion filter: exact in time, free of scale, honest about what it does not know."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.motion import (
    Compared,
    Floats,
    MotionSettings,
    across,
    agreement,
    arrive,
    begin,
    compare,
    correct,
    frame,
    look_back,
    measure,
    predict,
    surprise,
)

SETTINGS = MotionSettings()
BOX = np.array([[0.4, 0.3, 0.5, 0.6]])
seconds = st.floats(0.001, 10)


def beside(motion: Floats, boxes: Floats) -> Compared:
    return compare(motion, boxes, SETTINGS)


def walk(speed: float, steps: int, step: float = 0.1) -> Floats:
    """A track that was seen walking to the right, in picture heights a second."""
    motion = begin(measure(BOX), SETTINGS)
    for k in range(1, steps):
        moved = BOX + speed * k * step * np.array([1, 0, 1, 0])
        motion = correct(predict(motion, np.array([step]), SETTINGS), measure(moved), SETTINGS)
    return motion


@given(seconds, seconds)
def test_two_steps_are_one(first: float, second: float) -> None:
    motion = walk(0.1, 10)
    twice = predict(predict(motion, np.array([first]), SETTINGS), np.array([second]), SETTINGS)
    once = predict(motion, np.array([first + second]), SETTINGS)
    np.testing.assert_allclose(twice, once, rtol=1e-9, atol=1e-15)


@given(st.floats(0.05, 20), seconds)
def test_near_and_far_people_follow_one_law(scale: float, ahead: float) -> None:
    small = predict(begin(measure(BOX), SETTINGS), np.array([ahead]), SETTINGS)
    large = predict(begin(measure(BOX * scale), SETTINGS), np.array([ahead]), SETTINGS)
    np.testing.assert_allclose(large[:4], small[:4] * scale)
    np.testing.assert_allclose(large[4:7], small[4:7] * scale**2)
    aside = BOX + 0.05
    np.testing.assert_allclose(
        surprise(beside(large, measure(aside * scale)), SETTINGS),
        surprise(beside(small, measure(aside)), SETTINGS),
        rtol=1e-6,
    )


def test_a_box_comes_back_as_it_was_measured() -> None:
    np.testing.assert_allclose(frame(begin(measure(BOX), SETTINGS)), BOX)


def test_who_comes_into_view_may_be_walking_and_is_told_sooner_by_the_second_sighting() -> None:
    moved = measure(BOX + 0.1 * np.array([1, 0, 1, 0]))
    new, old = (predict(start(measure(BOX), SETTINGS), np.array([0.5]), SETTINGS) for start in (arrive, begin))
    np.testing.assert_allclose(new[:4], old[:4])
    assert surprise(beside(new, moved), SETTINGS)[0] < surprise(beside(old, moved), SETTINGS)[0]
    assert old[2, 0] < correct(old, moved, SETTINGS)[2, 0] < correct(new, moved, SETTINGS)[2, 0] < 0.2


def test_velocity_is_learnt_and_then_forgotten() -> None:
    motion = walk(0.1, 30)
    assert abs(motion[2, 0] - 0.1) < 0.01
    later = predict(motion, np.array([60.0]), SETTINGS)
    assert abs(later[2, 0]) < 1e-6
    assert later[0, 0] - motion[0, 0] < 0.1 * SETTINGS.memory


def test_the_first_sighting_after_a_gap_corrects_the_velocity() -> None:
    standing = predict(walk(0, 20), np.array([1.5]), SETTINGS)
    found = correct(standing, measure(BOX + np.array([0.15, 0, 0.15, 0])), SETTINGS)
    assert 0.05 < found[2, 0] < 0.15


@given(st.floats(0, 0.5), st.floats(0, 0.5), seconds)
def test_surprise_rises_with_distance_and_time(near: float, further: float, unseen: float) -> None:
    motion = walk(0, 10)
    expected = predict(motion, np.array([unseen]), SETTINGS)
    boxes = np.concatenate((BOX, BOX + near, BOX + near + further))
    exact, close, far = surprise(beside(expected, measure(boxes)), SETTINGS)
    assert 0 <= exact <= close <= far
    assert surprise(beside(motion, measure(BOX)), SETTINGS)[0] <= exact


def test_crowded_boxes_count_less() -> None:
    expected = predict(walk(0, 10), np.array([0.1]), SETTINGS)
    aside = measure(BOX + 0.02)
    alone = correct(expected, aside, SETTINGS)
    aside[4] = 3
    crowded = correct(expected, aside, SETTINGS)
    assert expected[0, 0] < crowded[0, 0] < alone[0, 0]


def test_each_track_is_paired_with_each_box() -> None:
    tracks = np.concatenate((walk(0, 10), walk(0.1, 10), walk(0.2, 10)), axis=1)
    boxes = measure(np.concatenate((BOX, BOX + 0.05)))
    table = surprise(beside(*across(tracks, boxes)), SETTINGS)
    for k in range(3):
        for n in range(2):
            one = surprise(beside(tracks[:, [k]], boxes[:, [n]]), SETTINGS)
            np.testing.assert_allclose(table[k, n], one[0])


@given(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_a_walk_looked_at_backwards_agrees_with_itself_best(speed: float, other: float) -> None:
    """Tracks come from the left to the box; what comes after is the walk on from it, run backwards."""
    after = look_back(walk(-speed, 15), SETTINGS)
    known = after[2, 0] / after[0, 0]
    assert abs(known - speed) <= 0.1 * abs(speed) + 1e-9

    def arriving(speed: float) -> Floats:
        motion = walk(speed, 15)
        motion[0] = 0.45 - 0.1 * speed
        return predict(motion, np.array([0.1]), SETTINGS)

    agrees, differs = (agreement(beside(arriving(each), measure(BOX)), after)[0] for each in (speed, other))
    assert agrees > 0
    if abs(other) > abs(speed) + 0.1 or abs(other - speed) > 0.1:
        assert differs < agrees


def test_a_single_box_says_nothing_of_where_it_goes() -> None:
    after = look_back(begin(measure(BOX), SETTINGS), SETTINGS)
    assert not after.any()
    assert agreement(beside(walk(0.1, 10), measure(BOX)), after)[0] == 0
