"""What is drawn on the upright picture lies at the same place of the decoded one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from transforms.orientation import Orientation


@pytest.mark.parametrize(("transpose", "flip_x", "flip_y"), [*product([False, True], repeat=3)])
def test_turned_and_back(transpose: bool, flip_x: bool, flip_y: bool) -> None:
    way = Orientation(transpose, flip_x, flip_y)
    decoded = np.zeros((40, 80, 3), np.uint8)
    decoded[10:20, 8:24] = 1
    upright = way.turn(decoded)
    assert upright.shape[1::-1] == way.turn_size((80, 40))
    mask = upright[:, :, 0] > 0
    assert (way.turn_mask_back(mask) == (decoded[:, :, 0] > 0)).all()
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    box = [columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height]
    np.testing.assert_allclose(way.turn_back(np.array([box])), [[0.1, 0.25, 0.3, 0.5]])
