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
from schemas.site import Camera
from transforms.layout import counted_zones
from transforms.metrics import ANY_ZONE, TOTAL

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
    """A stretch of a clip, from and until in shares of its length, and how long it is."""

    clip: str
    start: float
    end: float
    seconds: float


@dataclass(frozen=True)
class AuditWindow:
    """A window that can be watched: its parts in order, and what its records say, by measure and item."""

    start_us: int
    seconds: float
    parts: tuple[Part, ...]
    counted: Mapping[Measure, Mapping[Item, float]]


def items_of(camera: Camera) -> dict[Measure, list[Item]]:
    """Return what can be counted at a camera, by measure."""
    zones = [zone.name for zone in counted_zones(camera)]
    items: dict[Measure, list[Item]] = {
        "crossings": [
            (line.name, direction)
            for line in camera.lines
            for direction in (line.directions.to_right, line.directions.to_left)
        ],
        "occupancy": [(zone, "") for zone in zones],
        "visits": [(zone, "") for zone in zones],
        "transitions": list(itertools.permutations(zones, 2)),
        "presence": [PICTURE] if camera.heatmap != (0, 0) else [],
    }
    return {measure: found for measure, found in items.items() if found}


def audit_windows(
    camera: Camera, records: Mapping[str, Sequence[Row]], clips: Iterable[Envelope],
    covered: Callable[[str], Sequence[Stretch]] = lambda clip: (),
) -> list[AuditWindow]:  # fmt: skip
    """Return the camera's windows of the smallest size that can be audited, in order.

    Args:
      camera: The camera's part of the site file.
      records: The site's rows that stand, by family.
      clips: Envelopes of the clips of which there is a redacted one.
      covered: Returns where a redacted clip, by its digest, shows nothing: what the job counted there nobody can count.
    """
    own = {family: [row for row in rows if row["camera"] == camera.name] for family, rows in records.items()}
    size = min((row["window_size_seconds"] for row in own["camera_health"]), default=0)
    ordered = sorted(clips, key=lambda clip: (clip.start_us, clip.sequence, clip.sha256))
    found = []
    for row in sorted(own["camera_health"], key=lambda row: row["window_start"]):
        if row["window_size_seconds"] != size or row["coverage"] < LEAST_COVERAGE:
            continue
        start_us, end_us = micros(row["window_start"]), micros(row["window_end"])
        parts = parts_of(start_us, end_us, ordered)
        if parts and not any(_overlaps(part, stretch) for part in parts for stretch in covered(part.clip)):
            of_window = {
                family: [each for each in rows if (each["window_size_seconds"], each["window_start"])
                         == (size, row["window_start"])]
                for family, rows in own.items()
            }  # fmt: skip
            found.append(AuditWindow(start_us, (end_us - start_us) / SECOND_US, parts, _counted(camera, of_window)))
    return found


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
            parts.append(Part(clip.sha256, *shares, (until - begin) / SECOND_US))
            reached = until
    return tuple(parts) if reached >= end_us - MOST_GAP_US else ()


def _overlaps(part: Part, stretch: Stretch) -> bool:
    return part.start < stretch[1] and stretch[0] < part.end


def _counted(camera: Camera, rows: Mapping[str, Sequence[Row]]) -> dict[Measure, dict[Item, float]]:
    """Return what a window's records say; what they do not tell (no data, suppressed) is left out."""
    flow = rows["flow"]
    # A pair without a row is nobody, unless what is there was suppressed.
    told = any(row["count"] is not None for row in flow)
    pairs = dict.fromkeys(items_of(camera).get("transitions", ()), 0) if told else {}
    said: dict[Measure, dict[Item, Any]] = {
        "crossings": {(row["line"], row["direction"]): row["count"] for row in rows["footfall"]},
        "occupancy": {(row["zone"], ""): row["mean"] for row in rows["occupancy"]},
        "visits": {
            (row["zone"], ""): row["visits"]
            for row in rows["dwell"]
            if row["bin"] == TOTAL and row["status"] == "COMPLETED"
        },
        "transitions": pairs | {
            (row["from_zone"], row["to_zone"]): row["count"] for row in flow if row["from_zone"] != ANY_ZONE
        },
        "presence": _presence(rows["heatmap"]),
    }  # fmt: skip
    return {
        measure: {item: value for item, value in values.items() if value is not None}
        for measure, values in said.items()
    }


def _presence(rows: Sequence[Row]) -> dict[Item, float]:
    """Return the mean number of people that the heat map's total row tells of."""
    total = next((row for row in rows if row["cell_column"] == TOTAL and row["person_seconds"] is not None), None)
    return {} if total is None else {PICTURE: round(total["person_seconds"] / total["observed_ms"] * 1000, 3)}
