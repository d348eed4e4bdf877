"""Times of frames: increasing whatever the stamps, true to them where they can be."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.decode import time_scale
from transforms.frame_times import FrameClock

TENTH = Fraction(1, 10)


def offsets(stamps: list[int | None], scale: Fraction = Fraction(1)) -> list[int]:
    clock = FrameClock(Fraction(1, 1000), TENTH, scale)
    return [clock.offset_us(stamp) for stamp in stamps]


def test_stamps_from_the_first_frame_on() -> None:
    assert offsets([500, 600, 730, 2000]) == [0, 100_000, 230_000, 1_500_000]
    assert offsets([-200, -100, 0]) == [0, 100_000, 200_000]


def test_missing_stamps() -> None:
    assert offsets([None, 600, 730]) == [0, 100_000, 230_000]
    assert offsets([None, None, 600]) == [0, 100_000, 200_000]
    assert offsets([None] * 4) == [0, 100_000, 200_000, 300_000]
    assert offsets([0, None, 150]) == [0, 100_000, 150_000]


@given(st.lists(st.one_of(st.none(), st.integers(-(10**9), 10**9)), max_size=50))
def test_times_always_increase(stamps: list[int | None]) -> None:
    times = offsets(stamps)
    assert times[:1] in ([], [0])
    assert all(a < b for a, b in pairwise(times))


@pytest.mark.parametrize(
    ("container", "true", "scale"),
    [
        (Fraction(25), 25.0, Fraction(1)),
        (Fraction(30000, 1001), 30.0, Fraction(1)),
        (Fraction(25), 24.6, Fraction(1)),
        (Fraction(10), 7.0, Fraction(10, 7)),
        (Fraction(15), 30.0, Fraction(1, 2)),
        (None, 7.0, Fraction(1)),
        (Fraction(0), 7.0, Fraction(1)),
    ],
)
def test_time_scale(container: Fraction | None, true: float, scale: Fraction) -> None:
    assert time_scale(container, true) == scale


def test_scaled_times() -> None:
    assert offsets([0, 100, 200, 300], Fraction(10, 7)) == [0, 142_857, 285_714, 428_571]
