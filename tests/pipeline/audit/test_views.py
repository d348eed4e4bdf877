"""What is drawn into a picture: a camera's own places as they are, a group's as they lie in it."""

import numpy as np
import pytest

from pipeline.audit.views import in_picture, view_of
from schemas.floor import Ground
from schemas.site import Site
from tests.support.floor import ASPECT, HALL, WEST, a_floor_site
from tests.support.world import a_camera, strip

SQUARE = Ground(points=((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)), metres=((1, 1), (9, 1), (9, 9), (1, 9)))
"""A floor seen from straight above: ten metres by ten."""


def test_what_is_in_the_picture_whole_is_where_the_camera_shows_it() -> None:
    ground = a_floor_site().cameras[0].ground
    assert ground is not None
    seen = WEST.project(np.array([(*place, 0.0) for place in HALL])) / (ASPECT, 1)
    assert np.array(in_picture(ground, HALL)) == pytest.approx(seen, abs=0.01)


@pytest.mark.parametrize(
    ("polygon", "seen"),
    [
        ([(2, 2), (4, 2), (4, 4)], {(0.2, 0.2), (0.4, 0.2), (0.4, 0.4)}),
        ([(-5, 2), (5, 2), (5, 4), (-5, 4)], {(0, 0.2), (0.5, 0.2), (0.5, 0.4), (0, 0.4)}),
        ([(-5, -5), (15, -5), (15, 15), (-5, 15)], {(0, 0), (1, 0), (1, 1), (0, 1)}),
        ([(11, 2), (15, 2), (15, 4)], set()),
    ],
    ids=["inside", "cut", "around", "outside"],
)
def test_the_rest_is_cut_at_the_pictures_edge(
    polygon: list[tuple[float, float]], seen: set[tuple[float, float]]
) -> None:
    assert set(in_picture(SQUARE, polygon)) == seen


def test_what_lies_behind_the_camera_is_not_drawn() -> None:
    """The camera hangs at x = -2.5: the map would put what is behind it above the horizon, upside down."""
    ground = a_floor_site().cameras[0].ground
    assert ground is not None
    assert in_picture(ground, [(-40, 2), (-20, 2), (-20, 6), (-40, 6)]) == []
    seen = np.array(in_picture(ground, [(-40, 3), (5, 3), (5, 5), (-40, 5)]))
    far = WEST.project(np.array([(5, 3, 0.0), (5, 5, 0.0)])) / (ASPECT, 1)
    assert seen[:, 1].min() == pytest.approx(far[0, 1], abs=0.01)
    assert seen[:, 1].max() == pytest.approx(1), "down to the picture's lower edge"


def test_a_cameras_view_has_its_own_places_and_a_groups_has_the_shared_ones() -> None:
    bar = {"name": "bar", "kind": "staff", "polygon": strip(0.2, 0.3)}
    door = a_camera(zones=[{"name": "hall", "kind": "area", "polygon": strip(0.1, 0.5)}, bar])
    view = view_of(door, door)
    assert [line["name"] for line in view["lines"]] == ["gate"]
    assert view["zones"] == [{"name": "hall", "polygon": door.zones[0].polygon, "grace": 1}]
    assert view["ignored"] == [door.zones[1].polygon] and view["reach"] is None
    written = a_floor_site().model_dump(mode="json", exclude_unset=True)
    written["cameras"][0] |= {"zones": [bar], "lines": [{"name": "gate", "a": [0, 0], "b": [1, 1]}]}
    site = Site.model_validate(written)
    west, east = (view_of(camera, site.groups[0]) for camera in site.cameras)
    assert west["lines"] == [] and west["ignored"] == [site.cameras[0].zones[0].polygon] and east["ignored"] == []
    assert [zone["name"] for zone in west["zones"]] == ["hall"]
    assert west["zones"][0]["polygon"] != east["zones"][0]["polygon"]
