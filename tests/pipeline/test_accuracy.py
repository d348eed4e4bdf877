"""Counting real people in real video, against ground truth: better than the best peers measured on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accuracy import count, detections, figures, site, truth
from pipeline.models.registry import resolve
from tests.support.models import shared_models_folder
from transforms.detector import Detector


@pytest.fixture(scope="module")
def measured(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    folder = shared_models_folder(tmp_path_factory.mktemp("models"), shared)
    detector = Detector.open(*resolve(str(folder / "yolox_nano_384x640.yaml")))
    counted = count(detections(shared, detector), site(shared).cameras[0])
    return {figure.name: figure.value for figure in figures(counted, truth(shared), detector.card.name)}


def test_crossings(measured: dict[str, float]) -> None:
    """The best peers, tuned, are 5 off in 91, with an F1 of .917."""
    assert measured["crossings_off"] <= 5
    assert measured["event_f1"] >= 0.95


def test_people_per_frame(measured: dict[str, float]) -> None:
    assert abs(measured["people_mean_error"]) < 0.25
    assert measured["people_mean_absolute_error"] < 0.4


def test_occupancy(measured: dict[str, float]) -> None:
    assert abs(measured["occupancy_plaza_error"]) < 0.05
    assert abs(measured["occupancy_crossroads_error"]) < 0.06
