"""One job's configuration: values only, checked once, before any step is built."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.archive import ClipFile
from pipeline.progress import Ear
from pipeline.pubsub import Subscription
from schemas.clock import SECOND_US
from schemas.site import Site
from transforms.arrivals import CameraKey, Span
from transforms.decode import ClipLimits
from transforms.detect import Model
from transforms.protect import Released
from transforms.redaction.eyes import EyeModels
from transforms.redaction.what import Redaction
from transforms.verdict import Verdict


@dataclass(frozen=True)
class Config:
    """A job: over an archive, or over a subscription.

    Attributes:
      sites: The site files, one a site.
      models: For each camera, its model, and where its file is on the workers.
      spans: For each site, the stretch of event time for which records are asked; none for a site without.
      output: Folder for the records, on local disk or `gs://BUCKET/FOLDER`.
      files: The clips of an archive, with their envelopes.
      subscription: Where clips come from instead.
      native: Whether the runner reads Pub/Sub itself.
      bounded: Whether all clips come before any timer fires, as where an archive is read: each window is written
        once, at the end. Else each is written when it has ended, and again for what came late.
      flush_us: How long the records of a stream gather before they are written to a file.
      dead_letter_topic: Where a stream's dead letters are published too, `projects/PROJECT/topics/NAME`.
      keys: Where the keys of sealed clips are, as `pipeline/keys.py` says.
      released: For an archive, finds what was published before of a group of windows.
      limits: What a clip may be at most.
      redaction: What is covered in redacted clips, and how; None where none are written.
      eyes: For each camera, the models that look at clips which are redacted; empty without.
      on_biometric: Whether the guard drops what must not leave, or stops the job.
      progress: Where to tell how far the job is; None for nowhere.
      admissions: For each model's hash, what the admission said of it.
      run: Number of this run, in its evidence.
    """

    sites: tuple[Site, ...]
    models: Mapping[CameraKey, Model]
    spans: Mapping[str, Span]
    output: str
    files: Sequence[ClipFile] = ()
    subscription: Subscription | None = None
    native: bool = False
    bounded: bool = True
    flush_us: int = 300 * SECOND_US
    dead_letter_topic: str | None = None
    keys: tuple[str, ...] = ()
    released: Released | None = None
    limits: ClipLimits = field(default_factory=ClipLimits)
    redaction: Redaction | None = None
    eyes: Mapping[CameraKey, EyeModels] = field(default_factory=dict)
    on_biometric: str = "drop"
    progress: Ear | None = None
    admissions: Mapping[str, Verdict] = field(default_factory=dict)
    run: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def model_digits(self) -> dict[CameraKey, str]:
        """Return what records say of each camera's model."""
        return {key: card.digits for key, (card, _) in self.models.items()}
