"""Tracks at lines and zones: what counts, once and in the right direction, and what never does."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.clock import SECOND_US
from tests.support.tracks import FOREVER_US, FRAME_US, Foot, Run, crossings
from tests.support.world import ASPECT, a_camera, strip
from transforms import places
from transforms.happened import Crossing, Happened, Visit
from transforms.layout import layout_of
from transforms.places import PlacesState
from transforms.timeline import Moment
from transforms.tracker import Sightings

LEFT, RIGHT = (0.9, 0.5), (1.1, 0.5)
HALL, DESK = 0, 1


def test_a_walk_over_the_line_counts_once_to_the_side_it_goes_to() -> None:
    steps = [(x / 100, 0.5) for x in range(80, 121)]
    assert crossings(steps) == [(0, 1)]
    assert crossings(steps[::-1]) == [(0, 0)]


def test_there_and_back_counts_once_each_way() -> None:
    assert crossings([LEFT, RIGHT, LEFT]) == [(0, 1), (0, 0)]


def test_a_step_over_the_line_while_not_seen_counts() -> None:
    assert crossings([LEFT, None, None, RIGHT]) == [(0, 1)]


@pytest.mark.parametrize(
    "feet",
    [
        [LEFT, (1.0, 0.5), LEFT],  # turned back on the line
        [LEFT, (1.01, 0.5), (0.99, 0.5), (1.01, 0.5), LEFT],  # flickered within the dead band
        [(1.0, 0.5)] * 20,  # stood on the line
        [(1.005, y / 100) for y in range(10, 95)],  # walked along it
        [(0.9, 0.5), (0.9, 1.2), (1.1, 1.2), (1.1, 0.5)],  # went around its end
        [(0.8, 0.8), (1.2, 1.2)],  # touched its end
        [RIGHT],
        [],
    ],
    ids=["turned", "flickered", "stood", "along", "around", "end", "appeared", "nobody"],
)
def test_what_is_no_crossing(feet: list[Foot]) -> None:
    assert crossings(feet) == []


@settings(max_examples=100, derandomize=True)
@given(st.lists(st.tuples(st.integers(-30, 30), st.integers(5, 95)), min_size=2, max_size=40))
def test_crossings_alternate_and_agree_with_where_somebody_ends(steps: list[tuple[int, int]]) -> None:
    feet = [(1 + x / 100, y / 100) for x, y in steps]
    found = [side for _, side in crossings(feet)]
    assert all(a != b for a, b in pairwise(found))
    settled = [x for x, _ in steps if abs(x) / 100 > 0.08 * 0.3]
    if settled:
        assert (sum(found) - (len(found) - sum(found))) == (settled[-1] > 0) - (settled[0] > 0)


def test_without_a_dead_band_every_change_of_sides_counts() -> None:
    line = {"name": "gate", "a": [0.5, 1.0], "b": [0.5, 0.0], "dead_band": 0, "dead_band_share": 0}
    assert crossings([(0.999, 0.5), (1.001, 0.5)], a_camera(lines=[line])) == [(0, 1)]


SHORT = {"name": "gate", "a": [0.5, 0.6], "b": [0.5, 0.2]}
UP = [(0.99, y / 100) for y in range(27, 92, 3)]


@pytest.mark.parametrize(
    ("feet", "found"),
    [
        ([(0.9, 0.25), *UP, (1.05, 0.92)], []),  # over the line beyond its end, having walked along it
        ([(0.9, 0.25), *UP, (1.01, 0.92), (1.01, 0.3), (1.05, 0.3)], []),  # and back along its other side
        ([(0.9, 0.95), *UP[:9:-1], (1.01, 0.54), (1.05, 0.95)], [(0, 1)]),  # over it, and on beyond its end
        ([(0.9, 0.4), (0.99, 0.4), (1.01, 0.4), (0.99, 0.4), (1.01, 0.9), (1.05, 0.9)], []),  # back first
        ([(0.9, 0.4), (1.0, 0.4), (1.05, 0.4)], [(0, 1)]),  # right on it on the way
        ([(0.9, 0.4), (1.05, 0.4)], [(0, 1)]),
        ([(0.9, 0.5), (1.05, 0.9)], []),  # one step beside it
        ([(0.9, 0.55), (0.99, 0.595), (1.01, 0.605), (1.05, 0.57)], [(0, 1)]),  # at its end the straight way decides
        ([(0.9, 0.62), (0.99, 0.605), (1.01, 0.595), (1.05, 0.64)], []),
    ],
    ids=["along", "around", "slanting", "back", "on it", "step", "beside", "end", "past the end"],
)
def test_where_the_foot_changes_sides_decides(feet: list[Foot], found: list[tuple[int, int]]) -> None:
    assert crossings(feet, a_camera(lines=[SHORT])) == found
    mirrored = [None if foot is None else (2 - foot[0], foot[1]) for foot in feet]
    assert crossings(mirrored, a_camera(lines=[SHORT])) == [(line, 1 - side) for line, side in found]


def test_of_two_lines_that_meet_one_is_crossed() -> None:
    lines = [SHORT, SHORT | {"name": "more", "a": [0.5, 0.95], "b": [0.5, 0.6]}]
    for y in range(55, 66):
        for drift in (-3, 0, 3):
            way = [
                (0.9, y / 100),
                (0.99, (y + drift) / 100),
                (1.01, (y + drift) / 100 + 0.001),
                (1.06, y / 100 + 0.003),
            ]
            assert len(crossings(way, a_camera(lines=lines))) == 1, (y, drift)


def test_an_unconfirmed_track_never_counts() -> None:
    run = Run(a_camera(), confirmed_at=10**6).see([LEFT] * 20 + [RIGHT] * 20).end()
    assert run.happened.crossings == run.happened.visits == []
    assert run.happened.person_us == run.happened.peak == run.happened.joined == [0, 0]
    assert not run.happened.heat_us


def test_a_late_confirmation_credits_what_was_before() -> None:
    run = Run(a_camera(), confirmed_at=9).see([LEFT] * 5 + [RIGHT] * 5)
    assert run.happened.crossings == [Crossing(7, 0, 1)]
    sure = Run(a_camera(), confirmed_at=4).see([(0.5, 0.5)] * 5)
    assert sure.happened.person_us[HALL] == 5 * FRAME_US


def test_a_stay_counts_from_entry_to_exit_and_is_a_visit_after_the_grace() -> None:
    run = Run(a_camera()).see([(1.05, 0.5)] * 3 + [(1.5, 0.5)] * 20 + [(1.05, 0.5)] * 20)
    assert run.happened.visits == [Visit(7, DESK, 3 * FRAME_US, 23 * FRAME_US, censored=False)]
    assert run.happened.joined == [0, 1]
    assert run.happened.person_us == [0, 20 * FRAME_US]
    # Those who wait are those past the entry grace of one second: from the fifth frame on.
    assert run.happened.waiting_us == [0, 16 * FRAME_US]
    assert run.happened.peak == run.happened.waiting_peak == [0, 1]


def test_passing_through_faster_than_the_entry_grace_is_no_visit() -> None:
    run = Run(a_camera()).see([(1.05, 0.5)] * 3 + [(1.5, 0.5)] * 4 + [(1.05, 0.5)] * 20).end()
    assert run.happened.visits == []
    assert run.happened.person_us[DESK] == 4 * FRAME_US


A, B, BOTH, NEITHER = (0.45, 0.5), (1.5, 0.5), (0.9, 0.5), (1.95, 0.5)
OVERLAPPING = {
    "zones": [
        {"name": "a", "kind": "area", "polygon": strip(0.1, 0.6)},
        {"name": "b", "kind": "area", "polygon": strip(0.3, 0.9)},
    ]
}


@pytest.mark.parametrize(
    ("feet", "flows"),
    [
        ([(A, 10), (B, 10)], {(0, 1): 1}),
        ([(A, 10), (B, 12), (A, 10)], {(0, 1): 1, (1, 0): 1}),
        ([(A, 10), (NEITHER, 20), (B, 10)], {(0, 1): 1}),  # the visit before had ended
        ([(A, 10), (NEITHER, 20), (A, 10)], {}),  # came back
        ([(A, 10), (B, 4), (A, 10)], {}),  # passed through within the entry grace
        ([(A, 3), (B, 10)], {}),
        ([(B, 20)], {}),
    ],
    ids=["adjacent", "there and back", "later", "came back", "passed", "no visit before", "first"],
)
def test_a_visit_after_that_of_another_zone_is_a_transition(
    feet: list[tuple[Foot, int]], flows: dict[tuple[int, int], int]
) -> None:
    camera = a_camera(zones=[
        {"name": "a", "kind": "area", "polygon": strip(0.1, 0.3)},
        {"name": "b", "kind": "area", "polygon": strip(0.6, 0.9)},
    ])  # fmt: skip
    steps = [foot for foot, frames in feet for _ in range(frames)]
    assert Run(camera).see(steps).happened.flows == flows


def test_a_transition_belongs_to_the_moment_the_later_visit_begins() -> None:
    run = Run(a_camera(**OVERLAPPING)).see([A] * 10 + [B] * 4)
    assert run.happened.flows == {}
    run.happened = Happened.nothing(run.layout.zones)
    assert run.see([B]).happened.flows == {(0, 1): 1}


def test_where_zones_overlap_entering_the_inner_one_is_a_transition_and_leaving_it_is_none() -> None:
    run = Run(a_camera(**OVERLAPPING)).see([A] * 10 + [BOTH] * 20 + [A] * 20)
    assert run.happened.flows == {(0, 1): 1}


def test_of_visits_that_begin_in_one_frame_none_leads_to_another() -> None:
    run = Run(a_camera(**OVERLAPPING)).see([BOTH] * 20)
    assert run.happened.joined == [1, 1] and run.happened.flows == {}
    assert run.state.present[7].last_zone == 0


def test_a_track_that_is_cut_or_not_confirmed_leads_nowhere() -> None:
    camera = a_camera(**OVERLAPPING)
    assert Run(camera).see([A] * 10).cut().see([B] * 10).happened.flows == {}
    assert Run(camera, confirmed_at=10**6).see([A] * 10 + [B] * 10).happened.flows == {}
    # Confirmed in the second zone: only there a visit begins.
    assert Run(camera, confirmed_at=12).see([A] * 10 + [B] * 10).happened.flows == {}


def test_stepping_out_within_the_exit_grace_is_one_visit() -> None:
    run = Run(a_camera()).see([(1.5, 0.5)] * 10 + [(1.05, 0.5)] * 9 + [(1.5, 0.5)] * 10).end()
    assert [(visit.since_us, visit.until_us) for visit in run.happened.visits] == [(0, 29 * FRAME_US)]


@pytest.mark.parametrize(("confirmed_at", "credited"), [(0, 10), (10, 10), (20, 20)])
def test_who_is_seen_outside_is_not_inside_then(confirmed_at: int, credited: int) -> None:
    desk = {"name": "desk", "kind": "queue", "polygon": strip(0.6, 0.9), "entry_grace": "0s", "exit_grace": "10m"}
    run = Run(a_camera(zones=[desk]), confirmed_at).see([(1.5, 0.5)] * 10 + [(1.05, 0.5)] * 10)
    before_us, run.happened = run.happened.person_us, Happened.nothing(1)
    run.see([(1.5, 0.5)] * 10)
    assert run.happened.person_us == [credited * FRAME_US] and run.happened.waiting_us == [10 * FRAME_US]
    assert before_us == [(20 - credited) * FRAME_US], "whenever it is confirmed, each frame inside counts once"
    assert run.cut().happened.visits == [Visit(7, 0, 0, 30 * FRAME_US, censored=True)]


def test_of_a_long_doubt_the_last_ten_seconds_are_credited() -> None:
    run = Run(a_camera(), confirmed_at=600).see([(1.5, 0.5)] * 600)
    assert run.happened.person_us == [0, 0]
    run.see([(1.5, 0.5)])
    assert run.happened.person_us == [0, 10 * SECOND_US + FRAME_US]


def test_stepping_out_for_longer_is_two_visits() -> None:
    run = Run(a_camera()).see([(1.5, 0.5)] * 10 + [(1.05, 0.5)] * 12 + [(1.5, 0.5)] * 10).end()
    assert [visit.until_us - visit.since_us for visit in run.happened.visits] == [10 * FRAME_US] * 2


def test_flicker_neither_inflates_nor_empties_a_zone() -> None:
    steady = Run(a_camera()).see([(1.5, 0.5)] * 30).end()
    flicker = Run(a_camera()).see([(1.5, 0.5) if i % 3 != 1 else None for i in range(30)]).end()
    assert flicker.happened.visits == steady.happened.visits
    assert flicker.happened.person_us == steady.happened.person_us
    assert flicker.happened.joined == steady.happened.joined
    # The frame in which the entry grace is over does not show the flickering one.
    assert flicker.happened.waiting_us[DESK] == steady.happened.waiting_us[DESK] - FRAME_US


def test_two_glimpses_further_apart_than_the_exit_grace_are_no_visit() -> None:
    run = Run(a_camera()).see([(1.5, 0.5)] * 2 + [None] * 15 + [(1.5, 0.5)] * 2).end()
    assert run.happened.visits == []
    assert run.happened.person_us[DESK] == 4 * FRAME_US


def test_half_open_edges_of_zones() -> None:
    run = Run(a_camera()).see([(1.2, 0.5)] * 3)
    assert run.happened.person_us == [0, 3 * FRAME_US]
    run = Run(a_camera()).see([(1.8, 0.5)] * 3)
    assert run.happened.person_us == [0, 0]


def test_a_cut_censors_open_visits_and_forgets_everybody() -> None:
    run = Run(a_camera()).see([(1.5, 0.5)] * 10).cut()
    assert run.happened.visits == [Visit(7, DESK, 0, 10 * FRAME_US, censored=True)]
    assert run.state.present == {}
    assert places.open_visits(run.state, 2) == [0, 0]


def test_open_visits_are_those_past_the_entry_grace() -> None:
    run = Run(a_camera()).see([(1.5, 0.5)] * 4)
    assert places.open_visits(run.state, 2) == [0, 0]
    assert places.open_visits(run.see([(1.5, 0.5)]).state, 2) == [0, 1]


def test_without_gaps_the_mean_is_never_above_the_peak() -> None:
    run = Run(a_camera()).see([(1.5, 0.5)] * 5).see([(1.4, 0.5)] * 5, track=8)
    assert run.happened.person_us[DESK] <= run.happened.peak[DESK] * run.happened.observed_us


def test_heat_counts_passages_by_cell() -> None:
    run = Run(a_camera()).see([(0.2, 0.2)] * 3 + [(0.7, 0.2)] * 2 + [(0.2, 0.2)])
    assert run.happened.heat_us == {0: 4 * FRAME_US, 1: 2 * FRAME_US}
    assert run.happened.heat_begun == {0: 1, 1: 1}
    assert run.happened.heat_tracks == {0: {7: False}, 1: {7: False}}


CELLS = [(0.25, 0.2), (0.75, 0.2), (1.25, 0.2), (1.75, 0.2), (1.75, 0.7)]


@pytest.mark.parametrize(("others", "passages"), [(1, 1), (3, 1), (4, 2)])
def test_who_comes_back_over_up_to_three_cells_passes_once(others: int, passages: int) -> None:
    run = Run(a_camera()).see([*CELLS[: others + 1], CELLS[0]])
    assert run.happened.heat_begun[0] == passages
    assert all(run.happened.heat_begun[cell] == 1 for cell in run.happened.heat_us if cell)


def test_pacing_over_an_edge_or_a_corner_is_one_passage_a_cell() -> None:
    run = Run(a_camera()).see([(0.45, 0.2), (0.55, 0.2)] * 20)
    assert run.happened.heat_begun == {0: 1, 1: 1}
    run = Run(a_camera()).see([(0.45, 0.45), (0.55, 0.45), (0.55, 0.55), (0.45, 0.55)] * 20)
    assert set(run.happened.heat_begun.values()) == {1} and len(run.happened.heat_begun) == 4


def test_a_later_segment_knows_who_came_before() -> None:
    run = Run(a_camera()).see(CELLS[:2])
    run.happened = Happened.nothing(run.layout.zones)
    run.see(CELLS[1::-1]).see(CELLS[:3], track=8)
    assert run.happened.heat_tracks == {0: {7: True, 8: False}, 1: {7: True, 8: False}, 2: {8: False}}
    assert run.happened.heat_begun == {0: 1, 1: 1, 2: 1}


def test_a_flawed_picture_observes_nothing_and_shows_nobody() -> None:
    run = Run(a_camera()).see([(1.5, 0.5)] * 2)
    flawed = Moment(0, 10 * FRAME_US, 10 * FRAME_US, 11 * FRAME_US, 5, ASPECT, np.empty((0, 4)), np.empty(0))
    places.see_flawed(run.state, flawed, FOREVER_US, run.happened)
    assert run.happened.observed_us == 2 * FRAME_US
    assert run.happened.flawed_us == {5: FRAME_US}


@settings(max_examples=50, derandomize=True)
@given(st.integers(1, 3 * SECOND_US), st.integers(0, 4 * SECOND_US))
def test_a_held_stretch_is_split_at_a_border_exactly(length_us: int, border_us: int) -> None:
    layout = layout_of(a_camera(), ASPECT)
    boxes = np.array([[1.4, 0.2, 1.6, 0.5]])
    seen = Sightings(np.array([1]), boxes, np.ones(1, bool), np.array([], int))
    moment = Moment(0, 0, 0, length_us, 0, ASPECT, boxes, np.ones(1))
    state, before, after = PlacesState(), Happened.nothing(2), Happened.nothing(2)
    places.see(state, layout, moment, border_us, seen, before)
    places.go_on(state, border_us, FOREVER_US, after)
    assert before.observed_us + after.observed_us == length_us
    assert before.person_us[DESK] + after.person_us[DESK] == length_us
    assert before.heat_us.total() + after.heat_us.total() == length_us
    assert after.observed_us == max(0, length_us - border_us)
