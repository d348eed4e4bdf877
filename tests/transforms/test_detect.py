"""From clips to boxes with the built-in model: what is looked at, what is blanked, and what becomes of bad clips."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NoReturn

import apache_beam as beam
import cv2
import pytest
from apache_beam.ml.inference.base import RunInference
from apache_beam.testing.util import assert_that, equal_to

from pipeline.models import resolve
from schemas.clock import SECOND_US
from schemas.envelope import Envelope
from schemas.records import CameraHealth, DeadLetter, MetricRecord
from schemas.site import Camera
from tests.support.graph import pipeline
from tests.support.stream import count
from tests.support.video import Picture, encode
from tests.support.world import a_camera, a_site, seconds, span
from transforms.admission import ModelRefused
from transforms.clips import Clip
from transforms.decode import ClipLimits, open_clip
from transforms.detect import ClipDetector, Detected, Detectors, DetectPeople, detect
from transforms.detections import ClipDetections
from transforms.detector import Detections, Detector
from transforms.letterbox import Fit
from transforms.picture import Flaw

LIMITS = ClipLimits()
SITE = a_site(cameras=[a_camera(fps=2).model_dump(mode="json")])
CARD, MODEL_FILE = resolve("person")
MODELS = {("lab", "door"): (CARD, MODEL_FILE)}
FAMILIES = ("Footfall", "Occupancy", "Dwell", "Queue", "Flow", "Heatmap", "CameraHealth")
PERSON = [[0.45, 0.0], [0.75, 0.0], [0.75, 1.0], [0.45, 1.0]]
"""Where the person of `footage` is, normalised, with room around."""
LOSSLESS = {"container": "matroska", "codec": "ffv1"}


class Failing(Detector):
    """Fails as a model may, where there is a picture to look at."""

    def detect(self, contents: Sequence[Picture], fit: Fit) -> list[Detections]:
        if contents:
            raise RuntimeError("the model failed")
        return []


class OutOfMemory(Detector):
    """Fails as a machine may."""

    def detect(self, contents: Sequence[Picture], fit: Fit) -> NoReturn:
        raise MemoryError("no memory")


class FailingDetectors(ClipDetector):
    """Opens detectors that fail."""

    def __init__(self, kind: type[Detector]) -> None:
        super().__init__((SITE,), MODELS, LIMITS)
        self._kind = kind

    def load_model(self) -> Detectors:
        return Detectors({key: self._kind.open(*model) for key, model in MODELS.items()})


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.open(CARD, MODEL_FILE)


@pytest.fixture(scope="module")
def footage(root: Path) -> list[Picture]:
    """Return a second of the demo, ten frames with one person who stands and moves a little."""
    with open_clip((root / "demo/one-by-one.mp4").read_bytes(), LIMITS) as clip:
        return [frame.content(clip.width, clip.height, "rgb") for frame in islice(clip.frames(), 100, 110)]


def a_clip(payload: bytes, start_s: float = 0, length_s: float = 1, frame_rate: float = 10) -> Clip:
    start_us, end_us = seconds(start_s), seconds(start_s + length_s)
    sha256 = hashlib.sha256(payload).hexdigest()
    return Clip(
        Envelope(1, "lab", "door", "run", int(start_s), start_us, end_us, 0, frame_rate, "h264", len(payload), sha256),
        payload,
    )


def looked(clip: Clip, detector: Detector, camera: Camera | None = None, **site: Any) -> ClipDetections:
    camera = camera or a_camera(fps=None)
    return detect(clip, a_site(cameras=[camera.model_dump(mode="json")], **site), camera, detector, LIMITS)


def with_columns(picture: Picture, left: float, right: float, value: int) -> Picture:
    """Return the picture with a strip of it painted over."""
    painted = picture.copy()
    painted[:, int(left * picture.shape[1]) : int(right * picture.shape[1])] = value
    return painted


def same(one: ClipDetections, other: ClipDetections) -> bool:
    plain = (
        (each.times_us, each.flags, each.counts, each.boxes.tolist(), each.scores.tolist()) for each in (one, other)
    )
    return next(plain) == next(plain)


def test_a_person_is_found_where_the_person_is(footage: list[Picture], detector: Detector) -> None:
    found = looked(a_clip(encode(footage)), detector)
    assert found.counts == (1,) * 10 and found.flags == (0,) * 10
    assert found.times_us == tuple(seconds(i / 10) for i in range(10))
    assert found.aspect == 768 / 432 and found.readable
    left, _, right, bottom = (found.boxes / 16384).mean(axis=0)
    assert 0.45 * found.aspect < left < right < 0.75 * found.aspect and 0.8 < bottom < 1
    assert found.scores.min() > 128


def test_the_same_clip_gives_the_same_boxes(footage: list[Picture], detector: Detector) -> None:
    clip = a_clip(encode(footage[:3]))
    assert same(looked(clip, detector), looked(clip, Detector.open(CARD, MODEL_FILE)))


def test_who_is_behind_a_mask_is_not_found(footage: list[Picture], detector: Detector) -> None:
    clip = a_clip(encode(footage[:3]))
    assert looked(clip, detector).counts == (1, 1, 1)
    assert looked(clip, detector, a_camera(fps=None, masks=[PERSON])).counts == (0, 0, 0)
    elsewhere = [[0.0, 0.0], [0.3, 0.0], [0.3, 1.0], [0.0, 1.0]]
    assert looked(clip, detector, a_camera(fps=None, masks=[elsewhere])).counts == (1, 1, 1)


def test_nothing_under_a_mask_reaches_detection_or_health(footage: list[Picture], detector: Detector) -> None:
    """Whoever stands there, nobody, or the strip painted white: the same boxes and flags, to the bit."""
    camera = a_camera(fps=None, masks=[PERSON])
    some = footage[:2]
    plain = looked(a_clip(encode(some, **LOSSLESS)), detector, camera)
    for value in (0, 255):
        other = a_clip(encode([with_columns(each, 0.45, 0.75, value) for each in some], **LOSSLESS))
        assert same(looked(other, detector, camera), plain)


def test_health_is_judged_beside_the_mask(footage: list[Picture], detector: Detector) -> None:
    """Half the picture is dark: the mask over the other half leaves that alone, the mask over it none of it."""
    half_dark = a_clip(encode([with_columns(each, 0.0, 0.45, 0) for each in footage[:2]]))

    def flags(*masks: list[list[float]]) -> set[int]:
        return set(looked(half_dark, detector, a_camera(fps=None, masks=list(masks))).flags)

    dark, bright = (
        [[left, 0.0], [right, 0.0], [right, 1.0], [left, 1.0]] for left, right in ((0.0, 0.45), (0.44, 1.0))
    )
    assert flags() == flags(dark) == {0}
    assert flags(bright) == {Flaw.DARK}


@pytest.mark.parametrize(("fps", "frames"), [(None, 10), (120.0, 10), (5.0, 5), (2.0, 2), (1.0, 1)])
def test_as_many_frames_are_looked_at_as_the_camera_says(
    fps: float | None, frames: int, footage: list[Picture], detector: Detector
) -> None:
    found = looked(a_clip(encode(footage)), detector, a_camera(fps=fps))
    assert len(found.times_us) == len(found.flags) == len(found.counts) == frames
    assert all(later - earlier == SECOND_US // frames for earlier, later in pairwise(found.times_us))


def test_a_camera_that_keeps_another_rate_than_its_file_says(footage: list[Picture], detector: Detector) -> None:
    found = looked(a_clip(encode(footage[:3]), frame_rate=5), detector)
    assert found.times_us == (seconds(0), seconds(0.2), seconds(0.4))


def test_frames_outside_the_schedule_or_the_envelope_are_not_looked_at(
    footage: list[Picture], detector: Detector
) -> None:
    schedule = [{"days": "mon-sun", "hours": "00:01-00:02"}]
    payload = encode(footage)
    opening = looked(a_clip(payload, 59.7), detector, schedule=schedule)
    assert opening.times_us == tuple(seconds(60 + i / 10) for i in range(7))
    closing = looked(a_clip(payload, 119.7), detector, schedule=schedule)
    assert closing.times_us == tuple(seconds(119.7 + i / 10) for i in range(3))
    assert looked(a_clip(payload, 10), detector, schedule=schedule).times_us == ()
    short = looked(a_clip(payload, length_s=0.35), detector)
    assert short.times_us == tuple(seconds(i / 10) for i in range(4))


def dark(picture: Picture) -> Picture:
    return picture // 12


def covered(picture: Picture) -> Picture:
    return cv2.blur(picture, (201, 201)) // 20 + 100


@pytest.mark.parametrize(("spoil", "flaw"), [(dark, Flaw.DARK), (covered, Flaw.COVERED)])
def test_in_a_flawed_picture_nobody_is_looked_for(
    spoil: Callable[[Picture], Picture], flaw: Flaw, footage: list[Picture]
) -> None:
    clip = a_clip(encode([spoil(each) for each in footage[:4]]))
    found = looked(clip, Failing.open(CARD, MODEL_FILE))
    assert found.flags == (flaw,) * 4
    assert found.counts == (0,) * 4 and found.boxes.shape == (0, 4)


def test_a_frozen_picture_loses_its_boxes_from_the_beginning(footage: list[Picture], detector: Detector) -> None:
    found = looked(a_clip(encode([footage[0]] * 35 + footage), length_s=4.5), detector)
    assert found.flags[:35] == (Flaw.FROZEN,) * 35 and found.counts[:35] == (0,) * 35
    assert found.flags[36:] == (0,) * 9 and found.counts[36:] == (1,) * 9
    assert len(found.boxes) == len(found.scores) == sum(found.counts)


def job(clips: Sequence[Clip], root: beam.Pipeline) -> beam.PCollection[Clip]:
    """Bring clips into a job as its source does: they are made in the pixel stage."""
    told = [(clip.envelope, clip.payload) for clip in clips]
    made = root | beam.Create(range(len(told)), reshuffle=False)
    return made | "Make" >> beam.Map(lambda i: Clip(*told[i])).with_output_types(Clip)


def test_flawed_seconds_and_a_broken_clip_in_the_records(footage: list[Picture]) -> None:
    """Two good seconds, two dark ones, two of which half the bytes came."""
    second = [footage[0]] * 10 + footage
    good, broken = a_clip(encode(second), 0, 2), encode(second)
    clips = [good, a_clip(encode([dark(each) for each in second]), 2, 2), a_clip(broken[: len(broken) // 2], 4, 2)]

    def coverage(record: MetricRecord) -> tuple[str, float, int]:
        return type(record).__name__, record.coverage, record.revision

    def health(record: MetricRecord) -> tuple[int, ...]:
        return (
            record.observed_ms, record.flawed_ms, record.dark_ms, record.clips, record.bad_clips, record.frames,
        )  # fmt: skip

    def told(letter: DeadLetter) -> tuple[Any, ...]:
        return letter.stage, letter.reason, letter.site, letter.camera, letter.event_time, letter.bytes

    with pipeline() as root:
        detected: Detected = job(clips, root) | DetectPeople((SITE,), MODELS, LIMITS)
        records = count(detected.detections, SITE, span(0, 60), bounded=True)
        assert_that(
            records | beam.Map(coverage) | beam.Distinct(),
            equal_to([(family, round(2 / 60, 6), 3) for family in FAMILIES]),
            "coverage",
        )
        of_camera = records | beam.Filter(lambda record: isinstance(record, CameraHealth))
        assert_that(of_camera | "Health" >> beam.Map(health), equal_to([(2000, 2000, 2000, 3, 1, 8)]), "health")
        letter = "DetectPeople", "truncated", "lab", "door", seconds(4), len(broken) // 2
        assert_that(detected.failed | "Told" >> beam.Map(told), equal_to([letter]), "letters")


def test_a_broken_clip_is_faulty_and_the_next_one_is_looked_at(footage: list[Picture], detector: Detector) -> None:
    payload = encode(footage[:4])
    batch = [a_clip(payload[: len(payload) // 2]), a_clip(b"", 1), a_clip(payload, 2)]
    found = list(ClipDetector((SITE,), MODELS, LIMITS).run_inference(batch, Detectors({("lab", "door"): detector})))
    assert [each.fault and each.fault.reason for each in found] == ["truncated", "empty", None]
    assert [each.detections and each.detections.counts for each in found] == [None, None, (1,)]


@pytest.mark.parametrize(("kind", "error"), [(Failing, RuntimeError), (OutOfMemory, MemoryError)])
def test_what_is_not_the_clips_fault_fails_the_job(
    kind: type[Detector], error: type[BaseException], footage: list[Picture]
) -> None:
    root = pipeline()
    clips = job([a_clip(encode(footage[:2]))], root)
    batches = clips | beam.Map(lambda clip: (clip,)).with_output_types(tuple[Clip])
    _ = batches | RunInference(FailingDetectors(kind).with_no_batching())
    with pytest.raises(error):
        root.run().wait_until_finish()


def test_a_model_that_is_not_the_cards_fails_the_job_before_any_clip(footage: list[Picture], tmp_path: Path) -> None:
    other = tmp_path / "person.onnx"
    other.write_bytes(MODEL_FILE.read_bytes()[:-1])
    root = pipeline()
    _ = job([a_clip(encode(footage[:2]))], root) | DetectPeople((SITE,), {("lab", "door"): (CARD, other)}, LIMITS)
    with pytest.raises(ModelRefused):
        root.run().wait_until_finish()


def test_cameras_with_one_model_share_it() -> None:
    keys = [("lab", "door"), ("lab", "yard")]
    opened = ClipDetector((SITE,), dict.fromkeys(keys, (CARD, MODEL_FILE)), LIMITS).load_model()
    assert list(opened) == keys
    assert opened[keys[0]] is opened[keys[1]]
