"""Records that replace each other, as files: what a warehouse must make the same of as `pipeline.view.current`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.sinks import write_file
from pipeline.view import current, read_records
from schemas.avro import contract
from schemas.clock import SECOND_US
from schemas.records import FAMILIES
from tests.golden.make import INSTANT_US, example
from tests.support.crowds import GROUND
from tests.support.world import a_camera, a_site, clips_of, records_of, span, walker
from transforms.guard import Guarded, to_fields

SIZES = 60, 900


def row(
    family: str, *, window: int = 0, size: int = 60, version: int = 1, revision: int = 1, group: str = "door",
    site: str = "lab", place: int = 0, n: int = 1,
) -> dict[str, Any]:  # fmt: skip
    """Return a record of a family; `window` counts windows, `place` tells rows of one set apart."""
    start = INSTANT_US + window * size * SECOND_US
    given = {
        "site": site, "camera": group, "group": group, "site_version": version, "revision": revision, "n": n,
        "window_start": start, "window_end": start + size * SECOND_US, "window_size_seconds": size,
        "line": f"line-{place}", "zone": f"zone-{place}", "cell_column": place,
        "status": "COMPLETED", "bin": place - 1,
    }  # fmt: skip
    names = {field["name"] for field in contract(family)["fields"]}
    return example(family) | {name: value for name, value in given.items() if name in names}


# Each step is a file of each family in it.
STORY: tuple[Mapping[str, list[dict[str, Any]]], ...] = (
    # Two sites, two sizes; then the same again, and one more window.
    {each: [row(each, size=size, place=place) for size in SIZES for place in (0, 1, 2)] for each in FAMILIES},
    {each: [row(each), row(each, place=1), row(each, place=2), row(each, window=1)] for each in FAMILIES},
    {"heatmap": [row("heatmap", site="shop", group="till")], "queue": [row("queue", site="shop", group="till")]},
    # A revision with fewer rows, of one group; the other stays.
    {"heatmap": [row("heatmap", revision=2, n=7), row("heatmap", group="yard", place=4)]},
    {"footfall": [row("footfall", revision=3, place=1)]},
    # A new version of the site, in one family and window: older rows of all families leave.
    {"camera_health": [row("camera_health", version=2, revision=1, window=1)]},
    # A replay of an older version comes too late to count.
    {"occupancy": [row("occupancy", version=1, revision=9, window=1)]},
)


def write_story(output: Path | str, steps: Iterable[int]) -> None:
    """Write the files of some steps."""
    for step in steps:
        write_rows(output, STORY[step])


def write_rows(output: Path | str, records: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Write a file for each family and site."""
    for family, rows in records.items():
        by_site: dict[str, list[Guarded]] = {}
        for each in rows:
            by_site.setdefault(each["site"], []).append(Guarded(family, each))
        for site, own in by_site.items():
            write_file(str(output), (family, site, "2026-01-05"), own)


def write_world(output: Path | str) -> None:
    """Write what the job makes of a small world: of some clips, of all, and of a newer site file."""
    people = [walker(2), walker(9, back=True), walker(30)]
    clips, minutes = clips_of(people, 120), span(0, 120)
    cameras = [a_camera(ground=GROUND).model_dump(mode="json")]
    older, newer = (a_site(windows=["1m", "2m"], site_version=version, cameras=cameras) for version in (1, 2))
    for site, some, asked in ((older, clips[3:7], minutes), (older, clips, minutes), (newer, clips, span(60, 120))):
        records = records_of(site, some, asked)
        for family, kind in FAMILIES.items():
            write_rows(output, {family: [to_fields(record) for record in records if type(record) is kind]})


def expected(output: Path | str, size: int) -> dict[str, list[str]]:
    """Return the rows of one window size that stand, by family, in a form that can be compared."""
    found = current(read_records(output))
    return {
        family: comparable(each for each in rows if each["window_size_seconds"] == size)
        for family, rows in found.items()
    }


def comparable(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return rows in a form that can be compared, whatever their order."""
    return sorted(repr(sorted((name, str(value)) for name, value in row.items())) for row in rows)
