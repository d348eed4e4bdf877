"""HTTP servers of the tests, in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer


class Quiet(BaseHTTPRequestHandler):
    """A handler that keeps the tests' output clean."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def server_of(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """Return a server on this machine, at a port of its own; it answers while `serving` it."""
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    """Have a server answer while the body runs; yields its address."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
