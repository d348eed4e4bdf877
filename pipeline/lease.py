"""The messages of a subscription that this process holds: extended while they are held, acknowledged once durable.

A message that is neither acknowledged nor extended is delivered again, to whoever asks: so a process that is killed
loses nothing, and what it held comes again within the deadline.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud.pubsub_v1 import SubscriberClient

DEADLINE_S = 30
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
        self._new: list[str] = []  # not extended yet
        self._put_off: list[str] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._extend_for_ever, name="silhouette-lease", daemon=True).start()

    def hold(self, ids: Iterable[str]) -> None:
        """Extend these from now on."""
        with self._changed:
            new = dict.fromkeys(ids, time.monotonic())
            self._since.update(new)
            self._new.extend(new)
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
        """Hold these until `acknowledge_put_off`, for however long: it is this process that works on them."""
        with self._changed:
            ids = list(ids)
            self._since.update(dict.fromkeys(ids, math.inf))
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
        due = 0.0
        while True:
            with self._changed:
                while not self._new and not (self._since and time.monotonic() >= due):
                    self._changed.wait(max(due - time.monotonic(), 0) if self._since else None)
                ids, self._new = [each for each in self._new if each in self._since], []
                if time.monotonic() >= due:
                    too_old = time.monotonic() - HELD_AT_MOST_S
                    self._since = {each: since for each, since in self._since.items() if since > too_old}
                    ids = list(self._since)
                    due = time.monotonic() + DEADLINE_S / 4
            self._modify(ids, DEADLINE_S)

    def _modify(self, ids: Sequence[str], deadline_s: int) -> None:
        for some in _batches(ids):
            try:
                self.client.modify_ack_deadline(
                    subscription=self.subscription, ack_ids=some, ack_deadline_seconds=deadline_s, timeout=10
                )
            except (GoogleAPICallError, RetryError) as error:
                _log.warning("%d messages could not be extended: %s", len(some), type(error).__name__)


_leases: dict[str, Lease] = {}
_leases_lock = threading.Lock()


def lease_of(subscription: str) -> Lease:
    """Return this process's one lease on a subscription."""
    with _leases_lock:
        if subscription not in _leases:
            _leases[subscription] = Lease(subscription)
        return _leases[subscription]


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while some := list(islice(rest, _PER_REQUEST)):
        yield some
