"""The length that a container promises is its own, to the byte, as its muxer wrote it."""

import pytest

from tests.support.video import encode, pictures
from transforms.containers import promised_bytes


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "libx264"), ("matroska", "libx264"), ("webm", "libvpx-vp9"), ("mpegts", "libx264"), ("avi", "mpeg4")],
)
def test_promise_is_kept(container: str, codec: str) -> None:
    payload = encode(pictures(5), container, codec)
    assert promised_bytes(payload) == len(payload)
    assert promised_bytes(payload[: len(payload) // 2 - 1]) > len(payload) // 2 - 1


@pytest.mark.parametrize("payload", [b"", b"G", b"RIFF", b"\x1a\x45\xdf\xa3", b"no container at all" * 20])
def test_nothing_promised(payload: bytes) -> None:
    assert promised_bytes(payload) in (None, 8)


def test_boxes_of_unknown_length() -> None:
    to_the_end = b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\0mdat" + b"x" * 100
    assert promised_bytes(to_the_end) == len(to_the_end)
    large = b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x01mdat" + (1 << 33).to_bytes(8, "big")
    assert promised_bytes(large) == 16 + (1 << 33)
    nonsense = b"\0\0\0\x03ftyp" + b"x" * 100
    assert promised_bytes(nonsense) == 0


def test_a_live_recording_promises_nothing() -> None:
    assert promised_bytes(b"RIFF\0\0\0\0AVI LIST") is None
    assert promised_bytes(b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff") is None
