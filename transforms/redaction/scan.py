"""The first pass over a clip: its times, its scenes, and what is seen in it a few times a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from transforms.boxes import Floats
from transforms.decode import Frame, OpenClip
from transforms.picture import Flaw, PictureCheck
from transforms.redaction.detecting import Detecting
from transforms.redaction.motion import HEIGHT, WIDEST, moving

LOOK_US = 200_000
"""Time between two looks; a picture at a change of scenes is looked at besides."""
_HALF_US = LOOK_US // 2
_CUT = 16  # of 255, the mean difference of two pictures, coarsely sampled, that are not of one scene
_COARSE = 18, 32
_BLIND = Flaw.DARK | Flaw.BLURRED | Flaw.COVERED
"""In such a picture a detector that finds nobody has said nothing."""

Picture = NDArray[np.uint8]


class Viewer(Protocol):
    """Looks at pictures of one clip, in order of time."""

    def look(self, frame: Frame) -> Picture:
        """Take a frame; returns the picture that it is judged by."""

    def pass_by(self, frame: Frame) -> None:
        """Take a frame between two looks."""

    def seen(self, scenes: Sequence[range]) -> list[Floats]:
        """Return the (N, 4) boxes in picture heights of each look, now that all were taken.

        Args:
          scenes: Looks of each scene, by number.
        """


class DetectingViewer:
    """Looks with a detector."""

    def __init__(self, detecting: Detecting) -> None:
        self._detecting = detecting

    def look(self, frame: Frame) -> Picture:
        """Take a frame; returns the picture that it is judged by."""
        picture = frame.content(*self._detecting.size, self._detecting.colour)
        self._detecting.add(picture)
        return picture

    def pass_by(self, frame: Frame) -> None:
        """Let a frame pass: between two looks, covers bridge."""

    def seen(self, scenes: Sequence[range]) -> list[Floats]:
        """Return the boxes of each look, those of which the detector is hardly sure among them."""
        return [found.boxes for found in self._detecting.found()]


class MotionViewer:
    """Looks for what moves; of the frames between two looks it keeps what changed.

    Args:
      clip: The clip, for its size.
    """

    def __init__(self, clip: OpenClip) -> None:
        scale = min(HEIGHT / clip.height, WIDEST / clip.width)
        self._size = max(2, round(clip.width * scale / 2) * 2), max(2, round(clip.height * scale / 2) * 2)
        self._last: Picture | None = None
        self._changed = np.zeros(self._size[::-1], np.uint8)
        self._greys: list[Picture] = []
        self._changes: list[Picture] = []

    def look(self, frame: Frame) -> Picture:
        """Take a frame; returns the picture that it is judged by."""
        picture = self._take(frame)
        assert self._last is not None
        self._greys.append(self._last)
        self._changes.append(self._changed)
        self._changed = np.zeros_like(self._last)
        return picture

    def pass_by(self, frame: Frame) -> None:
        """Note what changed on a frame that is not looked at."""
        self._take(frame)

    def seen(self, scenes: Sequence[range]) -> list[Floats]:
        """Return the boxes around what moves in each look."""
        return [
            boxes
            for scene in scenes
            for boxes in moving([self._greys[look] for look in scene], [self._changes[look] for look in scene])
        ]

    def _take(self, frame: Frame) -> Picture:
        picture = frame.content(*self._size)
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        if self._last is not None:
            self._changed = cv2.max(self._changed, cv2.absdiff(grey, self._last))
        self._last = grey
        return picture


@dataclass(frozen=True, eq=False)
class Scene:
    """Pictures taken in one go from one place.

    Attributes:
      begin_us: Its first frame, since the clip's first.
      end_us: Its last one.
      looks_us: When it was looked at: its first and its last frame, and between.
      seen: (N, 4) what was seen then, in picture heights.
      blind: Whether the picture was such that nobody could have been seen.
    """

    begin_us: int
    end_us: int
    looks_us: tuple[int, ...]
    seen: tuple[Floats, ...]
    blind: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class Scan:
    """What the first pass found.

    Attributes:
      times_us: Time of each frame since the first.
      end_us: End of the last one.
      scenes: In order; they hold every frame.
      aspect: Width of the picture in its heights.
    """

    times_us: tuple[int, ...]
    end_us: int
    scenes: tuple[Scene, ...]
    aspect: float


def scan(clip: OpenClip, viewer: Viewer, tell: Callable[[int], None]) -> Scan:
    """Look through a clip.

    Args:
      clip: The clip, nothing of it read so far.
      viewer: Is shown some of its frames.
      tell: Is told the time of each frame.

    Raises:
      ClipError: the clip cannot be decoded right.
    """
    checks = [PictureCheck()]
    times: list[int] = []
    looks: list[int] = []
    blind: list[bool] = []
    bounds = [0]
    end_us = 0

    def look(frame: Frame) -> None:
        looks.append(frame.offset_us)
        blind.append(bool(checks[-1].update(frame.offset_us, viewer.look(frame)) & _BLIND))

    for frame, begins, ends in _with_cuts(clip.frames()):
        times.append(frame.offset_us)
        if begins and looks:
            bounds.append(len(looks))
            checks.append(PictureCheck())  # it looks once a second, and a light that goes out is news
        if begins or ends or frame.offset_us - looks[-1] > LOOK_US - _HALF_US // 5:
            look(frame)
        else:
            viewer.pass_by(frame)
        if ends:
            end_us = end_of(clip, frame)
        tell(frame.offset_us)
    parts = [range(*pair) for pair in zip(bounds, [*bounds[1:], len(looks)], strict=True)]
    seen = viewer.seen(parts)

    def scene(part: range) -> Scene:
        times_us = tuple(looks[look] for look in part)
        return Scene(
            times_us[0], times_us[-1], times_us, tuple(seen[look] for look in part), tuple(blind[look] for look in part)
        )

    return Scan(tuple(times), end_us, tuple(map(scene, parts)), clip.width / clip.height)


def end_of(clip: OpenClip, frame: Frame) -> int:
    """Return when a frame ends: what it says, or one usual interval later."""
    duration = frame.picture.duration
    shown = duration * clip.time_base if duration else 1 / (clip.frame_rate or Fraction(25))
    return frame.offset_us + max(1, round(shown * clip.time_scale * 1_000_000))


def _with_cuts(frames: Iterator[Frame]) -> Iterator[tuple[Frame, bool, bool]]:
    """Yield each frame, whether it is the first of a scene, and whether it is the last."""
    before: Frame | None = None
    coarse: NDArray[np.int16] | None = None
    begins = True
    for frame in frames:
        sampled = _sampled(frame)
        if before is not None and coarse is not None:
            cut = bool(np.abs(sampled - coarse).mean() > _CUT)
            yield before, begins, cut
            begins = cut
        before, coarse = frame, sampled
    if before is not None:
        yield before, begins, True


def _sampled(frame: Frame) -> NDArray[np.int16]:
    """Return a coarse picture: pixels here and there, not scaled, which would take longer than all else."""
    picture = frame.picture
    first = picture.format.components[0]
    if picture.format.is_rgb or first.bits != 8 or not first.is_luma or len(picture.planes) < 2:
        return frame.content(_COARSE[1], _COARSE[0])[:, :, 1].astype(np.int16)
    plane = picture.planes[0]
    lines = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
    rows, columns = (np.arange(count) * size // count for count, size in zip(_COARSE, lines.shape, strict=True))
    return lines[np.ix_(rows, columns)].astype(np.int16)
