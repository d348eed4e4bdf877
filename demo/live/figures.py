"""What `make live` tells: the counts so far and now, and how long records took; from the job's files alone."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.storage import find
from pipeline.view import Row, current, read_family, record_files
from schemas.avro import natural_key
from schemas.clock import SECOND_US
from schemas.parts import Zone
from schemas.records import DEAD_LETTER, FAMILIES
from schemas.site import Camera, Line, Site

NO_DATA = "no data"
_COUNTED = ("footfall", "occupancy", "queue")


class Records:
    """The records of a job, read as they appear.

    Args:
      output: The job's output folder, on this machine.

    Attributes:
      files: How many files of records there are.
      rows: How many rows they hold.
      dead_letters: How many dead letters there are.
    """

    def __init__(self, output: Path) -> None:
        self._output = str(output)
        self._read: set[str] = set()
        self._counted: dict[str, list[dict[str, Any]]] = {family: [] for family in _COUNTED}
        self._took: dict[tuple[Any, ...], float] = {}
        self.files = self.rows = self.dead_letters = 0

    def look(self) -> bool:
        """Read the files that are new; returns whether there were any."""
        before = len(self._read)
        for family in FAMILIES:
            for name in self._new(record_files(self._output, family)):
                rows = read_family(name, family)
                self.files, self.rows = self.files + 1, self.rows + len(rows)
                if family in _COUNTED:
                    self._counted[family] += rows
                    self._note(family, rows, os.stat(name).st_mtime)
        for name in self._new(find(f"{self._output}/dead_letters", ".avro")):
            self.dead_letters += len(read_family(name, DEAD_LETTER))
        return len(self._read) > before

    def standing(self) -> dict[str, list[Row]]:
        """Return the rows that stand of the families that count people, by family."""
        return current(self._counted)

    def seconds(self) -> list[float]:
        """Return how long each record of these families took that has anything captured behind it, shortest first.

        That is from the end of its window until a file with it was there, seconds. A record that was revised later
        took as long as its first revision.
        """
        return sorted(self._took.values())

    def _new(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            if name not in self._read:
                self._read.add(name)
                yield name

    def _note(self, family: str, rows: Iterable[Row], visible_s: float) -> None:
        names = [name for name in natural_key(family) if name != "revision"]
        for row in rows:
            if row["observed_ms"]:
                key = family, *(row[name] for name in names)
                took = visible_s - row["window_end"].timestamp()
                self._took[key] = min(took, self._took.get(key, took))


def percentile(ascending: Sequence[float], share: float) -> float:
    """Return the least value that so large a share of all do not exceed.

    >>> percentile([1, 2, 3, 4], 0.5), percentile([1, 2, 3, 4], 0.99)
    (2, 4)
    """
    return ascending[max(0, -int(-share * len(ascending) // 1) - 1)]


@dataclass(frozen=True)
class Place:
    """A line or zone, in words.

    Attributes:
      camera: Name of its camera.
      name: Its own.
      is_line: Whether it is a line.
      until: End of the last window; None while there is none.
      so_far: What all windows say.
      now: What the last one says.
    """

    camera: str
    name: str
    is_line: bool
    until: datetime | None
    so_far: str
    now: str


def places(standing: dict[str, list[Row]], site: Site) -> list[Place]:
    """Return what the records say of every line and zone, in the order of the site file.

    Args:
      standing: The rows that stand, by family; of them, those of the site's shortest windows are told.
      site: The site.
    """
    shortest = site.windows[0] // SECOND_US
    told: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for family, rows in standing.items():
        for row in rows:
            if row["site"] == site.site and row["window_size_seconds"] == shortest:
                told[family, row["camera"], row["line" if family == "footfall" else "zone"]].append(row)
    found = []
    for camera in site.cameras:
        for part, family in _parts(camera):
            rows = told[family, camera.name, part.name]
            until = max((row["window_end"] for row in rows), default=None)
            last = [row for row in rows if row["window_end"] == until]
            so_far, now = _words(part, rows, now=False), _words(part, last, now=True)
            found.append(Place(camera.name, part.name, isinstance(part, Line), until, so_far, now))
    return found


def _parts(camera: Camera) -> Iterator[tuple[Line | Zone, str]]:
    """Yield what is drawn on a camera's picture, each with the family that tells most of it."""
    yield from ((line, "footfall") for line in camera.lines)
    families = {"area": "occupancy", "queue": "queue"}
    yield from ((zone, families[zone.kind]) for zone in camera.zones if zone.kind in families)


def _words(part: Line | Zone, rows: Sequence[Row], *, now: bool) -> str:
    """Return what windows say of a line or zone: the last one, or all so far."""
    if not any(row["observed_ms"] for row in rows):
        return NO_DATA
    if isinstance(part, Line):
        ways = sorted((part.directions.to_left, part.directions.to_right))
        return ", ".join(f"{_total(rows, 'count', direction=way)} {way}" for way in ways)
    if part.kind == "area":
        return f"{_total(rows, 'mean'):.1f} people" if now else f"{max(row['peak'] or 0 for row in rows)} at most"
    if now:
        return f"{_total(rows, 'length_mean'):.1f} waiting"
    left = _total(rows, "left")
    waited = sum((row["wait_mean_seconds"] or 0) * (row["left"] or 0) for row in rows)
    wait = f", {waited / left:.0f} s each" if left else ""
    return f"{_total(rows, 'joined')} joined, {left} left{wait}"


def _total(rows: Iterable[Row], field: str, **only: str) -> Any:
    """Return the sum of what is known of a field."""
    return sum(row[field] or 0 for row in rows if all(row[name] == value for name, value in only.items()))
