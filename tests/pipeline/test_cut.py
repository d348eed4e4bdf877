"""Cutting: every frame once, intervals end to end, nothing but the picture, the same files each time."""

from __future__ import annotations

import io
import json
import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.archive import find_clips
from pipeline.cut import Cut, CutError, CutUsageError, cut
from schemas.clock import from_rfc3339
from schemas.envelope import Envelope
from tests.support.command import silhouette
from tests.support.video import encode, pictures
from transforms.decode import open_clip

START_US = from_rfc3339("2026-01-05T09:00:00Z")
WHERE = {"site": "library", "camera": "door", "start_us": START_US}


def seen(
    payload: bytes, envelope: Envelope | None = None, true_rate: float | None = None
) -> list[tuple[int, np.ndarray]]:
    """Return [(absolute time, small picture)] of a clip."""
    with open_clip(payload, true_rate=envelope.frame_rate if envelope else true_rate) as clip:
        start_us = envelope.start_us if envelope else START_US
        return [(start_us + f.offset_us, f.content(80, 60)) for f in clip.frames()]


def check(done: Cut, source: bytes, true_rate: float | None = None, tolerance: float = 0) -> None:
    """Hold the clips against their source, frame by frame."""
    envelopes = [clip.envelope for clip in done.clips]
    assert envelopes[0].start_us == START_US
    assert all(one.end_us == other.start_us for one, other in pairwise(envelopes))
    assert [e.sequence for e in envelopes] == list(range(len(envelopes)))
    assert len({e.session for e in envelopes}) == 1
    frames = []
    for clip in done.clips:
        payload = clip.path.read_bytes()
        part = seen(payload, clip.envelope)
        assert all(clip.envelope.start_us <= at < clip.envelope.end_us for at, _ in part)
        assert part[0][0] == clip.envelope.start_us
        frames += part
    expected = seen(source, true_rate=true_rate)
    assert len(frames) == len(expected)
    for (at, picture), (true_at, true_picture) in zip(frames, expected, strict=True):
        assert abs(at - true_at) <= 2
        assert np.abs(picture.astype(int) - true_picture).mean() <= tolerance


def video(tmp_path: Path, payload: bytes, name: str = "video.mp4") -> Path:
    path = tmp_path / name
    path.write_bytes(payload)
    return path


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"options": {"bf": "3"}},
        {"codec": "libx265", "options": {"x265-params": "log-level=none:open-gop=0"}},
        {"container": "matroska"},
        {"container": "matroska", "options": {"bf": "3"}},
        {"container": "mpegts"},
        {"container": "flv"},
        {"codec": "libvpx-vp9", "container": "webm"},
        {"codec": "libsvtav1"},
        {"codec": "mjpeg", "container": "avi", "pix_fmt": "yuvj420p", "color_range": 2},
        {"codec": "mpeg4", "container": "avi"},
        {"rotation": 90},
        {"audio": True},
        {"sample_aspect_ratio": Fraction(12, 11)},
    ],
    ids=["h264", "b-frames", "hevc", "mkv", "mkv-b-frames", "ts", "flv", "vp9", "av1", "mjpeg", "mpeg4", "rotated",
         "sound", "wide-pixels"],
)  # fmt: skip
def test_frames_are_kept_as_they_are(tmp_path: Path, kind: dict) -> None:
    payload = encode(pictures(45), **kind)
    done = cut(video(tmp_path, payload), tmp_path / "clips", seconds=2, **WHERE)
    assert done.reencoded is None and done.left_out == 0
    assert len(done.clips) >= 3
    check(done, payload)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ({"codec": "msmpeg4", "container": "avi", "bit_rate": 2_000_000}, "MP4 does not hold"),
        ({"gop": 45}, "further apart"),
        ({"container": "avi", "options": {"bf": "3"}}, "no times of their own"),
        (
            {"codec": "libx265", "gop": 10, "options": {"x265-params": "log-level=none:open-gop=1:bframes=3"}},
            "open GOP",
        ),
        ({"gop": 45, "rotation": 270}, "further apart"),
        ({"gop": 45, "sample_aspect_ratio": Fraction(12, 11)}, "further apart"),
    ],
    ids=["msmpeg4", "long-groups", "avi-b-frames", "open-groups", "rotated", "wide-pixels"],
)
def test_frames_are_encoded_again_where_they_must_be(tmp_path: Path, kind: dict, why: str) -> None:
    payload = encode(pictures(45), **kind)
    done = cut(video(tmp_path, payload), tmp_path / "clips", seconds=1.5, **WHERE)
    assert done.reencoded is not None and why in done.reencoded
    check(done, payload, tolerance=4)
    with open_clip(payload) as source, open_clip(done.clips[0].path.read_bytes()) as clip:
        assert (clip.width, clip.height) == (source.width, source.height)


