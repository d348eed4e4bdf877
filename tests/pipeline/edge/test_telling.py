"""What the agent tells of itself: status file, page for Prometheus, heartbeats; one state, three forms."""

from __future__ import annotations

import io
import os
import re
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from pipeline.edge.backoff import Backoff
from pipeline.edge.clock import ClockState
from pipeline.edge.exposition import exposed
from pipeline.edge.heartbeat import heartbeats
from pipeline.edge.spool import Dropped, Spool, open_folder
from pipeline.edge.status import AgentState, Status, read_status, write_status
from pipeline.edge.view import NoStatusError, show_status

END_US = 1_767_603_600_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    lock = open_folder(tmp_path / "spool")
    yield tmp_path / "spool"
    os.close(lock)


@pytest.fixture
def status(folder: Path) -> Status:
    """An agent of two cameras: one sends, one cannot be reached; and the clips of a third wait from before."""
    spool = Spool(folder, 10**6, None)
    spool.put("yard", END_US, {}, b"x" * 100)
    (yard,) = (folder / "clips").iterdir()
    yard.unlink()
    yard.mkdir()  # what is read of it is an error
    assert spool.take() is None
    spool.give_up("door", Dropped.BOUND)
    state = AgentState(["door", "hall"])
    state.connected("door")
    state.cut("door", "run-1", END_US, 1500, reencoded=False)
    state.cut("door", "run-1", END_US + 5_000_000, 1500, reencoded=True)
    state.sent("door", END_US)
    state.lost("hall", "unreachable")
    state.publish_failed("ServiceUnavailable")
    return state.snapshot("lab", spool, 10**6, ClockState(0, 0, 250_000, True), limit_us=100_000)


def test_the_state_of_each_camera(status: Status) -> None:
    door, hall, yard = (status.cameras[name] for name in ("door", "hall", "yard"))
    assert (door.connected, door.clips, door.reencoded, door.sent) == (True, 2, 1, 1)
    assert (door.last_clip_end, door.last_sent_end) == ("2026-01-05T09:00:05.000000Z", "2026-01-05T09:00:00.000000Z")
    assert door.dropped == {"spool_full": 1} and door.clock_offset_us == 1500
    assert (hall.connected, hall.last_error) == (False, "unreachable") and hall.last_error_at
    assert (yard.finished, yard.spool_clips) == (True, 1) and yard.spool_bytes > 100
    assert status.spool_unread == 1
    assert not status.clock_healthy and status.publish_error == "ServiceUnavailable"


def test_the_status_file_is_whole_and_the_owners(status: Status, folder: Path) -> None:
    write_status(status, folder)
    write_status(status, folder)
    assert read_status(folder) == status
    assert stat.S_IMODE((folder / "status.json").stat().st_mode) == 0o600
    assert not [path for path in folder.iterdir() if "partial" in path.name]


def test_status_is_printed(status: Status, folder: Path) -> None:
    write_status(status, folder)
    text = io.StringIO()
    assert show_status(folder, Console(file=text, width=80))
    assert all(word in text.getvalue() for word in ("lab", "NOT healthy", "ServiceUnavailable"))
    assert re.search(r"^ ?door +come +2 +1 +1 +1 +0 +0 B *$", text.getvalue(), re.MULTILINE), text.getvalue()
    assert re.search(r"^ ?yard +ended +0 +0 +0 +0 +1 +\d+ B *$", text.getvalue(), re.MULTILINE), text.getvalue()
    flowing = " ".join(text.getvalue().split())
    assert "of 1 MB, clips that CANNOT be read: 1. Pub/Sub: the last try failed (ServiceUnavailable)" in flowing
    assert "door: last clip ended 2026-01-05T09:00:05Z, sent until 2026-01-05T09:00:00Z, clock +1.5 ms off" in flowing
    assert "hall: last fault unreachable at " in flowing
    assert "yard: no clip yet" in flowing


def test_there_may_be_no_status(tmp_path: Path, folder: Path) -> None:
    for nowhere in (tmp_path / "none", folder):
        with pytest.raises(NoStatusError, match="has an agent used it"):
            show_status(nowhere, Console())
    for other in ("", "[]", '{"cameras": {}}', '{"cameras": {"a": {"what": 1}}}'):
        (folder / "status.json").write_text(other)
        with pytest.raises(NoStatusError, match="not of this release"):
            show_status(folder, Console())


def test_the_page_for_prometheus(status: Status) -> None:
    with exposed(lambda: status, "127.0.0.1", 0) as port:
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    found = {
        (sample.name, sample.labels.get("camera"), sample.labels.get("reason")): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    assert found["silhouette_edge_connected", "door", None] == 1
    assert found["silhouette_edge_clips_total", "door", None] == 2
    assert found["silhouette_edge_dropped_total", "door", "spool_full"] == 1
    assert found["silhouette_edge_spool_clips", "yard", None] == 1
    assert found["silhouette_edge_spool_unread_clips", None, None] == 1
    assert found["silhouette_edge_last_clip_end_seconds", "door", None] == END_US / 1e6 + 5
    assert found["silhouette_edge_clock_healthy", None, None] == 0
    assert found["silhouette_edge_clock_offset_seconds", None, None] == 0.25
    assert found["silhouette_edge_publish_failures_total", None, None] == 1


def test_heartbeats_are_attributes_alone(status: Status) -> None:
    door, hall, _ = heartbeats(status)
    assert door["camera"] == "door" and door["site"] == "lab"
    assert (door["connected"], hall["connected"], door["clock_healthy"]) == ("true", "false", "false")
    assert (door["clips"], door["dropped"], hall["last_error"]) == ("2", "1", "unreachable")
    assert door["spool_unread"] == "1"
    assert all(isinstance(value, str) and len(value) <= 1024 for value in door.values())


def test_waiting_grows_and_is_never_the_same() -> None:
    backoff = Backoff(first_s=1, most_s=60)
    assert not backoff.worked()
    waits = [backoff.failed() for _ in range(50)]
    assert all(0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(waits[:6]))
    assert all(30 <= wait <= 60 for wait in waits[6:])
    assert len(set(waits)) == 50
    assert backoff.worked() and backoff.failed() <= 1
