"""The progress bar hears the workers of its own job, and nobody else can disturb it."""

import json
import socket
from collections.abc import Callable

import apache_beam as beam
import pytest

from pipeline.progress import LOOPBACK, Ear, Progress, ProgressListener, ReportProgress, show_progress
from tests.support.graph import pipeline
from tests.support.world import a_clip, stander
from transforms.detections import ClipDetections

CLIPS = [a_clip(0, 2, [stander(1, 0.8, 0, 9)]), a_clip(2, 3), a_clip(3, 4, readable=False)]


def tell(ear: Ear) -> None:
    with pipeline() as root:
        made = root | beam.Create(CLIPS, reshuffle=False).with_output_types(ClipDetections)
        _ = made | ReportProgress(ear)


def test_each_clip_is_told_with_its_frames_and_people() -> None:
    with ProgressListener() as listener:
        tell(listener.ear)
        assert listener.poll() == Progress(clips=3, frames=15, people=10)


def text(*message: object) -> Callable[[str], bytes]:
    return lambda token: json.dumps(message).encode()


@pytest.mark.parametrize(
    "message",
    [
        lambda token: b"",
        lambda token: b"\xff\xfe\x00",
        lambda token: b"[" * 256,
        lambda token: b"9" * 8000,
        lambda token: json.dumps([token]).encode(),
        lambda token: json.dumps([token, "1", None]).encode(),
        lambda token: json.dumps({"token": token}).encode(),
        text(),
        text(5, 7),
        text("another", 5, 7),
    ],
)
def test_what_others_send_is_ignored(message: Callable[[str], bytes]) -> None:
    with ProgressListener() as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stray:
        stray.sendto(message(listener.ear.token), (LOOPBACK, listener.ear.port))
        assert listener.poll() == Progress()


def test_tokens_differ() -> None:
    with ProgressListener() as one, ProgressListener() as other:
        assert one.ear.token != other.ear.token


def test_the_bar_is_full_in_the_end_though_some_clips_told_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressListener() as listener, show_progress(listener, 7):
        tell(listener.ear)
    assert "7/7" in capsys.readouterr().err


def test_the_bar_of_a_job_that_failed_stays_where_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressListener() as listener, pytest.raises(RuntimeError), show_progress(listener, 7):
        raise RuntimeError
    assert "7/7" not in capsys.readouterr().err
