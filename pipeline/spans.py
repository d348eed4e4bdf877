"""The stretch of event time that a job reports on, from its flags and its clips: `--from` and `--until`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from pipeline.usage import UsageError, instant

if TYPE_CHECKING:
    from pipeline.archive import ClipFile
    from schemas.envelope import Envelope
    from schemas.site import Site
    from transforms.arrivals import Span
    from transforms.decode import ClipLimits

LONGEST_DAYS = 400
"""Records are asked for at most so many days at once: nobody means more, and a clock that was reset does."""
_DAY_US = 86_400_000_000


def spans_of_clips(
    args: argparse.Namespace, sites: Sequence[Site], files: Sequence[ClipFile], limits: ClipLimits
) -> dict[str, Span]:
    """Return for each site the stretch that was asked for, or that of its clips, each as long as a clip may be."""
    from transforms.arrivals import Span

    from_us, until_us = (instant(flag, value) for flag, value in (("--from", args.from_), ("--until", args.until)))
    spans = {}
    for site in sites:
        cameras = {(site.site, camera.name) for camera in site.cameras}
        told = [(file.path.name, file.envelope) for file in files if file.envelope]
        clips = [(name, clip) for name, clip in told if (clip.site, clip.camera) in cameras]
        begin = from_us if from_us is not None else min((clip.start_us for _, clip in clips), default=None)
        ends = (limits.end_us(clip.start_us, clip.end_us) for _, clip in clips)
        end = until_us if until_us is not None else max(ends, default=None)
        if begin is None or end is None:
            continue
        if begin >= end:
            raise UsageError(f"--from, --until: no time lies between them for site {site.site}")
        if (days := (end - begin) // _DAY_US) > LONGEST_DAYS:
            raise UsageError(_too_long(days, clips, given=from_us is not None and until_us is not None))
        spans[site.site] = Span(begin, end)
    return spans


def open_spans(args: argparse.Namespace, sites: Sequence[Site], output: str) -> dict[str, Span]:
    """Return for each site the stretch that was asked for: without an end, unless it was given one."""
    from pipeline.lineage import first_start
    from schemas.clock import now_us
    from transforms.arrivals import OPEN_US, Span

    from_us, until_us = (instant(flag, value) for flag, value in (("--from", args.from_), ("--until", args.until)))
    now = now_us()
    if from_us is not None and (days := ((until_us or now) - from_us) // _DAY_US) > LONGEST_DAYS:
        raise UsageError(f"--from: asks for {days:,} days; ask for {LONGEST_DAYS} at most")
    spans = {}
    for site in sites:
        begin = from_us
        if begin is None and (first_us := first_start(output, site)) is not None:
            if not getattr(args, "resumes", False):
                raise UsageError(
                    f"--output: a stream has written records of site {site.site}, site_version {site.site_version}, to "
                    f"{output}, and this one begins without what that one knew: say by --from from when on it reports, "
                    "raise site_version, or name another folder"
                )
            begin = first_us
        begin = now if begin is None else begin
        end = OPEN_US if until_us is None else until_us
        if begin >= end:
            raise UsageError(f"--from, --until: no time lies between them for site {site.site}")
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
