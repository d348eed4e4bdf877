"""Google's own Pub/Sub emulator, a Java program, with a few words for what tests do with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.types import PubsubMessage, ReceivedMessage

from tests.conftest import missing

PROJECT = "silhouette-tests"
_START_SECONDS = 60
# Ends gcloud, which leads a group of its own, and in it the emulator, once our end of the pipe is closed: by `stop`, or
# by whatever ended us.
_GUARD = '"$@" </dev/null & read -r _; kill -9 -$! $!; wait'


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class PubSub:
    """A running emulator.

    Attributes:
      project: Name of its project.
      host: Its address, as `PUBSUB_EMULATOR_HOST` wants it.
    """

    project: str
    host: str
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _folder: str = field(default="", repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What to set so that Google's clients talk to the emulator."""
        return {"PUBSUB_EMULATOR_HOST": self.host, "PUBSUB_PROJECT_ID": self.project}

    def start(self) -> None:
        """Start the emulator, empty, and wait until it answers."""
        self._folder = folder = tempfile.mkdtemp(prefix="pubsub-")
        self._process = subprocess.Popen(
            ["sh", "-c", _GUARD, "pubsub", "gcloud", "beta", "emulators", "pubsub", "start", "--quiet",
             f"--project={self.project}", f"--host-port={self.host}", f"--data-dir={folder}"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"CLOUDSDK_CORE_DISABLE_PROMPTS": "1", "CLOUDSDK_CONFIG": folder},
        )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        with grpc.insecure_channel(self.host) as channel:
            ready = grpc.channel_ready_future(channel)
            while True:
                try:
                    ready.result(timeout=1)
                    return
                except grpc.FutureTimeoutError:
                    if time.monotonic() > deadline:
                        self.stop()
                        raise RuntimeError("the Pub/Sub emulator did not start") from None

    def stop(self) -> None:
        """End the emulator; all that it held is gone."""
        if self._process is None:
            return
        self._process.communicate()
        self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def publisher(self) -> PublisherClient:
        """Return a client that publishes here."""
        return PublisherClient(transport=_transport(PublisherClient, self.host))

    def subscriber(self) -> SubscriberClient:
        """Return a client that pulls from here."""
        return SubscriberClient(transport=_transport(SubscriberClient, self.host))

    def topic(self, name: str | None = None) -> str:
        """Make a topic, under a name of its own by default, and return its path."""
        with self.publisher() as client:
            path = client.topic_path(self.project, name or f"topic-{uuid.uuid4().hex[:12]}")
            client.create_topic(name=path)
        return path

    def subscription(self, topic: str, *, ack_seconds: int = 60, name: str | None = None) -> str:
        """Make a subscription to a topic and return its path; it gets what is published from now on."""
        with self.subscriber() as client:
            path = client.subscription_path(self.project, name or f"subscription-{uuid.uuid4().hex[:12]}")
            client.create_subscription(name=path, topic=topic, ack_deadline_seconds=ack_seconds)
        return path

    def publish(self, topic: str, payload: bytes, attributes: Mapping[str, str]) -> str:
        """Publish a message and return its id."""
        with self.publisher() as client:
            return client.publish(topic, payload, **attributes).result(timeout=30)

    def pull(self, subscription: str, *, most: int = 1000, seconds: float = 1.0) -> list[ReceivedMessage]:
        """Return what comes within some seconds, not acknowledged."""
        with self.subscriber() as client:
            try:
                answer = client.pull(subscription=subscription, max_messages=most, timeout=seconds, retry=None)
            except DeadlineExceeded:
                return []
            return list(answer.received_messages)

    def drain(self, subscription: str, *, count: int = 0, seconds: float = 30.0) -> list[PubsubMessage]:
        """Pull and acknowledge all that a subscription holds, in the order that it was published in.

        Args:
          subscription: Its path.
          count: Wait until so many messages have come.
          seconds: For so long at most.

        Raises:
          AssertionError: fewer came.
        """
        deadline = time.monotonic() + seconds
        messages: list[PubsubMessage] = []
        with self.subscriber() as client:
            while True:
                received = self.pull(subscription)
                if received:
                    client.acknowledge(subscription=subscription, ack_ids=[each.ack_id for each in received])
                    messages += [each.message for each in received]
                elif len(messages) >= count:
                    return sorted(messages, key=lambda message: message.publish_time)
                elif time.monotonic() > deadline:
                    raise AssertionError(f"{len(messages)} of {count} messages came in {seconds} s")


def _transport(client: type, host: str) -> object:
    return client.get_transport_class("grpc")(
        channel=grpc.insecure_channel(host, options=[("grpc.max_receive_message_length", -1)])
    )


@contextmanager
def emulator(project: str = PROJECT) -> Iterator[PubSub]:
    """Run an emulator on a free port, and end it with every process of its own."""
    if shutil.which("gcloud") is None or shutil.which("java") is None:
        missing("gcloud with its Pub/Sub emulator, and Java")
    running = PubSub(project, f"127.0.0.1:{free_port()}")
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def pubsub() -> Iterator[PubSub]:
    """Return a Pub/Sub emulator that all tests share; each makes its own topics."""
    with emulator() as running:
        yield running
