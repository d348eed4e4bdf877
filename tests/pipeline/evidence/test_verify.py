"""The chain: sealed once, gone on with, and whatever is changed in it or under it is found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.evidence.chain import ChainError, packs_in, read_seal, seal, seal_name, signed_part
from pipeline.evidence.keys import Signer, is_signed, load_public_key, load_signer, make_key
from pipeline.evidence.retention import collect, write_retention
from pipeline.evidence.verify import Findings, verify
from pipeline.secrets import SecretError
from pipeline.sinks import write_file
from schemas.evidence import canonical, sha256_of
from tests.support.evidence import an_output, rows
from tests.support.world import a_site


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_key(tmp_path / "key")
    return tmp_path / "key"


@pytest.fixture
def sealed(tmp_path: Path, key: Path) -> Path:
    output = an_output(tmp_path / "out")
    seal(str(output), "lab", load_signer(key))
    return output


def checked(output: Path, key: Path, **how: object) -> Findings:
    return verify(str(output), "lab", load_public_key(key.with_name("key.pub")), **how)  # type: ignore[arg-type]


def test_a_good_chain_is_good(sealed: Path, key: Path) -> None:
    found = checked(sealed, key)
    assert found.faults == []
    assert (found.packs, found.seals, found.signed, found.files) == (3, 3, 3, 3)
    assert (found.unsealed, found.untold) == (0, 0)


def test_sealing_again_seals_what_is_new_and_nothing_twice(sealed: Path, key: Path) -> None:
    before = {path: path.read_bytes() for path in sealed.rglob("seals/*")}
    assert seal(str(sealed), "lab", load_signer(key)).packs == 0
    an_output(sealed, days=4)
    assert checked(sealed, key).unsealed == 1
    again = seal(str(sealed), "lab", load_signer(key))
    assert (again.packs, again.number) == (1, 4)
    assert {path: path.read_bytes() for path in before} == before
    assert checked(sealed, key).faults == []
    assert checked(sealed, key, head=again.head).faults == []


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def seals(output: Path) -> list[Path]:
    return sorted(output.glob("evidence/site=lab/seals/*.json"))


def packs(output: Path) -> list[Path]:
    return [output / "evidence/site=lab" / name for name in packs_in(str(output), "lab")]


def record(output: Path) -> Path:
    return min(output.glob("records/**/*.avro"))


def swap(a: Path, b: Path) -> None:
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)


def renumber(output: Path) -> None:
    """Take the second seal out, and make the third one the second."""
    _, second, third = seals(output)
    made = read_seal(third.read_bytes()).model_copy(
        update={"number": 2, "before": sha256_of(seals(output)[0].read_bytes())}
    )
    third.unlink()
    second.write_bytes(canonical(made.model_dump(mode="json")))


def forge(output: Path) -> None:
    """Change a pack, and make the whole chain anew with a key of one's own."""
    flip(packs(output)[0])
    shutil.rmtree(output / "evidence/site=lab/seals")
    make_key(output / "mine")
    seal(str(output), "lab", load_signer(output / "mine"))


def unsign(output: Path) -> None:
    last = seals(output)[-1]
    made = read_seal(last.read_bytes()).model_copy(update={"signature": None})
    last.write_bytes(canonical(made.model_dump(mode="json")))


