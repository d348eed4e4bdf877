"""`silhouette explain`: the job's stages, its windows, and every field that can leave it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STAGES = (
    ("ReadClips", "pixels", "reads encoded clips into memory, with their envelopes"),
    ("ValidateClips", "pixels", "checks envelope, size and hash; a bad clip goes to the dead letter, without payload"),
    ("DetectPeople", "pixels", "decodes, blanks privacy masks, finds boxes; here pixels end"),
    ("RedactClips", "pixels", "where asked for, writes clips with people covered, and measures what leaks"),
    ("ToSiteDays", "geometry", "sends boxes to their camera group's site day"),
    (
        "TrackPeople",
        "geometry",
        "follows boxes by motion alone; track numbers stay with the camera and end with the day",
    ),
    ("AnonymiseTracks", "aggregates", "keeps counts and sums about places; no track, trail or instant"),
    ("AggregateMetrics", "aggregates", "sums them up by event-time window; one more clip is a higher revision"),
    (
        "ProtectAggregates",
        "aggregates",
        "suppresses cells with fewer than k behind them, and what would give them away; a longest window at once",
    ),
    (
        "DropBiometrics",
        "aggregates",
        "lets only declared, bounded numbers and known names through; refuses what is denied",
    ),
    ("WriteRecords", "aggregates", "writes Avro files by family, site and date"),
    ("TallyClips", "aggregates", "sums up what became of each camera's clips, hour by hour, each clip once"),
    ("TallyFiles", "aggregates", "adds each file that was written to its day, with its hash"),
    ("TallyDropped", "aggregates", "counts what the guard let not leave"),
    ("TallyDays", "aggregates", "sums up each site's day"),
    ("MakePacks", "aggregates", "makes each day's pack of evidence, and lets only declared keys through"),
    ("WriteEvidence", "aggregates", "writes packs as JSON, unsealed, by site and date"),
)


_COUNTED = {
    "area": "occupancy, dwell",
    "queue": "occupancy, dwell, length and wait",
    "staff": "nothing: who stands there is left out",
    "static": "nothing: what is seen there is no person",
}


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "explain",
        help="say what the job does, and every field that can leave it",
        description="Prints the job's stages, the windows and places of site files, and every field of every record, "
        "and every key of the evidence.",
    )
    parser.add_argument("--site", type=Path, metavar="SITE.yaml", help="a site file, or a folder of them")
    parser.add_argument("--family", help="print the fields of this record family alone")


def run(args: argparse.Namespace) -> int:
    """Print what was asked; 2 for a site file or family that is none."""
    from pipeline.console import plain_console
    from pipeline.sites import SiteFileError, folder_of, load_sites
    from schemas.avro import RECORD_TYPES

    if args.family is not None and args.family not in RECORD_TYPES:
        print(f"silhouette explain: --family: one of {', '.join(RECORD_TYPES)}", file=sys.stderr)
        return 2
    try:
        sites = load_sites(args.site) if args.site else ()
    except (SiteFileError, OSError) as error:
        print(f"silhouette explain: --site:\n{error}", file=sys.stderr)
        return 2
    console = plain_console()
    if args.family is None:
        console.print(_stages())
        for site in sites:
            _print_site(console, site, folder_of(args.site))
    for family in [args.family] if args.family else RECORD_TYPES:
        console.print(_fields(family))
    if args.family is None:
        for about in _evidence():
            console.print(about)
    return 0


def _stages() -> Any:
    table = _table("Stages, in order", "stage", "zone", "what it does")
    for stage in STAGES:
        table.add_row(*stage)
    return table


def _print_site(console: Any, site: Any, folder: Path | None = None) -> None:
    from schemas.fields import write_duration

    about = _table(f"Site {site.site}, version {site.site_version}", "what", "is")
    about.add_row("windows", ", ".join(map(write_duration, site.windows)))
    about.add_row("day", f"from {site.day_start // 60:02}:{site.day_start % 60:02}, {site.time_zone}")
    about.add_row("watched", "always" if site.schedule is None else f"{len(site.schedule)} opening hours")
    about.add_row("lateness", write_duration(site.lateness))
    about.add_row("clips kept", "not stated" if site.raw_retention is None else write_duration(site.raw_retention))
    about.add_row("k", ", ".join(f"{family} {k if k > 1 else 'off'}" for family, k in dict(site.k).items()))
    for name in ("controller", "contact", "legal_basis"):
        about.add_row(name.replace("_", " "), getattr(site, name) or "not stated")
    for name in ("purposes", "recipients"):
        about.add_row(name, "; ".join(getattr(site, name)) or "not stated")
    console.print(about)
    for camera in site.cameras:
        table = _table(f"Camera {camera.name}, model {camera.model}", "place", "name", "what is counted")
        for line in camera.lines:
            table.add_row("line", line.name, f"crossings: {line.directions.to_right}, {line.directions.to_left}")
        for zone in camera.zones:
            table.add_row(zone.kind, zone.name, _COUNTED[zone.kind])
        _add_flow(table, camera)
        columns, rows = camera.heatmap
        table.add_row("heat map", f"{columns}x{rows}", "seconds of presence by cell" if columns else "off")
        table.add_row("audit", *_audit(camera, camera, site, folder))
        table.add_row("masks", str(len(camera.masks)), "blanked before anything looks")
        if camera.ground is not None:
            table.add_row("ground", f"{len(camera.ground.points)} points", "speed and direction in its zones")
        console.print(table)
    for group in site.groups:
        table = _table(f"Group {group.name}: {', '.join(group.cameras)}", "place", "name", "what is counted, once")
        for zone in group.zones:
            table.add_row(zone.kind, zone.name, f"{_COUNTED[zone.kind]}, speed and direction")
        _add_flow(table, group)
        first = next(camera for camera in site.cameras if camera.name in group.cameras)
        table.add_row("audit", *_audit(group, first, site, folder))
        console.print(table)


def _add_flow(table: Any, place: Any) -> None:
    from transforms.layout import counted_zones

    if (zones := len(counted_zones(place))) > 1:
        table.add_row("flow", f"{zones} zones", "who went from which to which")


def _audit(place: Any, camera: Any, site: Any, folder: Path | None) -> tuple[str, str]:
    """Return what is said of an audit of a camera, or of a group that it is in; models are named from a folder."""
    if place.audit is None:
        return "none", "records have no error intervals"
    from pipeline.audit.windows import items_of
    from pipeline.models.registry import digits_of
    from schemas.audit import Samples
    from schemas.geometry import audit_fault, walking_fault

    samples = {measure: len(found.samples) for measure, found in place.audit if isinstance(found, Samples)}
    missing = [measure for measure in items_of(place) if measure not in samples]
    told = ", ".join(f"{count} samples of {measure}" for measure, count in samples.items()) or "no samples"
    told += f"; none of {', '.join(missing)}" if samples and missing else ""
    if fault := audit_fault(place, site.cameras, digits_of(camera.model, folder)):
        told = f"ignored, for {fault}: audit again"
    elif fault := walking_fault(place):
        told = f"{told}; walking ignored, for {fault}: audit again"
    return f"of model {place.audit.model}", told


def _fields(family: str) -> Any:
    from schemas.avro import contract

    schema = contract(family)
    table = _table(f"{family}: {schema['doc']}", "field", "type", "may hold", "meaning")
    for field in schema["fields"]:
        table.add_row(field["name"], _type(field["type"]), _bounds(field), field["doc"])
    return table


def _evidence() -> Iterator[Any]:
    from schemas.closed import keys
    from schemas.evidence import DayPack
    from schemas.seals import RetentionPack, Seal

    for part, what in (
        (DayPack, "what a run did on one site and day"),
        (RetentionPack, "what keeps clips of a site, at one instant"),
        (Seal, "a seal of a site's chain"),
    ):
        table = _table(f"evidence: {what}, as JSON", "key", "meaning")
        for key, meaning in keys(part):
            table.add_row(key, meaning)
        yield table


def _type(kind: Any) -> str:
    if isinstance(kind, list):
        return f"{_type(kind[1])} or null"
    return str(kind.get("logicalType", kind["type"])) if isinstance(kind, dict) else str(kind)


def _bounds(field: dict[str, Any]) -> str:
    if "vocabulary" in field:
        return f"a known {field['vocabulary'].replace('_', ' ')}"
    if "min" in field:
        step = f", step {field['step']:g}" if "step" in field else ""
        return f"{field['min']} to {field['max']}{step}"
    kind = field["type"]
    return ", ".join(kind["symbols"]) if isinstance(kind, dict) and "symbols" in kind else ""


def _table(title: str, *columns: str) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    return table
