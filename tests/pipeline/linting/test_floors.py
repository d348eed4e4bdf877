"""Zones that cameras share: what of them no camera covers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.linting.command import add_parser, run
from pipeline.linting.findings import Finding
from pipeline.linting.floors import check_floor
from schemas.site import Site
from tests.support.floor import a_floor_site
from transforms.groups import group_of


def found(site: Site) -> list[Finding]:
    group = group_of(site, "west")
    assert group.shared is not None
    return list(check_floor(group.cameras, group.shared))


def a_zone(*corners: tuple[float, float], name: str = "hall") -> dict[str, Any]:
    zones = [{"name": name, "kind": "area", "polygon": corners}]
    return {"groups": [{"name": "floor", "cameras": ["west", "east"], "zones": zones}]}


def test_a_zone_that_both_cameras_cover_together() -> None:
    assert found(a_floor_site()) == []
    assert found(a_floor_site(overlap=1.0)) == []


def test_a_gap_between_reaches() -> None:
    """Each reaches to a metre before the middle of ten: a fifth of the hall is nobody's."""
    (gap,) = found(a_floor_site(overlap=-2.0))
    assert (gap.rule, gap.part) == ("shared-zone-uncovered", ("zones", 0))
    assert gap.seen.startswith("20% of hall is covered by no camera of floor, around [5.9, 3.9] metres")
    assert "0% in no picture, 20% outside reach" in gap.seen


def test_floor_in_no_picture() -> None:
    (beyond,) = found(a_floor_site(**a_zone((5, 2), (7, 2), (7, 22), (5, 22))))
    assert beyond.severity == "warning" and "0% outside reach" in beyond.seen


def test_a_zone_under_a_mask_never_counts() -> None:
    site = a_floor_site(**a_zone((5, 3), (7, 3), (7, 5), (5, 5))).model_dump(mode="json", exclude_unset=True)
    for camera in site["cameras"]:
        camera["masks"] = [[[0, 0], [1, 0], [1, 1], [0, 1]]]
    (never,) = found(Site.model_validate(site))
    assert (never.rule, never.severity) == ("shared-zone-never-counts", "error")


def test_the_command_names_the_group_and_the_zones_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "site.yaml"
    site = a_floor_site(overlap=-2.0).model_dump(mode="json", exclude_unset=True)
    file.write_text(yaml.safe_dump(site, sort_keys=False))
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    for words in ([], ["--camera", "east"]):
        assert run(parser.parse_args(["lint", "--site", str(file), "--json", *words])) == 1
        (gap,) = json.loads(capsys.readouterr().out)
        assert (gap["camera"], gap["part"]) == ("floor", ["zones", 0])
        assert "name: hall" in file.read_text().splitlines()[gap["line"] - 1]


def test_an_audit_of_other_zones_is_outdated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "site.yaml"
    site = a_floor_site().model_dump(mode="json", exclude_unset=True)
    site["groups"][0]["audit"] = {"model": "0123456789ab", "geometry": "0" * 12}
    file.write_text(yaml.safe_dump(site, sort_keys=False))
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    run(parser.parse_args(["lint", "--site", str(file), "--json"]))
    (outdated,) = (each for each in json.loads(capsys.readouterr().out) if each["rule"] == "audit-outdated")
    assert (outdated["camera"], outdated["part"]) == ("floor", ["audit"])
    assert "than the group has" in outdated["seen"]
