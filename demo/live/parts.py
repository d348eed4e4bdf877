"""What runs in `make live`: the Pub/Sub emulator, the job on Prism, and an agent for each camera."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pipeline.edge.status import read_status
from tests.conftest import ROOT
from tests.support import builds
from tests.support.pubsub import PubSub, free_port

SITE = ROOT / "demo/live/site.yaml"
VIDEO = ROOT / "demo/one-by-one.mp4"

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks to end."""

# Times that suit somebody who waits for the next number. A job that lasts has clips of 5 s, waits 30 s for those that
# are late, and writes a file in 5 minutes.
_CLIP_S, _DISORDER, _FLUSH = 2, "6s", "2s"
_END_S = 20.0
_LOG_CHARACTERS = 1500


class PartError(RuntimeError):
    """Something that is needed does not run; the text says what, and where to look."""


@dataclass(frozen=True)
class Agent:
    """What an agent says of itself.

    Attributes:
      camera: Its camera.
      state: Whether it runs, in a word.
      cut: Clips that it has cut.
      acknowledged: Those of them that Pub/Sub has.
      waiting: Those of them that are in its spool.
    """

    camera: str
    state: str
    cut: int = 0
    acknowledged: int = 0
    waiting: int = 0


class Parts:
    """The processes, each with a session and a log of its own; a context manager that ends them, the last first.

    Args:
      folder: Where all of it is written.

    Attributes:
      output: Where the job's records are.
    """

    def __init__(self, folder: Path) -> None:
        self.output = folder / "job"
        self._folder = folder
        self._held = ExitStack()
        self._pubsub = PubSub("silhouette-live", f"127.0.0.1:{free_port()}")
        self._topic = self._subscription = ""
        self._job: subprocess.Popen[bytes] | None = None
        self._agents: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._held.callback(self._pubsub.stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def start_pubsub(self) -> None:
        """Start the emulator, with a topic for clips and the job's subscription to it.

        Raises:
          PartError: it does not start.
        """
        try:
            self._pubsub.start()
        except (RuntimeError, OSError):
            raise PartError(
                "the Pub/Sub emulator does not start: install it with `gcloud components install pubsub-emulator`, "
                "or Google's package google-cloud-cli-pubsub-emulator, and Java"
            ) from None
        self._topic = self._pubsub.topic("clips")
        self._subscription = self._pubsub.subscription(self._topic, name="job")

    def start_job(self) -> None:
        """Start the job; Prism is built at first use."""
        self._job = self._start(
            "job", "run", "--site", SITE, "--input", self._subscription, "--output", self.output, "--runner", "prism",
            "--prism", builds.prism(), "--readers", 1, "--disorder", _DISORDER, "--flush", _FLUSH,
        )  # fmt: skip

    def start_agent(self, camera: str) -> None:
        """Start a camera's agent, which plays the video in real time, again and again."""
        self._agents[camera] = self._start(
            camera, "edge", "--site", SITE, "--topic", self._topic, "--camera", camera, "--source", VIDEO, "--loop",
            "--seconds", _CLIP_S, "--spool", self._spool(camera),
        )  # fmt: skip

    def check(self, deadline: float) -> None:
        """See whether all goes well.

        Args:
          deadline: Until when, on the monotonic clock.

        Raises:
          PartError: the job has ended, or an agent has failed, or it is too late.
        """
        if self._job is not None and (code := self._job.poll()) is not None:
            raise PartError(f"the job has ended with {code}; {self._said('job')}")
        for camera, agent in self._agents.items():
            if (agent.poll() or 0) > 0:  # below 0 somebody killed it, to see what becomes of the counts
                raise PartError(f"the agent of {camera} has ended with {agent.returncode}; {self._said(camera)}")
        if time.monotonic() > deadline:
            raise PartError(f"the job writes nothing: is the machine too busy? {self._said('job')}")

    def agents(self) -> list[Agent]:
        """Return what each agent that was started says of itself."""
        found = []
        for camera, process in self._agents.items():
            code = process.poll()
            state = f"runs ({process.pid})" if code is None else "ended" if code == 0 else f"ended with {code}"
            try:
                said = read_status(self._spool(camera)).cameras[camera]
            except (OSError, ValueError, KeyError):  # it has said nothing yet
                found.append(Agent(camera, state))
            else:
                found.append(Agent(camera, state, said.clips, said.sent, said.spool_clips))
        return found

    def _spool(self, camera: str) -> Path:
        return self._folder / f"spool-{camera}"

    def _said(self, name: str) -> str:
        """Return the end of a log, to tell what went wrong."""
        log = self._folder / f"{name}.log"
        return f"{log} ends so:\n{log.read_text(errors='replace')[-_LOG_CHARACTERS:].strip()}"

    def _start(self, name: str, *words: object) -> subprocess.Popen[bytes]:
        """Start `silhouette WORDS`; it is ended with all others."""
        command = [str(Path(sys.executable).parent / "silhouette"), *map(str, words)]
        with _put_off(), (self._folder / f"{name}.log").open("wb") as log:
            # In a session of its own Ctrl-C does not reach it, so that all end in their order.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                cwd=ROOT, env=os.environ | self._pubsub.environment,
            )  # fmt: skip
            self._held.callback(_end, process)
        return process


@contextmanager
def _put_off() -> Iterator[None]:
    """Put what asks to end off until the body is done, or a process that was just started would not be known."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda came_now, _: came.append(came_now)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and kill what is left of it and of what it started."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
