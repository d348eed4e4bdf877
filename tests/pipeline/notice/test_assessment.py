"""The draft of the impact assessment: each control shown by a test that is there, and nothing called compliant."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.notice.assessment import assessment
from pipeline.notice.controls import CONDITIONS, GDPR, PIPEDA, controls
from pipeline.notice.facts import site_facts
from pipeline.notice.render import page
from schemas.avro import RECORD_TYPES, contract
from schemas.evidence import DayPack
from tests.conftest import ROOT
from tests.pipeline.notice.test_notice import site_file, stated
from tests.support.evidence import MADE_WITH, a_day
from transforms.pack import pack_of

ASKED = ("5", "6", "9", "12", "13", "14", "21", "25", "28", "30", "32", "35", "44")


@pytest.mark.parametrize("control", controls(), ids=lambda control: control.name)
def test_every_test_and_figure_that_is_pointed_at_is_there(control: object) -> None:
    for shown in control.shown_by:  # type: ignore[attr-defined]
        if shown.startswith("make "):
            _, target, figure = shown.split()
            assert re.search(rf"^{target}\b.*:|^[a-z ]*\b{target}\b.*:", (ROOT / "Makefile").read_text(), re.MULTILINE)
            of = target.removesuffix("-report")
            made_by = [*(ROOT / "benchmarks").glob(f"{of}.py"), *(ROOT / f"benchmarks/{of}").rglob("*.py")]
            assert any(f'"{figure}"' in path.read_text("utf-8") for path in made_by), shown
            continue
        file, name = shown.split("::")
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, shown


def test_controls_name_known_provisions_and_conditions() -> None:
    names = [control.name for control in controls()]
    assert len(set(names)) == len(names)
    for control in controls():
        assert control.articles() <= set(GDPR)
        assert set(control.pipeda) <= set(PIPEDA)
        assert control.needs is None or control.needs in CONDITIONS
    assert tuple(GDPR) == ASKED
    assert len(PIPEDA) == 10


def test_the_draft_holds_every_field_that_can_leave_and_every_provision() -> None:
    text = assessment(site_facts(stated(), ())).replace("\\", "")
    for family in RECORD_TYPES:
        assert f"### {family}" in text
        for field in contract(family)["fields"]:
            assert f"| {field['name']} |" in text
    for number, (name, _) in GDPR.items():
        assert f"| {number} {name} |" in text
    for name in PIPEDA:
        assert f"| {name.capitalize()} |" in text
    assert text.count("**Open:**") >= 30


def test_nothing_is_called_compliant() -> None:
    text = assessment(site_facts(stated(), ()))
    assert not re.search(r"\b(compliant|complies|lawfully|guarantee[sd]?|fully)\b", text)
    assert "never that it is complied with" in text


def test_controls_follow_the_configuration() -> None:
    def parts(**changes: object) -> tuple[str, str]:
        there, _, missing = assessment(site_facts(stated(**changes), ())).partition("Not in place at this site")
        return there, missing.partition("## 7")[0]

    there, missing = parts(k=1)
    assert "small-cells" not in there and "small-cells" in missing
    assert "cells are given however small" in there
    there, missing = parts(k=5)
    assert "small-cells" in there and "small-cells" not in missing
    assert "evidence:" in missing and "schedule:" in missing


def test_a_spool_is_not_called_encrypted_without_the_flag_that_has_it_plain() -> None:
    text = assessment(site_facts(stated(), ())).replace("\\", "")
    assert text.count("encrypted") == text.count(
        "encrypted, unless the edge agent is run with `--plain-spool`"
    ) + text.count("encrypted unless the agent is run with --plain-spool")


def test_every_provision_has_a_control_or_says_whose_it_is() -> None:
    text = assessment(site_facts(stated(), ()))
    for number, (name, _) in GDPR.items():
        assert f"| {number} {name} | |" not in text
    assert "| 21 Right to object | notice; not in place here: masks, schedule |" in text
    assert "| 30 Records of processing | not in place here: retention-looked-at, evidence |" in text
    assert "| 35 Impact assessment | assessment |" in text
    assert "| 44 Transfers | one-region |" in text
    assert {number for number in GDPR if not any(number in each.articles() for each in controls())} == set()
    assert {name for name in PIPEDA if not any(name in each.pipeda for each in controls())} == set()


def packs(redaction: str) -> list[DayPack]:
    made_with = MADE_WITH.model_copy(update={"redaction": redaction})
    day = a_day()
    if redaction != "off":
        day = replace(day, tally=replace(day.tally, redacted={"clips": 3, "frames": 1500, "whole": 7}))
    return [DayPack.model_validate(pack_of(day, "0" * 16, made_with))]


def test_redacted_video_is_told_where_evidence_says_that_it_is_written() -> None:
    unknown = assessment(site_facts(stated(), ()))
    off = assessment(site_facts(stated(), packs("off")))
    heads = assessment(site_facts(stated(), packs("heads")))
    assert "no evidence says yet" in unknown and "if any is written" in unknown
    assert "No picture leaves." not in unknown and "Pixels never leave the first zone" not in unknown
    assert "No picture leaves." in off and "Pixels never leave the first zone, geometry never the second." in off
    assert "edacted video" not in off.partition("Not in place at this site")[0]
    assert "Pixels leave the first zone as redacted video (heads) and in no other way" in heads
    assert "### redacted video" in heads and "| redacted video | **Open:** the software deletes none" in heads
    assert "| redaction | Video that leaves is covered" in heads.partition("Not in place at this site")[0]
    assert "3 such clips with 1,500 frames, of which 7 are covered whole" in heads
    assert "never leave the first zone" not in heads and "No picture leaves" not in heads


def test_the_command_writes_a_draft(tmp_path: Path) -> None:
    path = site_file(tmp_path)
    assert main(["pia", "--site", str(path), "--output", str(tmp_path / "out")]) == 0
    html = (tmp_path / "out/pia-lab.en.html").read_text("utf-8")
    assert html.count("<table>") >= 10
    assert html == page(assessment(site_facts(_loaded(path), ())), "en")


def _loaded(path: Path) -> object:
    from pipeline.sites import load_sites

    return load_sites(path)[0]
