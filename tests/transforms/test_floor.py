"""Two cameras over one floor: everybody is counted once, whoever sees them, and no track goes from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from schemas.avro import FAMILY_OF
from schemas.records import CameraHealth, Dwell, Movement, Occupancy, Queue
from schemas.site import Site
from tests.support.floor import (
    EAST,
    HALL,
    WEST,
    Walker,
    a_floor_site,
    alone,
    crossing,
    film,
    films,
    hidden,
    present_s,
    standing,
)
from tests.support.world import MODEL, place_events, records_of, seconds, span
from transforms.detections import ClipDetections
from transforms.events import PlaceEvents
from transforms.guard import inspect, to_fields
from transforms.vocabulary import vocabulary_of

SHAKEN = {"noise": 0.02, "missed": 0.05}
"""Boxes tremble by 2% of a person's height, and one in twenty is missed."""


@dataclass(frozen=True)
class Told:
    """What is told of one zone over all segments."""

    person_s: float
    peak: int
    joined: int
    stays: tuple[int, ...]
    censored: int
    open: int
    observed_s: float


def told(events: Sequence[PlaceEvents]) -> Told:
    zones = [each.zones[0] for each in events]
    visits = [visit for each in events for visit in each.visits]
    return Told(
        person_s=sum(zone.person_us for zone in zones) / 1e6,
        peak=max(zone.peak for zone in zones),
        joined=sum(zone.joined for zone in zones),
        stays=tuple(sorted(v.seconds for v in visits for _ in range(v.count) if not v.censored)),
        censored=sum(visit.count for visit in visits if visit.censored),
        open=zones[-1].open_visits,
        observed_s=sum(each.observed_us for each in events) / 1e6,
    )


def on_floor(site: Site, clips: Sequence[ClipDetections], until_s: float) -> list[PlaceEvents]:
    return [each for each in place_events(site, "floor", clips, span(0, until_s)) if each.camera == "floor"]


def shared(people: Sequence[Walker], until_s: float = 60, site: Site | None = None, **changes: float) -> Told:
    clips = films(people, until_s, **(SHAKEN | changes))
    return told(on_floor(site or a_floor_site(), clips, until_s))


@cache
def passers(count: int, until_s: int, seed: int) -> tuple[Walker, ...]:
    """Return people who walk through the hall, from either end to the other."""
    rng = np.random.default_rng(seed)
    people = []
    for _ in range(count):
        ends = ((0.2, rng.uniform(1.5, 6.5)), (11.8, rng.uniform(1.5, 6.5)))
        begin, end = ends if rng.random() < 0.5 else ends[::-1]
        people.append(crossing(begin, end, rng.uniform(2, until_s - 20), rng.uniform(0.8, 1.6)))
    return tuple(people)


@pytest.mark.parametrize(("error", "overlap", "fps"), [(0.2, 3.0, 5.0), (0.2, 0.5, 5.0), (0.1, 4.0, 2.0)])
def test_a_shared_zone_says_the_truth(error: float, overlap: float | None, fps: float) -> None:
    people = passers(16, 80, 3)
    found = shared(people, 80, a_floor_site(error, overlap), fps=fps)
    assert found.person_s == pytest.approx(present_s(people, 80), rel=0.03)
    assert found.joined == len(found.stays) == pytest.approx(16, abs=1), "a track that is lost may count once more"
    assert (found.censored, found.open) == (0, 0)


def test_the_cameras_summed_up_count_everybody_twice() -> None:
    people = passers(16, 80, 3)
    site, clips, true_s = a_floor_site(), films(people, 80, **SHAKEN), present_s(people, 80)
    naive = [told(place_events(alone(site, each), each.name, clips, span(0, 80))) for each in (WEST, EAST)]
    assert sum(each.person_s for each in naive) == pytest.approx(2 * true_s, rel=0.05)
    assert sum(each.joined for each in naive) == pytest.approx(32, abs=2)
    once = told(on_floor(site, clips, 80))
    assert (once.joined, len(once.stays)) == (16, 16)
    assert once.person_s == pytest.approx(true_s, rel=0.03)


@pytest.mark.parametrize("way", [(0.2, 11.8), (11.8, 0.2)])
@pytest.mark.parametrize("overlap", [None, 1.0])
def test_who_crosses_the_seam_is_one_visit(way: tuple[float, float], overlap: float | None) -> None:
    walks = crossing((way[0], 4), (way[1], 4.5), 5, speed=1.0)
    found = shared([walks], 30, a_floor_site(0.1, overlap))
    assert (found.joined, found.stays, found.peak, found.open) == (1, (10,), 1, 0)


