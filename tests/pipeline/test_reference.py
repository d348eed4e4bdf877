"""The reference line says how a camera looks, and nothing of what its mask hides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.site import REFERENCE_LENGTH
from tests.support.command import silhouette_here
from tests.support.video import encode, pictures
from tests.support.world import a_camera, a_site

MASKED = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    site = a_site(cameras=[a_camera(masks=[MASKED]).model_dump(mode="json")])
    path.write_text(json.dumps(site.model_dump(mode="json", exclude_defaults=True)))
    return path


def reference(site_file: Path, value: int) -> list[float]:
    """Return what is printed for a clip with what is masked painted over."""
    images = [image.copy() for image in pictures(15)]
    for image in images:
        image[32:88, 44:116] = value
    clip = site_file.with_name("clip.mkv")
    clip.write_bytes(encode(images, "matroska", "ffv1"))
    done = silhouette_here("reference", clip, "--site", site_file, "--camera", "door")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("reference: [")
    edges: list[float] = json.loads(done.stdout.removeprefix("reference: "))
    return edges


def test_nothing_under_the_mask_is_in_the_reference(site_file: Path) -> None:
    edges = reference(site_file, 0)
    assert len(edges) == REFERENCE_LENGTH and max(edges) > 1
    assert reference(site_file, 255) == edges


def test_what_it_cannot_use_is_said(site_file: Path) -> None:
    clip = site_file.with_name("clip.mp4")
    clip.write_bytes(b"no video")
    unreadable = silhouette_here("reference", clip, "--site", site_file, "--camera", "door")
    assert unreadable.returncode == 1 and "not_video" in unreadable.stderr
    nobody = silhouette_here("reference", clip, "--site", site_file, "--camera", "yard")
    assert nobody.returncode == 2 and "no camera yard" in nobody.stderr
