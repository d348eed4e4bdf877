"""What stands in for Dataflow's service: it takes jobs as the service does, and runs none."""

from __future__ import annotations

import base64
import bz2
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from google.cloud import dataflow_v1beta3

from tests.support.serving import Quiet, server_of, serving

JOB_ID = "2026-01-05_01_00_00-1"


@dataclass
class Dataflow:
    """The stand-in, by what it was asked and what it answers.

    Attributes:
        url: Its address; by the name localhost, which Beam asks for.
        jobs: The jobs that were given to it, as Google's API has them in JSON.
        running: Jobs that it says are running: name to id.
        refusal: Status with which it refuses every job; None for none.
    """

    url: str
    jobs: list[dict[str, Any]] = field(default_factory=list)
    running: dict[str, str] = field(default_factory=dict)
    refusal: int | None = None


@contextmanager
def serve_dataflow() -> Iterator[Dataflow]:
    """Run the stand-in while the body runs."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            running = [
                {"name": name, "id": job, "currentState": "JOB_STATE_RUNNING"} for name, job in service.running.items()
            ]
            self._answer(200, {"jobs": running})

        def do_POST(self) -> None:
            job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if service.refusal is not None:
                error = {"code": service.refusal, "status": "PERMISSION_DENIED", "message": "not allowed"}
                self._answer(service.refusal, {"error": error})
                return
            taken = dataflow_v1beta3.Job.from_json(json.dumps(job))
            service.jobs.append(json.loads(dataflow_v1beta3.Job.to_json(taken, use_integers_for_enums=False)))
            self._answer(200, {"id": JOB_ID, "name": job["name"], "clientRequestId": job["clientRequestId"]})

        def _answer(self, status: int, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = server_of(Handler)
    service = Dataflow(f"http://localhost:{server.server_port}")
    with serving(server):
        yield service


def unpacked(graph: bytes) -> Iterator[bytes]:
    """Yield a staged graph, then every pickle in it and in those, as Beam packs them: bz2, then base64."""
    yield graph
    for packed in re.findall(rb"QlpoO[A-Za-z0-9+/]+=*", graph):
        whole = base64.b64decode(packed[: len(packed) // 4 * 4])  # what follows may look like it
        yield from unpacked(bz2.BZ2Decompressor().decompress(whole))
