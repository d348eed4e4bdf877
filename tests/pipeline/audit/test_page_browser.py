"""The page in a real browser: a person's key presses become the site file's audit, and records have intervals."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.sites import load_sites
from schemas.geometry import geometry_digest
from tests.pipeline.audit.scene import COMMENT, Scene, a_floor_scene, a_scene
from tests.support.browser import Browser


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return a_scene(tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return a_floor_scene(tmp_path_factory.mktemp("floor"))


@contextmanager
def auditing(scene: Scene, flag: str, name: str, browser: Browser) -> Iterator[subprocess.Popen[str]]:
    """Run the command, with its page in the browser."""
    command = [
        sys.executable, "-m", "pipeline.cli", "audit", "--site", str(scene.file), flag, name,
        "--clips", str(scene.clips), "--output", str(scene.output), "--write", str(scene.file),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        browser.open(re.findall(r"http://127\.0\.0\.1:\d+/\S+", process.stderr.readline())[0])
        yield process
    finally:
        process.kill()
        process.wait()


def _titles(browser: Browser, count: int) -> object:
    browser.wait(f"document.querySelectorAll('#passes button').length == {count}")
    return browser.script("return [...document.querySelectorAll('#passes button')].map(b => b.firstChild.data)")


def _skip(browser: Browser) -> None:
    """Skip the third window, and the fourth, whose clip cannot be played."""
    browser.press("ArrowRight")
    # What is skipped is not come to again: neither at once nor from the list, and nothing is told of it.
    browser.wait("index == 3 && state == 'playing'")
    browser.script("at('leave').click()")
    assert "2 of 10 windows, 1 skipped" in browser.script("return at('passes').firstChild.textContent")
    browser.script("document.querySelectorAll('#passes button')[0].click()")
    browser.wait("index == 3 && state == 'playing'")
    # A clip that cannot be played holds nobody up.
    browser.script("views[0].clip = ''; task.windows[3].parts[0][0].clip = 'none'; again()")
    browser.wait("state == 'broken'")
    browser.press("ArrowRight")
    browser.wait("index == 4 && state == 'playing'")
    browser.script("at('leave').click()")


RUN_AWAY = """
  const [ahead, other] = views;
  window.waited = false;
  window.furthest = 0;
  const measure = () => {
    furthest = Math.max(furthest, reached(ahead) - reached(other));
    if (state === "playing") requestAnimationFrame(measure);
  };
  const once = (event, does) => ahead.video.addEventListener(event, does, {once: true});
  once("playing", () => {
    ahead.video.currentTime += 1;
    once("pause", () => {
      waited = !other.video.paused && reached(other) < reached(ahead);
      once("playing", measure);
    });
  });
