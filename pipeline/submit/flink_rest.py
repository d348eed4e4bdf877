"""What an operator asks of a Flink cluster, by its REST interface (v1, the same in Flink 1.19 to 2.2)."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

INITIALIZING, RUNNING = "INITIALIZING", "RUNNING"
DONE, FAILED, CANCELED = "FINISHED", "FAILED", "CANCELED"
ENDED = frozenset({DONE, FAILED, CANCELED})
"""States that a job does not leave."""

_TIMEOUT_S = 30
_POLL_S = 0.5


class FlinkError(RuntimeError):
    """The cluster cannot be reached, or refused; the text says which address and why."""


@dataclass(frozen=True)
class FlinkCluster:
    """A cluster's JobManager.

    Attributes:
      url: Its REST interface, as http://localhost:8081.
    """

    url: str

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Return the answer to a GET, or to a POST of a body.

        Raises:
          FlinkError: the cluster cannot be reached, or refused.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/v1/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise FlinkError(f"{self.url} answered {error.code} to {path}: {_reason(error)}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise FlinkError(f"{self.url} cannot be reached: {getattr(error, 'reason', error)}") from error

    def jobs(self) -> dict[str, tuple[str, str]]:
        """Return the name and the state of each job, by its id."""
        with self._understood():
            return {job["jid"]: (job["name"], job["state"]) for job in self.ask("jobs/overview")["jobs"]}

    def state(self, job: str) -> str:
        """Return the state of a job."""
        with self._understood():
            return str(self.ask(f"jobs/{job}")["state"])

    def settings(self) -> dict[str, str]:
        """Return the JobManager's configuration."""
        with self._understood():
            return {each["key"]: each["value"] for each in self.ask("jobmanager/config")}

    def fault(self, job: str) -> str:
        """Return for what a job last failed, without the stack; empty where it did not."""
        with self._understood():
            return last_cause(str(self.ask(f"jobs/{job}/exceptions").get("root-exception") or ""))

    def cancel(self, job: str) -> None:
        """Ask a job to stop where it is."""
        self.ask(f"jobs/{job}?mode=cancel", {}, method="PATCH")

    def stop_with_savepoint(self, job: str, folder: str | None, timeout_s: float) -> str:
        """Stop a job with a savepoint, and return where that is.

        Args:
          job: The job's id.
          folder: Where to write it, as the cluster sees it; None for the cluster's own setting.
          timeout_s: Give up after so long; the job may then still stop.

        Raises:
          FlinkError: there is no such job, or no savepoint could be written: the job then goes on.
        """
        with self._understood():
            # In one step, and never with "drain": that ends event time, and every open window would be written as if
            # nothing more could come.
            asked = self.ask(f"jobs/{job}/savepoints", {"target-directory": folder, "cancel-job": True})
            for _ in polled(timeout_s):
                told = self.ask(f"jobs/{job}/savepoints/{asked['request-id']}")
                if told["status"]["id"] == "COMPLETED":
                    operation = told["operation"]
                    if "location" in operation:
                        return str(operation["location"])
                    fault = str(operation.get("failure-cause", {}).get("class", "no reason given"))
                    raise FlinkError(f"{self.url} could not write a savepoint of {job}: {fault}")
            raise FlinkError(f"{self.url} has not written a savepoint of {job} after {timeout_s:.0f} s")

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Read an answer in the body: one that Flink would not give is told."""
        try:
            yield
        except (KeyError, TypeError, AttributeError):
            raise FlinkError(
                f"{self.url} answers, and not as Flink does; give the address of its REST interface"
            ) from None


def last_cause(stack: str) -> str:
    """Return the fault at the bottom of a Java stack; of a Python worker's, which is its text, the last line."""
    bottom = stack.rpartition("Caused by: ")[2]
    text = [line for line in bottom.splitlines() if line.strip() and not line.startswith("\tat ")] or [""]
    told = next((line for line in reversed(text) if not line.startswith(("\t", " "))), text[0])
    return re.sub(r" \[while running '.*?'\]", "", told if "Traceback" in bottom else text[0])


def polled(timeout_s: float) -> Iterator[None]:
    """Yield now, and every so often until the time is up."""
    deadline = time.monotonic() + timeout_s
    yield
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(_POLL_S, left))
        yield


def _reason(error: urllib.error.HTTPError) -> str:
    """Return what Flink says of an error, which is a stack in JSON."""
    try:
        told = json.load(error).get("errors") or [error.reason]
    except (OSError, ValueError, AttributeError):
        told = [error.reason]
    return last_cause(str(told[-1]).removeprefix("<Exception on server side:\n"))
