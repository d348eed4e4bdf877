"""The key of a spool: made for one that has no encrypted clip, and tried on those that there are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.edge.spool import CLIP_NAME, CLIPS, SpoolError
from pipeline.edge.spool_file import SpoolFileError, is_encrypted, sync_folder, unpacked, write_durably
from pipeline.secrets import SecretError, read_secret

_KEY_BYTES = 32
_TRIED = 8
"""On how many clips, newest first, a key is tried before it is said to be another: some may be damaged."""


def cipher_of(folder: Path, key: Path, *, plain: bool) -> AESGCM | None:
    """Return the cipher of a spool, or None where it has nothing to open and nothing to encrypt.

    A key is made only where no clip is encrypted: a new one would open none of them.

    Args:
      folder: From `open_folder`.
      key: The key's file.
      plain: Whether new clips are left plain; those that are encrypted need the key all the same.

    Raises:
      SpoolError: there are encrypted clips, and the key is not there, or is another.
      SecretError: the file is no key, or others may read it.
      OSError: it cannot be made.
    """
    encrypted = list(islice(_encrypted(folder / CLIPS), _TRIED))
    if not encrypted:
        if plain:
            return None
        if not key.exists():
            make_key(key)
        return load_key(key)
    else_lost = f"or delete {folder / CLIPS}, and the clips in it are lost"
    if not key.exists():
        raise SpoolError(f"--spool-key: {key} is not there, and opens clips that wait: mount its disk, {else_lost}")
    cipher = load_key(key)
    if not _fits(cipher, encrypted):
        raise SpoolError(f"--spool-key: {key} opens none of the newest clips: put back the one that does, {else_lost}")
    return cipher


def _encrypted(clips: Path) -> Iterator[Path]:
    """Yield the encrypted clips, newest first, but for those that cannot be read."""
    for name in sorted(filter(CLIP_NAME.fullmatch, os.listdir(clips)), reverse=True):
        try:
            encrypted = is_encrypted(clips / name)
        except OSError:
            continue
        if encrypted:
            yield clips / name


def _fits(cipher: AESGCM, files: Iterable[Path]) -> bool:
    """Return whether a key opens one of some clips, or none of them can be read."""
    refused = False
    for path in files:
        try:
            unpacked(path.read_bytes(), path.name, cipher)
        except SpoolFileError:
            refused = True
        except OSError:
            continue
        else:
            return True
    return not refused


def make_key(path: Path) -> None:
    """Make the key of a spool, whole or not at all.

    Raises:
      OSError: it cannot be made, or there is a file.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}.partial")
    staged.unlink(missing_ok=True)
    write_durably(staged, os.urandom(_KEY_BYTES).hex().encode() + b"\n")
    try:
        os.link(staged, path)  # fails where a file is
    finally:
        staged.unlink()
    sync_folder(path.parent)


def load_key(path: Path) -> AESGCM:
    """Return the cipher of a spool's key.

    Raises:
      SecretError: the file is no key, or others may read it.
    """
    try:
        key = bytes.fromhex(read_secret(path).strip())
    except ValueError as error:
        if isinstance(error, SecretError):
            raise
        key = b""
    if len(key) != _KEY_BYTES:
        raise SecretError(f"{path}: is no key of a spool: put back the one that was there, or delete it with the spool")
    return AESGCM(key)
