"""`silhouette run`: count people in clips on this machine, into Avro metric records."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.archive import ClipFile
    from pipeline.config import Config
    from pipeline.view import Row
    from schemas.site import Site
    from transforms.arrivals import Span

ON_BIOMETRIC = ("drop", "fail")


class UsageError(ValueError):
    """Wrong usage; the text names the flag and says what to do."""


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    from transforms.decode import ClipLimits

    parser = commands.add_parser(
        "run",
        help="count people in clips, into Avro metric records",
        description="Counts people in clips on this machine and writes Avro metric records. "
        "The same clips, site file and model give the same records.",
        epilog="Exit codes: 0 all clips good; 3 done, some clips were bad; 1 failed; 2 wrong usage.",
    )
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.yaml", help="site file, or a folder of them")
    parser.add_argument(
        "--clips", type=Path, nargs="+", required=True, metavar="PATH",
        help="clips, or folders of them, each with its envelope NAME.json beside it",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the records")
    own = parser.add_argument_group("clips without an envelope")
    own.add_argument("--camera", help="their camera (default: the site's only one)")
    own.add_argument(
        "--start", metavar="TIME",
        help="capture start of the one clip given, as 2026-01-05T09:00:00Z (default: the container's creation time)",
    )  # fmt: skip
    own.add_argument("--fps", type=float, help="true frames a second (default: what the container says)")
    span = parser.add_argument_group("stretch of time to report")
    span.add_argument("--from", dest="from_", metavar="TIME", help="default: from the window of each site's first clip")
    span.add_argument("--until", metavar="TIME", help="default: until the window of each site's last clip")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="threads that look at clips (default: %(default)s)"
    )
    parser.add_argument(
        "--on-biometric", choices=ON_BIOMETRIC, default="drop",
        help="what to do with a field that must not leave (default: %(default)s)",
    )  # fmt: skip
    limits = parser.add_argument_group("limits of a clip; one beyond goes to the dead letters")
    for field in fields(ClipLimits):
        flag = "--" + field.name.replace("_", "-").replace("max-", "max-clip-")
        kind = float if isinstance(field.default, float) else int
        limits.add_argument(flag, dest=field.name, type=kind, default=field.default, help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    """Run the job; returns the exit code."""
    from pipeline.cli import FAILED, USAGE
    from pipeline.lineage import LineageError, keep_lineage
    from pipeline.models.cards import ModelError
    from pipeline.sites import SiteFileError

    try:
        config = configure(args)
        keep_lineage(config)
    except (UsageError, SiteFileError, ModelError, LineageError) as error:
        print(f"silhouette run: {error}", file=sys.stderr)
        return USAGE
    try:
        with _quiet():
            bad = execute(config, args.workers)
    except Exception as error:
        print(f"silhouette run: the job failed: {_cause(error)}", file=sys.stderr)
        return FAILED
    return report(config, bad)


def configure(args: argparse.Namespace) -> Config:
    """Turn flags into a configuration, everything checked.

    Raises:
      UsageError: a flag does not fit; the text names it.
      SiteFileError: a site file has mistakes.
      ModelError: a model is not here, or its card is not valid.
    """
    from pipeline.archive import ArchiveError
    from pipeline.config import Config
    from pipeline.models.registry import resolve
    from pipeline.sites import load_sites
    from transforms.decode import ClipLimits

    try:
        sites = load_sites(args.site)
        limits = ClipLimits(**{field.name: getattr(args, field.name) for field in fields(ClipLimits)})
    except OSError as error:
        raise UsageError(f"--site: {error.strerror}: {args.site}") from error
    except ValueError as error:
        if isinstance(error, UsageError) or type(error).__name__ == "SiteFileError":
            raise
        raise UsageError(f"--max-clip-…: {error}") from error
    if args.workers < 1:
        raise UsageError("--workers: at least 1")
    if args.output.exists() and not args.output.is_dir():
        raise UsageError(f"--output: {args.output} is a file; name a folder")
    folder = args.site if args.site.is_dir() else args.site.parent
    try:
        files = _clips(args, sites)
    except ArchiveError as error:
        raise UsageError(str(error)) from error
    return Config(
        sites=sites,
        models={(site.site, camera.name): resolve(camera.model, folder) for site in sites for camera in site.cameras},
        files=files,
        spans=_spans(args, sites, files),
        output=args.output,
        limits=limits,
        on_biometric=args.on_biometric,
    )


def _clips(args: argparse.Namespace, sites: Sequence[Site]) -> list[ClipFile]:
    """Find the clips; those without an envelope are what the flags say."""
    from pipeline.archive import NO_ENVELOPE, Capture, find_clips

    cameras = [
        (site.site, camera.name) for site in sites for camera in site.cameras if args.camera in (None, camera.name)
    ]
    if args.camera is not None and len(cameras) != 1:
        raise UsageError(f"--camera: {len(cameras)} cameras of the site files are named {args.camera}")
    if args.fps is not None and not 0 < args.fps <= 1000:
        raise UsageError("--fps: must be above 0 and at most 1000")
    start_us = _instant("--start", args.start)
    capture = Capture(*cameras[0], start_us, args.fps) if len(cameras) == 1 else None
    files = find_clips(args.clips, capture)
    alone = [file for file in files if not file.path.with_suffix(".json").exists()]
    if not alone and (args.camera or args.start or args.fps):
        raise UsageError("--camera, --start, --fps: every clip has an envelope, which says so; leave them out")
    if alone and all(file.fault == NO_ENVELOPE for file in files):
        wanted = "--camera" if capture is None else "--start"
        raise UsageError(f"{wanted}: {alone[0].path.name} has no envelope, and nothing else says this; give the flag")
    return files


def _spans(args: argparse.Namespace, sites: Sequence[Site], files: Sequence[ClipFile]) -> dict[str, Span]:
    """Return for each site the stretch that was asked for, or that of its clips."""
    from transforms.arrivals import Span

    from_us, until_us = (_instant(flag, value) for flag, value in (("--from", args.from_), ("--until", args.until)))
    spans = {}
    for site in sites:
        clips = [file.envelope for file in files if file.envelope and file.envelope.site == site.site]
        begin = from_us if from_us is not None else min((clip.start_us for clip in clips), default=None)
        end = until_us if until_us is not None else max((clip.end_us for clip in clips), default=None)
        if begin is None or end is None:
            continue
        if begin >= end:
            raise UsageError(f"--from, --until: no time lies between them for site {site.site}")
        spans[site.site] = Span(begin, end)
    return spans


def _instant(flag: str, text: str | None) -> int | None:
    from schemas.clock import from_rfc3339

    try:
        return None if text is None else from_rfc3339(text)
    except ValueError:
        raise UsageError(f"{flag}: must be an instant with its offset, as 2026-01-05T09:00:00Z") from None


def execute(config: Config, workers: int) -> Counter[str]:
    """Run the job on this machine's threads, under a progress bar; returns the clips set aside, by reason."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    from pipeline.graph import build
    from pipeline.progress import ProgressListener, show_progress
    from transforms.dead_letters import CLIPS_SET_ASIDE

    mode = "multi_threading" if workers > 1 else "in_memory"
    options = PipelineOptions([f"--direct_num_workers={workers}", f"--direct_running_mode={mode}"])
    with ProgressListener() as listener, show_progress(listener, len(config.files)):
        root = beam.Pipeline(runner=FnApiRunner(), options=options)
        build(root, replace(config, progress=listener.port))
        result = root.run()
        result.wait_until_finish()
    bad: Counter[str] = Counter()
    for counted in result.metrics().query()["counters"]:
        name = counted.key.metric.name
        if name.startswith(CLIPS_SET_ASIDE):
            bad[name.removeprefix(CLIPS_SET_ASIDE)] += counted.result
    return bad


