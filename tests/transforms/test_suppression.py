"""The planner on small tables, whose least patterns are known."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from transforms.programs import Aim, Table
from transforms.suppression import plan, within_reach


def table_of(
    values: list[float],
    sums: list[list[int]],
    *,
    floor: float = 0,
    published: tuple[int, ...] = (),
    blocks: list[int] | None = None,
) -> Table:
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
        blocks=np.array(blocks or [-1] * size),
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


def test_in_a_large_table_a_block_is_tried_first_and_what_it_cannot_do_is_done_beyond(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transforms.programs.LARGE", 1)
    two = [2.0, 9, 8, 19, 9, 9, 9, 27, 11, 18, 17, 46]
    sums = [[0, 1, 2, 3], [4, 5, 6, 7], [0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]
    blocks = [0, 0, 0, 0, 1, 1, 1, 1, -1, -1, -1, -1]
    hidden = planned(table_of(two, sums, blocks=blocks))
    assert len(hidden) == 4, "a rectangle over two blocks: within one nothing can differ"
    one = table_of([2, 9, 8, 19], [[0, 1, 2, 3]], blocks=[0, 0, 0, -1])
    assert planned(one) < {0, 1, 2}, "in its block, and the total stays"


def test_how_far_a_quantity_can_differ_is_the_same_with_blocks_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = [[0, 1, 2], [3, 4, 5], [0, 3, 6], [1, 4, 7], [2, 5, 8]]
    values = [2.0, 9, 11, 3, 1, 4, 5, 10, 15]
    for published in ((), (2,), (2, 6, 7), (1,), (5, 6)):
        blocks = [0, 0, 0, 1, 1, 1, -1, -1, -1]
        with_blocks, without = (table_of(values, sums, published=published, blocks=each) for each in (blocks, None))
        aims = [Aim(q, by) for q in range(6) if q not in published for by in (5.0, -1.0)]
        monkeypatch.setattr("transforms.programs.LARGE", 1)
        found = [with_blocks.reach(aim) for aim in aims]
        monkeypatch.undo()
        np.testing.assert_allclose(found, [without.reach(aim) for aim in aims], atol=1e-9)


def test_the_same_table_has_the_same_pattern() -> None:
    table = table_of([2, 9, 9, 9, 29], [[0, 1, 2, 3, 4]])
    assert len({planned(table) for _ in range(3)}) == 1
