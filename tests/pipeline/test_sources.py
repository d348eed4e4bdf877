"""Reading clips: their bytes as they are, or only their size where they pass the limit."""

import hashlib
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest

from pipeline.archive import Capture, ClipFile
from pipeline.sources import ReadClipFiles
from schemas.envelope import Envelope
from tests.support.graph import pipeline
from tests.support.world import T0, a_site
from transforms.clips import Clip
from transforms.decode import ClipLimits

PAYLOAD = b"not watched here"
DIGEST = hashlib.sha256(PAYLOAD).hexdigest()
ENVELOPE = Envelope(1, "lab", "door", "run", 3, T0, T0 + 10_000_000, 0, 10.0, "h264", len(PAYLOAD), DIGEST)
_seen: dict[str, list[Any]] = {}


def keep(element: Any, output: str, at: Any = beam.DoFn.TimestampParam) -> None:
    _seen.setdefault(output, []).append((element, at.micros))


def read(file: ClipFile, max_bytes: int = 100) -> dict[str, list[Any]]:
    _seen.clear()
    with pipeline() as root:
        found = root | ReadClipFiles([file], (a_site(),), ClipLimits(max_bytes=max_bytes))
        for name, output in found._asdict().items():
            _ = output | f"Keep{name}" >> beam.Map(keep, name)
    return dict(_seen)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(PAYLOAD)
    return path


@pytest.mark.parametrize(
    ("max_bytes", "expected"),
    [(len(PAYLOAD), Clip(ENVELOPE, PAYLOAD)), (len(PAYLOAD) - 1, Clip(ENVELOPE, b"", len(PAYLOAD)))],
)
def test_a_clip_is_read_whole_or_not_at_all(path: Path, max_bytes: int, expected: Clip) -> None:
    assert read(ClipFile(path, ENVELOPE), max_bytes) == {"good": [(expected, T0)]}
    assert expected.size == len(PAYLOAD)


def test_a_clip_without_an_envelope_is_a_dead_letter_of_its_size(path: Path) -> None:
    ((letter, _),) = read(ClipFile(path, None, "bad_envelope", Capture("lab", "door", T0)))["failed"]
    assert (letter.reason, letter.camera, letter.bytes) == ("bad_envelope", "door", len(PAYLOAD))


def test_a_disk_fault_is_not_the_clips(tmp_path: Path) -> None:
    gone = tmp_path / "gone.mp4"
    with pytest.raises(RuntimeError, match="FileNotFoundError"):
        read(ClipFile(gone, ENVELOPE))
    assert not _seen.get("failed") and not _seen.get("told")
