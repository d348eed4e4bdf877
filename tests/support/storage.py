"""A storage server on this machine that speaks Cloud Storage's API, and what Google's own clients need to use it.

Without credentials a process that uses Beam's Cloud Storage first waits some 25 s for a metadata server. So there is a
service account made up on the spot, whose tokens a small server here gives out; the storage server takes any.
"""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.builds import fake_gcs_server
from tests.support.serving import Quiet, server_of, serving

PROJECT = "silhouette-test"


@dataclass(frozen=True)
class Storage:
    """A running storage server.

    Attributes:
        url: Its address.
        environment: Variables by which Google's clients find it, and who they are.
    """

    url: str
    environment: Mapping[str, str]

    def make_bucket(self, name: str) -> str:
        """Make a bucket and return its name as files have it: `gs://NAME`."""
        body = json.dumps({"name": name}).encode()
        asked = urllib.request.Request(
            f"{self.url}/storage/v1/b?project={PROJECT}", body, {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(asked, timeout=30).close()
        return f"gs://{name}"


@contextmanager
def serve_storage() -> Iterator[Storage]:
    """Run a storage server, empty and in memory, while the body runs."""
    with tempfile.TemporaryDirectory(prefix="silhouette-storage-") as folder, _serve_tokens() as token_uri:
        account = Path(folder) / "account.json"
        account.write_text(json.dumps(_account(token_uri)))
        log = Path(folder) / "server.log"
        port = _free_port()
        command = [str(fake_gcs_server()), "-scheme=http", "-host=127.0.0.1", f"-port={port}", "-backend=memory"]
        with log.open("wb") as target:
            server = subprocess.Popen(command, stdout=target, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            _await(server, log)
            url = f"http://127.0.0.1:{port}"
            yield Storage(
                url,
                {
                    "STORAGE_EMULATOR_HOST": url,
                    "GOOGLE_APPLICATION_CREDENTIALS": str(account),
                    "GOOGLE_CLOUD_PROJECT": PROJECT,
                },
            )
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="session")
def storage_server() -> Iterator[Storage]:
    """Yield the session's storage server, for processes that a test starts."""
    with serve_storage() as running:
        yield running


@pytest.fixture
def storage(storage_server: Storage, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """Return the session's storage server, found by Google's clients in this process too."""
    for name, value in storage_server.environment.items():
        monkeypatch.setenv(name, value)
    return storage_server


class _Refuses(Quiet):
    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"error": {"code": 403, "message": "no rights"}}).encode()
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _refuse


@pytest.fixture
def refusing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Put a server in the storage server's place that refuses whatever it is asked; returns its address."""
    with serving(server_of(_Refuses)) as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        yield url


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _await(server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server says that it listens."""
    until = time.monotonic() + 30
    while "server started" not in (told := log.read_text()):
        if server.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"the storage server does not run: {told}")
        time.sleep(0.02)


@contextmanager
def _serve_tokens() -> Iterator[str]:
    """Give a token to everyone who asks; yield the address."""

    class Handler(Quiet):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"access_token": "none", "expires_in": 3600, "token_type": "Bearer"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(server_of(Handler)) as url:
        yield f"{url}/token"


def _account(token_uri: str) -> dict[str, str]:
    """Return the key file of a service account that exists nowhere."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "made-for-a-test",
        "private_key": pem.decode(),
        "client_email": f"nobody@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
