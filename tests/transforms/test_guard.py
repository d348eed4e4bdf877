"""The closed world at the exit: what is not declared, bounded and known does not leave, and is never repeated."""

import math
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sinks import WriteRecords
from pipeline.view import read_file
from schemas.avro import RECORD_TYPES, contract
from schemas.clock import from_rfc3339
from schemas.records import DEAD_LETTER, Footfall, MetricRecord
from tests.support.graph import pipeline
from tests.support.world import MODEL, a_clip, a_site, clips_of, records_of, span, walker
from transforms.guard import (
    REASONS,
    BiometricFoundError,
    DropBiometrics,
    Guarded,
    GuardedCoder,
    Verdict,
    inspect,
    to_fields,
)
from transforms.vocabulary import vocabulary_of

SITE = a_site()
VOCABULARY = vocabulary_of((SITE,), {("lab", "door"): MODEL}, ("no_envelope",))
RECORDS = records_of(SITE, clips_of([walker(1), walker(20)], 60), span(0, 60))
FOOTFALL = next(record for record in RECORDS if isinstance(record, Footfall))
PLANTED = "Zm9vdHByaW50LW9mLWphbmUtZG9l"


class Text(str):
    """Could carry anything beside its text."""


class Whole(int):
    """Could carry anything beside its number."""


class Real(float):
    """Could carry anything beside its number."""


def judged(**changes: Any) -> Verdict:
    return inspect("footfall", to_fields(FOOTFALL) | changes, VOCABULARY)


def test_what_the_job_writes_passes() -> None:
    for record in RECORDS:
        family = next(name for name, kind in RECORD_TYPES.items() if kind is type(record))
        assert inspect(family, to_fields(record), VOCABULARY) == (to_fields(record), ())


def test_an_undeclared_field_is_dropped_and_its_name_not_repeated() -> None:
    verdict = judged(**{PLANTED: 1})
    assert verdict.kept == to_fields(FOOTFALL)
    assert verdict.violations == (("undeclared", "undeclared_field"),)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("site", None, "null"),
        ("n", None, "null"),
        ("n", "1", "wrong_type"),
        ("n", 1.0, "wrong_type"),
        ("n", True, "wrong_type"),
        ("suppressed", 1, "wrong_type"),
        ("site", b"lab", "wrong_type"),
        ("site", ["lab"], "wrong_type"),
        ("site", Text("lab"), "wrong_type"),
        ("n", Whole(1), "wrong_type"),
        ("coverage", Real(1.0), "wrong_type"),
        ("coverage", math.nan, "not_finite"),
        ("coverage", -math.inf, "not_finite"),
        ("coverage", 1.000001, "out_of_bounds"),
        ("coverage", -0.000001, "out_of_bounds"),
        ("n", -1, "out_of_bounds"),
        ("n", 10**400, "out_of_bounds"),
        ("coverage", 10**400, "out_of_bounds"),
        ("coverage", 0.1234567, "finer_than_step"),
        ("window_start", FOOTFALL.window_start + 1, "finer_than_step"),
        ("site", PLANTED, "outside_vocabulary"),
        ("model", "f" * 12, "outside_vocabulary"),
        ("pipeline_version", "9.9.9", "outside_vocabulary"),
    ],
)
def test_a_bad_value_in_a_required_field_drops_the_record(field: str, value: Any, reason: str) -> None:
    assert judged(**{field: value}) == Verdict(None, ((field, reason),))


@pytest.mark.parametrize("value", ["1", True, Whole(1), 0.5, -1, 10**400, math.nan, [0.1] * 128, b"\xff\xd8"])
def test_a_bad_value_in_a_nullable_field_is_dropped_alone(value: Any) -> None:
    verdict = judged(count=value)
    assert verdict.kept == to_fields(FOOTFALL) | {"count": None}
    assert [violation.field for violation in verdict.violations] == ["count"]


def test_an_unknown_symbol_and_a_missing_field() -> None:
    dwell = next(record for record in RECORDS if type(record).__name__ == "Dwell")
    assert inspect("dwell", to_fields(dwell) | {"status": PLANTED}, VOCABULARY).violations == (
        ("status", "unknown_symbol"),
    )
    for name in ("n", "count"):
        rest = {field: value for field, value in to_fields(FOOTFALL).items() if field != name}
        assert inspect("footfall", rest, VOCABULARY) == Verdict(None, ((name, "missing_field"),))


def test_a_string_whose_vocabulary_is_not_configured_does_not_leave() -> None:
    assert inspect("footfall", to_fields(FOOTFALL), {}).kept is None


