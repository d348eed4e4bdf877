"""Error intervals of means: the level over longer times, places that go on wrong, and when there is none."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.audit import Samples
from transforms.intervals import LEAST_SAMPLES, Interval
from transforms.mean_errors import ANYWHERE, interval_of_mean, interval_of_most, mean_errors_of

PAIRS = st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), min_size=1, max_size=60)


def samples(pairs: list[tuple[float, float]], at: list[tuple[int, int]] | None = None) -> Samples:
    return Samples(seconds=10, samples=tuple(pairs), at=None if at is None else tuple(at))


def process(windows: int, correlation: float, rng: random.Random) -> list[tuple[float, float]]:
    """Return means of windows that follow one another: what is counted, and what was there."""
    found, error = [], rng.gauss(0, 0.3)
    for _ in range(windows):
        error = correlation * error + rng.gauss(0, 0.3 * (1 - correlation**2) ** 0.5)
        counted = 2 + rng.random() * 2
        found.append((counted, max(0.0, 1.1 * counted + error)))
    return found


@pytest.mark.parametrize("correlation", [0, 0.5])
@pytest.mark.parametrize("times", [1, 3, 10])
def test_the_truth_is_within_also_over_a_longer_time(times: int, correlation: float) -> None:
    rng = random.Random(1)
    within, widths = 0, []
    for _ in range(300):
        audited = process(40, correlation, rng)
        errors = mean_errors_of(samples(audited, [(window, 0) for window in range(40)]))
        counted, true = (sum(values) / times for values in zip(*process(times, correlation, rng), strict=True))
        low, high = interval_of_mean(errors, counted, 0, 10 * times)
        assert low is not None and high is not None
        within += low <= true <= high
        widths.append(high - low)
    assert within / 300 >= 0.85
    # Of independent windows' means, 90% lie within 2 x 1.645 x 0.3 / sqrt(times); the share has its own error.
    assert sum(widths) / 300 < (1.6 if correlation == 0 else 2.1) * 2 * 1.645 * 0.3 / times**0.5


def test_a_place_that_goes_on_wrong_has_its_own_share_and_size() -> None:
    rng = random.Random(2)
    pairs, at = [], []
    for window in range(15):
        for place, share in ((0, 1.0), (1, 1.6)):
            counted = 1 + rng.random()
            pairs.append((counted, share * counted * (1 + (0.1 if place else 0.01) * rng.uniform(-1, 1))))
            at.append((window, place))
    errors = mean_errors_of(samples(pairs, at))
    (low, high), (far_low, far_high) = (interval_of_mean(errors, 2.0, place, 10) for place in (0, 1))
    assert low is not None and high is not None and far_low is not None and far_high is not None
    assert high < 3.2 < far_high
    assert high - low < far_high - far_low


def test_a_place_that_was_not_counted_in_is_off_as_all_are() -> None:
    pairs, at = [], []
    for window in range(15):
        for place, true in ((0, 2), (1, 2 + window % 3)):
            pairs.append((2.0, float(true)))
            at.append((window, place))
    errors = mean_errors_of(samples(pairs, at))
    sure, anywhere, wrong = (errors.of(2, place, 10) or Interval(0, 0) for place in (0, ANYWHERE, 1))
    assert sum(sure) < sum(anywhere) < sum(wrong), "the share of all of them"
    assert anywhere.high - anywhere.low > sure.high - sure.low


def test_how_many_there_are_at_one_moment() -> None:
    errors = mean_errors_of(samples([(2, 3), (2, 2), (3, 3), (3, 2)] * 5 + [(0, 1)] * 9))
    assert interval_of_most(errors, 2, 0) == (1, 3)
    assert interval_of_most(errors, 0, 0) == (0, 1)
    assert interval_of_most(errors, None, 0) == interval_of_most(None, 2, 0) == (None, None)
    few = mean_errors_of(samples([(2, 3)] * 8))
    assert interval_of_most(few, 2, 0) == interval_of_most(few, 0, 0) == (None, None)
    some = mean_errors_of(samples([(2, 3)] * 19))
    assert interval_of_most(some, 2, 0, 19) == (2, 3) and interval_of_most(some, 2, 0, 20) == (None, None)


@pytest.mark.parametrize("times", [1, 6, 120, 2880])
@pytest.mark.parametrize("varies", [False, True])
def test_the_most_of_a_longer_time_is_that_of_the_window_that_is_furthest_off(times: int, varies: bool) -> None:
    """Where as many are there each time, the most that is counted is one too many as soon as it once is."""
    rng = random.Random(1)

    def windows(number: int) -> list[tuple[float, float]]:
        true = [rng.randint(1, 4) if varies else 3 for _ in range(number)]
        return [(float(each + rng.choices((0, 1, -1), (92, 5, 3))[0]), float(each)) for each in true]

    within = told = 0
    for _ in range(60 if times > 1000 else 200):
        errors = mean_errors_of(samples(windows(60), [(window, 0) for window in range(60)]))
        counted, true = (int(max(each)) for each in zip(*windows(times), strict=True))
        low, high = interval_of_most(errors, counted, 0, 10 * times)
        if low is not None and high is not None:
            told += 1
            within += low <= true <= high
    assert told >= 50 and within >= 0.85 * told


def test_the_most_of_a_longer_time_may_be_where_nobody_was_counted() -> None:
    rng = random.Random(2)

    def window() -> tuple[float, float]:
        return rng.choices([(1.0, 1.0), (1.0, 2.0), (0.0, 0.0), (0.0, 4.0)], (45, 5, 45, 5))[0]

    within = 0
    for _ in range(100):
        errors = mean_errors_of(samples([window() for _ in range(60)], [(number, 0) for number in range(60)]))
        counted, true = (int(max(each)) for each in zip(*(window() for _ in range(20)), strict=True))
        low, high = interval_of_most(errors, counted, 0, 200)
        assert low is not None and high is not None
        within += low <= true <= high
    assert within >= 85


def test_of_much_less_time_than_was_audited_nothing_is_known() -> None:
    errors = mean_errors_of(samples([(2, 3), (2, 2), (0, 1)] * 10))
    assert None not in interval_of_mean(errors, 2.0, 0, 5) + interval_of_mean(errors, 0.0, 0, 5)
    assert interval_of_mean(errors, 2.0, 0, 4) == interval_of_mean(errors, 0.0, 0, 4) == (None, None)


def test_without_errors_the_interval_is_the_value() -> None:
    errors = mean_errors_of(samples([(3, 3)] * 9))
    assert interval_of_mean(errors, 0.7, 0, 10) == (0.7, 0.7)


def test_too_few_samples_tell_nothing_and_of_longer_times_more_are_needed() -> None:
    few = mean_errors_of(samples([(1, 1)] * (LEAST_SAMPLES - 1)))
    assert interval_of_mean(few, 1.0, 0, 10) == interval_of_mean(few, 0.0, 0, 10) == (None, None)
    assert interval_of_mean(None, 1.0, 0, 10) == interval_of_mean(few, None, 0, 10) == (None, None)
    some = mean_errors_of(samples([(1, 1)] * 19))
    assert interval_of_mean(some, 1.0, 0, 19) == (1, 1) and interval_of_mean(some, 1.0, 0, 20) == (None, None)
    enough = mean_errors_of(samples([(1, 1)] * 20))
    assert interval_of_mean(enough, 1.0, 0, 900) == (1, 1)


def test_samples_that_follow_one_another_tell_how_errors_cancel_out() -> None:
    rng = random.Random(3)
    pairs = process(60, 0.8, rng)
    together = mean_errors_of(samples(pairs, [(window, 0) for window in range(60)]))
    mixed = mean_errors_of(samples(rng.sample(pairs, 60), [(window, 0) for window in range(60)]))
    assert together.correlation > 0.5 > mixed.correlation
    assert mean_errors_of(samples(pairs)).correlation == 0.5
    widths = [high - low for errors in (together, mixed) for low, high in [errors.of(3, 0, 100) or (0, 0)]]
    assert widths[0] > 1.5 * widths[1] > 0


@settings(max_examples=100, derandomize=True)
@given(PAIRS, st.floats(0, 50).map(lambda mean: round(mean, 3)), st.floats(1, 900), st.integers(0, 3))
def test_a_mean_is_within_in_thousandths(
    pairs: list[tuple[float, float]], mean: float, times: float, places: int
) -> None:
    at = [(number // (places + 1), number % (places + 1)) for number in range(len(pairs))]
    for each in (1, times):
        value = round(mean * each, 3)
        low, high = interval_of_mean(mean_errors_of(samples(pairs, at)), value, 0, 10 * times, each)
        if low is not None and high is not None:
            assert 0 <= low <= value <= high
            assert (low, high) == (round(low, 3), round(high, 3))
