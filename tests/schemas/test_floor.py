"""The floor in a site file: four points, groups, and what is told of mistakes in them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipeline.sites import SiteFileError, load_sites
from schemas import homography
from schemas.floor import Ground
from schemas.geometry import audit_fault, geometry_digest
from schemas.site import Site
from tests.support.floor import WEST, a_floor_site

POINTS = [(0.1, 0.9), (0.9, 0.9), (0.6, 0.3), (0.4, 0.3)]
METRES = [(0, 0), (4, 0), (4, 8), (0, 8)]
AUDIT = {"model": "0123456789ab", "geometry": "0123456789ab"}
COUNTED = {"seconds": 10, "samples": [[1, 2]]}


def test_four_points_are_met_exactly_and_the_map_goes_back() -> None:
    ground = Ground.model_validate({"points": POINTS, "metres": METRES})
    found = homography.project(ground.to_floor, np.array(POINTS))
    assert found == pytest.approx(np.array(METRES, float), abs=1e-9)
    assert homography.project(ground.to_picture, found) == pytest.approx(np.array(POINTS), abs=1e-9)


def test_of_more_points_the_best_fit_is_taken() -> None:
    places = [(1, 2), (1, 6), (7, 1), (7, 7), (4, 4), (2, 3)]
    ground = Ground.model_validate(WEST.ground(places, 0.02))
    assert abs(homography.project(ground.to_floor, np.array(ground.points)) - np.array(places)).max() < 0.06


def test_pixels_are_points_in_the_picture_and_metres_stay() -> None:
    written = a_floor_site().model_dump(mode="json", exclude_unset=True)
    first = written["cameras"][0]
    pixels = [[x * 1280, y * 720] for x, y in first["ground"]["points"]]
    first |= {"units": "pixels", "size": [1280, 720], "ground": first["ground"] | {"points": pixels}}
    site = Site.model_validate(written)
    assert np.allclose(site.cameras[0].ground.points, a_floor_site().cameras[0].ground.points)
    assert site.cameras[0].ground.metres == a_floor_site().cameras[0].ground.metres


def refused(tmp_path: Path, change: Any) -> str:
    written = a_floor_site().model_dump(mode="json", exclude_unset=True)
    change(written)
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(written, sort_keys=False))
    with pytest.raises(SiteFileError) as caught:
        load_sites(file)
    (problem,) = caught.value.problems
    assert problem.line > 1
    return f"{problem.key}: {problem.message}"


def ground(camera: int, **changes: Any) -> Any:
    def change(site: dict[str, Any]) -> None:
        site["cameras"][camera]["ground"] |= changes

    return change


def group(**changes: Any) -> Any:
    def change(site: dict[str, Any]) -> None:
        site["groups"][0] |= changes

    return change


def both(site: dict[str, Any]) -> None:
    site["groups"].append(site["groups"][0] | {"name": "again"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (ground(0, points=POINTS[:3]), "cameras[0].ground.points: must have at least 4 items"),
        (ground(0, points=POINTS, metres=[*METRES, (2, 2)]), "cameras[0].ground.metres: must be as many as points, 4"),
        (ground(0, points=POINTS, metres=[(0, 0), (2, 0), (4, 0), (0, 8)]), "metres: 1, 2 and 3 lie on one line"),
        (ground(0, points=POINTS, metres=[(0, 0)] * 4), "metres: 1, 2 and 3 lie on one line"),
        (ground(0, points=POINTS, metres=[(0, 0), (4, 0), (0, 8), (4, 8)]), "metres: are in another order than points"),
        (
            ground(0, points=[*POINTS, (0.5, 0.6)], metres=[*METRES, (2, 3.2)]),
            "from where the other points put it: measure it again",
        ),
        (
            ground(0, metres=[(-x, y) for x, y in ((1, 2.5), (1, 5.5), (7, 1), (7, 7))]),
            "groups[0].cameras[1]: sees the floor mirrored, by the ground of west",
        ),
        (group(name="west"), "groups[0].name: the name west is a camera's"),
        (group(cameras=["west"]), "groups[0].cameras: must have at least 2 items"),
        (group(cameras=["west", "north"]), "groups[0].cameras[1]: is no camera of this site"),
        (group(cameras=["west", "west"]), "groups[0].cameras[1]: is in group floor already"),
        (both, "groups[1].cameras[0]: is in group floor already"),
        (lambda site: site["cameras"][1].pop("ground"), "groups[0].cameras[1]: camera east has no ground"),
        (lambda site: site["cameras"][1].update(model="other"), "groups[0].cameras[1]: has another model than west"),
        (
            lambda site: site["groups"][0]["zones"][0].update(polygon=[(90, 1), (99, 1), (99, 7)]),
            "groups[0].zones[0].polygon: lies outside the pictures of all cameras",
        ),
        (
            lambda site: site["groups"][0]["zones"][0].update(kind="staff"),
            "groups[0].zones[0].kind: must be 'area' or 'queue'",
        ),
        (group(tolerance=9), "groups[0].tolerance: must be less than or equal to 3"),
        (
            group(audit=AUDIT | {"crossings": COUNTED}),
            "groups[0].audit.crossings: is counted in a camera's own picture",
        ),
        (group(audit=AUDIT | {"presence": COUNTED}), "groups[0].audit.presence: is counted in a camera's own picture"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, change: Any, said: str) -> None:
    assert said in refused(tmp_path, change)


def changed(change: Any) -> Site:
    written = a_floor_site().model_dump(mode="json", exclude_unset=True)
    change(written)
    return Site.model_validate(written)


def digest(site: Site) -> str:
    return geometry_digest(site.groups[0], site.cameras)


def test_a_groups_geometry_is_its_zones_and_what_its_cameras_see_on_the_floor() -> None:
    own = digest(a_floor_site())
    line = {"name": "gate", "a": [0.25, 0.5], "b": [0.75, 0.5]}
    corners = [[0, 0], [0.2, 0], [0.2, 0.2]]
    area, staff = ({"name": "bar", "kind": kind, "polygon": corners} for kind in ("area", "staff"))
    same = (
        group(name="hall"), group(cameras=["east", "west"]), group(audit=AUDIT | {"visits": COUNTED}),
        lambda site: site["cameras"][0].update(lines=[line], zones=[area], heatmap=[4, 4]),
        lambda site: site["groups"][0]["zones"][0].update(name="floor", dwell_bins=["5s"]),
    )  # fmt: skip
    assert {digest(changed(each)) for each in same} == {own}
    others = (
        group(tolerance=0.8),
        lambda site: site["groups"][0]["zones"][0].update(kind="area"),
        lambda site: site["groups"][0]["zones"][0].update(polygon=[[1, 1], [9, 1], [9, 7]]),
        lambda site: site["cameras"][1].update(fps=4),
        lambda site: site["cameras"][1].update(masks=[corners]),
        lambda site: site["cameras"][1].update(reach=corners),
        lambda site: site["cameras"][1].update(zones=[staff]),
        lambda site: site["cameras"][1].update(zones=[staff | {"kind": "static"}]),
        ground(1, metres=[(x + 0.1, y) for x, y in a_floor_site().cameras[1].ground.metres]),
    )
    found = {digest(changed(each)) for each in others}
    assert len(found) == len(others) and own not in found


def test_an_audit_of_other_zones_cameras_or_another_model_is_at_fault() -> None:
    def fault(site: Site, model: str | None = None) -> str | None:
        return audit_fault(site.groups[0], site.cameras, model)

    audit = AUDIT | {"geometry": digest(a_floor_site())}
    site = changed(group(audit=audit))
    assert fault(a_floor_site()) is fault(site) is fault(site, AUDIT["model"]) is None
    assert fault(site, "0" * 12) == "its audit is of another model"
    moved = changed(group(audit=audit, tolerance=0.8))
    assert str(fault(moved)).startswith("its audit is of other zones, tolerance, cameras, grounds")
