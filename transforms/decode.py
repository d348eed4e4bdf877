"""Decoding clips in memory: the clip as it is, or one stable reason why not.

A clip is decoded right or not at all. FFmpeg hides damage where it can, by repeating, guessing or leaving
out pictures; here each of these ends the clip with a `ClipError`. Only the clip's own faults do so: want of
memory or any fault of the system goes up as it came.
"""

from __future__ import annotations

import io
import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import chain

import av
import numpy as np
from av.error import FFmpegError
from av.stream import Discard, Disposition
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from transforms.containers import promised_bytes
from transforms.frame_times import FrameClock
from transforms.orientation import orientation_of
from transforms.scaling import Colour, scaled

# FFmpeg's own log quotes file names and contents; it stays off.
av.logging.set_level(None)

# Containers and decoders that cameras and recorders use. All others are refused before they see a byte:
# playlists, which open files and addresses of their own, and hundreds of decoders that few have looked at.
CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,h264,hevc,obu,ivf,dhav"
CODECS = (
    "h264,hevc,libdav1d,vp8,vp9,mjpeg,mpeg4,mpeg2video,mpeg1video,h263,h263p,msmpeg4,msmpeg4v1,msmpeg4v2,"
    "wmv1,wmv2,wmv3,vc1,ffv1,huffyuv,ffvhuff,rawvideo"
)
# Here a packet need not show a picture of its own: VP8's references, MPEG-4's packed B-frames, field pairs.
_MORE_PACKETS_THAN_PICTURES = frozenset({"vp8", "mpeg4", "mpeg1video", "mpeg2video", "vc1", "wmv3"})
_ALMOST_SQUARE = 0.02  # pixel aspects nearer to 1 than this are the container's rounding
_FASTEST = 1000  # frames a second; a header that claims more is damaged
_USUAL_RATE = 25  # stands in for the rate of a clip that names none, where a picture has no time either
_ORDINARY_BYTES = 64 << 20


class ClipFault(StrEnum):
    """Reason classes of a bad clip; stable, they stand in dead letters."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    HASH_MISMATCH = "hash_mismatch"
    SIZE_MISMATCH = "size_mismatch"
    NOT_VIDEO = "not_video"
    NO_VIDEO_STREAM = "no_video_stream"
    UNSUPPORTED_CODEC = "unsupported_codec"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    NO_FRAMES = "no_frames"
    SIZE_CHANGED = "size_changed"
    TOO_LONG = "too_long"
    TOO_MANY_FRAMES = "too_many_frames"
    TOO_MANY_PIXELS = "too_many_pixels"


class ClipError(Exception):
    """A clip that cannot be decoded right. The text is the reason alone, nothing of the clip."""

    def __init__(self, reason: ClipFault) -> None:
        super().__init__(reason.value)
        self.reason = reason

    def __reduce__(self) -> tuple[type[ClipError], tuple[ClipFault]]:
        return type(self), (self.reason,)


@dataclass(frozen=True)
class ClipLimits:
    """What a clip may be at most.

    Attributes:
      max_bytes: Size of the encoded clip.
      max_seconds: Time from the first frame to the last.
      max_frames: Frames in the clip, sampled or not.
      max_pixels: Width times height of a frame.
    """

    max_bytes: int = 64 << 20
    max_seconds: float = 300.0
    max_frames: int = 20_000
    max_pixels: int = 4096 * 4096

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_seconds", "max_frames", "max_pixels"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive")

    def end_us(self, start_us: int, claimed_us: int) -> int:
        """Return a clip's end as far as its claim is taken: a false one must reach no further than a clip may last."""
        return min(claimed_us, start_us + int(self.max_seconds * 1_000_000))


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture.

    Attributes:
      offset_us: Time since the clip's first frame, microseconds; strictly increasing within a clip.
      picture: As decoded, not turned; later pictures may be decoded from it, so that it must not be changed.
    """

    offset_us: int
    picture: av.VideoFrame
    _clip: OpenClip

    def content(self, width: int, height: int, colour: Colour = "bgr") -> NDArray[np.uint8]:
        """Return the upright picture as `height` x `width` x 3, contiguous, the caller's own to write to."""
        return self._clip.scale(self.picture, width, height, colour)