def test_a_video_that_marks_no_keyframe_is_encoded_again(tmp_path: Path) -> None:
    payload = bytearray(encode(pictures(45), codec="mpeg4", bit_rate=2_000_000))
    at = payload.index(b"stss") + 8
    for entry in range(int.from_bytes(payload[at : at + 4], "big")):  # its table names pictures that it has not
        payload[at + 4 + 4 * entry : at + 8 + 4 * entry] = (900 + entry).to_bytes(4, "big")
    done = cut(video(tmp_path, bytes(payload)), tmp_path / "clips", seconds=1.5, **WHERE)
    assert done.reencoded == "it marks no keyframe"
    check(done, bytes(payload), tolerance=4)


def test_odd_sizes_are_encoded_again(tmp_path: Path) -> None:
    payload = encode(pictures(20, 161, 121), "avi", "mjpeg", pix_fmt="yuvj444p", color_range=2, gop=1)
    payload_huffman = encode(pictures(20, 161, 121), "avi", "ffvhuff", pix_fmt="yuv444p")
    for source in (payload, payload_huffman):
        done = cut(video(tmp_path, source, "v.avi"), tmp_path / "clips", seconds=1, **WHERE)
        check(done, source, tolerance=4)


def test_the_true_rate_sets_the_times(tmp_path: Path) -> None:
    payload = encode(pictures(70), gop=10)
    done = cut(video(tmp_path, payload), tmp_path / "clips", seconds=3, fps=7.0, **WHERE)
    check(done, payload, true_rate=7.0)
    assert done.clips[-1].envelope.end_us == START_US + 10_000_000
    assert {clip.envelope.frame_rate for clip in done.clips} == {7.0}
    with open_clip(done.clips[0].path.read_bytes()) as clip:
        assert clip.frame_rate == pytest.approx(7, rel=0.001)


def test_a_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    stamps = [*range(20), *range(20, 60, 2)]
    payload = encode(pictures(40), stamps=stamps, gop=10, options={"bf": "0"})
    done = cut(video(tmp_path, payload), tmp_path / "clips", seconds=2, **WHERE)
    check(done, payload)
    assert {10.0, 5.0} <= {clip.envelope.frame_rate for clip in done.clips}


def test_nothing_but_the_picture_is_kept(tmp_path: Path) -> None:
    payload = encode(
        pictures(30), audio=True, metadata={"title": "Jane Doe", "location": "+48.8577+002.295/", "comment": "secret"}
    )
    done = cut(video(tmp_path, payload), tmp_path / "clips", seconds=1, **WHERE)
    for clip in done.clips:
        content = clip.path.read_bytes()
        assert not any(word in content for word in (b"Jane", b"48.8577", b"secret", b"Lavf"))
        with av.open(io.BytesIO(content)) as container:
            assert [stream.type for stream in container.streams] == ["video"]
            assert not {"title", "location", "comment", "encoder", "creation_time"} & set(container.metadata)


def test_start_comes_from_the_container_or_must_be_given(tmp_path: Path) -> None:
    where = {"site": "library", "camera": "door"}
    dated = encode(pictures(12), metadata={"creation_time": "2025-11-28T17:05:00Z"})
    done = cut(video(tmp_path, dated), tmp_path / "clips", **where)
    assert done.clips[0].envelope.start_us == from_rfc3339("2025-11-28T17:05:00Z")
    assert done.clips[0].path.name == "door-20251128T170500.000000Z.mp4"
    with pytest.raises(CutUsageError, match="--start"):
        cut(video(tmp_path, encode(pictures(12))), tmp_path / "clips", **where)


def test_the_same_video_makes_the_same_archive(tmp_path: Path) -> None:
    for number, kind in enumerate(({}, {"codec": "msmpeg4", "container": "avi"})):
        source = video(tmp_path, encode(pictures(30), **kind))
        folders = tmp_path / f"one{number}", tmp_path / f"other{number}"
        for folder in folders:
            cut(source, folder, seconds=1, **WHERE)
        files = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
        assert files[0] == files[1]
        assert sorted({Path(name).suffix for name in files[0]}) == [".json", ".mp4"]


