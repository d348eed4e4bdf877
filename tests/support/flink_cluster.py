"""A real Flink cluster on this machine: JobManager, TaskManagers, Beam's job server, and pools of Python workers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from pipeline.submit.flink_rest import DONE, ENDED, FlinkCluster, FlinkError, polled
from tests.conftest import ROOT
from tests.support import builds

START_S = 120
"""The longest that any one process may take to be ready."""

SLOTS = 2
"""Slots of a TaskManager."""

# What Flink's own scripts pass to Java 17.
_OPEN = [
    *(f"--add-exports=java.base/{name}=ALL-UNNAMED" for name in ("sun.net.util",)),
    *(f"--add-exports=java.rmi/{name}=ALL-UNNAMED" for name in ("sun.rmi.registry",)),
    *(
        f"--add-opens=java.base/{name}=ALL-UNNAMED"
        for name in (
            "java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time",
            "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks",
        )
    ),
]  # fmt: skip
# A test's cluster lives for a minute: it is the start that must be quick.
_QUICK = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]

_LOGGING = """
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %-60c %x - %m%n
"""


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens at."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Processes:
    """Processes of a test, each with a group and a log file of its own; none outlives `end`."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a process under a name of its own."""
        with (self.logs / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                cwd=self.logs, env=os.environ | environment,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        """Kill a process and all that it started, at once."""
        process = self.running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        """Kill what is left, the last first."""
        for name in reversed(list(self.running)):
            self.kill(name)

    def check(self, name: str) -> None:
        """Fail if a process has ended of its own accord, with the end of its log."""
        code = self.running[name].poll()
        if code is not None:
            raise RuntimeError(f"{name} ended with {code}:\n{self.log(name)}")

    def log(self, name: str) -> str:
        """Return the end of what a process has told."""
        return (self.logs / f"{name}.log").read_text(errors="replace")[-3000:]

    def wait_for_port(self, name: str, port: int) -> None:
        """Wait until a process listens."""
        for _ in polled(START_S):
            self.check(name)
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        raise TimeoutError(f"{name} does not listen after {START_S} s:\n{self.log(name)}")


class Workers:
    """A pool of Python workers: it starts one process for each that a TaskManager asks for."""

    def __init__(self, processes: Processes, name: str, port: int) -> None:
        self._processes = processes
        self._name = name
        self.address = f"localhost:{port}"

    def pids(self) -> list[int]:
        """Return the process ids of the workers, the oldest first."""
        # Linux keeps children by the thread that started them.
        threads = Path(f"/proc/{self._processes.running[self._name].pid}/task").glob("*/children")
        return sorted(int(pid) for children in threads for pid in children.read_text().split())

    def kill_one(self) -> int:
        """Kill the oldest worker, as `kill -9` does, and return its process id."""
        pid = self.pids()[0]
        os.kill(pid, signal.SIGKILL)
        return pid


class Flink:
    """A running cluster.

    Attributes:
      rest: The JobManager, which lists, cancels and saves jobs.
      job_endpoint: Beam's job server.
      savepoints: Folder for savepoints.
    """

    def __init__(self, folder: Path, processes: Processes) -> None:
        rest, rpc, self._job_port, artifacts = free_ports(4)
        self.rest = FlinkCluster(f"http://localhost:{rest}")
        self.job_endpoint = f"localhost:{self._job_port}"
        self.savepoints = folder / "savepoints"
        self._folder = folder
        self._processes = processes
        self._started = 0
        self._pools = 0
        self._settings = {
            "rest.address": "localhost",
            "rest.port": rest,
            "jobmanager.rpc.address": "localhost",
            "jobmanager.rpc.port": rpc,
            "jobmanager.bind-host": "localhost",
            "taskmanager.host": "localhost",
            "taskmanager.bind-host": "localhost",
            "taskmanager.numberOfTaskSlots": SLOTS,
            # What Flink's shell scripts would work out.
            "taskmanager.cpu.cores": SLOTS,
            "taskmanager.memory.task.heap.size": "512m",
            "taskmanager.memory.task.off-heap.size": "64m",
            "taskmanager.memory.framework.heap.size": "128m",
            "taskmanager.memory.framework.off-heap.size": "128m",
            "taskmanager.memory.network.min": "192m",
            "taskmanager.memory.network.max": "192m",
            "taskmanager.memory.managed.size": "128m",
            "taskmanager.memory.jvm-metaspace.size": "256m",
            "taskmanager.memory.jvm-overhead.min": "192m",
            "taskmanager.memory.jvm-overhead.max": "192m",
            "taskmanager.load-balance.mode": "SLOTS",  # a job that needs two slots has a part on each
            # A lost TaskManager is noticed within seconds, not the minute that suits a real network.
            "heartbeat.interval": 1000,
            "heartbeat.timeout": 6000,
            "state.backend.type": "hashmap",
            "state.checkpoints.dir": (folder / "checkpoints").as_uri(),
            "state.savepoints.dir": self.savepoints.as_uri(),
            # A job that only fails is given up soon.
            "restart-strategy.type": "failure-rate",
            "restart-strategy.failure-rate.max-failures-per-interval": 5,
            "restart-strategy.failure-rate.failure-rate-interval": "1 min",
            "restart-strategy.failure-rate.delay": "1 s",
            "io.tmp.dirs": str(folder / "tmp"),
            "rest.server.max-content-length": 500 << 20,
        }
        self._job_server = [
            f"--flink-master=localhost:{rest}",
            f"--job-port={self._job_port}",
            f"--artifact-port={artifacts}",
            "--expansion-port=-1",
            f"--artifacts-dir={folder / 'artifacts'}",
        ]

    def start(self, taskmanagers: int) -> None:
        """Start all of it and wait until each part is ready."""
        for name in ("conf", "tmp"):
            (self._folder / name).mkdir()
        settings = "".join(f"{key}: {value}\n" for key, value in self._settings.items())
        (self._folder / "conf/config.yaml").write_text(settings)
        (self._folder / "conf/log4j.properties").write_text(_LOGGING)
        self._java("jobmanager", "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                   "--executionMode", "cluster")  # fmt: skip
        for _ in range(taskmanagers):
            self.start_taskmanager()
        jar = builds.flink_job_server()
        self._processes.start("job_server", [builds.java(), *_OPEN, *_QUICK, "-jar", str(jar), *self._job_server], {})
        self.wait_for_taskmanagers(taskmanagers)
        self._processes.wait_for_port("job_server", self._job_port)

    def _java(self, name: str, main: str, *arguments: str) -> None:
        conf = self._folder / "conf"
        command = [
            builds.java(), *_OPEN, *_QUICK, "-Xmx1g", f"-Dlog4j.configurationFile={conf / 'log4j.properties'}",
            "-cp", f"{builds.flink_libraries()}/*", main, "--configDir", str(conf), *arguments,
        ]  # fmt: skip
        self._processes.start(name, command, {})

    def taskmanagers(self) -> list[str]:
        """Return the names of the TaskManagers that were started and not killed, the oldest first."""
        return [name for name in self._processes.running if name.startswith("taskmanager-")]

    def start_taskmanager(self) -> str:
        """Start one more, and return its name, which is Flink's id of it too."""
        self._started += 1
        name = f"taskmanager-{self._started}"
        self._java(name, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                   "-D", f"taskmanager.resource-id={name}")  # fmt: skip
        return name

    def kill_taskmanager(self, name: str) -> None:
        """Kill one, as `kill -9` does."""
        self._processes.kill(name)

    def wait_for_taskmanagers(self, count: int) -> None:
        """Wait until the JobManager knows so many."""
        for _ in polled(START_S):
            self._processes.check("jobmanager")
            with suppress(FlinkError):
                if len(self.rest.ask("taskmanagers")["taskmanagers"]) == count:
                    return
        told = self._processes.log((self.taskmanagers() or ["jobmanager"])[-1])
        raise TimeoutError(f"no {count} TaskManagers after {START_S} s:\n{told}")

    def busy_taskmanagers(self, job: str) -> set[str]:
        """Return the names of those that run a part of a job."""
        busy = set()
        for vertex in self.rest.ask(f"jobs/{job}")["vertices"]:
            tasks = self.rest.ask(f"jobs/{job}/vertices/{vertex['id']}/taskmanagers")["taskmanagers"]
            busy |= {task["taskmanager-id"] for task in tasks if task["status"] == "RUNNING"}
        return busy

    @contextmanager
    def workers(self, **environment: str) -> Iterator[Workers]:
        """Start a pool of Python workers with this environment."""
        (port,) = free_ports(1)
        self._pools += 1
        name = f"workers-{self._pools}"
        # A pool starts its workers as `python`, which must be this one, and they import what the job names.
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
        command = [sys.executable, "-m", "tests.support.worker_pool", str(port)]
        self._processes.start(name, command, {"PATH": path, "PYTHONPATH": str(ROOT)} | environment)
        try:
            self._processes.wait_for_port(name, port)
            yield Workers(self._processes, name, port)
        finally:
            self._processes.kill(name)

    def checkpoints(self, job: str) -> dict[str, Any]:
        """Return Flink's statistics of a job's checkpoints: counts, sizes in bytes, the latest of each kind."""
        return dict(self.rest.ask(f"jobs/{job}/checkpoints"))

    def run_jar(self, jar: Path, main: str) -> None:
        """Run a jar's class as an application, and wait until its job is done."""
        with jar.open("rb") as file:
            sent = requests.post(f"{self.rest.url}/v1/jars/upload", files={"jarfile": file}, timeout=START_S)
        sent.raise_for_status()
        name = Path(sent.json()["filename"]).name
        job = self.rest.ask(f"jars/{name}/run", {"entryClass": main})["jobid"]
        for _ in polled(2 * START_S):
            if (state := self.rest.state(job)) in ENDED:
                assert state == DONE, self.rest.fault(job)
                return
        raise TimeoutError(f"job {job} is not done")

    def cancel_all(self) -> None:
        """Cancel every job that still runs, and wait until none does."""
        for job, (_, state) in self.rest.jobs().items():
            if state not in ENDED:
                self.rest.cancel(job)
        for _ in polled(START_S):
            if all(state in ENDED for _, state in self.rest.jobs().values()):
                return
        raise TimeoutError("a job cannot be cancelled")


@contextmanager
def flink_cluster(folder: Path, taskmanagers: int = 2) -> Iterator[Flink]:
    """Run a cluster, its files and logs in a folder, and end every process of it."""
    logs = folder / "logs"
    logs.mkdir(parents=True)
    processes = Processes(logs)
    try:
        cluster = Flink(folder, processes)
        cluster.start(taskmanagers)
        yield cluster
    finally:
        processes.end()


@pytest.fixture(scope="session")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flink]:
    """Return a cluster of two TaskManagers, which the tests share."""
    with flink_cluster(tmp_path_factory.mktemp("flink")) as cluster:
        yield cluster