class OpenClip:
    """A clip being decoded, one frame at a time.

    Attributes:
      width: Of the upright picture in square pixels.
      height: Of the upright picture in square pixels.
      stored: Width and height in pixels as stored, square or not, turned as the picture is.
      colour_cell: Stored pixels, across and down, that share one colour; turned likewise.
      frame_rate: Average frames a second as the container says, None where it says nothing of use.
      orientation: How decoded pictures are turned.
      pixel_aspect: Width over height of a stored pixel, None where the container does not say.
      time_base: Unit of decoded pictures' own times and durations, seconds.
      time_scale: Factor from the container's times to those of frames, see `time_scale`.
    """

    def __init__(
        self,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        limits: ClipLimits,
        true_rate: float | None = None,
    ) -> None:
        self._limits = limits
        self.time_base = stream.time_base or Fraction(1, 1_000_000)
        self.frame_rate = frame_rate(stream)
        self.time_scale = Fraction(1) if true_rate is None else time_scale(self.frame_rate, true_rate)
        if (stream.duration or 0) * self.time_base * self.time_scale > limits.max_seconds:
            raise ClipError(ClipFault.TOO_LONG)
        self._reformatter = VideoReformatter()
        pictures = decode(container, stream, limits)
        first = next(pictures, None)  # the size and the orientation are the picture's to say
        if first is None:
            raise ClipError(ClipFault.NO_FRAMES)
        self._pictures = chain([first], pictures)
        self.orientation = orientation_of(first[1])
        self.pixel_aspect: Fraction | None = stream.sample_aspect_ratio
        turn = self.orientation.turn_size
        self.width, self.height = turn(_square(first[1], stream.sample_aspect_ratio))
        self.stored = turn((first[1].width, first[1].height))
        self.colour_cell = turn(colour_cell(first[1]))

    def frames(self) -> Iterator[Frame]:
        """Yield the clip's frames in time order, once.

        Raises:
          ClipError: the clip breaks off, is damaged or passes a limit; what was yielded before must not be
            counted.
        """
        clock = FrameClock(self.time_base, 1 / (self.frame_rate or Fraction(_USUAL_RATE)), self.time_scale)
        for stamp, picture in self._pictures:
            offset_us = clock.offset_us(stamp)
            if offset_us > self._limits.max_seconds * 1_000_000:
                raise ClipError(ClipFault.TOO_LONG)
            yield Frame(offset_us, picture, self)

    def scale(self, picture: av.VideoFrame, width: int, height: int, colour: Colour) -> NDArray[np.uint8]:
        """Scale and turn a decoded picture; see `Frame.content`."""
        width, height = self.orientation.turn_size((width, height))
        with _faults(ClipFault.UNSUPPORTED_CODEC):
            return self.orientation.turn(scaled(picture, width, height, colour, self._reformatter))


def input_options(protocols: str = "") -> dict[str, str]:
    """Return what FFmpeg is told of every input: the containers and decoders of `CONTAINERS` and `CODECS` only.

    Args:
      protocols: Ways of access that it may use, separated by commas.
    """
    return {"format_whitelist": CONTAINERS, "codec_whitelist": CODECS, "protocol_whitelist": protocols}


def frame_rate(stream: av.VideoStream) -> Fraction | None:
    """Return the average frames a second that the container claims, None if it claims nothing credible."""
    rate = stream.average_rate or stream.guessed_rate
    return rate if rate and 0 < rate <= _FASTEST else None


@contextmanager
def open_clip(payload: bytes, limits: ClipLimits = ClipLimits(), true_rate: float | None = None) -> Iterator[OpenClip]:
    """Open an encoded clip held in memory; nothing of it touches the disk, the network or a log.

    Args:
      payload: Its bytes.
      limits: What it may be at most.
      true_rate: True frames a second of the scene; None where the container's times are taken as they are.

    Raises:
      ClipError: the clip cannot be decoded, with the reason.
    """
    if not payload:
        raise ClipError(ClipFault.EMPTY)
    if len(payload) > limits.max_bytes:
        raise ClipError(ClipFault.TOO_LARGE)
    promised = promised_bytes(payload)
    if promised is not None and promised > len(payload):
        raise ClipError(ClipFault.TRUNCATED)
    with _faults(ClipFault.NOT_VIDEO):
        container = av.open(io.BytesIO(payload), mode="r", options=input_options(), metadata_errors="ignore")
    with container:
        yield OpenClip(container, choose_stream(container, limits), limits, true_rate)


def time_scale(container_rate: Fraction | None, true_rate: float) -> Fraction:
    """Return the factor from the container's times to true times.

    Some recorders write a frame rate that the camera did not keep. Exactly 1 where the two rates agree within
    2% or the container names none; else container over true rate.

    >>> time_scale(Fraction(10), 7.0), time_scale(Fraction(30000, 1001), 30.0)
    (Fraction(10, 7), Fraction(1, 1))
    """
    if not container_rate or abs(container_rate / Fraction(true_rate) - 1) <= Fraction(2, 100):
        return Fraction(1)
    return container_rate / Fraction(true_rate)


def choose_stream(container: av.container.InputContainer, limits: ClipLimits) -> av.VideoStream:
    """Choose the stream to decode and set it up; all others are left out of the demuxing.

    Raises:
      ClipError: there is none, or it passes a limit.
    """
    cover_art = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & cover_art]
    if not streams:
        raise ClipError(ClipFault.NO_VIDEO_STREAM)
    stream = streams[0]
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    context = stream.codec_context
    if context is None or context.name not in CODECS.split(","):
        raise ClipError(ClipFault.UNSUPPORTED_CODEC)
    if context.width * context.height > limits.max_pixels:
        raise ClipError(ClipFault.TOO_MANY_PIXELS)
    if stream.frames > limits.max_frames:
        raise ClipError(ClipFault.TOO_MANY_FRAMES)
    context.thread_type = "NONE"  # one thread: the result does not depend on the number of cores
    context.thread_count = 1
    context.options = {"err_detect": "explode", "max_pixels": str(limits.max_pixels)}
    return stream


