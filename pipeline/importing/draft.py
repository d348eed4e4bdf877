"""A site file in the making: what another tool's configuration says, in the words of ours, and what is lost.

Points are normalised. Nothing is changed or left out without a note of where it stood and why.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pipeline.importing.clipping import Point, clip_polygon, clip_segment, without_repeats
from pipeline.importing.source import Key, SourceError, Where, shown
from schemas.fields import UNKNOWN
from schemas.polygons import fault

_DIGITS = 6
_MOST_CORNERS = 100
_LONGEST_NAME = 63

Fate = Literal["left out", "changed"]


class GivenError(ValueError):
    """Flags that do not fit the source; the text names the flag."""


@dataclass(frozen=True)
class Given:
    """What the flags say of the source's cameras.

    Attributes:
      cameras: Their names, in the order of the source; none: as the source names them.
      sizes: Width and height of their pictures, one for all or one each, for a source that does not say it.
    """

    cameras: tuple[str, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Note:
    """Something of the source that is not, or not as it was, in the site file.

    Attributes:
      where: Its path in the source.
      fate: What became of it.
      why: Why, and what to do.
    """

    where: str
    fate: Fate
    why: str


@dataclass(frozen=True)
class DraftZone:
    """A zone, as in `schemas.site.Zone`; `entry_grace` in its written form, None for the default."""

    name: str
    kind: Literal["area", "static"]
    polygon: tuple[Point, ...]
    entry_grace: str | None = None


@dataclass(frozen=True)
class DraftLine:
    """A line, as in `schemas.site.Line`."""

    name: str
    a: Point
    b: Point
    to_right: str
    to_left: str


@dataclass
class DraftCamera:
    """A camera, as in `schemas.site.Camera`."""

    name: str
    fps: float | None = None
    masks: list[tuple[Point, ...]] = field(default_factory=list)
    zones: list[DraftZone] = field(default_factory=list)
    lines: list[DraftLine] = field(default_factory=list)


class Draft:
    """The cameras found so far, and the notes.

    Attributes:
      cameras: In the order of the source.
      notes: In the order in which they were made.
    """

    def __init__(self, given: Given) -> None:
        self.cameras: list[DraftCamera] = []
        self.notes: list[Note] = []
        self._given = given
        self._asked_size = False

    @property
    def empty(self) -> bool:
        """Whether nothing that was drawn in the source has been carried over."""
        return not any(camera.zones or camera.lines or camera.masks for camera in self.cameras)

    def note(self, where: Sequence[Key], fate: Fate, why: str) -> None:
        """Note what became of a part of the source; the same is noted once."""
        note = Note(shown(where), fate, why)
        if note not in self.notes:
            self.notes.append(note)

    def camera(self, where: Where, name: str) -> DraftCamera:
        """Begin a camera; its name in the source is `name`."""
        index = len(self.cameras)
        if self._given.cameras:
            # A name too few is told by `finish`, which knows how many there are.
            name = self._given.cameras[min(index, len(self._given.cameras) - 1)]
        taken = [UNKNOWN, *(each.name for each in self.cameras)]
        camera = DraftCamera(self._name(where, name, f"camera-{index + 1}", taken))
        self.cameras.append(camera)
        return camera

    def size(self, where: Where) -> tuple[int, int]:
        """Return the picture size that the flags give the latest camera.

        Raises:
          GivenError: they give none.
        """
        sizes = self._given.sizes
        self._asked_size = True
        if not sizes:
            raise GivenError(
                f"--size: {shown(where) or 'the source'} is in pixels, and the source does not say of how large a "
                "picture: give its width and height, as in --size 1920x1080"
            )
        return sizes[0] if len(sizes) == 1 else sizes[min(len(self.cameras), len(sizes)) - 1]

    def finish(self) -> None:
        """Check that the flags fitted.

        Raises:
          GivenError: they did not.
          SourceError: nothing was found.
        """
        found = len(self.cameras)
        if not found:
            raise SourceError("holds no camera, zone or line that can be carried over")
        names = ", ".join(camera.name for camera in self.cameras)
        if self._given.cameras and len(self._given.cameras) != found:
            raise GivenError(f"--camera: the source holds {found}: give as many names, in its order")
        if self._given.sizes and not self._asked_size:
            raise GivenError("--size: has no effect, as no point is in pixels of an unknown size: leave it out")
        if len(self._given.sizes) not in (0, 1, found):
            raise GivenError(f"--size: give one for all, or one for each of {names}")

    def mask(self, camera: DraftCamera, where: Where, corners: Sequence[Point]) -> None:
        """Add a privacy mask."""
        if polygon := self._polygon(where, corners):
            camera.masks.append(polygon)

    def zone(
        self,
        camera: DraftCamera,
        where: Where,
        name: str,
        corners: Sequence[Point],
        kind: Literal["area", "static"] = "area",
        entry_grace: str | None = None,
    ) -> None:
        """Add a zone."""
        if polygon := self._polygon(where, corners):
            for zone in camera.zones:
                if (zone.kind, zone.polygon) == (kind, polygon):
                    self.note(where, "changed", f"is the same region as {zone.name}: kept once")
                    return
            names = [zone.name for zone in camera.zones]
            name = self._name(where, name, f"zone-{len(names) + 1}", names)
            camera.zones.append(DraftZone(name, kind, polygon, entry_grace))

    def line(
        self, camera: DraftCamera, where: Where, name: str, a: Point, b: Point, *, to_right: str, to_left: str
    ) -> None:
        """Add a line; directions as in `schemas.site.Directions`."""
        inside = clip_segment(a, b)
        if inside is None or (ends := (_rounded(inside[0]), _rounded(inside[1])))[0] == ends[1]:
            self.note(where, "left out", "has no length inside the picture")
            return
        if inside != (a, b):
            self.note(where, "changed", "reaches out of the picture: cut at its edge")
        names = [line.name for line in camera.lines]
        name = self._name(where, name, f"line-{len(names) + 1}", names)
        camera.lines.append(DraftLine(name, *ends, to_right, to_left))

    def _polygon(self, where: Where, corners: Sequence[Point]) -> tuple[Point, ...] | None:
        """Return an outline that a site file may hold, or note why there is none."""
        clean = without_repeats(list(map(_rounded, corners)))
        if len(clean) < 3:
            self.note(where, "left out", "has fewer than three corners")
            return None
        if message := fault(clean):
            self.note(where, "left out", f"is no simple polygon: it {message}" if "itself" in message else message)
            return None
        inside = without_repeats(list(map(_rounded, clip_polygon(clean))))
        if len(inside) < 3 or fault(inside):
            self.note(where, "left out", "lies outside the picture, or in several parts inside it")
            return None
        if len(inside) > _MOST_CORNERS:
            self.note(where, "left out", f"has more than {_MOST_CORNERS} corners: draw it with fewer")
            return None
        if inside != clean and set(inside) != set(clean):
            self.note(where, "changed", "reaches out of the picture: cut at its edge")
        return tuple(inside)

    def _name(self, where: Where, name: str, otherwise: str, taken: Sequence[str]) -> str:
        """Turn a name into one that records may carry and no other has."""
        new = name_of(name) or otherwise
        free, count = new, 1
        while free in taken:
            count += 1
            free = f"{new[: _LONGEST_NAME - len(str(count)) - 1]}-{count}"
        if free != name:
            self.note(where, "changed", f"its name is now {free}: names are of a-z, 0-9, _ and -, each once")
        return free


def name_of(text: str) -> str:
    """Return the nearest name that records may carry; empty where nothing of the text may be repeated.

    >>> name_of("Rue de l'Été, Nord")
    'rue-de-l-ete-nord'
    >>> name_of("rtsp://user:secret@host")
    ''
    """
    if "://" in text or "@" in text:
        return ""
    ascii_ = unicodedata.normalize("NFKD", text.replace("'", " ")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9_]+", "-", ascii_.lower()).strip("-_")[:_LONGEST_NAME].strip("-_")


def _rounded(point: Point) -> Point:
    return round(float(point[0]), _DIGITS), round(float(point[1]), _DIGITS)
