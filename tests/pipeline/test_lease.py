"""What a process holds of a subscription, on Google's own emulator: nothing held comes again, what is let go does."""

from __future__ import annotations

import time

import pytest

from pipeline.lease import DEADLINE_S, Lease
from tests.support.live_job import wait_until
from tests.support.pubsub import PubSub
from tests.support.witness import witness

ACK_S = 10
"""Deadline of the subscription, the shortest that there is."""


def test_pubsub_what_is_held_does_not_come_again_and_what_is_let_go_comes_at_once(
    pubsub: PubSub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a message that was delivered with it and that nobody holds: that one shows that the deadline passed."""
    with witness(pubsub.host) as seen:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", seen.host)
        topic = pubsub.topic()
        subscription = pubsub.subscription(topic, ack_seconds=ACK_S)
        for payload in (b"held", b"left"):
            pubsub.publish(topic, payload, {})
        lease = Lease(subscription)
        ids: dict[bytes, str] = {}

        def both_came() -> bool:
            answer = lease.client.pull(subscription=subscription, max_messages=2, timeout=10)
            ids.update({received.message.data: received.ack_id for received in answer.received_messages})
            return len(ids) == 2

        wait_until(both_came, "both messages come", 30)
        begun = time.monotonic()
        lease.hold([ids[b"held"]])
        again: list[bytes] = []

        def came(payload: bytes) -> bool:
            again.extend(received.message.data for received in pubsub.pull(subscription))
            return payload in again

        wait_until(lambda: came(b"left") and seen.extended(ids[b"held"]) >= 3, "the deadline is over", 60)
        assert time.monotonic() - begun > 1.2 * ACK_S
        assert b"held" not in again
        lease.let_go([ids[b"held"]])
        assert wait_until(lambda: came(b"held"), "it comes at once", 60) < DEADLINE_S / 4
        assert seen.extended(ids[b"held"]) == 3, "nobody extends it any more"
