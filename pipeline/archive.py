"""An archive: clips on disk, each with its envelope `NAME.json` beside it, as `silhouette cut` writes them.

Only headers and envelopes are read here. A clip's bytes are read in the pixel stage; only where an envelope has to
be made are they gone through, for their digest, and for their length where no header says it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.video_file import EXTENSIONS, creation_time_us, envelope_of, open_video, seconds_of, session_of
from schemas.clock import SECOND_US
from schemas.envelope import Envelope, EnvelopeError
from transforms.decode import ClipError, ClipFault, frame_rate, time_scale

NO_ENVELOPE = "no_envelope"
BAD_ENVELOPE = "bad_envelope"
FAULTS = (NO_ENVELOPE, BAD_ENVELOPE)
"""Reason classes, stable."""
LONGEST_ENVELOPE = 64 << 10
"""Bytes of an envelope at most; a good one has a few hundred."""


class ArchiveError(ValueError):
    """Clips that cannot be found, or flags that do not fit them; the text names the flag."""


@dataclass(frozen=True)
class Capture:
    """What the flags say of clips without an envelope.

    Attributes:
      site: Name of their site.
      camera: Name of their camera.
      start_us: Capture start of the one clip; None: what its container says.
      fps: True frames a second; None: what its container says.
    """

    site: str
    camera: str
    start_us: int | None = None
    fps: float | None = None


@dataclass(frozen=True)
class ClipFile:
    """A clip on disk.

    Attributes:
      path: The file.
      envelope: Its envelope, or None where it has none that can be used.
      fault: Why it has none: one of `FAULTS`, or a `ClipFault` of one whose headers cannot be read.
      capture: What the flags say of it all the same.
    """

    path: Path
    envelope: Envelope | None
    fault: str | None = None
    capture: Capture | None = None


def find_clips(paths: Sequence[Path], capture: Capture | None = None) -> list[ClipFile]:
    """Find clips and their envelopes, in the order of their names.

    Args:
      paths: Clips, taken whatever their name, and folders, searched through for video files.
      capture: What is known of clips without an envelope; without it they are faulty.

    Raises:
      ArchiveError: a path is not there, a folder holds no clip, or one start is given for several clips.
    """
    found = [path for given in paths for path in _clips_in(given)]
    alone = [path for path in found if not envelope_path(path).exists()]
    if capture is not None and capture.start_us is not None and len(alone) > 1:
        raise ArchiveError(
            f"--start: fits one clip, and {len(alone)} have no envelope, among them {alone[0].name} and "
            f"{alone[1].name}; give one clip, or cut the recordings with `silhouette cut`"
        )
    made = {path: _without_envelope(path, capture) for path in alone}
    return [made.get(path) or _with_envelope(path) for path in found]


def _clips_in(given: Path) -> list[Path]:
    if given.is_file():
        return [given]
    if not given.is_dir():
        raise ArchiveError(f"--clips: no such file or folder: {given}")
    found = sorted(path for path in given.rglob("*") if path.suffix.lower() in EXTENSIONS and path.is_file())
    found = [path for path in found if not path.name.startswith(".")]  # half-written ones
    if not found:
        raise ArchiveError(f"--clips: no video file in {given}; name a clip itself if its extension is unusual")
    return found


def envelope_path(clip: Path) -> Path:
    """Return where a clip's envelope is, if it has one."""
    return clip.with_suffix(".json")


def _with_envelope(path: Path) -> ClipFile:
    with envelope_path(path).open("rb") as file:
        text = file.read(LONGEST_ENVELOPE + 1)
    if len(text) > LONGEST_ENVELOPE:
        return ClipFile(path, None, BAD_ENVELOPE)
    try:
        return ClipFile(path, Envelope.from_json(json.loads(text.decode("utf-8"))))
    except (ValueError, OverflowError, RecursionError):  # also of too deep a nesting, or too long a number
        return ClipFile(path, None, BAD_ENVELOPE)


def _without_envelope(path: Path, capture: Capture | None) -> ClipFile:
    if capture is None:
        return ClipFile(path, None, NO_ENVELOPE)
    try:
        envelope = _made(path, capture)
    except ClipError as error:
        return ClipFile(path, None, error.reason.value, capture)
    return ClipFile(path, envelope, None if envelope else NO_ENVELOPE, None if envelope else capture)


def _made(path: Path, capture: Capture) -> Envelope | None:
    """Make an envelope from the headers and the flags; None where neither say the start, or the rate."""
    with open_video(path) as (container, stream):
        start_us = capture.start_us if capture.start_us is not None else creation_time_us(container, stream)
        claimed = frame_rate(stream)
        rate = float(capture.fps or claimed or 0)
        if start_us is None or not rate:
            return None
        seconds = seconds_of(container, stream, claimed or Fraction(rate))
        duration_us = round(seconds * time_scale(claimed, rate) * SECOND_US)
        codec = stream.codec_context.codec.canonical_name
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    session = session_of(capture.camera, start_us, size)
    interval_us = start_us, start_us + duration_us
    try:
        return envelope_of(capture.site, capture.camera, session, 0, interval_us, rate, codec, size, digest)
    except EnvelopeError:  # headers that claim an end beyond any calendar
        raise ClipError(ClipFault.TOO_LONG) from None
