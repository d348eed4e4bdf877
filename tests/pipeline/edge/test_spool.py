"""The spool: oldest first, bounded, encrypted, and whole at every instant whatever ends the agent."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.edge.spool import Dropped, Entry, Spool, SpoolError, lock_of, open_folder
from pipeline.edge.spool_file import SpoolFileError, packed, unpacked, write_durably
from pipeline.edge.spool_key import cipher_of, load_key, make_key
from pipeline.secrets import SecretError

START_US = 1_700_000_000_000_000
CLIP = b"\x00\x00\x00\x01 a watchable clip " * 40


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    lock = open_folder(tmp_path / "spool")
    yield tmp_path / "spool"
    os.close(lock)


def opened(folder: Path, most_bytes: int = 10**9, **rest: int) -> Spool:
    return Spool(folder, most_bytes, cipher_of(folder, folder / "key", plain=False), **rest)


def put(spool: Spool, number: int, camera: str = "door", size: int = 1000) -> bool:
    return spool.put(camera, START_US + number, {"number": str(number)}, CLIP[:1].ljust(size, b"x"))


def taken(spool: Spool) -> list[int]:
    """Take all clips, and return their numbers in the order that they came in."""
    numbers = []
    while found := spool.take():
        numbers.append(int(found[1]["number"]))
        spool.sent(found[0])
    return numbers


def test_clips_come_back_oldest_first(folder: Path) -> None:
    spool = opened(folder)
    for number in range(5):
        assert put(spool, number, "door" if number % 2 else "hall")
    assert spool.clips == 5 and spool.held() == {"hall": (3, spool.size * 3 // 5), "door": (2, spool.size * 2 // 5)}
    entry, attributes, payload = spool.take() or pytest.fail("empty")
    assert (entry.camera, entry.start_us, attributes) == ("hall", START_US, {"number": "0"})
    assert payload == CLIP[:1].ljust(1000, b"x")
    spool.back(entry)
    assert taken(spool) == [0, 1, 2, 3, 4]
    assert spool.clips == spool.size == 0 and os.listdir(folder / "clips") == []


def test_a_clip_is_out_once_at_a_time(folder: Path) -> None:
    spool = opened(folder)
    put(spool, 0)
    put(spool, 1)
    first, second = spool.take(), spool.take()
    assert first and second and spool.take() is None
    spool.back(first[0])
    assert spool.take() == first
    spool.sent(second[0])
    assert spool.clips == 1


def test_no_more_is_taken_than_there_is_room_for(folder: Path) -> None:
    spool = opened(folder)
    put(spool, 0, size=5000)
    assert spool.take(4000) is None
    assert spool.take(6000) is not None


def test_an_agent_finds_what_the_one_before_left(folder: Path) -> None:
    spool = opened(folder)
    for number in range(3):
        put(spool, number)
    spool.take()  # was on its way
    again = opened(folder)
    put(again, 3)
    assert taken(again) == [0, 1, 2, 3]


def test_the_bound_forces_out_the_oldest_and_counts(folder: Path) -> None:
    spool = opened(folder, most_bytes=5500)
    for number in range(8):
        assert put(spool, number)
    assert spool.size <= 5500
    assert spool.dropped() == {"door": {"spool_full": 3}}
    assert taken(spool) == [3, 4, 5, 6, 7]


def test_what_is_on_its_way_is_not_forced_out(folder: Path) -> None:
    spool = opened(folder, most_bytes=3500)
    for number in range(3):
        put(spool, number)
    on_its_way = spool.take() or pytest.fail("empty")
    assert put(spool, 3, "hall")
    assert spool.dropped() == {"door": {"spool_full": 1}}
    spool.back(on_its_way[0])
    assert not put(spool, 4, size=4000)  # costs no other
    assert spool.dropped()["door"] == {"spool_full": 2}
    assert taken(spool) == [0, 2, 3]


def test_clips_get_no_older_than_they_may(folder: Path) -> None:
    spool = opened(folder, retention_us=100)
    for number in (0, 50, 100):
        put(spool, number)
    spool.expire(START_US + 100)
    assert spool.dropped() == {}
    spool.expire(START_US + 151)
    assert spool.dropped() == {"door": {"retention": 2}}
    assert taken(spool) == [100]


def test_files_are_the_owners_alone_and_tell_nothing(folder: Path) -> None:
    spool = opened(folder)
    spool.put("door", START_US, {"session": "jane-doe"}, CLIP)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    clip = next((folder / "clips").iterdir())
    assert modes == {"spool": 0o700, "clips": 0o700, "key": 0o600, "lock": 0o600, clip.name: 0o600}
    content = clip.read_bytes()
    assert b"watchable" not in content and b"jane-doe" not in content and b"\x00\x00\x00\x01" not in content
    assert clip.name == "000000000001-1700000000000000-door.clip"


def test_a_plain_spool_is_read_whatever_is_used_now(folder: Path) -> None:
    plain = Spool(folder, 10**9, None)
    plain.put("door", START_US, {"number": "0"}, CLIP)
    assert b"watchable" in next((folder / "clips").iterdir()).read_bytes()
    encrypted = opened(folder)
    put(encrypted, 1)
    assert taken(encrypted) == [0, 1]


def test_damaged_files_are_given_up(folder: Path) -> None:
    spool = opened(folder)
    for number in range(4):
        put(spool, number)
    files = sorted((folder / "clips").iterdir())
    files[0].write_bytes(files[0].read_bytes()[:-1])
    files[1].write_bytes(files[2].read_bytes())
    assert taken(spool) == [2, 3]
    assert spool.dropped() == {"door": {"unreadable": 2}}


def test_a_clip_that_the_disk_does_not_give_stops_no_other(folder: Path) -> None:
    spool = opened(folder)
    for number in range(4):
        put(spool, number, "door" if number else "hall")
    oldest, second, *_ = sorted((folder / "clips").iterdir())
    kept = oldest.read_bytes()
    oldest.unlink()
    oldest.mkdir()  # what is read of it is an error
    second.unlink()
    assert taken(spool) == [2, 3]
    assert spool.unread() == {"EISDIR": 1} and spool.dropped() == {"door": {"unreadable": 1}}
    assert (spool.clips, spool.waiting) == (1, 0) and spool.held().keys() == {"hall"}
    spool.retry()
    assert taken(spool) == [] and spool.unread() == {"EISDIR": 1}
    oldest.rmdir()
    oldest.write_bytes(kept)
    assert taken(spool) == []
    spool.retry()
    assert taken(spool) == [0]
    assert spool.unread() == {} and spool.clips == spool.size == 0


def test_a_clip_that_was_set_aside_gets_no_older_than_it_may(folder: Path) -> None:
    spool = opened(folder, most_bytes=3500, retention_us=100)
    put(spool, 0)
    (only,) = (folder / "clips").iterdir()
    only.unlink()
    only.mkdir()
    assert spool.take() is None and spool.waiting == 0
    spool.expire(START_US + 101)
    assert spool.dropped() == {"door": {"retention": 1}} and spool.unread() == {} and spool.waiting == 0


def test_a_disk_that_was_taken_away_costs_nothing(folder: Path) -> None:
    spool = opened(folder)
    put(spool, 0)
    (folder / "clips").rename(folder / "elsewhere")
    assert spool.take() is None and spool.unread() == {"ENOENT": 1}
    (folder / "elsewhere").rename(folder / "clips")
    spool.retry()
    assert taken(spool) == [0] and spool.dropped() == {}


@pytest.mark.parametrize("plain", [False, True], ids=["encrypted", "plain"])
def test_without_its_key_a_spool_is_not_touched(folder: Path, tmp_path: Path, plain: bool) -> None:
    """A key on a disk that is not mounted, or another in its place: no clip is given up, and no key made."""
    put(opened(folder), 0)
    Spool(folder, 10**9, None).put("door", START_US + 1, {"number": "1"}, CLIP)
    key, clips = folder / "key", sorted((folder / "clips").iterdir())
    key.rename(tmp_path / "key")
    with pytest.raises(SpoolError, match=r"--spool-key: .*/key is not there, .* mount .* or delete"):
        cipher_of(folder, key, plain=plain)
    assert not key.exists()
    make_key(key)
    with pytest.raises(SpoolError, match=r"--spool-key: .*/key opens none of .* put back .* or delete"):
        cipher_of(folder, key, plain=plain)
    assert sorted((folder / "clips").iterdir()) == clips
    (tmp_path / "key").replace(key)
    spool = Spool(folder, 10**9, cipher_of(folder, key, plain=plain))
    assert taken(spool) == [0, 1] and spool.dropped() == {}


def test_the_key_is_tried_on_more_than_one_clip(folder: Path) -> None:
    spool = opened(folder)
    for number in range(2):
        put(spool, number)
    newest = max((folder / "clips").iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    assert taken(opened(folder)) == [0]


def test_a_plain_spool_still_opens_what_was_encrypted(folder: Path) -> None:
    put(opened(folder), 0)
    spool = Spool(folder, 10**9, cipher_of(folder, folder / "key", plain=True), plain=True)
    spool.put("door", START_US + 1, {"number": "1"}, CLIP)
    assert b"watchable" in max((folder / "clips").iterdir()).read_bytes()
    assert taken(spool) == [0, 1] and spool.dropped() == {}
    (folder / "key").unlink()
    assert cipher_of(folder, folder / "key", plain=True) is None and not (folder / "key").exists()


def test_half_written_files_are_cleared_away(folder: Path) -> None:
    spool = opened(folder)
    put(spool, 0)
    name = Entry(2, "door", START_US, 0).name
    (folder / "clips" / f".{name}.partial").write_bytes(b"half")
    again = opened(folder)
    assert len(os.listdir(folder / "clips")) == again.clips == 1


def test_a_killed_agent_leaves_only_whole_files(folder: Path) -> None:
    """Killed while it writes, again and again: each file that is there opens, and numbers go on."""
    writer = (
        "import sys; from pathlib import Path; from tests.pipeline.edge.test_spool import opened, put\n"
        "spool = opened(Path(sys.argv[1])); print(flush=True)\n"
        "while True: put(spool, spool._next, size=300_000)"
    )
    for _ in range(5):
        before = len(os.listdir(folder / "clips"))
        process = subprocess.Popen([sys.executable, "-c", writer, str(folder)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        while len(os.listdir(folder / "clips")) < before + 6:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    spool = opened(folder)
    numbers = taken(spool)
    assert numbers == sorted(set(numbers)) and len(numbers) >= 25
    assert spool.dropped() == {}


def test_a_full_disk_costs_the_oldest(small_disk: Path) -> None:
    lock = open_folder(small_disk / "spool")
    spool = opened(small_disk / "spool")
    for number in range(12):
        assert put(spool, number, size=300_000)
    assert 0 < spool.dropped()["door"]["disk_full"] <= 8
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file, pytest.raises(OSError) as caught:
        while True:
            os.write(file.fileno(), bytes(1000))
    assert caught.value.errno == errno.ENOSPC
    assert put(spool, 12, size=300_000)
    assert not put(spool, 13, size=3_000_000)
    assert spool.clips == 0 and spool.dropped()["door"]["disk_full"] == 14
    ballast.unlink()
    assert put(spool, 14, size=300_000)
    assert taken(spool) == [14]
    os.close(lock)


def test_a_file_that_cannot_be_written_is_counted(folder: Path) -> None:
    spool = opened(folder)
    (folder / "clips").rmdir()
    assert not put(spool, 0)
    assert spool.dropped() == {"door": {"unwritable": 1}}
    (folder / "clips").mkdir(mode=0o700)
    assert put(spool, 1)
    spool.give_up("hall", Dropped.TOO_LARGE)
    assert spool.dropped()["hall"] == {"too_large": 1}


def test_one_agent_a_spool(folder: Path) -> None:
    with pytest.raises(SpoolError, match="another agent uses it"):
        open_folder(folder)
    assert lock_of(folder) is None


def test_a_folder_that_others_can_look_into_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o750)
    with pytest.raises(SpoolError, match="chmod 700"):
        open_folder(tmp_path / "open")


def test_the_key_is_made_once(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    made = (tmp_path / "key").read_text()
    with pytest.raises(FileExistsError):
        make_key(tmp_path / "key")
    assert (tmp_path / "key").read_text() == made and len(bytes.fromhex(made)) == 32
    assert os.listdir(tmp_path) == ["key"]
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(SecretError, match="others may read it"):
        load_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "key").write_text("zz")
    with pytest.raises(SecretError, match="no key of a spool"):
        load_key(tmp_path / "key")


@pytest.fixture
def cipher(tmp_path: Path) -> AESGCM:
    make_key(tmp_path / "key")
    return load_key(tmp_path / "key")


@pytest.mark.parametrize("file", [b"", b"\x02abc", b"\x00", b"\x00\x00\x00\x00\x05abc", b"\x01" + bytes(50)])
def test_what_is_no_spool_file(cipher: AESGCM, file: bytes) -> None:
    with pytest.raises(SpoolFileError):
        unpacked(file, "name", cipher)


def test_a_file_is_bound_to_its_name(cipher: AESGCM) -> None:
    file = packed({"a": "b"}, CLIP, "name", cipher)
    assert unpacked(file, "name", cipher) == ({"a": "b"}, CLIP)
    with pytest.raises(SpoolFileError):
        unpacked(file, "other", cipher)
    with pytest.raises(SpoolFileError):
        unpacked(file, "name", None)


def test_nothing_is_left_of_what_could_not_be_written(tmp_path: Path) -> None:
    write_durably(tmp_path / "file", b"one")
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "file", b"other")
    assert (tmp_path / "file").read_bytes() == b"one"
