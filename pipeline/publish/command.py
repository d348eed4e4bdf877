"""`silhouette publish`: footfall of a closed site day for everybody, with noise by differential privacy."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.publish.ledger import Release
    from schemas.site import Site
    from transforms.calendar import Day

UNIT = (
    "one passage in one camera: a person's way through its picture, which crosses each of its lines at most once; who "
    "crosses a line again, comes back or is seen by another camera makes one more"
)
MOST_EPSILON = 10.0
"""With more the noise is hardly ever even 1: nobody is protected by it."""

FORMATS = (".csv", ".json")
FIELDS = ("site", "date", "camera", "line", "direction", "window_start", "window_end", "coverage", "count")


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "publish",
        help="release a closed day's footfall for everybody, with noise",
        description="Releases how many crossed each line of a site on one closed day, by direction and window, with "
        f"noise by differential privacy (OpenDP). Unit of privacy: {UNIT}. A site day has one release, which spends "
        "its whole budget: it is kept in the output's folder `published`, the same request gets the same numbers "
        "again, and another one is refused.",
        epilog="Exit codes: 0 released; 1 the records cannot be read; 2 wrong usage, or refused.",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="the job's output, here or gs://BUCKET/FOLDER")
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.yaml", help="the site file")
    parser.add_argument("--date", required=True, metavar="DATE", help="the site day, as 2026-01-05")
    parser.add_argument(
        "--epsilon", type=float, required=True,
        help=f"the day's privacy budget, above 0 and at most {MOST_EPSILON:g}; less is more noise",
    )  # fmt: skip
    parser.add_argument("--window", metavar="TIME", help="window size, one of the site file's (default: the longest)")
    parser.add_argument(
        "--to", nargs="+", required=True, metavar="FILE", help=f"files to write, {' or '.join(FORMATS)}"
    )


class RefusedError(ValueError):
    """A release that is not made; the text names the flag and says what to do."""


def run(args: argparse.Namespace) -> int:
    """Release, or tell again what was released; returns the exit code."""
    from pipeline import storage
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.evidence.verify import DamagedError
    from pipeline.publish.ledger import LedgerError, check_hours, entry, keep, released
    from pipeline.sites import SiteFileError, load_sites
    from pipeline.view import RecordsError
    from schemas.clock import to_rfc3339

    try:
        site = _one_site(load_sites(args.site))
        day, size_us = _day(site, args.date), _size(site, args.window)
        _check(args, site, day)
        request = {
            "site": site.site,
            "date": args.date,
            "start": to_rfc3339(day.start_us),
            "end": to_rfc3339(day.end_us),
            "epsilon": args.epsilon,
            "window_seconds": size_us // 10**6,
        }
        name = entry(args.output, site.site, args.date)
        release = released(name, request)
        if release is None:
            check_hours(args.output, request)
            _check_site_file(args.output, site, day)
            release = keep(name, _release(args.output, site, day, request))
    except (RefusedError, LedgerError, SiteFileError) as error:
        print(f"silhouette publish: {error}", file=sys.stderr)
        return USAGE
    except (RecordsError, DamagedError, OSError) as error:
        print(f"silhouette publish: {error}", file=sys.stderr)
        return FAILED
    for file in args.to:
        try:
            storage.write(file, render(release, Path(file).suffix))
        except OSError as error:
            told = f"--to: {error}; the day is released, and kept in {name}: ask for the same again, with another --to"
            print(f"silhouette publish: {told}", file=sys.stderr)
            return FAILED
    about = release["about"]
    print(
        f"{len(release['rows'])} counts of {args.date}, epsilon {args.epsilon:g}: 19 of 20 are within {about['margin']}"
    )
    print(f"Unit of privacy: {UNIT}")
    print(f"Kept in {name}; written to {', '.join(args.to)}")
    return OK


def _one_site(sites: Sequence[Site]) -> Site:
    if len(sites) != 1:
        raise RefusedError("--site: names a folder of several sites; name the file of one")
    return sites[0]


def _day(site: Site, text: str) -> Day:
    """Return the site day that begins on a date."""
    from pipeline.publish.ledger import date_named
    from transforms.calendar import day_on

    try:
        return day_on(site.time_zone, site.day_start, date_named(text))
    except (ValueError, OverflowError):
        raise RefusedError("--date: is written like 2026-01-05") from None


def _size(site: Site, text: str | None) -> int:
    from pydantic_core import PydanticCustomError

    from schemas.fields import parse_duration, write_duration

    sizes = ", ".join(map(write_duration, site.windows))
    try:
        size_us = site.windows[-1] if text is None else parse_duration(text)
    except PydanticCustomError:
        size_us = 0
    if size_us not in site.windows:
        raise RefusedError(f"--window: one of the site file's: {sizes}")
    return size_us


def _check(args: argparse.Namespace, site: Site, day: Day) -> None:
    from schemas.clock import now_us, to_rfc3339
    from transforms.protect import SETTLE_US

    if not (math.isfinite(args.epsilon) and 0 < args.epsilon <= MOST_EPSILON):
        raise RefusedError(f"--epsilon: above 0 and at most {MOST_EPSILON:g}")
    if wrong := [file for file in args.to if Path(file).suffix not in FORMATS]:
        raise RefusedError(f"--to: {wrong[0]}: ends with none of {', '.join(FORMATS)}")
    if not any(camera.lines for camera in site.cameras):
        raise RefusedError(f"--site: site {site.site} has no lines, and only footfall is released")
    if site.k.footfall > 1:
        raise RefusedError(
            f"--site: footfall has a k of {site.k.footfall}, so small counts are not there to add noise to, and which "
            "they are would tell of them; with k 1 for footfall it can be released"
        )
    over_us = day.end_us + site.lateness + SETTLE_US
    if now_us() < over_us:
        raise RefusedError(
            f"--date: {args.date} is open until {to_rfc3339(over_us)}, when the day and its lateness are over; a day "
            "is released once, so wait until then"
        )


def _check_site_file(output: str, site: Site, day: Day) -> None:
    """Refuse a site file that the day's records were not made with, where evidence says which they were."""
    from pipeline.evidence.verify import packs_of
    from schemas.clock import to_rfc3339
    from schemas.evidence import DayPack
    from schemas.site import site_digest

    dates = {to_rfc3339(instant)[:10] for instant in (day.start_us, day.end_us - 1)}
    packs = [pack for pack in packs_of(output.rstrip("/"), site.site, dates) if isinstance(pack, DayPack)]
    made_with = {pack.made_with.site_sha256 for pack in packs if pack.made_with is not None}
    if made_with and site_digest(site) not in made_with:
        raise RefusedError(
            f"--site: {site.site} says something else than the site file that the records of {day.date} were made "
            "with, by their evidence; give that one"
        )


