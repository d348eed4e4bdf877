"""Cuts a live stream into clips at keyframes, as it is; what cannot be cut so is encoded again."""

from __future__ import annotations

from collections.abc import Iterator

import av

from pipeline.clip_writer import can_hold, remuxed
from pipeline.edge.groups import Gate, Group, Picture
from pipeline.edge.pieces import GAP_US, Begin, Limits, Piece, usual_interval_us
from pipeline.edge.reencoder import Reencoder
from transforms.decode import frame_rate


class Cutter:
    """Cuts one connection's pictures into clips; memory holds one clip and one group of pictures.

    A clip ends at the first keyframe `length_us` after its start. A group of pictures that is too long or too large for
    a clip is encoded again, and so is what follows, up to a keyframe that ends a group which is neither.

    Args:
      stream: The stream, open as long as clips are cut.
      begin: Gives each clip its times; called in order of time.
      limits: What clips are cut to.
    """

    def __init__(self, stream: av.VideoStream, begin: Begin, limits: Limits) -> None:
        self._stream, self._begin, self._limits = stream, begin, limits
        self._codec = stream.codec_context.codec.canonical_name
        self._rate = frame_rate(stream)
        self._always = _why_always(stream, self._codec)
        self._gate = Gate()
        self._whole: list[Group] = []
        self._open: Group | None = None
        self._encoding: Reencoder | None = None

    def feed(self, picture: Picture) -> Iterator[Piece]:
        """Take the next packet; yield the clips that end before it."""
        for passed, starts in self._gate.feed(picture):
            yield from self._take(passed, starts)

    def flush(self) -> Iterator[Piece]:
        """Yield what is left when nothing follows, and begin anew."""
        for passed, starts in self._gate.flush():
            yield from self._take(passed, starts)
        if self._encoding is not None:
            yield from self._encoding.finish(None)
        else:
            yield from self._close(None)
            yield from self._copied(None)
        self._gate, self._open, self._encoding = Gate(), None, None

    def _take(self, picture: Picture, starts: bool) -> Iterator[Piece]:
        if starts and picture.stamp_us is not None:
            yield from self._close(picture.stamp_us)
            self._open = Group(picture.stamp_us)
        group = self._open
        if group is None:
            return
        reason = self._unfit(group, picture)
        group.add(picture)
        if self._encoding is None and reason is not None:
            yield from self._copied(group.start_us)
            self._encoding = Reencoder(self._stream, self._begin, self._limits, self._rate, reason)
            for held in group.pictures:
                yield from self._encoding.feed(held)
        elif self._encoding is not None:
            yield from self._encoding.feed(picture)
        if self._encoding is not None:
            group.forget()

    def _close(self, end_us: int | None) -> Iterator[Piece]:
        """End the open group, and the clip if it is long enough, at a keyframe or where nothing follows."""
        group, self._open = self._open, None
        if group is None:
            return
        until_us = group.latest_us if end_us is None else end_us
        if self._encoding is not None:
            if self._always is None and end_us is not None and self._fits(group, end_us):
                yield from self._encoding.finish(end_us)
                self._encoding = None
            return
        if self._whole and not self._fits(group, until_us, self._whole):
            yield from self._copied(group.start_us)
        self._whole.append(group)
        if end_us is not None and end_us - self._whole[0].start_us >= self._limits.length_us - self._tolerance_us():
            yield from self._copied(end_us)

    def _copied(self, end_us: int | None) -> Iterator[Piece]:
        """Yield the whole groups as one clip, its packets as they came."""
        groups, self._whole = self._whole, []
        if not groups:
            return
        pictures = [picture for group in groups for picture in group.pictures]
        stamps = [stamp for picture in pictures if (stamp := picture.stamp_us) is not None]
        first_us, last_us = groups[0].start_us, max(stamps)
        if end_us is None or end_us - last_us > GAP_US:
            rate = float(self._rate) if self._rate else None
            end_us = last_us + usual_interval_us(first_us, last_us, len(stamps), rate)
        line = self._begin(first_us)
        start_us, until_us = line.at(first_us), line.at(end_us)
        times_us = [line.at(stamp) - start_us for stamp in stamps]
        payload = remuxed(self._stream, [picture.packet for picture in pictures], times_us, until_us - start_us)
        yield Piece(line, start_us, until_us, len(pictures), self._codec, payload)

    def _unfit(self, group: Group, picture: Picture) -> str | None:
        """Return why a group with this picture cannot be cut as it is."""
        stamp_us, limits = picture.stamp_us, self._limits
        if self._always is not None:
            return self._always
        if stamp_us is None or stamp_us in group.stamps:
            return "its frames carry no times of their own"
        if group.pictures and stamp_us - group.latest_us > GAP_US:
            return f"pictures are missing for more than {GAP_US // 1_000_000} s between keyframes"
        if stamp_us - group.start_us > limits.longest_us:
            if group.keyframes > 1:
                return "its groups of pictures need one another (open GOP)"
            return f"its keyframes are further apart than {limits.longest_us / 1e6:g} s"
        if group.bytes + picture.size > limits.most_picture_bytes:
            return "a group of pictures is larger than a clip may be"
        return None

    def _fits(self, group: Group, until_us: int, before: list[Group] | None = None) -> bool:
        """Return whether a group, with those before it, makes a clip."""
        groups = [*(before or ()), group]
        long_us = until_us - groups[0].start_us
        return long_us <= self._limits.longest_us and sum(g.bytes for g in groups) <= self._limits.most_picture_bytes

    def _tolerance_us(self) -> int:
        """Half a frame: a keyframe that comes a hair early ends the clip all the same."""
        return usual_interval_us(0, 0, 1, float(self._rate) if self._rate else None) // 2


def _why_always(stream: av.VideoStream, codec: str) -> str | None:
    """Return why all of a stream must be encoded again."""
    if codec == "rawvideo":  # a clip would hold some tenths of a second
        return "its pictures are not compressed"
    return None if can_hold(stream) else f"MP4 does not hold {codec}"