def report(config: Config, bad: Counter[str]) -> int:
    """Print the summary and where the records are; returns the exit code.

    Args:
      config: The job that was run.
      bad: How many clips it set aside, by reason.
    """
    from rich.console import Console

    from pipeline.cli import OK, SOME_BAD
    from pipeline.summary import tables
    from pipeline.view import current, read_records

    console = Console()
    rows = current(read_records(config.output))
    asked = {family: [row for row in rows[family] if _in_span(row, config.spans)] for family in rows}
    if config.spans:
        for table in tables(asked):
            console.print(table)
    else:
        console.print("Nothing to report: no good clip says when it was recorded.")
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(bad.items()))
    where = f" ({reasons}): see {config.output / 'dead_letters'}" if bad else ""
    console.print(f"{len(config.files)} clips, {bad.total()} bad{where}", highlight=False)
    for family, records in asked.items():
        console.print(f"{len(records):>7,} {family} records in {config.output / 'records' / family}", highlight=False)
    return SOME_BAD if bad else OK


def _in_span(row: Row, spans: Mapping[str, Span]) -> bool:
    from schemas.clock import micros

    span = spans.get(row["site"])
    return span is not None and micros(row["window_start"]) < span.until_us and micros(row["window_end"]) > span.from_us


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Beam's own log to errors that end the job, which are told once, at the end."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _cause(error: BaseException) -> str:
    """Return the first line of the fault at the bottom, and its type: Beam wraps it in the stack of its steps."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no further reason'}"
