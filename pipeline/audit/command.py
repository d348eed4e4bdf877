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
    from schemas.floor import Group
    from schemas.site import Camera, Site


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "audit",
        help="count in redacted clips what the job counted; records then have error intervals",
        description="Opens a page on this machine (127.0.0.1) in which a person counts, by key press, people in "
        "redacted clips of one camera, or of all cameras of a group side by side, without seeing what the job "
        "counted. What both counted becomes the camera's or group's `audit:` in the site file, from which records have "
        "90% error intervals; at least nine windows in which something was counted are needed. The clips are those "
        "that `silhouette run --redact` wrote; the windows are the smallest of the records. How, and how to choose "
        "them: docs/audit.md.",
    )
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.yaml", help="the site file")
    audited = parser.add_mutually_exclusive_group(required=True)
    audited.add_argument("--camera", metavar="NAME", help="count in this camera's own lines, zones and picture")
    audited.add_argument(
        "--group", metavar="NAME", help="count in the zones that this group's cameras share, in all pictures together"
    )
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
        help="put the audit into this site file, --site or another that has the camera or group, and raise its "
        "site_version; without it the audit is printed",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Serve the page until the person has finished; 1 where nothing was counted, 2 for wrong usage."""
    from pipeline.archive import ArchiveError
    from pipeline.audit.block import audit_of, put, written
    from pipeline.audit.server import AuditServer
    from pipeline.audit.windows import names_of
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.sites import SiteFileError
    from pipeline.storage import write
    from pipeline.view import RecordsError
    from schemas.geometry import geometry_digest, geometry_of

    try:
        site, place = _place(args.site, args)
        there, goes_on = _place(args.write or args.site, args)
        if geometry_digest(goes_on, there.cameras) != geometry_digest(place, site.cameras):
            raise ValueError(
                f"--write: {_named(args)} has other {geometry_of(place)} there than in --site: an audit would say "
                "nothing of it; make them the same, and run and audit again"
            )
        redacted = _redacted(args, site, place)
        windows, model = _windows(args, site, place, redacted.values())
    except (ValueError, SiteFileError, ArchiveError, RecordsError, OSError) as error:
        print(f"silhouette audit: {error}", file=sys.stderr)
        return USAGE
    true: dict[tuple[Measure, int], dict[Item, float]] = {}
    readers = {
        f"{number}/{clip}": partial(_read, _file(args, site, camera, clip))
        for number, name in enumerate(names_of(place)) for camera, clip in redacted if camera == name
    }  # fmt: skip
    try:
        task = task_of(place, site.cameras, windows)
        server = AuditServer(args.port, task, readers, partial(take, place, windows, true))
    except (OSError, OverflowError) as error:
        print(f"silhouette audit: --port: {error}", file=sys.stderr)
        return USAGE
    _serve(server)
    if not true:
        print("silhouette audit: nothing was counted, and nothing is written", file=sys.stderr)
        return FAILED
    audit = audit_of(model, place, site.cameras, windows, true, goes_on.audit)
    if args.write is None:
        print(f"# Under {_named(args)}; raise site_version with it.\n{written(audit)}", end="")
        return OK
    try:
        write(str(args.write), put(args.write.read_text("utf-8"), place.name, audit).encode())
    except (ValueError, OSError) as error:
        print(f"silhouette audit: --write: {error}; here it is to paste:\n{written(audit)}", file=sys.stderr)
        return FAILED
    now, _ = _place(args.write, args)
    print(f"{args.write}: {_named(args)} has its audit, and site_version is {now.site_version}")
    return OK


def task_of(
    place: Camera | Group, cameras: Iterable[Camera], windows: Iterable[AuditWindow]
) -> dict[str, Any]:  # fmt: skip
    """Return what the page is told: the places, the windows and their clips; nothing of what was counted."""
    from pipeline.audit.views import view_of
    from pipeline.audit.windows import items_of, names_of
    from schemas.clock import to_rfc3339
    from schemas.site import Camera

    known = {camera.name: camera for camera in cameras}
    return {
        "place": f"{'camera' if isinstance(place, Camera) else 'group'} {place.name}",
        "views": [view_of(known[name], place) for name in names_of(place)],
        "measures": {measure: [list(item) for item in items] for measure, items in items_of(place).items()},
        "windows": [
            {"start_us": window.start_us, "from": to_rfc3339(window.start_us), "seconds": window.seconds,
             "parts": [[vars(part) for part in parts] for parts in window.parts]}
            for window in windows
        ],
    }  # fmt: skip


def take(
    place: Camera | Group, windows: Iterable[AuditWindow], true: dict[tuple[Measure, int], dict[Item, float]], told: Any
) -> None:
    """Take what a person counted in a window, by measure; a second time replaces the first, item by item.

    Raises:
      ValueError, KeyError, TypeError: it is not what the page sends.
    """
    from pipeline.audit.windows import items_of
    from schemas.audit import MEANS

    start_us = told["start_us"]
    if start_us not in {window.start_us for window in windows}:
        raise ValueError("no such window")
    counted: dict[tuple[Measure, int], dict[Item, float]] = {}
    for measure, values in dict(told["counted"]).items():
        items = items_of(place)[measure]
        own = counted.setdefault((measure, start_us), {})
        for first, second, value in values:
            item = first, second
            whole = measure in MEANS or value == int(value)
            if item not in items or not whole or not 0 <= value <= 1000:
                raise ValueError("not what can be counted here")
            own[item] = round(float(value), 3)
    for key, own in counted.items():
        true.setdefault(key, {}).update(own)


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


def _named(args: argparse.Namespace) -> str:
    return f"camera {args.camera}" if args.group is None else f"group {args.group}"


def _place(file: Path, args: argparse.Namespace) -> tuple[Site, Camera | Group]:
    """Return the camera or group that is asked for, and its site."""
    from pipeline.sites import load_sites

    found = [
        (site, place)
        for site in load_sites(file)
        for place in (site.cameras if args.group is None else site.groups)
        if place.name == (args.camera or args.group)
    ]
    if len(found) != 1 or not file.is_file():
        flag = "--camera" if args.group is None else "--group"
        raise ValueError(f"{flag}: give a site file that has a {_named(args)}")
    return found[0]


def _folder(args: argparse.Namespace, site: Site, camera: str) -> str:
    return f"{args.output.rstrip('/')}/redacted/site={site.site}/camera={camera}"


def _file(args: argparse.Namespace, site: Site, camera: str, clip: str) -> str:
    return f"{_folder(args, site, camera)}/{clip}.mp4"


def _redacted(args: argparse.Namespace, site: Site, place: Camera | Group) -> dict[tuple[str, str], Envelope]:
    """Return the envelopes of the clips of which there is a redacted one, by camera and digest."""
    from pipeline.archive import find_clips
    from pipeline.audit.windows import names_of
    from pipeline.storage import find

    there = {
        (name, Path(file).stem) for name in names_of(place) for file in find(_folder(args, site, name), ".mp4")
    }  # fmt: skip
    envelopes = [file.envelope for file in find_clips(args.clips)]
    found = {
        (each.camera, each.sha256): each
        for each in envelopes
        if each and each.site == site.site and (each.camera, each.sha256) in there
    }
    for name in names_of(place):
        if name not in {camera for camera, _ in found}:
            raise ValueError(
                f"--output: {args.output} has no redacted clip of --clips for camera {name}; run the job with "
                "--redact people"
            )
    return found


def _windows(
    args: argparse.Namespace, site: Site, place: Camera | Group, clips: Iterable[Envelope]
) -> tuple[list[AuditWindow], str]:
    """Return the windows, and the first digits of the sha256 of the model that counted in them."""
    from pipeline.audit.covered import covered_stretches
    from pipeline.audit.windows import audit_windows, rows_of_windows
    from pipeline.view import current, read_records

    records: Mapping[str, Any] = {
        family: [row for row in rows if row["site"] == site.site]
        for family, rows in current(read_records(args.output)).items()
    }
    own = rows_of_windows(place, records)
    if not own:
        raise ValueError(f"--output: {args.output} has no records of {_named(args)}")
    if versions := {row["site_version"] for row in own} - {site.site_version}:
        raise ValueError(
            f"--output: the records there are of site_version {min(versions)}, and --site is {site.site_version}: run "
            "the clips with this site file, or give the one that they were run with"
        )
    covered = cache(lambda camera, clip: covered_stretches(_read(_file(args, site, camera, clip))))
    windows = audit_windows(place, records, clips, covered)
    if not windows:
        of_all = "" if args.group is None else " of every camera of the group"
        raise ValueError(
            f"--clips: none of the records' windows is shown by redacted clips{of_all} from its start to its end, "
            "without a frame that is covered whole; give all clips of the run, or run them with shorter windows"
        )
    return windows, str(own[0]["model"])


def _read(name: str) -> bytes:
    from pipeline.storage import read

    return read(name)
