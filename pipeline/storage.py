"""Files on local disk or in a bucket, by one name: `/data/records` or `gs://bucket/records`.

A file is complete when it is visible. On local disk it is written beside its place and renamed; an object of a bucket
appears whole when it is closed. What a bucket refuses, or cannot be asked for, is a `StorageError`.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from apache_beam.io.filesystems import FileSystems

from pipeline.usage import LOG_IN

if TYPE_CHECKING:
    from apache_beam.io.filesystem import FileMetadata
    from google.cloud.storage import Blob


class StorageError(OSError):
    """A file in a bucket cannot be had; the text names it, and says why."""


def is_remote(name: str) -> bool:
    """Return whether a name means a bucket rather than the local disk."""
    return "://" in name


def absolute(name: str) -> str:
    """Return a name that means the same in another working folder, as workers have it."""
    return name if is_remote(name) else str(Path(name).absolute())


def write(name: str, content: bytes) -> None:
    """Write a file whole, making the folders above it; one of the same name is replaced."""
    if is_remote(name):
        with _bucket(name):
            _upload(name, content)
        return
    path = Path(name)
    with _staged(path, content) as staged:
        staged.replace(path)


def write_new(name: str, content: bytes) -> None:
    """Write a file whole where none of its name is there: of two at once, on disk or in a bucket, one is first.

    Raises:
      FileExistsError: there is one.
    """
    if is_remote(name):
        from google.api_core.exceptions import PreconditionFailed

        with _bucket(name):
            try:
                _upload(name, content, generation=0)  # that of what is not there
            except PreconditionFailed:
                raise FileExistsError(name) from None
        return
    path = Path(name)
    with _staged(path, content) as staged:
        os.link(staged, path)  # fails where it is there, unlike a rename


@contextmanager
def _staged(path: Path, content: bytes) -> Iterator[Path]:
    """Write content beside where it shall be, making the folders above; the body puts it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: two workers may write the same file at once.
    staged = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        with staged.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # what it was made of may be gone as soon as it is there
        yield staged
        _sync(path.parent)
    finally:
        staged.unlink(missing_ok=True)


@contextmanager
def _bucket(name: str) -> Iterator[None]:
    """Reach a bucket in the body; whatever Beam and Google's clients raise there becomes one error."""
    from apache_beam.io.filesystem import BeamIOError
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

    if not re.match(r"gs://[^/]", name):
        raise StorageError(f"{name}: name a local folder, or one in a bucket as gs://BUCKET/FOLDER")
    try:
        yield
    except (BeamIOError, GoogleAPIError, GoogleAuthError, DataCorruption, InvalidResponse) as error:
        fault: BaseException = error
        while isinstance(fault, BeamIOError) and fault.exception_details:  # what one is made of, by name of the file
            fault = next(iter(fault.exception_details.values()))
        told = (str(fault).splitlines() or [""])[0].rstrip(".")
        todo = "see that the bucket is there, and that you have the rights"
        if isinstance(fault, GoogleAuthError):
            todo = LOG_IN
        raise StorageError(f"{name}: {type(fault).__name__}: {told}; {todo}") from None


def _blob(name: str) -> Blob:
    from apache_beam.io.gcp.gcsio import create_storage_client, parse_gcs_path
    from apache_beam.options.pipeline_options import PipelineOptions

    bucket, path = parse_gcs_path(name)
    options = FileSystems._pipeline_options or PipelineOptions([])  # a job's own, on its workers
    return create_storage_client(options).bucket(bucket).blob(path)


def _upload(name: str, content: bytes, generation: int | None = None) -> None:
    """Put an object in its place; Beam's own writer, where it fails, tries again whenever it is thrown away."""
    from google.cloud.storage.retry import DEFAULT_RETRY, DEFAULT_RETRY_IF_GENERATION_SPECIFIED

    retry = DEFAULT_RETRY if generation is None else DEFAULT_RETRY_IF_GENERATION_SPECIFIED  # twice whole is once
    _blob(name).upload_from_string(
        content, content_type="application/octet-stream", if_generation_match=generation, retry=retry
    )


def _sync(folder: Path) -> None:
    """Have a folder's new names survive a power cut, where the system lets folders be synced."""
    if os.name != "posix":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read(name: str) -> bytes:
    """Return a file's content.

    Raises:
      FileNotFoundError: there is none.
    """
    if not is_remote(name):
        return Path(name).read_bytes()
    with _bucket(name):
        if not FileSystems.exists(name):
            raise FileNotFoundError(name)
        with FileSystems.open(name, compression_type="uncompressed") as source:
            return bytes(source.read())


def remove(name: str) -> None:
    """Remove a file, if it is there."""
    if not is_remote(name):
        Path(name).unlink(missing_ok=True)
        return
    from google.api_core.exceptions import NotFound

    with _bucket(name), suppress(NotFound):
        _blob(name).delete()


def find(folder: str, suffix: str) -> list[str]:
    """Return the names of all files at any depth of a folder that end so, sorted; none where it is not there.

    Each begins with the folder as it was given: `./records/a.avro` for `./records`, not `records/a.avro`.
    """
    if is_remote(folder):
        return sorted(each.path for each in _listed(folder) if each.path.endswith(suffix))
    paths = Path(folder).rglob(f"*{suffix}")
    return sorted(_named(folder, path) for path in paths if path.is_file())


def changed(folder: str) -> list[tuple[str, int]]:
    """Return all files at any depth of a folder and when each was changed last, in microseconds.

    Raises:
      FileNotFoundError: there is no such folder on the local disk.
    """
    if is_remote(folder):
        return sorted((each.path, int(each.last_updated_in_seconds * 1e6)) for each in _listed(folder))
    if not Path(folder).is_dir():
        raise FileNotFoundError(folder)
    paths = (path for path in Path(folder).rglob("*") if path.is_file())
    return sorted((_named(folder, path), path.stat().st_mtime_ns // 1000) for path in paths)


def _named(folder: str, path: Path) -> str:
    """Return the name of a file at any depth of a local folder, which paths spell another way than it was given."""
    return os.path.join(folder, path.relative_to(folder))


def _listed(folder: str) -> list[FileMetadata]:
    with _bucket(folder):
        return list(FileSystems.match([f"{folder.rstrip('/')}/**"])[0].metadata_list)