def _release(output: str, site: Site, day: Day, request: Mapping[str, Any]) -> Release:
    """Draw the noise; what comes out has not been released before."""
    from pipeline.publish.noise import MECHANISM, add_noise

    rows = list(_rows(_counts(output, site, day, request["window_seconds"]), site, day, request))
    known = [row for row in rows if row["count"] is not None]
    if not known:
        raise RefusedError(f"--date: {output} holds no footfall of {request['date']}, so there is nothing to release")
    # One passage changes one count of each line that it crosses by one.
    sensitivity = max(len(camera.lines) for camera in site.cameras)
    noisy = add_noise([row["count"] for row in known], sensitivity, request["epsilon"])
    for row, count in zip(known, noisy.counts, strict=True):
        row["count"] = count
    about = {
        "unit_of_privacy": UNIT,
        "mechanism": MECHANISM,
        "scale": noisy.scale,
        "margin": noisy.margin,
        "sensitivity": sensitivity,
        "count": "crossings with noise: below 0 where few crossed, so that sums stay unbiased; empty for no data",
    }
    return {"request": dict(request), "about": about, "rows": rows}


def _counts(output: str, site: Site, day: Day, window_seconds: int) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    """Return the day's footfall rows that stand, by window and place."""
    from pipeline.view import current, read_records
    from schemas.clock import micros

    own = (
        row
        for row in current(read_records(output))["footfall"]
        if (row["site"], row["window_size_seconds"]) == (site.site, window_seconds)
    )
    keyed = ((micros(row["window_start"]), row) for row in own)
    return {
        (start_us, row["camera"], row["line"], row["direction"]): row
        for start_us, row in keyed
        if day.start_us <= start_us < day.end_us
    }


def _rows(
    counts: Mapping[tuple[Any, ...], Mapping[str, Any]], site: Site, day: Day, request: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield one row a line, direction and window of the day: which ones there are depends on nobody."""
    from schemas.clock import to_rfc3339
    from transforms.calendar import windows

    for start_us, end_us in windows(day, request["window_seconds"] * 10**6):
        for camera in site.cameras:
            for line in camera.lines:
                for direction in (line.directions.to_right, line.directions.to_left):
                    row = counts.get((start_us, camera.name, line.name, direction))
                    yield {
                        "site": site.site,
                        "date": request["date"],
                        "camera": camera.name,
                        "line": line.name,
                        "direction": direction,
                        "window_start": to_rfc3339(start_us),
                        "window_end": to_rfc3339(end_us),
                        "coverage": 0.0 if row is None else row["coverage"],
                        "count": None if row is None else row["count"],
                    }


def render(release: Release, suffix: str) -> bytes:
    """Return a release as the bytes of a file: always the same ones."""
    if suffix == ".json":
        return (json.dumps(release, indent=1) + "\n").encode()
    text = io.StringIO()
    for name, said in {**release["request"], **release["about"]}.items():
        text.write(f"# {name}: {said}\n")
    table = csv.DictWriter(text, FIELDS, lineterminator="\n")
    table.writeheader()
    table.writerows(release["rows"])
    return text.getvalue().encode()
