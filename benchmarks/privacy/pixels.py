"""Whether anything of pixels is shuffled or kept in state: over the built graph of every source, redaction included."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figures import Figure
from tests.support.built_job import SOURCES, job, pixels_encoded
from transforms.redaction.what import Redaction


def figures() -> list[Figure]:
    """Return `pixel_shuffles`: inputs of shuffles and of keyed state that hold pixels, raw bytes or arrays."""
    with tempfile.TemporaryDirectory() as folder:
        graphs = [job(Path(folder), source, redaction) for source in SOURCES for redaction in (None, Redaction())]
        found = [label for root in graphs for label in pixels_encoded(root)]
    return [
        Figure(
            "pixel_shuffles",
            len(found),
            f"shuffles and keyed states of {len(graphs)} built graphs ({', '.join(SOURCES)}; with and without "
            "redaction) whose elements hold clips, frames, bytes, arrays, messages or inference results",
            "== 0",
        )
    ]
