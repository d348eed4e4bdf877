"""Store and forward: clips on disk, oldest first, until Pub/Sub has them, or the bound forces them out.

A clip is whole when it is visible: it is written beside its place, made durable and renamed. It is deleted once it was
acknowledged, so whatever ends the agent, at whatever instant, no clip is lost, and at worst one is sent twice.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.edge.spool_file import SpoolFileError, packed, sync_folder, unpacked, write_durably

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_FILE, STATUS_FILE, LOCK_FILE = "key", "status.json", "lock"
OWN_FILES = (KEY_FILE, STATUS_FILE, LOCK_FILE)
"""What a spool holds beside its clips, and nothing of them."""
CLIPS = "clips"
CLIP_NAME = re.compile(r"([0-9]{12})-([0-9]{16})-([a-z0-9][a-z0-9_-]{0,62})\.clip")
_FULL = {errno.ENOSPC, errno.EDQUOT}


class SpoolError(ValueError):
    """A spool that cannot be used; the text says what to do."""


class Dropped(StrEnum):
    """Why a clip was given up; stable, they stand in status and metrics."""

    BOUND = "spool_full"
    DISK_FULL = "disk_full"
    RETENTION = "retention"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    UNREDACTABLE = "unredactable"
    UNWRITABLE = "unwritable"


@dataclass(frozen=True)
class Entry:
    """A clip in the spool.

    Attributes:
      number: Grows from one clip to the next.
      camera: Its camera.
      start_us: Its capture start.
      size: Bytes of its file.
    """

    number: int
    camera: str
    start_us: int
    size: int

    @property
    def name(self) -> str:
        """Name of its file: no more than when, and of which camera."""
        return f"{self.number:012}-{self.start_us:016}-{self.camera}.clip"


def lock_of(folder: Path) -> int | None:
    """Lock a spool for this process; returns the lock, to be closed, or None where another holds it."""
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def open_folder(folder: Path) -> int:
    """Make the spool's folders, for their owner alone, and lock them; returns the lock.

    Raises:
      SpoolError: others may look into it, or another agent uses it.
      OSError: it cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_mode & 0o077 or status.st_uid != os.geteuid():
        raise SpoolError(f"--spool: {folder}: others may look into it: chmod 700 it, as a folder of the agent's own")
    (folder / CLIPS).mkdir(mode=0o700, exist_ok=True)
    lock = lock_of(folder)
    if lock is None:
        raise SpoolError(f"--spool: {folder}: another agent uses it: give each its own, or end that one")
    return lock


