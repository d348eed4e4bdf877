"""ReadClips from a subscription: messages are clips, their attributes are envelopes, their event time is its start."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.io.unbounded_source import ReadFromUnboundedSource

from pipeline.archive import BAD_ENVELOPE
from pipeline.pubsub import START, PubSubSource, Subscription
from schemas.clock import SECOND_US, from_rfc3339, now_us
from schemas.envelope import LATEST_US, Envelope, EnvelopeError
from schemas.records import DeadLetter
from schemas.site import Site
from transforms.clips import Clip, Delivery
from transforms.dead_letters import Names, Origin, Outcome, count_set_aside, dead_clip, origin_of
from transforms.facts import TOLD, ClipFact, identity_of, tell, unopened

IN_FUTURE = "in_future"
"""Reason class of a clip whose clock is ahead of the job's: it would be kept until its time has come."""
AHEAD_US = 3600 * SECOND_US
"""By how much a clip's clock may be ahead."""

STAGE = "ReadClips"
CLIPS, FAILED = "clips", "failed"

_BUNDLE_S = 5.0
"""A reader that is busy ends its bundle after so long: then what it read becomes durable, and the watermark moves."""


@dataclass(eq=False)
class ReadDeliveries(beam.PTransform):
    """Reads the clips of a subscription, each with its capture start as event time.

    Attributes:
      subscription: Where from.
      sites: The site files.
      native: Whether the runner reads Pub/Sub itself, as Dataflow does. Its messages are not told apart by an id:
        the job drops duplicates by itself, for as long as lateness.
    """

    subscription: Subscription
    sites: tuple[Site, ...]
    native: bool

    def expand(self, root: pvalue.PBegin) -> Outcome:
        read = self._deliveries(root) | "Open" >> beam.ParDo(_OpenFn(Names.of(self.sites))).with_outputs(
            FAILED, TOLD, main=CLIPS
        )
        read[CLIPS].element_type = Clip
        read[FAILED].element_type = DeadLetter
        read[TOLD].element_type = ClipFact
        return Outcome(read[CLIPS], read[FAILED], read[TOLD])

    def _deliveries(self, root: pvalue.PBegin) -> beam.PCollection[Delivery]:
        if self.native:
            messages = root | "Subscription" >> beam.io.ReadFromPubSub(
                subscription=self.subscription.name, with_attributes=True, timestamp_attribute=START
            )
            return messages | "ToDelivery" >> beam.Map(_delivery).with_output_types(Delivery)
        deliveries = root | "Subscription" >> ReadFromUnboundedSource(
            PubSubSource(self.subscription), max_read_time_seconds=_BUNDLE_S
        )
        deliveries.element_type = Delivery
        return deliveries


def _delivery(message: PubsubMessage) -> Delivery:
    return Delivery(message.attributes or {}, message.data or b"")


class _OpenFn(beam.DoFn):
    """Reads envelopes; a message without a good one, or from a clock far ahead, is set aside."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def process(self, delivery: Delivery) -> Iterable[Any]:
        try:
            envelope = Envelope.from_attributes(delivery.attributes)
        except EnvelopeError:
            yield from self._set_aside(BAD_ENVELOPE, _origin(delivery), delivery)
            return
        if envelope.start_us > now_us() + AHEAD_US:
            yield from self._set_aside(IN_FUTURE, origin_of(envelope), delivery)
            return
        yield Clip(envelope, delivery.payload)

    def _set_aside(self, reason: str, origin: Origin, delivery: Delivery) -> Iterator[pvalue.TaggedOutput]:
        count_set_aside(__name__, reason)
        size = len(delivery.payload)
        letter = dead_clip(STAGE, reason, origin, size, self._names)
        yield pvalue.TaggedOutput(FAILED, letter)
        identity = identity_of(sorted(delivery.attributes.items()), hashlib.sha256(delivery.payload).hexdigest())
        # Told under the day it came: what its envelope says of time is not to be trusted.
        told = unopened(letter.site, letter.camera, now_us(), identity, size, reason=reason)
        yield tell(told)


def _origin(delivery: Delivery) -> Origin:
    """Return where a message says that it came from, as far as that can be read."""
    said = delivery.attributes
    try:
        start_us: int | None = from_rfc3339(said[START])
    except (KeyError, ValueError, OverflowError):
        start_us = None
    known = start_us is not None and 0 <= start_us <= LATEST_US
    return Origin(said.get("site"), said.get("camera"), start_us if known else None)
