"""Video files on disk, read for their headers: what `silhouette cut` and the archive reader both need."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError

from schemas.clock import SECOND_US, from_rfc3339
from schemas.envelope import SCHEMA_VERSION, Envelope
from transforms.containers import promised_bytes
from transforms.decode import ClipError, ClipFault, ClipLimits, choose_stream, input_options, packets_of

EXTENSIONS = frozenset({
    ".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".flv", ".asf",
    ".wmv", ".h264", ".264", ".hevc", ".265", ".dav",
})  # fmt: skip
# What a file may be, that is no clip yet.
BOUNDLESS = ClipLimits(max_bytes=1 << 62, max_seconds=1e9, max_frames=1 << 62, max_pixels=(1 << 31) - 1)


@contextmanager
def open_video(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a video file and choose its stream.

    Raises:
      ClipError: it is none that can be decoded.
      OSError: the file cannot be read.
    """
    size = path.stat().st_size
    if not size:
        raise ClipError(ClipFault.EMPTY)
    # Opened by us first: what the system says of the file is not to be taken for the file's own fault.
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as payload:
        promised = promised_bytes(payload)
    if promised is not None and promised > size:
        raise ClipError(ClipFault.TRUNCATED)
    with _faults(ClipFault.NOT_VIDEO):
        container = av.open(str(path), mode="r", options=input_options("file"), metadata_errors="ignore")
    with container:
        yield container, choose_stream(container, BOUNDLESS)


def creation_time_us(container: av.container.InputContainer, stream: av.VideoStream) -> int | None:
    """Return when the container says that it was recorded, microseconds since the epoch; None if it does not.

    Cameras without a clock write the epoch of the format or of Unix; these are no times.
    """
    for metadata in (container.metadata, stream.metadata):
        try:
            instant_us = from_rfc3339(metadata.get("creation_time", ""))
        except ValueError:
            continue
        if instant_us > 0:
            return instant_us
    return None


def seconds_of(container: av.container.InputContainer, stream: av.VideoStream, rate: Fraction) -> Fraction:
    """Return how long a video is in the container's time.

    An elementary stream has no header that says so: its packets are counted.

    Args:
      container: The open container, nothing of it read so far.
      stream: The video stream.
      rate: The container's frames a second, or the best guess at it.

    Raises:
      ClipError: nothing is in it, or its packets cannot be told apart.
    """
    if stream.duration and stream.time_base:
        seconds = stream.duration * stream.time_base
    elif container.duration:
        seconds = Fraction(container.duration, SECOND_US)
    else:
        with _faults(ClipFault.CORRUPT):
            seconds = sum(1 for _ in packets_of(container, stream)) / rate
    if seconds <= 0:
        raise ClipError(ClipFault.NO_FRAMES)
    return seconds


def session_of(camera: str, start_us: int, size: int) -> str:
    """Name the session of a recording by what it is, so that cutting it again makes the same clips."""
    return hashlib.sha256(f"{camera} {start_us} {size}".encode()).hexdigest()[:16]


def envelope_of(
    site: str, camera: str, session: str, sequence: int, interval_us: tuple[int, int], rate: float, codec: str,
    size: int, sha256: str,
) -> Envelope:  # fmt: skip
    """Return the envelope of a clip whose times need no correction."""
    return Envelope(
        schema_version=SCHEMA_VERSION,
        site=site,
        camera=camera,
        session=session,
        sequence=sequence,
        start_us=interval_us[0],
        end_us=interval_us[1],
        clock_offset_us=0,
        frame_rate=rate,
        codec=codec,
        size=size,
        sha256=sha256,
    )


@contextmanager
def _faults(reason: ClipFault) -> Iterator[None]:
    """Turn FFmpeg's complaints about the file into `reason`, without their text; want of memory goes up."""
    try:
        yield
    except FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        raise ClipError(reason) from None
