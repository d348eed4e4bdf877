"""One job's configuration: values only, checked once, before any step is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.archive import ClipFile
from pipeline.progress import Ear
from schemas.site import Site
from transforms.arrivals import CameraKey, Span
from transforms.decode import ClipLimits
from transforms.detect import Model

MODEL_DIGITS = 12
"""Hexadecimal digits of a model's sha256 that records carry."""


@dataclass(frozen=True)
class Config:
    """A batch job.

    Attributes:
      sites: The site files, one a site.
      models: For each camera, its model.
      files: The clips, with their envelopes.
      spans: For each site, the stretch of event time for which records are asked; none for a site without.
      output: Folder for the records, on local disk.
      limits: What a clip may be at most.
      on_biometric: Whether the guard drops what must not leave, or stops the job.
      progress: Where to tell how far the job is; None for nowhere.
    """

    sites: tuple[Site, ...]
    models: Mapping[CameraKey, Model]
    files: Sequence[ClipFile]
    spans: Mapping[str, Span]
    output: Path
    limits: ClipLimits = field(default_factory=ClipLimits)
    on_biometric: str = "drop"
    progress: Ear | None = None

    @property
    def model_digits(self) -> dict[CameraKey, str]:
        """Return what records say of each camera's model."""
        return {key: card.sha256[:MODEL_DIGITS] for key, (card, _) in self.models.items()}