@pytest.mark.parametrize(
    "people",
    [
        [standing(6, 4, 5, 50)],
        [standing(6, 3.8, 5, 50), standing(6, 4.3, 5, 50)],
        [standing(5.7, 3.0, 5, 50), standing(6.3, 3.4, 5, 50)],
        [standing(6, 1.5 + 0.8 * i, 5 + 2 * i, 50) for i in range(6)],
        [crossing((0.2, 3), (11.8, 3), 5), crossing((0.2, 3.7), (11.8, 3.7), 5)],
        [crossing((0.2, 3), (11.8, 3), 5), crossing((11.8, 3.4), (0.2, 3.4), 5)],
        [crossing((6, 7.8), (6, 0.2), 5)],
    ],
    ids=["one", "two", "across", "queue", "abreast", "meeting", "along"],
)
def test_at_the_seam_everybody_is_one(people: list[Walker]) -> None:
    found = shared(people, 60, a_floor_site(0.15))
    assert (found.joined, len(found.stays), found.open) == (len(people), len(people), 0)
    assert found.peak == len(people)
    assert found.person_s == pytest.approx(present_s(people, 60), rel=0.02)


def test_who_stands_on_one_cameras_part_is_counted_by_that_one_alone() -> None:
    """The other sees them too, and is measured two metres off: it may say what it likes."""
    found = shared([standing(2.5, 4, 5, 50)], 60, a_floor_site(0.6))
    assert (found.joined, found.peak, found.open) == (1, 1, 0)


def test_flicker_at_the_seam_neither_inflates_nor_empties() -> None:
    found = shared([standing(6, 4, 5, 50), standing(3, 3, 5, 50)], 60, missed=0.3)
    assert (found.joined, len(found.stays), found.peak) == (2, 2, 2)
    assert found.person_s == pytest.approx(90, rel=0.02)


def test_turning_back_at_the_seam_is_one_visit() -> None:
    def walks(t: float) -> tuple[float, float] | None:
        return (6 - 5 * abs(1 - (t - 5) / 6) + 0.3, 4) if 5 <= t < 17 else None

    found = shared([walks], 30)
    assert (found.joined, len(found.stays), found.peak) == (1, 1, 1)


def test_the_first_to_join_is_the_first_to_leave_and_the_mean_is_true() -> None:
    """One stays for twelve seconds, another, who came later, for four: as many, and together as long."""
    people = [standing(3, 3, 5, 17), standing(9, 5, 8, 12)]
    found = shared(people, 30, noise=0, missed=0)
    assert found.stays == (7, 9)
    assert sum(found.stays) == present_s(people, 30)


def test_who_is_in_any_cameras_staff_zone_counts_nowhere() -> None:
    behind = np.array([(8.0, 3.0, 0), (11.0, 3.0, 0), (11.0, 5.0, 0), (8.0, 5.0, 0)])
    polygon = (WEST.project(behind) / (16 / 9, 1)).tolist()
    site = a_floor_site().model_dump(mode="json", exclude_unset=True)
    site["cameras"][0]["zones"] = [{"name": "counter", "kind": "staff", "polygon": polygon}]
    people = [standing(9.5, 4, 5, 50), standing(7, 2, 5, 50)]
    found = shared(people, 60, Site.model_validate(site))
    assert (found.joined, found.peak) == (1, 1), "the east camera owns the place, and only the west one was told"


def test_walking_into_a_staff_zone_ends_the_visit() -> None:
    behind = np.array([(8.0, 1.0, 0), (11.0, 1.0, 0), (11.0, 7.0, 0), (8.0, 7.0, 0)])
    site = a_floor_site().model_dump(mode="json", exclude_unset=True)
    polygon = (EAST.project(behind) / (16 / 9, 1)).tolist()
    site["cameras"][1]["zones"] = [{"name": "counter", "kind": "staff", "polygon": polygon}]

    def walks(t: float) -> tuple[float, float] | None:
        return (min(2 + (t - 5) * 1.0, 9.5), 4.0) if 5 <= t < 55 else None

    found = shared([walks], 60, Site.model_validate(site))
    assert (found.joined, found.stays, found.open) == (1, (6,), 0)


