"""What moves is found in every picture, forwards and backwards; what stands is not."""

from __future__ import annotations

import cv2
import numpy as np

from transforms.redaction.motion import HEIGHT, moving

RNG = np.random.default_rng(5)
WIDTH = 320
SCENE = RNG.integers(60, 200, (HEIGHT // 10, WIDTH // 10), np.uint8).repeat(10, 0).repeat(10, 1)


def scene(*places: int | None) -> list[np.ndarray]:
    """Return pictures of a scene, noisy as stored ones are, with a block at a column."""
    pictures = []
    for place in places:
        picture = SCENE + RNG.integers(0, 4, SCENE.shape, np.uint8)
        if place is not None:
            picture[80:140, place : place + 20] = RNG.integers(0, 2, (60, 20), np.uint8) * 255
        pictures.append(picture)
    return pictures


def found_in(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Return what moves, every frame looked at."""
    return moving(
        pictures, [cv2.absdiff(one, other) for one, other in zip(pictures, pictures[:1] + pictures, strict=False)]
    )


def test_nothing_moves_in_a_scene_that_stands() -> None:
    assert [len(boxes) for boxes in found_in(scene(*[None] * 5))] == [0] * 5
    assert found_in([]) == [] and [len(boxes) for boxes in found_in(scene(30))] == [0]


def test_what_moves_is_inside_a_box_in_every_picture() -> None:
    places = [10, 40, 80, 120, 180, 240]
    for place, boxes in zip(places, found_in(scene(*places)), strict=True):
        part = np.array([place, 80, place + 20, 140]) / HEIGHT
        assert any((box[:2] <= part[:2]).all() and (box[2:] >= part[2:]).all() for box in boxes)


def test_who_stops_for_a_while_is_still_found() -> None:
    found = found_in(scene(None, 50, 50, 50, None, None, None, None))
    assert [len(boxes) > 0 for boxes in found] == [True, True, True, True, True, False, False, False]
