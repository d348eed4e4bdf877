"""Who crosses in a tool's own positive direction is counted under the right name, by the job's own geometry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.importing import azure, deepstream, supervision
from pipeline.importing.draft import Draft, Given
from pipeline.importing.writing import site_file
from pipeline.sites import load_sites
from tests.support.world import Person, clips_of, records_of, span

Point = tuple[float, float]
ASPECT = 2.0
LINES = [((0.5, 0.1), (0.5, 0.9)), ((0.9, 0.5), (0.1, 0.5)), ((0.3, 0.2), (0.7, 0.8)), ((0.6, 0.9), (0.45, 0.15))]
"""Normalised starts and ends: down, to the left, and slanted both ways."""


def past(line: tuple[Point, Point], side: int) -> tuple[Person, Point, Point]:
    """Return somebody who walks square over the middle of a line to a side, from where, and to where, in heights."""
    (ax, ay), (bx, by) = ((x * ASPECT, y) for x, y in line)
    length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
    normal = (-(by - ay) / length * side, (bx - ax) / length * side)
    middle = ((ax + bx) / 2, (ay + by) / 2)
    start, end = ((middle[0] + s * normal[0], middle[1] + s * normal[1]) for s in (-0.25, 0.25))

    def at(t: float) -> Point | None:
        share = (t - 1) / 4
        return (
            (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
            if 0 <= share <= 1
            else None
        )

    return at, start, end


def counted(folder: Path, draft: Draft, person: Person) -> dict[str, int]:
    """Return how many crossed in each direction, as records tell it."""
    file = folder / "site.yaml"
    file.write_text(site_file(draft, "tool", "source", "lab", "UTC"))
    (site,) = load_sites(file)
    rows = records_of(site, clips_of([person], 10), span(0, 60))
    return {
        row.direction: row.count
        for row in rows
        if type(row).__name__ == "Footfall" and row.window_seconds == 60 and row.count is not None
    }


def cross(o: Point, p: Point, q: Point) -> float:
    return (p[0] - o[0]) * (q[1] - o[1]) - (p[1] - o[1]) * (q[0] - o[0])


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("line", LINES)
def test_azure(tmp_path: Path, line: tuple[Point, Point], side: int) -> None:
    person, _, end = past(line, side)
    ends: dict[str, Any] = {
        key: dict(zip("xy", each, strict=True)) for key, each in zip(("start", "end"), line, strict=True)
    }
    source = {"lines": [{"name": "gate", "line": ends, "events": [{"type": "linecrossing"}]}]}
    draft = azure.read(json.dumps(source), Given(("door",)))
    # Seen from the start, with y down, what is clockwise of the end is on the right.
    start, stop = ((x * ASPECT, y) for x, y in line)
    to = "cross_right" if cross(start, stop, end) > 0 else "cross_left"
    assert {name for name, count in counted(tmp_path, draft, person).items() if count == 1} == {to}


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("line", LINES)
def test_deepstream(tmp_path: Path, line: tuple[Point, Point], side: int) -> None:
    person, start, end = past(line, side)
    written = ";".join(f"{1000 * value:.0f}" for point in (start, end) for value in point)
    written += ";" + ";".join(f"{2000 * x:.0f};{1000 * y:.0f}" for x, y in line)
    against = ";".join((*written.split(";")[2:4], *written.split(";")[:2], *written.split(";")[4:]))
    source = "[property]\nconfig-width=2000\nconfig-height=1000\n[line-crossing-stream-0]\nline-crossing-gate="
    for value, direction in ((written, "forward"), (against, "backward")):
        draft = deepstream.read(source + value, Given(("door",)))
        assert {name for name, count in counted(tmp_path, draft, person).items() if count == 1} == {direction}


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("line", LINES)
def test_supervision(tmp_path: Path, line: tuple[Point, Point], side: int) -> None:
    person, _, end = past(line, side)
    start, stop = ((2000 * x, 1000 * y) for x, y in line)
    source = {"lines": [{"start": start, "end": stop}]}
    draft = supervision.read(json.dumps(source), Given(("door",), ((2000, 1000),)))
    # LineZone counts as in who is then where its cross product is negative.
    to = "in" if cross(start, stop, (1000 * end[0], 1000 * end[1])) < 0 else "out"
    assert {name for name, count in counted(tmp_path, draft, person).items() if count == 1} == {to}


def test_a_direction_along_its_line_is_left_out() -> None:
    source = (
        "[property]\nconfig-width=10\nconfig-height=10\n[line-crossing-stream-0]\nline-crossing-gate=1;1;2;2;3;3;5;5"
    )
    draft = deepstream.read(source, Given())
    assert not draft.cameras[0].lines and "tells neither side" in draft.notes[0].why
