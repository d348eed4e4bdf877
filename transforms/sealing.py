"""Sealed payloads: AES-256-GCM, each bound to its envelope, so that no broker between agent and job holds a clip.

A sealed payload is a version byte, a 12-byte nonce, the ciphertext and its 16-byte tag; the associated data is the
canonical form of the envelope (NIST SP 800-38D). So a payload opens only under the envelope that it was sealed with:
neither can be changed, nor one swapped for another's.

Nonces are random: with one key, seal no more than 2^32 clips (one camera's clips of 5 s for 680 years).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.envelope import Envelope

VERSION = b"\x01"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
OVERHEAD_BYTES = len(VERSION) + NONCE_BYTES + TAG_BYTES
"""What sealing adds to a payload."""


class SealFault(StrEnum):
    """Reason classes of a payload that does not open; stable, they stand in dead letters."""

    UNKNOWN_KEY = "unknown_key"
    BAD_SEAL = "bad_seal"


class SealError(Exception):
    """A payload that cannot be sealed or opened. The text is the reason alone, nothing of the clip or the key."""

    def __init__(self, reason: SealFault) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Keys(Mapping[str, bytes]):
    """Keys by their names, in the order given; the first is the one to seal with.

    They show themselves to nobody who prints them, and refuse to be pickled: the job's graph lies on other machines'
    disks. Hand on where keys are found, and load them where they are used.

    >>> Keys({"2026-a": bytes(32)})
    Keys(2026-a)
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        for name, key in keys.items():
            if len(key) != KEY_BYTES:
                raise ValueError(f"key {name}: must have {KEY_BYTES} bytes")
        self._keys = {name: bytes(key) for name, key in keys.items()}

    def __getitem__(self, name: str) -> bytes:
        return self._keys[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"Keys({', '.join(self._keys)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: load them where they are used")


def seal(payload: bytes, envelope: Envelope, keys: Mapping[str, bytes]) -> bytes:
    """Return a payload sealed with the key that its envelope names.

    Args:
      payload: The clip's bytes, those that the envelope's `size` and `sha256` are of.
      envelope: The clip's envelope, with `key_id`.
      keys: Keys by name.

    Raises:
      SealError: the envelope names no key, or one that is not there.
    """
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + _cipher(envelope, keys).encrypt(nonce, payload, envelope.canonical())


def unseal(sealed: bytes, envelope: Envelope, keys: Mapping[str, bytes]) -> bytes:
    """Return the payload that `seal` sealed.

    Raises:
      SealError: the envelope names no key, or one that is not there; or the payload was not sealed with it under
        this envelope, or was changed since.
    """
    cipher = _cipher(envelope, keys)
    if sealed[: len(VERSION)] != VERSION or len(sealed) < OVERHEAD_BYTES:
        raise SealError(SealFault.BAD_SEAL)
    start = len(VERSION) + NONCE_BYTES
    try:
        return cipher.decrypt(sealed[len(VERSION) : start], sealed[start:], envelope.canonical())
    except InvalidTag:
        raise SealError(SealFault.BAD_SEAL) from None


def _cipher(envelope: Envelope, keys: Mapping[str, bytes]) -> AESGCM:
    key = keys.get(envelope.key_id) if envelope.key_id is not None else None
    if key is None:
        raise SealError(SealFault.UNKNOWN_KEY)
    return AESGCM(key)
