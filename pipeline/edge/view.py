"""`silhouette edge --status`: a running agent's state as a person reads it."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.edge.spool import STATUS_FILE, lock_of
from pipeline.edge.status import CameraStatus, Status, read_status


class NoStatusError(Exception):
    """There is nothing to show; the text says why."""


def show_status(folder: Path, console: Console) -> bool:
    """Print the state of the agent that uses a spool; returns whether it runs.

    Raises:
      NoStatusError: no agent has used it, or another release's.
    """
    try:
        status = read_status(folder)
        lock = lock_of(folder)
    except OSError as error:
        raise NoStatusError(f"--spool: {folder / STATUS_FILE}: {error.strerror}; has an agent used it?") from None
    except ValueError:
        raise NoStatusError(f"--spool: {folder / STATUS_FILE}: is not of this release: start the agent anew") from None
    if lock is not None:
        os.close(lock)
    running = lock is None
    state = f"runs as process {status.pid}" if running else "does not run; this is how it was when it ended"
    console.print(f"The agent of site {status.site} {state}. Written {status.written}.")
    console.print(_clock(status))
    console.print(_sending(status))
    console.print(_cameras(status))
    for name, camera in status.cameras.items():
        console.print(f"{name}: {_told(camera)}")
    return running


def _clock(status: Status) -> str:
    ahead = f"{status.clock_offset_us / 1e6:+.3f} s off true time"
    synchronised = "synchronised" if status.clock_synchronised else "NOT synchronised"
    return f"Clock: {synchronised}, {ahead}; {'healthy' if status.clock_healthy else 'NOT healthy'}."


def _sending(status: Status) -> str:
    unread = f", clips that CANNOT be read: {status.spool_unread}" if status.spool_unread else ""
    spool = f"Spool: {_size(status.spool_bytes)} of {_size(status.spool_most_bytes)}{unread}."
    error = f"the last try failed ({status.publish_error})" if status.publish_error else "no fault"
    heartbeat = f", the last heartbeat failed ({status.heartbeat_error})" if status.heartbeat_error else ""
    return f"{spool} Pub/Sub: {error}{heartbeat}."


def _cameras(status: Status) -> Table:
    """Return the counts of each camera; names and figures stand whole in 80 columns."""
    table = Table("camera", "pictures", box=None, header_style="bold")
    for heading in ("clips", "encoded\nagain", "sent", "given\nup", "waiting", "bytes"):
        table.add_column(heading, justify="right", vertical="bottom", no_wrap=True)
    for name, camera in status.cameras.items():
        counts = (camera.clips, camera.reencoded, camera.sent, sum(camera.dropped.values()), camera.spool_clips)
        pictures = "come" if camera.connected else "ended" if camera.finished else "none"
        table.add_row(name, pictures, *map(str, counts), _size(camera.spool_bytes))
    return table


def _told(camera: CameraStatus) -> str:
    """Return in words when a camera was last heard of, and what was wrong."""
    times = [
        f"{what} {time[:19]}Z"
        for what, time in (("last clip ended", camera.last_clip_end), ("sent until", camera.last_sent_end))
        if time
    ]
    if times:
        times.append(f"clock {camera.clock_offset_us / 1000:+.1f} ms off")
    if camera.last_error:
        times.append(f"last fault {camera.last_error} at {camera.last_error_at[:19]}Z")
    return ", ".join(times) or "no clip yet"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