NAMES = st.sampled_from([field.name for field in fields(Footfall)])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.binary(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, derandomize=True)
@given(st.dictionaries(NAMES | st.text(max_size=10), ANYTHING, max_size=4))
def test_whatever_is_kept_is_legal_and_can_be_written(changes: dict[str, Any]) -> None:
    verdict = judged(**changes)
    assert {violation.reason for violation in verdict.violations} <= set(REASONS)
    if verdict.kept is not None:
        assert inspect("footfall", verdict.kept, VOCABULARY).violations == ()
        coder = GuardedCoder()
        assert coder.decode(coder.encode(Guarded("footfall", verdict.kept))).fields == verdict.kept


def test_every_family_goes_through_bytes() -> None:
    coder = GuardedCoder()
    for record in RECORDS:
        family = next(name for name, kind in RECORD_TYPES.items() if kind is type(record))
        guarded = Guarded(family, to_fields(record))
        back = coder.decode(coder.encode(guarded))
        assert (back.family, back.fields) == (guarded.family, guarded.fields)


def test_a_guarded_record_has_no_room_for_another_field() -> None:
    coder = GuardedCoder()
    more = Guarded("footfall", to_fields(FOOTFALL) | {"template": PLANTED})
    assert PLANTED.encode() not in coder.encode(more)


def guarded(records: list[MetricRecord], output: Path, on_biometric: str = "drop") -> None:
    with pipeline() as root:
        _ = (
            root
            | "Records" >> beam.Create(records, reshuffle=False).with_output_types(Footfall)
            | "DropBiometrics" >> DropBiometrics(VOCABULARY, on_biometric)
            | "WriteRecords" >> WriteRecords(str(output), None)
        )


def rows(output: Path, pattern: str) -> Iterator[dict[str, Any]]:
    for path in sorted(output.glob(pattern)):
        yield from read_file(path)[1]


def test_a_planted_value_is_nowhere_in_what_is_written(tmp_path: Path) -> None:
    planted = replace(FOOTFALL, line=PLANTED, camera=PLANTED)
    guarded([FOOTFALL, planted], tmp_path)
    assert len(list(rows(tmp_path, "records/**/*.avro"))) == 1
    letters = list(rows(tmp_path, "dead_letters/**/*.avro"))
    assert {(row["stage"], row["field"], row["reason"], row["camera"]) for row in letters} == {
        ("DropBiometrics", "footfall.line", "outside_vocabulary", "unknown"),
        ("DropBiometrics", "footfall.camera", "outside_vocabulary", "unknown"),
    }
    assert {from_rfc3339(row["event_time"].isoformat()) for row in letters} == {FOOTFALL.window_start}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert PLANTED not in str(path)
        assert PLANTED.encode() not in path.read_bytes()
        assert PLANTED not in repr(read_file(path)), "nor under the compression"


@pytest.mark.parametrize("start_us", [FOOTFALL.window_start + 1, Whole(FOOTFALL.window_start), -1, True, PLANTED, None])
def test_a_window_start_that_may_not_leave_is_in_no_dead_letter(start_us: Any, tmp_path: Path) -> None:
    guarded([replace(FOOTFALL, window_start=start_us, line=PLANTED)], tmp_path)
    letters = list(rows(tmp_path, "dead_letters/**/*.avro"))
    assert {row["field"] for row in letters} == {"footfall.line", "footfall.window_start"}
    assert [row["event_time"] for row in letters] == [None, None]
    assert not list(rows(tmp_path, "records/**/*.avro"))


def test_the_job_stops_where_it_is_told_to_and_does_not_say_the_value(tmp_path: Path) -> None:
    with pytest.raises(BiometricFoundError, match=r"footfall .*\(line: outside_vocabulary\)") as found:
        guarded([replace(FOOTFALL, line=PLANTED)], tmp_path, "fail")
    assert PLANTED not in str(found.value)
    assert not list(tmp_path.rglob("*.avro"))


def test_a_mode_that_is_none_is_refused_when_the_graph_is_built() -> None:
    with pytest.raises(ValueError, match="drop, fail"):
        DropBiometrics(VOCABULARY, "ignore")


def test_every_dead_letter_that_the_guard_can_write_passes_the_guard() -> None:
    for family, kind in RECORD_TYPES.items():
        for field in contract(family)["fields"]:
            assert f"{family}.{field['name']}" in VOCABULARY["field"], kind
    assert set(REASONS) <= VOCABULARY["reason"]
    assert a_clip(0, 1).camera in VOCABULARY["camera"]
    assert DEAD_LETTER in RECORD_TYPES
