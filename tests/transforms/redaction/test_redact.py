"""One clip redacted: times and size stay, people and all else that a file can carry do not, and it fails closed."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from pipeline.models.registry import resolve
from tests.support.graphs import card_of, constant_graph
from tests.support.video import Picture, encode
from transforms.decode import ClipError, open_clip
from transforms.detector import Detector
from transforms.encode import Encoder
from transforms.redaction.eyes import EyeModels, Eyes, open_eyes
from transforms.redaction.leaks import around
from transforms.redaction.redact import Redacted, redact
from transforms.redaction.scan import MotionViewer, scan
from transforms.redaction.what import Redaction, What

PERSON = (0.45, 0.75)
"""Columns between which the person of `footage` stands, as shares of the width."""


@pytest.fixture(scope="module")
def footage(root: Path) -> list[Picture]:
    """Return twelve frames of the demo with one person who stands and moves a little."""
    with open_clip((root / "demo/one-by-one.mp4").read_bytes()) as clip:
        return [frame.content(clip.width, clip.height, "rgb") for frame in islice(clip.frames(), 100, 112)]


@pytest.fixture(scope="module")
def eyes() -> Eyes:
    return open_eyes(EyeModels(resolve("person"), resolve("face")))


def seeing(folder: Path, *boxes: list[float]) -> EyeModels:
    """Return models of which the auditor finds the same faces everywhere, boxes in shares of 96 x 64."""
    rows = np.zeros((1, 1, 8, 7))
    for row, box in zip(rows[0, 0], boxes, strict=False):
        row[2:] = 0.9, *box
    content = constant_graph({"rows": rows}, [1, 3, 64, 96])
    path = folder / "auditor.onnx"
    path.write_bytes(content)
    stretched = {"size": (64, 96), "colour": "bgr", "letterbox": {"mode": "stretch"}}
    card = card_of(content, {"kind": "ssd"}, role="face", classes={"face": 0}, input=stretched)
    return EyeModels(None, (card, path))


def redacted(payload: bytes, eyes: Eyes, what: What = "people", **changes: Any) -> Redacted:
    return redact(lambda: open_clip(payload), Redaction(what, changes.pop("fill", "solid")), eyes, **changes)


def seen(payload: bytes) -> list[tuple[int, Picture]]:
    with open_clip(payload) as clip:
        return [(frame.offset_us, frame.content(clip.width, clip.height, "rgb")) for frame in clip.frames()]


def test_nobody_is_found_any_more_and_the_place_is_kept(footage: list[Picture], eyes: Eyes) -> None:
    footage = footage[:6]
    done = redacted(encode(footage, options={"crf": "10"}), eyes)
    assert (done.measure.frames, done.measure.whole, done.measure.leaks_after) == (6, 0, 0)
    assert done.measure.measured == 2
    detector = Detector.open(*resolve("person"))
    fit = detector.fit(768, 432)
    for (_, picture), before in zip(seen(done.payload), footage, strict=True):
        content = cv2.resize(picture, (fit.content_w, fit.content_h))
        ((_, scores),) = detector.detect([content], fit)
        assert not (scores > 0.5).any()
        kept = np.abs(picture.astype(int) - before).max(axis=2) < 40
        assert kept[:, : int(768 * PERSON[0])].mean() > 0.75


@pytest.mark.parametrize("fill", ["solid", "mosaic"])
def test_of_heads_the_body_stays(footage: list[Picture], eyes: Eyes, fill: str) -> None:
    done = redacted(encode(footage[:4]), eyes, "heads", fill=fill)
    (_, picture), before = seen(done.payload)[1], footage[1]
    changed = np.abs(picture.astype(int) - before).max(axis=2) > 40
    rows = np.flatnonzero(changed[:, int(768 * PERSON[0]) : int(768 * PERSON[1])].mean(axis=1) > 0.2)
    assert len(rows) and rows.max() - rows.min() < 432 * 0.5


def test_the_same_clip_gives_the_same_bytes_in_any_number_of_threads(footage: list[Picture], eyes: Eyes) -> None:
    payload = encode(footage[:4])
    assert redacted(payload, eyes).payload == redacted(payload, eyes, threads=3).payload


def test_times_length_size_and_orientation_stay(tmp_path: Path) -> None:
    stamps = [0, 1, 4, 5, 9, 10]
    moving = [np.full((90, 160, 3), 100, np.uint8) for _ in stamps]
    for i, picture in enumerate(moving):
        picture[20:60, 10 + 20 * i : 30 + 20 * i] = 250
        picture[::3, 100:] = 30
    payload = encode(moving, stamps=stamps, rotation=90, rate=25)
    eyes = open_eyes(seeing(tmp_path))
    done = redacted(payload, eyes, "motion")
    (times, pictures), (old_times, old) = (zip(*seen(each), strict=True) for each in (done.payload, payload))
    assert times == old_times == tuple(40_000 * stamp for stamp in stamps)
    assert pictures[0].shape == old[0].shape == (160, 90, 3)
    for now, was in zip(pictures, old, strict=True):
        assert (now[was.min(axis=2) > 220] < 60).all()  # what moved, wherever the picture was turned to


def test_the_last_picture_is_shown_as_long_as_it_was(footage: list[Picture], tmp_path: Path) -> None:
    shown = [av.VideoFrame.from_ndarray(picture, "rgb24") for picture in footage[:3]]
    encoder = Encoder(shown[0], 25, None)
    for picture, time_us in zip(shown, (0, 40_000, 400_000), strict=True):
        encoder.add(picture, time_us)
    done = redacted(encoder.finish(1_100_000), open_eyes(seeing(tmp_path)), "motion")
    with av.open(io.BytesIO(done.payload)) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(1.1, abs=0.001)


def test_sound_metadata_and_other_streams_are_left_out(footage: list[Picture], tmp_path: Path) -> None:
    told = {"title": "Anna", "location": "+48.8577+002.295/", "com.apple.quicktime.make": "Maker", "comment": "cam-7"}
    payload = encode(footage[:3], metadata=told, audio=True, container="mov")
    done = redacted(payload, open_eyes(seeing(tmp_path)), "motion")
    with av.open(io.BytesIO(done.payload)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert container.streams.video[0].codec_context.name == "h264"
        assert not set(container.metadata.values()) & set(told.values())
    assert not any(value.encode() in done.payload for value in told.values())


def test_what_another_model_finds_is_covered_too(footage: list[Picture], tmp_path: Path) -> None:
    found = [0.1, 0.1, 0.2, 0.3]
    done = redacted(encode(footage[:6]), open_eyes(seeing(tmp_path, found)), "motion")
    assert done.measure.leaks_before > 0 == done.measure.leaks_after and done.measure.whole == 0
    for _, picture in seen(done.payload):
        left, top, right, bottom = (np.array(found) * (768, 432, 768, 432)).astype(int)
        assert picture[top:bottom, left:right].max() < 40


def test_where_something_is_always_found_frames_are_covered_whole(footage: list[Picture], tmp_path: Path) -> None:
    class Stubborn(Detector):
        """Finds a face at another place whenever it was covered where it was."""

        looks = 0

        def detect(self, contents: Any, fit: Any) -> Any:
            below = 0.25 * (self.looks // 3) * np.array([0, 1, 0, 1])  # three frames are measured
            self.looks += 1
            return [each._replace(boxes=each.boxes + below) for each in super().detect(contents, fit)]

    models = seeing(tmp_path, [0.0, 0.0, 0.1, 0.1])
    eyes = open_eyes(models)
    eyes.auditor._opened = {models.auditor[0].input.size: Stubborn.open(*models.auditor)}
    done = redacted(encode(footage), eyes, "motion")
    measure = done.measure
    assert (measure.measured, measure.leaks_before, measure.leaks_after, measure.whole) == (3, 3, 3, 12)
    assert all(picture.max() < 20 for _, picture in seen(done.payload))


def test_a_picture_in_which_nobody_could_be_seen_is_covered_whole(tmp_path: Path, footage: list[Picture]) -> None:
    dark = [(picture // 16).astype(np.uint8) for picture in footage[:6]]
    done = redacted(encode([*footage[:6], *dark]), open_eyes(seeing(tmp_path)), "motion")
    assert done.measure.whole >= 6
    assert all(picture.max() < 20 for _, picture in seen(done.payload)[6:])


def test_masks_and_what_is_out_of_hours_are_black(footage: list[Picture], tmp_path: Path) -> None:
    corner = ((0.0, 0.0), (0.2, 0.0), (0.2, 0.2), (0.0, 0.2))
    done = redacted(
        encode(footage[:6]), open_eyes(seeing(tmp_path)), "motion", masks=(corner,), watched=lambda us: us < 300_000
    )
    pictures = [picture for _, picture in seen(done.payload)]
    assert done.measure.unwatched == 3 and done.measure.frames == 6
    assert all(picture[: int(0.2 * 432), : int(0.2 * 768)].max() < 30 for picture in pictures)
    assert pictures[2].max() > 100 and all(picture.max() < 20 for picture in pictures[3:])


def test_a_scene_ends_where_the_picture_changes(footage: list[Picture]) -> None:
    other = [255 - picture for picture in footage[:5]]
    with open_clip(encode([*footage[:5], *other])) as clip:
        found = scan(clip, MotionViewer(clip), lambda offset_us: None)
    assert [(each.begin_us, each.end_us) for each in found.scenes] == [(0, 400_000), (500_000, 900_000)]
    assert all(scene.looks_us[0] == scene.begin_us and scene.looks_us[-1] == scene.end_us for scene in found.scenes)
    assert found.end_us == 1_000_000 and len(found.times_us) == 10


def test_stretches_that_no_good_moment_bounds() -> None:
    assert around([10, 20, 30, 40], 0, 50, [False, True, True, False]) == [(11, 39)]
    assert around([10, 20], 0, 50, [True, False]) == [(0, 19)]
    assert around([10, 20], 0, 50, [True, True]) == [(0, 50)]
    assert around([10], 0, 50, [False]) == []


@pytest.mark.parametrize("payload", [b"", b"no video", encode([np.zeros((32, 32, 3), np.uint8)] * 5)[:600]])
def test_what_cannot_be_decoded_right_is_told(payload: bytes, tmp_path: Path) -> None:
    with pytest.raises(ClipError):
        redacted(payload, open_eyes(seeing(tmp_path)), "motion")
