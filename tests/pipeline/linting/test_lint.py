"""The command `silhouette lint`: places, exit codes, and the product's own detector on a real clip."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import av
import pytest

from pipeline.linting.command import add_parser, run
from pipeline.models.registry import digits_of

DEMO = Path(__file__).parents[3] / "demo"
SITE = """\
site: here
site_version: 1
time_zone: UTC
cameras:
  - name: back
  - name: door
    lines:
      - {name: gate, a: [0, 0.5], b: [1, 0.5]}
      - name: edge
        a: [0, 1]
        b: [1, 1]
"""


def call(*words: object) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return run(parser.parse_args(["lint", *map(str, words)]))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    return file


def test_findings_have_file_line_and_advice(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--site", site) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{site}:9: error: door: nobody can cross edge") and first.endswith("[line-never-counts]")
    assert second.strip().startswith("Move the line into the picture")
    assert call("--site", site, "--json") == 1
    (finding,) = json.loads(capsys.readouterr().out)
    assert (finding["line"], finding["part"], finding["severity"]) == (9, ["lines", 1], "error")


def test_an_audit_is_held_against_the_cameras_model(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model, code in ((digits_of("person"), 0), ("0123456789ab", 1)):
        site.write_text(SITE.replace("- name: back", f"- name: back\n    audit: {{model: '{model}'}}"))
        assert call("--site", site, "--camera", "back") == code
        assert ("its audit is of another model than the camera has" in capsys.readouterr().out) == bool(code)


def test_nothing_found(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--site", site, "--camera", "back") == 0
    assert capsys.readouterr().out == "Nothing found.\n"
    assert call("--site", DEMO / "site.yaml", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_flags_that_do_not_fit(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = site.with_name("clip.mp4")
    clip.write_bytes(b"no video")
    for words, said in (
        (("--static",), "--static: is told from clips"),
        (("--camera", "yard"), "--camera: the site file has no camera yard"),
        (("--clip", clip), "--clip: the site file has several cameras"),
        (("--clip", clip, "--camera", "door"), "clip.mp4: cannot be looked at: not_video"),
        (("--clip", site.with_name("gone.mp4"), "--camera", "door"), "--clip: no such file"),
    ):
        assert call("--site", site, *words) == 2
        assert said in capsys.readouterr().err
    site.write_text("site: here\n")
    assert call("--site", site) == 2
    assert "site.yaml:1: cameras: is missing" in capsys.readouterr().err


def test_a_clip_is_looked_at_by_the_cameras_own_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "clip.mp4"
    with av.open(DEMO / "one-by-one.mp4") as source, av.open(clip, "w") as target:
        video = source.streams.video[0]
        copy = target.add_stream_from_template(video)
        source.seek(round(24 / video.time_base), stream=video)
        for packet in source.demux(video):
            if packet.dts is None or packet.pts * video.time_base >= 36:
                continue
            packet.stream = copy
            target.mux(packet)
    text = (DEMO / "site.yaml").read_text()
    shorter = text.replace("a: [0.7, 1.0]", "a: [0.7, 0.8]").replace(
        "polygon: [[0.5, 0.76], [0.69, 0.76]", "polygon: [[0.5, 0.76], [0.51, 0.76]"
    )
    site = tmp_path / "site.yaml"
    site.write_text(shorter)
    assert call("--site", site, "--clip", clip, "--static", "--json") == 1
    findings = {finding["rule"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert "clip-too-short" in findings and "clip-without-people" not in findings
