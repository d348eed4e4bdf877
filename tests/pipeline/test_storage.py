"""Files by one name: on local disk, and in a bucket of a real storage server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from pipeline import storage
from tests.support.storage import Storage

CONTENT = bytes(range(256)) * 5


@pytest.fixture(params=["local", "bucket"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return an empty place for files, of either kind."""
    if request.param == "local":
        return str(tmp_path / "records")
    server: Storage = request.getfixturevalue("storage")
    return server.make_bucket(f"test-{tmp_path.name.replace('_', '-')[:50].strip('-')}".lower()) + "/records"


def test_what_is_written_is_read(folder: str) -> None:
    storage.write(f"{folder}/footfall/site=lab/a.avro", CONTENT)
    assert storage.read(f"{folder}/footfall/site=lab/a.avro") == CONTENT
    storage.write(f"{folder}/empty.avro", b"")
    assert storage.read(f"{folder}/empty.avro") == b""


def test_a_file_of_the_same_name_is_replaced(folder: str) -> None:
    for content in (CONTENT, b"shorter"):
        storage.write(f"{folder}/a.avro", content)
    assert storage.read(f"{folder}/a.avro") == b"shorter"
    assert storage.find(folder, "") == [f"{folder}/a.avro"]


@pytest.mark.parametrize("name", ["a.gz", "a.bz2", "a.json"])
def test_no_name_changes_the_content(folder: str, name: str) -> None:
    storage.write(f"{folder}/{name}", CONTENT)
    assert storage.read(f"{folder}/{name}") == CONTENT


def test_a_file_larger_than_a_request_comes_whole(folder: str) -> None:
    content = os.urandom(1 << 20) * 17 + b"end"
    storage.write(f"{folder}/large.avro", content)
    assert storage.read(f"{folder}/large.avro") == content


def test_files_are_found_at_any_depth_in_order(folder: str) -> None:
    names = [f"{folder}/{name}" for name in ("a.avro", "b/c.avro", "b/d/e.avro", "b/f.json")]
    for name in reversed(names):
        storage.write(name, CONTENT)
    assert storage.find(folder, ".avro") == names[:3]
    assert storage.find(f"{folder}/b/", ".avro") == names[1:3]
    assert storage.find(f"{folder}/b", "f.json") == names[3:]


def test_a_folder_holds_only_its_own(folder: str) -> None:
    storage.write(f"{folder}/site=lab/a.avro", CONTENT)
    storage.write(f"{folder}/site=lab-2/b.avro", CONTENT)
    assert storage.find(f"{folder}/site=lab", "") == [f"{folder}/site=lab/a.avro"]


@pytest.mark.parametrize("named", ["out", "./out", ".", "./", "out//sub", "out/../out", "absolute"])
def test_names_begin_with_a_local_folder_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    given = str(tmp_path / "out") if named == "absolute" else named
    storage.write(f"{given}/b/a.avro", CONTENT)
    name = f"{given.rstrip('/')}/b/a.avro"
    assert storage.find(given, ".avro") == [name]
    assert [each for each, _ in storage.changed(given)] == [name]
    assert storage.find(f"{given}/b", "") == [f"{given}/b/a.avro"]


def test_what_is_not_there_is_told(folder: str) -> None:
    assert storage.find(folder, ".avro") == []
    with pytest.raises(FileNotFoundError):
        storage.read(f"{folder}/a.avro")


def test_what_is_removed_is_gone_and_may_have_been_before(folder: str) -> None:
    storage.write(f"{folder}/a.json", CONTENT)
    for _ in range(2):
        storage.remove(f"{folder}/a.json")
        assert storage.find(folder, "") == []


def test_two_may_write_one_file_at_once(folder: str) -> None:
    contents = [bytes([number]) * 100_000 for number in range(4)]
    writers = [threading.Thread(target=storage.write, args=(f"{folder}/a.avro", content)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert storage.read(f"{folder}/a.avro") in contents
    assert storage.find(folder, "") == [f"{folder}/a.avro"]


def test_of_several_who_write_a_new_file_at_once_one_is_first(folder: str) -> None:
    contents = [bytes([number]) * 1000 for number in range(4)]
    late: list[FileExistsError] = []

    def write(content: bytes) -> None:
        try:
            storage.write_new(f"{folder}/a.json", content)
        except FileExistsError as error:
            late.append(error)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(late) == 3
    stands = storage.read(f"{folder}/a.json")
    assert stands in contents
    with pytest.raises(FileExistsError):
        storage.write_new(f"{folder}/a.json", b"another")
    assert storage.read(f"{folder}/a.json") == stands
    assert storage.find(folder, "") == [f"{folder}/a.json"]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.avro").mkdir()
    with pytest.raises(OSError):
        storage.write(str(tmp_path / "a.avro"), CONTENT)
    assert [path.name for path in tmp_path.iterdir()] == ["a.avro"]


@pytest.mark.parametrize("bucket", ["gs://closed", "gs://", "s3://elsewhere", "https://elsewhere/x"])
def test_what_cannot_be_had_is_one_error(refusing: str, bucket: str) -> None:
    name = f"{bucket}/records/a.avro"
    told = (
        f"^{name}: Forbidden: 403" if bucket == "gs://closed" else rf"^{bucket}.*: name a local folder, or one in a b"
    )
    for asked in (storage.read, storage.changed, storage.remove, partial(storage.find, suffix="")):
        with pytest.raises(storage.StorageError, match=told):
            asked(name)
    for write in (storage.write, storage.write_new):
        with pytest.raises(storage.StorageError, match=told):
            write(name, CONTENT)


def test_a_process_of_its_own_finds_the_bucket(storage_server: Storage) -> None:
    bucket = storage_server.make_bucket("fresh-process")
    code = (
        "import sys; from pipeline import storage; "
        "storage.write(f'{sys.argv[1]}/a/b.avro', b'here'); print(*storage.find(sys.argv[1], ''))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, bucket], env=os.environ | storage_server.environment, timeout=60, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == [f"{bucket}/a/b.avro"]
    object_name = urllib.parse.quote("a/b.avro", safe="")
    with urllib.request.urlopen(f"{storage_server.url}/storage/v1/b/fresh-process/o/{object_name}?alt=media") as found:
        assert found.read() == b"here"
