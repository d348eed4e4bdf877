"""Fetch a file by its address, and keep it only if it is the one that was asked for."""

import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO, cast

_CHUNK = 1 << 20
_TIMEOUT_S = 60
_WEB_HANDLERS = (  # those of urllib but for plain http, to which no server may redirect
    urllib.request.ProxyHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPRedirectHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
    urllib.request.UnknownHandler,
)


class FetchError(ValueError):
    """The file could not be had, or is not the one asked for; the message says why."""


def fetch(uri: str, target: Path, sha256: str, most_bytes: int) -> None:
    """Fetch a file; it appears at the target complete and verified, or not at all.

    Args:
        uri: https://, gs:// or file:// address.
        target: Where to put it; its folder is made.
        sha256: What the content must hash to.
        most_bytes: Give up after this many.

    Raises:
        FetchError: The address cannot be read, or the content is too large or not the one asked for.
        OSError: The target cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as part, closing(_open(uri)) as source:
            found = _copy(uri, source, part, most_bytes)
        if found != sha256:
            raise FetchError(f"{uri} is not the file that the card names: its sha256 is {found}, not {sha256}")
        os.replace(name, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _copy(uri: str, source: BinaryIO, target: BinaryIO, most_bytes: int) -> str:
    """Copy a stream and return its sha256."""
    digest, size = hashlib.sha256(), 0
    while chunk := _read(uri, source):
        size += len(chunk)
        if size > most_bytes:
            raise FetchError(f"{uri} is larger than {most_bytes >> 20} MiB")
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


def _read(uri: str, source: BinaryIO) -> bytes:
    try:
        return source.read(_CHUNK)
    except Exception as error:  # of the web, the disk, or a class of the cloud client's own
        raise FetchError(f"{uri} broke off ({type(error).__name__})") from error


def _open(uri: str) -> BinaryIO:
    scheme = uri.partition(":")[0]
    if scheme == "file":
        path = Path(urllib.request.url2pathname(urllib.parse.urlsplit(uri).path))
        try:
            return path.open("rb")
        except OSError as error:
            raise FetchError(f"{uri} cannot be read ({error.strerror})") from error
    if scheme == "gs":
        return _open_cloud(uri)
    if scheme == "https":
        return _open_web(uri)
    raise FetchError(f"{uri}: only https, gs and file addresses are fetched")


def _open_web(uri: str) -> BinaryIO:
    opener = urllib.request.OpenerDirector()
    for handler in _WEB_HANDLERS:
        opener.add_handler(handler())
    request = urllib.request.Request(uri, headers={"User-Agent": "silhouette"})
    try:
        return cast(BinaryIO, opener.open(request, timeout=_TIMEOUT_S))
    except urllib.error.HTTPError as error:
        raise FetchError(f"{uri} answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(f"{uri} cannot be reached ({getattr(error, 'reason', error)})") from error


def _open_cloud(uri: str) -> BinaryIO:
    from apache_beam.io.filesystems import FileSystems

    try:
        return cast(BinaryIO, FileSystems.open(uri))
    except Exception as error:  # the cloud clients raise classes of their own, and which are installed varies
        raise FetchError(
            f"{uri} cannot be read ({type(error).__name__}); gs:// needs apache-beam[gcp] and credentials"
        ) from error
