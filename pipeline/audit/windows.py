"""What can be audited: windows that redacted clips cover whole, and what the records say of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.view import Row
from schemas.audit import Measure
from schemas.clock import SECOND_US, micros
from schemas.envelope import Envelope
from schemas.floor import Group
from schemas.site import Camera
from transforms.layout import counted_zones, is_calibrated, queue_zones
from transforms.metrics import ALL_WAYS, ANY_ZONE, TOTAL

MOST_GAP_US = SECOND_US // 10
"""What may lie between two clips that follow at once."""
LEAST_COVERAGE = 0.99
"""Share of a window that the job must have seen: the person sees all of it."""

Item = tuple[str, str]
"""What is counted: line and direction, zone and nothing, the zones from and to, or `PICTURE`."""

PICTURE: Item = ("picture", "")
"""The whole picture, as far as people count in it."""


Stretch = tuple[float, float]
"""From and until, in shares of a clip's length."""


@dataclass(frozen=True)
class Part:
    """A stretch of a clip, from and until in shares of its length; when in the window it begins, and how long it is."""

    clip: str
    start: float
    end: float
    begins: float
    seconds: float


@dataclass(frozen=True)
class AuditWindow:
    """A window that can be watched: each camera's parts in order, and what its records say, by measure and item."""

    start_us: int
    seconds: float
    parts: tuple[tuple[Part, ...], ...]
    counted: Mapping[Measure, Mapping[Item, float]]


def names_of(place: Camera | Group) -> tuple[str, ...]:
    """Return the names of the cameras whose pictures show a place: a camera's own, or those of a group."""
    return place.cameras if isinstance(place, Group) else (place.name,)


def items_of(place: Camera | Group) -> dict[Measure, list[Item]]:
    """Return what can be counted at a camera, or on the floor of a group, by measure."""
    zones = [zone.name for zone in counted_zones(place)]
    items: dict[Measure, list[Item]] = {
        "crossings": [
            (line.name, direction)
            for line in place.lines
            for direction in (line.directions.to_right, line.directions.to_left)
        ],
        "occupancy": [(zone, "") for zone in zones],
        "peaks": [(zone, "") for zone in zones],
        "waiting": [(zone.name, "") for zone in queue_zones(place)],
        "visits": [(zone, "") for zone in zones],
        "transitions": list(itertools.permutations(zones, 2)),
        "walking": [(zone, "") for zone in zones] if is_calibrated(place) else [],
        "presence": [PICTURE] if place.heatmap != (0, 0) else [],
    }
    return {measure: found for measure, found in items.items() if found}


def audit_windows(
    place: Camera | Group, records: Mapping[str, Sequence[Row]], clips: Iterable[Envelope],
    covered: Callable[[str, str], Sequence[Stretch]] = lambda camera, clip: (),
) -> list[AuditWindow]:  # fmt: skip
    """Return the windows of the smallest size in which a camera or group can be audited, in order.

    Args:
      place: The camera's or group's part of the site file.
      records: The site's rows that stand, by family.
      clips: Envelopes of the clips of which there is a redacted one.
      covered: Returns where a camera's redacted clip, by its digest, shows nothing: what the job counted there nobody
        can count.
    """
    own = {family: [row for row in rows if row["camera"] == place.name] for family, rows in records.items()}
    known = rows_of_windows(place, records)
    size = min((row["window_size_seconds"] for row in known), default=0)
    ordered = sorted(clips, key=lambda clip: (clip.start_us, clip.sequence, clip.sha256))
    by_camera = {name: [clip for clip in ordered if clip.camera == name] for name in names_of(place)}
    found = []
    for row in sorted(known, key=lambda row: row["window_start"]):
        if row["window_size_seconds"] != size or row["coverage"] < LEAST_COVERAGE:
            continue
        start_us, end_us = micros(row["window_start"]), micros(row["window_end"])
        shown = {name: parts_of(start_us, end_us, clips) for name, clips in by_camera.items()}
        if all(shown.values()) and not any(
            _overlaps(part, stretch)
            for name, parts in shown.items() for part in parts for stretch in covered(name, part.clip)
        ):  # fmt: skip
            of_window = {
                family: [each for each in rows if (each["window_size_seconds"], each["window_start"])
                         == (size, row["window_start"])]
                for family, rows in own.items()
            }  # fmt: skip
            seconds = (end_us - start_us) / SECOND_US
            found.append(AuditWindow(start_us, seconds, tuple(shown.values()), _counted(place, of_window)))
    return found


def rows_of_windows(place: Camera | Group, records: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Return of a place's own rows one a window, with its coverage: a group's first zone's, for it has no health."""
    if isinstance(place, Group):
        first = place.zones[0].name
        return [row for row in records["occupancy"] if (row["camera"], row["zone"]) == (place.name, first)]
    return [row for row in records["camera_health"] if row["camera"] == place.name]


def parts_of(start_us: int, end_us: int, clips: Sequence[Envelope]) -> tuple[Part, ...]:
    """Return the stretches of clips, in order of their starts, that show a window; none where something is missing."""
    parts: list[Part] = []
    reached = start_us
    for clip in clips:
        if clip.start_us > reached + MOST_GAP_US or reached >= end_us:
            break
        begin, until = max(reached, clip.start_us), min(clip.end_us, end_us)
        if until > begin:
            length = clip.end_us - clip.start_us
            shares = (begin - clip.start_us) / length, (until - clip.start_us) / length
            parts.append(Part(clip.sha256, *shares, (begin - start_us) / SECOND_US, (until - begin) / SECOND_US))
            reached = until
    return tuple(parts) if reached >= end_us - MOST_GAP_US else ()


def _overlaps(part: Part, stretch: Stretch) -> bool:
    return part.start < stretch[1] and stretch[0] < part.end


def _counted(place: Camera | Group, rows: Mapping[str, Sequence[Row]]) -> dict[Measure, dict[Item, float]]:
    """Return what a window's records say; what they do not tell (no data, suppressed) is left out."""
    flow = rows["flow"]
    # A pair without a row is nobody, unless what is there was suppressed.
    told = any(row["count"] is not None for row in flow)
    pairs = dict.fromkeys(items_of(place).get("transitions", ()), 0) if told else {}
    in_picture = next((row for row in rows["heatmap"] if row["cell_column"] == TOTAL), None)
    said: dict[Measure, dict[Item, Any]] = {
        "crossings": {(row["line"], row["direction"]): row["count"] for row in rows["footfall"]},
        "occupancy": {(row["zone"], ""): row["mean"] for row in rows["occupancy"]},
        "peaks": {(row["zone"], ""): row["peak"] for row in rows["occupancy"]},
        "waiting": {(row["zone"], ""): row["length_mean"] for row in rows["queue"]},
        "visits": {
            (row["zone"], ""): row["visits"]
            for row in rows["dwell"]
            if row["bin"] == TOTAL and row["status"] == "COMPLETED"
        },
        "transitions": pairs | {
            (row["from_zone"], row["to_zone"]): row["count"] for row in flow if row["from_zone"] != ANY_ZONE
        },
        "walking": {(row["zone"], ""): _mean(row) for row in rows["movement"] if row["sector"] == ALL_WAYS},
        "presence": {} if in_picture is None else {PICTURE: _mean(in_picture)},
    }  # fmt: skip
    return {
        measure: {item: value for item, value in values.items() if value is not None}
        for measure, values in said.items()
    }


def _mean(row: Row) -> float | None:
    """Return the mean number of people that a row's person-seconds tell of."""
    return None if row["person_seconds"] is None else round(row["person_seconds"] / row["observed_ms"] * 1000, 3)
