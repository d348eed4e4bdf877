"""The choice of frames does not depend on the cuts, and the time they stand for adds up."""

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from transforms.sampling import SECOND_US, sampled

NINE_O_CLOCK_US = 1_767_603_600_000_000


@dataclass(frozen=True)
class At:
    offset_us: int


def taken(times_us: list[int], rate: float, fps: float | None) -> list[int]:
    """Return the absolute times taken of one clip, given its frames' absolute times."""
    start = times_us[0]
    frames = [At(time - start) for time in times_us]
    return [start + frame.offset_us for frame in sampled(frames, start, rate, fps)]


RATES = st.one_of(
    st.sampled_from([7.0, 10.0, 12.0, 12.5, 15.0, 24.0, 25.0, 30_000 / 1001, 30.0, 50.0, 60.0]), st.floats(1, 60)
)


@given(
    rate=RATES,
    fps=st.one_of(st.sampled_from([0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0]), st.floats(0.2, 30)),
    start=st.one_of(st.just(NINE_O_CLOCK_US), st.integers(NINE_O_CLOCK_US, NINE_O_CLOCK_US + SECOND_US)),
    cuts=st.sets(st.integers(1, 199), max_size=20),
    jitter=st.randoms(use_true_random=False),
)
def test_the_same_frames_whichever_way_a_video_is_cut(rate, fps, start, cuts, jitter) -> None:
    # The rounding of times to microseconds, at the clip's start and at the frame, must not matter.
    times = [start + round(index * SECOND_US / rate) + jitter.choice((0, 0, 1)) for index in range(200)]
    bounds = [0, *sorted(cuts), 200]
    pieces = [times[a:b] for a, b in pairwise(bounds)]
    assert [time for piece in pieces for time in taken(piece, rate, fps)] == taken(times, rate, fps)


@given(rate=RATES, fps=st.floats(0.2, 30))
def test_as_many_frames_as_asked_for(rate: float, fps: float) -> None:
    times = [NINE_O_CLOCK_US + round(index * SECOND_US / rate) for index in range(300)]
    seconds = 300 / rate
    expected = 300 if fps >= 0.95 * rate else fps * seconds
    assert abs(len(taken(times, rate, fps)) - expected) <= 2


def test_every_frame_where_no_rate_is_set_or_nearly_all_are_asked_for() -> None:
    times = [NINE_O_CLOCK_US + round(index * SECOND_US / 7) for index in range(50)]
    assert taken(times, 7.0, None) == times
    assert taken(times, 7.0, 7.0) == times
    assert taken(times, 7.0, 6.8) == times
    assert len(taken(times, 7.0, 3.5)) == 25


def test_a_gap_does_not_stop_sampling() -> None:
    times = [NINE_O_CLOCK_US + ms * 1000 for ms in (0, 100, 200, 5000, 5100, 5200)]
    assert {times[0], times[3]} <= set(taken(times, 10.0, 1.0))
