"""Capture: real sources, paced as they were taken; faults told by class, never in FFmpeg's words."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from pipeline.edge.capture import CaptureError, CaptureFault, Reader, open_source
from pipeline.edge.clock import boot_us
from pipeline.edge.credentials import Credentials
from pipeline.edge.groups import Picture
from pipeline.edge.sources import Source
from tests.support.edge import wait_for
from tests.support.pubsub import free_port
from tests.support.rtsp import camera
from tests.support.video import encode, pictures, silence


def read(source: Source) -> tuple[list[Picture], CaptureFault]:
    with open_source(source, None) as (container, stream):
        reader = Reader(source, container, stream)
        reader.start()
        got: list[Picture] = []
        try:
            while True:
                if picture := reader.take(1):
                    got.append(picture)
        except CaptureError as error:
            return got, error.reason
        finally:
            reader.join()


def video(tmp_path: Path, payload: bytes) -> str:
    path = tmp_path / "video"
    path.write_bytes(payload)
    return str(path)


def test_a_file_plays_in_real_time(tmp_path: Path) -> None:
    address = video(tmp_path, encode(pictures(10), audio=True, options={"bf": "3"}))
    got, reason = read(Source("file", address))
    ended_us = boot_us()
    assert reason is CaptureFault.ENDED and len(got) == 10
    # No picture comes before it was taken; how late the last one may be is the machine's business.
    shown = [picture for picture in got if picture.stamp_us is not None]
    assert all(each.arrival_us - shown[0].arrival_us >= each.stamp_us - shown[0].stamp_us for each in shown)
    assert ended_us - shown[0].arrival_us >= 1_000_000  # the last one is shown to its end


def test_a_file_can_be_read_fast(tmp_path: Path) -> None:
    began_us = boot_us()
    got, _ = read(Source("file", video(tmp_path, encode(pictures(10), rate=1)), start_us=0, fast=True))
    assert len(got) == 10 and boot_us() - began_us < 8_000_000


def test_reading_can_be_stopped(tmp_path: Path) -> None:
    source = Source("file", video(tmp_path, encode(pictures(10), rate=1)))
    with open_source(source, None) as (container, stream):
        reader = Reader(source, container, stream)
        reader.start()
        assert reader.take(10) is not None
        assert reader.take(0) is None
        reader.stop()
        reader.join(timeout=10)
        assert not reader.is_alive()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (Source("rtsp", f"rtsp://127.0.0.1:{free_port()}/secret"), CaptureFault.REFUSED),
        (Source("device", "/dev/no-such-camera"), CaptureFault.NOT_FOUND),
        (Source("file", "/no/such/secret"), CaptureFault.NOT_FOUND),
    ],
    ids=["refused", "device", "file"],
)
def test_what_gives_no_pictures(source: Source, reason: CaptureFault) -> None:
    with pytest.raises(CaptureError) as caught, open_source(source, Credentials("cam", "secret")):
        pass
    assert caught.value.reason is reason
    assert str(caught.value) == reason.value and caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b"no video at all" * 100, CaptureFault.NOT_VIDEO), (silence(), CaptureFault.UNUSABLE_STREAM)],
    ids=["text", "sound"],
)
def test_files_without_pictures(tmp_path: Path, payload: bytes, reason: CaptureFault) -> None:
    with pytest.raises(CaptureError, match=reason.value), open_source(Source("file", video(tmp_path, payload)), None):
        pass


def test_a_camera_that_wants_to_know_who_asks(tmp_path: Path) -> None:
    address = video(tmp_path, encode(pictures(30), options={"bf": "0"}))
    with camera(Path(address), user="cam", password="p@ss:w/d") as (url, _):
        for credentials in (None, Credentials("cam", "wrong")):
            with pytest.raises(CaptureError) as caught, open_source(Source("rtsp", url), credentials):
                pass
            assert caught.value.reason is CaptureFault.UNAUTHORISED
        with open_source(Source("rtsp", url), Credentials("cam", "p@ss:w/d")) as (container, _):
            assert [stream.type for stream in container.streams] == ["video"]


def test_a_camera_that_says_no_word(tmp_path: Path) -> None:
    """As one whose cable was pulled: nothing ends the connection."""
    source = video(tmp_path, encode(pictures(100), options={"bf": "0"}))
    with camera(Path(source)) as (url, server):
        with open_source(Source("rtsp", url), None, patience=(10, 1)) as (container, stream):
            reader = Reader(Source("rtsp", url), container, stream)
            reader.start()
            assert reader.take(10) is not None
            server.send_signal(signal.SIGSTOP)
            with pytest.raises(CaptureError, match="timeout"):
                wait_for(lambda: reader.take(1) is None and reader.take(10) is None)
            reader.join()
        with pytest.raises(CaptureError, match="timeout"), open_source(Source("rtsp", url), None, patience=(1, 1)):
            pass
