"""The figures of suppression, on a part of what the report measures."""

import pytest

from benchmarks.privacy.suppression import KS, a_table, of_crowd, over_smallest


@pytest.mark.parametrize("seed", range(4))
def test_hardly_more_is_suppressed_than_the_solver_must(seed: int) -> None:
    assert 0 <= over_smallest(*a_table(seed)) <= 0.10


@pytest.mark.parametrize("k", KS[1:])
def test_no_suppressed_cell_is_recovered(k: object) -> None:
    told = of_crowd(k, 3, 10)
    assert (told.suppressed > 0, told.recovered) == (True, 0)
