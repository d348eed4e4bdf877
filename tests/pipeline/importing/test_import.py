"""What each tool's configuration becomes, and that what is lost is said."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.importing.command import add_parser, run
from pipeline.sites import load_sites
from schemas.site import Camera
from tests.pipeline.importing.samples import AZURE, AZURE_MANIFEST, DEEPSTREAM, FRIGATE, SECRET, SUPERVISION

FLAGS = ("--site-name", "lab", "--time-zone", "UTC")


def call(tool: str, *words: object) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return run(parser.parse_args(["import", tool, *map(str, words)]))


class Imported:
    """A source, imported: the cameras, the notes at the top of the file, and what was printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, tool: str, source: Any, *words: object) -> tuple[tuple[Camera, ...], str]:
        file, output = self.folder / "source", self.folder / "site.yaml"
        output.unlink(missing_ok=True)
        file.write_text(source if isinstance(source, str) else json.dumps(source))
        assert call(tool, file, "--output", output, *FLAGS, *words) == 0
        (site,) = load_sites(output)
        printed = self._capsys.readouterr()
        text = output.read_text()
        assert SECRET not in text + printed.out + printed.err
        notes = "\n".join(line for line in text.splitlines() if line.startswith("#")).replace("\n#    ", "")
        return site.cameras, notes


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Imported:
    monkeypatch.setenv("COLUMNS", "200")
    return Imported(tmp_path, capsys)


def test_azure(imported: Imported) -> None:
    (camera,), notes = imported("azure", AZURE, "--camera", "door")
    assert camera.name == "door"
    zone, counted = camera.zones
    assert (zone.name, zone.kind) == ("lobby-west", "area")
    assert counted.name == "till", "its people are counted, and nothing else"
    assert zone.polygon == ((0.1, 0.1), (0.5, 0.1), (0.5, 0.9), (0.1, 0.9))
    (line,) = camera.lines
    assert (line.name, line.a, line.b) == ("main-door", (0, 0.5), (1, 0.5))
    assert "zones[2].events[0]: distances between people are not measured" in notes
    assert "zones[0].events[2].config.threshold" in notes
    assert "lines[0].events[0].config.focus: the foot point" in notes
    assert "zones[0].events[0].config.focus" not in notes


@pytest.mark.parametrize("kind", ["count", "zone_crossing", "enter/exit"])
def test_azure_of_other_releases(imported: Imported, kind: str) -> None:
    zone = {
        "name": "hall",
        "polygon": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.9]],
        "threshold": 50,
        "events": [{"type": kind}],
    }
    apart = {**zone, "name": "apart", "events": [{"type": "people_distance"}]}
    odd = {**zone, "name": "odd", "events": [{"type": ["count"]}]}
    (camera,), notes = imported("azure", {"zones": [zone, apart, odd]})
    assert [zone.name for zone in camera.zones] == ["hall"]
    assert "zones[0].threshold: a person is inside" in notes
    assert "zones[1].events[0]: distances between people are not measured" in notes
    assert "zones[2].events[0]: is an event that has no counterpart here" in notes


def test_azure_manifest_gives_each_graph_its_camera_and_no_address(imported: Imported) -> None:
    cameras, notes = imported("azure", AZURE_MANIFEST)
    assert [camera.name for camera in cameras] == ["entrance", "back-door"]
    assert [len(camera.zones) for camera in cameras] == [2, 2]
    assert "parameters.VIDEO_URL: addresses of cameras" in notes
    assert "SPACEANALYTICS_CONFIG.zones[2]: no event of it" in notes
    for said in (
        "graphs.attic: is switched off (enabled: false)",
        "graphs.shared.instances.cellar: is switched off (enabled: false)",
        "graphs.personcount.parameters.INPUT_VIDEO_WIDTH: points are shares",
        "graphs.personcount.parameters.CALIBRATION_CONFIG: the floor is told by `ground`",
        "graphs.personcount.parameters.MADE_UP: has no counterpart here",
        "graphs.shared.parameters.VIDEO_DECODE_GPU_INDEX: where a video is decoded",
        "graphs.shared.instances.back.parameters.VIDEO_IS_LIVE: what comes as clips",
    ):
        assert said in notes
    for unsaid in ("cellar.", "attic.", "VIDEO_SOURCE_ID: has", "SPACEANALYTICS_CONFIG: has"):
        assert unsaid not in notes


