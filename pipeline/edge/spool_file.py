"""One clip on the agent's disk: its attributes and payload, encrypted with a key that never leaves the machine.

A file is a version byte and what follows. Version 1: a 12-byte nonce, then AES-256-GCM of the content, with the file's
name as associated data. Version 0: the content as it is, where encryption was switched off. The content is the length
of the attributes (4 bytes, big-endian), the attributes as JSON, and the payload.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PLAIN, _ENCRYPTED = b"\x00", b"\x01"
_NONCE_BYTES = 12
_LENGTH_BYTES = 4


class SpoolFileError(Exception):
    """A file that is damaged, or was encrypted with another key."""


def is_encrypted(path: Path) -> bool:
    """Return whether a file says that it is encrypted.

    Raises:
      OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(_ENCRYPTED)) == _ENCRYPTED


def packed(attributes: dict[str, str], payload: bytes, name: str, cipher: AESGCM | None) -> bytes:
    """Return the content of a spool file.

    Args:
      attributes: Of the message to be.
      payload: Of the message to be.
      name: The file's name.
      cipher: Of the spool's key; None leaves it plain.
    """
    said = json.dumps(attributes).encode()
    content = len(said).to_bytes(_LENGTH_BYTES, "big") + said + payload
    if cipher is None:
        return _PLAIN + content
    nonce = os.urandom(_NONCE_BYTES)
    return _ENCRYPTED + nonce + cipher.encrypt(nonce, content, name.encode())


def unpacked(file: bytes, name: str, cipher: AESGCM | None) -> tuple[dict[str, str], bytes]:
    """Return attributes and payload; a file is read by the way it was written, whatever is used now.

    Raises:
      SpoolFileError: it was damaged, or there is no key for it.
    """
    version, content = file[:1], file[1:]
    if version == _ENCRYPTED and cipher is not None and len(content) > _NONCE_BYTES:
        try:
            content = cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise SpoolFileError from None
    elif version != _PLAIN:
        raise SpoolFileError
    length = int.from_bytes(content[:_LENGTH_BYTES], "big")
    try:
        attributes = json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    except ValueError:
        raise SpoolFileError from None
    return attributes, content[_LENGTH_BYTES + length :]


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file, its owner's alone, and have it on the disk before returning.

    Raises:
      OSError: it cannot be written; nothing is left of it.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        path.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
