"""Rules that need the site file alone: what is drawn where nothing can count."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.linting.findings import Finding
from pipeline.linting.ground import DEAD_BAND, EDGE, MASK, REACH, STAFF, STATIC, Ground, within
from schemas.site import Camera
from transforms.layout import COUNTED

SMALLEST_PERSON = 0.06
"""Height of the smallest person that a detector finds, in picture heights: 24 of some 400 rows."""

PERSON_WIDTH = 0.4
"""Width of a person's box, in heights of the person."""

_MOST_BLOCKED = 0.2
_ADVICE = {
    EDGE: "move the line into the picture, so that people are seen on both of its sides",
    REACH: "draw `reach` wider, or the line inside it",
    MASK: "leave the mask off the floor beside the line, or move the line",
    STATIC: "make the static zone smaller, or move the line",
    STAFF: "end the staff zone before the line: nobody counts while in it",
    DEAD_BAND: "make `dead_band` smaller, or move the line",
}


def check_drawing(camera: Camera, ground: Ground) -> Iterator[Finding]:
    """Yield what is wrong with a camera's lines and zones as they are drawn."""
    yield from _lines(camera, ground)
    yield from _zones(camera, ground)


def _lines(camera: Camera, ground: Ground) -> Iterator[Finding]:
    for index, line in enumerate(camera.lines):
        part = ("lines", index)
        a, b = (np.array(end) * ground.scale for end in (line.a, line.b))
        opening = ground.opening(a, b, line.dead_band)
        why = " and ".join(opening.why)
        advice = "; ".join(_ADVICE[reason] for reason in opening.why)
        if opening.never:
            yield Finding(
                "line-never-counts", "error", part,
                f"nobody can cross {line.name} from a place that counts to another: {why}", advice,
            )  # fmt: skip
        elif opening.share < 1 - _MOST_BLOCKED:
            yield Finding(
                "line-partly-blocked", "warning", part,
                f"straight across {line.name}, {1 - opening.share:.0%} of its length cannot count: {why}", advice,
            )  # fmt: skip
        length, least = float(np.hypot(*(b - a))), PERSON_WIDTH * SMALLEST_PERSON
        if length < least:
            yield Finding(
                "line-too-short", "error", part,
                f"{line.name} is {length:.3f} picture heights long, and the narrowest person who can be found is "
                f"{least:.3f} wide", "draw it from one end of the passage to the other",
            )  # fmt: skip


def _zones(camera: Camera, ground: Ground) -> Iterator[Finding]:
    for index, zone in enumerate(camera.zones):
        if zone.kind not in COUNTED:
            continue
        part = ("zones", index)
        places = within(np.array(zone.polygon) * ground.scale)
        if not ground.open(places).any():
            why = " and ".join(ground.reasons(places))
            yield Finding(
                "zone-never-counts", "error", part, f"nobody who stands in {zone.name} counts: {why}",
                "draw the zone where people are seen, or take away what covers it",
            )  # fmt: skip
            continue
        for reason, flags in ground.blocked(places).items():
            if reason in (REACH, MASK) and flags.mean() > _MOST_BLOCKED:
                where = "outside reach, where people are not seen reliably" if reason == REACH else "under a mask"
                yield Finding(
                    "zone-out-of-range", "warning", part, f"{flags.mean():.0%} of {zone.name} lies {where}",
                    f"draw the zone smaller, or {'reach wider' if reason == REACH else 'leave the mask off the floor'}",
                )  # fmt: skip
