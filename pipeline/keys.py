"""Where keys for sealed payloads are: a secret file, or Google Cloud KMS.

An address is one of

* a path: a file that only its owner may read (0600), a key a line, its name and then its 32 bytes in hexadecimal or
  base64. Blank lines, and what follows a `#`, are passed over;
* `gcp-kms://projects/P/locations/L/keyRings/R/cryptoKeys/K?id=NAME&wrapped=BASE64`: a data key of 32 bytes that the
  KMS key encrypted. It says nothing to anybody without the right to decrypt with K, so it may stand in a command line;
  KMS is asked once, when the keys are loaded.

Several keys serve rotation: the first one seals, all of them open. Addresses can be pickled and shown; keys can not.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from pipeline.secrets import SecretError, read_secret
from schemas.fields import NAME
from transforms.sealing import KEY_BYTES, Keys

if TYPE_CHECKING:
    from google.cloud.kms import KeyManagementServiceClient

KMS = "gcp-kms"
KMS_FORM = f"{KMS}://projects/P/locations/L/keyRings/R/cryptoKeys/K?id=NAME&wrapped=BASE64"
_CRYPTO_KEY = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
_KMS_SECONDS = 60.0


def load_keys(addresses: Sequence[str], kms: KeyManagementServiceClient | None = None) -> Keys:
    """Return the keys at some addresses, in their order.

    Args:
      addresses: As this module says.
      kms: Client of Cloud KMS; by default one with the application default credentials, made if it is needed.

    Raises:
      SecretError: an address is none, a key is malformed or has a name that another has, or KMS does not decrypt it.
    """
    keys: dict[str, bytes] = {}
    for address in addresses:
        found = [_unwrapped(address, kms)] if address.startswith(f"{KMS}:") else _in_file(Path(address))
        for name, key in found:
            if name in keys:
                raise SecretError(f"--keys: two keys are named {name}: give each its own name")
            keys[name] = key
    return Keys(keys)


def _in_file(path: Path) -> list[tuple[str, bytes]]:
    found = []
    for number, line in enumerate(read_secret(path).splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        key = _decoded(words[1]) if len(words) == 2 else None
        if key is None or len(key) != KEY_BYTES:
            raise SecretError(f"{path}:{number}: must be a name and {KEY_BYTES} bytes in hexadecimal or base64")
        found.append((_name(words[0], f"{path}:{number}"), key))
    if not found:
        raise SecretError(f'{path}: holds no key; make one: echo "2026-a $(openssl rand -hex 32)" > {path}')
    return found


def check_remote(address: str) -> None:
    """Check the form of an address that only remote workers can open.

    Raises:
      SecretError: it is neither an address in KMS nor a whole path: workers have another working folder.
    """
    if address.startswith(f"{KMS}:"):
        _read_kms(address)
    elif not Path(address).is_absolute():
        raise SecretError(
            f"--keys: {address}: give the whole path that the file has on the workers, as /run/secrets/keys, or an "
            "address in Cloud KMS"
        )


def _read_kms(address: str) -> tuple[str, str, bytes]:
    """Read an address in KMS: the KMS key's resource, the data key's name, and the wrapped data key."""
    parts = urlsplit(address)
    resource = f"{parts.netloc}{parts.path}"
    # A plus sign of base64 would be read as a space: no value here has a space of its own.
    told = {key: value.replace(" ", "+") for key, value in parse_qsl(parts.query)}
    wrapped = _decoded(told.get("wrapped", ""), hexadecimal=False)
    if not _CRYPTO_KEY.fullmatch(resource) or set(told) != {"id", "wrapped"} or not wrapped:
        raise SecretError(f"--keys: an address in KMS is written {KMS_FORM}")
    return resource, _name(told["id"], "--keys"), wrapped


def _unwrapped(address: str, kms: KeyManagementServiceClient | None) -> tuple[str, bytes]:
    """Have KMS decrypt the data key of an address; both ways are checked by CRC-32C, as Google asks of its clients."""
    import google_crc32c
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.kms import KeyManagementServiceClient

    resource, name, wrapped = _read_kms(address)
    try:
        answer = (kms or KeyManagementServiceClient()).decrypt(
            request={
                "name": resource,
                "ciphertext": wrapped,
                "ciphertext_crc32c": google_crc32c.value(wrapped),
            },
            timeout=_KMS_SECONDS,
        )
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise SecretError(
            f"--keys: KMS did not decrypt the key {name} ({type(error).__name__}): check that it was encrypted with "
            f"{resource}, and that this account may decrypt with it"
        ) from None
    if google_crc32c.value(answer.plaintext) != answer.plaintext_crc32c:
        raise SecretError(f"--keys: the key {name} was damaged on its way from KMS: try again")
    if len(answer.plaintext) != KEY_BYTES:
        raise SecretError(f"--keys: what KMS decrypted for {name} is not {KEY_BYTES} bytes: wrap a key of that length")
    return name, answer.plaintext


def _decoded(text: str, *, hexadecimal: bool = True) -> bytes | None:
    """Read hexadecimal or base64, of either alphabet, padded or not; None where it is neither."""
    if hexadecimal and re.fullmatch(rf"[0-9a-fA-F]{{{2 * KEY_BYTES}}}", text):
        return bytes.fromhex(text)
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        return None


def _name(name: str, where: str) -> str:
    if not re.fullmatch(NAME, name):
        raise SecretError(f"{where}: a key's name must be 1 to 63 of a-z, 0-9, _ and -, and not begin with _ or -")
    return name
