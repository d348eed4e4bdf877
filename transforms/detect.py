"""DetectPeople: from a clip to boxes, inside one fused stage; here pixels end.

A clip is one batch of one inference call, so that event time survives. It is decoded, masked and looked at a few
frames at a time, and nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from operator import not_
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import cv2
import numpy as np
from apache_beam import pvalue
from apache_beam.ml.inference.base import ModelHandler, RunInference

from schemas.card import ModelCard
from schemas.records import DeadLetter
from schemas.site import Camera, Site
from transforms.arrivals import CameraKey, camera_of
from transforms.boxes import quantise
from transforms.calendar import scheduled
from transforms.clips import Clip, Faulty, Outcome
from transforms.counters import counter
from transforms.dead_letters import Names, count_set_aside, dead_clip, origin_of
from transforms.decode import ClipError, ClipLimits, open_clip
from transforms.detections import NO_BOXES, NO_SCORES, ClipDetections, unseen
from transforms.detector import Detector
from transforms.facts import BAD, DECODED, TOLD, ClipFact, known_clip, tell
from transforms.look import Look
from transforms.picture import PictureCheck
from transforms.sampling import sampled

STAGE = "DetectPeople"
DETECTIONS, FAILED = "detections", "failed"
# Frames taken through each step together. Inference sweeps the processor's caches, and what follows it then runs
# several times slower: so it happens once in a few frames, at the cost of keeping their small pictures for so long.
_TOGETHER = 8
_NOBODY = NO_BOXES, NO_SCORES


class Detected(NamedTuple):
    """The outputs of `DetectPeople`.

    Attributes:
      detections: One element a clip, the unreadable ones included.
      failed: Dead letters.
      told: What happened to each clip.
    """

    detections: beam.PCollection[ClipDetections]
    failed: beam.PCollection[DeadLetter]
    told: beam.PCollection[ClipFact]


def detect(clip: Clip, site: Site, camera: Camera, detector: Detector, limits: ClipLimits) -> ClipDetections:
    """Look at a clip's sampled frames.

    Frames outside the schedule, and beyond the end that the envelope gives, are not looked at. A flawed picture
    has no boxes, also where only later ones told the flaw.

    Raises:
      ClipError: the clip cannot be decoded right.
    """
    envelope = clip.envelope
    watched = scheduled(site, envelope.start_us, envelope.end_us)
    times: list[int] = []
    found = [_NOBODY]
    with open_clip(clip.payload, limits, envelope.frame_rate) as opened:
        look = Look(opened, camera, detector)
        check = PictureCheck(camera.reference, look.mask)
        looked_at = (
            frame
            for frame in sampled(opened.frames(), envelope.start_us, envelope.frame_rate, camera.fps)
            if any(start <= envelope.start_us + frame.offset_us < end for start, end in watched)
        )
        while few := list(islice(looked_at, _TOGETHER)):
            times.extend(envelope.start_us + frame.offset_us for frame in few)
            pictures = [look.picture(frame) for frame in few]
            flawed = [check.update(frame.offset_us, picture) for frame, picture in zip(few, pictures, strict=True)]
            people = iter(detector.detect(list(compress(pictures, map(not_, flawed))), look.fit))
            found.extend(_NOBODY if flaw else quantise(*next(people)) for flaw in flawed)
        aspect = opened.width / opened.height
    flags = check.finish()
    found[1:] = (_NOBODY if flaw else each for flaw, each in zip(flags, found[1:], strict=True))
    boxes, scores = zip(*found, strict=True)
    return ClipDetections(
        site=envelope.site,
        camera=envelope.camera,
        start_us=envelope.start_us,
        end_us=envelope.end_us,
        sequence=envelope.sequence,
        frame_rate=envelope.frame_rate,
        sha256=envelope.sha256,
        readable=True,
        aspect=aspect,
        times_us=tuple(times),
        flags=tuple(map(int, flags)),
        counts=tuple(map(len, boxes[1:])),
        boxes=np.concatenate(boxes),
        scores=np.concatenate(scores),
    )


Model = tuple[ModelCard, Path]
"""A model's card and its file on the worker."""


