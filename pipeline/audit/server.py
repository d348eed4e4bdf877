"""The page's server: on this machine alone, under an address that nobody can guess.

It serves the page, the task, redacted clips, and takes what the person counted. Nothing is logged.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any

HOST = "127.0.0.1"
MOST_BYTES = 1 << 20
"""Of what the page sends."""

_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class AuditServer(ThreadingHTTPServer):
    """Serves one audit.

    Attributes:
      token: The first part of every path.
      finished: Set when the person says so.
    """

    daemon_threads = True

    def __init__(
        self, port: int, task: Mapping[str, Any], clips: Mapping[str, Callable[[], bytes]],
        take: Callable[[Any], None],
    ) -> None:  # fmt: skip
        """Listen.

        Args:
          port: Where; 0 for any that is free.
          task: What the page is told, as JSON.
          clips: For each clip's path, what reads it.
          take: Takes what the person counted in a window; raises ValueError for what is none.
        """
        super().__init__((HOST, port), _Handler)
        self.token = secrets.token_urlsafe(24)
        self.task = task
        self.clips = clips
        self.take = take
        self.finished = threading.Event()

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that closes a connection in the middle of a clip is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: AuditServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        match self._asked():
            case [""]:
                nonce = secrets.token_urlsafe(16)
                page = resources.files(__package__).joinpath("page.html").read_text("utf-8")
                policy = {"Content-Security-Policy": _POLICY.format(nonce=nonce)}
                self._send(page.replace("NONCE", nonce).encode(), "text/html; charset=utf-8", policy)
            case ["task"]:
                self._send(json.dumps(self.server.task).encode(), "application/json")
            case ["clip", *name] if "/".join(name) in self.server.clips:
                self._send_clip("/".join(name))
            case _:
                self._fail(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        asked = self._asked()
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self._fail(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(int(length))
        if asked == ["counted"]:
            try:
                self.server.take(json.loads(body))
            except (ValueError, KeyError, TypeError):
                self._fail(HTTPStatus.BAD_REQUEST)
                return
        elif asked == ["finish"]:
            self.server.finished.set()
        else:
            self._fail(HTTPStatus.NOT_FOUND)
            return
        self._send(b"{}", "application/json")

    def _asked(self) -> list[str]:
        """Return the path's parts after the token; nothing without it, or for another host's name."""
        parts = self.path.split("?")[0].split("/")[1:]
        known = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        if self.headers.get("Host") not in known or not parts:
            return []
        same = secrets.compare_digest(parts[0].encode(), self.server.token.encode())
        return parts[1:] if same else []

    def _send_clip(self, name: str) -> None:
        try:
            content = self.server.clips[name]()
        except OSError:
            self._fail(HTTPStatus.NOT_FOUND)
            return
        asked = self.headers.get("Range", "")
        first, last = _range(asked, len(content)) if asked else (0, len(content) - 1)
        if not 0 <= first <= last:
            self._fail(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return
        part = {"Content-Range": f"bytes {first}-{last}/{len(content)}"} if asked else {}
        status = HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK
        self._send(content[first : last + 1], "video/mp4", {"Accept-Ranges": "bytes"} | part, status)

    def _send(
        self, content: bytes, kind: str, headers: Mapping[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        self.send_response(status)
        always = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        for header, value in {**always, **(headers or {})}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(content)

    def _fail(self, status: HTTPStatus) -> None:
        # What the browser still sends is not read, so the connection cannot be used again.
        self.close_connection = True
        self._send(b"", "text/plain", {"Connection": "close"}, status)


def _range(asked: str, size: int) -> tuple[int, int]:
    """Return the first and last byte that a Range header asks for; (-1, -1) where it asks for none that is there."""
    unit, _, span = asked.partition("=")
    first, _, last = span.partition("-")
    if unit != "bytes" or not (first or last) or not (first + last).isdecimal():
        return -1, -1
    if not first:
        return max(0, size - int(last)), size - 1
    return (int(first), min(int(last), size - 1) if last else size - 1) if int(first) < size else (-1, -1)
