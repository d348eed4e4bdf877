"""Camera health: what is wrong with a picture, so that nobody seen is not taken for nobody there.

Judged within one clip, and against the camera's reference where the site file has one, never against other
clips. All thresholds are for pictures at a detector's input size, some 400 pixels wide; the figures beside them
were measured on 13 real clips, and on the same clips blurred, shifted and frozen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntFlag
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.site import REFERENCE_COLUMNS, REFERENCE_LENGTH, REFERENCE_ROWS
from transforms.masks import Mask

Picture = NDArray[np.uint8]

# A scene's look changes little within a second; only freezing is judged from every frame.
_LOOK_EVERY_US = 1_000_000
# Dark: 95% of the picture is below this, of 255. (Real: at least 79. Detectors find nobody below.)
_DARK = 30
# No structure: 97% of the blocks have less than this mean absolute Laplacian. (Real: at least 3.7, an empty car
# park; blurred by 5 pixels: at most 1.6.) Against a reference: the textured blocks kept less than this share of
# their edges, at the median. (Real: at least 0.33, a car filling the picture; blurred by 2 pixels: at most 0.36.)
_FLAT = 2.5
_EDGES_KEPT = 0.3
_TEXTURED = 2.0
# Covered rather than blurred: 90% of the picture within this range of brightness. (Blurred real ones: above 26.)
_UNIFORM = 25
# Frozen: over this time, this share of the steps changed no pixel by more than a decoder repairs in a still
# picture. The rest is for keyframes, which repaint it. (Real: at most 0.51 over three seconds, 0.63 over two, 0.70
# over one; frozen before the encoder: mostly 0.8 and up. A scene without noise that an encoder compressed hard can
# look frozen; a frozen one looked at as seldom as keyframes come can look alive.) Where few frames are looked at,
# over as many steps. A shorter clip is judged whole if it has a few pictures over the shortest time.
_FROZEN_FOR_US = 3_000_000
_FROZEN_SHARE = 0.75
_FROZEN_STEPS = 6
_FROZEN_SHORTEST_US = 2_000_000
_STILL = 5
# Moved: for this time, edges correlate less than this with the reference. (Real: 0.40 and up, but for a car that
# drives through within 2.3 seconds; shifted by a tenth of the width: at most 0.38 and mostly below 0.3; other
# scenes: about 0.) A shorter clip is judged whole, but not where the car could fill it.
_MOVED_FOR_US = 3_000_000
_MOVED_SHORTEST_US = 2_500_000
_ALIKE = 0.35
# A clip of two seconds is one of two seconds also where times were rounded.
_ROUNDING_US = 50_000
_FEWEST_PICTURES = 3


class Flaw(IntFlag):
    """What can be wrong with a picture; several can be at once."""

    DARK = 1
    BLURRED = 2
    COVERED = 4
    FROZEN = 8
    MOVED = 16


class PictureCheck:
    """Judges the pictures of one clip, in time order; a verdict depends on this clip's pictures only.

    Dark, covered and blurred pictures are told at once. Frozen and moved ones are told at the end: each takes
    three seconds, or a whole shorter clip, and then holds from its beginning.

    Args:
      reference: What `reference_of` returned for this camera; without it nothing is found moved, and blur only
        where no block has an edge left.
      mask: The masked part, which is left out.

    Raises:
      ValueError: the reference is not as long as `reference_of` makes it.
    """

    def __init__(self, reference: Sequence[float] | None = None, mask: Mask | None = None) -> None:
        if reference is not None and len(reference) != REFERENCE_LENGTH:
            raise ValueError(f"a reference has {REFERENCE_LENGTH} numbers, this one has {len(reference)}")
        self._reference = None if reference is None else np.asarray(reference, np.float32)
        self._mask = mask
        self._blocks = _visible_blocks(mask)
        self._anything = bool(self._blocks.any())
        self._look = Flaw(0)
        self._next_look_us = 0
        self._last: Picture | None = None
        self._times: list[int] = []
        self._looks: list[Flaw] = []  # one a picture, MOVED for any that is not alike
        self._still: list[bool] = []  # one a step from picture to picture

    def update(self, offset_us: int, picture: Picture) -> Flaw:
        """Return what is wrong at first sight with the next picture, height x width x 3, masked already.

        The picture is kept, and must not be changed, until the next one comes.
        """
        if offset_us >= self._next_look_us:
            self._look = self._judge(picture)
            self._next_look_us = offset_us + _LOOK_EVERY_US
        if self._last is not None:
            self._still.append(self._anything and cv2.norm(picture, self._last, cv2.NORM_INF) <= _STILL)
        self._last = picture
        self._times.append(offset_us)
        self._looks.append(self._look)
        return self._look & ~Flaw.MOVED

    def finish(self) -> list[Flaw]:
        """Return what is wrong with each picture of the clip, now that all are known."""
        times = np.array(self._times, np.int64)
        frozen = _frozen(times, np.array(self._still, np.bool_))
        moved = _moved(times, np.array([Flaw.MOVED in look for look in self._looks], np.bool_))
        return [
            look & ~Flaw.MOVED | Flaw.FROZEN * bool(froze) | Flaw.MOVED * bool(strayed)
            for look, froze, strayed in zip(self._looks, frozen, moved, strict=True)
        ]

    def _judge(self, picture: Picture) -> Flaw:
        if not self._anything:
            return Flaw(0)
        green = cv2.extractChannel(picture, 1)  # carries most of the brightness, and is in the middle either way
        low, high = self._brightness(green)
        if high < _DARK:
            return Flaw.DARK
        edges = _edges(green)[self._blocks]
        reference = None if self._reference is None else self._reference[self._blocks]
        if _without_structure(edges, reference):
            return Flaw.COVERED if high - low < _UNIFORM else Flaw.BLURRED
        return Flaw(0) if reference is None or _alike(edges, reference) >= _ALIKE else Flaw.MOVED

    def _brightness(self, channel: Picture) -> tuple[int, int]:
        """Return the 5th and 95th percentile of what is visible, from every sixth pixel of every sixth row."""
        samples = channel[3::6, 3::6]
        if self._mask is not None:
            samples = samples[self._mask.visible[3::6, 3::6]]
        below = np.cumsum(np.bincount(samples.ravel(), minlength=256))
        return int(np.searchsorted(below, below[-1] * 0.05)), int(np.searchsorted(below, below[-1] * 0.95))


def reference_of(pictures: Iterable[Picture]) -> tuple[float, ...]:
    """Return a camera's reference: the edges of each block as they are most of the time, row by row.

    `REFERENCE_LENGTH` numbers about the place. Whoever is not there in more than half of the pictures leaves no
    trace in them.

    Args:
      pictures: Of the camera as it should be, scaled as for the detector; best of a quiet minute.
    """
    edges = [_edges(cv2.extractChannel(picture, 1)) for picture in pictures]
    if not edges:
        raise ValueError("a reference needs at least one picture")
    return tuple(round(float(edge), 2) for edge in np.median(edges, axis=0))


def _edges(channel: Picture) -> NDArray[np.float32]:
    """Return the mean absolute Laplacian of each block, row by row."""
    return _block_means(cv2.convertScaleAbs(cv2.Laplacian(channel, cv2.CV_16S)))


def _block_means(channel: Picture) -> NDArray[np.float32]:
    blocks = REFERENCE_ROWS, REFERENCE_COLUMNS
    rows, columns = (_bounds(size, count) for size, count in zip(channel.shape, blocks, strict=True))
    corners = cv2.integral(channel)[rows][:, columns]
    sums = corners[1:, 1:] - corners[:-1, 1:] - corners[1:, :-1] + corners[:-1, :-1]
    pixels = np.outer(rows[1:] - rows[:-1], columns[1:] - columns[:-1])
    return np.asarray(sums / np.maximum(pixels, 1), np.float32).ravel()


@lru_cache
def _bounds(size: int, blocks: int) -> NDArray[np.intp]:
    return np.arange(blocks + 1) * size // blocks


def _without_structure(edges: NDArray[np.float32], reference: NDArray[np.float32] | None) -> bool:
    if np.sort(edges)[len(edges) * 97 // 100] < _FLAT:
        return True
    if reference is None:
        return False
    textured = reference > _TEXTURED
    return bool(textured.any() and np.median(edges[textured] / reference[textured]) < _EDGES_KEPT)


def _alike(edges: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Return the correlation of two patterns of edges; 1 where one has no pattern to compare."""
    one, other = np.sqrt(edges), np.sqrt(reference)  # the root keeps one strong edge from deciding alone
    one, other = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / norm if norm > 0 else 1.0


