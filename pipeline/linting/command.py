"""`silhouette lint`: what a valid site file cannot count, from it and a sample clip."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.linting.findings import Finding
    from pipeline.linting.watching import Watched
    from pipeline.sites import Located
    from schemas.floor import Group
    from schemas.site import Camera

CLEAN, FOUND, USAGE = 0, 1, 2
"""Exit codes."""

_FLAWED = 0.5


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "lint",
        help="find what a valid site file cannot count, from it and a sample clip",
        description="Finds lines that can never count, zones out of range and floor of a group's zones that no camera "
        "covers, from the site file alone; with a sample clip also people too small for the model, a sampling rate too "
        "low for their speed, gaps beside lines, floor that nothing covers, and, with --static, spots where something "
        "is taken for a person and never moves.",
        epilog="Exit codes: 0 nothing found; 1 something found; 2 wrong usage, or a clip that cannot be looked at.",
    )
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.yaml", help="site file, or a folder of them")
    parser.add_argument(
        "--clip", type=Path, action="append", default=[], nargs="+", metavar="FILE",
        help="a sample of the camera's video, with an envelope beside it or without; several follow on one another",
    )  # fmt: skip
    parser.add_argument("--camera", metavar="NAME", help="look at this camera only; the clips are of it")
    parser.add_argument("--static", action="store_true", help="propose static zones, from the clips")
    parser.add_argument("--json", action="store_true", help="print a list of objects")


def run(args: argparse.Namespace) -> int:
    """Print the findings; 0 for none, 1 for some, 2 for wrong usage."""
    from pipeline.archive import ArchiveError
    from pipeline.linting.watching import ClipsError
    from pipeline.models.cards import ModelError
    from pipeline.sites import SiteFileError, locate_sites
    from transforms.admission import ModelRefused
    from transforms.decode import ClipError

    clips = [file for given in args.clip for file in given]
    try:
        cameras = _cameras(locate_sites(args.site), args, bool(clips))
        found = [told for located, camera in cameras for told in _told(located, camera, clips, args)]
        found += _told_of_floors(cameras, args)
    except ClipError as error:
        return _refuse(f"--clip: cannot be decoded: {error}")
    except (SiteFileError, ArchiveError, ClipsError, ModelError, ModelRefused) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.filename}: {error.strerror}")
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        _print(found)
    return FOUND if found else CLEAN


def lint(
    camera: Camera,
    watched: Watched | None = None,
    *,
    shared: Group | None = None,
    model: str | None = None,
    static: bool = False,
) -> list[Finding]:
    """Return what is wrong with a camera, from what is drawn and, where there is a sample, what was seen.

    Args:
      camera: The camera.
      watched: What was seen in the sample.
      shared: The group that the camera is in.
      model: First digits of the sha256 of the model that counts; None where it is not known.
      static: Whether static zones are to be proposed.
    """
    from pipeline.linting.audits import check_audit
    from pipeline.linting.drawing import check_drawing
    from pipeline.linting.findings import in_order
    from pipeline.linting.ground import Ground, aspect_of

    ground = Ground(camera, watched.aspect if watched else aspect_of(camera))
    findings = [*check_drawing(camera, ground), *check_audit(camera, model=model)]
    if watched is not None:
        findings += _seen(camera, ground, watched, shared, static=static)
    return in_order(findings)


def _seen(camera: Camera, ground: Any, watched: Watched, shared: Group | None, *, static: bool) -> Iterator[Finding]:
    from pipeline.linting.findings import Finding
    from pipeline.linting.people import people_of
    from pipeline.linting.still import check_still
    from pipeline.linting.walking import check_walking

    if watched.flawed > _FLAWED * watched.frames:
        yield Finding(
            "clip-flawed", "warning", (),
            f"{watched.flawed} of {watched.frames} pictures are dark, blurred, covered, frozen or moved",
            "look at the camera, and its `reference`; or give a clip of it as it should be",
        )  # fmt: skip
    people = people_of(watched.trails, watched.aspect)
    if people is None:
        yield Finding(
            "clip-without-people", "note", (), "too few people are seen whole in the sample to judge by",
            "give a clip of a busier time",
        )  # fmt: skip
    else:
        yield from check_walking(camera, ground, watched, people, shared)
    if static:
        yield from check_still(camera, watched)


def _refuse(message: str) -> int:
    print(f"silhouette lint: {message}", file=sys.stderr)
    return USAGE


def _cameras(sites: Sequence[Located], args: argparse.Namespace, clips: bool) -> list[tuple[Located, int]]:
    """Return the cameras that are asked for, by their number in their site.

    Raises:
      ClipsError: the flags fit no camera, or the clips more than one.
    """
    from pipeline.linting.watching import ClipsError

    found = [
        (located, index)
        for located in sites
        for index, camera in enumerate(located.site.cameras)
        if args.camera in (None, camera.name)
    ]
    if args.static and not clips:
        raise ClipsError("--static: is told from clips: give --clip")
    if not found:
        raise ClipsError(f"--camera: the site file has no camera {args.camera}")
    if clips and len(found) > 1:
        raise ClipsError("--clip: the site file has several cameras: say with --camera whose clips they are")
    return found


def _told(located: Located, index: int, clips: Sequence[Path], args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield a camera's findings with their places in the site file."""
    from pipeline.linting.watching import watch
    from pipeline.sites import folder_of
    from transforms.groups import group_of

    camera = located.site.cameras[index]
    watched = watch(clips, located.site, camera, folder_of(args.site)) if clips else None
    shared, model = group_of(located.site, camera.name).shared, _audited(camera, camera, args)
    for finding in lint(camera, watched, shared=shared, model=model, static=args.static):
        yield _as_json(located, camera.name, finding, "cameras", index)


def _audited(place: Camera | Group, camera: Camera, args: argparse.Namespace) -> str | None:
    """Return the digits of the model that counts in a place, where it has an audit to hold against them."""
    if place.audit is None:
        return None
    from pipeline.models.registry import digits_of
    from pipeline.sites import folder_of

    return digits_of(camera.model, folder_of(args.site))


def _told_of_floors(cameras: Sequence[tuple[Located, int]], args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the findings of each group of which a camera is asked for, once."""
    from pipeline.linting.audits import check_audit
    from pipeline.linting.findings import in_order
    from pipeline.linting.floors import check_floor
    from transforms.groups import group_of

    groups = {}
    for located, index in cameras:
        group = group_of(located.site, located.site.cameras[index].name)
        groups[located.file, group.name] = located, group
    for located, group in groups.values():
        if group.shared is not None:
            model = _audited(group.shared, group.cameras[0], args)  # a group's cameras have one
            audit = check_audit(group.shared, group.cameras, model)
            for finding in in_order([*check_floor(group.cameras, group.shared), *audit]):
                yield _as_json(located, group.name, finding, "groups", located.site.groups.index(group.shared))


def _as_json(located: Located, name: str, finding: Finding, *holder: str | int) -> dict[str, Any]:
    """Return a finding with its place in the site file; a group stands for a camera, as in records."""
    line = located.line(*holder, *finding.part)
    return {"file": str(located.file), "line": line, "camera": name} | asdict(finding) | {"part": list(finding.part)}


def _print(found: Sequence[dict[str, Any]]) -> None:
    if not found:
        print("Nothing found.")
    for each in found:
        print(f"{each['file']}:{each['line']}: {each['severity']}: {each['camera']}: {each['seen']} [{each['rule']}]")
        print(f"    {each['advice'][0].upper()}{each['advice'][1:]}.")
        for line in each["paste"].splitlines():
            print(f"        {line}")
