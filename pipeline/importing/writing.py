"""From a draft to the text of a site file, checked as any other before it is handed out."""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import yaml

from pipeline.importing.clipping import Point
from pipeline.importing.draft import Draft, DraftCamera
from pipeline.sites import load_sites

_WIDTH = 116
_NAMELESS, _ZONELESS = "imported", "UTC"
_ALWAYS = (
    "controller, contact, purposes, legal_basis, recipients, raw_retention: who is responsible, for what, how long",
    "schedule, day_start: when the site is watched, and when occupancy starts again from nothing",
    "kind of each zone: queue where people wait, staff where only staff stands",
)


def to_complete(site: str | None, time_zone: str | None) -> tuple[str, ...]:
    """Return what nobody has said yet, and the file needs before it is used."""
    missing = []
    if site is None:
        missing.append(f"site: is {_NAMELESS} until you name it (--site-name); as in the clips' envelopes")
    if time_zone is None:
        missing.append(f"time_zone: is {_ZONELESS} until you say it (--time-zone), as in Europe/Paris")
    return (*missing, *_ALWAYS)


def site_file(draft: Draft, tool: str, origin: str, site: str | None, time_zone: str | None) -> str:
    """Return the text of a site file.

    Raises:
      pipeline.sites.SiteFileError: what would be written is none: then the import is at fault.
    """
    head = [f"Made from {origin} by `silhouette import {tool}`. Points are shares of the picture's width and height."]
    lines = [*_comment(head), "#", "# To complete:", *_comment(to_complete(site, time_zone), "  - ")]
    for fate, title in (("changed", "Changed on the way:"), ("left out", "Not carried over:")):
        notes = [f"{note.where or 'the whole'}: {note.why}" for note in draft.notes if note.fate == fate]
        if notes:
            lines += ["#", f"# {title}", *_comment(notes, "  - ")]
    lines += [
        "",
        f"site: {_scalar(site or _NAMELESS)}",
        "site_version: 1",
        f"time_zone: {time_zone or _ZONELESS}",
        "cameras:",
    ]
    for camera in draft.cameras:
        lines += _camera(camera)
    text = "\n".join(lines) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "site.yaml"
        file.write_text(text, encoding="utf-8")
        load_sites(file)
    return text


def _comment(texts: tuple[str, ...] | list[str], bullet: str = "") -> Iterator[str]:
    for text in texts:
        yield from textwrap.wrap(
            text,
            _WIDTH,
            initial_indent=f"# {bullet}",
            subsequent_indent="# " + " " * len(bullet),
            break_on_hyphens=False,
            break_long_words=False,
        )


def _camera(camera: DraftCamera) -> Iterator[str]:
    yield f"  - name: {_scalar(camera.name)}"
    if camera.fps is not None:
        yield f"    fps: {camera.fps:g}"
    if camera.masks:
        yield "    masks:"
        yield from (f"      - {_points(mask)}" for mask in camera.masks)
    if camera.lines:
        yield "    lines:"
    for line in camera.lines:
        yield f"      - name: {_scalar(line.name)}"
        yield f"        a: {_point(line.a)}"
        yield f"        b: {_point(line.b)}"
        yield f"        directions: {{to_right: {line.to_right}, to_left: {line.to_left}}}"
    if camera.zones:
        yield "    zones:"
    for zone in camera.zones:
        yield f"      - name: {_scalar(zone.name)}"
        yield f"        kind: {zone.kind}"
        yield f"        polygon: {_points(zone.polygon)}"
        if zone.entry_grace is not None:
            yield f"        entry_grace: {zone.entry_grace}"


def _point(point: Point) -> str:
    return f"[{point[0]:.6g}, {point[1]:.6g}]"


def _points(points: tuple[Point, ...]) -> str:
    return f"[{', '.join(map(_point, points))}]"


def _scalar(name: str) -> str:
    """Quote a name that some reader of YAML would take for something else, such as no, or 0012."""
    return name if yaml.safe_load(name) == name else f'"{name}"'
