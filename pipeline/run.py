"""`silhouette run`: count people in clips on this machine, into Avro metric records."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.job import add_job_flags, configure
from pipeline.machine import cores
from pipeline.usage import LOG_IN, UsageError, cause

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.config import Config
    from pipeline.view import Row

_TEN_YEARS_S = 315_360_000
_WAITING = "pipeline.pubsub"  # whose log tells what a job waits for
DIRECT, PRISM = RUNNERS = ("direct", "prism")


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "run",
        help="count people in clips, into Avro metric records",
        description="Counts people in clips on this machine and writes Avro metric records. "
        "The same clips, site file and model give the same records.",
        epilog="Exit codes: 0 all clips good; 3 done, some clips were bad; 1 failed; 2 wrong usage.",
    )
    add_job_flags(parser)
    local = parser.add_argument_group("this machine")
    local.add_argument("--workers", type=int, metavar="N", help=f"threads that look at files (default: {cores()})")
    local.add_argument(
        "--runner", choices=RUNNERS, default=DIRECT,
        help="direct writes records once the input has ended; prism, for a subscription, as time goes by",
    )  # fmt: skip
    local.add_argument("--until-idle", metavar="TIME", help="end once a subscription has brought nothing for so long")
    local.add_argument(
        "--evidence-key", type=Path, metavar="FILE",
        help="sign the evidence with this key, of `silhouette evidence keygen`; without it, unsigned, and not sealed "
        "where earlier seals are signed",
    )  # fmt: skip
    local.add_argument("--prism", type=Path, metavar="FILE", help="Beam's prism program (default: Beam fetches it)")


def run(args: argparse.Namespace) -> int:
    """Run the job; returns the exit code."""
    from pipeline.cli import FAILED, USAGE
    from pipeline.evidence.chain import ChainError
    from pipeline.evidence.close import close_evidence
    from pipeline.evidence.command import signer_of
    from pipeline.lineage import LineageError, begun, check_lineage, keep_lineage
    from pipeline.secrets import SecretError
    from pipeline.sites import SiteFileError
    from pipeline.storage import StorageError
    from pipeline.view import RecordsError

    try:
        _check(args)
        config = configure(args)
        _check_source(args, config)
        lineage = check_lineage(config)
        signer = signer_of(args.evidence_key)
    except SecretError as error:
        print(f"silhouette run: --evidence-key: {error}", file=sys.stderr)
        return USAGE
    except (UsageError, SiteFileError, LineageError) as error:
        print(f"silhouette run: {error}", file=sys.stderr)
        return USAGE
    except StorageError as error:
        print(f"silhouette run: --output: {error}", file=sys.stderr)
        return FAILED
    for told in _audits_ignored(config):
        print(f"silhouette run: {told}", file=sys.stderr)
    try:
        with begun(lineage):
            if config.subscription is not None:
                keep_lineage(lineage)  # before, for a stream may never end
            with _quiet():
                done = execute(config, args.workers or cores(), args.runner, args.prism)
            if config.subscription is None:
                keep_lineage(lineage)
    except LineageError as error:
        print(f"silhouette run: {error}", file=sys.stderr)
        return USAGE
    except Exception as error:
        print(f"silhouette run: the job failed: {cause(error)}", file=sys.stderr)
        return FAILED
    try:
        evidence = close_evidence(config, signer)
        code = report(config, done)
        print("\n".join(evidence))
        return code
    except (ChainError, OSError) as error:
        print(f"silhouette run: the records are written, and the evidence is not sealed: {error}", file=sys.stderr)
        return FAILED
    except RecordsError as error:
        print(f"silhouette run: the records are written, and cannot be summed up: {error}", file=sys.stderr)
        return FAILED


def _audits_ignored(config: Config) -> Iterator[str]:
    """Yield a line for each camera or group whose audit says nothing of what it counts now."""
    from schemas.floor import Group
    from schemas.geometry import audit_fault, walking_fault
    from schemas.site import Camera

    for site in config.sites:
        places: tuple[Camera | Group, ...] = (*site.cameras, *site.groups)
        for place in places:
            # The cameras of a group have one model.
            kind, camera = ("group", place.cameras[0]) if isinstance(place, Group) else ("camera", place.name)
            if fault := audit_fault(place, site.cameras, config.model_digits[site.site, camera]):
                yield f"{kind} {place.name}: {fault}; its records have no error intervals: audit it again"
            elif fault := walking_fault(place):
                yield f"{kind} {place.name}: {fault}; its movement has no error intervals: audit it again"


def _check(args: argparse.Namespace) -> None:
    """Check this command's own flags, and tell `configure` what the runner needs.

    Raises:
      UsageError: the text names the flag.
    """
    if args.workers is not None and args.workers < 1:
        raise UsageError("--workers: at least 1")
    args.ends = args.runner == DIRECT
    if args.runner == DIRECT and args.prism is not None:
        raise UsageError("--prism: is for --runner prism; leave it out")
    if args.prism is not None and not os.access(args.prism, os.X_OK):
        raise UsageError(f"--prism: {args.prism}: no such program")


def _check_source(args: argparse.Namespace, config: Config) -> None:
    """Check that runner and source fit together.

    Raises:
      UsageError: the text names the flag.
    """
    from google.api_core.exceptions import NotFound
    from google.auth.exceptions import GoogleAuthError

    from pipeline.pubsub import check_subscription

    if config.subscription is None:
        if args.runner == PRISM:
            raise UsageError("--runner prism: is for a subscription; files are counted by the direct runner")
        return
    if args.workers is not None:
        raise UsageError("--workers: is for files; how a subscription is read the runner knows")
    try:
        check_subscription(config.subscription.name)
    except NotFound:
        raise UsageError(
            f"--input: there is no subscription {config.subscription.name}: make it, or mend its name"
        ) from None
    except GoogleAuthError as error:
        raise UsageError(f"--input: {error}; {LOG_IN}") from None


class Done(NamedTuple):
    """What a job counted.

    Attributes:
      bad: Clips that it set aside, by reason.
      withheld: Groups of windows that it did not publish again.
      left_out: Clips that were good and not looked at: out of hours, or of time that no record was asked for.
      redacted: Clips and frames that it redacted, and leaks that it found, by the names of `transforms.redact`.
    """

    bad: Counter[str]
    withheld: int
    left_out: Counter[str]
    redacted: Counter[str]


def execute(config: Config, workers: int, runner: str = DIRECT, prism: Path | None = None) -> Done:
    """Run the job on this machine, under a progress bar.

    Args:
      config: The job.
      workers: Threads that look at files.
      runner: One of `RUNNERS`.
      prism: Beam's prism program; None: Beam fetches it.
    """
    from pipeline.graph import build
    from pipeline.lease import lease_of
    from pipeline.progress import ProgressListener, show_progress
    from transforms.dead_letters import CLIPS_SET_ASIDE
    from transforms.protect import GROUPS_WITHHELD
    from transforms.redact import RedactClips
    from transforms.validate import CLIPS_NOT_ASKED_FOR, CLIPS_OUTSIDE_SCHEDULE

    with ProgressListener() as listener, show_progress(listener, len(config.files) or None):
        # With several workers this runner takes an endless source for one that has ended.
        root = _pipeline(workers if config.subscription is None else 1, runner, prism)
        build(root, replace(config, progress=listener.ear))
        result = root.run()  # of the direct runner: when it is done
        try:
            result.wait_until_finish()
        except KeyboardInterrupt:
            with suppress(Exception):  # the runner may have heard of it first, and be gone
                result.cancel()
        else:
            if config.subscription is not None and config.subscription.acknowledge_late:
                lease_of(config.subscription.name).acknowledge_put_off()
    bad: Counter[str] = Counter()
    redacted: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    withheld = 0
    for counted in result.metrics().query()["counters"]:
        name = counted.key.metric.name
        if name.startswith(CLIPS_SET_ASIDE):
            bad[name.removeprefix(CLIPS_SET_ASIDE)] += counted.result
        elif name == GROUPS_WITHHELD:
            withheld += counted.result
        elif name in (CLIPS_OUTSIDE_SCHEDULE, CLIPS_NOT_ASKED_FOR):
            left_out[name] += counted.result
        elif counted.key.metric.namespace == RedactClips.__module__:
            redacted[name] += counted.result
    return Done(bad, withheld, left_out, redacted)


def _pipeline(workers: int, runner: str, prism: Path | None) -> beam.Pipeline:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    if runner == DIRECT:
        mode = "multi_threading" if workers > 1 else "in_memory"
        flags = [f"--direct_num_workers={workers}", f"--direct_running_mode={mode}"]
        return beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(flags))
    # Beam ends a portable job's streams after this many seconds, by default five minutes.
    flags = ["--streaming", "--environment_type=LOOPBACK", f"--job_server_timeout={_TEN_YEARS_S}"]
    if prism is not None:
        flags.append(f"--prism_location={prism.absolute()}")
    return beam.Pipeline(runner="PrismRunner", options=PipelineOptions(flags))


def report(config: Config, done: Done) -> int:
    """Print the summary and where the records are; returns the exit code.

    Args:
      config: The job that was run.
      done: What it counted.
    """
    from pipeline.cli import OK, SOME_BAD
    from pipeline.console import plain_console
    from pipeline.summary import tables
    from pipeline.view import current, read_records
    from transforms.validate import CLIPS_NOT_ASKED_FOR, CLIPS_OUTSIDE_SCHEDULE

    bad = done.bad
    console = plain_console()
    rows = current(read_records(config.output))
    asked = {family: [row for row in rows[family] if _is_asked(row, config)] for family in rows}
    if config.spans:
        for table in tables(asked):
            console.print(table)
    else:
        print("Nothing to report: no good clip says when it was recorded.")
    redacted = done.redacted
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(bad.items()))
    where = f" ({reasons}): see {config.output}/dead_letters" if bad else ""
    clips = f"{len(config.files)} clips, " if config.subscription is None else ""
    print(f"{clips}{bad.total()} bad{where}")
    if outside := done.left_out[CLIPS_OUTSIDE_SCHEDULE]:
        print(f"{outside} clips of hours in which the site is not watched: not looked at")
    if unasked := done.left_out[CLIPS_NOT_ASKED_FOR]:
        print(f"{unasked} clips on which no record between --from and --until depends: not looked at")
    if config.redaction is not None:
        print(
            f"{redacted['clips']} clips with {config.redaction.what} covered, in {config.output}/redacted: "
            f"{redacted['frames']:,} frames, {redacted['whole']:,} of them covered whole; leak measure: on "
            f"{redacted['measured']:,} frames {redacted['leaks_before']:,} left, with more covered "
            f"{redacted['leaks_after']:,}",
        )
    if done.withheld:
        print(
            f"{done.withheld} groups of windows of families with k were published before, in other windows or with "
            "less than k between: what was published stands (docs/suppression.md)",
        )
    for family, records in asked.items():
        if records:
            print(f"{len(records):>7,} {family} records in {config.output}/records/{family}")
    return SOME_BAD if bad else OK


def _is_asked(row: Row, config: Config) -> bool:
    """Tell whether a row is of a window and version that this job writes, and not an earlier one's into its folder."""
    from schemas.clock import SECOND_US, micros

    site = next((site for site in config.sites if site.site == row["site"]), None)
    span = config.spans.get(row["site"])
    if site is None or span is None:
        return False
    if row["site_version"] != site.site_version or row["window_size_seconds"] * SECOND_US not in site.windows:
        return False
    return micros(row["window_start"]) < span.until_us and micros(row["window_end"]) > span.from_us


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Beam's own log to errors that end the job, which are told once, at the end; what a job waits for is told."""
    root, waiting, told = logging.getLogger(), logging.getLogger(_WAITING), _Told(logging.WARNING)
    levels = root.level, waiting.level
    root.setLevel(logging.CRITICAL)
    waiting.setLevel(logging.WARNING)
    waiting.addHandler(told)
    waiting.propagate = False  # Beam's log has a handler of its own
    try:
        yield
    finally:
        waiting.propagate = True
        waiting.removeHandler(told)
        root.setLevel(levels[0])
        waiting.setLevel(levels[1])


class _Told(logging.Handler):
    """Tells on what stderr is at the moment: a progress bar stands in for it."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):  # a stderr that is gone ends no job
            print(f"silhouette run: {record.getMessage()}", file=sys.stderr)
