"""Ed25519 keys of the evidence, as PEM files: the private one for its owner alone, the public one for everybody."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from pipeline.secrets import SecretError, read_secret
from schemas.seals import Signature


@dataclass(frozen=True)
class Signer:
    """A private key; never shown."""

    _key: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"Signer({fingerprint(self._key.public_key())[:12]}…)"

    def sign(self, content: bytes) -> Signature:
        """Sign some bytes."""
        value = base64.b64encode(self._key.sign(content)).decode("ascii")
        return Signature(key=fingerprint(self._key.public_key()), value=value)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a raw public key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def make_key(path: Path) -> Path:
    """Write a new private key, for its owner alone, and the public one beside it; returns that one's path.

    Raises:
      FileExistsError: one of the two is there already, and is left as it is; none is made.
      OSError: it cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    public = path.with_name(f"{path.name}.pub")
    if public.exists():  # what was signed with its private key could not be verified any more
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(public))
    # Exclusively, and never open to others for a moment.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return public


def load_signer(path: Path) -> Signer:
    """Read a private key.

    Raises:
      SecretError: it cannot be read, is open to others, or is no Ed25519 key; no content is in the text.
    """
    pem = read_secret(path).encode()
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SecretError(f"{path}: is no Ed25519 key in PEM: make one with `silhouette evidence keygen`")
    return Signer(key)


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key.

    Raises:
      ValueError: it is none; the text says so.
      OSError: it cannot be read.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{path}: is no Ed25519 public key in PEM, as `silhouette evidence keygen` writes it")
    return key


def is_signed(content: bytes, signature: Signature, key: Ed25519PublicKey) -> bool:
    """Return whether a signature over some bytes is this key's."""
    try:
        key.verify(base64.b64decode(signature.value), content)
    except InvalidSignature:
        return False
    return signature.key == fingerprint(key)
