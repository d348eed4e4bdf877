"""The rows that stand: of each site and window the newest site version, of each set the highest revision, whole."""

import io
import itertools
import random
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sinks import write_file
from pipeline.view import (
    ContradictionError,
    Row,
    UnreadableRecordsError,
    current,
    read_family,
    read_file,
    read_records,
    record_files,
)
from schemas.avro import contract
from schemas.records import FAMILIES
from tests.golden.make import example
from tests.support.world import a_site, records_of, span
from transforms.guard import Guarded, to_fields


def row(revision: int, version: int = 1, cell: int = 0, window: int = 0, group: str = "door", site: str = "lab") -> Row:
    return {
        "site": site, "window_size_seconds": 60, "window_start": window, "group": group, "camera": group,
        "site_version": version, "revision": revision, "cell_column": cell, "cell_row": 0, "line": "gate",
        "direction": "in", "zone": "desk", "n": 1,
    }  # fmt: skip


def test_a_row_that_a_later_revision_lacks_is_gone() -> None:
    old = [row(1, cell=0), row(1, cell=5)]
    new = [row(2, cell=0)]
    assert current({"heatmap": [*new, *old]}) == {"heatmap": new}


def test_a_newer_site_version_wins_whatever_its_revision_and_over_all_families() -> None:
    records = {"heatmap": [row(9), row(1, version=2)], "queue": [row(9)], "footfall": [row(9, window=60)]}
    assert current(records) == {"heatmap": [row(1, version=2)], "queue": [], "footfall": [row(9, window=60)]}


def test_groups_windows_and_sites_stand_for_themselves() -> None:
    rows = [row(1), row(2, group="yard"), row(3, window=60), row(4, site="shop", version=7)]
    assert current({"queue": rows}) == {"queue": rows}


@settings(max_examples=60, derandomize=True)
@given(st.data())
def test_the_order_of_loading_makes_no_difference(data: st.DataObject) -> None:
    rows = [row(*numbers) for numbers in itertools.product((1, 2), (1, 2), (0, 1), (0, 60))]
    some = data.draw(st.lists(st.sampled_from(rows), unique_by=lambda each: tuple(each.values())))
    key = str
    one, other = current({"heatmap": some}), current({"heatmap": data.draw(st.permutations(some))})
    assert sorted(one["heatmap"], key=key) == sorted(other["heatmap"], key=key)
    assert current(one) == one
    assert current({"heatmap": some + some}) == one


def test_two_values_for_one_record_are_told() -> None:
    rows = [row(1), {**row(1), "n": 2}]
    with pytest.raises(ContradictionError, match=r"two heatmap records of site lab, camera door, .* revision 1 differ"):
        current({"heatmap": rows})
    assert current({"heatmap": [*rows, row(2)]}) == {"heatmap": [row(2)]}


def test_records_are_read_by_family(tmp_path: Path) -> None:
    records = records_of(a_site(), [], span(0, 60))
    for family, kind in FAMILIES.items():
        rows = [Guarded(family, to_fields(record)) for record in records if type(record) is kind]
        write_file(tmp_path, (family, "lab", "2026-01-05"), rows)
    found = read_records(tmp_path)
    assert set(found) == set(FAMILIES)
    assert sum(map(len, found.values())) == len(records)
    assert current(found) == found
    assert read_records(tmp_path / "nowhere") == {family: [] for family in FAMILIES}


def test_a_file_of_an_older_schema_takes_defaults(tmp_path: Path) -> None:
    family = "footfall"
    older = {**contract(family), "fields": [field for field in contract(family)["fields"] if field["name"] != "count"]}
    given = example(family)
    del given["count"]
    path = tmp_path / f"records/{family}/site=lab/date=2026-01-05/a.avro"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        fastavro.writer(file, older, [given])
    assert record_files(f"{tmp_path}/", family) == [str(path)]
    (row,) = read_family(str(path), family)
    assert row["count"] is None
    assert set(row) == {field["name"] for field in contract(family)["fields"]}
    with pytest.raises(UnreadableRecordsError, match=r"a\.avro: is no Avro file of queue records"):
        read_family(str(path), "queue")


@pytest.mark.parametrize("content", [b"", b"Obj", b"Obj\x01garbage", b"no avro at all" * 9])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.avro"
    path.write_bytes(content)
    with pytest.raises(UnreadableRecordsError, match=r"broken\.avro"):
        read_file(path)


def packed(codec: str, schema: Any = None, rows: Any = None) -> bytes:
    """Return an Avro file, by default of footfall."""
    buffer = io.BytesIO()
    fastavro.writer(buffer, schema or contract("footfall"), rows or [example("footfall")] * 3, codec=codec)
    return buffer.getvalue()


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_a_file_with_a_wrong_byte_is_read_or_named(tmp_path: Path, codec: str) -> None:
    whole, path, rng = packed(codec), tmp_path / "broken.avro", random.Random(codec)
    refused = 0
    for at in (*range(len(whole) - 250, len(whole)), *rng.sample(range(len(whole)), 250)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ rng.randrange(1, 256)]) + whole[at + 1 :])
        for read in (lambda: read_file(path), lambda: read_family(str(path), "footfall")):
            try:
                read()
            except UnreadableRecordsError as error:
                assert str(error).startswith(f"{path}: is ")
                refused += 1
    assert refused > 100


@pytest.mark.parametrize("kind", ["timestamp-micros", "timestamp-millis", "local-timestamp-micros"])
def test_an_instant_that_no_calendar_has_is_named(tmp_path: Path, kind: str) -> None:
    at = {"name": "at", "type": {"type": "long", "logicalType": kind}}
    (tmp_path / "odd.avro").write_bytes(
        packed("null", {"type": "record", "name": "R", "fields": [at]}, [{"at": 2**63 - 1}])
    )
    with pytest.raises(UnreadableRecordsError, match=r"odd\.avro: is no Avro file, or is damaged"):
        read_file(tmp_path / "odd.avro")


@pytest.mark.parametrize(
    ("codec", "package"), [("snappy", "cramjam"), ("zstandard", r"backports\.zstd"), ("lz4", "lz4")]
)
def test_a_file_packed_in_a_way_that_is_not_here_is_told_so(tmp_path: Path, codec: str, package: str) -> None:
    named = b"avro.codec" + bytes([2 * len(codec)]) + codec.encode()
    (tmp_path / "packed.avro").write_bytes(packed("null").replace(b"avro.codec\x08null", named))
    told = rf"packed\.avro: is packed with {codec}: write it with deflate or null, or install {package} beside"
    with pytest.raises(UnreadableRecordsError, match=told):
        read_file(tmp_path / "packed.avro")
    with pytest.raises(UnreadableRecordsError, match=told):
        read_family(str(tmp_path / "packed.avro"), "footfall")
