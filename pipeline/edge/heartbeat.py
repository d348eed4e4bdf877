"""Heartbeats: what the agent knows of each camera, as the attributes of a message without payload."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version

from pipeline.edge.publisher import Connection
from pipeline.edge.status import AgentState, CameraStatus, Status

_log = logging.getLogger(__name__)

HEARTBEAT_VERSION = 1


def heartbeats(status: Status) -> Iterator[dict[str, str]]:
    """Yield the attributes of each camera's heartbeat, names of `Status` and `CameraStatus`; true is `true`."""
    for name, camera in status.cameras.items():
        said = {
            "heartbeat_version": HEARTBEAT_VERSION,
            "agent_version": version("silhouette"),
            "site": status.site,
            "camera": name,
            "time": status.written,
            "clock_synchronised": status.clock_synchronised,
            "clock_healthy": status.clock_healthy,
            "publish_error": status.publish_error,
            "spool_unread": status.spool_unread,
            **_figures(camera),
        }
        yield {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in said.items()}


def _figures(camera: CameraStatus) -> dict[str, object]:
    return vars(camera) | {"dropped": sum(camera.dropped.values())}


class Heartbeats(threading.Thread):
    """Sends heartbeats until it is stopped; one that fails is left, the next comes soon.

    Args:
      topic: Where to, `projects/P/topics/T`.
      every_s: How often.
      snapshot: Returns the state to tell.
      state: Is told of failures.
      connection: To Pub/Sub.
    """

    def __init__(
        self, topic: str, every_s: float, snapshot: Callable[[], Status], state: AgentState, connection: Connection
    ) -> None:
        super().__init__(name="heartbeats", daemon=True)
        self._topic, self._every_s, self._snapshot = topic, every_s, snapshot
        self._state, self._connection = state, connection
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Have no more sent."""
        self._stopping.set()

    def run(self) -> None:
        """Send until `stop`."""
        while not self._stopping.is_set():
            try:
                for attributes in heartbeats(self._snapshot()):
                    self._connection.publish(self._topic, b"", attributes, patient=False)
                self._state.heartbeat()
            except Exception as error:
                self._connection.renew()
                self._state.heartbeat(type(error).__name__)
            self._stopping.wait(self._every_s)
