"""Packs of evidence: a closed world of their own, inspected as they are written."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import apache_beam as beam
import pytest

from schemas.evidence import DayPack, MadeWith, canonical
from schemas.seals import PACK, evidence_schema
from tests.conftest import ROOT
from tests.support.evidence import MADE_WITH, VOCABULARY, a_day
from tests.support.graph import pipeline
from transforms.guard import BiometricFoundError
from transforms.pack import SECTIONS, MakePacks, SitePack, inspect_pack, pack_of
from transforms.tally import Tally

PLANTED = "height 1.83 m, beard"
RUN = "0123456789abcdef"


def test_a_pack_says_what_was_tallied() -> None:
    kept = inspect_pack(pack_of(a_day(), RUN, MADE_WITH), VOCABULARY)
    assert kept["withheld"] == []
    assert kept["clips"]["bad"] == [{"stage": "ValidateClips", "reason": "hash_mismatch", "clips": 1}]
    assert kept["records"] == [{"family": "footfall", "rows": 8, "suppressed": 1}]
    assert kept["arrival"]["duplicates"] == 2
    assert kept["arrival"]["capture_to_pixels_gone"]["p99_seconds"] == 1.0
    assert PACK.validate_json(canonical(kept)).model_dump(mode="json") == kept


def planted(section: str) -> dict[str, Any]:
    """Return a pack with something of a person in a section."""
    pack = json.loads(json.dumps(pack_of(a_day(), RUN, MADE_WITH)))
    match section:
        case "made_with":
            pack[section]["models"][0]["card"] = PLANTED
        case "clips":
            pack[section]["bad"][0]["reason"] = PLANTED
        case "arrival":
            pack[section]["gait"] = [0.1, 0.2]
        case "files":
            pack[section][0]["name"] = f"records/footfall/site=lab/date=2026-01-05/{PLANTED}.avro"
        case "redacted":
            pack[section]["faces"] = [0.1, 0.2]
        case "dropped":
            pack[section] = [{"reason": PLANTED, "fields": 1}]
        case _:
            pack[section][0]["family"] = PLANTED
    return pack


@pytest.mark.parametrize("section", SECTIONS)
def test_what_is_planted_in_a_section_leaves_with_no_section(section: str) -> None:
    kept = inspect_pack(planted(section), VOCABULARY)
    assert kept[section] is None
    assert [each["section"] for each in kept["withheld"]] == [section]
    assert PLANTED not in repr(kept) and "gait" not in repr(kept) and "faces" not in repr(kept)
    assert all(kept[other] is not None for other in SECTIONS if other != section)


def test_a_hash_that_is_none_of_the_runs_does_not_leave() -> None:
    other = MADE_WITH.model_copy(update={"site_sha256": "f" * 64})
    assert inspect_pack(pack_of(a_day(), RUN, other), VOCABULARY)["made_with"] is None


def test_a_file_is_named_by_its_content() -> None:
    day = a_day()
    wrong = replace(day, files=(replace(day.files[0], sha256="f" * 64),))
    assert inspect_pack(pack_of(wrong, RUN, MADE_WITH), VOCABULARY)["files"] is None


def made(on_biometric: str, **changes: Any) -> list[SitePack]:
    _kept.clear()
    with pipeline() as root:
        packs = (
            root
            | beam.Create([replace(a_day(), **changes)])
            | MakePacks(RUN, {"lab": MADE_WITH}, VOCABULARY, on_biometric)
        )
        packs | "Keep" >> beam.Map(_keep)
    return list(_kept)


_kept: list[SitePack] = []


def _keep(pack: SitePack) -> None:
    _kept.append(pack)


def test_the_job_stops_where_it_is_told_to() -> None:
    bad = Tally(bad={f"ValidateClips/{PLANTED}": 1})
    (pack,) = made("drop", tally=bad)
    assert json.loads(pack.content)["clips"] is None
    with pytest.raises(BiometricFoundError, match=r"\(clips\)") as found:
        made("fail", tally=bad)
    assert PLANTED not in str(found.value)


def _lists(part: dict[str, Any], key: str) -> bool:
    """Return whether a key of a schema is of the items of a list whose strings stand in a vocabulary."""
    return key == "items" and "vocabulary" in part


def test_every_string_of_a_pack_has_a_form_or_a_vocabulary() -> None:
    schema = DayPack.model_json_schema()
    free = []

    def walk(where: str, part: Any) -> None:
        if isinstance(part, dict):
            if part.get("type") == "string" and not {"pattern", "enum", "const"} & part.keys():
                free.append((where, part))
            for key, inner in part.items():
                walk(f"{where}.{key}", dict(inner, vocabulary=part["vocabulary"]) if _lists(part, key) else inner)
        elif isinstance(part, list):
            for inner in part:
                walk(where, inner)

    walk("", schema)
    assert [where for where, part in free if "vocabulary" not in part] == []
    assert set(VOCABULARY) >= {part["vocabulary"] for _, part in free if "vocabulary" in part}


def test_the_published_schema_is_current() -> None:
    written = json.loads((ROOT / "schemas/evidence.schema.json").read_text("utf-8"))
    assert written == json.loads(json.dumps(evidence_schema()))


def test_what_a_run_is_made_with_is_closed() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        MadeWith.model_validate(MADE_WITH.model_dump() | {"operator": PLANTED})