"""
"""Lets the first video run a second ahead as soon as it plays, and tells how far it is ahead once it has waited."""


def _finish(browser: Browser, process: subprocess.Popen[str]) -> tuple[str, str]:
    browser.script("at('leave').click(); at('finish').click()")
    browser.wait("!at('done').hidden")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output, errors


def test_key_presses_become_the_site_files_audit(scene: Scene, browser: Browser) -> None:
    with auditing(scene, "--camera", "door", browser) as process:
        assert _titles(browser, 7) == [
            "Crossings", "People in hall", "People in desk", "People who wait in desk", "Visits that ended",
            "From zone to zone", "People in the picture",
        ]  # fmt: skip
        mean = _count(browser)
        output, errors = _finish(browser, process)
    assert output == f"{scene.file}: camera door has its audit, and site_version is 2\n"
    (site,) = load_sites(scene.file)
    audit = site.cameras[0].audit
    assert audit is not None and audit.crossings is not None and audit.occupancy is not None
    assert [true for _, true in audit.crossings.samples] == [2, 0, 0, 0]
    assert audit.crossings.at == ((0, 0), (0, 1), (1, 0), (1, 1)) and audit.occupancy.at == ((0, 1),)
    assert audit.geometry == geometry_digest(site.cameras[0])
    assert audit.occupancy.samples == ((0, round(mean, 3)),)
    assert audit.peaks is not None and (audit.peaks.samples, audit.peaks.at) == (((0, 4),), ((0, 1),))
    assert audit.crossings.seconds == 2 and audit.visits is None
    assert COMMENT in scene.file.read_text()
    assert str(scene.site.site) not in errors, "nothing of the person's work is logged"


def _count(browser: Browser) -> float:
    """Count crossings in two windows, and people in one, and return how many on the mean."""
    browser.script("window.video = views[0].video")
    browser.script("document.querySelectorAll('#passes button')[0].click()")
    browser.wait("state == 'playing' && video.currentTime > 0.2")
    browser.press("1", "1", "2", "Backspace")
    assert browser.script("return [...at('keys').rows].map(row => row.cells[2].textContent)") == ["2", "0"]
    browser.press("Space")
    browser.wait("video.paused && state == 'paused'")
    browser.press("Space")
    browser.wait("state == 'ended'")
    assert browser.script("return video.currentTime / video.duration") == pytest.approx(0.5, abs=0.05)
    browser.press("Enter")
    # The second window begins in the middle of the same clip.
    browser.wait("index == 1 && state == 'playing'")
    assert browser.script("return video.currentTime / video.duration") == pytest.approx(0.55, abs=0.1)
    browser.press("2", "Escape")
    browser.wait("state == 'playing' && !events.length")
    browser.wait("state == 'ended'")
    browser.press("Enter")
    browser.wait("index == 2")
    _skip(browser)

    browser.script("document.querySelectorAll('#passes button')[2].click()")
    browser.wait("state == 'asking'")
    browser.press("1")
    browser.wait("now() > 0.5")
    browser.press("Space", "3", "ArrowUp", "Space")
    browser.wait("state == 'ended'")
    mean = browser.script("return counted().occupancy[0][2]")
    since = browser.script("return events.at(-1).t")
    assert 0.5 < since < 2 and mean == pytest.approx((since + 4 * (2 - since)) / 2, abs=0.05)
    browser.press("Enter")
    browser.wait("index == 1")
    return float(mean)


def test_a_groups_pictures_are_played_in_step_and_counted_together(floor: Scene, browser: Browser) -> None:
    with auditing(floor, "--group", "floor", browser) as process:
        assert _titles(browser, 8) == [
            "People in hall", "People in till", "People who wait in hall", "People who wait in till",
            "Visits that ended", "From zone to zone", "People who walk in hall", "People who walk in till",
        ]  # fmt: skip
        browser.script("document.querySelectorAll('#passes button')[0].click()")
        browser.wait("state == 'asking'")
        assert browser.script("return [...document.querySelectorAll('.of')].map(each => each.textContent)") == [
            "west", "east",
        ]  # fmt: skip
        assert "is one person" in browser.script("return at('how').textContent")
        assert browser.script("return views.map(view => view.places.querySelectorAll('.zone').length)") == [2, 2]
        # The second window begins in the middle of both cameras' clips, and ends in the middle of the east's second.
        for number in (0, 1):
            browser.wait(f"index == {number} && state == 'asking'")
            browser.press("2")
            browser.wait("state == 'ended'")
            browser.press("Enter")
        browser.wait("index == 2 && state == 'asking'")
        browser.script(RUN_AWAY)
        browser.press("2")
        browser.wait("state == 'ended'")
        assert browser.script("return waited"), "one that has run away waits for the other"
        assert 0 <= browser.script("return furthest") < 0.4, "and then goes on with it"
        output, _ = _finish(browser, process)
    assert output == f"{floor.file}: group floor has its audit, and site_version is 2\n"
    (site,) = load_sites(floor.file)
    audit = site.groups[0].audit
    assert audit is not None and audit.occupancy is not None
    assert audit.occupancy.at == ((0, 0), (1, 0)) and [true for _, true in audit.occupancy.samples] == [2, 2]
    assert audit.geometry == geometry_digest(site.groups[0], site.cameras)
    assert [camera.audit for camera in site.cameras] == [None, None]
    assert COMMENT in floor.file.read_text()


def test_wrong_usage_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = a_scene(tmp_path / "scene")

    def told(**changes: object) -> str:
        given = {"site": scene.file, "camera": "door", "clips": scene.clips, "output": scene.output} | changes
        assert main(["audit", *(str(part) for flag, value in given.items() for part in (f"--{flag}", value))]) == 2
        return capsys.readouterr().err

    assert told(camera="back") == "silhouette audit: --camera: give a site file that has a camera back\n"
    assert "run the job with --redact people" in told(output=tmp_path / "nothing")
    other = tmp_path / "other.yaml"
    other.write_text(scene.file.read_text().replace("fps: 5.0", "fps: 4.0"))
    assert "--write: camera door has other lines" in told(write=other)
    scene.file.write_text(scene.file.read_text().replace("site_version: 1", "site_version: 2"))
    assert "of site_version 1, and --site is 2" in told()


def test_wrong_usage_with_a_group_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = a_floor_scene(tmp_path / "scene")

    def told(*flags: object, group: str = "floor") -> str:
        given = ["--site", scene.file, "--group", group, "--clips", scene.clips, "--output", scene.output, *flags]
        assert main(["audit", *map(str, given)]) == 2
        return capsys.readouterr().err

    assert told(group="west") == "silhouette audit: --group: give a site file that has a group west\n"
    with pytest.raises(SystemExit, match="2"):
        told("--camera", "west")
    assert "not allowed with argument --group" in capsys.readouterr().err
    other = tmp_path / "other.yaml"
    other.write_text(scene.file.read_text().replace("name: floor", "tolerance: 0.9\n  name: floor"))
    assert "--write: group floor has other zones, tolerance, cameras" in told("--write", other)
    shutil.rmtree(scene.output / "redacted/site=lab/camera=east")
    assert "no redacted clip of --clips for camera east" in told()