class Spool:
    """The clips of one agent; used by several threads.

    Args:
      folder: From `open_folder`.
      most_bytes: What all files together may have.
      cipher: From `cipher_of`; encrypts the files, and opens them.
      retention_us: How old a clip may get; None for any age.
      plain: Whether new files are left plain.
    """

    def __init__(
        self, folder: Path, most_bytes: int, cipher: AESGCM | None, retention_us: int | None = None, *,
        plain: bool = False,
    ) -> None:  # fmt: skip
        self._folder, self._most_bytes, self._cipher = folder / CLIPS, most_bytes, cipher
        self._plain = plain
        self._retention_us = retention_us
        self._lock = threading.RLock()
        self.changed = threading.Condition(self._lock)
        """Notified when a clip was put in."""
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._out: set[int] = set()
        self._aside: dict[int, str] = {}
        self._dropped: dict[str, Counter[Dropped]] = {}
        for name in sorted(os.listdir(self._folder)):
            if found := CLIP_NAME.fullmatch(name):
                number, size = int(found[1]), (self._folder / name).stat().st_size
                self._entries[number] = Entry(number, found[3], int(found[2]), size)
            elif name.endswith(".partial"):
                (self._folder / name).unlink()  # of an agent that was ended while it wrote
        self._next = max(self._entries, default=0) + 1
        self._bytes = sum(entry.size for entry in self._entries.values())

    def put(self, camera: str, start_us: int, attributes: dict[str, str], payload: bytes) -> bool:
        """Keep a clip; returns whether it could be. Older ones that stand in its way are given up, oldest first."""
        with self._lock:
            # The name is part of what is encrypted, its size is not.
            entry = Entry(self._next, camera, start_us, 0)
            content = packed(attributes, payload, entry.name, None if self._plain else self._cipher)
            entry = Entry(self._next, camera, start_us, len(content))
            self._next += 1
            while self._bytes + entry.size > self._most_bytes:
                if entry.size > self._most_bytes or not self._give_up_oldest(Dropped.BOUND):
                    return self.give_up(camera, Dropped.BOUND)
            while True:
                try:
                    self._write(entry.name, content)
                    break
                except OSError as error:
                    if error.errno not in _FULL:
                        return self.give_up(camera, Dropped.UNWRITABLE)
                    if not self._give_up_oldest(Dropped.DISK_FULL):
                        return self.give_up(camera, Dropped.DISK_FULL)
            self._entries[entry.number] = entry
            self._bytes += entry.size
            self.changed.notify_all()
            return True

    def give_up(self, camera: str, reason: Dropped) -> bool:
        """Count a clip that is lost, and return that it was not kept."""
        with self._lock:
            self._dropped.setdefault(camera, Counter())[reason] += 1
        return False

    def take(self, most_bytes: int | None = None) -> tuple[Entry, dict[str, str], bytes] | None:
        """Return the oldest clip that is not out already, with its attributes and payload, and count it as out.

        One whose file the disk does not give is set aside until `retry`, and the next one is taken.

        Args:
          most_bytes: None is returned where it would have more.
        """
        while True:
            with self._lock:
                entry = next(self._waiting(), None)
                if entry is None or (most_bytes is not None and entry.size > most_bytes):
                    return None
                self._out.add(entry.number)
            try:
                return entry, *unpacked((self._folder / entry.name).read_bytes(), entry.name, self._cipher)
            except (SpoolFileError, OSError) as error:
                with self._lock:
                    self._out.discard(entry.number)
                    if isinstance(error, OSError) and not self._is_gone(error):
                        self._aside[entry.number] = errno.errorcode.get(error.errno or 0, type(error).__name__)
                    else:
                        self._give_up(entry, Dropped.UNREADABLE)

    def retry(self) -> None:
        """Have clips whose files could not be read tried again, each in its turn."""
        with self._lock:
            self._aside.clear()
            self.changed.notify_all()

    def sent(self, entry: Entry) -> None:
        """Forget a clip that Pub/Sub has."""
        with self._lock:
            self._out.discard(entry.number)
            self._remove(entry)

    def back(self, entry: Entry) -> None:
        """Take back a clip that could not be sent."""
        with self._lock:
            self._out.discard(entry.number)
            self.changed.notify_all()

    def expire(self, now_us: int) -> None:
        """Give up clips that are older than they may get; those that are being sent are left."""
        if self._retention_us is None:
            return
        with self._lock:
            for entry in list(self._entries.values()):
                if entry.start_us < now_us - self._retention_us and entry.number not in self._out:
                    self._give_up(entry, Dropped.RETENTION)

    @property
    def size(self) -> int:
        """What all files together have."""
        with self._lock:
            return self._bytes

    @property
    def clips(self) -> int:
        """How many clips there are."""
        with self._lock:
            return len(self._entries)

    @property
    def waiting(self) -> int:
        """How many of them can be sent, or are being sent."""
        with self._lock:
            return len(self._entries) - len(self._aside)

    def unread(self) -> Counter[str]:
        """Return how many clips were set aside since their files could not be read, by the system's name for why."""
        with self._lock:
            return Counter(self._aside.values())

    def held(self) -> dict[str, tuple[int, int]]:
        """Return for each camera how many clips there are, and their bytes."""
        with self._lock:
            held: dict[str, tuple[int, int]] = {}
            for entry in self._entries.values():
                clips, size = held.get(entry.camera, (0, 0))
                held[entry.camera] = clips + 1, size + entry.size
            return held

    def dropped(self) -> dict[str, dict[str, int]]:
        """Return for each camera how many clips were given up, by reason."""
        with self._lock:
            return {camera: {reason.value: n for reason, n in why.items()} for camera, why in self._dropped.items()}

    def _write(self, name: str, content: bytes) -> None:
        staged = self._folder / f".{name}.partial"
        staged.unlink(missing_ok=True)
        write_durably(staged, content)
        staged.rename(self._folder / name)
        sync_folder(self._folder)

    def _waiting(self) -> Iterator[Entry]:
        """Yield clips that may be sent, oldest first."""
        return (
            entry for number, entry in self._entries.items() if number not in self._out and number not in self._aside
        )

    def _is_gone(self, error: OSError) -> bool:
        """Return whether a file was deleted, rather than its disk taken away."""
        return isinstance(error, FileNotFoundError) and self._folder.is_dir()

    def _give_up_oldest(self, reason: Dropped) -> bool:
        """Give up the oldest clip that is not just being sent; returns whether there was one."""
        entry = next((each for number, each in self._entries.items() if number not in self._out), None)
        if entry is not None:
            self._give_up(entry, reason)
        return entry is not None

    def _give_up(self, entry: Entry, reason: Dropped) -> None:
        self._remove(entry)
        self.give_up(entry.camera, reason)

    def _remove(self, entry: Entry) -> None:
        self._aside.pop(entry.number, None)
        if self._entries.pop(entry.number, None) is not None:
            self._bytes -= entry.size
        with suppress(OSError):  # what stays is sent again by the next agent
            (self._folder / entry.name).unlink(missing_ok=True)
