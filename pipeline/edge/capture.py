"""Takes a video stream's packets as they come. FFmpeg's own words, which quote addresses, never get beyond here."""

from __future__ import annotations

import errno
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import av
from av.error import FFmpegError

from pipeline.edge.clock import boot_us
from pipeline.edge.credentials import Credentials
from pipeline.edge.groups import Picture
from pipeline.edge.sources import Source, url_of
from pipeline.video_file import BOUNDLESS
from schemas.clock import SECOND_US
from transforms.decode import CODECS, ClipError, choose_stream, input_options, packets_of

PATIENCE_SECONDS = (15.0, 10.0)
_MOST_WAITING_BYTES = 64 << 20
_FORMATS = {"rtsp": "rtsp", "device": "v4l2"}
_RTSP = {
    "format_whitelist": "rtsp,sdp,rtp,mpegts",
    "codec_whitelist": CODECS,
    "protocol_whitelist": "rtsp,rtsps,rtp,udp,tcp,tls,crypto",
    # Sound is not even sent: the camera is asked for its pictures alone.
    "allowed_media_types": "video",
}


class CaptureFault(StrEnum):
    """Reason classes of a source that gives no pictures; stable, they stand in logs, status and metrics."""

    ENDED = "ended"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    UNAUTHORISED = "unauthorised"
    NOT_FOUND = "not_found"
    NOT_PERMITTED = "not_permitted"
    NOT_VIDEO = "not_video"
    UNUSABLE_STREAM = "unusable_stream"
    NO_TIMES = "no_times"
    TIMES_JUMPED = "times_jumped"
    BROKEN = "broken"


class CaptureError(Exception):
    """A source that gives no pictures. The text is the reason alone."""

    def __init__(self, reason: CaptureFault) -> None:
        super().__init__(reason.value)
        self.reason = reason


_FAULTS: tuple[tuple[type[BaseException], CaptureFault], ...] = (
    (av.error.HTTPUnauthorizedError, CaptureFault.UNAUTHORISED),
    (av.error.HTTPForbiddenError, CaptureFault.UNAUTHORISED),
    (av.error.HTTPNotFoundError, CaptureFault.NOT_FOUND),
    (FileNotFoundError, CaptureFault.NOT_FOUND),
    (ConnectionRefusedError, CaptureFault.REFUSED),
    (PermissionError, CaptureFault.NOT_PERMITTED),
    (TimeoutError, CaptureFault.TIMEOUT),
    (av.error.ExitError, CaptureFault.TIMEOUT),
    (EOFError, CaptureFault.ENDED),
    (ConnectionError, CaptureFault.ENDED),
    (av.error.InvalidDataError, CaptureFault.NOT_VIDEO),
)
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EIO}


def fault_of(error: BaseException) -> CaptureFault:
    """Return the class of an error of FFmpeg's or the system's."""
    for kind, fault in _FAULTS:
        if isinstance(error, kind):
            return fault
    return CaptureFault.UNREACHABLE if getattr(error, "errno", None) in _UNREACHABLE else CaptureFault.BROKEN


@contextmanager
def open_source(
    source: Source, credentials: Credentials | None, patience: tuple[float, float] = PATIENCE_SECONDS
) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a source and choose its video stream; nothing else of it is read.

    Args:
      source: What to open.
      credentials: Whom to say that we are.
      patience: How long a camera may take to answer, and to send the next packet: one whose cable was pulled says
        no word.

    Raises:
      CaptureError: it gives no pictures, with the reason.
    """
    began_us = boot_us()
    try:
        container = av.open(
            url_of(source, credentials), mode="r", format=_FORMATS.get(source.kind), options=_options(source),
            metadata_errors="ignore", timeout=None if source.kind == "file" else patience,
        )  # fmt: skip
    except (FFmpegError, OSError) as error:
        # Of a camera that says no word, FFmpeg says that what it said was invalid.
        silent = source.kind != "file" and boot_us() - began_us >= patience[0] * SECOND_US
        raise CaptureError(CaptureFault.TIMEOUT if silent else fault_of(error)) from None
    with container:
        try:
            stream = choose_stream(container, BOUNDLESS)
        except ClipError:
            raise CaptureError(CaptureFault.UNUSABLE_STREAM) from None
        yield container, stream


def _options(source: Source) -> dict[str, str]:
    match source.kind:
        case "rtsp":
            return _RTSP | {"rtsp_transport": source.transport}
        case "device":
            return dict(source.options)
        case "file":
            return input_options("file")


class Reader(threading.Thread):
    """Reads packets into memory as they come, so that whatever is slow after it is not taken for the camera's delay.

    Args:
      source: What is read.
      container: It, open.
      stream: Its video stream.
    """

    def __init__(self, source: Source, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        super().__init__(name="reader", daemon=True)
        self._source, self._container, self._stream = source, container, stream
        self._waiting: deque[Picture] = deque()
        self._bytes = 0
        self._ended: CaptureFault | None = None
        self._stopped = False
        self._changed = threading.Condition()

    def take(self, seconds: float) -> Picture | None:
        """Return the next packet, None if none comes within some seconds.

        Raises:
          CaptureError: there will be no more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended, seconds)
            if self._waiting:
                picture = self._waiting.popleft()
                self._bytes -= picture.size
                self._changed.notify_all()
                return picture
            if self._ended:
                raise CaptureError(self._ended)
            return None

    def stop(self) -> None:
        """Have no more read."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def run(self) -> None:
        """Read until the end, a fault, or `stop`."""
        fault = CaptureFault.BROKEN
        try:
            unit_us = SECOND_US * (self._stream.time_base or 1)
            paced = self._source.kind == "file" and not self._source.fast
            began_us = over_us = 0
            for packet in packets_of(self._container, self._stream):
                if packet.is_discard:
                    continue
                stamp_us = None if packet.pts is None else round(packet.pts * unit_us)
                if paced and stamp_us is not None:
                    began_us = began_us or boot_us() - stamp_us
                    over_us = max(over_us, began_us + stamp_us + round((packet.duration or 0) * unit_us))
                    self._wait_until(began_us + stamp_us)
                if not self._put(Picture(packet, stamp_us, boot_us(), packet.is_keyframe, packet.size)):
                    break
            self._wait_until(over_us)  # the last picture is shown for a while
            fault = CaptureFault.ENDED
        except (FFmpegError, OSError) as error:
            fault = fault_of(error)
        finally:
            with self._changed:
                self._ended = fault
                self._changed.notify_all()

    def _wait_until(self, moment_us: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, max(0.0, (moment_us - boot_us()) / SECOND_US))

    def _put(self, picture: Picture) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._bytes < _MOST_WAITING_BYTES)
            if self._stopped:
                return False
            self._waiting.append(picture)
            self._bytes += picture.size
            self._changed.notify_all()
        return True
