"""`silhouette import`: a site file from the configuration of another tool."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.importing.draft import Draft

TOOLS = {
    "azure": "Azure Spatial Analysis: SPACEANALYTICS_CONFIG, alone or in a deployment manifest (JSON)",
    "deepstream": "NVIDIA DeepStream: config_nvdsanalytics.txt",
    "frigate": "Frigate: config.yml",
    "supervision": "supervision: polygons of PolygonZone, start and end of LineZone (JSON)",
}


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "import",
        help="make a site file from the configuration of another tool",
        description="Makes a site file from the zones, lines and masks of another tool's configuration, and lists what "
        "could not be carried over, on standard error and in comments at its top. Nothing else of the source, such as "
        "addresses and passwords of cameras, is read or repeated.",
        epilog="Exit codes: 0 the site file is made; 1 the source cannot be used, or nothing of it can; 2 wrong usage.",
    )
    tools = parser.add_subparsers(dest="tool", required=True, metavar="TOOL")
    for name, summary in TOOLS.items():
        tool = tools.add_parser(name, help=summary, description=summary, epilog=parser.epilog)
        tool.add_argument("file", type=Path, metavar="FILE", help="the tool's configuration")
        tool.add_argument("--output", type=Path, metavar="SITE.yaml", help="a new file (default: standard output)")
        tool.add_argument("--site-name", metavar="NAME", help="name of the site, as in its clips' envelopes")
        tool.add_argument("--time-zone", metavar="ZONE", help="by whose clock days begin, as Europe/Paris")
        tool.add_argument(
            "--camera", nargs="+", default=[], metavar="NAME",
            help="names of the cameras, in the order of the source (default: as in the source)",
        )  # fmt: skip
        tool.add_argument(
            "--size", nargs="+", default=[], metavar="WxH",
            help="size of the picture on which points in pixels are drawn, where the source does not say it: one for "
            "all cameras, or one each",
        )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the site file; 1 for a source that cannot be used, 2 for wrong usage."""
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.importing.draft import GivenError
    from pipeline.importing.source import SourceError
    from pipeline.importing.writing import site_file

    try:
        _check(args)
        draft = _read(args)
        if draft.empty:
            _print_notes(draft)
            raise SourceError("nothing of it can be carried over: no zone, line or mask is left, and no file is made")
        text = site_file(draft, args.tool, _printable(args.file.name), args.site_name, args.time_zone)
        if args.output is None:
            sys.stdout.write(text)
        else:
            with args.output.open("x", encoding="utf-8") as file:
                file.write(text)
    except GivenError as error:
        print(f"silhouette import: {error}", file=sys.stderr)
        return USAGE
    except SourceError as error:
        print(f"silhouette import: {args.file}: {error}", file=sys.stderr)
        return FAILED
    except FileExistsError:
        print(f"silhouette import: --output: {args.output} is there already: name a new file", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"silhouette import: {error.filename}: {error.strerror}", file=sys.stderr)
        return USAGE
    _report(draft, args)
    return OK


def _check(args: argparse.Namespace) -> None:
    """Check the flags that are for the site file itself.

    Raises:
      GivenError: the text names the flag.
    """
    from pydantic import TypeAdapter, ValidationError

    from pipeline.importing.draft import GivenError
    from schemas.fields import PlaceName, TimeZone

    checks: Sequence[tuple[str, Any, Sequence[str]]] = (
        ("--site-name", PlaceName, [] if args.site_name is None else [args.site_name]),
        ("--time-zone", TimeZone, [] if args.time_zone is None else [args.time_zone]),
        ("--camera", PlaceName, args.camera),
    )
    for flag, kind, values in checks:
        for value in values:
            try:
                TypeAdapter(kind).validate_python(value)
            except ValidationError as error:
                raise GivenError(f"{flag}: {error.errors()[0]['msg']}") from None
    if len(set(args.camera)) < len(args.camera):
        raise GivenError("--camera: the same name twice: give each camera its own")


def _read(args: argparse.Namespace) -> Draft:
    from pipeline.importing import azure, deepstream, frigate, supervision
    from pipeline.importing.draft import Given
    from pipeline.importing.source import read_text

    readers = {"azure": azure, "deepstream": deepstream, "frigate": frigate, "supervision": supervision}
    given = Given(tuple(args.camera), tuple(_size(text) for text in args.size))
    return readers[args.tool].read(read_text(args.file), given)


def _size(text: str) -> tuple[int, int]:
    from pipeline.importing.draft import GivenError

    found = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if not found:
        raise GivenError("--size: write width and height in pixels, as in 1920x1080")
    return int(found[1]), int(found[2])


def _printable(name: str) -> str:
    return name if name.isprintable() else "a file"


def _report(draft: Draft, args: argparse.Namespace) -> None:
    """Say on standard error what was made, what to complete and what is not as it was."""
    from pipeline.console import plain_console
    from pipeline.importing.writing import to_complete

    console = plain_console(stderr=True)
    counts = [sum(len(getattr(each, part)) for each in draft.cameras) for part in ("zones", "lines", "masks")]
    made = f"Cameras: {len(draft.cameras)}, zones: {counts[0]}, lines: {counts[1]}, masks: {counts[2]}"
    console.print(f"{made} -> {args.output or 'standard output'}")
    console.print("To complete:", *(f"  {each}" for each in to_complete(args.site_name, args.time_zone)), sep="\n")
    if draft.notes:
        _print_notes(draft)
    else:
        console.print("All of the source was carried over.")


def _print_notes(draft: Draft) -> None:
    from rich.table import Table

    from pipeline.console import plain_console

    table = Table(title=f"Not as in the source: {len(draft.notes)}", title_justify="left")
    for name in ("in the source", "was", "why"):
        table.add_column(name, overflow="fold")
    for note in sorted(draft.notes, key=lambda note: note.fate, reverse=True):
        table.add_row(note.where or "the whole", note.fate, note.why)
    plain_console(stderr=True).print(table)
