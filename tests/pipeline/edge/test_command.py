"""`silhouette edge`: wrong usage is told by its flag, and no secret is repeated."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.edge.spool import Spool, open_folder
from pipeline.edge.spool_key import cipher_of
from tests.support.video import encode, pictures

TOPIC = "projects/silhouette/topics/clips"
SECRET = "hunter2"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--camera", "dor", "--source", "v.mp4"], "no camera dor; did you mean door"),
        (["--camera", "door"], "--camera, --source: give them in pairs"),
        (["--camera", "door", "--source", "none.mp4"], "camera door: there is no such file"),
        (["--camera", "door", "--camera", "door", "--source", "v.mp4", "--source", "v.mp4"], "one is given twice"),
        (["--camera", "door", "--source", f"rtsp://a:{SECRET}@host/s"], "SILHOUETTE_CAMERA_DOOR_USER"),
        (["--camera", "door", "--source", "v.mp4", "--topic", "clips"], "--topic: must be written projects/"),
        (
            ["--camera", "door", "--source", "v.mp4", "--topic", "projects/short/topics/clips"],
            "--topic: must be written",
        ),
        (["--camera", "door", "--source", "v.mp4", "--heartbeats", "beats"], "--heartbeats: must be written projects/"),
        (["--camera", "door", "--source", "v.mp4", "--heartbeats", TOPIC], "--heartbeats: must be another topic"),
        (["--camera", "door", "--source", "v.mp4", "--seconds", "0"], "--seconds: must be from 1"),
        (["--camera", "door", "--source", "v.mp4", "--spool-bytes", "lots"], "--spool-bytes: must be a size"),
        (["--camera", "door", "--source", "v.mp4", "--spool-bytes", "1MB"], "10,000,000 bytes at least"),
        (["--camera", "door", "--source", "v.mp4", "--clock-limit", "soon"], "--clock-limit: must be a whole number"),
        (["--camera", "door", "--source", "v.mp4", "--clock-limit", "0s"], "--clock-limit: must be more than 0"),
        (["--camera", "door", "--source", "v.mp4", "--prometheus", "http"], "--prometheus: must be a port"),
        (["--camera", "door", "--source", "v.mp4", "--redact-fill", "solid"], "--redact-fill: say by --redact"),
        (["--camera", "door", "--source", "v.mp4", "--fast"], "--fast: give --start too"),
        (["--camera", "door", "--source", "v.mp4", "--start", "noon"], "--start: must be an instant with its offset"),
        (["--camera", "door", "--source", "v.mp4", "--start", "1960-01-01T00:00:00Z"], "--start: must be between"),
        (["--camera", "door", "--source", "rtsp://host/s", "--loop"], "are for files"),
        (["--camera", "door", "--source", "v.mp4", "--keys", "none"], "none: cannot be read"),
        (["--camera", "door", "--source", "v.mp4", "--credentials", "none"], "none: cannot be read"),
        (["--camera", "door", "--source", "v.mp4", "--heartbeat-every", "5s"], "--heartbeat-every: say where"),
        (["--camera", "hall", "--source", "v.mp4"], "camera hall is asked for no credentials"),
        (["--camera", "door", "--source", "rtsp://host/{user}/s"], "and there are none"),
        (["--cameras", "none.yaml"], "--cameras: none.yaml: No such file"),
        (["--cameras", "c.yaml", "--camera", "door"], "leave the other flags out"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "-",
)
def test_wrong_usage(
    site_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, flags: list[str], told: str
) -> None:
    monkeypatch.chdir(site_file.parent)
    monkeypatch.setenv("SILHOUETTE_CAMERA_HALL_USER", "cam")
    monkeypatch.setenv("SILHOUETTE_CAMERA_HALL_PASSWORD", SECRET)
    Path("v.mp4").write_bytes(b"")
    assert main(["edge", "--site", str(site_file), "--topic", TOPIC, "--spool", "spool", *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith("silhouette edge: ") and told in error
    assert SECRET not in error and "Traceback" not in error
    assert not Path("spool").exists()


def test_what_must_be_named(site_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edge", "--topic", TOPIC]) == 2
    assert "--site: name the site file" in capsys.readouterr().err
    assert main(["edge", "--site", str(site_file)]) == 2
    assert "--topic: say where clips go" in capsys.readouterr().err
    (tmp_path / "other.yaml").write_text(site_file.read_text().replace("lab", "attic"))
    assert main(["edge", "--site", str(tmp_path), "--topic", TOPIC]) == 2
    assert "holds 2 sites" in capsys.readouterr().err


def test_no_agent_no_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edge", "--status", "--spool", str(tmp_path)]) == 1
    assert "has an agent used it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [["--site", "s.yaml"], ["--camera", "door"], ["--seconds", "7"], ["--plain-spool"], ["--heartbeats", "t"],
     ["--transport", "udp"], ["--spool-bytes", "1GB"], ["--prometheus", "9464"]],
    ids=lambda flags: flags[0],
)  # fmt: skip
def test_status_takes_no_flag_that_it_would_ignore(
    tmp_path: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["edge", "--status", "--spool", str(tmp_path), *flags]) == 2
    assert f"silhouette edge: {flags[0]}: --status shows what is in --spool alone" in capsys.readouterr().err


def test_a_spool_that_others_can_look_into(site_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "v.mp4").write_bytes(encode(pictures(3)))
    (tmp_path / "open").mkdir(mode=0o755)
    os.chmod(tmp_path / "open", 0o755)
    flags = ["--camera", "door", "--source", str(tmp_path / "v.mp4"), "--spool", str(tmp_path / "open")]
    assert main(["edge", "--site", str(site_file), "--topic", TOPIC, *flags]) == 2
    assert "chmod 700" in capsys.readouterr().err


@pytest.mark.parametrize("plain", [[], ["--plain-spool"]], ids=["encrypted", "plain"])
def test_a_spool_whose_key_is_gone(
    site_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], plain: list[str]
) -> None:
    (tmp_path / "v.mp4").write_bytes(encode(pictures(3)))
    folder, key = tmp_path / "spool", tmp_path / "mounted" / "key"
    os.close(open_folder(folder))
    key.parent.mkdir()
    Spool(folder, 10**9, cipher_of(folder, key, plain=False)).put("door", 1, {}, b"clip")
    key.unlink()
    flags = ["--camera", "door", "--source", str(tmp_path / "v.mp4"), "--spool", str(folder), "--spool-key", str(key)]
    assert main(["edge", "--site", str(site_file), "--topic", TOPIC, *flags, *plain]) == 2
    assert f"silhouette edge: --spool-key: {key} is not there" in capsys.readouterr().err
    assert not key.exists() and len(os.listdir(folder / "clips")) == 1


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file grow beyond a few bytes: like a full disk's, the error names no file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_spool_key_that_cannot_be_written_is_told_by_its_flag(
    site_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    (tmp_path / "v.mp4").write_bytes(encode(pictures(3)))
    request.getfixturevalue("full_disk")
    flags = ["--camera", "door", "--source", str(tmp_path / "v.mp4"), "--spool", str(tmp_path / "spool")]
    assert main(["edge", "--site", str(site_file), "--topic", TOPIC, *flags]) == 1
    assert f"silhouette edge: --spool-key: {tmp_path / 'spool/key'}: File too large\n" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path / "spool")) == ["clips", "lock"]


def test_a_port_that_cannot_be_had_is_told_by_its_flag(
    site_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "v.mp4").write_bytes(encode(pictures(3)))
    flags = ["--camera", "door", "--source", str(tmp_path / "v.mp4"), "--spool", str(tmp_path / "spool")]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        flags += ["--prometheus", str(taken.getsockname()[1])]
        assert main(["edge", "--site", str(site_file), "--topic", TOPIC, *flags]) == 1
    assert "silhouette edge: --prometheus: Address already in use\n" in capsys.readouterr().err


def test_an_agent_needs_little() -> None:
    """The job's libraries are large, and an agent's machine is small."""
    code = "import sys; import pipeline.edge.command, pipeline.edge.agent; print('apache_beam' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
