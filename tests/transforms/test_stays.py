"""How long visits lasted: the same whatever the segments, and quantiles by nearest rank."""

import math
import random
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from transforms.events import VisitEvents
from transforms.stays import Stays

VISITS = st.lists(
    st.builds(VisitEvents, st.just(0), st.integers(0, 90_000), st.booleans(), st.integers(1, 500)), max_size=40
)


@given(VISITS, st.randoms(use_true_random=False))
def test_all_is_told_as_from_the_sorted_lengths(visits: list[VisitEvents], rng: random.Random) -> None:
    for censored in (False, True):
        lengths = sorted(each.seconds for each in visits if each.censored == censored for _ in range(each.count))
        mixed = visits[:]
        rng.shuffle(mixed)
        stays = Stays(mixed, censored=censored)
        assert len(stays) == len(lengths)
        assert stays.within(10, 60) == sum(10 <= length < 60 for length in lengths)
        assert stays.within(0, math.inf) == len(lengths)
        if not lengths:
            assert stays.mean is stays.longest is stays.quantile(0.5) is None
            continue
        assert stays.mean == round(sum(lengths) / len(lengths), 3)
        assert stays.longest == lengths[-1]


def test_quantiles_are_by_nearest_rank_of_any_number_of_visits() -> None:
    for number in range(1, 300):
        stays = Stays([VisitEvents(0, seconds, False, 1) for seconds in range(number)], censored=False)
        for share, exact in ((0.5, Fraction(1, 2)), (0.9, Fraction(9, 10))):
            assert stays.quantile(share) == math.ceil(exact * number) - 1
    many = Stays(
        [VisitEvents(0, 5, False, 9), VisitEvents(0, 7, False, 1), VisitEvents(0, 6, True, 99)], censored=False
    )
    assert (many.quantile(0.5), many.quantile(0.9), many.longest) == (5, 5, 7)
