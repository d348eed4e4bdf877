"""A witness between a job and the Pub/Sub emulator: hands every call on, and notes what came of the messages.

Neither Pub/Sub nor its emulator says how often it delivered what, nor what is delivered and not yet acknowledged.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.pubsub_v1.types import AcknowledgeRequest, ModifyAckDeadlineRequest, PullResponse

_PULL, _ACKNOWLEDGE, _MODIFY = (
    f"/google.pubsub.v1.Subscriber/{name}" for name in ("Pull", "Acknowledge", "ModifyAckDeadline")
)
_ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

_IDENTITY = ("site", "camera", "start", "sha256")  # attributes by which the job knows a clip

Message = tuple[str, str]
"""Id and time of publishing: an emulator that is started again counts from one."""


class Witness(grpc.GenericRpcHandler):
    """What was seen of the calls to one emulator.

    Attributes:
      host: Where to call, as `PUBSUB_EMULATOR_HOST` wants it.
    """

    def __init__(self, emulator: str) -> None:
        self.host = ""
        self._channel = grpc.insecure_channel(emulator, options=[*_ANY_SIZE, ("grpc.max_reconnect_backoff_ms", 1000)])
        self._delivered: set[Message] = set()
        self._clips: Counter[tuple[str, ...]] = Counter()
        self._by_ack_id: dict[str, Message] = {}
        self._acknowledged: set[Message] = set()
        self._extended: Counter[str] = Counter()
        self._changed = threading.Lock()

    def delivered(self) -> int:
        """Return how many messages came at least once."""
        with self._changed:
            return len(self._delivered)

    def came_again(self) -> int:
        """Return how often a clip came that had come before."""
        with self._changed:
            return self._clips.total() - len(self._clips)

    def held(self) -> int:
        """Return how many messages were delivered, and are not acknowledged."""
        with self._changed:
            return len(self._delivered - self._acknowledged)

    def acknowledged(self) -> set[Message]:
        """Return the messages that were acknowledged."""
        with self._changed:
            return set(self._acknowledged)

    def extended(self, ack_id: str) -> int:
        """Return how often the deadline of a delivery was extended."""
        with self._changed:
            return self._extended[ack_id]

    def forget(self) -> None:
        """Begin anew, as the emulator does that was started again: what it had delivered it does not know."""
        with self._changed:
            self._delivered &= self._acknowledged
            self._by_ack_id.clear()

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        """Return what answers a call: all that the job makes have one request and one answer."""
        method = handler_call_details.method

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            call = self._channel.unary_unary(method).future(
                request, timeout=context.time_remaining(), metadata=_metadata(context)
            )
            if not context.add_callback(call.cancel):
                call.cancel()  # the caller has already gone
            try:
                answer: bytes = call.result()
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
            except grpc.FutureCancelledError:
                context.abort(grpc.StatusCode.CANCELLED, "the caller has gone")
            self._note(method, request, answer)
            return answer

        return grpc.unary_unary_rpc_method_handler(handle)

    def close(self) -> None:
        """End the connection to the emulator."""
        self._channel.close()

    def _note(self, method: str, request: bytes, answer: bytes) -> None:
        with self._changed:
            if method == _PULL:
                for received in PullResponse.deserialize(answer).received_messages:
                    clip = received.message
                    message = clip.message_id, clip.publish_time.rfc3339()
                    self._delivered.add(message)
                    self._clips[tuple(clip.attributes.get(name, "") for name in _IDENTITY)] += 1
                    self._by_ack_id[received.ack_id] = message
            elif method == _ACKNOWLEDGE:
                ids = AcknowledgeRequest.deserialize(request).ack_ids
                self._acknowledged.update(self._by_ack_id[each] for each in ids if each in self._by_ack_id)
            elif method == _MODIFY:
                asked = ModifyAckDeadlineRequest.deserialize(request)
                self._extended.update(asked.ack_ids if asked.ack_deadline_seconds else ())


def _metadata(context: grpc.ServicerContext) -> list[tuple[str, str]]:
    """Return what the caller says beside its request, but for what belongs to the connection."""
    return [(key, value) for key, value in context.invocation_metadata() if key != "user-agent"]


@contextmanager
def witness(emulator: str) -> Iterator[Witness]:
    """Stand between an emulator at HOST:PORT and whoever calls `host`."""
    seen = Witness(emulator)
    server = grpc.server(ThreadPoolExecutor(32, "witness"), handlers=[seen], options=_ANY_SIZE)
    seen.host = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield seen
    finally:
        server.stop(None).wait()
        seen.close()
