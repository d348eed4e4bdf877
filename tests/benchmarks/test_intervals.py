"""What intervals are compared with: the narrowest of one width that holds as many truths."""

import math

import pytest

from benchmarks.intervals import Held, narrowest, overall, parts, trials


@pytest.mark.parametrize(
    ("errors", "cover", "width"),
    [
        ([0, 0, 0, 1], 0.75, 0),
        ([0, 0, 0, 1], 1, 1),
        ([-2, 5, 5.5, 6, 9], 0.6, 1),
        ([3], 1, 0),
    ],
)
def test_the_narrowest_holds_the_share_and_may_lie_beside_the_value(
    errors: list[float], cover: float, width: float
) -> None:
    assert narrowest(errors, cover) == width


def test_no_width_over_no_width_is_as_good() -> None:
    assert Held(0.9, 0, 0, 10, 0).ratio == 1
    assert math.isinf(Held(0.9, 0.1, 0, 10, 0).ratio)
    assert Held(0.9, 1, 2, 10, 0).ratio == 0.5


def test_of_all_kinds_together_each_record_counts_once() -> None:
    cover, width = overall([Held(0.9, 1, 1, 30, 0), Held(1, 4, 2, 10, 5), Held(math.nan, math.nan, math.nan, 0, 7)])
    assert (cover.value, width.value) == (0.925, 1.25)


def test_each_part_is_half_of_the_windows() -> None:
    found = list(parts(range(20)))
    assert {len(part) for part in found} == {10}
    assert found[0] == frozenset(range(10)) and found[2] == frozenset(range(0, 20, 2))


@pytest.mark.parametrize("times", [1, 3])
def test_nothing_that_is_held_is_audited(times: int) -> None:
    found = list(trials(20, times))
    assert {end - first for _, runs in found for first, end in runs} == {times}
    assert {first for _, runs in found for first, _ in runs} == set(range(21 - times))
    for part, runs in found:
        assert len(part) == 10
        assert not any(first <= window < end for window in part for first, end in runs)