def test_deepstream(imported: Imported) -> None:
    cameras, notes = imported("deepstream", DEEPSTREAM)
    assert [camera.name for camera in cameras] == ["stream-0", "stream-1", "stream-2"]
    (hall,) = cameras[0].zones
    assert hall.name == "hall" and hall.polygon[0] == (0.05, 0.1)
    assert [line.name for line in cameras[0].lines] == ["entry", "exit"]
    assert "overcrowding-stream-0.roi-Crowd: is the same region as hall" in notes
    assert "direction-South: who goes which way is in `movement`" in notes
    for key in ("osd-mode", "display-font-size", "obj-cnt-win-in-ms"):
        assert f"property.{key}: " in notes
    assert "property.enable" not in notes and "property.config-width" not in notes
    for said in ("object-threshold", "roi-Not: is what is outside", "stream-2: is switched off"):
        assert said in notes


def test_frigate(imported: Imported) -> None:
    (front, back), notes = imported("frigate", FRIGATE)
    assert (front.name, front.fps, back.fps) == ("front-door", 4, 4)
    porch, spot = front.zones
    assert porch.polygon == ((0.1, 0.2), (0.5, 0.2), (0.5, 0.8), (0.1, 0.8))
    assert porch.entry_grace == 3_000_000
    assert spot.kind == "static" and spot.polygon[0] == (0.8, 0.8)
    assert front.masks == (((0, 0), (1, 0), (1, 0.1), (0, 0.1)),)
    assert back.zones[0].entry_grace == 750_000  # three frames, as Frigate takes it, at four a second
    for said in (
        "ffmpeg: streams",
        "zones.street: is for other things",
        "attic: is switched off",
        "mqtt:",
        "porch.distances: lengths of sides tell no floor",
        "filters.person.min_area",
        "back.motion.threshold: every sampled",
        " motion.mask: is for every camera",
        " objects.mask: is for every camera",
        " objects.filters.person.mask: is for every camera",
    ):
        assert said in notes
    assert "objects.filters.car.mask" not in notes


def test_frigate_in_other_spellings(imported: Imported) -> None:
    source = """\
cameras:
  a:
    motion:
      mask:
        tree: {coordinates: "0,0,0.5,0,0.5,0.5"}
        wall: {coordinates: "0,0,0.2,0,0.2,0.2", enabled: false}
    objects:
      mask: ["0,0,0.5,0,0.5,0.5", "0.5,0.5,1,0.5,1,1"]
    zones:
      z: {coordinates: ["100,100", "500,100", "500,400"]}
      off: {coordinates: "0,0,1,0,1,1", enabled: false}
"""
    (camera,), notes = imported("frigate", source, "--size", "1000x500")
    assert camera.fps == 5 and len(camera.masks) == 1
    assert [(zone.name, zone.kind) for zone in camera.zones] == [
        ("z", "area"),
        ("object-mask-1", "static"),
        ("object-mask-2", "static"),
    ]
    assert camera.zones[0].polygon == ((0.1, 0.2), (0.5, 0.2), (0.5, 0.8))
    assert "motion.mask.wall: is switched off" in notes and "zones.off: is switched off" in notes


def test_frigate_with_detection_switched_off(imported: Imported) -> None:
    off = "detect: {enabled: false}\n"
    cameras = "cameras:\n  unknown:\n    zones: {a: {coordinates: '0,0,1,0,1,1'}}\n"
    told = "cameras.unknown.detect.enabled: detection was switched off; what is drawn is carried over, and counts"
    for source in (off + cameras, f"{cameras}    {off}"):
        (camera,), notes = imported("frigate", source)
        assert told in notes
        assert [zone.name for zone in camera.zones] == ["a"]
        assert camera.name == "unknown-2", "the name stands for something else in records"
    _, notes = imported("frigate", cameras)
    assert "enabled" not in notes


