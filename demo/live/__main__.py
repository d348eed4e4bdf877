"""`make live`: two cameras to Pub/Sub to the job, and its counts as they come, on this machine.

The cameras are agents that play the demo's video in real time. Pub/Sub is Google's emulator, the job runs on Prism.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from rich.console import Console

from benchmarks.figures import REPORTS, Figure, write_report
from demo.live.figures import Place, Records, percentile, places
from demo.live.parts import SIGNALS, SITE, PartError, Parts
from demo.live.screen import Picture, shown, tables
from pipeline.cli import FAILED, OK, USAGE
from pipeline.sites import load_sites
from schemas.clock import SECOND_US
from schemas.site import Site
from tests.support.builds import BuildError

_NEXT_AGENT_S = 20.0  # so that the cameras do not count the same
_PATIENCE_S = 300.0
_LOOK_S = 0.5
_LACKING = (pytest.skip.Exception, pytest.fail.Exception)
"""How what starts things for the tests says that a machine lacks something."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run all of it until it is asked to end; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="make live", description=__doc__, epilog="Exit codes: 0 ended as asked; 1 failed; 2 wrong usage."
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to make and to write to")
    parser.add_argument("--seconds", type=float, default=math.inf, help="end so long after the first counts came")
    parser.add_argument("--reports", type=Path, default=REPORTS, metavar="DIR", help="folder for live.json")
    args = parser.parse_args(argv)
    try:
        args.output.mkdir(parents=True)
    except OSError as error:
        print(f"make live: --output: {args.output}: {error.strerror}; name a folder to make", file=sys.stderr)
        return USAGE
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    console = Console()
    (site,) = load_sites(SITE)
    parts = Parts(args.output.absolute())
    records = Records(parts.output)
    try:
        with parts:
            try:
                _run(parts, records, site, console, args.seconds)
            except KeyboardInterrupt:
                pass
            finally:
                _ignore_signals()
                console.print("Ending the agents, the job and the emulator.")
    except (PartError, BuildError, *_LACKING) as error:
        print(f"make live: {error}", file=sys.stderr)
        return FAILED
    records.look()
    _report(records, args.reports)
    if records.files:
        for part in tables(_picture(parts, records, places(records.standing(), site), site)):
            console.print(part, highlight=False)
        console.print(f"The records are in {args.output}/job/records.", highlight=False)
    console.print("All of it has ended.")
    return OK


def _report(records: Records, folder: Path) -> None:
    """Write `live.json`, as every target that prints figures does; nothing where no record has anything behind it."""
    took = records.seconds()
    if not took:
        return
    how = f"seconds from a window's end to a file with its record, of {len(took):,} records; cameras in real time"
    figures = [Figure(f"window_to_record_p{p}_seconds", percentile(took, p / 100), how) for p in (50, 99)]
    write_report("live", [*figures, Figure("dead_letters", records.dead_letters, "rows", "== 0")], folder)


def _interrupt(*_: object) -> NoReturn:
    _ignore_signals()  # a second one would leave something running
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _run(parts: Parts, records: Records, site: Site, console: Console, seconds: float) -> None:
    """Start all of it, and show it until its time is over.

    Raises:
      PartError: something does not run, or brings nothing.
    """
    console.print("Starting the Pub/Sub emulator.")
    parts.start_pubsub()
    console.print("Starting the job; its first records say that there is no data yet.")
    parts.start_job()
    # What a job finds at its first start is a backlog, which it reads whole before it reports: this one is empty.
    deadline = time.monotonic() + _PATIENCE_S
    while not records.look():
        parts.check(deadline)
        time.sleep(_LOOK_S)
    console.print("Starting an agent for each camera, one after the other.")
    begun, end = time.monotonic(), math.inf
    to_start = [(begun + index * _NEXT_AGENT_S, camera.name) for index, camera in enumerate(site.cameras)]
    told = places(records.standing(), site)
    with shown(console) as show:
        while (now := time.monotonic()) < end:
            if to_start and now >= to_start[0][0]:
                parts.start_agent(to_start.pop(0)[1])
            if records.look():
                told = places(records.standing(), site)
            if records.seconds() and end == math.inf:
                end = now + seconds
            parts.check(math.inf if records.seconds() else begun + _PATIENCE_S)
            show(_picture(parts, records, told, site))
            time.sleep(_LOOK_S)


def _picture(parts: Parts, records: Records, told: Sequence[Place], site: Site) -> Picture:
    return Picture(
        window_s=site.windows[0] // SECOND_US,
        places=told,
        agents=parts.agents(),
        files=records.files,
        rows=records.rows,
        dead_letters=records.dead_letters,
        seconds=records.seconds(),
    )


if __name__ == "__main__":
    sys.exit(main())
