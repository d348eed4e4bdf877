"""Measured runs: each in processes of its own, which start together when all of them are ready.

A child says `ready` when it has imported and loaded all it needs, waits for a line, works, and prints what it
measured. Times are those of the machine's monotonic clock, which its processes share.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class RunFailed(RuntimeError):
    """A measured process ended in an error; the text is the end of what it said."""


@dataclass(frozen=True)
class Lap:
    """What one process measured.

    Attributes:
      frames: Frames that it worked on.
      begin: When work began, seconds.
      end: When work was done, seconds.
      peak_bytes: Its largest resident memory since it started.
    """

    frames: int
    begin: float
    end: float
    peak_bytes: int


@dataclass(frozen=True)
class Run:
    """What a run of one or more processes took.

    Attributes:
      frames: Frames that they worked on, together.
      seconds: From the first one's begin to the last one's end.
      start_up: Seconds from their launch until work began.
      peak_bytes: Their largest resident memory, added up.
    """

    frames: int
    seconds: float
    start_up: float
    peak_bytes: int

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds


def measure(commands: Sequence[Sequence[object]], cores: set[int]) -> Run:
    """Run children at once on some of the machine's cores.

    Args:
      commands: For each child its module under `benchmarks` and its arguments.
      cores: The cores they may use.

    Raises:
      RunFailed: one of them failed.
    """
    launched = time.monotonic()
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)  # children inherit it
    try:
        children = [_launch(*map(str, command)) for command in commands]
    finally:
        os.sched_setaffinity(0, allowed)
    laps = _conduct(children)
    begin = min(lap.begin for lap in laps)
    return Run(
        frames=sum(lap.frames for lap in laps),
        seconds=max(lap.end for lap in laps) - begin,
        start_up=begin - launched,
        peak_bytes=sum(lap.peak_bytes for lap in laps),
    )


def _launch(module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _conduct(children: Sequence[subprocess.Popen[str]]) -> list[Lap]:
    try:
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        laps = []
        for child in children:
            assert child.stdin is not None
            with suppress(BrokenPipeError):  # one that has failed says why, below
                child.stdin.write("go\n")
                child.stdin.flush()
        for child in children:
            out, complaint = child.communicate()
            if child.returncode:
                raise RunFailed(complaint[-2000:])
            laps.append(Lap(**json.loads(out.splitlines()[-1])))
        return laps
    finally:
        for child in children:
            child.kill()


def wait_for_start() -> None:
    """In a child: say that it is ready, and wait until all are."""
    print("ready", flush=True)
    sys.stdin.readline()


def tell(frames: int, begin: float, end: float) -> None:
    """In a child: tell what was measured, with times of `time.monotonic()`."""
    print(json.dumps(asdict(Lap(frames, begin, end, _peak_bytes()))), flush=True)


def _peak_bytes() -> int:
    """Return the largest resident memory of this process; `getrusage` would count its parent's before the exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status does not say VmHWM: run the benchmarks on Linux")