def test_supervision(imported: Imported) -> None:
    (camera,), notes = imported("supervision", SUPERVISION, "--size", "2000x1000", "--camera", "door")
    triangle, cut = camera.zones
    assert triangle.polygon == ((0.1, 0.2), (0.4, 0.2), (0.4, 0.8))
    assert set(cut.polygon) == {(0.5, 0.2), (1, 0.2), (1, 0.8), (0.5, 0.8)}
    assert "zones[1]: reaches out of the picture" in notes
    assert "triggering_anchors: the foot point" in notes
    assert camera.lines[0].name == "gate"


@pytest.mark.parametrize(
    "source",
    [
        [[[200, 200], [800, 200], [800, 800]]],
        [[200, 200], [800, 200], [800, 800]],
        [{"x": 200, "y": 200}, {"x": 800, "y": 200}, {"x": 800, "y": 800}],
        {"polygons": [[200, 200], [800, 200], [800, 800]]},
        {"Till 1": [[200, 200], [800, 200], [800, 800]]},
        {"start": {"x": 0, "y": 0}, "end": {"x": 9, "y": 9}},
    ],
)
def test_supervision_in_short(imported: Imported, source: Any) -> None:
    (camera,), _ = imported("supervision", source, "--size", "2000x1000")
    assert len(camera.zones) + len(camera.lines) == 1


def test_supervision_in_shares_of_the_picture(imported: Imported) -> None:
    source = {"polygons": [[0.1, 0.2], [0.4, 0.2], [0.4, 0.8]], "lines": [{"start": [0, 0.5], "end": [1, 0.5]}]}
    (camera,), notes = imported("supervision", source)
    assert camera.zones[0].polygon == ((0.1, 0.2), (0.4, 0.2), (0.4, 0.8))
    assert (camera.lines[0].a, camera.lines[0].b) == ((0, 0.5), (1, 0.5))
    assert "taken for shares of the picture" in notes


@pytest.mark.parametrize(
    ("tool", "source", "why"),
    [
        ("supervision", [[[200, 200], [201, 201]]], "has fewer than three corners"),
        (
            "frigate",
            {"cameras": {"a": {"zones": {"b": {"coordinates": "0,0,0.1,0.1"}}}}},
            "has fewer than three corners",
        ),
        ("azure", {"zones": [AZURE["zones"][2]]}, "no event of it has a counterpart here"),
    ],
)
def test_a_source_of_which_nothing_is_left_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tool: str,
    source: Any,
    why: str,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    file, output = tmp_path / "source", tmp_path / "site.yaml"
    file.write_text(json.dumps(source))
    size = ("--size", "2000x1000") if tool == "supervision" else ()
    assert call(tool, file, "--output", output, *size) == 1
    printed = capsys.readouterr()
    assert why in printed.err and "nothing of it can be carried over" in printed.err
    assert not printed.out and not output.exists()


def test_names_are_unique_and_repeat_no_address(imported: Imported) -> None:
    zone = AZURE["zones"][0]
    twice = [zone | {"name": name} for name in ("Till", "till!", f"rtsp://u:{SECRET}@h")]
    shifted = [each | {"polygon": [[0.1 * i, 0], [0.9, 0], [0.9, 1]]} for i, each in enumerate(twice)]
    (camera,), _ = imported("azure", {"zones": shifted})
    assert [zone.name for zone in camera.zones] == ["till", "till-2", "zone-3"]


def test_shapes_that_are_none_are_listed(imported: Imported) -> None:
    bad = [[[0, 0], [900, 900], [900, 0], [0, 900]], [[1, 1], [2, 2]], [[3000, 0], [4000, 0], [4000, 900]]]
    (camera,), notes = imported("supervision", [*bad, [[0, 0], [900, 0], [900, 900]]], "--size", "2000x1000")
    assert len(camera.zones) == 1
    assert "[0]: is no simple polygon: it crosses or touches itself" in notes
    assert "[1]: has fewer than three corners" in notes
    assert "[2]: lies outside the picture" in notes


