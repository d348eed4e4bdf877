"""The summary says what the records say, once, and tells nobody from no data and from suppressed."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipeline.config import Config
from pipeline.run import Done, report
from pipeline.sinks import partition, write_file
from pipeline.summary import _sizes, tables
from pipeline.view import current, read_records
from schemas.avro import FAMILY_OF
from schemas.site import Site
from tests.support.floor import a_floor_site, crossing, films
from tests.support.world import a_camera, a_clip, a_site, clips_of, protected_of, span, stander, walker
from transforms.guard import Guarded, to_fields

PEOPLE = [walker(1), walker(10, back=True), stander(1.5, 0.9, 20, 40)]


def told(
    folder: Path, clips: list[Any], k: Any = 1, windows: Sequence[str] = ("1m", "2m"), site: Site | None = None
) -> list[str]:
    """Return the summary's lines, blanks between columns squeezed."""
    written: dict[Any, list[Guarded]] = {}
    for kept in protected_of(site or a_site(windows=list(windows), k=k), clips, span(0, 120)):
        guarded = Guarded(FAMILY_OF[type(kept)], to_fields(kept))
        written.setdefault(partition(guarded), []).append(guarded)
    for where, rows in written.items():
        write_file(folder, where, rows)
    console = Console(width=200, record=True, file=None, quiet=False)
    with console.capture() as captured:
        for table in tables(current(read_records(folder))):
            console.print(table)
    return [" ".join(line.replace("│", " ").replace("┃", " ").split()) for line in captured.get().splitlines()]


def test_windows_of_one_size_are_summed(tmp_path: Path) -> None:
    lines = told(tmp_path, clips_of(PEOPLE, 120))
    assert "door gate in 1" in lines
    assert "door gate out 1" in lines
    assert any(line.startswith("door 2026-01-05 00:00:00 2026-01-05 00:02:00 100.0% 12 0") for line in lines)


def test_no_data_is_told_from_nobody(tmp_path: Path) -> None:
    assert "door gate in no data" in told(tmp_path / "nothing", [])
    assert "door gate in 0" in told(tmp_path / "nobody", [a_clip(0, 120)])


def test_visits_are_summed_where_least_is_suppressed(tmp_path: Path) -> None:
    """Each minute alone has fewer than k visits, both together have not."""
    people = [stander(1.5, 0.9, start, start + 10) for start in (5, 35, 65, 95)]
    lines = told(tmp_path, clips_of(people, 120), k=3)
    assert any(line.startswith("door desk") and " 4 10.0 s " in line for line in lines)


def test_what_is_known_of_visits_is_told_beside_what_is_suppressed(tmp_path: Path) -> None:
    """Only one window size sees the stretch that was asked for: one minute of it is suppressed."""
    people = [stander(1.5, 0.9, start, start + 10) for start in (5, 35, 65)]
    lines = told(tmp_path, clips_of(people, 120), k=dict.fromkeys(("dwell", "queue", "occupancy"), 2), windows=["1m"])
    assert any(line.startswith("door desk") and " 2 + suppressed " in line for line in lines)


def test_who_walks_is_told_of_what_cameras_share(tmp_path: Path) -> None:
    people = [crossing((0.2, 2 + i), (11.8, 2 + i), 3 + 3 * i, speed=1.2) for i in range(5)]
    lines = told(tmp_path, films(people, 30), windows=["1m"], site=a_floor_site(k=5))
    assert any(line.startswith("floor hall") and line.endswith(" 48 m 1.19 m/s") for line in lines)
    assert any(line.startswith("floor hall") and " 5 " in line for line in lines)
    lines = told(tmp_path / "few", films(people[:2], 30), windows=["1m"], site=a_floor_site(k=5))
    assert "floor hall suppressed -" in lines


def test_a_run_sums_up_its_own_windows_and_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What an earlier run with shorter windows wrote into the folder still stands, and is not what was counted now."""
    clips = clips_of(PEOPLE, 120)
    told(tmp_path, clips, windows=["1m"], site=a_site(windows=["1m"], k=1))
    site = a_site(windows=["2m"], k=1, site_version=2, cameras=[a_camera(name="door", lines=[])])
    told(tmp_path, clips, site=site)
    asked = {site.site: span(0, 120)}
    report(Config((site,), {}, asked, str(tmp_path)), Done(Counter(), 0, Counter(), Counter()))
    said = capsys.readouterr().out
    assert "gate" not in said and "0 footfall" not in said
    assert f"      1 camera_health records in {tmp_path}" in said


def test_windows_that_reach_further_are_not_summed() -> None:
    def health(size: int, frames: int) -> dict[str, Any]:
        return {"site": "lab", "camera": "door", "window_size_seconds": size, "frames": frames}

    assert _sizes([health(60, 5), health(60, 5), health(300, 10), health(900, 30)]) == {"lab": (60, 300)}


def test_suppressed_is_told_from_both(tmp_path: Path) -> None:
    lines = told(tmp_path, clips_of(PEOPLE, 120), k=50)
    assert any("suppressed" in line for line in lines)
