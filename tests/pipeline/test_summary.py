"""The summary says what the records say, once, and tells nobody from no data and from suppressed."""

from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.sinks import partition, write_file
from pipeline.summary import tables
from pipeline.view import current, read_records
from schemas.avro import FAMILY_OF
from tests.support.world import a_clip, a_site, clips_of, records_of, span, stander, walker
from transforms.guard import Guarded, to_fields
from transforms.protect import protect

PEOPLE = [walker(1), walker(10, back=True), stander(1.5, 0.9, 20, 40)]


def told(folder: Path, clips: list[Any], k: int = 1) -> list[str]:
    """Return the summary's lines, blanks between columns squeezed."""
    written: dict[Any, list[Guarded]] = {}
    for record in records_of(a_site(windows=["1m", "2m"]), clips, span(0, 120)):
        kept = protect(record, {"lab": k})
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
    assert "lab door gate in 1" in lines
    assert "lab door gate out 1" in lines
    assert any(line.startswith("lab door 2026-01-05 00:00:00 2026-01-05 00:02:00 100.0% 12 0") for line in lines)


def test_no_data_is_told_from_nobody(tmp_path: Path) -> None:
    assert "lab door gate in no data" in told(tmp_path / "nothing", [])
    assert "lab door gate in 0" in told(tmp_path / "nobody", [a_clip(0, 120)])


def test_suppressed_is_told_from_both(tmp_path: Path) -> None:
    lines = told(tmp_path, clips_of(PEOPLE, 120), k=50)
    assert any("fewer than k" in line for line in lines)
