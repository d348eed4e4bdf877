"""What changed between two outputs: whole sets against whole sets, by site, place, hour and family."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.diff import ADDED, CHANGED, INTERVAL, MAIN_FIELDS, REMOVED, changes
from pipeline.view import current, read_records
from schemas.avro import contract
from schemas.records import FAMILIES
from tests.pipeline.warehouse.stories import row, write_rows
from tests.support.world import a_camera, a_site, clips_of, records_of, span, walker
from transforms.guard import to_fields

Rows = dict[str, list[dict[str, Any]]]


def standing(**families: list[dict[str, Any]]) -> Rows:
    return {family: families.get(family, []) for family in FAMILIES}


def write_job(output: Path, people: int = 2, **changes: Any) -> None:
    """Write what the job makes of so many people who walk through, in two minutes."""
    records = records_of(a_site(**changes), clips_of([walker(5 + 40 * i) for i in range(people)], 120), span(0, 120))
    for family, kind in FAMILIES.items():
        write_rows(output, {family: [to_fields(record) for record in records if type(record) is kind]})


def diff(*arguments: object) -> int:
    return main(["diff", *map(str, arguments)])


def kinds(before: Rows, after: Rows) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(change.family, change.kind, change.fields) for change in changes(before, after)]


def test_every_family_has_a_value_to_show() -> None:
    fields = {family: {field["name"] for field in contract(family)["fields"]} for family in FAMILIES}
    assert set(MAIN_FIELDS) == set(FAMILIES)
    assert all(MAIN_FIELDS[family] in fields[family] for family in FAMILIES)


def test_rows_are_added_removed_and_changed() -> None:
    before = standing(footfall=[row("footfall"), row("footfall", place=1)], heatmap=[row("heatmap", place=3)])
    other = row("footfall", place=1) | {"count": 8}
    after = standing(footfall=[row("footfall"), other, row("footfall", window=1)])
    found = changes(before, after)
    assert [(change.family, change.kind) for change in found] == [
        ("footfall", ADDED), ("footfall", CHANGED), ("heatmap", REMOVED),
    ]  # fmt: skip
    assert "count" in found[0].fields and "site" not in found[0].fields
    assert found[1].fields == ("count",)
    assert changes(before, before) == changes(after, after) == []


def test_what_a_record_was_made_with_is_not_compared() -> None:
    made = {"schema_version": 9, "pipeline_version": "other", "model": "other", "site_version": 2, "revision": 99}
    assert kinds(standing(queue=[row("queue")]), standing(queue=[row("queue") | made])) == []


def test_a_sites_versions_in_one_output_are_compared_as_they_stood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A replay of the second minute with the line elsewhere: the first minute stays as it was."""
    write_job(tmp_path)
    moved = [{"name": "gate", "a": [0.8, 1], "b": [0.8, 0], "directions": {"to_right": "in", "to_left": "out"}}]
    site = a_site(site_version=2, cameras=[a_camera(lines=moved).model_dump(mode="json")])
    people = clips_of([walker(5), walker(56)], 120)
    for family, kind in FAMILIES.items():
        records = [to_fields(each) for each in records_of(site, people, span(60, 120)) if type(each) is kind]
        write_rows(tmp_path, {family: records})
    assert diff(tmp_path, "--versions", 1, 1) == 0
    assert diff(tmp_path, "--versions", 1, 2, "--json") == 1
    found = json.loads(capsys.readouterr().out.split("\n", 1)[1])
    assert {each["window_start"] for each in found} == {"2026-01-05T00:01:00+00:00"}
    (crossed,) = [each for each in found if each["family"] == "footfall"]
    assert (crossed["change"], crossed["line"], crossed["direction"]) == ("changed", "gate", "in")
    assert crossed["fields"]["count"] == {"before": 0, "after": 1}


def test_the_table_says_what_changed_by_place_and_hour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_job(tmp_path / "a")
    write_job(tmp_path / "b", people=3)
    assert diff(tmp_path / "a", tmp_path / "a") == 0
    assert capsys.readouterr().out == "Nothing differs.\n"
    assert diff(tmp_path / "a", tmp_path / "b") == 1
    printed = capsys.readouterr().out
    assert "rows differ" in printed
    assert diff(tmp_path / "a", tmp_path / "b", "--csv") == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    crossed = [each for each in rows if each["family"] == "footfall" and each["field"] == "count"]
    assert [(each["place"], each["before"], each["after"]) for each in crossed] == [("gate in", "0", "1")]
    before, after = (current(read_records(tmp_path / name)) for name in "ab")
    found = changes(before, after)
    by_kind = Counter(change.kind for change in found)
    assert f"{len(found)} rows differ: " in printed
    assert all(f"{count} {kind}" in printed for kind, count in by_kind.items())
    assert diff(tmp_path / "a", tmp_path / "b", "--window", 60) == 1


