"""Strides: who walks is told by direction and speed; who stands, however the box trembles, is not."""

import math

import pytest

from transforms.walks import SECTORS, Stride, Walk, Walks, account, join, tread

FRAME_US = 200_000


def strides(places: list[tuple[float, float]]) -> list[Stride]:
    walk = Walk(*places[0], 0, [0])
    return [s for i, (x, y) in enumerate(places[1:], 1) if (s := tread(walk, x, y, i * FRAME_US))]


@pytest.mark.parametrize(("sector", "name"), list(enumerate(SECTORS)))
def test_a_walk_is_strides_of_a_metre_in_its_direction(sector: int, name: str) -> None:
    turn = {"E": 0, "NE": 45, "N": 90, "NW": 135, "W": 180, "SW": -135, "S": -90, "SE": -45}[name]
    way = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    found = strides([(0.24 * i * way[0], 0.24 * i * way[1]) for i in range(26)])
    assert {stride.sector for stride in found} == {sector}
    assert sum(stride.millimetres for stride in found) / 1000 == pytest.approx(6, abs=0.01)
    assert sum(stride.millimetres for stride in found) / sum(stride.us for stride in found) == pytest.approx(1.2e-3)


def test_who_stands_or_dawdles_makes_none() -> None:
    assert strides([(0.3 * (-1) ** i, 0.2) for i in range(50)]) == []
    assert strides([(0.08 * i, 0) for i in range(50)]) == [], "0.4 m/s"


def test_a_box_that_went_over_to_somebody_else_makes_none() -> None:
    assert strides([(0, 0), (4, 0), (4.1, 0)]) == []


def test_a_pause_ends_a_stride() -> None:
    """Who stood for a while and walks on is measured from when they walk."""
    found = strides([(0, 0)] * 30 + [(0.3 * i, 0) for i in range(1, 20)])
    assert found[-1].millimetres / found[-1].us == pytest.approx(1.5e-3)
    assert sum(stride.us for stride in found) < 20 * FRAME_US + 2_000_000


def test_passages_are_counted_once_a_direction() -> None:
    walks: Walks = {}
    walk = Walk(0, 0, 0, [0, 0])
    for sector in (0, 0, 2):
        account(walks, walk, ("west", 7), Stride(sector, 1000, 800_000), [1])
    assert {key: walked.begun for key, walked in walks.items()} == {(1, 0): 1, (1, 2): 1}
    assert walks[1, 0].millimetres == 2000 and walks[1, 0].tracks == {("west", 7): False}
    later: Walks = {}
    account(later, walk, ("west", 7), Stride(0, 1000, 800_000), [1])
    assert (later[1, 0].begun, later[1, 0].tracks) == (0, {("west", 7): True})


def test_two_cameras_tracks_of_one_person_are_one_passage() -> None:
    walks: Walks = {}
    east, west = Walk(0, 0, 0, [0]), Walk(0, 0, 0, [0])
    account(walks, west, ("west", 7), Stride(0, 1000, 800_000), [0])
    join(walks, [(("east", 2), east), (("west", 7), west)])
    account(walks, east, ("east", 2), Stride(0, 1000, 800_000), [0])
    assert walks[0, 0].begun == 1 and walks[0, 0].tracks == {("east", 2): False}