def test_time_in_a_staff_zone_on_the_way_counts_nothing() -> None:
    """Across the hall in ten seconds, of which two are in the staff zone of the camera that counts there."""
    strip = np.array([(8.0, 1.0, 0), (10.0, 1.0, 0), (10.0, 7.0, 0), (8.0, 7.0, 0)])
    polygon = (EAST.project(strip) / (16 / 9, 1)).tolist()
    site = a_floor_site(exit_grace="10s").model_dump(mode="json", exclude_unset=True)
    site["cameras"][1]["zones"] = [{"name": "counter", "kind": "staff", "polygon": polygon}]
    found = shared([crossing((0.5, 4), (11.5, 4), 5, speed=1.0)], 40, Site.model_validate(site), noise=0, missed=0)
    assert (found.joined, len(found.stays)) == (1, 1)
    assert found.person_s == pytest.approx(8, abs=0.5)


@pytest.mark.parametrize("x", [3, 6, 9])
def test_a_wait_goes_on_when_the_track_was_lost(x: int) -> None:
    waits = hidden(standing(x, 4, 5, 45), 20, 25)
    found = shared([waits], 70, a_floor_site(exit_grace="10s"), noise=0, missed=0)
    assert (found.joined, found.stays, found.open) == (1, (pytest.approx(40, abs=1),), 0)
    assert found.person_s == pytest.approx(35 + 2, abs=0.5), "for 2 s, a track might have gone on"
    assert shared([waits], 70, noise=0, missed=0).joined == 2


@pytest.mark.parametrize(("sure_s", "person_s"), [(0, 31), (70, 24)], ids=["sure", "not sure at first"])
def test_who_is_seen_outside_is_not_inside_then(sure_s: float, person_s: float) -> None:
    def walks(t: float) -> tuple[float, float] | None:
        return (min(max(3 + min(t - 15, 65 - t), 3), 5), 4) if 5 <= t < 84 else None

    site = a_floor_site(exit_grace="10m", zones={"west": [(1, 1), (4, 1), (4, 7), (1, 7)]})
    clips = films([walks], 84)
    for clip in clips:
        clip.scores[np.repeat(clip.times_us, clip.counts) < seconds(sure_s)] = 140
    found = told(on_floor(site, clips, 84))
    assert (found.joined, found.stays, found.censored) == (1, (), 1)
    assert found.person_s == pytest.approx(person_s, abs=0.5)


def test_who_walks_in_has_a_visit_of_their_own_while_another_is_out_of_sight() -> None:
    people = [standing(3, 4, 5, 20), crossing((11.8, 4), (5, 4), 18, speed=1.0)]
    found = shared(people, 60, a_floor_site(exit_grace="10s"), noise=0, missed=0)
    assert (found.joined, len(found.stays)) == (2, 2)


PEOPLE = passers(12, 60, 5)


def test_a_silent_camera_is_no_data_where_it_counts_and_leaves_the_other_its_own() -> None:
    clips = [clip for clip in films(PEOPLE, 60) if clip.camera == "west"]
    found = records_of(a_floor_site(), clips, span(0, 60))
    health = {record.camera: record.coverage for record in found if isinstance(record, CameraHealth)}
    assert health == {"west": 1.0, "east": 0.0}
    zones = [record for record in found if isinstance(record, Occupancy | Queue)]
    assert [(record.group, record.camera, record.coverage) for record in zones] == [("floor", "floor", 0.0)] * 2
    assert {record.mean for record in zones if isinstance(record, Occupancy)} == {None}
    assert {record.length_mean for record in zones if isinstance(record, Queue)} == {None}
    assert {record.revision for record in found} == {len(clips)}


def test_a_shared_zone_is_observed_while_all_its_cameras_are() -> None:
    west = [film(WEST, PEOPLE, s, s + 10) for s in (0, 10, 20, 40, 50)]
    east = [film(EAST, PEOPLE, s, s + 10) for s in (5, 15, 25, 35, 45)]
    found = told(on_floor(a_floor_site(), [*west, *east], 60))
    assert found.observed_s == 25 + 15, "from 5 to 30, and from 40 to 55"


def test_a_flawed_picture_of_one_camera_is_no_coverage() -> None:
    clips = films([standing(3, 4, 5, 50)], 60)
    flawed = replace(clips[8], flags=(4,) * len(clips[8].times_us))
    assert flawed.camera == "east"
    found = told(on_floor(a_floor_site(), [*clips[:8], flawed, *clips[9:]], 60))
    assert found.observed_s == pytest.approx(60 - 10.1, abs=0.2)


