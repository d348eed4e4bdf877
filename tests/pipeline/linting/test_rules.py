"""A defect for every rule, and a camera without any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import yaml

from pipeline.linting.command import lint
from pipeline.linting.findings import Finding
from pipeline.linting.people import people_of
from pipeline.linting.watching import Trail, watched
from schemas.geometry import geometry_digest, ground_digest
from schemas.site import Camera, Zone
from tests.support.floor import WEST, a_floor_site, crossing, film
from tests.support.world import ASPECT, GROUND, Person, a_camera, a_clip, clips_of, stander, strip, walker

ROWS = 400.0
GATE = {"name": "gate", "a": [0.5, 0.95], "b": [0.5, 0.5]}
HALL = {"name": "hall", "kind": "area", "polygon": strip(0.1, 0.5)}
CROWD = [walker(1 + 3 * i, y=0.6 + 0.03 * i, back=i % 2 == 1) for i in range(8)]


def found(camera: Camera) -> dict[str, Finding]:
    """Return the findings of the site file alone, by rule."""
    return {finding.rule: finding for finding in lint(camera)}


def seen(
    camera: Camera, people: Sequence[Person] = CROWD, *, rows: float = ROWS, static: bool = False, **changes: Any
) -> dict[str, Finding]:
    """Return the findings with what these people do for half a minute, by rule."""
    sample = watched(clips_of(people, 32, **changes), camera, rows)
    return {finding.rule: finding for finding in lint(camera, sample, static=static)}


def a_door(**changes: Any) -> Camera:
    """Return a camera that is right: a line from wall to wall, and an area."""
    return a_camera(**{"lines": [GATE], "zones": [HALL]} | changes)


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert found(a_door()) == {}
    assert seen(a_door(), static=True) == {}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"reach": strip(0, 0.4)}, "reach"),
        ({"reach": strip(0, 0.5)}, "reach"),
        ({"masks": [strip(0.45, 0.6)], "reach": strip(0, 0.6)}, "a mask"),
        ({"zones": [{"name": "till", "kind": "staff", "polygon": strip(0.5, 1)}]}, "a staff zone"),
        ({"zones": [{"name": "bar", "kind": "staff", "polygon": strip(0.49, 0.51)}]}, "a staff zone"),
        ({"zones": [{"name": "poster", "kind": "static", "polygon": strip(0, 0.5)}]}, "a static zone"),
        ({"lines": [GATE | {"a": [0, 0.9], "b": [1, 0.9], "dead_band": 0.2}]}, "dead_band"),
        ({"lines": [GATE | {"a": [0.2, 1], "b": [0.9, 1]}]}, "the picture's edge"),
    ],
)
def test_a_line_that_can_never_count(changes: dict[str, Any], why: str) -> None:
    finding = found(a_door(**changes)).get("line-never-counts")
    assert finding is not None and finding.severity == "error"
    assert why in finding.seen and finding.part == ("lines", 0)


def test_an_audit_of_other_places_is_outdated() -> None:
    audit = {"model": "0123456789ab", "geometry": geometry_digest(a_door())}
    assert found(a_door(audit=audit)) == {}
    outdated = found(a_door(audit=audit, fps=4))["audit-outdated"]
    assert outdated.part == ("audit",) and outdated.severity == "warning"


def test_an_audit_of_who_walks_is_outdated_with_the_ground() -> None:
    told = {"model": "0123456789ab", "geometry": geometry_digest(a_door()), "ground": "0" * 12}
    assert found(a_door(ground=GROUND, audit=told)) == {}
    walking = {"walking": {"seconds": 10, "samples": [[1, 1]]}}
    outdated = found(a_door(ground=GROUND, audit=told | walking))["audit-outdated"]
    assert outdated.part == ("audit", "walking") and "another ground" in outdated.seen
    own = {"ground": ground_digest(a_door(ground=GROUND))}
    assert found(a_door(ground=GROUND, audit=told | walking | own)) == {}


def test_an_audit_of_another_model_is_outdated() -> None:
    camera = a_door(audit={"model": "0123456789ab", "geometry": geometry_digest(a_door())})
    (outdated,) = lint(camera, model="ba9876543210")
    assert outdated.rule == "audit-outdated" and "another model" in outdated.seen
    assert lint(camera, model="0123456789ab") == []


def test_a_line_that_counts_in_part() -> None:
    finding = found(a_door(masks=[[[0.45, 0.5], [0.6, 0.5], [0.6, 0.75], [0.45, 0.75]]]))["line-partly-blocked"]
    assert finding.severity == "warning" and "55%" in finding.seen and "a mask" in finding.seen


def test_a_line_that_is_too_short() -> None:
    assert found(a_door(lines=[GATE | {"b": [0.5, 0.94]}]))["line-too-short"].severity == "error"
    short = a_door(lines=[GATE | {"b": [0.5, 0.87]}])
    assert "line-too-short" not in found(short)
    assert seen(short)["line-too-short"].severity == "warning"  # people are .12 wide, it is .08


def test_a_zone_in_which_nobody_counts() -> None:
    assert found(a_door(reach=strip(0.6, 1)))["zone-never-counts"].part == ("zones", 0)
    partly = found(a_door(reach=strip(0.3, 1)))["zone-out-of-range"]
    assert partly.severity == "warning" and "50% of hall" in partly.seen


def test_people_too_small_for_the_model() -> None:
    findings = seen(a_door(), rows=60)  # of a height of 0.3, 18 rows
    assert "down to 18" in findings["zone-people-small"].seen
    assert "line-people-small" in findings


def test_people_are_smaller_further_away() -> None:
    rng = np.random.default_rng(0)
    trails = []
    for y in np.linspace(0.3, 0.95, 40):
        x, height = rng.uniform(0.2, 1.8), 0.4 * y - 0.05
        times = tuple(range(0, 2_000_000, 200_000))
        left = x + 0.3 * height * np.arange(len(times)) * 0.2 - 0.2 * height
        box = np.column_stack([left, np.full(10, y - height), left + 0.4 * height, np.full(10, y)])
        trails.append(Trail(times, box))
    people = people_of(trails, ASPECT)
    assert people is not None
    assert people.height(0.5) == pytest.approx(0.15, abs=0.01)
    assert people.height(0.0) == 0
    assert people.width == pytest.approx(0.4, abs=0.01) and people.fast == pytest.approx(0.3, abs=0.02)


def test_a_rate_too_low_for_the_speed() -> None:
    runners = [walker(1 + 3 * i, speed=0.5, y=0.6 + 0.03 * i) for i in range(8)]
    slow = seen(a_door(fps=2), runners)
    assert "set `fps` to 4 or more" in slow["rate-too-low"].advice
    assert slow["rate-too-low"].part == ("fps",)
    assert "rate-too-low" not in seen(a_door(fps=5), runners)
    narrow = a_door(fps=2, zones=[HALL | {"polygon": strip(0.3, 0.4)}])
    assert "zone-too-narrow" in seen(narrow, runners)


def test_a_dead_band_narrower_than_people_stray() -> None:
    rng = np.random.default_rng(1)
    place = {t: rng.normal((1.0, 0.7), 0.04 * 0.3) for t in range(1000)}

    def trembles(t: float) -> tuple[float, float]:
        return tuple(place[round(5 * t)].tolist())

    narrow = a_door(lines=[GATE | {"dead_band_share": 0.02}])
    finding = seen(narrow, [*CROWD, trembles])["line-band-narrow"]
    assert finding.severity == "warning" and "standing on it may count" in finding.seen
    advised = float(finding.advice.split()[-1])
    assert 0.04 < advised < 0.12
    wide = a_door(lines=[GATE | {"dead_band_share": advised}])
    assert "line-band-narrow" not in seen(wide, [*CROWD, trembles])
    assert "line-band-narrow" not in seen(narrow), "nobody stands"


def test_a_line_without_room_for_a_stride() -> None:
    near = a_door(fps=1, lines=[GATE | {"a": [0.95, 0.95], "b": [0.95, 0.5]}])
    assert "line-no-room" in seen(near)
    assert "line-no-room" not in seen(a_door(fps=1))


def test_a_gap_beside_a_line() -> None:
    finding = seen(a_door(lines=[GATE | {"a": [0.5, 0.78]}]))["gap-beside-line"]
    assert finding.part == ("lines", 0, "a")
    assert "2 passed beside the end a of gate and 6 over it" in finding.seen
    assert "[0.500, 0.81" in finding.advice


def test_floor_that_nothing_covers() -> None:
    nowhere = a_door(
        lines=[GATE | {"a": [0.5, 0.3], "b": [0.5, 0.1]}], zones=[HALL | {"polygon": [[0, 0], [0.1, 0], [0, 0.1]]}]
    )
    assert "8 of 8" in seen(nowhere)["walk-uncovered"].seen
    reach = [[0, 0], [1, 0], [1, 0.7], [0, 0.7]]
    assert "of 8 walk outside reach" in seen(a_door(reach=reach))["walk-outside-reach"].seen


def test_floor_that_a_groups_zone_covers() -> None:
    site = a_floor_site()
    west, group = site.cameras[0], site.groups[0]
    people = [crossing((2 + i, 1.5), (2 + i, 6.5), 1 + 3 * i) for i in range(6)]
    sample = watched([film(WEST, people, 0, 30)], west, ROWS)
    assert {finding.rule for finding in lint(west, sample, shared=group)} == set()
    far = a_floor_site(zones={"hall": [(9, 0), (11, 0), (11, 1), (9, 1)]}).groups[0]
    assert "walk-uncovered" in {finding.rule for finding in lint(west, sample, shared=far)}


def test_a_spot_that_never_moves_is_proposed_and_then_gone() -> None:
    people = [*CROWD, stander(1.5, 0.4, 0, 99)]
    finding = seen(a_door(), people, static=True)["looks-static"]
    (proposed,) = yaml.safe_load(finding.paste)
    camera = a_door(
        zones=[HALL, Zone.model_validate(proposed).model_dump(mode="json", include={"name", "kind", "polygon"})]
    )
    assert proposed["name"] == "static-1" and "looks-static" not in seen(camera, people, static=True)
    assert "looks-static" not in seen(a_door(), people)  # not asked for


def test_who_sways_or_leaves_is_no_static_spot() -> None:
    def sways(t: float) -> tuple[float, float]:
        return 1.5 + 0.05 * np.sin(t), 0.4

    assert "looks-static" not in seen(a_door(), [sways, stander(0.3, 0.4, 0, 15)], static=True)


def test_samples_that_tell_nothing() -> None:
    assert set(seen(a_door(), [])) == {"clip-without-people"}
    flawed = watched([a_clip(0, 10, flags=1)], a_door(), ROWS)
    assert "clip-flawed" in {finding.rule for finding in lint(a_door(), flawed)}
    short = watched([a_clip(0, 10, CROWD)], a_door(), ROWS)
    assert "clip-too-short" in {finding.rule for finding in lint(a_door(), short, static=True)}
