"""Finding clips: envelopes beside them, or made from flags and headers, or a fault, never an exception."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pipeline.archive import BAD_ENVELOPE, NO_ENVELOPE, ArchiveError, Capture, ClipFile, find_clips
from pipeline.cut import cut
from schemas.clock import from_rfc3339
from tests.support.video import encode, pictures, silence

START_US = from_rfc3339("2026-01-05T09:00:00Z")
CAPTURE = Capture("library", "door", START_US)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    source = tmp_path / "source.mp4"
    source.write_bytes(encode(pictures(30)))
    folder = tmp_path / "archive"
    cut(source, folder / "monday", site="library", camera="door", start_us=START_US, seconds=1)
    return folder


def test_folders_are_searched_through(archive: Path) -> None:
    (archive / "notes.txt").write_text("not a clip")
    (archive / "monday" / ".half.mp4").write_bytes(b"half written")
    found = find_clips([archive])
    assert [file.path.name for file in found] == [
        "door-20260105T090000.000000Z.mp4",
        "door-20260105T090001.000000Z.mp4",
        "door-20260105T090002.000000Z.mp4",
    ]
    assert all(file.envelope is not None and file.fault is None for file in found)


def test_a_file_that_is_named_is_taken_whatever_its_name(tmp_path: Path) -> None:
    odd = tmp_path / "recording.dat"
    odd.write_bytes(encode(pictures(12)))
    (file,) = find_clips([odd], CAPTURE)
    envelope = file.envelope
    assert (envelope.site, envelope.camera, envelope.sequence) == ("library", "door", 0)
    assert (envelope.start_us, envelope.end_us) == (START_US, START_US + 1_200_000)
    assert (envelope.frame_rate, envelope.codec) == (10.0, "h264")
    assert envelope.size == odd.stat().st_size
    assert envelope.sha256 == hashlib.sha256(odd.read_bytes()).hexdigest()
    assert find_clips([odd], CAPTURE) == [file]


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"container": "matroska"},
        {"container": "mpegts"},
        {"container": "avi", "codec": "msmpeg4"},
        {"container": "webm", "codec": "libvpx-vp9"},
        {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    ],
    ids=["mp4", "mkv", "ts", "avi", "webm", "fragmented"],
)
def test_the_end_comes_from_the_headers(tmp_path: Path, kind: dict) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(encode(pictures(50), **kind))
    (file,) = find_clips([path], CAPTURE)
    assert file.envelope.seconds == pytest.approx(5, abs=0.15)


def test_the_true_rate_stretches_the_clip(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(encode(pictures(70)))
    (file,) = find_clips([path], Capture("library", "door", START_US, fps=7.0))
    assert file.envelope.frame_rate == 7.0 and file.envelope.seconds == pytest.approx(10)


@pytest.mark.parametrize(("fps", "seconds"), [(10.0, 5.0), (None, 2.0)], ids=["told", "as-claimed"])
def test_an_elementary_stream_is_as_long_as_its_packets(tmp_path: Path, fps: float | None, seconds: float) -> None:
    """It has no header of its length; FFmpeg claims 25 frames a second for it."""
    path = tmp_path / "clip.h264"
    path.write_bytes(encode(pictures(50), container="h264"))
    (file,) = find_clips([path], Capture("library", "door", START_US, fps))
    assert file.fault is None
    assert (file.envelope.frame_rate, file.envelope.seconds) == (fps or 25.0, pytest.approx(seconds))
    assert find_clips([path], Capture("library", "door", None, fps))[0].fault == NO_ENVELOPE


def test_the_container_may_say_the_start(tmp_path: Path) -> None:
    for hour in (9, 10):
        clip = encode(pictures(12), metadata={"creation_time": f"2026-01-05T{hour:02}:00:00Z"})
        (tmp_path / f"{hour}.mp4").write_bytes(clip)
    found = find_clips([tmp_path], Capture("library", "door"))
    assert sorted(file.envelope.start_us for file in found) == [START_US, START_US + 3_600_000_000]


def test_what_has_no_envelope_and_no_time_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(encode(pictures(12)))
    assert find_clips([path]) == [ClipFile(path, None, NO_ENVELOPE)]
    assert find_clips([path], Capture("library", "door")) == [
        ClipFile(path, None, NO_ENVELOPE, Capture("library", "door"))
    ]


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (b"", "empty"),
        (b"no video", "not_video"),
        (silence(), "no_video_stream"),
        (encode(pictures(9))[:-9], "truncated"),
    ],
    ids=["empty", "text", "sound", "truncated"],
)
def test_what_is_no_video_is_a_fault(tmp_path: Path, payload: bytes, fault: str) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(payload)
    assert find_clips([path], CAPTURE) == [ClipFile(path, None, fault, CAPTURE)]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"x"', "\ud800", "changed", "null"])
def test_an_envelope_that_cannot_be_read_is_a_fault(archive: Path, text: str) -> None:
    clip, *_ = sorted(archive.rglob("*.mp4"))
    beside = clip.with_suffix(".json")
    if text == "changed":
        text = json.dumps(json.loads(beside.read_text()) | {"start": "yesterday"})
    beside.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert find_clips([archive])[0] == ClipFile(clip, None, BAD_ENVELOPE)
    assert all(file.envelope for file in find_clips([archive])[1:])


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000, '{"size": ' + "9" * 5000 + "}", '{"start": ' * 5000, " " * (1 << 16), "-" + "9" * (1 << 20)],
    ids=["deep", "long-number", "deep-object", "padded", "huge"],
)
def test_an_envelope_that_was_made_to_hurt_is_a_fault(archive: Path, text: str) -> None:
    clip, *_ = sorted(archive.rglob("*.mp4"))
    beside = clip.with_suffix(".json")
    beside.write_text(text + beside.read_text())
    assert find_clips([archive])[0] == ClipFile(clip, None, BAD_ENVELOPE)


def test_one_start_fits_one_clip(archive: Path, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(encode(pictures(3)))
    with pytest.raises(ArchiveError, match="--start"):
        find_clips([tmp_path / "a.mp4", tmp_path / "b.mp4"], CAPTURE)
    assert len(find_clips([archive, tmp_path / "a.mp4"], CAPTURE)) == 4


def test_paths_that_hold_no_clips(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no such"):
        find_clips([tmp_path / "nowhere"])
    with pytest.raises(ArchiveError, match="no video file"):
        find_clips([tmp_path])


def test_nothing_of_the_file_system_enters_an_envelope(tmp_path: Path) -> None:
    """The same bytes under another name and with other file times make the same envelope."""
    paths = [tmp_path / name for name in ("jane-doe.mp4", "other.mp4")]
    for path in paths:
        path.write_bytes(encode(pictures(6)))
    one, other = (find_clips([path], CAPTURE)[0].envelope for path in paths)
    assert one == other