def test_lost_coverage_and_the_days_end_censor() -> None:
    stays = [standing(3, 4, 1, 200)]
    clips = [film(each, stays, s, s + 10) for each in (WEST, EAST) for s in (0, 20)]
    found = told(on_floor(a_floor_site(), clips, 60))
    assert (found.joined, found.censored, found.stays, found.open) == (2, 2, (), 0)


@pytest.mark.parametrize("east_s", [range(0, 60, 10), (0, 10, 100)], ids=["goes on", "is silent too"])
def test_who_was_lost_is_censored_once_their_camera_is_silent(east_s: Sequence[int]) -> None:
    lost = [standing(3, 4, 5, 15)]
    clips = [film(WEST, lost, s, s + 10) for s in (0, 10)] + [film(EAST, lost, s, s + 10) for s in east_s]
    events = on_floor(a_floor_site(exit_grace="30s"), clips, 180)
    assert (told(events).stays, told(events).censored) == ((), 1)
    assert [each.zones[0].open_visits for each in events] == [0, 0, 0]


def test_records_of_a_group_carry_its_name_and_one_revision() -> None:
    found = records_of(a_floor_site(windows=["20s", "1m"]), films(PEOPLE, 60), span(0, 60))
    assert {record.group for record in found} == {"floor"}
    assert {record.camera for record in found if isinstance(record, Dwell | Queue)} == {"floor"}
    by_window: dict[tuple[int, int], set[int]] = {}
    for record in found:
        by_window.setdefault((record.window_size_seconds, record.window_start), set()).add(record.revision)
    assert all(len(revisions) == 1 for revisions in by_window.values())
    health = [record for record in found if isinstance(record, CameraHealth) and record.window_size_seconds == 60]
    assert [record.clips for record in health] == [6, 6], "each camera's own"


def test_all_records_of_a_group_may_leave() -> None:
    site = a_floor_site()
    vocabulary = vocabulary_of([site], {("lab", name): MODEL for name in ("west", "east")}, ())
    found = records_of(site, films(PEOPLE, 60), span(0, 60))
    assert {FAMILY_OF[type(record)] for record in found} == {"occupancy", "dwell", "queue", "movement", "camera_health"}
    assert not [v for each in found for v in inspect(FAMILY_OF[type(each)], to_fields(each), vocabulary).violations]


def test_a_zone_that_nobody_owns_is_never_observed() -> None:
    site = a_floor_site(overlap=1.0).model_dump(mode="json", exclude_unset=True)
    site["groups"][0]["zones"][0]["polygon"] = [(0.2, 7.7), (1, 7.7), (1, 7.9), (0.2, 7.9)]
    for camera in site["cameras"]:
        camera["reach"] = [[0.45, 0.5], [0.55, 0.5], [0.55, 0.6], [0.45, 0.6]]
    found = told(on_floor(Site.model_validate(site), films([standing(3, 4, 5, 50)], 60), 60))
    assert (found.observed_s, found.person_s, found.joined) == (0, 0, 0)


def test_speed_and_direction_on_the_floor() -> None:
    people = [
        *(crossing((0.2, 2 + i), (11.8, 2 + i), 5 + i, speed=1.2) for i in range(5)),
        *(crossing((3, 1.2), (3, 6.8), 25 + 6 * i, speed=0.8) for i in range(3)),
        standing(8, 4, 2, 58),
    ]
    found = records_of(a_floor_site(0.1), films(people, 60, **SHAKEN), span(0, 60))
    moved = {record.sector: record for record in found if isinstance(record, Movement)}
    assert len(moved) == 9
    assert moved["E"].metres_per_second == pytest.approx(1.2, rel=0.05)
    assert moved["N"].metres_per_second == pytest.approx(0.8, rel=0.08)
    assert moved["E"].metres == pytest.approx(50, rel=0.15)
    assert (moved["E"].n, moved["N"].n, moved["TOTAL"].n) == (5, 3, 8)
    assert moved["W"].metres == 0.0 and moved["W"].metres_per_second is None
    ways = sum(record.metres or 0 for sector, record in moved.items() if sector != "TOTAL")
    assert moved["TOTAL"].metres == pytest.approx(ways, abs=0.01)


def test_the_hall_is_where_the_tests_think_it_is() -> None:
    assert present_s([standing(1.01, 1.01, 0, 10), standing(0.99, 1, 0, 10)], 20, HALL) == pytest.approx(10)