def test_a_place_shows_its_total_alone_of_what_its_rows_add_up_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten person-seconds to the east and five to the west are fifteen, not thirty."""
    walked = [
        row("movement") | {"sector": sector, "person_seconds": seconds}
        for sector, seconds in (("E", 10.0), ("W", 5.0), ("TOTAL", 15.0))
    ]
    write_rows(tmp_path / "a", {"movement": walked})
    write_rows(tmp_path / "b", {"movement": [walked[0], *({**each, "person_seconds": 20.25} for each in walked[1:])]})
    assert diff(tmp_path / "a", tmp_path / "b") == 1
    (shown,) = [line for line in capsys.readouterr().out.splitlines() if "zone-0" in line]
    assert [cell.strip() for cell in shown.split("\u2502")[-4:-1]] == ["person_seconds", "15", "20.25"]
    assert diff(tmp_path / "a", tmp_path / "b", "--csv") == 1
    assert [line for line in capsys.readouterr().out.splitlines() if "sector=W," in line], "directions are told apart"


def test_rows_of_which_interval_ends_alone_differ_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As before and after an audit: what was counted is the same, and one row is not."""
    bare = {"count_low": None, "count_high": None}
    before = [row("footfall", place=place) | bare for place in range(3)]
    audited = [each | {"count_low": 3, "count_high": 9} for each in before]
    recounted = [*audited[:2], audited[2] | {"count": 6}]
    for name, rows in (("before", before), ("audited", audited), ("recounted", recounted)):
        write_rows(tmp_path / name, {"footfall": rows})

    assert diff(tmp_path / "before", tmp_path / "audited") == 1
    assert capsys.readouterr().out == "No value differs; in 3 rows the ends of error intervals do.\n"

    assert diff(tmp_path / "before", tmp_path / "recounted") == 1
    printed = capsys.readouterr().out
    assert "line-2" in printed and "line-0" not in printed and "line-1" not in printed
    assert "1 rows differ: 1 changed\nIn 2 more nothing but the ends of error intervals does.\n" in printed

    found = changes(standing(footfall=before), standing(footfall=recounted))
    assert [change.kind for change in found] == [INTERVAL, INTERVAL, CHANGED]
    assert diff(tmp_path / "before", tmp_path / "recounted", "--csv") == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(each["change"], each["field"]) for each in rows if each["change"] != INTERVAL] == [
        (CHANGED, "count"), (CHANGED, "count_high"), (CHANGED, "count_low"),
    ]  # fmt: skip


def test_what_no_record_has_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A version or a window that is not there would differ in nothing, as if all were well."""
    one, other = tmp_path / "a", tmp_path / "b"
    write_rows(one, {"queue": [row("queue")]})
    write_rows(other, {"queue": [row("queue", version=2)]})
    size = row("queue")["window_size_seconds"]
    for words, told in (
        (
            (one, other, "--window", size + 17),
            f"--window: no record has window_size_seconds {size + 17}; there are {size}",
        ),
        ((one, "--versions", 5, 7), "--versions: no record has site_version 5; there are 1"),
        ((one, "--versions", 1, 7), "--versions: no record has site_version 7; there are 1"),
    ):
        assert diff(*words) == 2
        printed = capsys.readouterr()
        assert told in printed.err and not printed.out
    assert diff(one, other, "--window", size) == 0


def test_superseded_rows_are_not_compared(tmp_path: Path) -> None:
    old, new = row("heatmap", place=4, revision=1), row("heatmap", revision=2)
    write_rows(tmp_path / "a", {"heatmap": [old]})
    write_rows(tmp_path / "a", {"heatmap": [new]})
    write_rows(tmp_path / "b", {"heatmap": [new]})
    assert diff(tmp_path / "a", tmp_path / "b") == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["here"], "give two outputs, or one and --versions"),
        (["here", "there", "--versions", "1", "2"], "give two outputs, or one and --versions"),
        (["here", "there"], "holds no records"),
    ],
)
def test_wrong_usage_is_told(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert diff(*arguments) == 2
    assert told in capsys.readouterr().err
