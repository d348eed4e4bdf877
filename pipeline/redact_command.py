"""`silhouette redact`: a video file to one with people, heads, faces or all that moves covered."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.machine import cores
from pipeline.redaction import FILLS, LEAK_MODEL_HELP, WHATS

if TYPE_CHECKING:
    from transforms.decode import OpenClip
    from transforms.redaction.leaks import Measure
    from transforms.redaction.redact import Tell

_STEPS = ("looking", "measuring", "encoding")


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "redact",
        help="cover people, heads, faces or all that moves in a video file",
        description="Writes a video again, as H.264 in an MP4, with people covered. Times and length stay; sound, "
        "other streams and metadata are left out. Another model than the one that masks then looks for what was "
        "left: where it finds something more is covered, and where it still does the frame is covered whole. What is "
        "left may still be personal data: see docs/redaction.md.",
        epilog="Exit codes: 0 done; 1 the video cannot be redacted, and nothing was written; 2 wrong usage.",
    )
    parser.add_argument("video", type=Path, metavar="IN", help="the video file")
    parser.add_argument("output", metavar="OUT.mp4", help="the file to write, here or gs://BUCKET/NAME.mp4")
    parser.add_argument(
        "--what", choices=WHATS, default=WHATS[0],
        help="what is covered; motion is all that moves (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--fill", choices=FILLS, default=FILLS[0], help="how (default: %(default)s)")
    parser.add_argument(
        "--model", metavar="MODEL", help="name or card of the model that finds what to cover (default: person, or face)"
    )
    parser.add_argument("--leak-model", metavar="MODEL", help=LEAK_MODEL_HELP)
    parser.add_argument("--workers", type=int, metavar="N", help="threads that detect (default: one a core)")


def run(args: argparse.Namespace) -> int:
    """Redact the video and say what was made; returns the exit code."""
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.redaction import choose_eyes
    from pipeline.storage import write
    from pipeline.usage import UsageError
    from transforms.decode import ClipError
    from transforms.redaction.eyes import open_eyes
    from transforms.redaction.redact import RedactionError, redact
    from transforms.redaction.what import Redaction

    try:
        _check(args)
        models, _ = choose_eyes(args.what, args.model, args.leak_model, "--leak-model")
    except UsageError as error:
        print(f"silhouette redact: {error}", file=sys.stderr)
        return USAGE
    threads = args.workers or cores()
    try:
        with _progress(args.video) as tell:
            redacted = redact(
                lambda: _opened(args.video), Redaction(args.what, args.fill), open_eyes(models),
                threads=threads, tell=tell,
            )  # fmt: skip
        write(args.output, redacted.payload)
    except (ClipError, RedactionError) as error:
        why = str(error).replace("_", " ")
        print(f"silhouette redact: {args.video} cannot be redacted: {why}. Is it a whole video file?", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"silhouette redact: {error.filename or args.output}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    print(summary(args.what, models.auditor[0].name, redacted.measure))
    print(f"{args.output}: {len(redacted.payload) / 1e6:.1f} MB")
    return OK


def summary(what: str, auditor: str, measure: Measure) -> str:
    """Say what was covered, and what another model still found."""
    return (
        f"{measure.frames:,} frames, {what} covered; {measure.whole:,} frames covered whole\n"
        f"leak measure: on {measure.measured:,} frames {auditor} found {measure.leaks_before:,} left; "
        f"with more covered {measure.leaks_after:,}, whose frames are covered whole"
    )


def _check(args: argparse.Namespace) -> None:
    from pipeline.storage import is_remote
    from pipeline.usage import UsageError

    if not args.video.is_file():
        raise UsageError(f"IN: {args.video}: there is no such file")
    if not args.output.endswith(".mp4"):
        raise UsageError(f"OUT.mp4: {args.output}: what is written is an MP4; name it so")
    if is_remote(args.output):
        if not args.output.startswith("gs://"):
            raise UsageError(f"OUT.mp4: {args.output}: name a file here, or one in a bucket as gs://BUCKET/NAME.mp4")
    elif Path(args.output).exists() and args.video.samefile(args.output):
        raise UsageError("OUT.mp4: is the video itself, which would be lost; name another file")
    if args.workers is not None and args.workers < 1:
        raise UsageError("--workers: at least 1")


@contextmanager
def _opened(video: Path) -> Iterator[OpenClip]:
    from pipeline.video_file import BOUNDLESS, open_video
    from transforms.decode import OpenClip

    with open_video(video) as (container, stream):
        yield OpenClip(container, stream, BOUNDLESS)


@contextmanager
def _progress(video: Path) -> Iterator[Tell]:
    """Show a bar a step, on a terminal; yields what moves them."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from pipeline.video_file import open_video

    with open_video(video) as (container, stream):
        total = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    console = Console(stderr=True)
    told = TextColumn("{task.description:>10}"), BarColumn(), TextColumn("{task.completed:.0f} s"), TimeElapsedColumn()
    with Progress(*told, console=console, disable=not console.is_terminal, transient=True) as progress:
        bars = {step: progress.add_task(step, total=total or None, start=False) for step in _STEPS}

        def tell(step: str, offset_us: int) -> None:
            progress.start_task(bars[step])
            progress.update(bars[step], completed=offset_us / 1e6)

        yield tell
