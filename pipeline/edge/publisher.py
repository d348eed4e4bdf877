"""Sends what the spool holds, oldest first, and has each clip deleted once Pub/Sub has acknowledged it.

The calls are made one a thread on Google's plain client. Its batching client would gain nothing with messages of
megabytes, and leaves a message without an answer for ever where credentials cannot be refreshed.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from pipeline.edge.backoff import Backoff
from pipeline.edge.spool import Entry, Spool
from pipeline.edge.status import AgentState
from schemas.clock import from_rfc3339

if TYPE_CHECKING:
    from google.pubsub_v1 import PublisherClient

_log = logging.getLogger(__name__)

THREADS = 4
_CALL_SECONDS = 120.0  # nine megabytes at less than a megabit a second
_TRY_SECONDS = 20.0
"""How long Google's client tries a call again by itself, before it is ours to wait."""
_IDLE_SECONDS = 1.0


class Connection:
    """Google's client, made when it is first needed; the agent may start without network or credentials."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: PublisherClient | None = None

    def publish(self, topic: str, payload: bytes, attributes: dict[str, str], *, patient: bool = True) -> None:
        """Publish a message and wait for the acknowledgement.

        Args:
          topic: `projects/P/topics/T`.
          payload: The message's data.
          attributes: The message's attributes.
          patient: Whether Google's client tries again by itself.

        Raises:
          Exception: whatever kept Pub/Sub from acknowledging it.
        """
        from google.api_core.retry import Retry
        from google.pubsub_v1 import PubsubMessage

        retry = Retry(initial=0.5, maximum=5.0, multiplier=2.0, timeout=_TRY_SECONDS) if patient else None
        message = PubsubMessage(data=payload, attributes=attributes)
        self._connected().publish(topic=topic, messages=[message], retry=retry, timeout=_CALL_SECONDS)

    def renew(self) -> None:
        """Take a new connection from now on: the old one may wait for a route that is long gone."""
        with self._lock:
            self._client = None

    def _connected(self) -> PublisherClient:
        from google.auth.credentials import AnonymousCredentials
        from google.pubsub_v1 import PublisherClient

        with self._lock:
            if self._client is None:
                # By Google's own convention, which this client follows but for the credentials.
                emulated = "PUBSUB_EMULATOR_HOST" in os.environ
                credentials = AnonymousCredentials() if emulated else None
                self._client = PublisherClient(credentials=credentials)
            return self._client


class Publisher:
    """Sends clips until it is stopped; no failure ends it.

    After a failure one clip at a time is sent, and one more with each that arrives: a narrow line is not shared by more
    than it carries.

    Args:
      spool: What to send.
      topic: Where to, `projects/P/topics/T`.
      most_bytes: What may be on its way at once, as files; one clip may always be.
      state: Is told what was sent, and what went wrong.
      connection: To Pub/Sub.
    """

    def __init__(self, spool: Spool, topic: str, most_bytes: int, state: AgentState, connection: Connection) -> None:
        self._spool, self._topic, self._most_bytes = spool, topic, most_bytes
        self._state, self._connection = state, connection
        self._backoff = Backoff()
        self._lock = threading.Lock()
        self._out_bytes = self._out_clips = 0
        self._most_clips = THREADS
        self._not_before = 0.0
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to send."""
        for number in range(THREADS):
            threading.Thread(target=self._run, name=f"publisher-{number}", daemon=True).start()

    def stop(self) -> None:
        """Have nothing more sent than what is on its way."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                sent = self._send_next()
            except Exception as error:
                self._failed(error)
                sent = False
            if not sent:
                with self._spool.changed:
                    self._spool.changed.wait(_IDLE_SECONDS)

    def _send_next(self) -> bool:
        """Send the oldest clip, if there is one and it may go now; returns whether it did."""
        with self._lock:
            if time.monotonic() < self._not_before or self._out_clips >= self._most_clips:
                return False
            taken = self._spool.take(self._most_bytes - self._out_bytes if self._out_bytes else None)
            if taken is None:
                return False
            entry, attributes, payload = taken
            self._out_clips, self._out_bytes = self._out_clips + 1, self._out_bytes + entry.size
        try:
            self._connection.publish(self._topic, payload, attributes)
        except Exception:
            self._spool.back(entry)
            raise
        else:
            self._spool.sent(entry)
            self._worked(entry, attributes)
        finally:
            with self._lock:
                self._out_clips, self._out_bytes = self._out_clips - 1, self._out_bytes - entry.size
        return True

    def _worked(self, entry: Entry, attributes: dict[str, str]) -> None:
        self._state.sent(entry.camera, from_rfc3339(attributes["end"]))
        with self._lock:
            self._not_before = 0.0
            self._most_clips = min(THREADS, self._most_clips + 1)
            again = self._backoff.worked()
        if again:
            _log.warning("Pub/Sub takes clips again")

    def _failed(self, error: Exception) -> None:
        reason = type(getattr(error, "cause", None) or error).__name__  # of what Google's client tried again
        with self._lock:
            self._most_clips = 1
            if time.monotonic() < self._not_before:
                return  # one of several that failed together
            wait_s = self._backoff.failed()
            self._not_before = time.monotonic() + wait_s
        self._connection.renew()
        self._state.publish_failed(reason)
        _log.warning("Pub/Sub took no clip (%s), trying again in %.1f s", reason, wait_s)
