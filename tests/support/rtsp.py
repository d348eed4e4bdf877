"""A camera on the network: a real RTSP server, GStreamer's, that plays a video in real time."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import missing
from tests.support.pubsub import free_port

_SERVER = Path(__file__).with_name("rtsp_server.py")
_PYTHON = "/usr/bin/python3"
_BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


@contextmanager
def camera(
    video: Path, *, user: str = "", password: str = "", port: int = 0
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve a video as a camera would, with sound; yields its address and its process.

    Args:
      video: H.264 in MP4.
      user: Who may see it; everybody by default.
      password: Likewise.
      port: Where it listens; on a free one by default.
    """
    probe = [_PYTHON, "-c", _BINDINGS]
    if not Path(_PYTHON).exists() or subprocess.run(probe, check=False, capture_output=True).returncode:
        missing("GStreamer's RTSP server (gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good, python3-gi)")
    port = port or free_port()
    command = [_PYTHON, str(_SERVER), str(video), "--port", str(port)]
    if user:
        command += ["--user", user, "--password", password]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline().strip() == str(port), "no RTSP server"
        yield f"rtsp://127.0.0.1:{port}/stream", process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
