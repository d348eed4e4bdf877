"""Decodes a stream and encodes it again, where it cannot be cut as it is."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.error import FFmpegError

from pipeline.edge.groups import Picture
from pipeline.edge.pieces import GAP_US, Begin, Limits, Piece, usual_interval_us
from pipeline.edge.timeline import Line
from schemas.clock import SECOND_US
from transforms.encode import Encoder
from transforms.frame_times import FrameClock

_USUAL_RATE = 25
_FULL = 3 / 4  # of a clip's bytes: the next picture must find room


class Reencoder:
    """Makes clips of one length from a stream, a picture at a time.

    Args:
      stream: The stream; its decoder is used, and left as new.
      begin: Gives each clip its times.
      limits: What clips are cut to.
      rate: Frames a second, as the stream says.
      reason: Why it must be done.
    """

    def __init__(
        self, stream: av.VideoStream, begin: Begin, limits: Limits, rate: Fraction | None, reason: str
    ) -> None:
        self._stream, self._begin, self._limits, self.reason = stream, begin, limits, reason
        self._rate = rate or Fraction(_USUAL_RATE)
        self._clock: FrameClock | None = None
        self._first_us: int | None = None
        self._origin_us = 0
        self._damaged = False
        self._encoder: Encoder | None = None
        self._line: Line | None = None
        self._size = (0, 0)
        self._start_us = self._last_us = self._frames = 0

    def feed(self, picture: Picture) -> Iterator[Piece]:
        """Take the next packet; yield the clips that end before it.

        Packets after damage are passed over until a keyframe.
        """
        if self._damaged and not picture.keyframe:
            return
        self._damaged = False
        if self._first_us is None:
            self._first_us = picture.stamp_us
        try:
            frames = self._stream.decode(picture.packet)
        except FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            self._damaged, self._first_us = True, None
            self._stream.codec_context.flush_buffers()
            yield from self._end(None)
            return
        for frame in frames:
            yield from self._take(frame)

    def finish(self, end_us: int | None) -> Iterator[Piece]:
        """Yield what is left.

        Args:
          end_us: When the next picture is shown, in the stream's time; None where none follows.
        """
        try:
            frames = self._stream.decode(None)
        except FFmpegError:
            frames = []
        self._stream.codec_context.flush_buffers()
        for frame in frames:
            yield from self._take(frame)
        yield from self._end(end_us)

    def _take(self, frame: av.VideoFrame) -> Iterator[Piece]:
        if self._clock is None:  # it counts from this frame, which need not be of the first packet
            unit = self._stream.time_base or Fraction(1, SECOND_US)
            self._clock = FrameClock(unit, 1 / self._rate)
            self._origin_us = (self._first_us or 0) if frame.pts is None else round(frame.pts * unit * SECOND_US)
        stamp_us = self._origin_us + self._clock.offset_us(frame.pts)
        if self._encoder is not None:
            if stamp_us - self._last_us > GAP_US:
                yield from self._end(None)
            elif (
                stamp_us - self._start_us >= self._limits.length_us
                or self._encoder.size > self._limits.most_bytes * _FULL
                or (frame.width, frame.height) != self._size
            ):
                yield from self._end(stamp_us)
        if self._encoder is None:
            self._line, self._start_us, self._frames = self._begin(stamp_us), stamp_us, 0
            self._size = frame.width, frame.height
            self._encoder = Encoder(frame, float(self._rate), self._stream.sample_aspect_ratio, live=True)
        assert self._line is not None
        self._encoder.add(frame, self._line.at(stamp_us) - self._line.at(self._start_us))
        self._last_us, self._frames = stamp_us, self._frames + 1

    def _end(self, end_us: int | None) -> Iterator[Piece]:
        """End the clip at hand, if there is one; at the end of its last picture where none follows."""
        if self._encoder is None or self._line is None:
            return
        encoder, self._encoder = self._encoder, None
        if end_us is None or end_us - self._last_us > GAP_US:
            rate = float(self._rate)
            end_us = self._last_us + usual_interval_us(self._start_us, self._last_us, self._frames, rate)
        start_us, until_us = self._line.at(self._start_us), self._line.at(end_us)
        payload = encoder.finish(until_us - start_us)
        yield Piece(self._line, start_us, until_us, self._frames, "h264", payload, self.reason)
