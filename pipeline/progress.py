"""How far a local job is: workers tell, the command line listens.

Beam's own metrics come only at the end of a local run. Workers may be threads or processes, so they send small
datagrams over the loopback; one that is lost costs a tick of a bar, nothing else, and what others send is ignored.
"""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import rich.console
import rich.progress

from transforms.detections import ClipDetections

LOOPBACK = "127.0.0.1"
EVEN = 128
"""Score, of 255, from which a box is more likely a person than not."""


class Ear(NamedTuple):
    """Where to tell.

    Attributes:
      port: UDP port on this machine.
      token: What a message must say to be heard.
    """

    port: int
    token: str


@dataclass(eq=False)
class ReportProgress(beam.PTransform[beam.PCollection[ClipDetections], beam.PCollection[ClipDetections]]):
    """Tells of each clip as it passes: its frames and the people found in them.

    Attributes:
      ear: Where to tell.
    """

    ear: Ear

    def expand(self, clips: beam.PCollection[ClipDetections]) -> beam.PCollection[ClipDetections]:
        return clips | "Tell" >> beam.ParDo(_TellFn(self.ear)).with_output_types(ClipDetections)


class _TellFn(beam.DoFn):
    def __init__(self, ear: Ear) -> None:
        self._ear = ear

    def setup(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def process(self, clip: ClipDetections) -> Iterator[ClipDetections]:
        people = int((clip.scores >= EVEN).sum())
        message = json.dumps([self._ear.token, len(clip.times_us), people]).encode()
        with suppress(OSError):
            self._socket.sendto(message, (LOOPBACK, self._ear.port))
        yield clip

    def teardown(self) -> None:
        self._socket.close()


@dataclass
class Progress:
    """What has been told so far."""

    clips: int = 0
    frames: int = 0
    people: int = 0


@contextmanager
def show_progress(listener: ProgressListener, clips: int | None) -> Iterator[None]:
    """Show a bar on the terminal while the body runs: clips, frames, people found in them, time left.

    Clips that are set aside early tell nothing: when the body is done, so is the bar. Of a stream (None) nobody knows
    how many clips there will be.
    """
    console = rich.console.Console(stderr=True)
    bar = rich.progress.Progress(
        rich.progress.TextColumn("clips"),
        rich.progress.MofNCompleteColumn(),
        rich.progress.BarColumn(),
        rich.progress.TextColumn("{task.fields[frames]:,} frames, {task.fields[people]:,} people seen in them"),
        rich.progress.TimeRemainingColumn(),
        console=console,
        auto_refresh=console.is_terminal,  # what nobody watches needs no drawing
    )
    task = bar.add_task("clips", total=clips, frames=0, people=0)
    over = threading.Event()

    def follow() -> None:
        while not over.wait(0.2):
            update()

    def update() -> None:
        told = listener.poll()
        bar.update(task, completed=told.clips, frames=told.frames, people=told.people)

    with bar:
        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            over.set()
            follower.join()
            update()
        if clips is not None:
            bar.update(task, completed=clips)


class ProgressListener:
    """Receives what the workers tell; a context manager."""

    def __enter__(self) -> ProgressListener:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, 0))
        self._socket.setblocking(False)
        self._token = secrets.token_hex(8)
        self.progress = Progress()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def ear(self) -> Ear:
        """Return where to tell."""
        return Ear(int(self._socket.getsockname()[1]), self._token)

    def poll(self) -> Progress:
        """Take in what has come and return the sums."""
        while True:
            try:
                message = self._socket.recv(256)
            except BlockingIOError:
                return self.progress
            with suppress(ValueError):  # no JSON: not from a worker
                match json.loads(message):
                    case [self._token, int(frames), int(people)]:
                        self.progress.clips += 1
                        self.progress.frames += frames
                        self.progress.people += people
