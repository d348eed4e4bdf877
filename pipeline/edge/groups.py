"""Groups of pictures: where a stream may be cut without decoding it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import av


@dataclass(frozen=True)
class Picture:
    """One packet of a video stream.

    Attributes:
      packet: The packet.
      stamp_us: When it is shown, in the stream's own time; None where the stream does not say.
      arrival_us: When it came, since boot.
      keyframe: Whether a decoder may begin with it.
      size: Its bytes.
    """

    packet: av.Packet[av.VideoStream]
    stamp_us: int | None
    arrival_us: int
    keyframe: bool
    size: int


@dataclass
class Group:
    """Pictures from one keyframe at which the stream may be cut to the next, in decoding order."""

    start_us: int
    pictures: list[Picture] = field(default_factory=list)
    stamps: set[int] = field(default_factory=set)
    latest_us: int = 0
    bytes: int = 0
    keyframes: int = 0

    def add(self, picture: Picture) -> None:
        """Add the next picture."""
        self.pictures.append(picture)
        self.bytes += picture.size
        self.keyframes += picture.keyframe
        if picture.stamp_us is not None:
            self.stamps.add(picture.stamp_us)
            self.latest_us = max(self.latest_us, picture.stamp_us)

    def forget(self) -> None:
        """Let go of the pictures, and keep what is known of the group."""
        self.pictures.clear()
        self.stamps.clear()


class Gate:
    """Tells at which keyframes a clip may begin: all pictures before are shown before it, and all after it after it.

    What follows a keyframe and is shown before it follows at once, in every codec; so one picture more tells.
    """

    def __init__(self) -> None:
        self._held: Picture | None = None
        self._first_us: int | None = None
        self._latest_us: int | None = None

    def feed(self, picture: Picture) -> Iterator[tuple[Picture, bool]]:
        """Take the next picture; yield pictures in their order, and of each whether a clip may begin with it."""
        stamp_us = picture.stamp_us
        if self._first_us is None:
            if picture.keyframe and stamp_us is not None:
                self._held, self._first_us = picture, stamp_us
            return  # what comes before the first keyframe cannot be decoded
        if self._held is not None:
            held, self._held = self._held, None
            after = stamp_us is not None and held.stamp_us is not None and stamp_us > held.stamp_us
            yield self._passed(held), after or held.stamp_us == self._first_us
        if stamp_us is not None and stamp_us < self._first_us:
            return  # needs a group from before we came
        if picture.keyframe and stamp_us is not None and (self._latest_us is None or stamp_us > self._latest_us):
            self._held = picture
        else:
            yield self._passed(picture), False

    def flush(self) -> Iterator[tuple[Picture, bool]]:
        """Yield what is held when no more will come."""
        if self._held is not None:
            held, self._held = self._held, None
            yield self._passed(held), True

    def _passed(self, picture: Picture) -> Picture:
        if picture.stamp_us is not None:
            self._latest_us = max(picture.stamp_us, self._latest_us or picture.stamp_us)
        return picture
