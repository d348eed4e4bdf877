"""ValidateClips: is this clip what its envelope says, of a camera we know, at a time when the site is watched?"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam import pvalue

from schemas.records import DeadLetter
from schemas.site import Site
from transforms.arrivals import Span, is_asked_for
from transforms.calendar import scheduled
from transforms.clips import Clip
from transforms.counters import counter
from transforms.dead_letters import Names, count_set_aside, dead_clip, origin_of
from transforms.decode import ClipFault, ClipLimits
from transforms.detections import ClipDetections, unseen
from transforms.facts import BAD, NOT_ASKED_FOR, TOLD, UNWATCHED, ClipFact, known_clip, stranger, tell
from transforms.sealing import Keys, SealError, SealFault, unseal

STAGE = "ValidateClips"
CLIPS, UNSEEN, FAILED = "clips", "unseen", "failed"
UNKNOWN_SITE, UNKNOWN_CAMERA = "unknown_site", "unknown_camera"
FAULTS = (UNKNOWN_SITE, UNKNOWN_CAMERA)
"""Reason classes beside those of a clip's bytes and of its seal, stable."""


CLIPS_NOT_ASKED_FOR, CLIPS_OUTSIDE_SCHEDULE = "clips_not_asked_for", "clips_outside_schedule"
"""Counters of good clips that are not looked at."""

RELOAD_KEYS_S = 60.0
"""How long keys are kept before they are loaded again for a clip whose key is not among them."""


def no_keys() -> Keys:
    """Return no key: sealed clips are set aside."""
    return Keys({})


class Validated(NamedTuple):
    """The outputs of `ValidateClips`.

    Attributes:
      clips: Clips to look at.
      unseen: What is known of clips that are not looked at: they count as clips, and cover nothing.
      failed: Dead letters.
      told: What happened to clips that end here.
    """

    clips: beam.PCollection[Clip]
    unseen: beam.PCollection[ClipDetections]
    failed: beam.PCollection[DeadLetter]
    told: beam.PCollection[ClipFact]


def open_sealed(clip: Clip, keys: Keys) -> tuple[Clip, SealFault | None]:
    """Return a clip with its payload opened, or as it came and why it does not open."""
    if clip.envelope.key_id is None or clip.unread:
        return clip, None
    try:
        return Clip(clip.envelope, unseal(clip.payload, clip.envelope, keys)), None
    except SealError as error:
        return clip, error.reason


def fault_of(clip: Clip, site: Site | None, limits: ClipLimits, sha256: str) -> str | None:
    """Return why a clip must be set aside; None for a good one.

    Args:
      clip: The clip, its payload opened.
      site: The site that its envelope names, where it is known.
      limits: What a clip may be at most.
      sha256: Digest of the clip's bytes; what the envelope says where they pass the limit.
    """
    envelope = clip.envelope
    if site is None:
        return UNKNOWN_SITE
    if all(camera.name != envelope.camera for camera in site.cameras):
        return UNKNOWN_CAMERA
    if not clip.size:
        return ClipFault.EMPTY.value
    if clip.size > limits.max_bytes:
        return ClipFault.TOO_LARGE.value
    if sha256 != envelope.sha256:
        return ClipFault.HASH_MISMATCH.value
    if clip.size != envelope.size:
        return ClipFault.SIZE_MISMATCH.value
    if envelope.seconds > limits.max_seconds:
        return ClipFault.TOO_LONG.value
    return None


@dataclass(eq=False)
class ValidateClips(beam.PTransform):
    """Checks each clip against its envelope, the site files and the limits.

    A clip that fails but names a known camera goes on as unseen, so that the fact of it is never lost. What no
    record that is asked for can depend on ends here, before anybody looks at it.

    Attributes:
      sites: The site files.
      limits: What a clip may be at most.
      spans: For each site, the stretch of event time for which records are asked.
      keys: Loads the keys of sealed clips, on the worker.
    """

    sites: tuple[Site, ...]
    limits: ClipLimits
    spans: Mapping[str, Span]
    keys: Callable[[], Keys] = no_keys

    def expand(self, clips: beam.PCollection[Clip]) -> Validated:
        validate = beam.ParDo(_ValidateFn(self.sites, self.limits, self.spans, self.keys))
        checked = clips | "Validate" >> validate.with_outputs(UNSEEN, FAILED, TOLD, main=CLIPS)
        checked[CLIPS].element_type = Clip
        checked[UNSEEN].element_type = ClipDetections
        checked[FAILED].element_type = DeadLetter
        checked[TOLD].element_type = ClipFact
        return Validated(checked[CLIPS], checked[UNSEEN], checked[FAILED], checked[TOLD])


class _ValidateFn(beam.DoFn):
    def __init__(
        self, sites: tuple[Site, ...], limits: ClipLimits, spans: Mapping[str, Span], keys: Callable[[], Keys]
    ) -> None:
        self._sites = {site.site: site for site in sites}
        self._names = Names.of(sites)
        self._limits = limits
        self._spans = spans
        self._load_keys = keys
        self._keys: Keys | None = None  # never pickled
        self._loaded_at = 0.0

    def process(self, clip: Clip) -> Iterable[Any]:
        envelope = clip.envelope
        site = self._sites.get(envelope.site)
        if self._keys is None:  # loaded here, so that the job's graph holds none
            self._keys = self._load_keys()
            self._loaded_at = time.monotonic()
        clip, sealed = open_sealed(clip, self._keys)
        if sealed is SealFault.UNKNOWN_KEY and time.monotonic() - self._loaded_at > RELOAD_KEYS_S:
            self._keys = None  # a new one may have been added
            yield from self.process(clip)
            return
        # The bytes are the clip's identity, whatever the envelope claims; too many of them, and those that a seal
        # hides, are not looked at.
        unread = sealed is not None or clip.size > self._limits.max_bytes
        sha256 = envelope.sha256 if unread else hashlib.sha256(clip.payload).hexdigest()
        fault = fault_of(clip, site, self._limits, sha256)
        if sealed is not None and fault not in FAULTS:
            fault = sealed.value
        if fault is not None:
            count_set_aside(__name__, fault)
            letter = dead_clip(STAGE, fault, origin_of(envelope), clip.size, self._names)
            yield pvalue.TaggedOutput(FAILED, letter)
        if site is None or fault in FAULTS:
            told = stranger(envelope, self._names, clip.size, stage=STAGE, reason=fault or UNKNOWN_SITE)
            yield tell(told)
            return
        end_us = self._limits.end_us(envelope.start_us, envelope.end_us)
        if not is_asked_for(site, self._spans, envelope.start_us, end_us):
            counter(__name__, CLIPS_NOT_ASKED_FOR).inc()
            left_out = unseen(replace(envelope, sha256=sha256, end_us=end_us), readable=fault is None)
            what = NOT_ASKED_FOR if fault is None else BAD
            told = known_clip(left_out, what, clip.size, stage=STAGE, reason=fault or "")
            yield tell(told)
        elif fault is not None:
            bad = unseen(replace(envelope, sha256=sha256, end_us=end_us))
            yield pvalue.TaggedOutput(UNSEEN, bad)
            yield tell(known_clip(bad, BAD, clip.size, stage=STAGE, reason=fault))
        elif scheduled(site, envelope.start_us, envelope.end_us):
            yield clip
        else:
            counter(__name__, CLIPS_OUTSIDE_SCHEDULE).inc()
            unwatched = unseen(envelope, readable=True)
            yield pvalue.TaggedOutput(UNSEEN, unwatched)
            yield tell(known_clip(unwatched, UNWATCHED, clip.size))
