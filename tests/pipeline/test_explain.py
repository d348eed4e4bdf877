"""`silhouette explain` says what the built job is."""

from pathlib import Path

import apache_beam as beam
from rich.console import Console

from pipeline.config import Config
from pipeline.explain import STAGES, _print_site
from pipeline.graph import build
from tests.support.floor import a_floor_site
from tests.support.graph import pipeline, transforms
from tests.support.graphs import card_of
from tests.support.world import a_site, span
from transforms import dead_letters


def test_what_cameras_share_is_said() -> None:
    console = Console(width=120)
    with console.capture() as captured:
        _print_site(console, a_floor_site())
    said = " ".join(captured.get().split())
    assert "Group floor: west, east" in said
    assert "hall" in said and "length and wait, speed and direction" in said


def test_the_stages_are_those_of_the_job_in_order(tmp_path: Path) -> None:
    model = card_of(b"model", {"kind": "yolox"}), tmp_path / "tiny.onnx"
    root = pipeline()
    build(root, Config((a_site(),), {("lab", "door"): model}, {"lab": span(0, 60)}, str(tmp_path)))
    steps = [node for node in transforms(root) if node.full_label and "/" not in node.full_label]
    labels = [node.full_label for node in steps if not isinstance(node.transform, beam.Flatten)]
    asked_for = "RedactClips"  # only where it is
    assert [stage for stage, *_ in STAGES if stage != asked_for] == labels
    assert set(dead_letters.STAGES) <= {*labels, asked_for}
