"""`silhouette audit`: a person counts by key press what the job counted; the errors go into the site file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.audit.windows import AuditWindow, Item
    from schemas.audit import Measure
    from schemas.envelope import Envelope
    from schemas.site import Camera, Site


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "audit",
        help="count in redacted clips what the job counted; records then have error intervals",
        description="Opens a page on this machine (127.0.0.1) in which a person counts, by key press, people in "
        "redacted clips of one camera, without seeing what the job counted. What both counted becomes the camera's "
        "`audit:` in the site file, from which records have 90% error intervals; at least nine windows in which "
        "something was counted are needed. The clips are those that `silhouette run --redact` wrote; the windows are "
        "the smallest of the records. How, and how to choose them: docs/audit.md.",
    )
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.yaml", help="the camera's site file")
    parser.add_argument("--camera", required=True, help="the camera's name")
    parser.add_argument(
        "--clips", type=Path, nargs="+", required=True, metavar="PATH",
        help="the clips that were counted: their envelopes are read, their pictures are not",
    )  # fmt: skip
    parser.add_argument(
        "--output", required=True, metavar="DIR",
        help="output of the run, with records and redacted clips: a folder, or gs://…",
    )  # fmt: skip
    parser.add_argument("--port", type=int, default=0, help="port of the page (default: any that is free)")
    parser.add_argument(
        "--write", type=Path, metavar="SITE.yaml",
        help="put the audit into this site file, --site or another that has the camera, and raise its site_version; "
        "without it the audit is printed",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Serve the page until the person has finished; 1 where nothing was counted, 2 for wrong usage."""
    from pipeline.archive import ArchiveError
    from pipeline.audit.block import audit_of, put, written
    from pipeline.audit.server import AuditServer
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.sites import SiteFileError
    from pipeline.storage import write
    from pipeline.view import RecordsError
    from schemas.site import geometry_digest

    try:
        site, camera = _camera(args.site, args.camera)
        _, goes_on = _camera(args.write or args.site, args.camera)
        if geometry_digest(goes_on) != geometry_digest(camera):
            raise ValueError(
                f"--write: camera {camera.name} has other lines, zones, masks, reach or fps there than in --site: an "
                "audit would say nothing of it; make them the same, and run and audit again"
            )
        redacted = _redacted(args, site)
        windows, model = _windows(args, site, camera, redacted.values())
    except (ValueError, SiteFileError, ArchiveError, RecordsError, OSError) as error:
        print(f"silhouette audit: {error}", file=sys.stderr)
        return USAGE
    true: dict[tuple[Measure, int], dict[Item, float]] = {}
    readers = {clip: partial(_read, f"{_folder(args, site)}/{clip}.mp4") for clip in redacted}
    try:
        server = AuditServer(args.port, task_of(camera, windows), readers, partial(take, camera, windows, true))
    except (OSError, OverflowError) as error:
        print(f"silhouette audit: --port: {error}", file=sys.stderr)
        return USAGE
    _serve(server)
    if not true:
        print("silhouette audit: nothing was counted, and nothing is written", file=sys.stderr)
        return FAILED
    audit = audit_of(model, camera, windows, true, goes_on.audit)
    if args.write is None:
        print(f"# Under camera {camera.name}; raise site_version with it.\n{written(audit)}", end="")
        return OK
    try:
        write(str(args.write), put(args.write.read_text("utf-8"), camera.name, audit).encode())
    except (ValueError, OSError) as error:
        print(f"silhouette audit: --write: {error}; here it is to paste:\n{written(audit)}", file=sys.stderr)
        return FAILED
    now, _ = _camera(args.write, args.camera)
    print(f"{args.write}: camera {camera.name} has its audit, and site_version is {now.site_version}")
    return OK


def task_of(camera: Camera, windows: Iterable[AuditWindow]) -> dict[str, Any]:
    """Return what the page is told: the places, the windows and their clips; nothing of what was counted."""
    from pipeline.audit.windows import items_of
    from schemas.clock import to_rfc3339
    from transforms.layout import COUNTED, counted_zones

    return {
        "camera": camera.name,
        "lines": [
            {"name": line.name, "a": line.a, "b": line.b, "right": line.directions.to_right,
             "left": line.directions.to_left}
            for line in camera.lines
        ],
        "zones": [{"name": zone.name, "polygon": zone.polygon} for zone in counted_zones(camera)],
        "reach": camera.reach,
        "ignored": [zone.polygon for zone in camera.zones if zone.kind not in COUNTED],
        "measures": {measure: [list(item) for item in items] for measure, items in items_of(camera).items()},
        "windows": [
            {"start_us": window.start_us, "from": to_rfc3339(window.start_us), "seconds": window.seconds,
             "parts": [vars(part) for part in window.parts]}
            for window in windows
        ],
    }  # fmt: skip


