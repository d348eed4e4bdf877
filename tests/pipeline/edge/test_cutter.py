"""Cutting what comes: every picture once, end to end, as it is where that can be, and encoded again where it cannot."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise

import av
import numpy as np
import pytest

from pipeline.edge.cutter import Cutter
from pipeline.edge.pieces import Limits, Piece
from pipeline.edge.timeline import Line, RecordedTimes
from tests.support.edge import opened
from tests.support.video import encode, pictures
from transforms.decode import open_clip

SECOND = 1_000_000
UTC0 = 1_700_000_000 * SECOND
LIMITS = Limits(length_us=2 * SECOND, most_bytes=9_000_000)


def cut(payload: bytes, limits: Limits = LIMITS, keep: slice = slice(None)) -> list[Piece]:
    with opened(payload) as (stream, shown):
        cutter = Cutter(stream, RecordedTimes(UTC0).begin, limits)
        return [piece for picture in shown[keep] for piece in cutter.feed(picture)] + list(cutter.flush())


def seen(payload: bytes, start_us: int, rate: float | None = None) -> list[tuple[int, np.ndarray]]:
    with open_clip(payload, true_rate=rate) as clip:
        return [(start_us + frame.offset_us, frame.content(80, 60)) for frame in clip.frames()]


def check(pieces: list[Piece], payload: bytes, tolerance: float = 0, first: int = 0) -> None:
    """Hold clips against the video that they are of, frame by frame."""
    assert all(one.end_us == other.start_us for one, other in pairwise(pieces))
    frames = []
    for piece in pieces:
        part = seen(piece.payload, piece.start_us)
        assert len(part) == piece.frames
        assert part[0][0] == piece.start_us and part[-1][0] < piece.end_us
        frames += part
    expected = seen(payload, 0)[first:]
    origin = expected[0][0]
    assert len(frames) == len(expected)
    for (at, picture), (true_at, true_picture) in zip(frames, expected, strict=True):
        assert abs(at - UTC0 - (true_at - origin)) <= 2
        assert np.abs(picture.astype(int) - true_picture).mean() <= tolerance


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"options": {"bf": "3"}},
        {"codec": "libx265", "options": {"x265-params": "log-level=none:open-gop=0"}},
        {"container": "mpegts"},
        {"container": "matroska", "audio": True},
        {"codec": "mjpeg", "container": "avi", "pix_fmt": "yuvj420p", "color_range": 2},
    ],
    ids=["h264", "b-frames", "hevc", "ts", "sound", "mjpeg"],
)
def test_pictures_are_kept_as_they_are(kind: dict) -> None:
    payload = encode(pictures(65), **kind)
    pieces = cut(payload)
    assert {piece.reencoded for piece in pieces} == {None}
    assert [piece.end_us - piece.start_us for piece in pieces[:3]] == [2 * SECOND] * 3
    check(pieces, payload)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ({"gop": 65}, "further apart than 4 s"),
        ({"gop": 65, "options": {"bf": "3"}}, "further apart than 4 s"),
        ({"options": {"bf": "3", "x264-params": "open-gop=1"}}, "open GOP"),
        ({"codec": "msmpeg4", "container": "avi", "bit_rate": 2_000_000}, "MP4 does not hold msmpeg4"),
        ({"codec": "rawvideo", "container": "avi"}, "not compressed"),
    ],
    ids=["long", "long-b-frames", "open", "msmpeg4", "raw"],
)
def test_pictures_are_encoded_again_where_they_must_be(kind: dict, why: str) -> None:
    payload = encode(pictures(65), **kind)
    pieces = cut(payload)
    assert all(piece.reencoded and why in piece.reencoded for piece in pieces)
    assert all(piece.end_us - piece.start_us <= 2 * SECOND for piece in pieces)
    check(pieces, payload, tolerance=4)


def test_one_long_group_among_short_ones() -> None:
    long = encode(pictures(100), gop=100, options={"bf": "0", "force_key_frames": ""})
    with av.open(io.BytesIO(long)) as source:
        assert sum(packet.is_keyframe for packet in source.demux(video=0) if packet.size) == 1
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=10, options={"preset": "veryfast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 120, "yuv420p", 1000
        for index, image in enumerate(pictures(160)):
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts = index
            keyframe = index % 10 == 0 if index < 40 or index >= 110 else False
            frame.pict_type = av.video.frame.PictureType.I if keyframe else av.video.frame.PictureType.NONE
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    pieces = cut(buffer.getvalue())
    check(pieces, buffer.getvalue(), tolerance=4)
    again = [piece.reencoded is not None for piece in pieces]
    assert again[0] is False and True in again and again[-1] is False


def test_no_clip_is_larger_than_it_may_be() -> None:
    noise = [np.random.default_rng(number).integers(0, 256, (120, 160, 3), np.uint8) for number in range(40)]
    payload = encode(noise, options={"crf": "18", "bf": "0", "sc_threshold": "0"})
    group = len(payload) // 4
    pieces = cut(payload, Limits(2 * SECOND, round(group * 1.5)))
    assert {piece.reencoded for piece in pieces} == {None}
    assert len(pieces) == 4 and max(len(piece.payload) for piece in pieces) <= group * 1.5
    check(pieces, payload)
    pieces = cut(payload, Limits(2 * SECOND, round(group * 0.8)))
    assert any(piece.reencoded and "larger than a clip" in piece.reencoded for piece in pieces)
    assert max(len(piece.payload) for piece in pieces) <= group * 0.8
    check(pieces, payload, tolerance=25)


def test_a_gap_is_in_no_clip() -> None:
    stamps = [*range(25), *range(85, 125)]
    for kind in ({"gop": 10}, {"gop": 5}):
        pieces = cut(encode(pictures(65), stamps=stamps, options={"bf": "0"}, **kind))
        watched = sum(piece.end_us - piece.start_us for piece in pieces)
        assert watched == pytest.approx(6.5 * SECOND, abs=200_000)
        assert sum(piece.frames for piece in pieces) == 65
        assert [other.start_us - one.end_us for one, other in pairwise(pieces) if other.start_us > one.end_us] == [
            pytest.approx(6 * SECOND, abs=200_000)
        ]
        assert all(len(seen(piece.payload, 0)) == piece.frames for piece in pieces)


def test_pictures_before_the_first_keyframe_are_left_out() -> None:
    payload = encode(pictures(65), options={"bf": "0"})
    check(cut(payload, keep=slice(4, None)), payload, first=10)


def test_cutting_goes_on_after_damage() -> None:
    payload = encode(pictures(60), options={"bf": "0"})
    with opened(payload) as (stream, shown):
        cutter = Cutter(stream, RecordedTimes(UTC0).begin, LIMITS)
        pieces = [piece for picture in shown[:24] for piece in cutter.feed(picture)] + list(cutter.flush())
        pieces += [piece for picture in shown[25:] for piece in cutter.feed(picture)] + list(cutter.flush())
    assert [piece.frames for piece in pieces] == [20, 4, 20, 10]
    assert all(len(seen(piece.payload, 0)) == piece.frames for piece in pieces)


def test_a_damaged_first_keyframe_moves_no_clip() -> None:
    """What can be decoded begins a group later, and is told when it was taken."""
    with opened(encode(pictures(120), gop=40, options={"bf": "0"})) as (stream, shown):
        broken = av.Packet(b"\x00\x00\x00\x09\x65" + bytes(8))
        first = shown[0].packet
        broken.pts, broken.dts, broken.time_base, broken.is_keyframe = first.pts, first.dts, first.time_base, True
        limits = Limits(length_us=SECOND, most_bytes=9_000_000)
        cutter = Cutter(stream, lambda stamp_us: Line("s", 0, stamp_us, stamp_us), limits)
        pieces = []
        for picture in [replace(shown[0], packet=broken, size=broken.size), *shown[1:]]:
            pieces += cutter.feed(picture)
        pieces += cutter.flush()
    assert all(piece.reencoded for piece in pieces)
    assert pieces[0].start_us == shown[40].stamp_us
    assert sum(piece.frames for piece in pieces) == 80
    assert pieces[-1].end_us == pytest.approx(12 * SECOND, abs=2)


def test_times_that_are_missing_are_made_up_for() -> None:
    payload = encode(pictures(40), options={"bf": "0"})
    with opened(payload) as (stream, shown):
        cutter = Cutter(stream, RecordedTimes(UTC0).begin, LIMITS)
        lacking = [replace(each, stamp_us=None) if number == 13 else each for number, each in enumerate(shown)]
        pieces = [piece for picture in lacking for piece in cutter.feed(picture)] + list(cutter.flush())
    assert any(piece.reencoded and "no times of their own" in piece.reencoded for piece in pieces)
    check(pieces, payload, tolerance=4)


def test_memory_holds_a_clip_at_most() -> None:
    """A stream that is never to be cut leaves nothing behind while it is encoded again."""
    with opened(encode(pictures(200), gop=200)) as (stream, shown):
        cutter = Cutter(stream, RecordedTimes(UTC0).begin, LIMITS)
        held = []
        for picture in shown:
            list(cutter.feed(picture))
            held.append(len(cutter._open.pictures) if cutter._open else 0)
    assert max(held) <= 42 and held[-1] == 0


def test_nothing_but_the_picture_is_kept() -> None:
    payload = encode(pictures(30), "matroska", audio=True, metadata={"title": "Jane Doe", "location": "+48.8577"})
    for piece in cut(payload):
        assert not any(word in piece.payload for word in (b"Jane", b"48.8577", b"Lavf"))
        with av.open(io.BytesIO(piece.payload)) as container:
            assert [stream.type for stream in container.streams] == ["video"]


def test_a_piece_shows_no_payload() -> None:
    assert "watchable" not in repr(Piece(RecordedTimes(0).begin(0), 0, 1, 1, "h264", b"watchable"))
