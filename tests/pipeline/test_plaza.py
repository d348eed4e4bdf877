"""Real people on a plaza, from the video through the command line to records, held against the ground truth."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmarks.accuracy.scenes import pets_camera
from pipeline.view import current, read_records
from tests.support.command import silhouette
from tests.support.models import shared_models_folder
from tests.support.truth import FPS, FRAMES, crossings, pets_lines, pets_tracks

SITE = {"site": "plaza", "site_version": 1, "time_zone": "UTC", "windows": ["10m"]}


def test_records_of_a_real_video_agree_with_its_truth(shared: Path, tmp_path: Path) -> None:
    drawn = pets_camera(shared).model_dump(mode="json", include={"name", "lines", "zones"}, exclude_unset=True)
    site = tmp_path / "plaza.yaml"
    site.write_text(yaml.safe_dump(SITE | {"cameras": [drawn | {"fps": FPS, "model": "yolox_nano_384x640"}]}))
    clips, output = tmp_path / "clips", tmp_path / "output"
    cut = silhouette(
        "cut", shared / "data/clips/opencv_vtest.avi", "--output", clips, "--fps", FPS,
        "--site", "plaza", "--camera", drawn["name"], "--start", "2026-01-05T09:00:00Z",
    )  # fmt: skip
    assert cut.returncode == 0, cut.stderr
    models = str(shared_models_folder(tmp_path, shared))
    done = silhouette("run", "--site", site, "--clips", clips, "--output", output, SILHOUETTE_MODELS=models)
    assert done.returncode == 0, done.stderr
    records = current(read_records(output))
    true = crossings(pets_lines(shared))
    counted = {(row["line"].replace("-", "_"), row["direction"]): row["count"] for row in records["footfall"]}
    # MP4 does not hold the video's codec: cut encodes it again, which moves a box here and there.
    assert sum(counted.values()) > 80 and sum(abs(counted[place] - true[place]) for place in counted) <= 8
    (plaza,) = [row for row in records["occupancy"] if row["zone"] == "plaza"]
    assert plaza["observed_ms"] == pytest.approx(FRAMES / FPS * 1000, rel=0.01)
    seconds = sum(len(ids) for ids, _ in pets_tracks(shared).values()) / FPS
    assert plaza["person_seconds"] == pytest.approx(seconds, rel=0.05)
