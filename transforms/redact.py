"""RedactClips: clips with people covered, as files, inside the fused stage of the pixels.

Beside DetectPeople, on the same clips: nothing encoded or decoded crosses a shuffle here either. What leaves is a
redacted file, written whole, and of the clip a fact with its names and the leak measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import cv2
from apache_beam.utils.shared import Shared

from schemas.records import DeadLetter
from schemas.site import Camera, Site
from transforms.arrivals import CameraKey, camera_of
from transforms.calendar import scheduled
from transforms.clips import Clip
from transforms.counters import counter
from transforms.dead_letters import Names, count_set_aside, dead_clip, origin_of
from transforms.decode import ClipError, ClipLimits, OpenClip, open_clip
from transforms.facts import TOLD, ClipFact, redacted_clip, tell, unredacted_clip
from transforms.redaction.eyes import EyeModels, Eyes, open_eyes
from transforms.redaction.leaks import Measure
from transforms.redaction.redact import Redacted, RedactionError, redact
from transforms.redaction.what import Redaction

STAGE = "RedactClips"
UNENCODABLE = "unencodable"
FAULTS = frozenset({UNENCODABLE})
"""Reason classes of this step."""
FAILED = "failed"

Write = Callable[[str, bytes], None]
"""Writes a file whole under a name; one of the same name is replaced."""


class Redactions(NamedTuple):
    """The outputs of `RedactClips`.

    Attributes:
      failed: Dead letters; that of a clip which cannot be decoded is left to `DetectPeople`.
      told: A fact for each clip that was redacted, or could not be, each time that it came.
    """

    failed: beam.PCollection[DeadLetter]
    told: beam.PCollection[ClipFact]


def redact_clip(
    clip: Clip, site: Site, camera: Camera, redaction: Redaction, eyes: Eyes, limits: ClipLimits
) -> Redacted:
    """Redact a clip as its site file says: its masks are black, and so are frames outside the schedule.

    Raises:
      ClipError: it cannot be decoded right.
      RedactionError: it cannot be encoded.
    """
    envelope = clip.envelope
    hours = scheduled(site, envelope.start_us, envelope.end_us)

    def opens() -> AbstractContextManager[OpenClip]:
        return open_clip(clip.payload, limits, envelope.frame_rate)

    def watched(offset_us: int) -> bool:
        return any(start <= envelope.start_us + offset_us < end for start, end in hours)

    return redact(opens, redaction, eyes, masks=camera.masks, watched=watched)


def name_of(clip: Clip) -> str:
    """Return a redacted clip's name in its folder: of the same clip always the same."""
    envelope = clip.envelope
    return f"redacted/site={envelope.site}/camera={envelope.camera}/{envelope.sha256}.mp4"


@dataclass(eq=False)
class RedactClips(beam.PTransform):
    """Writes each clip again with people covered.

    Attributes:
      sites: The site files.
      redaction: What is covered, and how.
      models: For each camera, the models that look.
      limits: What a clip may be at most.
      folder: Where the files go.
      write: Writes them.
    """

    sites: tuple[Site, ...]
    redaction: Redaction
    models: Mapping[CameraKey, EyeModels]
    limits: ClipLimits
    folder: str
    write: Write

    def expand(self, clips: beam.PCollection[Clip]) -> Redactions:
        redact_each = _RedactFn(self.sites, self.redaction, self.models, self.limits, self.folder, self.write)
        outcome = clips | "Redact" >> beam.ParDo(redact_each).with_outputs(TOLD, main=FAILED)
        outcome[FAILED].element_type = DeadLetter
        outcome[TOLD].element_type = ClipFact
        return Redactions(outcome[FAILED], outcome[TOLD])


class _Opened(dict[CameraKey, Eyes]):
    """The opened models of every camera; shared by a worker's threads."""


class _RedactFn(beam.DoFn):
    def __init__(
        self, sites: tuple[Site, ...], redaction: Redaction, models: Mapping[CameraKey, EyeModels],
        limits: ClipLimits, folder: str, write: Write,
    ) -> None:  # fmt: skip
        self._sites = {site.site: site for site in sites}
        self._names = Names.of(sites)
        self._redaction, self._models, self._limits = redaction, dict(models), limits
        self._folder, self._write = folder, write
        self._shared = Shared()
        self._eyes = _Opened()

    def setup(self) -> None:
        self._eyes = self._shared.acquire(self._open)

    def _open(self) -> _Opened:
        cv2.setNumThreads(1)  # a worker's threads are its clips
        opened: dict[str, Eyes] = {}
        eyes = _Opened()
        for key, models in self._models.items():
            name = repr(models)
            opened[name] = eyes[key] = opened.get(name) or open_eyes(models)
        return eyes

    def process(self, clip: Clip) -> Iterable[Any]:
        envelope = clip.envelope
        site = self._sites[envelope.site]
        camera = camera_of(site, envelope.camera)
        try:
            redacted = redact_clip(
                clip, site, camera, self._redaction, self._eyes[site.site, camera.name], self._limits
            )
        except ClipError:
            counter(__name__, "undecodable").inc()
            yield tell(unredacted_clip(envelope))
            return
        except RedactionError:
            count_set_aside(__name__, UNENCODABLE)
            yield dead_clip(STAGE, UNENCODABLE, origin_of(envelope), clip.size, self._names)
            yield tell(unredacted_clip(envelope))
            return
        self._write(f"{self._folder}/{name_of(clip)}", redacted.payload)
        _count(redacted.measure)
        yield tell(redacted_clip(envelope, len(redacted.payload), asdict(redacted.measure)))


def _count(measure: Measure) -> None:
    counter(__name__, "clips").inc()
    for name, value in asdict(measure).items():
        counter(__name__, name).inc(value)
