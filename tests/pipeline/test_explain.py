"""`silhouette explain` says what the built job is."""

from pathlib import Path

import apache_beam as beam

from pipeline.config import Config
from pipeline.explain import STAGES
from pipeline.graph import build
from tests.support.graph import pipeline, transforms
from tests.support.graphs import card_of
from tests.support.world import a_site, span
from transforms import dead_letters


def test_the_stages_are_those_of_the_job_in_order(tmp_path: Path) -> None:
    model = card_of(b"model", {"kind": "yolox"}), tmp_path / "tiny.onnx"
    root = pipeline()
    build(root, Config((a_site(),), {("lab", "door"): model}, {"lab": span(0, 60)}, str(tmp_path)))
    steps = [node for node in transforms(root) if node.full_label and "/" not in node.full_label]
    labels = [node.full_label for node in steps if not isinstance(node.transform, beam.Flatten)]
    assert [stage for stage, *_ in STAGES] == labels
    assert set(dead_letters.STAGES) <= set(labels)
