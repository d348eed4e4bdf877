"""Secret files: read only where nobody else could have read them. No content, whole or in part, is in any error."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MOST_BYTES = 64 << 10


class SecretError(ValueError):
    """A secret that cannot be had; the text names the flag or the file, says what to do, and holds no secret."""


def read_secret(path: Path) -> str:
    """Return the text of a file that only its owner may read.

    What a service manager hands to an unprivileged service is root's and readable by a group of the service's own:
    that will do too.

    Raises:
      SecretError: the file cannot be read, is not text, or is open to others.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SecretError(f"{path}: cannot be read: {error.strerror}") from None
    handed_down = status.st_uid == 0 and os.geteuid() != 0
    if stat.S_IMODE(status.st_mode) & (0o037 if handed_down else 0o077):
        raise SecretError(f"{path}: others may read it, so it is no secret: chmod 600 it, and change what is in it")
    if len(content) > MOST_BYTES:
        raise SecretError(f"{path}: is larger than {MOST_BYTES >> 10} KiB: is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SecretError(f"{path}: is not UTF-8: save it in that encoding") from None