def test_what_is_to_complete_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(AZURE))
    assert call("azure", file) == 0
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        assert "--site-name" in text and "--time-zone" in text and "controller" in text
    (tmp_path / "site.yaml").write_text(printed.out)
    assert load_sites(tmp_path / "site.yaml")[0].cameras


@pytest.mark.parametrize(
    ("tool", "source", "said"),
    [
        ("azure", "{", "line 1, column 2: is not JSON"),
        ("azure", "[]", "holds no SPACEANALYTICS_CONFIG"),
        (
            "azure",
            '{"a": {"enabled": false, "SPACEANALYTICS_CONFIG": {"zones": []}}}',
            "holds no SPACEANALYTICS_CONFIG that",
        ),
        ("azure", '{"SPACEANALYTICS_CONFIG": "{"}', "SPACEANALYTICS_CONFIG, its line 1"),
        ("azure", '{"zones": [{"name": "a"}]}', "zones[0]: has no polygon"),
        ("azure", '{"zones": [{"polygon": [[0, "hunter2"]]}]}', "zones[0].polygon[0][1]: must be a number"),
        ("azure", '{"lines": [{"line": {"start": 1}}]}', "lines[0].line.start: must be a point"),
        ("deepstream", "enable=1\n", "line 1: is in no [group]"),
        ("deepstream", "[property]\nconfig-width=0\n", "line 2: [property] config-width"),
        ("deepstream", "[property]\nhunter2\n", "line 2: is neither"),
        ("deepstream", DEEPSTREAM.replace("1200;999", "1200", 1), "line 23: must be points"),
        ("deepstream", DEEPSTREAM.replace(";1200;0;1200;999", "", 1), "line 23: must be four points"),
        ("frigate", "cameras:\n  a: *hunter2\n", "line 2: is not YAML"),
        ("frigate", "cameras: 1\n", "cameras: must hold keys"),
        ("frigate", "cameras: {a: {zones: {b: {coordinates: '1,hunter2'}}}}", "coordinates: must be a number"),
        ("frigate", "cameras: {a: {zones: {b: {}}}}", "cameras.a.zones.b: has no coordinates"),
        ("frigate", "cameras: {}", "holds no camera"),
        ("frigate", "[" * 100, "line 1: is nested too deep"),
        ("supervision", "{}", "holds no polygon"),
        ("supervision", "[[[0, 0], [1]]]", "[0][1]: must be a point"),
        ("supervision", '[[0, 0], [1, "hunter2"]]', "[1][1]: must be a number"),
        ("supervision", "1", "the file: must be a list"),
    ],
)
def test_bad_sources_are_told_without_what_they_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tool: str, source: str, said: str
) -> None:
    file = tmp_path / "source"
    file.write_text(source)
    size = ("--size", "10x10") if tool == "supervision" else ()
    assert call(tool, file, *size) == 1
    error = capsys.readouterr().err
    assert said in error and SECRET not in error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--size: [0] is in pixels"),
        (("--size", "10"), "--size: write width and height"),
        (("--size", "9x9", "9x9"), "--size: give one for all"),
        (("--size", "9x9", "--camera", "a", "b"), "--camera: the source holds 1"),
        (("--size", "9x9", "--camera", "A"), "--camera: must be 1 to 63"),
        (("--site-name", "A"), "--site-name: must be"),
        (("--time-zone", "Paris"), "--time-zone: must be a time zone"),
    ],
)
def test_flags_that_do_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    file = tmp_path / "source"
    file.write_text("[[[0, 0], [5, 0], [5, 5]]]")
    assert call("supervision", file, *words) == 2
    assert said in capsys.readouterr().err


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "source"
    file.write_text(json.dumps(AZURE))
    assert call("azure", file, "--output", file) == 2
    assert "is there already" in capsys.readouterr().err
    assert call("azure", tmp_path / "none") == 2
    assert call("azure", file, "--size", "9x9") == 2