def test_clips_and_envelopes_form_an_archive(tmp_path: Path) -> None:
    done = cut(video(tmp_path, encode(pictures(30))), tmp_path / "clips", seconds=1, **WHERE)
    found = find_clips([tmp_path / "clips"])
    assert [(file.path, file.envelope) for file in found] == [(clip.path, clip.envelope) for clip in done.clips]
    for file in found:
        assert json.loads(file.path.with_suffix(".json").read_text())["size"] == file.path.stat().st_size


def test_frames_before_the_first_keyframe_are_left_out(tmp_path: Path) -> None:
    whole = encode(pictures(30), "mpegts", gop=10, options={"bf": "0"})
    buffer = io.BytesIO()
    with av.open(io.BytesIO(whole)) as source, av.open(buffer, "w", format="mpegts") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in [packet for packet in source.demux(video=0) if packet.size][4:]:
            packet.stream = stream
            output.mux(packet)
    done = cut(video(tmp_path, buffer.getvalue(), "live.ts"), tmp_path / "clips", seconds=1, **WHERE)
    assert done.left_out == 6
    assert done.clips[0].envelope.start_us == START_US + 600_000
    assert sum(len(seen(clip.path.read_bytes())) for clip in done.clips) == 20


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "empty"),
        (b"no video at all" * 100, "not video"),
        (encode(pictures(20))[:-100], "truncated"),
    ],
    ids=["empty", "text", "truncated"],
)
def test_what_cannot_be_cut(tmp_path: Path, payload: bytes, why: str) -> None:
    with pytest.raises(CutError, match=why):
        cut(video(tmp_path, payload), tmp_path / "clips", **WHERE)
    assert not (tmp_path / "clips").exists()


def test_of_a_video_that_breaks_off_no_part_is_left(tmp_path: Path) -> None:
    payload = bytearray(encode(pictures(60), "mpegts", gop=60))
    rng = random.Random(0)
    for index in range(len(payload) // 2, len(payload) * 9 // 10):
        payload[index] = rng.randrange(256) if rng.random() < 0.2 else payload[index]
    with pytest.raises(CutError, match="cannot be cut: corrupt"):
        cut(video(tmp_path, bytes(payload)), tmp_path / "clips", seconds=1, **WHERE)
    assert not list((tmp_path / "clips").glob("*"))


@pytest.mark.parametrize(
    ("wrong", "flag"),
    [
        ({"camera": "Tür 1"}, "--camera"),
        ({"site": ""}, "--site"),
        ({"seconds": 0}, "--seconds"),
        ({"fps": -1}, "--fps"),
    ],
    ids=["camera", "site", "seconds", "fps"],
)
def test_wrong_arguments(tmp_path: Path, wrong: dict, flag: str) -> None:
    with pytest.raises(CutUsageError, match=flag):
        cut(video(tmp_path, encode(pictures(3))), tmp_path / "clips", **(WHERE | wrong))


def test_the_command(tmp_path: Path) -> None:
    source = video(tmp_path, encode(pictures(30), gop=30))
    flags = ("--output", tmp_path / "clips", "--site", "library", "--camera", "door", "--seconds", 1)
    done = silhouette("cut", source, *flags, "--start", "2026-01-05T09:00:00Z")
    assert done.returncode == 0, done.stderr
    assert "encoded again" in done.stdout and "3 clips" in done.stdout
    assert silhouette("cut", source, *flags).returncode == 2
    for start in ("yesterday", "0001-01-01T00:00:00Z", "9999-12-31T23:59:00Z"):
        assert "--start" in silhouette("cut", source, *flags, "--start", start).stderr
    absent = silhouette("cut", tmp_path / "none.mp4", *flags, "--start", "2026-01-05T09:00:00Z")
    assert absent.returncode == 1 and "none.mp4" in absent.stderr


def test_real_video(shared: Path, tmp_path: Path) -> None:
    source = shared / "data/demo/one-by-one.mp4"
    done = cut(source, tmp_path / "clips", **WHERE)
    assert done.reencoded is None and len(done.clips) == 14
    check(done, source.read_bytes())
