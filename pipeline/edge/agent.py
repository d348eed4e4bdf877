"""The agent: its threads, its signals, and the order in which it ends."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.edge.clock import Clock
from pipeline.edge.config import EdgeConfig
from pipeline.edge.heartbeat import Heartbeats
from pipeline.edge.publisher import Connection, Publisher
from pipeline.edge.recorder import Recorder
from pipeline.edge.spool import Spool, open_folder
from pipeline.edge.spool_key import cipher_of
from pipeline.edge.status import AgentState, Status, write_status

_log = logging.getLogger(__name__)

FAREWELL_SECONDS = 5.0
"""How long clips are still sent after the agent was asked to end; what is left waits in the spool."""
_FLUSH_SECONDS = 10.0
_TICK_SECONDS = 1.0
_RETRY_SECONDS = 600.0
"""How often a clip that the disk does not give is tried again; a dying disk may take half a minute to say no."""


def run_agent(config: EdgeConfig) -> bool:
    """Run until a signal asks to end, or every file has ended and been sent; returns whether no file failed.

    Raises:
      SpoolError: the spool cannot be used, or its key is missing.
      SecretError: its key cannot be used.
      OSError: it cannot be written to, or the port for Prometheus cannot be had; its `filename` names the flag.
    """
    with ExitStack() as held:
        with _blaming("--spool", config.spool):
            held.callback(os.close, open_folder(config.spool))
        with _blaming("--spool-key", config.spool_key):
            cipher = cipher_of(config.spool, config.spool_key, plain=config.plain_spool)
        with _blaming("--spool", config.spool):
            spool = Spool(config.spool, config.spool_bytes, cipher, config.retention_us, plain=config.plain_spool)
        agent = _Agent(config, spool)
        if config.prometheus is not None:
            from pipeline.edge.exposition import exposed

            host, port = config.prometheus
            with _blaming("--prometheus"):
                bound = held.enter_context(exposed(agent.snapshot, host, port))
            _log.info("metrics at http://%s:%d/metrics", host, bound)
        with _asked_to_end() as asked:
            agent.start()
            agent.watch(asked)
            agent.end()
        return agent.good


@contextmanager
def _blaming(flag: str, place: Path | None = None) -> Iterator[None]:
    """Have an error of the system's name the flag that it comes of: of a full disk or a lock it names no file even."""
    try:
        yield
    except OSError as error:
        file = error.filename or place
        error.filename = flag if file is None else f"{flag}: {file}"
        raise


class _Agent:
    def __init__(self, config: EdgeConfig, spool: Spool) -> None:
        self._config, self._spool = config, spool
        self._clock = Clock()
        self._state = AgentState([camera.name for camera in config.cameras])
        connection = Connection()
        self._publisher = Publisher(spool, config.topic, config.in_flight_bytes, self._state, connection)
        self._recorders = [
            Recorder(
                camera, config.limits, self._clock, spool, self._state, config.keys, config.redactors.get(camera.name)
            )
            for camera in config.cameras
        ]
        self._heartbeats = (
            Heartbeats(config.heartbeats, config.heartbeat_s, self.snapshot, self._state, connection)
            if config.heartbeats is not None
            else None
        )
        self._dropped: Counter[str] = Counter()
        self._unread: Counter[str] = Counter()
        self._clock_healthy = True

    @property
    def good(self) -> bool:
        """Whether no file failed."""
        return not any(recorder.failed for recorder in self._recorders)

    def snapshot(self) -> Status:
        """Return what is known at this moment."""
        config = self._config
        return self._state.snapshot(
            config.site, self._spool, config.spool_bytes, self._clock.now(), config.clock_limit_us
        )

    def start(self) -> None:
        """Begin to record and to send."""
        if self._spool.clips:
            _log.info("clips of an earlier run, to be sent first: %d", self._spool.clips)
        self._publisher.start()
        for recorder in self._recorders:
            recorder.start()
        if self._heartbeats is not None:
            self._heartbeats.start()

    def watch(self, asked: threading.Event) -> None:
        """Keep the status file, and let go of what is too old, until it is time to end."""
        retry_at = time.monotonic() + _RETRY_SECONDS
        while True:
            # In this order: a clip put in after the spool was looked at would be left.
            over = all(recorder.finished.is_set() for recorder in self._recorders)
            self._tick()
            if asked.wait(_TICK_SECONDS if not over else 0.1) or (over and not self._spool.waiting):
                return
            if time.monotonic() >= retry_at:
                self._spool.retry()
                retry_at = time.monotonic() + _RETRY_SECONDS

    def end(self) -> None:
        """Finish the clips at hand, and send for a few seconds more."""
        for recorder in self._recorders:
            recorder.stop()
        deadline = time.monotonic() + _FLUSH_SECONDS
        for recorder in self._recorders:
            recorder.finished.wait(max(0.0, deadline - time.monotonic()))
        deadline = time.monotonic() + FAREWELL_SECONDS
        with self._spool.changed:
            while self._spool.waiting and time.monotonic() < deadline:
                self._spool.changed.wait(0.1)
        self._publisher.stop()
        if self._heartbeats is not None:
            self._heartbeats.stop()
        self._tick()
        if self._spool.clips:
            _log.warning("clips left in the spool, for the next run to send: %d", self._spool.clips)

    def _tick(self) -> None:
        self._spool.expire(self._clock.now().utc_us)
        status = self.snapshot()
        try:
            write_status(status, self._config.spool)
        except OSError as error:  # a full disk, most likely: metrics and heartbeats tell
            _log.debug("the status file cannot be written (%s)", error.strerror)
        dropped: Counter[str] = Counter()
        for camera in status.cameras.values():
            dropped.update(camera.dropped)
        for reason, count in (dropped - self._dropped).items():
            _log.warning("clips given up (%s): %d", reason, count)
        self._dropped = dropped
        unread = self._spool.unread()
        for reason, count in (unread - self._unread).items():
            _log.warning("clips in the spool that cannot be read (%s): %d; others go on, these stay", reason, count)
        self._unread = unread
        if status.clock_healthy != self._clock_healthy:
            self._clock_healthy = status.clock_healthy
            how = "is healthy again" if status.clock_healthy else _ailment(status)
            _log.log(logging.INFO if status.clock_healthy else logging.WARNING, "the clock %s", how)


def _ailment(status: Status) -> str:
    if not status.clock_synchronised:
        return "is not synchronised: capture times may be wrong; run chrony, ntpd or systemd-timesyncd"
    return f"is {status.clock_offset_us / 1e6:.3f} s ahead of true time"


@contextmanager
def _asked_to_end() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set; a second of them ends the process at once."""
    asked = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def ask(number: int, frame: object) -> None:
        asked.set()
        signal.signal(number, signal.SIG_DFL)

    before = [signal.signal(number, ask) for number in numbers]
    try:
        yield asked
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
