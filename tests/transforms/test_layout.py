"""A site file's drawing, laid out in picture heights."""

import numpy as np
import pytest

from tests.support.world import ASPECT, a_camera, strip
from transforms.layout import counted_zones, layout_of


def test_points_are_stretched_by_the_aspect_alone() -> None:
    layout = layout_of(a_camera(), ASPECT)
    assert layout.lines[0][0] == (1.0, 1.0)
    assert layout.polygons[1][0] == pytest.approx([1.2, 0.0])
    assert (layout.zones, len(layout.lines)) == (2, 1)


def test_nobody_is_on_static_spots_and_out_of_reach() -> None:
    square = [[0, 0], [0.25, 0], [0.25, 0.5], [0, 0.5]]
    spots = [{"name": "poster", "kind": "static", "polygon": square}]
    camera = a_camera(zones=spots, reach=[[0, 0], [0.5, 0], [0.5, 1], [0, 1]])
    layout = layout_of(camera, ASPECT)
    feet = np.array([[0.1, 0.1], [0.6, 0.1], [0.1, 0.6], [1.2, 0.6]])
    assert layout.follows(feet).tolist() == [False, True, True, False]
    assert counted_zones(camera) == ()
    assert layout.inside(feet).shape == (4, 0)


def test_people_in_staff_zones_are_followed_and_in_no_zone() -> None:
    zones = [
        {"name": "hall", "kind": "area", "polygon": strip(0, 1)},
        {"name": "till", "kind": "staff", "polygon": strip(0.5, 1)},
    ]
    layout = layout_of(a_camera(zones=zones), ASPECT)
    boxes = np.array([[0.4, 0.2, 0.6, 0.6], [1.4, 0.2, 1.6, 0.6]])
    assert layout.follows(boxes[:, 2:]).all()
    assert [(spot.counts, spot.inside) for spot in layout.spots(boxes)] == [(True, [True]), (False, [False])]
    assert layout.is_staff((1.5, 0.6)) and not layout.is_staff((0.5, 0.6))


def test_dead_bands_widen_with_the_person_and_boxes_at_the_edge_are_told() -> None:
    boxes = np.array([[0.5, 0.2, 0.6, 0.3], [0.0, 0.1, 0.5, 0.9]])
    spots = layout_of(a_camera(), ASPECT).spots(boxes)
    assert [spot.bands for spot in spots] == [[8 / 576], [pytest.approx(0.08 * 0.8)]]
    assert [spot.at_edge for spot in spots] == [False, True]


def test_a_camera_without_lines_has_no_distances() -> None:
    layout = layout_of(a_camera(lines=[]), ASPECT)
    assert layout.side_distances(np.zeros((3, 2))).shape == (3, 0)


def test_distance_is_positive_on_the_right_of_one_who_looks_along_the_line() -> None:
    line = {"name": "up", "a": [0.5, 1.0], "b": [0.5, 0.0]}
    feet = np.array([[1.5, 0.3], [0.8, 9.0], [1.0, 0.5]])
    distances = layout_of(a_camera(lines=[line]), ASPECT).side_distances(feet)[:, 0]
    assert distances.tolist() == pytest.approx([0.5, -0.2, 0])


def test_cells_go_row_by_row_and_strays_to_the_nearest() -> None:
    layout = layout_of(a_camera(), ASPECT)
    feet = np.array([[0.0, 0.0], [1.99, 0.0], [0.0, 0.99], [5.0, 5.0], [-1.0, -1.0]])
    assert layout.cells(feet) == [0, 3, 4, 7, 0]
