"""A pool of Python workers for all TaskManagers of one machine: `python -m tests.support.worker_pool PORT`.

Beam's own is for one TaskManager. It knows a worker by a name that each TaskManager counts anew; so one that is done
with its worker `6-1` would have it stop another one's.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer


class SharedPool(BeamFnExternalWorkerPoolServicer):
    """Starts workers, and stops none: each ends by itself once its TaskManager hangs up."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._starting = threading.Lock()

    def StartWorker(self, asked: Any, context: Any) -> Any:
        """Start a worker, and see to it that no zombie is left of it."""
        with self._starting:
            answer = super().StartWorker(asked, context)
            process = self._worker_processes.pop(asked.worker_id, None)
        if process is not None:
            threading.Thread(target=process.communicate, daemon=True).start()
        return answer

    def StopWorker(self, asked: Any, context: Any) -> Any:
        """Leave it to the worker."""
        return beam_fn_api_pb2.StopWorkerResponse()


if __name__ == "__main__":
    _, server = SharedPool.start(use_process=True, port=int(sys.argv[1]))
    server.wait_for_termination()