class _Count:
    """What goes into the decoder and what comes out; raises where a picture was lost or mended."""

    def __init__(self, limits: ClipLimits) -> None:
        self._limits = limits
        self._size: tuple[int, int] | None = None
        self._first_pts: int | None = None
        self._interlaced = False
        self.packets = self.shown = self.leading = self.pictures = 0

    def packet(self, packet: av.Packet[av.VideoStream]) -> None:
        if packet.is_corrupt:  # FFmpeg's mark of a packet that came short, or after lost ones
            raise ClipError(ClipFault.CORRUPT)
        if self.packets == 0:
            self._first_pts = packet.pts
        elif packet.pts is not None and self._first_pts is not None and packet.pts < self._first_pts:
            self.leading += 1  # shown before the first keyframe: it needs a group that is not in the clip
        self.packets += 1
        self.shown += not packet.is_discard

    def picture(self, picture: av.VideoFrame) -> None:
        self._size = self._size or (picture.width, picture.height)
        self._interlaced = self._interlaced or picture.interlaced_frame
        self.pictures += 1
        if picture.is_corrupt:
            raise ClipError(ClipFault.CORRUPT)
        if (picture.width, picture.height) != self._size:
            raise ClipError(ClipFault.SIZE_CHANGED)
        if picture.width * picture.height > self._limits.max_pixels:
            raise ClipError(ClipFault.TOO_MANY_PIXELS)
        if self.pictures > self._limits.max_frames:
            raise ClipError(ClipFault.TOO_MANY_FRAMES)

    def end(self, codec: str, indexed: int) -> None:
        if self.packets < indexed:
            raise ClipError(ClipFault.TRUNCATED)
        if self._interlaced or codec in _MORE_PACKETS_THAN_PICTURES:
            return
        if 0 < self.pictures < self.shown - self.leading:
            raise ClipError(ClipFault.CORRUPT)


def decode(
    container: av.container.InputContainer, stream: av.VideoStream, limits: ClipLimits
) -> Iterator[tuple[int | None, av.VideoFrame]]:
    """Yield (time in units of the stream's time base, picture) in order of presentation.

    Raises:
      ClipError: the clip is damaged or passes a limit.
    """
    count = _Count(limits)
    # AVI has no times but the order of its packets: the pictures, once in order, take these in turn.
    slots: deque[int | None] | None = deque() if container.format.name == "avi" else None

    def timed(pictures: list[av.VideoFrame]) -> Iterator[tuple[int | None, av.VideoFrame]]:
        for picture in pictures:
            count.picture(picture)
            if slots is None:
                yield picture.pts, picture
            else:
                yield slots.popleft() if slots else None, picture

    with _faults(ClipFault.CORRUPT):
        for packet in packets_of(container, stream):
            count.packet(packet)
            if slots is not None:
                slots.append(packet.dts)
            yield from timed(stream.decode(packet))
        yield from timed(stream.decode(None))
    indexed = len(stream.index_entries) if container.format.name.startswith("mov") else 0
    count.end(stream.codec_context.name, indexed)


def packets_of(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet]:
    """Yield the packets of a stream that hold something: not the end, nor a chunk that says "as before".

    Raises:
      FFmpegError: the container is damaged.
    """
    # Where streams come up on the way, PyAV stumbles over them after the last packet.
    with suppress(IndexError):
        for packet in container.demux(stream):
            if packet.size:
                yield packet


def _square(picture: av.VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Return the size of a picture in square pixels, its height kept."""
    if not pixel_aspect or not 0.25 <= pixel_aspect <= 4 or abs(pixel_aspect - 1) <= _ALMOST_SQUARE:
        return picture.width, picture.height
    return max(1, round(picture.width * pixel_aspect)), picture.height


def colour_cell(picture: av.VideoFrame) -> tuple[int, int]:
    """Return how many pixels, across and down, share one colour once it was made RGB."""
    parts = picture.format.components
    # FFmpeg takes the colours of two pixels for one, across, of formats that it has no shorter way for.
    return (
        max(2, *(math.ceil(picture.width / part.width) for part in parts)),
        max(math.ceil(picture.height / part.height) for part in parts),
    )


@contextmanager
def _faults(reason: ClipFault) -> Iterator[None]:
    """Turn FFmpeg's complaints about the clip into `reason`, without their text."""
    try:
        yield
    except FFmpegError as error:
        if isinstance(error, MemoryError):
            # A damaged table may ask for gigabytes: the clip's fault. If an ordinary amount cannot be had
            # either, this one raises, and the fault is the system's.
            np.empty(_ORDINARY_BYTES, np.uint8)
        raise ClipError(reason) from None
