"""The planner on small tables, whose least patterns are known."""

import numpy as np
from scipy.sparse import csr_array

from transforms.programs import Aim, Table
from transforms.suppression import plan, within_reach


def table_of(values: list[float], sums: list[list[int]], *, floor: float = 0, published: tuple[int, ...] = ()) -> Table:
    """Return a table of one quantity a cell; each sum is a list of cells, the total last."""
    size = len(values)
    relations = np.zeros((len(sums), size))
    for row, (*parts, total) in enumerate(sums):
        relations[row, parts] = 1
        relations[row, total] = -1
    return Table(
        values=np.array(values, float),
        cells=np.arange(size),
        floors=np.full(size, floor),
        whole=np.ones(size, bool),
        steps=np.ones(size),
        published=np.isin(np.arange(size), published),
        blocks=np.full(size, -1),
        prices=np.ones(size),
        relations=csr_array(relations),
        limits=csr_array((0, size)),
        slack=np.zeros(0),
    )


def planned(table: Table, least: int = 5) -> frozenset[int]:
    aims = {
        cell: [Aim(cell, least - n)] + ([Aim(cell, 1 - n)] if n > 1 else [])
        for cell, n in enumerate(table.values.tolist())
        if 0 < n < least and not table.published[cell]
    }
    return plan(table, within_reach(table, aims))


def test_the_total_is_suppressed_with_its_only_small_part() -> None:
    assert len(planned(table_of([2, 9, 8, 19], [[0, 1, 2, 3]]))) == 2


def test_two_small_parts_of_a_large_total_need_a_third() -> None:
    """1 and 1 of a total of 22 could be no more than 2."""
    hidden = planned(table_of([1, 1, 20, 22], [[0, 1, 2, 3]]))
    assert hidden >= {0, 1}
    assert len(hidden) == 3


def test_a_table_without_small_cells_stays_whole() -> None:
    assert planned(table_of([5, 9, 0, 14], [[0, 1, 2, 3]])) == frozenset()


def test_in_two_directions_a_cell_needs_a_rectangle() -> None:
    cells = [[2, 9, 11], [8, 7, 15], [10, 16, 26]]
    values = [float(n) for row in cells for n in row]
    rows = [[3 * r, 3 * r + 1, 3 * r + 2] for r in range(3)]
    columns = [[c, 3 + c, 6 + c] for c in range(3)]
    hidden = planned(table_of(values, rows + columns))
    assert 0 in hidden
    assert len(hidden) == 4


def test_what_is_published_in_any_case_gives_a_cell_away_and_it_is_suppressed_all_the_same() -> None:
    table = table_of([3, 3], [[0, 1]], published=(1,))
    assert within_reach(table, {0: [Aim(0, 2), Aim(0, -2)]}) == {0: []}
    assert planned(table) == {0}


def test_beside_a_published_total_one_with_nobody_hides_one_with_somebody() -> None:
    hidden = planned(table_of([1, 0, 1], [[0, 1, 2]], published=(2,)))
    assert hidden == {0, 1}


def test_what_is_given_away_asks_nothing_of_others() -> None:
    assert planned(table_of([1, 9, 8, 1, 18], [[0, 1, 2, 4], [0, 3]], published=(3,))) == {0}


def test_the_same_table_has_the_same_pattern() -> None:
    table = table_of([2, 9, 9, 9, 29], [[0, 1, 2, 3, 4]])
    assert len({planned(table) for _ in range(3)}) == 1