def _visible_blocks(mask: Mask | None) -> NDArray[np.bool_]:
    """Return the blocks that no mask reaches, its own edge included."""
    if mask is None:
        return np.ones(REFERENCE_LENGTH, np.bool_)
    reached = cv2.dilate((~mask.visible).astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(_block_means(reached) == 0, np.bool_)


def _frozen(times: NDArray[np.int64], still: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which pictures lie in a frozen stretch, from its first still step to its last."""
    found = np.zeros(len(times), np.bool_)
    for begin, end in _stretches(times):
        steps = still[begin:end]
        if steps.mean() >= _FROZEN_SHARE:
            hits = begin + np.flatnonzero(steps)
            first = hits[0] if hits[0] > 1 else 0  # a clip's first keyframe is repaired by the picture after it
            found[first : hits[-1] + 2] = True
    return found


def _stretches(times: NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    """Return the first and last picture of every stretch to judge: those just long enough, or a short clip whole."""
    ends = np.arange(len(times))
    begins = np.searchsorted(times, times - _FROZEN_FOR_US, side="right") - 1
    begins = np.minimum(begins, ends - _FROZEN_STEPS)
    long_enough = begins >= 0
    if long_enough.any():
        return zip(begins[long_enough].tolist(), ends[long_enough].tolist(), strict=True)
    return [(0, len(times) - 1)] if _lasts(times, _FROZEN_SHORTEST_US) else []


def _moved(times: NDArray[np.int64], unlike: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which pictures lie in a stretch that is unlike the reference for long enough."""
    found = np.zeros(len(times), np.bool_)
    for begin, end in np.flatnonzero(np.diff(unlike, prepend=False, append=False)).reshape(-1, 2).tolist():
        whole = end - begin == len(times)
        if times[end - 1] - times[begin] >= _MOVED_FOR_US or (whole and _lasts(times, _MOVED_SHORTEST_US)):
            found[begin:end] = True
    return found


def _lasts(times: NDArray[np.int64], shortest_us: int) -> bool:
    """Say whether a clip has a few pictures and lasts so long, its last picture standing as long as the others."""
    count = len(times)
    if count < _FEWEST_PICTURES:
        return False
    return bool((times[-1] - times[0]) * count >= (shortest_us - _ROUNDING_US) * (count - 1))
