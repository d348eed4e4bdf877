"""`make accuracy`: how well people are followed and counted, against ground truth and beside others.

The settings of ours are the product's, the same for all footage and rates.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from benchmarks import intervals
from benchmarks.accuracy import counting, demo_counts, pace, tracking
from benchmarks.accuracy.footage import Footage, mot17_04, pets, tud
from benchmarks.accuracy.measures import Scene, scene
from benchmarks.accuracy.peers.ask import MESOPIC
from benchmarks.accuracy.scenes import camera_of_random_lines, pets_camera, plain_camera
from benchmarks.figures import Figure, print_figures, write_report
from pipeline.models.registry import resolve
from tests.support.models import shared_models_folder
from transforms.detector import Detector

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
DETECTOR = "yolox_nano_384x640"
STEPS = {"pets": (1, 2), "tud_campus": (1, 2, 4), "tud_stadtmitte": (1, 2, 4), "mot17_04": (1, 4)}
"""Of every so many frames one is looked at: the full rate, and lower ones."""


def main() -> None:
    """Print tables and figures, and write the report."""
    console = Console(width=None if os.isatty(1) else 240)
    if not MESOPIC.exists():
        console.print("mesopic is left out: it wants Python 3.12, which is not here")
    with tempfile.TemporaryDirectory() as work:
        os.environ["SILHOUETTE_MODELS"] = str(shared_models_folder(Path(work), SHARED))
        detector, built_in = (Detector.open(*resolve(name)) for name in (DETECTOR, "person"))
        plaza = pets(SHARED, detector)
        full = [plaza, tud(SHARED, "Campus"), tud(SHARED, "Stadtmitte"), mot17_04(SHARED)]
        rows = [footage.every(step) for footage in full for step in STEPS[footage.name]]
        # Each makes figures of its own; what measures accuracy of something else is one more entry.
        parts: list[Callable[[], list[Figure]]] = [
            lambda: pace.figures(plaza),
            lambda: counting.on_true_tracks([_scene(footage, footage) for footage in full]),
            lambda: counting.on_random_lines([scene(row, camera_of_random_lines(), _full(row, full)) for row in rows]),
            lambda: counting.of_another_detector(_scene(pets(SHARED, built_in), plaza), built_in.card.name),
            lambda: demo_counts.figures(ROOT, SHARED, detector),
            lambda: counting.figures([_scene(row, _full(row, full)) for row in rows], console),
            lambda: tracking.figures(rows, console),
            intervals.figures,
        ]
        measured = [figure for part in parts for figure in part()]
    print_figures("Accuracy", measured, console)
    write_report("accuracy", measured)


def _scene(footage: Footage, at_full_rate: Footage) -> Scene:
    camera = pets_camera(SHARED) if footage.name == "pets" else plain_camera()
    return scene(footage, camera, at_full_rate)


def _full(row: Footage, full: list[Footage]) -> Footage:
    return next(footage for footage in full if footage.name == row.name)


if __name__ == "__main__":
    main()
