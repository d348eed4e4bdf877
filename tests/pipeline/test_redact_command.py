"""`silhouette redact`: a video to one with people covered, a summary, and exit codes."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from pipeline.cli import FAILED, OK, USAGE, main
from tests.support.video import encode
from transforms.decode import open_clip


@pytest.fixture
def video(tmp_path: Path, root: Path) -> Path:
    with open_clip((root / "demo/one-by-one.mp4").read_bytes()) as clip:
        footage = [frame.content(clip.width, clip.height, "rgb") for frame in islice(clip.frames(), 100, 105)]
    path = tmp_path / "in.mp4"
    path.write_bytes(encode(footage, metadata={"title": "Anna"}, audio=True))
    return path


def test_a_video_is_redacted_and_summed_up(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = video.with_name("out.mp4")
    assert main(["redact", str(video), str(target), "--what", "heads", "--fill", "mosaic", "--workers", "2"]) == OK
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "5 frames, heads covered; 0 frames covered whole"
    assert second.startswith("leak measure: on 1 frames face found ")
    assert third.startswith(str(target))
    with open_clip(target.read_bytes()) as clip:
        assert [frame.offset_us for frame in clip.frames()] == [0, 100_000, 200_000, 300_000, 400_000]
    assert {path.name for path in video.parent.iterdir()} == {"in.mp4", "out.mp4"}


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["none.mp4", "out.mp4"], "IN: none.mp4: there is no such file"),
        (["in.mp4", "out.mkv"], "OUT.mp4: out.mkv: what is written is an MP4"),
        (["in.mp4", "s3://b/out.mp4"], "OUT.mp4: s3://b/out.mp4: name a file here"),
        (["in.mp4", "in.mp4"], "OUT.mp4: is the video itself"),
        (["in.mp4", "out.mp4", "--workers", "0"], "--workers: at least 1"),
        (["in.mp4", "out.mp4", "--model", "face"], "--model: face is a face model"),
        (["in.mp4", "out.mp4", "--leak-model", "person"], "--leak-model: person masks"),
        (["in.mp4", "out.mp4", "--what", "motion", "--model", "person"], "--model: what moves is found without one"),
        (["in.mp4", "out.mp4", "--leak-model", "nobody"], "--leak-model: there is no model nobody"),
    ],
)
def test_wrong_usage_is_told_by_its_flag(
    flags: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.mp4").write_bytes(b"no video")
    assert main(["redact", *flags]) == USAGE
    assert capsys.readouterr().err.startswith(f"silhouette redact: {told}")


def test_what_is_no_video_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.mp4").write_bytes(b"no video")
    assert main(["redact", str(tmp_path / "in.mp4"), str(tmp_path / "out.mp4")]) == FAILED
    assert "not video" in capsys.readouterr().err
    assert not (tmp_path / "out.mp4").exists()