TAMPERED: dict[str, Callable[[Path], None]] = {
    "a byte of a pack": lambda output: flip(packs(output)[1]),
    "a byte of a seal": lambda output: flip(seals(output)[1]),
    "a byte of a record file": lambda output: flip(record(output)),
    "a pack taken away": lambda output: packs(output)[1].unlink(),
    "a record file taken away": lambda output: record(output).unlink(),
    "a seal taken away": lambda output: seals(output)[1].unlink(),
    "the first seal taken away": lambda output: seals(output)[0].unlink(),
    "two seals swapped": lambda output: swap(*seals(output)[:2]),
    "two packs swapped": lambda output: swap(*packs(output)[:2]),
    "a seal taken out and the rest numbered anew": renumber,
    "a chain made anew with another key": forge,
    "a signature taken off": unsign,
    "a seal laid out another way": lambda output: seals(output)[0].write_bytes(seals(output)[0].read_bytes() + b"\n"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_whatever_is_changed_is_found(sealed: Path, key: Path, how: str) -> None:
    TAMPERED[how](sealed)
    assert checked(sealed, key).faults, how


def test_an_end_that_was_cut_off_is_found_by_the_head_that_was_kept(sealed: Path, key: Path) -> None:
    head = checked(sealed, key).head
    seals(sealed)[-1].unlink()
    packs(sealed)[-1].unlink()
    assert checked(sealed, key).faults == [], "the rest is a good chain"
    assert len(checked(sealed, key, head=head).faults) == 1


def test_unsigned_seals_say_so_and_are_no_signed_ones(tmp_path: Path, key: Path) -> None:
    output = an_output(tmp_path / "out")
    seal(str(output), "lab", None)
    assert all(read_seal(path.read_bytes()).signature is None for path in seals(output))
    found = verify(str(output), "lab", None)
    assert (found.faults, found.signed) == ([], 0)
    assert len(checked(output, key).faults) == 3


def forged(output: Path, date: str) -> Path:
    """Add a record file of a day as the job would have named it, with rows of a higher revision."""
    written = write_file(str(output), ("footfall", "lab", date), rows(revision=9))
    return output / written.name


def test_a_record_file_of_no_pack_is_a_fault_unless_its_day_is_still_open(sealed: Path, key: Path) -> None:
    assert checked(sealed, key).faults == []
    later = forged(sealed, "2026-01-08")
    found = checked(sealed, key)
    assert (found.faults, found.untold) == ([], 1), "no pack tells of that day yet"
    flip(later)
    assert [f"{later}: no pack names it, and it is not what was written"] == checked(sealed, key).faults
    later.unlink()
    earlier = forged(sealed, "2026-01-06")
    (fault,) = checked(sealed, key).faults
    assert fault.startswith(f"{earlier}: no pack names it, and its day is over")
    assert checked(sealed, key, open_from="2026-01-07").faults == [fault]
    assert (checked(sealed, key, open_from="2026-01-06").faults, checked(sealed, key, records=False).faults) == ([], [])


def test_a_record_file_of_a_day_that_no_pack_tells_of_is_a_fault_where_later_ones_are_told(
    sealed: Path, key: Path
) -> None:
    forged(sealed, "2026-01-04")
    assert len(checked(sealed, key).faults) == 1


def test_packs_without_any_seal_are_none_to_who_has_a_key(sealed: Path, key: Path) -> None:
    shutil.rmtree(sealed / "evidence/site=lab/seals")
    (fault,) = checked(sealed, key).faults
    assert fault.endswith("holds 3 packs and no seal: none was made yet, or all were taken away")
    found = verify(str(sealed), "lab", None)
    assert (found.faults, found.unsealed, found.files) == ([], 3, 3)


@pytest.mark.parametrize("what", ["a record file", "a pack"])
def test_what_is_not_sealed_yet_is_checked_by_its_hashes_all_the_same(sealed: Path, key: Path, what: str) -> None:
    an_output(sealed, days=4)
    assert checked(sealed, key).faults == []
    flip(max(sealed.glob("records/**/*.avro")) if what == "a record file" else packs(sealed)[-1])
    assert checked(sealed, key).faults
    assert verify(str(sealed), "lab", None).faults


def test_only_one_can_write_a_seal(tmp_path: Path) -> None:
    output = an_output(tmp_path / "out", days=1)
    taken = Path(seal_name(str(output), "lab", 1))
    taken.parent.mkdir(parents=True)
    taken.write_text("of another process")
    with pytest.raises(ChainError, match="damaged"):
        seal(str(output), "lab", None)


def test_unsigned_seals_never_follow_signed_ones(sealed: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seal(str(sealed), "lab", None).packs == 0, "nothing is new"
    an_output(sealed, days=4)
    assert main(["evidence", "seal", str(sealed)]) == 1
    assert "its last seal is signed, and 1 new packs would not be: give --evidence-key" in capsys.readouterr().err
    assert (checked(sealed, key).faults, checked(sealed, key).unsealed) == ([], 1)
    assert seal(str(sealed), "lab", load_signer(key)).packs == 1
    assert checked(sealed, key).faults == []


def test_a_public_key_that_is_there_stays_and_no_key_is_made(
    key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = key.with_name("key.pub")
    key.rename(tmp_path / "elsewhere")
    before = public.read_bytes()
    assert main(["evidence", "keygen", str(key)]) == 2
    assert f"{public}: is there already" in capsys.readouterr().err
    assert (public.read_bytes(), key.exists()) == (before, False)


def test_a_key_is_its_owners_alone_and_shows_itself_to_nobody(key: Path) -> None:
    assert key.stat().st_mode & 0o777 == 0o600
    signer = load_signer(key)
    assert isinstance(signer, Signer)
    assert key.read_text().splitlines()[1] not in repr(signer)
    with pytest.raises(FileExistsError):
        make_key(key)
    key.chmod(0o644)
    with pytest.raises(SecretError, match="chmod 600"):
        load_signer(key)


def test_what_is_no_key_is_told_without_its_content(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("hunter2")
    path.chmod(0o600)
    for load in (load_signer, load_public_key):
        with pytest.raises(ValueError, match="Ed25519") as refused:
            load(path)
        assert "hunter2" not in str(refused.value)


def test_a_signature_is_over_the_seal_and_of_one_key(sealed: Path, key: Path, tmp_path: Path) -> None:
    one, other = (read_seal(path.read_bytes()) for path in seals(sealed)[:2])
    public = load_public_key(key.with_name("key.pub"))
    assert one.signature is not None and other.signature is not None
    assert is_signed(signed_part(one), one.signature, public)
    assert not is_signed(signed_part(one), other.signature, public)
    assert not is_signed(signed_part(one), one.signature, load_public_key(make_key(tmp_path / "other")))


def test_a_signature_is_written_one_way_only(sealed: Path, key: Path) -> None:
    """Of its last digit four bits are to spare: another one there would mean the same bytes."""
    last = seals(sealed)[-1]
    digit = read_seal(last.read_bytes()).signature.value[-3]  # type: ignore[union-attr]
    content = last.read_bytes()
    last.write_bytes(content.replace(f"{digit}==".encode(), f"{chr(ord(digit) + 1)}==".encode()))
    assert last.read_bytes() != content
    assert [f"{last}: is no seal, or is damaged"] == [
        fault for fault in checked(sealed, key).faults if "seals" in fault
    ]


@pytest.mark.parametrize("named", ["./out", "out/", ".", "./", "out/.//"])
def test_an_output_is_the_same_however_it_is_named(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    output = an_output(tmp_path / "out")
    monkeypatch.chdir(output if named in (".", "./") else tmp_path)
    assert main(["evidence", "seal", named, "--evidence-key", str(key)]) == 0
    assert "lab: 3 packs sealed, signed; 3 in all" in capsys.readouterr().out
    assert main(["evidence", "verify", named, "--public-key", f"{key}.pub"]) == 0
    assert "  3 record files are there as they were written" in capsys.readouterr().out.splitlines()
    assert checked(output, key).faults == []


@pytest.mark.parametrize("family", ["footfall", "dead_letter"])
def test_a_site_whose_evidence_was_taken_away_is_a_fault(
    sealed: Path, capsys: pytest.CaptureFixture[str], family: str
) -> None:
    site = "hall" if family == "footfall" else "unknown"
    written = write_file(str(sealed), (family, site, "2026-01-05" if family == "footfall" else ""), [])
    assert written.name.split("/")[0] == ("records" if family == "footfall" else "dead_letters")
    assert main(["evidence", "verify", str(sealed)]) == 1
    said = capsys.readouterr().out
    assert "lab: good\n" in said and f"{site}: FAULTS FOUND\n" in said
    assert "no pack that can be read tells of any day, and 1 record files are there" in said
    assert main(["evidence", "verify", str(sealed), "--site", site]) == 1
    assert main(["evidence", "verify", str(sealed), "--site", site, "--open-from", "2026-01-05"]) == 0
    assert main(["evidence", "verify", str(sealed), "--without-records"]) == 0
    shutil.rmtree(sealed / "evidence")
    assert main(["evidence", "verify", str(sealed)]) == 1


def test_seals_over_no_day_do_not_cover_for_one(sealed: Path, key: Path, tmp_path: Path) -> None:
    """Who takes all packs and seals away, and has what keeps clips looked at again, has a whole chain."""
    shutil.rmtree(sealed / "evidence")
    (tmp_path / "clips").mkdir()
    write_retention(str(sealed), collect(a_site(raw_retention="1h"), archives=[str(tmp_path / "clips")]))
    seal(str(sealed), "lab", load_signer(key))
    (fault,) = checked(sealed, key).faults
    assert "tells of any day, and 3 record files are there" in fault
    assert checked(sealed, key, open_from="2026-01-05").faults == []


def test_the_command_says_what_it_found_by_its_exit_code(
    sealed: Path, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = ["evidence", "verify", str(sealed), "--public-key", str(key.with_name("key.pub"))]
    assert main(check) == 0
    assert capsys.readouterr().out.splitlines()[0] == "lab: good"
    flip(packs(sealed)[0])
    assert main(check) == 1
    assert f"{packs(sealed)[0]}: was changed since it was sealed" in capsys.readouterr().out
    assert main([*check, "--open-from", "soon"]) == 2
    assert "--open-from: is written like" in capsys.readouterr().err
    assert main(["evidence", "verify", str(tmp_path / "nowhere")]) == 2
    assert "holds no evidence" in capsys.readouterr().err


def test_the_command_makes_a_key_and_seals_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, key = str(an_output(tmp_path / "out")), str(tmp_path / "key")
    assert main(["evidence", "keygen", key]) == 0
    assert main(["evidence", "keygen", key]) == 2
    for sealed_now in (3, 0):
        assert main(["evidence", "seal", output, "--evidence-key", key]) == 0
        assert f"lab: {sealed_now} packs sealed, signed; 3 in all, head " in capsys.readouterr().out
    assert main(["evidence", "seal", output, "--evidence-key", f"{key}.pub"]) == 2
    assert main(["evidence", "verify", output, "--public-key", f"{key}.pub"]) == 0
