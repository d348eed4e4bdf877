"""What tests of the edge agent share: packets as a reader would hand them on, and the agent as a process."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from pipeline.edge.groups import Picture
from schemas.clock import SECOND_US

SITE = """
site: lab
site_version: 1
time_zone: UTC
cameras: [{name: door}, {name: hall}, {name: yard}]
"""


@contextmanager
def opened(payload: bytes) -> Iterator[tuple[av.VideoStream, list[Picture]]]:
    """Open a video in memory; yields its stream and packets, each as if it came when it is shown."""
    with av.open(io.BytesIO(payload)) as container:
        stream = container.streams.video[0]
        yield stream, [picture_of(packet, stream) for packet in container.demux(stream) if packet.size]


def picture_of(packet: av.Packet, stream: av.VideoStream) -> Picture:
    """Return a packet as a reader would hand it on."""
    stamp_us = None if packet.pts is None else round(packet.pts * stream.time_base * SECOND_US)
    return Picture(packet, stamp_us, stamp_us or 0, packet.is_keyframe, packet.size)


def wait_for(what: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something is true.

    Raises:
      AssertionError: it did not become so in time.
    """
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.05)


@contextmanager
def agent(*arguments: object, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run an agent, its log in a file; it is killed at the end if it still runs."""
    command = [str(Path(sys.executable).parent / "silhouette"), "edge", *map(str, arguments)]
    with log.open("ab") as stderr:
        process = subprocess.Popen(command, env=os.environ | environment, stderr=stderr)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def end(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> int:
    """Ask an agent to end, and return its exit code."""
    process.send_signal(number)
    return process.wait(timeout=30)
