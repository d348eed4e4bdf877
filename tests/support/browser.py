"""A real Chromium without a screen, driven over WebDriver's own HTTP."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import missing
from tests.support.edge import wait_for
from tests.support.pubsub import free_port

# https://www.w3.org/TR/webdriver/#keyboard-actions
KEYS = {
    "Enter": "\ue007", "Backspace": "\ue003", "Escape": "\ue00c", "Space": " ", "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
}  # fmt: skip
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,800")


class Browser:
    """One page."""

    def __init__(self, driver: str) -> None:
        self._driver = driver
        options = {"goog:chromeOptions": {"args": [*_FLAGS, "--autoplay-policy=no-user-gesture-required"]}}
        answer = self._ask("POST", "", {"capabilities": {"alwaysMatch": options}})
        self._session = f"/{answer['sessionId']}"

    def open(self, url: str) -> None:
        """Go to an address."""
        self._ask("POST", f"{self._session}/url", {"url": url})

    def press(self, *keys: str) -> None:
        """Press keys, by their names or characters, one after the other."""
        strokes = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": strokes}]
        self._ask("POST", f"{self._session}/actions", {"actions": actions})

    def script(self, text: str) -> Any:
        """Return what a function body returns in the page."""
        return self._ask("POST", f"{self._session}/execute/sync", {"script": text, "args": []})

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Wait until an expression is true in the page."""
        wait_for(lambda: self.script(f"return Boolean({condition})"), seconds)

    def picture(self) -> bytes:
        """Return what is seen, as PNG."""
        return base64.b64decode(self._ask("GET", f"{self._session}/screenshot"))

    def close(self) -> None:
        """End the browser."""
        self._ask("DELETE", self._session)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._driver}/session{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser; a test that needs one skips where there is none."""
    driver = shutil.which("chromedriver")
    if driver is None or not (shutil.which("chromium") or shutil.which("google-chrome")):
        missing("Chromium and its chromedriver (Debian packages chromium and chromium-driver)")
    port = free_port()
    command = [str(driver), f"--port={port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _listens(port), 60)
        opened = Browser(f"http://127.0.0.1:{port}")
        yield opened
        opened.close()
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
            return bool(json.load(answer)["value"]["ready"])
    except (urllib.error.URLError, OSError):
        return False
