"""Dead letters: the fact that a clip or a record was set aside, and nothing of what it held."""

from __future__ import annotations

from typing import NamedTuple

import apache_beam as beam

from schemas.envelope import Envelope
from schemas.records import DeadLetter
from transforms.metrics import PIPELINE_VERSION

DEAD_LETTER_VERSION = 1
UNKNOWN = "unknown"
"""Stands for a name that the site files do not know: what an envelope says is not repeated."""

CLIPS_SET_ASIDE = "clips_set_aside"
"""Name of the counter of dead-lettered clips in every step that has one."""

STAGES = ("ReadClips", "ValidateClips", "DetectPeople", "DropBiometrics")


class Outcome(NamedTuple):
    """Good and failed output of a step; `failed` are dead letters."""

    good: beam.PCollection
    failed: beam.PCollection[DeadLetter]


def dead_clip(stage: str, reason: str, envelope: Envelope | None, size: int, names: frozenset[str]) -> DeadLetter:
    """Return the dead letter of a clip.

    Args:
      stage: The step that set it aside.
      reason: Class of the reason.
      envelope: The clip's envelope, where it could be read.
      size: Bytes of the clip as it came.
      names: Names of sites and cameras that may be repeated.
    """
    return DeadLetter(
        schema_version=DEAD_LETTER_VERSION,
        pipeline_version=PIPELINE_VERSION,
        stage=stage,
        reason=reason,
        field="",
        site=_known(envelope.site if envelope else None, names),
        camera=_known(envelope.camera if envelope else None, names),
        event_time=envelope.start_us if envelope else None,
        bytes=size,
    )


def _known(name: str | None, names: frozenset[str]) -> str:
    return name if name is not None and name in names else UNKNOWN
