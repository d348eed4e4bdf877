"""What a replay reads of what was published before."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.released import ReleasedRecords
from pipeline.sinks import partition, write_file
from schemas.avro import FAMILY_OF
from schemas.clock import SECOND_US
from schemas.records import CameraHealth, Footfall, MetricRecord
from tests.support.world import T0, a_clip, a_site, in_order, protected_of, records_of, seconds, span, walker
from transforms.guard import Guarded, to_fields

SITE = a_site(windows=["1m", "1h"], day_start="22:00")
CLIPS = [a_clip(-600, -590, [walker(-599)]), a_clip(0, 60, [walker(1)])]
"""A quarter of an hour over midnight, UTC: two dates."""


def write(output: Path, records: list[MetricRecord]) -> None:
    for record in records:
        guarded = Guarded(FAMILY_OF[type(record)], to_fields(record))
        write_file(str(output), partition(guarded), [guarded])


def test_a_group_is_found_over_both_of_its_dates_in_every_revision(tmp_path: Path) -> None:
    first, second = (protected_of(SITE, clips, span(-660, 120)) for clips in (CLIPS[:1], CLIPS))
    write(tmp_path, [*first, *second])
    find = pickle.loads(pickle.dumps(ReleasedRecords(str(tmp_path))))
    before, after = ("lab", "door", seconds(-3600), T0), ("lab", "door", T0, seconds(3600))
    for key in (before, after):
        _, _, start, end = key
        own = [row for row in {*first, *second} if start <= row.window_start < end]
        assert in_order(set(find(key))) == in_order(row for row in own if not isinstance(row, CameraHealth))
    assert not list(find(("shop", "door", seconds(-3600), T0)))
    assert not list(ReleasedRecords(str(tmp_path / "nothing"))(before))


def test_what_was_read_is_what_was_written(tmp_path: Path) -> None:
    records = [row for row in records_of(SITE, CLIPS, span(0, 60)) if not isinstance(row, CameraHealth)]
    write(tmp_path, records)
    assert in_order(ReleasedRecords(str(tmp_path))(("lab", "door", T0, seconds(3600)))) == in_order(records)


def test_a_worker_in_another_folder_finds_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [row for row in records_of(SITE, CLIPS, span(0, 60)) if not isinstance(row, CameraHealth)]
    write(tmp_path / "out", records)
    monkeypatch.chdir(tmp_path)
    find = pickle.dumps(ReleasedRecords("out"))
    (tmp_path / "worker").mkdir()
    monkeypatch.chdir(tmp_path / "worker")
    assert in_order(pickle.loads(find)(("lab", "door", T0, seconds(3600)))) == in_order(records)


def test_whatever_overlaps_a_group_is_found(tmp_path: Path) -> None:
    """An earlier run had longer windows, or days that began at another time; one may have begun the day before."""
    row = next(row for row in protected_of(SITE, CLIPS[1:], span(0, 60)) if isinstance(row, Footfall))
    yesterday, short, long = (-86_340, 60), (60, 120), (60, 300)
    for from_s, until_s in (yesterday, short, long):
        write(tmp_path, [replace(row, window_start=seconds(from_s), window_end=seconds(until_s))])
    find = ReleasedRecords(str(tmp_path))

    def found(from_s: int, until_s: int) -> list[tuple[int, int]]:
        rows = find(("lab", "door", seconds(from_s), seconds(until_s)))
        return sorted((row.window_start - T0, row.window_end - T0) for row in rows)

    def instants(*windows: tuple[int, int]) -> list[tuple[int, int]]:
        return [(start * SECOND_US, end * SECOND_US) for start, end in windows]

    assert found(0, 60) == instants(yesterday)
    assert found(0, 90) == instants(yesterday, short, long)
    assert found(120, 180) == instants(long)
    assert found(300, 360) == []
