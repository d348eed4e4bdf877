"""The source on Google's own emulator: nothing is acknowledged before it is durable, nothing is held for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from apache_beam.io.unbounded_source import UnboundedReader
from apache_beam.utils.timestamp import MAX_TIMESTAMP, MIN_TIMESTAMP
from google.api_core.exceptions import FailedPrecondition

from pipeline.archive import find_clips
from pipeline.evidence.verify import packs_of, verify
from pipeline.pubsub import Mark, MarkCoder, PubSubSource, Subscription
from pipeline.run import _quiet
from pipeline.view import current, read_records
from pipeline.watermark import QUIET_US, Watermark
from schemas.clock import SECOND_US, now_us
from schemas.evidence import DayPack
from schemas.seals import RetentionPack
from tests.support import builds
from tests.support.command import silhouette
from tests.support.demo import SITE, START, cut, site_file
from tests.support.live import publish
from tests.support.pubsub import PubSub
from tests.support.witness import Witness, witness
from transforms.clips import Delivery

SOURCE = Subscription("projects/p/subscriptions/s", 1, 64 << 20, 30 * SECOND_US, 3600 * SECOND_US)
NOW = 1_800_000_000 * SECOND_US
FROM, UNTIL = START, "2026-01-05T09:03:00Z"


def mark(watermark_us: int | None, at_us: int = NOW) -> Mark:
    return Mark(SOURCE.name, (), watermark_us, at_us)


def begun(now: int, watermark_us: int | None = None, at_us: int = NOW) -> Watermark:
    """Return a watermark at the first start, or one that goes on."""
    before = (None, 0) if watermark_us is None else (watermark_us, at_us)
    return Watermark(SOURCE.disorder_us, SOURCE.pause_us, now, before)


def test_at_the_first_start_the_watermark_waits_for_the_backlog() -> None:
    """It is over once nothing that was published before has come for a while, idle or not."""
    watermark = begun(NOW)
    for second in range(0, 300, 5):  # a backlog among messages that never cease to come
        watermark.held(NOW - SECOND_US if second < 200 else NOW + second * SECOND_US, NOW + second * SECOND_US)
        watermark.advance(NOW - 3600 * SECOND_US, NOW + second * SECOND_US, idle=False)
        assert (watermark.value_us is None) == (second < 195 + QUIET_US // SECOND_US)
    assert watermark.value_us == NOW - 3600 * SECOND_US - SOURCE.disorder_us


def test_a_long_look_at_a_clip_is_no_quiet() -> None:
    """A clip that is held for longer than the quiet is of the backlog still: the quiet begins when it is done with."""
    watermark = begun(NOW)
    done = NOW + 2 * QUIET_US
    watermark.held(NOW - SECOND_US, NOW)
    watermark.held(NOW - SECOND_US, done)
    watermark.advance(NOW - 3600 * SECOND_US, done, idle=False)
    watermark.advance(None, done + QUIET_US - SECOND_US, idle=True)
    assert watermark.value_us is None
    watermark.advance(None, done + QUIET_US, idle=True)
    assert watermark.value_us == done + QUIET_US - SOURCE.disorder_us


def test_that_a_subscription_is_idle_does_not_say_that_nobody_holds_its_messages() -> None:
    watermark = begun(NOW)
    watermark.advance(None, NOW + SECOND_US, idle=True)
    assert watermark.value_us is None
    watermark.advance(None, NOW + 60 * SECOND_US, idle=True)
    assert watermark.value_us == NOW + 60 * SECOND_US - SOURCE.disorder_us


def test_the_watermark_follows_the_oldest_message_and_never_goes_back() -> None:
    watermark = begun(NOW, NOW - 100 * SECOND_US)
    watermark.advance(NOW - 60 * SECOND_US, NOW, idle=False)
    assert watermark.value_us == NOW - 90 * SECOND_US
    watermark.advance(NOW - 300 * SECOND_US, NOW, idle=False)
    assert watermark.value_us == NOW - 90 * SECOND_US
    watermark.advance(NOW + 3600 * SECOND_US, NOW, idle=False)
    assert watermark.value_us == NOW - SOURCE.disorder_us, "a clock that is ahead does not pull it along"


def test_what_cannot_be_reached_is_not_idle() -> None:
    watermark = begun(NOW, NOW - 100 * SECOND_US)
    watermark.advance(None, NOW + 3600 * SECOND_US, idle=False)
    assert watermark.value_us == NOW - 100 * SECOND_US


@pytest.mark.parametrize(("paused_s", "waits"), [(10, False), (7200, True)])
def test_after_a_long_pause_the_watermark_waits_again(paused_s: int, waits: bool) -> None:
    """Whether the reader was away or Pub/Sub was."""
    before = NOW - paused_s * SECOND_US
    restored = begun(NOW, before - SOURCE.disorder_us, before)
    living = begun(before, before - SOURCE.disorder_us, before)
    for watermark in (restored, living):
        watermark.advance(NOW - SECOND_US, NOW, idle=False)
        assert (watermark.value_us == before - SOURCE.disorder_us) == waits


def test_a_mark_goes_through_bytes() -> None:
    coder = MarkCoder()
    for each in (mark(None), Mark("s", ("a", "b"), NOW, NOW)):
        assert coder.decode(coder.encode(each)) == each


@pytest.fixture
def subscription(pubsub: PubSub, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Subscription, str]]:
    """Return a subscription, as a source, and its topic."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub.host)
    topic = pubsub.topic()
    yield replace(SOURCE, name=pubsub.subscription(topic, ack_seconds=10)), topic


