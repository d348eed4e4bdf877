"""The job as it is built over each kind of source, and what of pixels is encoded in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.ml.inference.base import PredictionResult

from pipeline.archive import ClipFile
from pipeline.config import Config
from pipeline.graph import build
from pipeline.pubsub import Subscription
from schemas.envelope import Envelope
from tests.support.graph import pipeline, shuffled
from tests.support.graphs import card_of, constant_graph
from tests.support.world import T0, a_site, span
from transforms.clips import PIXELS
from transforms.redaction.eyes import EyeModels
from transforms.redaction.what import Redaction

SOURCES = ("archive", "subscription", "native")
FORBIDDEN = (*PIXELS, bytes, np.ndarray, PubsubMessage, PredictionResult)
ENVELOPE = Envelope(1, "lab", "door", "run", 0, T0, T0 + 10_000_000, 0, 10.0, "h264", 3, "ab" * 32)


SUBSCRIPTION = Subscription("projects/office/subscriptions/clips", 1, 64 << 20, 0, 0)


def job(tmp_path: Path, source: str, redaction: Redaction | None = None) -> beam.Pipeline:
    """Build the job over an archive, over a subscription, and over one that the runner reads itself."""
    card = card_of(constant_graph({"rows": np.zeros((1, 6))}, [1, 3, 64, 96]), {"kind": "ssd"})
    config = Config(
        sites=(a_site(),),
        models={("lab", "door"): (card, tmp_path / "tiny.onnx")},
        files=[ClipFile(tmp_path / "a.mp4", ENVELOPE), ClipFile(tmp_path / "b.mp4", None, "no_envelope")],
        subscription=None if source == "archive" else SUBSCRIPTION,
        native=source == "native",
        bounded=source == "archive",
        dead_letter_topic=None if source == "archive" else "projects/office/topics/dead",
        spans={"lab": span(0, 60)},
        output=str(tmp_path / "records"),
        redaction=redaction,
        eyes={("lab", "door"): EyeModels(None, (card, tmp_path / "tiny.onnx"))} if redaction else {},
    )
    root = pipeline()
    build(root, config)
    return root


def parts(kind: Any) -> list[Any]:
    """Return a type and all types within it."""
    inner = getattr(kind, "tuple_types", None) or getattr(kind, "union_types", None) or [
        part for name in ("inner_type", "yielded_type") if (part := getattr(kind, name, None)) is not None
    ]  # fmt: skip
    return [kind, *(deep for part in inner for deep in parts(part))]


def pixels_encoded(root: beam.Pipeline) -> Iterator[str]:
    """Yield the label of each shuffle and keyed state whose elements hold pixels, raw bytes or arrays."""
    yield from (label for label, kind in shuffled(root) if any(part in FORBIDDEN for part in parts(kind)))
