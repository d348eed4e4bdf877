"""Who is out of sight, and who is in a staff zone: what goes on without them, and what does not count."""

from __future__ import annotations

import pytest

from schemas.clock import SECOND_US
from tests.support.tracks import FRAME_US, Foot, Run, crossings
from tests.support.world import a_camera, strip
from transforms import places
from transforms.happened import Happened, Visit

HELD = a_camera(zones=[{"name": "desk", "kind": "queue", "polygon": strip(0.4, 0.9), "exit_grace": "10s"}])
STAND = (1.4, 0.5)


def test_a_wait_goes_on_when_the_track_was_lost() -> None:
    run = Run(HELD).see([STAND] * 60).see([None] * 5, ended=[7])
    assert places.open_visits(run.state, 1) == [1]
    run.see([STAND] * 60, track=8).see([None] * 60, ended=[8])
    assert run.happened.visits == [Visit(0, 0, 0, 125 * FRAME_US, censored=False)]
    assert run.happened.joined == [1]
    assert run.happened.person_us == [125 * FRAME_US], "as of somebody who was not seen for a while"
    assert run.happened.waiting_us == [121 * FRAME_US]


def test_a_wait_that_goes_on_is_credited_no_more_time_out_of_sight_than_a_track_lasts() -> None:
    run = Run(HELD).see([STAND] * 60).see([None] * 45, ended=[7])
    assert run.happened.person_us == [60 * FRAME_US]
    run.happened = Happened.nothing(1)
    run.see([STAND] * 60, track=8)
    assert run.happened.person_us == run.happened.waiting_us == [60 * FRAME_US + 2 * SECOND_US]
    assert run.cut().happened.visits == [Visit(8, 0, 0, 165 * FRAME_US, censored=True)]


def test_flow_goes_on_from_the_zone_whose_visit_went_on() -> None:
    zones = [
        {"name": "desk", "kind": "queue", "polygon": strip(0.4, 0.9), "exit_grace": "10s"},
        {"name": "hall", "kind": "area", "polygon": strip(0.1, 0.35)},
    ]
    run = Run(a_camera(zones=zones)).see([STAND] * 20).see([None] * 5, ended=[7]).see([STAND] * 20, track=8)
    assert run.see([(0.5, 0.5)] * 10, track=8).happened.flows == {(0, 1): 1}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([STAND] * 20, [(0.5, 0.5), *[STAND] * 20]),  # walks in
        ([*[STAND] * 20, (0.5, 0.5)], [STAND] * 20),  # walked out
        ([*[STAND] * 20, (1.7, 0.999)], [STAND] * 20),  # left the picture
        ([STAND] * 20, [(1.7, 0.999), *[STAND] * 20]),  # comes into it
        ([STAND] * 3, [STAND] * 20),  # passed by
    ],
    ids=["walks in", "walked out", "left", "comes", "no visit"],
)
def test_who_was_seen_to_come_or_to_go_has_a_visit_of_their_own(before: list[Foot], after: list[Foot]) -> None:
    run = Run(HELD).see(before).see([None] * 5, ended=[7]).see(after, track=8).see([None] * 60, ended=[8])
    assert run.happened.joined == [(len(before) > 3) + 1]
    assert [visit.since_us for visit in run.happened.visits][-1] >= (len(before) + 5) * FRAME_US


def test_the_visit_that_began_first_goes_on_and_nobody_for_two() -> None:
    run = Run(HELD).see([STAND] * 10)
    for _ in range(10):  # two stand there, seen in turn
        run.see([STAND], track=7).see([(1.2, 0.6)], track=9)
    run.see([None] * 2, ended=[7, 9]).see([STAND] * 10, track=8)
    assert run.happened.joined == [2] and places.open_visits(run.state, 1) == [2]
    run.see([STAND] * 55, track=8)
    assert [(visit.track, visit.since_us) for visit in run.happened.visits] == [(0, 11 * FRAME_US)]
    assert run.cut().happened.visits[-1].since_us == 0 and run.state.is_empty


def test_who_was_there_beside_the_lost_one_does_not_stand_for_them() -> None:
    run = Run(HELD).see([STAND] * 20).see([(1.2, 0.6)], track=8).see([STAND])
    run.see([None] * 2, ended=[7]).see([(1.2, 0.6)] * 20, track=8)
    assert run.happened.joined == [2]


def test_a_cut_censors_the_visits_of_the_lost() -> None:
    run = Run(HELD).see([STAND] * 20).see([None] * 5, ended=[7]).cut()
    assert run.happened.visits == [Visit(0, 0, 0, 20 * FRAME_US, censored=True)]
    assert run.state.is_empty


WITH_STAFF = a_camera(
    heatmap=[1, 1],
    zones=[
        {"name": "hall", "kind": "area", "polygon": strip(0, 1)},
        {"name": "bar", "kind": "staff", "polygon": strip(0.4, 0.6)},
    ],
)


def test_time_in_a_staff_zone_is_in_no_number() -> None:
    run = Run(WITH_STAFF).see([(0.5, 0.5)] * 20 + [(1.0, 0.5)] * 7)
    assert run.state.held.persons == [0] and not run.state.held.cells
    run.see([(0.5, 0.5)] * 20).end()
    assert run.happened.person_us == [40 * FRAME_US] and run.happened.heat_us == {0: 40 * FRAME_US}
    assert [visit.until_us - visit.since_us for visit in run.happened.visits] == [40 * FRAME_US]


def test_staying_in_a_staff_zone_for_longer_than_the_exit_grace_ends_the_visit() -> None:
    run = Run(WITH_STAFF).see([(0.5, 0.5)] * 20 + [(1.0, 0.5)] * 12)
    assert run.happened.visits == [Visit(7, 0, 0, 20 * FRAME_US, censored=False)]
    assert run.see([(0.5, 0.5)] * 10).happened.joined == [2]


def test_a_line_in_a_staff_zone_never_counts_and_one_beside_it_does() -> None:
    walk = [(x / 100, 0.5) for x in range(50, 151, 10)]
    assert crossings(walk, WITH_STAFF) == []
    assert crossings([walk[0], walk[-1]], WITH_STAFF) == [], "in one step"
    beside = WITH_STAFF.model_copy(update={"zones": a_camera(zones=[
        {"name": "bar", "kind": "staff", "polygon": strip(0.55, 0.7)}]).zones})  # fmt: skip
    assert crossings(walk, beside) == [(0, 1)]
    assert crossings([foot for foot in walk if foot[0] < 1.2], beside) == [], "the far side is proven where they count"
