"""Boxes of one clip belong together by place and size; gaps are bridged, and every box is in a track."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from transforms.redaction.tracks import MISSES, Track, track

STEP = 200_000


def box(x: float, y: float = 0.5, size: float = 0.1) -> list[float]:
    return [x, y, x + size, y + size]


def followed(*looks: list[list[float]]) -> list[Track]:
    return track([STEP * i for i in range(len(looks))], [np.array(look).reshape(-1, 4) for look in looks], STEP)


def test_who_walks_is_one_track() -> None:
    (one,) = followed(*([box(0.1 + 0.08 * i)] for i in range(6)))
    assert one.times_us.tolist() == [STEP * i for i in range(6)]
    np.testing.assert_allclose(one.boxes[:, 0], 0.1 + 0.08 * np.arange(6))


def test_two_who_pass_each_other_stay_two() -> None:
    tracks = followed(*([box(0.1 + 0.05 * i), box(0.6 - 0.05 * i, 0.62)] for i in range(10)))
    assert sorted(each.boxes[-1, 0].round(2) for each in tracks) == [0.15, 0.55]


def test_missed_looks_are_bridged_and_no_more_than_so_many() -> None:
    (one,) = followed([box(0.1)], *[[]] * MISSES, [box(0.12)])
    assert len(one.times_us) == 2
    assert len(followed([box(0.1)], *[[]] * (MISSES + 1), [box(0.12)])) == 2


def test_who_is_far_away_or_of_another_size_is_somebody_else() -> None:
    assert len(followed([box(0.1)], [box(0.5)])) == 2
    assert len(followed([box(0.1)], [box(0.19, 0.59, 0.01)])) == 2


@given(st.lists(arrays(np.float64, st.tuples(st.integers(0, 4), st.just(2)), elements=st.floats(0, 1)), max_size=8))
def test_every_box_is_in_exactly_one_track(corners: list[np.ndarray]) -> None:
    looks = [np.concatenate([each, each + 0.1], axis=1) for each in corners]
    tracks = track([STEP * i for i in range(len(looks))], looks, STEP)
    tracked = sorted((int(t), *b) for each in tracks for t, b in zip(each.times_us, each.boxes.tolist(), strict=True))
    assert tracked == sorted((STEP * i, *b) for i, look in enumerate(looks) for b in look.tolist())
