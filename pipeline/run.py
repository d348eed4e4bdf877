"""`silhouette run`: count people in clips on this machine, into Avro metric records."""

from __future__ import annotations

import argparse
import logging
import math
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.archive import ClipFile
    from pipeline.config import Config
    from pipeline.view import Row
    from schemas.envelope import Envelope
    from schemas.site import Site
    from transforms.arrivals import CameraKey, Span
    from transforms.decode import ClipLimits
    from transforms.detect import Model

# As `transforms.guard` has them, whose import takes too long for --help; a test holds them equal.
ON_BIOMETRIC = ("drop", "fail")

LONGEST_DAYS = 400
"""Records are asked for at most so many days at once: nobody means more, and a clock that was reset does."""
_DAY_US = 86_400_000_000


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
        "--workers", type=int, default=_cores(), help="threads that look at clips (default: %(default)s)"
    )
    parser.add_argument(
        "--on-biometric", choices=ON_BIOMETRIC, default="drop",
        help="what to do with a field that must not leave (default: %(default)s)",
    )  # fmt: skip
    limits = parser.add_argument_group("limits of a clip; one beyond goes to the dead letters")
    for field in fields(ClipLimits):
        kind = float if isinstance(field.default, float) else int
        limits.add_argument(
            _limit_flag(field.name), dest=field.name, type=kind, default=field.default, help="default: %(default)s"
        )


def _cores() -> int:
    """Return how many of the machine's cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _limit_flag(limit: str) -> str:
    return "--" + limit.replace("_", "-").replace("max-", "max-clip-")


def run(args: argparse.Namespace) -> int:
    """Run the job; returns the exit code."""
    from pipeline.cli import FAILED, USAGE
    from pipeline.lineage import LineageError, check_lineage, keep_lineage
    from pipeline.sites import SiteFileError
    from pipeline.view import RecordsError

    try:
        config = configure(args)
        lineage = check_lineage(config)
    except (UsageError, SiteFileError, LineageError) as error:
        print(f"silhouette run: {error}", file=sys.stderr)
        return USAGE
    try:
        with _quiet():
            bad = execute(config, args.workers)
        keep_lineage(lineage)
    except Exception as error:
        print(f"silhouette run: the job failed: {cause(error)}", file=sys.stderr)
        return FAILED
    try:
        return report(config, bad)
    except RecordsError as error:
        print(f"silhouette run: the records are written, and cannot be summed up: {error}", file=sys.stderr)
        return FAILED


def configure(args: argparse.Namespace) -> Config:
    """Turn flags into a configuration, everything checked.

    Raises:
      UsageError: a flag does not fit, or a model cannot be used; the text names the flag, or the site file.
      SiteFileError: a site file has mistakes.
    """
    from pipeline.archive import ArchiveError
    from pipeline.config import Config
    from pipeline.sites import load_sites

    try:
        sites = load_sites(args.site)
    except OSError as error:
        raise UsageError(f"--site: {error.strerror}: {args.site}") from error
    if args.workers < 1:
        raise UsageError("--workers: at least 1")
    limits = _limits(args)
    try:
        files = _clips(args, sites)
    except ArchiveError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"--clips: {error.filename}: {error.strerror}") from error
    config = Config(
        sites=sites,
        models=_models(args.site, sites),
        files=files,
        spans=_spans(args, sites, files),
        output=args.output,
        limits=limits,
        on_biometric=args.on_biometric,
    )
    try:
        args.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--output: {args.output}: {error.strerror}; name a folder that can be made") from error
    if not os.access(args.output, os.W_OK | os.X_OK):
        raise UsageError(f"--output: {args.output} must not be written to; name another folder, or get the rights")
    return config


def _limits(args: argparse.Namespace) -> ClipLimits:
    from transforms.decode import ClipLimits

    limits = {field.name: getattr(args, field.name) for field in fields(ClipLimits)}
    for name, value in limits.items():
        if not 0 < value < math.inf:
            raise UsageError(f"{_limit_flag(name)}: must be positive")
    return ClipLimits(**limits)


def _models(path: Path, sites: Sequence[Site]) -> dict[CameraKey, Model]:
    """Find each camera's model, and open each once, so that one that is refused is told before the job begins."""
    from pipeline.models.cards import ModelError
    from pipeline.models.registry import resolve
    from transforms.admission import ModelRefused
    from transforms.detector import Detector

    folder = path if path.is_dir() else path.parent
    found: dict[str, Model] = {}
    models = {}
    for site in sites:
        for camera in site.cameras:
            if camera.model not in found:
                try:
                    found[camera.model] = card, file = resolve(camera.model, folder)
                    Detector.open(card, file)
                except (ModelError, ModelRefused, OSError) as error:
                    where = f"{path}: site {site.site}" if path.is_dir() else f"{path}"
                    raise UsageError(f"{where}: camera {camera.name}: {error}") from error
            models[site.site, camera.name] = found[camera.model]
    return models


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
        if capture is None:
            raise UsageError(f"--camera: {alone[0].path.name} has no envelope; say which camera recorded it")
        raise UsageError(
            f"--start, --fps: {alone[0].path.name} has no envelope, and its headers do not say both when it was "
            "recorded and its frames a second; give the flags"
        )
    return files


def _spans(args: argparse.Namespace, sites: Sequence[Site], files: Sequence[ClipFile]) -> dict[str, Span]:
    """Return for each site the stretch that was asked for, or that of its clips."""
    from transforms.arrivals import Span

    from_us, until_us = (_instant(flag, value) for flag, value in (("--from", args.from_), ("--until", args.until)))
    spans = {}
    for site in sites:
        cameras = {(site.site, camera.name) for camera in site.cameras}
        told = [(file.path.name, file.envelope) for file in files if file.envelope]
        clips = [(name, clip) for name, clip in told if (clip.site, clip.camera) in cameras]
        begin = from_us if from_us is not None else min((clip.start_us for _, clip in clips), default=None)
        end = until_us if until_us is not None else max((clip.end_us for _, clip in clips), default=None)
        if begin is None or end is None:
            continue
        if begin >= end:
            raise UsageError(f"--from, --until: no time lies between them for site {site.site}")
        if (days := (end - begin) // _DAY_US) > LONGEST_DAYS:
            raise UsageError(_too_long(days, clips, given=from_us is not None and until_us is not None))
        spans[site.site] = Span(begin, end)
    return spans


def _too_long(days: int, clips: Sequence[tuple[str, Envelope]], *, given: bool) -> str:
    """Return what is wrong with a stretch of so many days; of clips, which one is far from the others."""
    from schemas.clock import to_rfc3339

    if given:
        return f"--from, --until: {days:,} days lie between them; ask for {LONGEST_DAYS} at most"
    usual_us = median(clip.start_us for _, clip in clips)
    # Of two that are equally far, the earlier: a clock that was reset is behind.
    name, clip = max(clips, key=lambda told: (abs(told[1].start_us - usual_us), -told[1].start_us))
    return (
        f"--from, --until: the clips span {days:,} days ({name} says {to_rfc3339(clip.start_us)[:10]}), and "
        f"{LONGEST_DAYS} is the most; give both"
    )


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
        build(root, replace(config, progress=listener.ear))
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


def cause(error: BaseException) -> str:
    """Return the type and the first line of the fault at the bottom, which Beam wraps in the stack of its steps."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line for line in str(error).splitlines() if line.strip()] or ["no further reason"]
    # Of a worker's fault there is only the text of its stack, the fault last.
    told = lines[-1] if lines[0].startswith("Traceback") else f"{type(error).__name__}: {lines[0]}"
    return re.sub(r" \[while running '.*?'\]", "", told)
