"""One camera, from its source to the spool: connects, cuts, writes envelopes, seals; comes back after every fault."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import av

from pipeline.edge.backoff import Backoff
from pipeline.edge.capture import CaptureError, CaptureFault, Reader, open_source
from pipeline.edge.clock import Clock
from pipeline.edge.credentials import Credentials
from pipeline.edge.cutter import Cutter
from pipeline.edge.groups import Picture
from pipeline.edge.pieces import Limits, Piece
from pipeline.edge.redactor import Redactor
from pipeline.edge.sources import Source
from pipeline.edge.spool import Dropped, Spool
from pipeline.edge.status import AgentState
from pipeline.edge.timeline import LiveTimes, RecordedTimes, Times
from schemas.clock import SECOND_US
from schemas.envelope import SCHEMA_VERSION, Envelope
from transforms.decode import ClipError, frame_rate
from transforms.redaction.redact import RedactionError
from transforms.sealing import Keys, seal

_log = logging.getLogger(__name__)

_SETTLE_US = 2 * SECOND_US
"""What came in this time after a source was opened may have waited in it, and is looked at together."""
_MOST_REORDERED = 17  # pictures, in any codec
_JUMP_BACK_US = 2 * SECOND_US
_TAKE_SECONDS = 0.2


@dataclass(frozen=True)
class Camera:
    """A camera of the site, and where its pictures come from."""

    site: str
    name: str
    source: Source
    credentials: Credentials | None = field(default=None, repr=False)


class Recorder(threading.Thread):
    """Records one camera until it is stopped, or its file has ended; no fault ends it.

    Args:
      camera: What to record.
      limits: What clips are cut to.
      clock: True time.
      spool: Where clips go.
      state: Is told what happens.
      keys: Payloads are sealed with the first; None or empty leaves them as they are.
      redactor: Covers clips before they are kept; None leaves them as they are.
    """

    def __init__(
        self, camera: Camera, limits: Limits, clock: Clock, spool: Spool, state: AgentState, keys: Keys | None,
        redactor: Redactor | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name=f"recorder-{camera.name}", daemon=True)
        self._camera, self._limits, self._clock = camera, limits, clock
        self._spool, self._state, self._keys, self._redactor = spool, state, keys, redactor
        self._key_id = next(iter(keys), None) if keys else None
        self._stopping = threading.Event()
        self._backoff = Backoff()
        self._sequences: Counter[str] = Counter()
        self._told: set[str] = set()
        self._kept_any = self._recording = False
        self.finished = threading.Event()
        """Set once nothing more will come of it."""
        self.failed = False
        """Whether the source is a file that could not be recorded to its end."""

    def stop(self) -> None:
        """Have the clip at hand finished and no other begun."""
        self._stopping.set()
        if not self._recording:  # but perhaps waiting for a camera to answer
            self.finished.set()

    def run(self) -> None:
        """Record until `stop`, or the end of a file."""
        try:
            while not self._stopping.is_set():
                self._kept_any = False
                reason = self._connect()
                if self._stopping.is_set() or self._is_over(reason):
                    break
                self._state.lost(self._camera.name, reason)
                if self._camera.source.loop and self._kept_any:
                    continue
                wait_s = self._backoff.failed()
                _log.warning("camera %s: no pictures (%s), trying again in %.1f s", self._camera.name, reason, wait_s)
                self._stopping.wait(wait_s)
        finally:
            self.finished.set()

    def _is_over(self, reason: str) -> bool:
        """Return whether the source is a file that is done with; another try would find nothing else."""
        source = self._camera.source
        if source.kind != "file" or (source.loop and reason == CaptureFault.ENDED):
            return False
        self.failed = reason != CaptureFault.ENDED
        self._state.lost(self._camera.name, reason if self.failed else "", finished=True)
        _log.log(logging.ERROR if self.failed else logging.INFO, "camera %s: %s", self._camera.name, reason)
        return True

    def _connect(self) -> str:
        """Record one connection; returns the class of what ended it."""
        source = self._camera.source
        try:
            with open_source(source, self._camera.credentials) as (container, stream):
                self._state.connected(self._camera.name)
                _log.info("camera %s: connected", self._camera.name)
                reader = Reader(source, container, stream)
                reader.start()
                self._recording = True
                try:
                    self._record(stream, reader)
                finally:
                    self._recording = False
                    if self._stopping.is_set():
                        self.finished.set()
                    reader.stop()
                    # It reads for as long as its limit at most; the container must not be closed under it.
                    reader.join()
        except CaptureError as error:
            return error.reason.value
        except Exception as error:  # its text may quote anything
            return type(error).__name__
        return CaptureFault.ENDED.value

    def _record(self, stream: av.VideoStream, reader: Reader) -> None:
        """Cut what comes until the source ends or the agent does, and keep what is at hand then."""
        self._sequences.clear()
        claimed = frame_rate(stream)
        rate = float(claimed) if claimed else None
        start_us = self._camera.source.start_us
        times: Times = LiveTimes(self._clock.now) if start_us is None else RecordedTimes(start_us)
        cutter = Cutter(stream, times.begin, self._limits)
        latest_us: int | None = None
        try:
            for picture in self._settled(reader, times, rate):
                stamp_us = picture.stamp_us
                if stamp_us is not None:
                    if latest_us is not None and stamp_us < latest_us - _JUMP_BACK_US:
                        raise CaptureError(CaptureFault.TIMES_JUMPED)
                    latest_us = stamp_us if latest_us is None else max(stamp_us, latest_us)
                if picture.packet.is_corrupt:
                    # The job takes no damaged clip: end it before, and begin again at a keyframe.
                    self._keep_all(cutter.flush(), rate)
                else:
                    self._keep_all(cutter.feed(picture), rate)
        finally:
            self._keep_all(cutter.flush(), rate)

    def _settled(self, reader: Reader, times: Times, rate: float | None) -> Iterator[Picture]:
        """Yield packets as they come, the first ones together once the source has settled.

        A first keyframe without a time, as live streams have it, is shown one interval before the earliest after it.
        """
        first: list[Picture] | None = []
        while not self._stopping.is_set() or first:
            ended: CaptureError | None = None
            picture = None
            try:
                if not self._stopping.is_set():
                    picture = reader.take(_TAKE_SECONDS)
            except CaptureError as error:
                ended = error
            if picture is not None:
                times.saw(picture.stamp_us, picture.arrival_us)
                if first is None:
                    yield picture
                    continue
                first.append(picture)
            if first and (ended or self._stopping.is_set() or _has_settled(first)):
                yield from _with_first_time(first, rate)
                first = None
            if ended is not None:
                raise ended

    def _keep_all(self, pieces: Iterator[Piece], rate: float | None) -> None:
        for piece in pieces:
            self._keep(piece, rate)

    def _keep(self, piece: Piece, rate: float | None) -> None:
        """Put a clip into the spool, with its envelope as the attributes of the message to be."""
        name, session = self._camera.name, piece.line.session
        self._backoff.worked()
        self._kept_any = True
        if piece.reencoded is not None and piece.reencoded not in self._told:
            self._told.add(piece.reencoded)
            _log.warning("camera %s: encoding again: %s", name, piece.reencoded)
        if self._redactor is not None:
            try:
                piece = self._redactor.redact(piece)
            except (ClipError, RedactionError):  # what cannot be covered is not kept
                self._sequences[session] += 1
                self._spool.give_up(name, Dropped.UNREDACTABLE)
                _log.warning("camera %s: a clip could not be redacted: see --status", name)
                return
        own_rate = piece.frames * SECOND_US / (piece.end_us - piece.start_us)
        envelope = Envelope(
            schema_version=SCHEMA_VERSION,
            site=self._camera.site,
            camera=name,
            session=session,
            sequence=self._sequences[session],
            start_us=piece.start_us,
            end_us=piece.end_us,
            clock_offset_us=piece.line.offset_us,
            # A clip whose own rate is another, as of a camera that slows down at night, says so.
            frame_rate=rate if rate and abs(own_rate / rate - 1) < 0.01 else round(own_rate, 3),
            codec=piece.codec,
            size=len(piece.payload),
            sha256=hashlib.sha256(piece.payload).hexdigest(),
        )
        self._sequences[session] += 1
        payload = piece.payload
        if self._keys and self._key_id is not None:
            envelope = replace(envelope, key_id=self._key_id)
            payload = seal(payload, envelope, self._keys)
        self._state.cut(
            name, session, piece.end_us, envelope.clock_offset_us, reencoded=piece.reencoded is not None
        )  # fmt: skip
        # Pub/Sub would never take it.
        if len(piece.payload) > self._limits.most_bytes:
            kept = self._spool.give_up(name, Dropped.TOO_LARGE)
        else:
            kept = self._spool.put(name, piece.start_us, envelope.to_attributes(), payload)
        if not kept:
            _log.warning("camera %s: a clip could not be kept: see --status", name)


def _has_settled(first: list[Picture]) -> bool:
    waited_us = first[-1].arrival_us - first[0].arrival_us
    stamped = any(picture.stamp_us is not None for picture in first[1:])
    return waited_us >= _SETTLE_US and (stamped or len(first) >= _MOST_REORDERED)


def _with_first_time(first: list[Picture], rate: float | None) -> Iterator[Picture]:
    """Yield pictures, the first of them with a time.

    Raises:
      CaptureError: none of them has one.
    """
    stamps = [picture.stamp_us for picture in first[:_MOST_REORDERED] if picture.stamp_us is not None]
    if not stamps:
        raise CaptureError(CaptureFault.NO_TIMES)
    if first[0].stamp_us is None:
        first[0] = replace(first[0], stamp_us=min(stamps) - round(SECOND_US / (rate or 25)))
    yield from first
