"""A look at a clip is scaled for the detector and masked, whatever shape its stored pixels have."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from pipeline.models import resolve
from tests.support.video import Picture, encode
from tests.support.world import a_camera
from transforms.decode import open_clip
from transforms.detector import Detector
from transforms.look import Look

MASKED = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.open(*resolve("person"))


def looks(image: Picture, detector: Detector, **kind: object) -> tuple[Look, Picture]:
    with open_clip(encode([image], "mp4", "ffv1", **kind)) as clip:
        look = Look(clip, a_camera(masks=[MASKED]), detector)
        return look, look.picture(next(iter(clip.frames())))


@pytest.mark.parametrize("rotation", [0, 90])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv411p"])
@pytest.mark.parametrize(("stored", "aspect"), [((352, 576), 2), ((160, 480), 4), ((64, 96), 1)])
def test_nothing_under_a_mask_is_seen(
    stored: tuple[int, int], aspect: int, pix_fmt: str, rotation: int, detector: Detector
) -> None:
    width, height = stored
    plain = np.full((height, width, 3), 128, np.uint8)
    painted = plain.copy()
    painted[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = 255, 0, 0
    kind = {"pix_fmt": pix_fmt, "rotation": rotation, "sample_aspect_ratio": Fraction(aspect)}
    (look, one), (_, other) = (looks(image, detector, **kind) for image in (plain, painted))
    np.testing.assert_array_equal(one, other)
    assert one.shape == (look.fit.content_h, look.fit.content_w, 3)
    assert look.mask is not None and look.mask.visible.mean() > 0.5
    assert not one[~look.mask.visible].any() and one[look.mask.visible].all()


def test_without_masks_all_is_seen(detector: Detector) -> None:
    with open_clip(encode([np.full((96, 64, 3), 128, np.uint8)])) as clip:
        look = Look(clip, a_camera(), detector)
        assert look.mask is None
        assert look.picture(next(iter(clip.frames()))).min() > 100
