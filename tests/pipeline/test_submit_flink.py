"""`silhouette submit flink`: flags, job server and cluster that do not fit are told before anything is submitted."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from pipeline.cli import USAGE
from pipeline.submit import command
from pipeline.submit.flink import check, check_state
from pipeline.submit.flink_options import beam_options
from pipeline.submit.flink_rest import FlinkCluster, FlinkError, last_cause
from pipeline.submit.job_server import JobServerError, check_job_server
from pipeline.usage import UsageError
from tests.support.flink_cluster import free_ports
from tests.support.serving import Quiet, server_of, serving


def parsed(*words: object) -> argparse.Namespace:
    """Parse `silhouette submit flink WORDS`."""
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return parser.parse_args(["submit", "flink", *map(str, words)])


def submit(*words: object) -> int:
    """Run `silhouette submit flink WORDS` and return its exit code."""
    return command.run(parsed(*words))


LEAST = ("--site", "demo/site.yaml", "--input", "projects/p/subscriptions/s", "--output", "out")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--parallelism", "0"], "--parallelism: at least 1"),
        (["--worker-processes", "0"], "--worker-processes: at least 1"),
        (["--checkpoint-every", "0.5"], "--checkpoint-every: from 1 to 300 seconds"),
        (["--job-endpoint", "8099"], "--job-endpoint: must be HOST:PORT"),
        (["--workers-at", "host"], "--workers-at: must be HOST:PORT"),
        (["--rest", "localhost:8081"], "--rest: must be an address"),
        (["--job-name", "two words"], "--job-name: letters"),
        (["--upgrade", "silhouette"], "--upgrade: must be a job's id"),
        (["--jar", "job.jar"], "--jar, --job-server-jar: give both"),
        (["--jar", "a.jar", "--job-server-jar", "b.jar", "--wait"], "--jar: the operator"),
        (["--jar", "a.jar", "--job-server-jar", "b.jar", "--rest", "http://a:1"], "--rest: with --jar no cluster"),
        (["--jar", "a.jar", "--job-server-jar", "b.jar", "--job-endpoint", "a:1"], "--job-endpoint: with --jar no"),
        (["--clips", "clips", "--upgrade", "0" * 32], "--upgrade: is for a subscription"),
        (["--clips", "clips", "--savepoint", "file:///s"], "--savepoint: is for a subscription"),
        (["--clips", "clips", "--checkpoint-every", "10"], "--checkpoint-every: is for a subscription"),
    ],
)
def test_flags_that_do_not_fit_are_told(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    least = LEAST[:2] + LEAST[4:] if "--clips" in words else LEAST
    assert submit(*least, *words) == USAGE
    assert f"silhouette submit flink: {told}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("keys.secret", "--keys: keys.secret: give the whole path that the file has on the workers"),
        ("gcp-kms://nonsense", "--keys: an address in KMS is written gcp-kms://projects/P"),
    ],
)
def test_keys_are_where_workers_can_find_them(
    root: Path, tmp_path: Path, address: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    job = ("--site", root / "demo/site.yaml", "--input", "projects/p12345/subscriptions/sss", "--output", tmp_path)
    assert submit(*job, "--keys", "/run/secrets/keys", "--keys", address) == USAGE
    assert f"silhouette submit flink: {told}" in capsys.readouterr().err


def test_a_stream_waits_for_its_bundles_and_keeps_its_state() -> None:
    args = parsed(*LEAST)
    check(args)
    options = beam_options(args, "silhouette-1", "file:///s", bounded=False).get_all_options()
    assert options["streaming"]
    assert options["finish_bundle_before_checkpointing"]
    assert options["externalized_checkpoints_enabled"]
    assert options["checkpointing_interval"] == 10_000
    assert options["savepoint_path"] == "file:///s"
    assert options["environment_type"] == "EXTERNAL"
    args = parsed(*LEAST, "--worker-image", "i:1")
    check(args)
    docker = beam_options(args, "silhouette-1", None, bounded=False)
    assert docker.get_all_options()["environment_config"] == "i:1"


def test_a_cluster_that_keeps_checkpoints_in_memory_is_refused() -> None:
    check_state({"state.checkpoints.dir": "file:///state"})
    check_state({"execution.checkpointing.dir": "file:///state"})
    with pytest.raises(UsageError, match=r"--rest: .* set execution\.checkpointing\.dir"):
        check_state({"state.backend.type": "rocksdb"})


def test_a_job_server_that_is_not_there_is_told() -> None:
    (port,) = free_ports(1)
    with pytest.raises(JobServerError, match=rf"does not answer at localhost:{port} \(UNAVAILABLE\)"):
        check_job_server(f"localhost:{port}")


@contextmanager
def answering(content: bytes | None) -> Iterator[str]:
    """Answer every request alike, while the body runs; with None, by what is no HTTP. Yields the address."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if content is None:
                self.wfile.write(b"SSH-2.0\r\n\r\n")
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

    with serving(server_of(Handler)) as url:
        yield url


def test_a_cluster_that_is_not_there_is_told() -> None:
    (port,) = free_ports(1)
    with pytest.raises(FlinkError, match=f"http://localhost:{port} cannot be reached: "):
        FlinkCluster(f"http://localhost:{port}").jobs()


@pytest.mark.parametrize("answer", [b'{"kind": 1}', b'["a"]', b"7", b"null"])
def test_a_service_that_is_not_flink_is_told(answer: bytes) -> None:
    with answering(answer) as url:
        cluster = FlinkCluster(url)
        stop = partial(cluster.stop_with_savepoint, "a", None, 0.0)
        for ask in (cluster.jobs, cluster.settings, partial(cluster.state, "a"), stop):
            with pytest.raises(FlinkError, match=f"{url} answers, and not as Flink does; give the address"):
                ask()


def test_an_answer_that_is_no_http_is_told() -> None:
    with answering(None) as url, pytest.raises(FlinkError, match=f"{url} cannot be reached: "):
        FlinkCluster(url).jobs()
    with pytest.raises(FlinkError, match="cannot be reached: "):
        FlinkCluster("http://localhost:port").jobs()


JAVA = "java.lang.A: one\n\tat a.b\nCaused by: java.lang.B: two\n\tat c.d\n\t... 3 more\n"
PYTHON = """java.lang.A: one
\tat a.b
Caused by: java.lang.B: Error received from SDK harness for instruction 5: Traceback (most recent call last):
  File "x.py", line 1, in f
    g()
OSError: [Errno 28] No space left [while running 'WriteRecords/Write-ptransform-7']

\tat c.d
"""


@pytest.mark.parametrize(
    ("stack", "cause"),
    [(JAVA, "java.lang.B: two"), (PYTHON, "OSError: [Errno 28] No space left"), ("", "")],
    ids=["java", "python", "none"],
)
def test_the_fault_at_the_bottom_of_a_stack(stack: str, cause: str) -> None:
    assert last_cause(stack) == cause
