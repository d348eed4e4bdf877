"""A real BigQuery emulator, in an environment of its own: what it needs does not go with what the project has."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.warehouse.bigquery import Dataset
from tests.support.builds import BuildError, built

EMULATOR, DUCKDB = "1.4.0", "1.5.5"
EXTENSIONS = "avro", "spatial"


def bigquery_emulator() -> Path:
    """Return the Python of the emulator's environment."""

    def make(folder: Path) -> None:
        python = str(folder / "bin/python")
        _run(sys.executable, "-m", "venv", str(folder))
        _run(
            python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"bqemulator=={EMULATOR}",
            f"duckdb=={DUCKDB}", "duckdb-extensions", *(f"duckdb-extension-{each}=={DUCKDB}" for each in EXTENSIONS),
            "numpy", "pandas",
        )  # fmt: skip
        (folder / "home").mkdir()
        for each in EXTENSIONS:
            code = f"from duckdb_extensions import import_extension; import_extension({each!r})"
            _run(python, "-c", code, HOME=str(folder / "home"))

    return built(f"bigquery-emulator-{EMULATOR}-{DUCKDB}", make) / "bin/python"


@contextmanager
def emulator(logs: Path) -> Iterator[str]:
    """Run the emulator on free ports, everything in memory; yields its address."""
    python = bigquery_emulator()
    rest, grpc = _free_ports(2)
    home = python.parent.parent / "home"
    with logs.open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-m", "bqemulator", "start", "--rest-port", str(rest), "--grpc-port", str(grpc)],
            env=os.environ | {"HOME": str(home), "TMPDIR": str(logs.parent)},
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            _wait(f"http://127.0.0.1:{rest}/bigquery/v2/projects/any/datasets", process, logs)
            yield f"http://127.0.0.1:{rest}"
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="session")
def bigquery_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running emulator."""
    with emulator(tmp_path_factory.mktemp("bigquery") / "emulator.log") as host:
        yield host


@pytest.fixture
def dataset(bigquery_host: str, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Return a dataset that is not there yet; Google's client is led to the emulator."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", bigquery_host)
    return Dataset("my-project", f"silhouette_{uuid.uuid4().hex[:12]}")


def _wait(url: str, process: subprocess.Popen[bytes], logs: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the emulator does not answer:\n{logs.read_text()[-2000:]}") from None
            time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _run(*command: str, **environment: str) -> None:
    done = subprocess.run(
        command, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BuildError(
            f"{' '.join(command)} ended with {done.returncode}; it needs the network:\n{done.stdout[-2000:]}"
        )