class Detectors(dict[CameraKey, Detector]):
    """The opened detector of every camera; shared by a worker's threads."""


class ClipDetector(ModelHandler[Clip, Outcome, Detectors]):
    """Runs inference on clips for `RunInference`; what it returns holds no input."""

    def __init__(self, sites: tuple[Site, ...], models: Mapping[CameraKey, Model], limits: ClipLimits) -> None:
        super().__init__()
        self._sites = {site.site: site for site in sites}
        self._models = dict(models)
        self._limits = limits

    def load_model(self) -> Detectors:
        """Open every model that the site files name, so that a bad one fails the job at once."""
        cv2.setNumThreads(1)  # a worker's threads are its clips; OpenCV's own would only get in their way
        opened: dict[tuple[str, Path], Detector] = {}
        detectors = Detectors()
        for key, (card, path) in self._models.items():
            model = card.model_dump_json(), path
            opened[model] = detectors[key] = opened.get(model) or Detector.open(card, path)
        return detectors

    def run_inference(
        self, batch: Sequence[Clip], model: Detectors, inference_args: dict[str, Any] | None = None
    ) -> Iterator[Outcome]:
        """Look at each clip; a clip's own fault comes back, any other fault is raised."""
        for clip in batch:
            site = self._sites[clip.envelope.site]
            camera = camera_of(site, clip.envelope.camera)
            try:
                detections = detect(clip, site, camera, model[site.site, camera.name], self._limits)
            except ClipError as error:
                yield Outcome(None, Faulty(clip, error.reason.value), clip.size)
            else:
                yield Outcome(detections, None, clip.size)

    def get_num_bytes(self, batch: Sequence[Clip]) -> int:
        """Return the bytes of the encoded clips; the default would pickle them."""
        return sum(len(clip.payload) for clip in batch)

    def get_metrics_namespace(self) -> str:
        """Return where Beam's own inference metrics are counted."""
        return __name__


@dataclass(eq=False)
class DetectPeople(beam.PTransform):
    """Detects people in clips with each camera's model.

    Attributes:
      sites: The site files.
      models: For each camera, its model.
      limits: What a clip may be at most.
    """

    sites: tuple[Site, ...]
    models: Mapping[CameraKey, Model]
    limits: ClipLimits

    def expand(self, clips: beam.PCollection[Clip]) -> Detected:
        handler = ClipDetector(self.sites, self.models, self.limits).with_no_batching()
        looked_at = (
            clips
            | "OneABatch" >> beam.Map(lambda clip: (clip,)).with_output_types(tuple[Clip])
            | "RunInference" >> RunInference(handler)
        )
        # Beam measures elements now and then, and would pickle those of a type that it was not told to do so.
        looked_at.element_type = Outcome
        sort = beam.ParDo(_SortFn(Names.of(self.sites))).with_outputs(FAILED, TOLD, main=DETECTIONS)
        outcome = looked_at | "Sort" >> sort
        outcome[DETECTIONS].element_type = ClipDetections
        outcome[FAILED].element_type = DeadLetter
        outcome[TOLD].element_type = ClipFact
        return Detected(outcome[DETECTIONS], outcome[FAILED], outcome[TOLD])


class _SortFn(beam.DoFn):
    """Parts detections from faults; a faulty clip goes on as unseen, and its fault to the dead letter."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def process(self, outcome: Outcome) -> Iterable[Any]:
        if outcome.detections is not None:
            counter(__name__, "frames").inc(len(outcome.detections.times_us))
            yield outcome.detections
            yield tell(known_clip(outcome.detections, DECODED, outcome.size))
        if outcome.fault is not None:
            clip, reason = outcome.fault
            count_set_aside(__name__, reason)
            bad = unseen(clip.envelope)
            yield bad
            told = known_clip(bad, BAD, outcome.size, stage=STAGE, reason=reason)
            yield tell(told)
            origin = origin_of(clip.envelope)
            yield pvalue.TaggedOutput(FAILED, dead_clip(STAGE, reason, origin, clip.size, self._names))
