"""Dead letters: the fact that a clip or a record was set aside, and nothing of what it held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam

from schemas.envelope import Envelope
from schemas.fields import UNKNOWN
from schemas.records import DeadLetter
from schemas.site import Site
from schemas.versions import PIPELINE_VERSION
from transforms.counters import counter

DEAD_LETTER_VERSION = 1

CLIPS_SET_ASIDE = "clips_set_aside_"
"""How the names of the counters of dead-lettered clips begin; the reason follows."""

STAGES = ("ReadClips", "ValidateClips", "DetectPeople", "RedactClips", "DropBiometrics")


class Outcome(NamedTuple):
    """Good and failed output of a step; `failed` are dead letters, `told` what happened to clips (`ClipFact`)."""

    good: beam.PCollection
    failed: beam.PCollection[DeadLetter]
    told: beam.PCollection


class Origin(NamedTuple):
    """What is known of where a clip came from; None for what is not."""

    site: str | None = None
    camera: str | None = None
    start_us: int | None = None


@dataclass(frozen=True)
class Names:
    """The names that may be repeated, each in its own place: a site's name tells nothing where a camera's stands.

    Attributes:
      sites: Names of sites.
      cameras: Names of cameras, of whatever site.
    """

    sites: frozenset[str]
    cameras: frozenset[str]

    @classmethod
    def of(cls, sites: Iterable[Site]) -> Names:
        """Return the names that site files know."""
        sites = tuple(sites)
        cameras = frozenset(camera.name for site in sites for camera in site.cameras)
        return cls(frozenset(site.site for site in sites), cameras)

    def site(self, said: str | None) -> str:
        """Return what is said to be a site's name, or `unknown`."""
        return said if said is not None and said in self.sites else UNKNOWN

    def camera(self, said: str | None) -> str:
        """Return what is said to be a camera's name, or `unknown`."""
        return said if said is not None and said in self.cameras else UNKNOWN


def origin_of(envelope: Envelope) -> Origin:
    """Return where an envelope says that its clip came from."""
    return Origin(envelope.site, envelope.camera, envelope.start_us)


def count_set_aside(module: str, reason: str) -> None:
    """Count a clip that a step sets aside, by its reason."""
    counter(module, CLIPS_SET_ASIDE + reason).inc()


def dead_clip(stage: str, reason: str, origin: Origin, size: int, names: Names) -> DeadLetter:
    """Return the dead letter of a clip.

    Args:
      stage: The step that set it aside.
      reason: Class of the reason.
      origin: Where the clip came from.
      size: Bytes of the clip as it came.
      names: Names that may be repeated.
    """
    return DeadLetter(
        schema_version=DEAD_LETTER_VERSION,
        pipeline_version=PIPELINE_VERSION,
        stage=stage,
        reason=reason,
        field="",
        site=names.site(origin.site),
        camera=names.camera(origin.camera),
        event_time=origin.start_us,
        bytes=size,
    )
