"""A Pub/Sub subscription as a source, for the runners that have none of their own (Flink, Prism, local runs).

Messages are acknowledged when the bundle that read them is durable, and extended until then (`pipeline/lease.py`).
Pulled by plain requests rather than Google's streaming pull: an answer that is empty says that the subscription is
idle, and no answer that it cannot be reached, which a stream that reconnects by itself does not tell apart.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import fastavro
from apache_beam import coders
from apache_beam.io.unbounded_source import CheckpointMark, UnboundedReader, UnboundedSource
from apache_beam.utils.timestamp import MAX_TIMESTAMP, MIN_TIMESTAMP, Timestamp
from google.api_core import exceptions as faults

from pipeline.lease import lease_of
from pipeline.watermark import Watermark
from schemas.clock import from_rfc3339, micros, now_us
from transforms.clips import Delivery
from transforms.coders import AvroCoder

LARGEST_MESSAGE = 10_000_000
"""Bytes of a publish request at most, by Pub/Sub's own limit."""
START = "start"
"""The attribute that is a message's event time."""

_PULL_S = 3.0  # how long a pull waits for a message
_TAKE_S = 0.1  # how long a reader waits for one
_NOBODY_S = 15.0  # a subscription that nobody asked about for so long is pulled no more
_LONGEST_PAUSE_S = 30.0  # between tries where the subscription cannot be reached

# A precondition fails of a subscription that is detached from its topic, or that pushes, or whose key is disabled.
_PERMANENT = (
    faults.NotFound, faults.Forbidden, faults.Unauthenticated, faults.InvalidArgument, faults.FailedPrecondition
)  # fmt: skip
_GIVE_UP_S = 60.0  # a fault that trying again does not mend is told after so long

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subscription:
    """Where clips come from, and how they are read.

    Attributes:
      name: `projects/PROJECT/subscriptions/NAME`.
      readers: How many readers pull at once.
      in_flight_bytes: Most bytes that a process has pulled and not yet handed on.
      disorder_us: How far behind the oldest message held the watermark stays.
      pause_us: A reader that comes back after so long first catches up: its watermark waits until it finds nothing.
      until_idle_us: The source ends once nothing came for so long; None: never.
      acknowledge_late: Whether messages are acknowledged by the caller, once the whole run is done.
    """

    name: str
    readers: int
    in_flight_bytes: int
    disorder_us: int
    pause_us: int
    until_idle_us: int | None = None
    acknowledge_late: bool = False


class Held(NamedTuple):
    """A message that was pulled and not yet handed on."""

    ack_id: str
    at_us: int
    published_us: int
    delivery: Delivery


class State(NamedTuple):
    """What a process has pulled and not yet handed on, and what it knows of the rest.

    Attributes:
      oldest_us: Event time of the oldest message waiting; None where none waits.
      published_us: When the one was published that was published first.
      idle_us: For how long the subscription has said that it holds no more; None where it may.
    """

    oldest_us: int | None
    published_us: int | None
    idle_us: int | None


@dataclass(frozen=True)
class Mark(CheckpointMark):
    """Where a reader is: nothing that Pub/Sub does not know, but what it may acknowledge and what it promised.

    Attributes:
      subscription: Name of the subscription.
      ack_ids: What it handed on since the mark before.
      watermark_us: Its watermark; None before the first.
      at_us: When the mark was made.
    """

    subscription: str
    ack_ids: tuple[str, ...]
    watermark_us: int | None
    at_us: int

    def finalize_checkpoint(self) -> None:
        """Acknowledge, now that what was made of the messages is durable."""
        if self.ack_ids:
            lease_of(self.subscription).acknowledge(self.ack_ids)


