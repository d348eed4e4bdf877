"""The floor under cameras: one owner a place, by calibration alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.floor import ASPECT, EAST, WEST, a_floor_site
from transforms.ground import NOBODY, Floor, floor_of, on_floor, owner
from transforms.groups import group_of

PLACE = st.tuples(st.floats(1.5, 10.5), st.floats(1, 7))


def floor(**changes: float) -> Floor:
    group = group_of(a_floor_site(**changes), "west")
    assert group.shared is not None
    return floor_of(group.cameras, group.shared)


@settings(max_examples=50, derandomize=True)
@given(st.lists(PLACE, min_size=1, max_size=9))
def test_foot_points_come_back_to_where_people_stand(places: list[tuple[float, float]]) -> None:
    """Calibrated by four points found to the pixel, both cameras agree to centimetres."""
    standing = np.array(places)
    for view, pinhole in zip(floor().views, (EAST, WEST), strict=True):
        feet = pinhole.project(np.column_stack((standing, np.zeros(len(standing)))))
        assert abs(on_floor(view.plane, feet, ASPECT) - standing).max() < 0.06


def test_each_place_belongs_to_the_camera_that_sees_it_largest() -> None:
    views = floor().views
    row = np.column_stack((np.arange(1.25, 11, 0.5), np.full(20, 4.0)))
    assert owner(views, row).tolist() == [1] * 10 + [0] * 10, "the seam is halfway"
    assert owner(views, np.array([(6.0, 40.0), (np.nan, 1.0)])).tolist() == [NOBODY, NOBODY]


def test_what_one_camera_does_not_see_is_the_others() -> None:
    views = floor(overlap=2.0).views
    assert owner(views, np.array([(4.0, 4.0), (8.0, 4.0)])).tolist() == [1, 0]
    mask = (WEST.project(np.array([(2, 3, 0), (4, 3, 0), (4, 5, 0), (2, 5, 0)])) / (ASPECT, 1)).tolist()
    for key, part in (("masks", [mask]), ("zones", [{"name": "spot", "kind": "static", "polygon": mask}])):
        site = a_floor_site().model_dump(mode="json", exclude_unset=True)
        site["cameras"][0][key] = part
        group = group_of(a_floor_site(cameras=site["cameras"]), "west")
        assert group.shared is not None
        masked = floor_of(group.cameras, group.shared).views
        assert owner(masked, np.array([(3.0, 4.0), (5.0, 4.0)])).tolist() == [0, 1], key


def test_the_band_at_the_seam_is_so_wide() -> None:
    places = np.array([(x, 4.0) for x in (5.0, 5.6, 5.8, 6.2, 6.4, 7.0)])
    east, west = (floor().owned_near(number, places, 0.3).tolist() for number in (0, 1))
    assert east == [False, False, True, True, True, True]
    assert west == [True, True, True, True, False, False]


def test_a_foot_point_beyond_the_horizon_is_nowhere() -> None:
    places = on_floor(floor().views[1].plane, np.array([(0.9, 0.9), (0.9, -2.0)]), ASPECT)
    assert np.isfinite(places[0]).all() and np.isnan(places[1]).all()
    assert floor().counts(places).tolist() == [True, False]
    assert not floor().inside(places)[1].any()


@pytest.mark.parametrize(("x", "owners"), [((1, 3), ("west",)), ((9, 11), ("east",)), ((4, 8), ("east", "west"))])
def test_a_zone_is_observed_by_those_who_own_a_part_of_it(x: tuple[int, int], owners: tuple[str, ...]) -> None:
    hall = {"name": "hall", "kind": "area", "polygon": [(x[0], 2), (x[1], 2), (x[1], 6), (x[0], 6)]}
    group = group_of(a_floor_site(groups=[{"name": "f", "cameras": ["west", "east"], "zones": [hall]}]), "west")
    assert group.shared is not None
    assert floor_of(group.cameras, group.shared).owners == owners
