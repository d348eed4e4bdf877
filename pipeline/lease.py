"""The messages of a subscription that this process holds: extended while they are held, acknowledged once durable.

A message that is neither acknowledged nor extended is delivered again, to whoever asks: so a process that is killed
loses nothing, and what it held comes again within the deadline.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud.pubsub_v1 import SubscriberClient

DEADLINE_S = 60
"""For how long a message is extended at a time."""
HELD_AT_MOST_S = 1800
"""A message held for longer is let go: whoever was to make it durable is gone."""
_PER_REQUEST = 1000  # ids; a request holds 512 KiB at most

_log = logging.getLogger(__name__)


class Lease:
    """Held messages of one subscription. May be used from several threads; a thread of its own extends them."""

    def __init__(self, subscription: str) -> None:
        self.subscription = subscription
        self.client = SubscriberClient()
        self._since: dict[str, float] = {}  # by acknowledgement id, when it was received
        self._put_off: list[str] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._extend_for_ever, name="silhouette-lease", daemon=True).start()

    def hold(self, ids: Iterable[str]) -> None:
        """Extend these from now on."""
        with self._changed:
            self._since.update(dict.fromkeys(ids, time.monotonic()))
            self._changed.notify()

    def acknowledge(self, ids: Sequence[str]) -> None:
        """Tell Pub/Sub that these are done with.

        Raises:
          GoogleAPICallError: it could not be told; they will be delivered again.
        """
        self._forget(ids)
        for some in _batches(ids):
            self.client.acknowledge(subscription=self.subscription, ack_ids=some)

    def put_off(self, ids: Iterable[str]) -> None:
        """Hold these until `acknowledge_put_off`."""
        with self._changed:
            self._put_off.extend(ids)

    def acknowledge_put_off(self) -> None:
        """Acknowledge what was put off, now that a whole run is done."""
        with self._changed:
            ids, self._put_off = self._put_off, []
        self.acknowledge(ids)

    def let_go(self, ids: Sequence[str]) -> None:
        """Have these delivered again, now if Pub/Sub can be reached and within the deadline if not."""
        self._forget(ids)
        self._modify(ids, 0)

    def _forget(self, ids: Iterable[str]) -> None:
        with self._changed:
            for each in ids:
                self._since.pop(each, None)

    def _extend_for_ever(self) -> None:
        while True:
            with self._changed:
                while not self._since:
                    self._changed.wait()
                too_old = time.monotonic() - HELD_AT_MOST_S
                self._since = {each: since for each, since in self._since.items() if since > too_old}
                held = list(self._since)
            self._modify(held, DEADLINE_S)
            time.sleep(DEADLINE_S / 4)

    def _modify(self, ids: Sequence[str], deadline_s: int) -> None:
        for some in _batches(ids):
            try:
                self.client.modify_ack_deadline(
                    subscription=self.subscription, ack_ids=some, ack_deadline_seconds=deadline_s, timeout=10
                )
            except (GoogleAPICallError, RetryError) as error:
                _log.warning("%d messages could not be extended: %s", len(some), type(error).__name__)


@cache
def lease_of(subscription: str) -> Lease:
    """Return this process's lease on a subscription."""
    return Lease(subscription)


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while some := list(islice(rest, _PER_REQUEST)):
        yield some
