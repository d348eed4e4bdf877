"""Who goes from zone to zone of a floor that two cameras share: one transition each, whichever camera counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from schemas.records import Flow, Queue
from schemas.site import Site
from tests.support.floor import HALL, Corners, Walker, a_floor_site, crossing, films, hidden, standing
from tests.support.world import MODEL, place_events, protected_of, records_of, span
from tests.transforms.test_floor import SHAKEN, passers
from transforms.guard import inspect, to_fields
from transforms.vocabulary import vocabulary_of


def strip(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, 1.0), (high, 1.0), (high, 7.0), (low, 7.0)]


APART = {"a": strip(1, 5), "b": strip(7, 11)}
"""One in each camera's part; the seam, at six metres, is between them."""
TOUCHING = {"a": strip(1, 6), "b": strip(6, 11)}
AT_SEAM = {"a": strip(1, 5), "b": strip(5.2, 7)}
WITHIN = {"a": HALL, "b": strip(5, 7)}


def through(*places: tuple[float, float], from_s: float = 2, speed: float = 1.0) -> Walker:
    """Return somebody who walks from place to place along y = 4: (x, seconds that they stay there)."""
    legs, t, last = [], from_s, places[0][0]
    for x, stays_s in places:
        if x != last:
            legs.append(walk := (t, crossing((last, 4), (x, 4), t, speed)))
            t = walk[0] + abs(x - last) / speed
        legs.append((t, standing(x, 4, t, t + stays_s)))
        t, last = t + stays_s, x
    return lambda now: next((place for _, leg in legs if (place := leg(now)) is not None), None)


def flows(
    people: Sequence[Walker], zones: Mapping[str, Corners], until_s: float = 30, site: Site | None = None,
    **changes: float,
) -> dict[tuple[str, str], int]:  # fmt: skip
    site = site or a_floor_site(0.15, zones=zones)
    found: Counter[tuple[str, str]] = Counter()
    names = list(zones)
    for each in place_events(site, "floor", films(people, until_s, **changes), span(0, until_s)):
        assert each.camera == "floor" or not each.flows
        found.update({(names[flow.from_zone], names[flow.to_zone]): flow.count for flow in each.flows})
    return dict(found)


THERE, BACK = {("a", "b"): 1}, {("b", "a"): 1}


@pytest.mark.parametrize("zones", [APART, TOUCHING, AT_SEAM], ids=["apart", "touching", "at seam"])
def test_walking_over_from_zone_to_zone_is_one_transition(zones: Mapping[str, Corners]) -> None:
    assert flows([crossing((0.2, 4), (11.8, 4.4), 3)], zones) == THERE
    assert flows([crossing((11.8, 4.4), (0.2, 4), 3)], zones) == BACK


@pytest.mark.parametrize(
    ("walks", "zones", "expected"),
    [
        (through((2, 3), (6, 12)), AT_SEAM, THERE),
        (through((2, 3), (4.5, 12)), {"a": strip(1, 3), "b": strip(3.5, 6)}, THERE),
        (through((3, 3), (6.9, 0), (3, 5)), APART, {}),
        (through((3, 3), (6.9, 5), (3, 5)), APART, {}),
        (through((3, 3), (9, 3), (3, 3), (9, 3)), APART, {("a", "b"): 2, ("b", "a"): 1}),
        (through((6, 3), (9, 5)), APART, {}),
        (through((3, 3), (6, 10), (9, 5)), WITHIN, THERE),
        (through((6, 10)), WITHIN, {}),
    ],
    ids=["stays where both see", "of one camera", "turns back", "waits and turns back", "to and fro",
         "no visit before", "inner zone", "both begin at once"],
)  # fmt: skip
def test_a_transition_is_a_visit_that_begins_after_that_of_another_zone(
    walks: Walker, zones: Mapping[str, Corners], expected: dict[tuple[str, str], int]
) -> None:
    assert flows([walks], zones, 40) == expected


def test_a_visit_at_the_seam_comes_between_those_of_either_side() -> None:
    zones = {"a": strip(1, 5), "b": strip(5.2, 6.8), "c": strip(7, 11)}
    assert flows([through((3, 3), (6, 5), (9, 3))], zones) == {("a", "b"): 1, ("b", "c"): 1}
    assert flows([through((9, 3), (6, 5), (3, 3))], zones) == {("c", "b"): 1, ("b", "a"): 1}


def test_people_who_meet_and_who_walk_abreast_are_one_transition_each() -> None:
    meeting = [crossing((0.2, 3), (11.8, 3), 3), crossing((11.8, 5), (0.2, 5), 3)]
    assert flows(meeting, APART) == THERE | BACK
    abreast = [crossing((0.2, y), (11.8, y), 3) for y in (2.5, 3.5, 4.5)]
    assert flows(abreast, TOUCHING) == {("a", "b"): 3}


def test_boxes_that_tremble_and_are_missed_change_little() -> None:
    people = passers(16, 80, 3)
    east = sum(next(x for t in range(80) if (at := walks(t)) for x in at[:1]) < 6 for walks in people)
    found = flows(people, APART, 80, **SHAKEN)
    assert found == {("a", "b"): pytest.approx(east, abs=1), ("b", "a"): pytest.approx(16 - east, abs=1)}


def test_flow_goes_on_from_the_zone_whose_visit_went_on() -> None:
    walks = hidden(through((3, 20), (9, 6)), 8, 13)
    assert flows([walks], APART, 40, a_floor_site(exit_grace="10s", zones=APART)) == THERE


def test_a_visit_that_begins_where_both_see_it_is_as_long_as_one_that_one_sees() -> None:
    found = records_of(a_floor_site(0.15), films([standing(6, 4, 5, 50)], 60), span(0, 60))
    assert [row.wait_max_seconds for row in found if isinstance(row, Queue)] == [45.0]


def test_records_of_transitions_may_leave_and_few_are_suppressed() -> None:
    site = a_floor_site(zones=APART, k=4, windows=["1m"])
    people = [
        *(crossing((0.2, 1.6 + i), (11.8, 1.6 + i), 3 + 2 * i) for i in range(5)),
        crossing((11.8, 4), (0.2, 4), 40),
    ]
    clips = films(people, 60)
    rows = [row for row in records_of(site, clips, span(0, 60)) if isinstance(row, Flow)]
    assert {(row.from_zone, row.to_zone): (row.count, row.n) for row in rows} == {
        ("a", "b"): (5, 5), ("b", "a"): (1, 1), ("*", "*"): (6, 6)
    }  # fmt: skip
    assert {(row.camera, row.group, row.count_low) for row in rows} == {("floor", "floor", None)}
    shown = [row for row in protected_of(site, clips, span(0, 60)) if isinstance(row, Flow)]
    told = {(row.from_zone, row.to_zone): row.count for row in shown}
    assert told["b", "a"] is None and None in (told["a", "b"], told["*", "*"]), "not to be computed back"
    vocabulary = vocabulary_of([site], {("lab", name): MODEL for name in ("west", "east")}, ())
    assert not [v for row in [*rows, *shown] for v in inspect("flow", to_fields(row), vocabulary).violations]
