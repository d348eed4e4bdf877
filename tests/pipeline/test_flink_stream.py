"""The stream on a real Flink and the real emulator: what is killed while clips are on their way costs no record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.archive import find_clips
from schemas.clock import SECOND_US, now_us
from tests.support.flink_cluster import Flink, Workers
from tests.support.live import moved, publish
from tests.support.live_job import (
    LiveJob,
    cut,
    models_folder,
    site_file,
    standing,
    wait_for_records,
    wait_until,
)
from tests.support.pubsub import PubSub
from tests.support.witness import Witness, witness

MINUTE_US = 60 * SECOND_US
CLIPS = 20
PATIENCE_S = 300


@pytest.fixture
def seen(pubsub: PubSub) -> Iterator[Witness]:
    with witness(pubsub.host) as stands_between:
        yield stands_between


@pytest.fixture
def workers(flink: Flink, seen: Witness) -> Iterator[Workers]:
    with flink.workers(PUBSUB_EMULATOR_HOST=seen.host) as pool:
        yield pool


def test_flink_pubsub_stream_survives_kills_with_the_records_of_the_batch(
    flink: Flink, workers: Workers, pubsub: PubSub, seen: Witness, tmp_path: Path
) -> None:
    """In disorder, every tenth clip twice; a TaskManager and a Python worker are killed while clips are held."""
    from_us = (now_us() - 5 * MINUTE_US) // (2 * MINUTE_US) * 2 * MINUTE_US
    site = site_file(tmp_path / "site.yaml", windows=["1m", "2m"], lateness="15m", fps=2)
    live = LiveJob(site, models_folder(tmp_path / "models"), from_us, from_us + 2 * MINUTE_US)
    archive = moved(cut(tmp_path / "cut", CLIPS, seconds=5), tmp_path / "clips", from_us + 7 * SECOND_US)
    clips = find_clips([archive])
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    output = tmp_path / "live"
    with pubsub.publisher() as publisher:
        sent = publish(publisher, topic, clips[::2], twice=0.1)
        job = live.submit(flink, workers, subscription, output)
        # Flink tells what runs with a delay of seconds.
        wait_until(lambda: flink.busy_taskmanagers(job) and seen.held() > 0, "clips are held", PATIENCE_S)
        flink.kill_taskmanager(sorted(flink.busy_taskmanagers(job))[0])
        assert seen.held() > 0
        flink.start_taskmanager()
        flink.wait_for_taskmanagers(2)
        before = seen.delivered()
        sent += publish(publisher, topic, clips[1::2], twice=0.1, seed=1)
        wait_until(
            lambda: seen.delivered() > before and workers.pids() and seen.held() > 0, "clips are held again", PATIENCE_S
        )
        workers.kill_one()
        assert seen.held() > 0
    expected = live.batch(archive, tmp_path / "batch")
    assert all(expected[family] for family in expected.keys() - {"movement"})  # of calibrated cameras alone
    wait_for_records(output, expected, PATIENCE_S)
    wait_until(lambda: len(seen.acknowledged()) == sent, f"all {sent} messages are acknowledged", PATIENCE_S)
    flink.cancel_all()
    assert seen.came_again() > round(0.1 * CLIPS)
    assert standing(output) == expected
    assert pubsub.pull(subscription) == []