def take(
    camera: Camera, windows: Iterable[AuditWindow], true: dict[tuple[Measure, int], dict[Item, float]], told: Any
) -> None:
    """Take what a person counted in a window; a second time replaces the first, item by item.

    Raises:
      ValueError, KeyError, TypeError: it is not what the page sends.
    """
    from pipeline.audit.windows import items_of
    from schemas.audit import MEANS

    measure, start_us = told["measure"], told["start_us"]
    items = items_of(camera)[measure]
    counted: dict[Item, float] = {}
    for place, other, value in told["counted"]:
        item = place, other
        whole = measure in MEANS or value == int(value)
        if item not in items or not whole or not 0 <= value <= 1000:
            raise ValueError("not what can be counted here")
        counted[item] = round(float(value), 3)
    if start_us not in {window.start_us for window in windows}:
        raise ValueError("no such window")
    true.setdefault((measure, start_us), {}).update(counted)


def _serve(server: Any) -> None:
    import threading

    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    print(f"Count at {server.url}\nThe page says how. Finish there, or with Ctrl-C here.", file=sys.stderr, flush=True)
    try:
        server.finished.wait()
    except KeyboardInterrupt:
        print(file=sys.stderr)
    server.shutdown()
    server.server_close()
    thread.join()


def _camera(file: Path, name: str) -> tuple[Site, Camera]:
    from pipeline.sites import load_sites

    found = [(site, camera) for site in load_sites(file) for camera in site.cameras if camera.name == name]
    if len(found) != 1 or not file.is_file():
        raise ValueError(f"--camera: give a site file that has a camera {name}")
    return found[0]


def _folder(args: argparse.Namespace, site: Site) -> str:
    return f"{args.output.rstrip('/')}/redacted/site={site.site}/camera={args.camera}"


def _redacted(args: argparse.Namespace, site: Site) -> dict[str, Envelope]:
    """Return the envelopes of the camera's clips of which there is a redacted one, by digest."""
    from pipeline.archive import find_clips
    from pipeline.storage import find

    there = {Path(name).stem for name in find(_folder(args, site), ".mp4")}
    envelopes = (file.envelope for file in find_clips(args.clips))
    found = {
        each.sha256: each
        for each in envelopes
        if each and (each.site, each.camera) == (site.site, args.camera) and each.sha256 in there
    }
    if not found:
        raise ValueError(
            f"--output: {args.output} has no redacted clip of --clips for camera {args.camera}; run the job with "
            "--redact people"
        )
    return found


def _windows(
    args: argparse.Namespace, site: Site, camera: Camera, clips: Iterable[Envelope]
) -> tuple[list[AuditWindow], str]:
    """Return the windows, and the first digits of the sha256 of the model that counted in them."""
    from pipeline.audit.covered import covered_stretches
    from pipeline.audit.windows import audit_windows
    from pipeline.view import current, read_records

    records: Mapping[str, Any] = {
        family: [row for row in rows if row["site"] == site.site]
        for family, rows in current(read_records(args.output)).items()
    }
    own = [row for row in records["camera_health"] if row["camera"] == camera.name]
    if not own:
        raise ValueError(f"--output: {args.output} has no records of camera {camera.name}")
    if versions := {row["site_version"] for row in own} - {site.site_version}:
        raise ValueError(
            f"--output: the records there are of site_version {min(versions)}, and --site is {site.site_version}: run "
            "the clips with this site file, or give the one that they were run with"
        )
    folder = _folder(args, site)
    covered = cache(lambda clip: covered_stretches(_read(f"{folder}/{clip}.mp4")))
    windows = audit_windows(camera, records, clips, covered)
    if not windows:
        raise ValueError(
            "--clips: none of the records' windows is shown by redacted clips from its start to its end, without a "
            "frame that is covered whole; give all clips of the run, or run them with shorter windows"
        )
    return windows, str(own[0]["model"])


def _read(name: str) -> bytes:
    from pipeline.storage import read

    return read(name)
