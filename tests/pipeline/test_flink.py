"""The job on a real Flink cluster of two TaskManagers, as `silhouette submit flink` puts it there.

A stream is fed by the real emulator: what is killed while clips are on their way costs no record.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.trials import SECOND_CAMERA, Trial
from pipeline.archive import find_clips
from pipeline.cli import FAILED, OK, main
from pipeline.submit.flink import check_cluster
from pipeline.submit.flink_jar import MAIN
from pipeline.submit.flink_rest import CANCELED, RUNNING
from pipeline.usage import UsageError
from schemas.clock import SECOND_US, now_us
from schemas.records import FAMILIES
from tests.support import builds
from tests.support.command import silhouette
from tests.support.demo import CAMERA, cut, site_file
from tests.support.flink_cluster import Flink, Workers, free_ports
from tests.support.live import envelope_of, moved, publish
from tests.support.live_job import (
    LiveJob,
    above_first,
    job_of,
    models_folder,
    spaced,
    standing,
    wait_for_records,
    wait_until,
)
from tests.support.pubsub import PubSub
from tests.support.witness import Witness, witness

MINUTE_US = 60 * SECOND_US
CLIPS = 20
PATIENCE_S = 300


@pytest.fixture(scope="module")
def pool(flink: Flink) -> Iterator[Workers]:
    with flink.workers() as started:
        yield started


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_folder(tmp_path_factory.mktemp("image") / "models")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """Return the flags of a job over a few clips, all but where its records go."""
    folder = tmp_path_factory.mktemp("job")
    return ["--site", site_file(folder / "site.yaml", fps=2), "--clips", cut(folder / "clips", 2), "--output"]


@pytest.fixture(scope="module")
def local(job: list[object], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    output = tmp_path_factory.mktemp("local")
    done = silhouette("run", *job, output)
    assert done.returncode == 0, done.stderr
    return contents(output)


def contents(output: Path) -> dict[str, bytes]:
    """Return the bytes of each file of records, by its path below the output."""
    return {str(path.relative_to(output)): path.read_bytes() for path in output.rglob("*.avro")}


def submit(*words: object) -> int:
    """Run `silhouette submit flink WORDS` and return its exit code."""
    return main(["submit", "flink", *map(str, words)])


def test_flink_gives_the_records_of_a_local_run(
    flink: Flink, pool: Workers, job: list[object], local: dict[str, bytes], models: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    done = submit(
        *job, tmp_path, "--job-endpoint", flink.job_endpoint, "--rest", flink.rest.url, "--workers-at", pool.address,
        "--models-at", models, "--parallelism", 2, "--job-name", "demo", "--wait",
    )  # fmt: skip
    told = capsys.readouterr()
    assert done == OK, told.err
    (name,) = [name for name, state in flink.rest.jobs().values() if name.startswith("demo-") and state == "FINISHED"]
    assert f"{name}: job " in told.out
    (job_id,) = [each for each, (named, _) in flink.rest.jobs().items() if named == name]
    with pytest.raises(UsageError, match="--upgrade: the job is FINISHED"):
        check_cluster(flink.rest, job_id, bounded=False)
    assert contents(tmp_path) == local
    assert len(local) == len(FAMILIES) - 1, "all but movement, of calibrated cameras alone"


def test_flink_runs_the_job_as_a_jar(
    flink: Flink, pool: Workers, job: list[object], local: dict[str, bytes], models: Path, tmp_path: Path
) -> None:
    """As the Kubernetes operator does: the jar's own class, with no job server."""
    jar = tmp_path / "silhouette.jar"
    written = submit(
        *job, tmp_path / "records", "--workers-at", pool.address, "--models-at", models,
        "--jar", jar, "--job-server-jar", builds.flink_job_server(),
    )  # fmt: skip
    assert written == OK
    flink.run_jar(jar, MAIN)
    assert contents(tmp_path / "records") == local


def test_flink_job_to_replace_must_run(flink: Flink) -> None:
    """It is stopped only when the new one can take its place."""
    with pytest.raises(UsageError, match=f"--upgrade: {flink.rest.url} has no job 0000"):
        check_cluster(flink.rest, "0" * 32, bounded=False)


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


def test_flink_pubsub_stream_is_replaced_and_outlives_pubsub_with_the_records_of_the_batch(
    flink: Flink, workers: Workers, pubsub: PubSub, seen: Witness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One camera's clips come late, all at once; another job takes the place of the first, then Pub/Sub goes away."""
    from_us = (now_us() - 5 * MINUTE_US) // MINUTE_US * MINUTE_US
    site = site_file(
        tmp_path / "site.yaml", windows=["1m"], lateness="15m", fps=2, cameras=[CAMERA, SECOND_CAMERA]
    )  # fmt: skip
    live = LiveJob(site, models_folder(tmp_path / "models"), from_us, from_us + 2 * MINUTE_US)
    short, archive = cut(tmp_path / "cut", 8, seconds=5), tmp_path / "clips"
    starts_us = [from_us + (3 + 14 * i) * SECOND_US for i in range(8)]
    there = find_clips([spaced(short, archive, starts_us, CAMERA)])
    spaced(short, archive, starts_us[:6], SECOND_CAMERA)
    spooled = [clip for clip in find_clips([archive]) if envelope_of(clip).camera == SECOND_CAMERA]
    topic = pubsub.topic()
    subscription, output = pubsub.subscription(topic), tmp_path / "records"
    with pubsub.publisher() as publisher:
        trial = Trial(
            "replaced", live, pubsub, flink, workers, seen, publisher, tmp_path, topic=topic, subscription=subscription
        )
        trial.send(there[:3])
        trial.submit("--checkpoint-every", 10)  # clips are held until then
        trial.until_told(1)
        first = trial.job
        replace = live.words(flink, workers, subscription, output, "--upgrade", first)
        (nobody,) = free_ports(1)
        assert main([*replace, "--job-endpoint", f"localhost:{nobody}"]) == FAILED
        assert "--job-endpoint: Beam's job server does not answer" in capsys.readouterr().err
        assert flink.rest.state(first) == RUNNING, "it is stopped only where another can take its place"
        trial.send([*there[3:6], *spooled])
        trial.strike()
        assert main(replace) == OK
        trial.job = job_of(capsys.readouterr().out)
        assert flink.rest.state(first) == CANCELED
        trial.send(there[6:])
        trial.strike()
        trial.restart_emulator()
    expected = live.batch(archive, tmp_path / "batch")
    wait_for_records(output, expected, PATIENCE_S)
    wait_until(lambda: seen.held() == 0, "all messages are acknowledged", PATIENCE_S)
    flink.cancel_all()
    assert seen.came_again() > 0
    assert standing(output) == expected
    assert above_first(output) > 0
    assert pubsub.pull(subscription) == []