class MarkCoder(AvroCoder[Mark]):
    """Version 1."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "Mark",
            "fields": [
                {"name": "subscription", "type": "string"},
                {"name": "ack_ids", "type": {"type": "array", "items": "string"}},
                {"name": "watermark_us", "type": ["null", "long"]},
                {"name": "at_us", "type": "long"},
            ],
        }
    )

    @staticmethod
    def to_fields(value: Mark) -> dict[str, Any]:
        return dict(vars(value))

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> Mark:
        return Mark(fields["subscription"], tuple(fields["ack_ids"]), fields["watermark_us"], fields["at_us"])


class PubSubSource(UnboundedSource):
    """Reads a subscription as `Delivery`, each with its capture start as event time, in any order, at least once."""

    def __init__(self, source: Subscription, reader: int = 0) -> None:
        self._source = source
        self._reader = reader

    def split(self, desired_num_splits: int, options: Any = None) -> Iterable[PubSubSource]:
        """Return the readers: each pulls what Pub/Sub gives it."""
        return [PubSubSource(self._source, reader) for reader in range(self._source.readers)]

    def create_reader(self, options: Any, checkpoint_mark: CheckpointMark | None) -> UnboundedReader:
        """Return a reader that goes on from a mark."""
        mark = checkpoint_mark if isinstance(checkpoint_mark, Mark) else None
        return _Reader(self._source, self._reader, mark)

    def get_checkpoint_mark_coder(self) -> coders.Coder:
        """Return the coder of `Mark`."""
        return MarkCoder()

    def default_output_coder(self) -> coders.Coder:
        """Return the coder that refuses: a message stays in its stage."""
        return coders.registry.get_coder(Delivery)


class _Reader(UnboundedReader):
    """Hands on what this process has pulled."""

    def __init__(self, source: Subscription, number: int, mark: Mark | None) -> None:
        self._source = source
        self._number = number
        self._lease = lease_of(source.name)
        self._pulled = _pulled_of(source)
        before = (mark.watermark_us, mark.at_us) if mark else (None, 0)
        begun = Watermark(source.disorder_us, source.pause_us, now_us(), before)
        self._watermark = self._pulled.went_on(number, mark) or begun
        self._current: Held | None = None
        self._handed_on: list[str] = []

    def start(self) -> bool:
        return self.advance()

    def advance(self) -> bool:
        self._note_current()  # worked on until now: meanwhile nothing was asked for
        self._current = self._pulled.take()
        if self._current is not None:
            self._handed_on.append(self._current.ack_id)
            self._note_current()
        return self._current is not None

    def _note_current(self) -> None:
        if self._current is not None:
            self._watermark.held(self._current.published_us, now_us())

    def get_current(self) -> Delivery:
        assert self._current is not None
        return self._current.delivery

    def get_current_timestamp(self) -> Timestamp:
        assert self._current is not None
        return Timestamp(micros=self._current.at_us)

    def get_watermark(self) -> Timestamp:
        oldest_us, published_us, idle_us = self._pulled.state()
        until_us = self._source.until_idle_us
        if until_us is not None and idle_us is not None and idle_us >= until_us:
            return MAX_TIMESTAMP
        if published_us is not None:
            self._watermark.held(published_us, now_us())
        if self._current is not None:  # the one that is being handed on is still held
            oldest_us = min(self._current.at_us, oldest_us if oldest_us is not None else self._current.at_us)
            self._note_current()
        self._watermark.advance(oldest_us, now_us(), idle=idle_us is not None)
        reached_us = self._watermark.value_us
        return MIN_TIMESTAMP if reached_us is None else Timestamp(micros=reached_us)

    def get_checkpoint_mark(self) -> Mark:
        handed_on, self._handed_on = tuple(self._handed_on), []
        if self._source.acknowledge_late:
            self._lease.put_off(handed_on)
            handed_on = ()
        mark = Mark(self._source.name, handed_on, self._watermark.value_us, now_us())
        self._pulled.left_off(self._number, mark, self._watermark)
        return mark

    def close(self) -> None:
        if self._handed_on:  # what no mark covers was in a bundle that failed
            self._lease.let_go(self._handed_on)
            self._pulled.expect()


class _Pulled:
    """Messages that a thread pulls ahead for all readers of a process, up to a number of bytes.

    For all, since a runner may go on with a reader in another instance of the step, and forget the one before: what
    that one had pulled would wait for nobody.
    """

    def __init__(self, source: Subscription) -> None:
        self._source = source
        self._lease = lease_of(source.name)
        self._waiting: deque[Held] = deque()
        self._bytes = 0
        self._asked = time.monotonic()
        self._idle_since: float | None = None
        self._fault: Exception | None = None
        self._left_off: dict[int, tuple[Mark, Watermark]] = {}
        self._changed = threading.Condition()
        threading.Thread(target=self._pull_for_ever, name="silhouette-pull", daemon=True).start()

    @property
    def has_failed(self) -> bool:
        """Whether pulling has ended."""
        return self._fault is not None

    def take(self) -> Held | None:
        """Return the message that waited longest; None where none does, and none comes at once.

        Raises:
          Exception: what ended the pulling, where to try again is of no use.
        """
        with self._changed:
            if self._fault is not None:
                raise self._fault
            self._asked = time.monotonic()
            self._changed.notify_all()
            if not self._waiting:
                self._changed.wait(_TAKE_S)  # some runners ask again at once, for ever
            if not self._waiting:
                return None
            held = self._waiting.popleft()
            self._bytes -= len(held.delivery.payload)
            self._changed.notify_all()  # there is room
            return held

    def state(self) -> State:
        """Return what waits, and whether more is to come."""
        with self._changed:
            if self._waiting:
                oldest_us = min(held.at_us for held in self._waiting)
                return State(oldest_us, min(held.published_us for held in self._waiting), None)
            if self._idle_since is None:
                return State(None, None, None)
            return State(None, None, int((time.monotonic() - self._idle_since) * 1e6))

    def left_off(self, reader: int, mark: Mark, watermark: Watermark) -> None:
        """Keep a reader's watermark for the instance that goes on from this mark: it may be in the backlog yet."""
        self._left_off[reader] = mark, watermark

    def went_on(self, reader: int, mark: Mark | None) -> Watermark | None:
        """Return the watermark of a reader that goes on; None where it begins, or was taken back to an older mark."""
        last, watermark = self._left_off.get(reader, (None, None))
        return watermark if mark is not None and mark == last else None

    def expect(self) -> None:
        """Note that more is to come, whatever the subscription said last."""
        with self._changed:
            self._idle_since = None

    def _room(self) -> int:
        """Wait until somebody reads and there is room; return for how many messages of the largest size."""
        while True:
            with self._changed:
                unread: list[str] = []
                if time.monotonic() - self._asked > _NOBODY_S:  # somebody else may read
                    unread = [held.ack_id for held in self._waiting]
                    self._waiting.clear()
                    self._bytes, self._idle_since = 0, None
                elif not self._bytes or self._bytes + LARGEST_MESSAGE <= self._source.in_flight_bytes:
                    return max(1, (self._source.in_flight_bytes - self._bytes) // LARGEST_MESSAGE)
                if not unread:
                    self._changed.wait(_NOBODY_S)
            if unread:
                self._lease.let_go(unread)

    def _pull_for_ever(self) -> None:
        failures, failing_since = 0, time.monotonic()
        while True:
            try:
                received = self._pull(self._room())
            except Exception as error:
                failing_since = failing_since if failures else time.monotonic()
                failures += 1
                self._note([], idle=False)
                if not isinstance(error, faults.GoogleAPICallError | faults.RetryError) or (
                    isinstance(error, _PERMANENT) and time.monotonic() - failing_since > _GIVE_UP_S
                ):
                    with self._changed:
                        self._fault = error
                    return
                if failures == 1:
                    # The text could hold anything; its class and the subscription say what to look for.
                    _log.warning("%s cannot be pulled (%s): waiting for it", self._source.name, type(error).__name__)
                time.sleep(random.uniform(0.5, 1) * min(_LONGEST_PAUSE_S, 0.5 * 2**failures))
                continue
            failures = 0
            self._note(received, idle=not received)

    def _pull(self, room: int) -> list[Held]:
        """Wait for messages; none only where the subscription has answered that it has none."""
        request = {"subscription": self._source.name, "max_messages": room}
        try:
            answer = self._lease.client.pull(request, timeout=_PULL_S, retry=None)
        except faults.DeadlineExceeded:
            # As silent as one that cannot be reached: asked again, it answers at once.
            answer = self._lease.client.pull(request | {"return_immediately": True}, timeout=_PULL_S, retry=None)
        return [_held(received) for received in answer.received_messages]

    def _note(self, received: list[Held], *, idle: bool) -> None:
        with self._changed:
            self._lease.hold(held.ack_id for held in received)
            self._waiting.extend(received)
            self._bytes += sum(len(held.delivery.payload) for held in received)
            if not idle:
                self._idle_since = None
            elif self._idle_since is None:
                self._idle_since = time.monotonic()
            self._changed.notify_all()


_all_pulled: dict[Subscription, _Pulled] = {}
_all_pulled_lock = threading.Lock()


def _pulled_of(source: Subscription) -> _Pulled:
    """Return what this process has pulled of a subscription; begun anew where pulling has ended with a fault."""
    with _all_pulled_lock:
        if source not in _all_pulled or _all_pulled[source].has_failed:
            _all_pulled[source] = _Pulled(source)
        return _all_pulled[source]


def check_subscription(name: str) -> None:
    """Ask whether a subscription is there.

    Raises:
      NotFound: it is not. Whether this account may ask, or Pub/Sub be reached, shows when it is read.
    """
    try:
        lease_of(name).client.get_subscription(subscription=name, timeout=_PULL_S, retry=None)
    except faults.NotFound:
        raise
    except faults.GoogleAPICallError:
        return


def _held(received: Any) -> Held:
    message = received.message
    attributes = dict(message.attributes)
    try:
        at_us = from_rfc3339(attributes[START])
    except (KeyError, ValueError, OverflowError):
        at_us = micros(message.publish_time)
    return Held(received.ack_id, at_us, micros(message.publish_time), Delivery(attributes, message.data))
