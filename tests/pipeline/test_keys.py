"""Keys: from a file that nobody else may read, or unwrapped by KMS; every mistake told without the secret."""

from __future__ import annotations

import base64
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import google_crc32c
import grpc
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.cloud.kms import KeyManagementServiceClient
from google.cloud.kms_v1.types import DecryptRequest, DecryptResponse

from pipeline.keys import load_keys
from pipeline.secrets import SecretError, read_secret

SECRET = bytes(range(32))
CRYPTO_KEY = "projects/p/locations/europe-west1/keyRings/silhouette/cryptoKeys/clips"
MASTER = AESGCM(b"m" * 32)
NONCE = b"n" * 12


def secret_file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def wrapped(key: bytes) -> str:
    return base64.urlsafe_b64encode(MASTER.encrypt(NONCE, key, None)).decode()


@pytest.fixture
def kms() -> Iterator[KeyManagementServiceClient]:
    """Google's client, and over a real connection a server that decrypts with one key."""

    def decrypt(request: DecryptRequest, context: grpc.ServicerContext) -> DecryptResponse:
        if request.name != CRYPTO_KEY:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "no right to it")
        assert request.ciphertext_crc32c == google_crc32c.value(request.ciphertext)
        try:
            plaintext = MASTER.decrypt(NONCE, request.ciphertext, None)
        except InvalidTag:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "decryption failed")
        checksum = google_crc32c.value(plaintext) if plaintext != b"damaged".ljust(32) else 1
        return DecryptResponse(plaintext=plaintext, plaintext_crc32c=checksum)

    handler = grpc.method_handlers_generic_handler(
        "google.cloud.kms.v1.KeyManagementService",
        {
            "Decrypt": grpc.unary_unary_rpc_method_handler(
                decrypt, DecryptRequest.deserialize, DecryptResponse.serialize
            )
        },
    )
    server = grpc.server(ThreadPoolExecutor(1), handlers=(handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    transport = KeyManagementServiceClient.get_transport_class("grpc")
    with KeyManagementServiceClient(transport=transport(channel=grpc.insecure_channel(f"127.0.0.1:{port}"))) as client:
        yield client
    server.stop(None).wait()


@pytest.mark.parametrize(
    "written",
    [SECRET.hex(), SECRET.hex().upper(), base64.b64encode(SECRET).decode(), base64.urlsafe_b64encode(SECRET).decode(),
     base64.b64encode(SECRET).decode().rstrip("=")],
    ids=["hex", "upper-hex", "base64", "urlsafe", "unpadded"],
)  # fmt: skip
def test_a_key_file_in_each_form(tmp_path: Path, written: str) -> None:
    path = secret_file(tmp_path, f"# made in January\n\n2026-a {written}  # this one seals\n2025-b {'0' * 64}\n")
    assert dict(load_keys([str(path)])) == {"2026-a": SECRET, "2025-b": bytes(32)}
    assert list(load_keys([str(path)])) == ["2026-a", "2025-b"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a deadbeef\n", ":1: must be a name and 32 bytes"),
        (f"\na {'f' * 64} more\n", ":2: must be a name and 32 bytes"),
        (f"{'f' * 64}\n", ":1: must be a name"),
        (f"Key-A {'f' * 64}\n", "a key's name must be"),
        (f"a {'f' * 64}\na {'e' * 64}\n", "two keys are named a"),
        ("# nothing\n", "holds no key"),
    ],
)
def test_a_malformed_key_file(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SecretError, match=told) as caught:
        load_keys([str(secret_file(tmp_path, text))])
    assert "deadbeef" not in str(caught.value) and "f" * 20 not in str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o602])
def test_a_file_open_to_others_is_no_secret(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, f"a {'f' * 64}\n", mode)
    with pytest.raises(SecretError, match=r"keys: others may read it.*chmod 600"):
        load_keys([str(path)])
    path.chmod(0o400)
    assert list(load_keys([str(path)])) == ["a"]


def test_what_is_no_secret_file(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="cannot be read: No such file"):
        read_secret(tmp_path / "none")
    with pytest.raises(SecretError, match="cannot be read: Is a directory"):
        read_secret(tmp_path)
    path = secret_file(tmp_path, "x" * 70_000)
    with pytest.raises(SecretError, match="larger than 64 KiB"):
        read_secret(path)
    path.write_bytes(os.urandom(4) + b"\xff\xfe\xfa")
    with pytest.raises(SecretError, match="not UTF-8"):
        read_secret(path)


def test_kms_unwraps_keys(tmp_path: Path, kms: KeyManagementServiceClient) -> None:
    path = secret_file(tmp_path, f"file {'f' * 64}\n")
    address = f"gcp-kms://{CRYPTO_KEY}?id=2026-a&wrapped={wrapped(SECRET)}"
    plain = base64.b64encode(MASTER.encrypt(NONCE, SECRET, None)).decode()
    keys = load_keys([address, str(path), f"gcp-kms://{CRYPTO_KEY}?id=2025&wrapped={plain}"], kms)
    assert list(keys) == ["2026-a", "file", "2025"]
    assert keys["2026-a"] == keys["2025"] == SECRET
    assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (f"gcp-kms://{CRYPTO_KEY}", "is written gcp-kms://projects/P"),
        (f"gcp-kms://{CRYPTO_KEY}?id=a", "is written"),
        (f"gcp-kms://{CRYPTO_KEY}?id=a&wrapped=***", "is written"),
        (f"gcp-kms://projects/p?id=a&wrapped={wrapped(SECRET)}", "is written"),
        (f"gcp-kms://{CRYPTO_KEY}?id=A&wrapped={wrapped(SECRET)}", "a key's name"),
        (f"gcp-kms://{CRYPTO_KEY}2?id=a&wrapped={wrapped(SECRET)}", r"did not decrypt the key a \(PermissionDenied\)"),
        (f"gcp-kms://{CRYPTO_KEY}?id=a&wrapped={'x' * 64}", r"did not decrypt the key a \(InvalidArgument\)"),
        (f"gcp-kms://{CRYPTO_KEY}?id=a&wrapped={wrapped(b'short')}", "is not 32 bytes"),
        (f"gcp-kms://{CRYPTO_KEY}?id=a&wrapped={wrapped(b'damaged'.ljust(32))}", "damaged on its way"),
    ],
)  # fmt: skip
def test_what_kms_cannot_unwrap(kms: KeyManagementServiceClient, address: str, told: str) -> None:
    with pytest.raises(SecretError, match=told) as caught:
        load_keys([address], kms)
    assert "short" not in str(caught.value)
