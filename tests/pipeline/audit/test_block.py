"""The block in the site file: what stands in it, and that nothing else of the file changes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audit.block import audit_of, put, written
from pipeline.audit.windows import AuditWindow
from pipeline.sites import load_sites
from schemas.audit import Audit
from schemas.clock import SECOND_US
from schemas.geometry import geometry_digest, ground_digest
from tests.support.floor import a_floor_site
from tests.support.world import GROUND, a_camera

MODEL = "012345678901"
IN, OUT = ("gate", "in"), ("gate", "out")
WINDOWS = [
    AuditWindow(start_s * SECOND_US, 10, (), {"crossings": {IN: number, OUT: 0}, "occupancy": {("hall", ""): 0.5}})
    for number, start_s in enumerate((0, 10, 30))
]
AUDIT = Audit.model_validate(
    {"model": MODEL, "crossings": {"seconds": 10, "samples": [[3, 4], [0, 0]]},
     "occupancy": {"seconds": 10, "samples": [[0.512, 1]]}}
)  # fmt: skip
DOOR = "  - name: door   # the one at the door\n"
SITE = """\
# The lab.
site: lab   # a room
site_version: 9   # raise it
time_zone: UTC
cameras:
  - name: door   # the one at the door

    heatmap: [0, 0]
  # the other one
  - heatmap: [16, 9]
    name: back
    lines:
      - {name: gate, a: [0, 0], b: [1, 1]}
"""
SHARED = (
    yaml.safe_dump(
        a_floor_site(site_version=9).model_dump(mode="json", exclude_unset=True, exclude={"groups"}), sort_keys=False
    )
    + """\
groups:
  - name: floor   # of both
    cameras: [west, east]
    zones:
      - {name: hall, kind: area, polygon: [[1, 1], [11, 1], [11, 7], [1, 7]]}
"""
)


def test_counted_and_true_are_put_together_by_window_and_item() -> None:
    true = {
        ("crossings", 10 * SECOND_US): {IN: 2, OUT: 0},
        ("crossings", 30 * SECOND_US): {IN: 2},
        ("occupancy", 0): {("hall", ""): 0.25},
    }
    made = audit_of(MODEL, a_camera(), (), WINDOWS, true)
    assert made.crossings is not None and made.crossings.samples == ((1, 2), (0, 0), (2, 2))
    assert made.crossings.at == ((1, 0), (1, 1), (3, 0)), "windows that follow at once have numbers that do"
    assert made.occupancy is not None and made.occupancy.samples == ((0.5, 0.25),)
    assert made.geometry == geometry_digest(a_camera())
    assert made.visits is made.transitions is None


def test_measures_not_counted_again_stay_unless_model_or_geometry_is_another() -> None:
    true = {("occupancy", 0): {("hall", ""): 0.25}}
    before = AUDIT.model_copy(update={"geometry": geometry_digest(a_camera())})
    made = audit_of(MODEL, a_camera(), (), WINDOWS, true, before)
    assert made.crossings == AUDIT.crossings
    assert made.occupancy is not None and made.occupancy.samples == ((0.5, 0.25),)
    assert audit_of("ba9876543210", a_camera(), (), WINDOWS, true, before).crossings is None
    assert audit_of(MODEL, a_camera(fps=9), (), WINDOWS, true, before).crossings is None


def test_who_walks_stays_only_on_the_same_ground() -> None:
    camera = a_camera(ground=GROUND)
    true = {("crossings", 0): {IN: 1, OUT: 0}}
    before = Audit.model_validate(
        {"model": MODEL, "geometry": geometry_digest(camera), "ground": ground_digest(camera),
         "walking": {"seconds": 10, "samples": [[0.5, 1]]}, "peaks": {"seconds": 10, "samples": [[1, 2]]}}
    )  # fmt: skip
    again = audit_of(MODEL, camera, (), WINDOWS, true, before)
    assert (again.walking, again.peaks) == (before.walking, before.peaks) and again.crossings is not None
    moved = a_camera(ground=GROUND | {"metres": [[0, 0], [10, 0], [10, 6], [0, 6]]})
    again = audit_of(MODEL, moved, (), WINDOWS, true, before)
    assert (again.walking, again.peaks, again.ground) == (None, before.peaks, ground_digest(moved))


PAIRS = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=100)


@settings(max_examples=50, derandomize=True)
@given(PAIRS, st.integers(0, 8))
def test_what_is_written_is_read_back(pairs: list[tuple[int, int]], indent: int) -> None:
    visits = {"seconds": 2.5, "samples": pairs, "at": [(number, 0) for number in range(len(pairs))]}
    audit = Audit.model_validate({"model": MODEL, "geometry": MODEL, "visits": visits})
    text = written(audit, indent)
    assert max(map(len, text.splitlines())) <= 120
    assert Audit.model_validate(yaml.safe_load(text)["audit"]) == audit


@pytest.mark.parametrize("camera", ["door", "back"])
def test_a_block_is_put_under_its_camera_and_nothing_else_changes(camera: str, tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(put(SITE, camera, AUDIT))
    (site,) = load_sites(file)
    assert [each.name for each in site.cameras if each.audit == AUDIT] == [camera]
    assert site.site_version == 10
    own = file.read_text().splitlines()
    assert [line for line in SITE.splitlines() if line not in own] == ["site_version: 9   # raise it"]
    again = put(file.read_text(), camera, Audit(model="ba9876543210"))
    file.write_text(again)
    (site,) = load_sites(file)
    assert [each.audit and each.audit.model for each in site.cameras if each.name == camera] == ["ba9876543210"]
    assert again.count("audit:") == 1 and "crossings" not in again
    assert [line for line in SITE.splitlines() if line not in again.splitlines()] == ["site_version: 9   # raise it"]


def test_a_groups_block_is_put_under_the_group(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(SHARED)
    (site,) = load_sites(file)
    windows = [AuditWindow(0, 10, ((), ()), {"occupancy": {("hall", ""): 0.5}, "visits": {("hall", ""): 2}})]
    true: dict[Any, Any] = {("occupancy", 0): {("hall", ""): 1}, ("visits", 0): {("hall", ""): 3}}
    audit = audit_of(MODEL, site.groups[0], site.cameras, windows, true)
    file.write_text(put(SHARED, "floor", audit))
    (written_site,) = load_sites(file)
    assert written_site.groups[0].audit == audit and audit.visits is not None
    assert audit.geometry == geometry_digest(site.groups[0], site.cameras)
    assert written_site.site_version == 10 and {camera.audit for camera in written_site.cameras} == {None}
    assert [line for line in SHARED.splitlines() if line not in file.read_text().splitlines()] == ["site_version: 9"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SITE.replace(f"{DOOR}\n    heatmap: [0, 0]\n", "  - {name: door}\n"), "braces"),
        (SITE.replace(DOOR, "  - audit: {model: ba9876543210}\n    name: door\n"), "begin with its name"),
    ],
    ids=["braces", "first"],
)  # fmt: skip
def test_where_a_block_cannot_be_put_is_told(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        put(text, "door", AUDIT)
