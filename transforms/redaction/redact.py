"""Redaction of one clip: look, cover, measure what another detector still finds, cover more, encode.

Decoded three times, a frame at a time, so that memory holds no more than a few pictures and the encoded clip. All
masks follow from this clip alone. It fails closed: where the picture is such that no detector could have seen
anybody, or something is found even after more was covered, frames are covered whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from schemas.card import Role
from transforms.boxes import Floats
from transforms.decode import Frame, OpenClip
from transforms.encode import Encoder
from transforms.masks import rasterise
from transforms.redaction.covers import NOTHING, Covers, covers_of, outermost
from transforms.redaction.detecting import Detecting
from transforms.redaction.eyes import Eye, Eyes
from transforms.redaction.fill import covered, covered_whole
from transforms.redaction.leaks import Measure, around, leaks, measured_at, more_covers
from transforms.redaction.scan import LOOK_US, DetectingViewer, MotionViewer, Scan, scan
from transforms.redaction.tracks import track
from transforms.redaction.what import Redaction, region, with_margin

Opens = Callable[[], AbstractContextManager[OpenClip]]
"""Opens the clip anew."""
Tell = Callable[[str, int], None]
"""Is told the step at hand, and how far into the clip it is, microseconds."""

ROUNDS = 3
"""How often more is covered where something was left, before the frame is covered whole."""

Polygons = tuple[tuple[tuple[float, float], ...], ...]
Stretches = Sequence[tuple[int, int]]


class RedactionError(Exception):
    """A clip that can be decoded, but not be encoded again. The text is the reason alone, nothing of the clip."""


@dataclass(frozen=True)
class Redacted:
    """A redacted clip.

    Attributes:
      payload: Its bytes: an MP4 with H.264.
      measure: What is known of it.
    """

    payload: bytes = field(repr=False)
    measure: Measure


def redact(
    opens: Opens,
    redaction: Redaction,
    eyes: Eyes,
    *,
    masks: Polygons = (),
    watched: Callable[[int], bool] = lambda offset_us: True,
    threads: int = 1,
    tell: Tell = lambda step, offset_us: None,
) -> Redacted:
    """Redact a clip; the same clip, models and arguments give the same bytes.

    Frames keep their times and the last its end, the picture its size and orientation. Nothing else is carried over.

    Args:
      opens: Opens it.
      redaction: What is covered, and how.
      eyes: What looks.
      masks: Parts of the picture that are black throughout, corners normalised.
      watched: Whether a frame may be seen at all, by its time since the first.
      threads: Detections made at once.
      tell: Is told how far it is.

    Raises:
      ClipError: it cannot be decoded right.
      RedactionError: it cannot be encoded.
    """
    with ExitStack() as held:
        executor = held.enter_context(ThreadPoolExecutor(threads)) if threads > 1 else None
        seen = _look(opens, eyes.masker, executor, tell)
        work = _Work(opens, redaction, eyes.auditor, masks, executor, tell)
        covers, wholes = _first_covers(seen, redaction), _blind(seen)
        chosen = measured_at(seen)
        found = work.measure(seen, covers, wholes, chosen)
        measured, before = len(found), _count(found)
        for _ in range(ROUNDS):
            if not _count(found):
                break
            covers |= more_covers(redaction.what, eyes.auditor.card.role, seen, chosen, found)
            leaking = [[each for each in times if len(found.get(each, ()))] for times in chosen]
            found = work.measure(seen, covers, wholes, leaking)
        for scene, times in zip(seen.scenes, chosen, strict=True):
            leaking_still = [len(found.get(each, ())) > 0 for each in times]
            wholes += around(times, scene.begin_us, scene.end_us, leaking_still)
        payload, whole, unwatched = work.encode(seen, covers, wholes, watched)
    return Redacted(payload, Measure(len(seen.times_us), whole, unwatched, measured, before, _count(found)))


def _count(found: Mapping[int, Floats]) -> int:
    return sum(map(len, found.values()))


def _look(opens: Opens, masker: Eye | None, executor: Executor | None, tell: Tell) -> Scan:
    with opens() as clip:
        if masker is None:
            return scan(clip, MotionViewer(clip), lambda offset_us: tell("looking", offset_us))
        viewer = DetectingViewer(Detecting(clip, masker.for_clip(clip.width, clip.height), executor))
        return scan(clip, viewer, lambda offset_us: tell("looking", offset_us))


def _first_covers(seen: Scan, redaction: Redaction) -> Covers:
    covers = NOTHING
    role: Role = "face" if redaction.what == "faces" else "person"
    for scene in seen.scenes:
        regions = [
            outermost(with_margin(redaction.what, role, region(redaction.what, role, boxes))) for boxes in scene.seen
        ]
        covers |= covers_of(track(scene.looks_us, regions, LOOK_US), scene.begin_us, scene.end_us, LOOK_US)
    return covers


def _blind(seen: Scan) -> list[tuple[int, int]]:
    return [
        stretch
        for scene in seen.scenes
        for stretch in around(scene.looks_us, scene.begin_us, scene.end_us, scene.blind)
    ]


class _Work:
    """The later passes over a clip."""

    def __init__(
        self, opens: Opens, redaction: Redaction, auditor: Eye, masks: Polygons, executor: Executor | None,
        tell: Tell,
    ) -> None:  # fmt: skip
        self._opens, self._redaction, self._auditor = opens, redaction, auditor
        self._masks, self._executor, self._tell = masks, executor, tell

    def measure(
        self, seen: Scan, covers: Covers, wholes: Stretches, chosen: Sequence[Sequence[int]]
    ) -> dict[int, Floats]:
        """Return the leaks on each chosen frame that is not covered whole, by its time."""
        times = {each for scene in chosen for each in scene if not _within(wholes, each)}
        if not times:
            return {}
        looked: list[int] = []
        with self._opens() as clip:
            auditor = self._auditor.for_clip(clip.width, clip.height)
            detecting, blank = Detecting(clip, auditor, self._executor), self._blank(clip)
            for frame in clip.frames():
                if frame.offset_us in times:
                    picture = covered(frame.picture, _shares(clip, covers, frame), self._redaction.fill, blank)
                    detecting.add(clip.scale(picture, *detecting.size, detecting.colour))
                    looked.append(frame.offset_us)
                self._tell("measuring", frame.offset_us)
                if len(looked) == len(times):
                    break
            return {
                each: leaks(self._redaction.what, self._auditor.card.role, *found, covers.at(each), seen.aspect)
                for each, found in zip(looked, detecting.found(), strict=True)
            }

    def encode(
        self, seen: Scan, covers: Covers, wholes: Stretches, watched: Callable[[int], bool]
    ) -> tuple[bytes, int, int]:
        """Return the clip, how many frames were covered whole, and how many besides since nobody may see them."""
        whole = unwatched = 0
        try:
            with self._opens() as clip:
                blank, encoder = self._blank(clip), None
                for frame in clip.frames():
                    if encoder is None:
                        encoder = Encoder(frame.picture, float(clip.frame_rate or 25), clip.pixel_aspect)
                    if not watched(frame.offset_us):
                        unwatched += 1
                        picture = covered_whole(frame.picture)
                    elif _within(wholes, frame.offset_us):
                        whole += 1
                        picture = covered_whole(frame.picture)
                    else:
                        picture = covered(frame.picture, _shares(clip, covers, frame), self._redaction.fill, blank)
                    encoder.add(picture, frame.offset_us)
                    self._tell("encoding", frame.offset_us)
                assert encoder is not None  # the first pass found frames
                return encoder.finish(seen.end_us), whole, unwatched
        except FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            raise RedactionError("unencodable") from None

    def _blank(self, clip: OpenClip) -> NDArray[np.bool_] | None:
        mask = rasterise(self._masks, *clip.stored, clip.stored, clip.colour_cell)
        return None if mask is None else clip.orientation.turn_mask_back(~mask.visible)


def _shares(clip: OpenClip, covers: Covers, frame: Frame) -> Floats:
    """Return what is covered of a frame, as shares of width and height of the picture as decoded."""
    aspect = clip.width / clip.height
    return clip.orientation.turn_back(covers.at(frame.offset_us) / np.array([aspect, 1, aspect, 1]))


def _within(stretches: Stretches, offset_us: int) -> bool:
    return any(begin <= offset_us <= end for begin, end in stretches)