@pytest.fixture
def seen(pubsub: PubSub, subscription: tuple[Subscription, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Witness]:
    """Stand between the source and the emulator."""
    with witness(pubsub.host) as stands_between:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", stands_between.host)
        yield stands_between


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def read(reader: UnboundedReader, count: int) -> list[tuple[Delivery, int]]:
    """Start a reader and return the first messages that it hands on, with their event times."""
    found: list[tuple[Delivery, int]] = []
    more = reader.start()
    deadline = time.monotonic() + 60
    while True:
        if more:
            found.append((reader.get_current(), reader.get_current_timestamp().micros))
        if len(found) == count:
            return found
        assert time.monotonic() < deadline, "they did not come in time"
        more = reader.advance()


def test_pubsub_messages_come_with_their_event_time_and_are_acknowledged_when_durable(
    pubsub: PubSub, subscription: tuple[Subscription, str], seen: Witness
) -> None:
    source, topic = subscription
    pubsub.publish(topic, b"clip", {"start": "2026-01-05T09:00:00.000000Z", "camera": "door"})
    pubsub.publish(topic, b"other", {"start": "yesterday"})
    reader = PubSubSource(source).create_reader(None, None)
    by_payload = {delivery.payload: (delivery, at_us) for delivery, at_us in read(reader, 2)}
    assert by_payload[b"clip"][0].attributes["camera"] == "door"
    assert by_payload[b"clip"][1] == 1_767_603_600 * SECOND_US
    assert abs(by_payload[b"other"][1] - now_us()) < 60 * SECOND_US, "without one it is the time of publishing"
    assert reader.get_watermark() == MIN_TIMESTAMP
    made = reader.get_checkpoint_mark()
    assert len(made.ack_ids) == 2
    reader.close()
    assert seen.held() == 2
    made.finalize_checkpoint()
    assert len(seen.acknowledged()) == 2
    assert pubsub.pull(source.name) == []


def test_pubsub_messages_of_a_bundle_that_failed_come_again(
    pubsub: PubSub, subscription: tuple[Subscription, str]
) -> None:
    source, topic = subscription
    pubsub.publish(topic, b"clip", {})
    first, second = (PubSubSource(source).create_reader(None, None) for _ in range(2))
    for reader in (first, second):
        ((delivery, _),) = read(reader, 1)
        assert delivery.payload == b"clip"
        if reader is first:
            reader.close()
    second.get_checkpoint_mark().finalize_checkpoint()
    second.close()


def test_pubsub_a_reader_that_goes_on_in_another_instance_keeps_its_watermark(
    subscription: tuple[Subscription, str],
) -> None:
    """Runners go on with a reader in a new instance for every bundle: its wait for the backlog must not begin anew."""
    source = PubSubSource(subscription[0])
    first = source.create_reader(None, None)
    begun = first.get_checkpoint_mark()
    second = source.create_reader(None, begun)
    assert second._watermark is first._watermark
    second.get_checkpoint_mark()
    restored = source.create_reader(None, begun)
    assert restored._watermark is not first._watermark, "what a reader that was killed had held may come yet"


def test_pubsub_the_backlog_is_not_over_while_it_waits_or_is_worked_on(
    pubsub: PubSub, subscription: tuple[Subscription, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip takes longer than the quiet that ends the backlog; another one, of before, has not been looked at."""
    late_s = 0
    monkeypatch.setattr("pipeline.pubsub.now_us", lambda: now_us() + late_s * SECOND_US)
    source, topic = subscription
    for hour in (9, 8):
        pubsub.publish(topic, b"clip", {"start": f"2026-01-05T{hour:02}:00:00.000000Z"})
    reader = PubSubSource(source).create_reader(None, None)
    read(reader, 1)
    until(lambda: reader._pulled.state().published_us is not None)
    late_s += 40
    assert reader.get_watermark() == MIN_TIMESTAMP, "the other one waits"
    until(reader.advance)
    late_s += 40
    assert reader.get_watermark() == MIN_TIMESTAMP, "it is worked on"
    late_s += 40
    until(lambda: not reader.advance() and reader._pulled.state().idle_us is not None)
    assert reader.get_watermark() == MIN_TIMESTAMP, "it was worked on until just now"
    late_s += 40
    assert reader.get_watermark() > MIN_TIMESTAMP
    reader.get_checkpoint_mark().finalize_checkpoint()
    reader.close()


def test_pubsub_messages_are_pulled_ahead_up_to_a_number_of_bytes(
    pubsub: PubSub, subscription: tuple[Subscription, str]
) -> None:
    source, topic = subscription
    for _ in range(6):
        pubsub.publish(topic, bytes(4_000_000), {})
    reader = PubSubSource(replace(source, in_flight_bytes=10_000_000)).create_reader(None, None)
    reader.start()
    waiting = reader._pulled
    until(lambda: waiting._bytes >= 4_000_000)
    most = 0

    def watched() -> bool:
        nonlocal most
        most = max(most, waiting._bytes)
        return len(found) == 5

    found: list[Delivery] = []
    while not watched():
        if reader.advance():
            found.append(reader.get_current())
    assert most <= 10_000_000
    reader.close()


class Refusing(grpc.GenericRpcHandler):
    """A Pub/Sub that answers every call with a fault; counts the calls."""

    def __init__(self, fault: grpc.StatusCode) -> None:
        self.fault, self.calls = fault, 0

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        def refuse(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.calls += 1
            context.abort(self.fault, "hunter2")

        return grpc.unary_unary_rpc_method_handler(refuse)


@contextmanager
def refusing(fault: grpc.StatusCode, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Refusing, Subscription]]:
    """Serve nothing but faults; yields the server and a subscription that nobody has read."""
    refuses = Refusing(fault)
    server = grpc.server(ThreadPoolExecutor(4, "refusing"), handlers=[refuses])
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    try:
        yield refuses, replace(SOURCE, name=f"projects/lab-1234/subscriptions/{fault.name.lower()}")
    finally:
        server.stop(None).wait()


def test_a_subscription_that_cannot_be_reached_is_waited_for_and_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with refusing(grpc.StatusCode.UNAVAILABLE, monkeypatch) as (server, source), _quiet():
        reader = PubSubSource(source).create_reader(None, None)
        until(lambda: not reader.advance() and server.calls >= 3)
        assert reader.get_watermark() == MIN_TIMESTAMP
    assert capsys.readouterr().err.splitlines() == [
        f"silhouette run: {source.name} cannot be pulled (ServiceUnavailable): waiting for it"
    ]
    assert not [record for record in caplog.records if record.name == "pipeline.pubsub"], "Beam's log would repeat it"


def test_a_detached_subscription_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.pubsub._GIVE_UP_S", 0.0)
    with refusing(grpc.StatusCode.FAILED_PRECONDITION, monkeypatch) as (_, source):
        reader = PubSubSource(source).create_reader(None, None)
        with pytest.raises(FailedPrecondition):
            until(reader.advance)


def test_pubsub_source_ends_once_it_is_idle(pubsub: PubSub, subscription: tuple[Subscription, str]) -> None:
    source, topic = subscription
    pubsub.publish(topic, b"clip", {})
    reader = PubSubSource(replace(source, until_idle_us=2 * SECOND_US, acknowledge_late=True)).create_reader(None, None)
    assert len(read(reader, 1)) == 1
    until(lambda: not reader.advance() and reader.get_watermark() == MAX_TIMESTAMP)
    assert reader.get_checkpoint_mark().ack_ids == ()
    reader.close()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cut three clips from the demo, six people's first."""
    return cut(tmp_path_factory.mktemp("clips"), 3)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return site_file(tmp_path_factory.mktemp("site") / "site.yaml", fps=2)


@pytest.fixture(scope="module")
def batch(site: Path, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("batch")
    span = ("--from", FROM, "--until", UNTIL)
    done = silhouette("run", "--site", site, "--clips", archive, "--output", output, *span)
    assert done.returncode == 0, done.stderr
    return output


def check_evidence(output: str, batch: str, topic: str) -> None:
    """Hold a stream's evidence against the batch run's, but for what depends on arrival."""
    days = ([each for each in packs_of(where, SITE) if isinstance(each, DayPack)] for where in (output, batch))
    (streamed,), (read,) = days
    assert streamed.clips == read.clips
    assert streamed.arrival is not None and (streamed.arrival.deliveries, streamed.arrival.duplicates) == (4, 1)
    assert (streamed.arrival.late, streamed.arrival.too_late) == (0, 0)
    assert streamed.arrival.capture_to_geometry_gone.count >= 1
    (strange,) = packs_of(output, "unknown")
    assert isinstance(strange, DayPack) and strange.clips is not None
    assert [(bad.stage, bad.reason, bad.clips) for bad in strange.clips.bad] == [("ReadClips", "bad_envelope", 1)]
    (looked,) = [each for each in packs_of(output, SITE) if isinstance(each, RetentionPack)]
    assert {(each.kind, each.verdict) for each in looked.holdings} >= {("topic", "within"), ("subscription", "over")}
    assert topic in {each.name for each in looked.holdings}
    assert verify(output, SITE, None).faults == verify(output, "unknown", None).faults == []


@pytest.mark.parametrize("runner", ["direct", "prism"])
def test_pubsub_until_idle_ends_with_the_records_of_the_batch(
    site: Path, pubsub: PubSub, archive: Path, batch: Path, tmp_path: Path, runner: str
) -> None:
    """Out of order, one of them twice, and one message that is no clip at all."""
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    publish(pubsub.publisher(), topic, find_clips([archive]), twice=0.34)
    pubsub.publish(topic, b"not a clip", {"camera": "reading-table"})
    own = ["--runner", "prism", "--readers", "1", "--prism", builds.prism()] if runner == "prism" else []
    done = silhouette(
        "run", "--site", site, "--input", subscription, "--output", tmp_path / "out",
        "--from", FROM, "--until", UNTIL, "--until-idle", "4s", *own, **pubsub.environment,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "bad_envelope 1" in done.stdout
    assert current(read_records(tmp_path / "out")) == current(read_records(batch))
    check_evidence(str(tmp_path / "out"), str(batch), topic)
    assert pubsub.pull(subscription, seconds=2) == []
