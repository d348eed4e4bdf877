"""`make flink`: the demo's clips on a real Flink cluster on this machine, which stays until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.cli import OK, main
from tests.conftest import ROOT
from tests.support import builds
from tests.support.flink_cluster import flink_cluster


def show(clips: str, output: str) -> int:
    """Start a cluster, run the job on it, and keep the cluster up; returns the exit code."""
    print("Flink and Beam's job server: built at the first start, which takes some minutes", flush=True)
    builds.flink_job_server(), builds.flink_libraries()
    with (
        tempfile.TemporaryDirectory(prefix="silhouette-flink-") as folder,
        flink_cluster(Path(folder) / "cluster") as cluster,
        cluster.workers() as workers,
    ):
        print(f"Flink with two TaskManagers: {cluster.rest.url}, logs in {folder}/cluster/logs", flush=True)
        models = f"{folder}/models"
        where = ("--rest", cluster.rest.url, "--job-endpoint", cluster.job_endpoint, "--workers-at", workers.address)
        job = ("--site", str(ROOT / "demo/site.yaml"), "--clips", clips, "--output", output, "--models-at", models)
        for words in (
            ["models", "pull", "person", "--to", models],
            ["submit", "flink", *job, *where, "--parallelism", "2", "--job-name", "demo", "--wait"],
            ["inspect", f"{output}/records/footfall"],
        ):
            if (done := main(words)) != OK:
                return done
        print(f"Flink stays at {cluster.rest.url} until Ctrl-C.", flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()
    return OK


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(show(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except (pytest.skip.Exception, pytest.fail.Exception, builds.BuildError) as error:
        sys.exit(str(error))
