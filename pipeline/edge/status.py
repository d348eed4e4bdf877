"""What the agent knows of itself: names, counts, times and reason classes; nothing of pictures, addresses or keys."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.edge.clock import ClockState
from pipeline.edge.spool import STATUS_FILE, Spool
from schemas.clock import to_rfc3339


@dataclass
class CameraStatus:
    """One camera, since the agent began.

    Attributes:
      connected: Whether pictures come.
      session: The session of the last clip.
      last_clip_end: Capture end of the last clip that was cut, RFC 3339.
      last_sent_end: Capture end of the last clip that Pub/Sub acknowledged.
      clips: Clips that were cut.
      reencoded: Those of them that had to be encoded again.
      sent: Clips that Pub/Sub acknowledged.
      dropped: Clips that were given up, by reason.
      connections: How often the source was opened.
      spool_clips: Clips in the spool.
      spool_bytes: Bytes in the spool.
      clock_offset_us: What the system's clock was ahead of true time at the last clip.
      last_error: Class of the last fault of the source, empty for none.
      last_error_at: When it was.
      finished: Whether the source has come to its end for good.
    """

    connected: bool = False
    session: str = ""
    last_clip_end: str = ""
    last_sent_end: str = ""
    clips: int = 0
    reencoded: int = 0
    sent: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    spool_clips: int = 0
    spool_bytes: int = 0
    clock_offset_us: int = 0
    last_error: str = ""
    last_error_at: str = ""
    finished: bool = False


@dataclass(frozen=True)
class Status:
    """The agent at one moment.

    Attributes:
      version: Of this form.
      pid: The agent's process.
      written: When this was written, RFC 3339.
      site: Name of the site.
      started: When the agent was started.
      clock_synchronised: Whether something keeps the system's clock right.
      clock_offset_us: What the system's clock is ahead of true time.
      clock_healthy: Whether capture times can be trusted to the limit.
      spool_bytes: Bytes in the spool.
      spool_most_bytes: The bound.
      spool_unread: Clips in the spool whose files could not be read; they are tried again.
      publish_error: Class of the last failure to send clips; empty when the last one was sent.
      publish_failures: How often sending failed.
      heartbeat_error: Class of the last failure to send a heartbeat; empty when the last one was sent.
      cameras: Each camera by its name.
    """

    pid: int
    written: str
    site: str
    started: str
    clock_synchronised: bool
    clock_offset_us: int
    clock_healthy: bool
    spool_bytes: int
    spool_most_bytes: int
    spool_unread: int
    publish_error: str
    publish_failures: int
    heartbeat_error: str
    cameras: dict[str, CameraStatus]
    version: int = 1


class AgentState:
    """Gathers what the agent's threads tell; each call is whole.

    Args:
      cameras: Their names.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._cameras = {camera: CameraStatus() for camera in cameras}
        self._publish_error = self._heartbeat_error = ""
        self._publish_failures = 0
        self._started = _now()

    def connected(self, camera: str) -> None:
        """Note that a source was opened."""
        with self._lock:
            status = self._cameras[camera]
            status.connected, status.connections = True, status.connections + 1

    def lost(self, camera: str, reason: str, *, finished: bool = False) -> None:
        """Note that a source gives no pictures, why, and whether it never will again."""
        with self._lock:
            status = self._cameras[camera]
            status.connected, status.finished = False, finished
            if reason:
                status.last_error, status.last_error_at = reason, _now()

    def cut(self, camera: str, session: str, end_us: int, clock_offset_us: int, *, reencoded: bool) -> None:
        """Note a clip."""
        with self._lock:
            status = self._cameras[camera]
            status.clips, status.reencoded = status.clips + 1, status.reencoded + reencoded
            status.session, status.last_clip_end = session, to_rfc3339(end_us)
            status.clock_offset_us = clock_offset_us

    def sent(self, camera: str, end_us: int) -> None:
        """Note that Pub/Sub has a clip, perhaps one of an earlier agent's, of a camera that is gone."""
        with self._lock:
            self._publish_error = ""
            status = self._cameras.setdefault(camera, CameraStatus(finished=True))
            status.sent, status.last_sent_end = status.sent + 1, to_rfc3339(end_us)

    def publish_failed(self, reason: str) -> None:
        """Note that clips could not be sent."""
        with self._lock:
            self._publish_error, self._publish_failures = reason, self._publish_failures + 1

    def heartbeat(self, failure: str = "") -> None:
        """Note that heartbeats were sent, or why not."""
        with self._lock:
            self._heartbeat_error = failure

    def snapshot(self, site: str, spool: Spool, most_bytes: int, clock: ClockState, limit_us: int) -> Status:
        """Return all that is known at this moment."""
        held, dropped = spool.held(), spool.dropped()
        with self._lock:
            cameras = {}
            for camera in sorted({*self._cameras, *held, *dropped}):
                known = self._cameras.get(camera, CameraStatus(finished=True))
                clips, size = held.get(camera, (0, 0))
                figures = {"spool_clips": clips, "spool_bytes": size, "dropped": dict(dropped.get(camera, {}))}
                cameras[camera] = CameraStatus(**{**asdict(known), **figures})
            return Status(
                pid=os.getpid(),
                written=_now(),
                site=site,
                started=self._started,
                clock_synchronised=clock.synchronised,
                clock_offset_us=clock.offset_us,
                clock_healthy=clock.healthy(limit_us),
                spool_bytes=spool.size,
                spool_most_bytes=most_bytes,
                spool_unread=spool.unread().total(),
                publish_error=self._publish_error,
                publish_failures=self._publish_failures,
                heartbeat_error=self._heartbeat_error,
                cameras=cameras,
            )


def write_status(status: Status, folder: Path) -> None:
    """Replace the status file, whole.

    Raises:
      OSError: it cannot be written; the old one stays.
    """
    staged = folder / f".{STATUS_FILE}.partial"
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(status), file, indent=2)
    staged.replace(folder / STATUS_FILE)


def read_status(folder: Path) -> Status:
    """Read the status file.

    Raises:
      OSError: there is none.
      ValueError: it is none of this release's.
    """
    said: Mapping[str, Any] = json.loads((folder / STATUS_FILE).read_text("utf-8"))
    try:
        cameras = {name: CameraStatus(**camera) for name, camera in said["cameras"].items()}
        return Status(**{**said, "cameras": cameras})
    except (TypeError, KeyError, AttributeError):
        raise ValueError("the status file is of another release") from None


def _now() -> str:
    return to_rfc3339(time.time_ns() // 1000)
