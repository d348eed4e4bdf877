"""What groups of windows measure of made-up crowds, what runs publish of it, and what an attacker can tell."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from schemas.avro import FAMILY_OF
from schemas.clock import micros
from schemas.least import LeastCounts
from schemas.records import FAMILIES, MetricRecord
from schemas.site import Site
from tests.support.attack import Told, attack
from tests.support.world import T0, Person, a_camera, a_site, clips_of, records_of, span, stander, strip, walker
from transforms.arrivals import Span
from transforms.cells import CELLS
from transforms.detections import ClipDetections
from transforms.guard import to_fields
from transforms.protect import GroupKey, least_counts, may_follow, overlaps, protect, suppress, to_group, waits

_ZONES = [
    {"name": name, "kind": kind, "polygon": strip(left, right), "dwell_bins": ["2s", "5s"]}
    for name, kind, left, right in (("a", "area", 0, 0.3), ("b", "area", 0.3, 0.6), ("c", "queue", 0.6, 1))
]


GROUND = {
    "points": [[0.05, 1], [0.95, 1], [0.95, 0.55], [0.05, 0.55]],
    "metres": [[0, 0], [10, 0], [10, 8], [0, 8]],
}


def crowded_site(k: Any = 5, **changes: Any) -> Site:
    """Return a site of one camera with two areas, a queue and a coarse heat map, in windows of one and two minutes."""
    cameras = [a_camera(zones=_ZONES, heatmap=[3, 2], ground=GROUND).model_dump(mode="json")]
    return a_site(**{"windows": ["1m", "2m"], "cameras": cameras, "k": k} | changes)


def crowd(seed: int, until_s: float, people: int) -> list[Person]:
    """Return so many who walk through, fast and slow, and half as many who stand somewhere for a while."""
    rng = random.Random(seed)
    walkers = [
        walker(rng.uniform(0, until_s - 10), speed=rng.uniform(0.1, 0.6), y=rng.uniform(0.55, 0.95),
               back=rng.random() < 0.4)
        for _ in range(people)
    ]  # fmt: skip
    since = [rng.uniform(0, until_s - 20) for _ in range(people // 2)]
    standing = (stander(rng.uniform(0.2, 1.8), rng.uniform(0.6, 0.95), at, at + rng.uniform(2, 40)) for at in since)
    return [*walkers, *standing]


def a_group(site: Site, seed: int, people: int) -> list[MetricRecord]:
    """Return what two minutes measured, in the families that have cells: of one group, if a window is as long."""
    return list(_measured(site.model_copy(update={"k": LeastCounts()}), seed, people))


@cache
def _measured(site: Site, seed: int, people: int) -> list[MetricRecord]:
    clips = clips_of(crowd(seed, 120, people), 120, every_s=20)
    return [record for record in records_of(site, clips, span(0, 120)) if type(record) in CELLS]


def published(
    site: Site,
    clips: Iterable[ClipDetections],
    asked: Span,
    before: Sequence[MetricRecord] = (),
    *,
    withholding: bool = True,
) -> list[MetricRecord]:
    """Return what a batch run of these clips writes, in the families that have cells.

    Args:
      site: The site file.
      clips: What is detected.
      asked: From when until when.
      before: What earlier runs have written to the same output.
      withholding: Whether it is held against that, as by a job always.
    """
    measured = [record for record in records_of(site, clips, asked) if type(record) in CELLS]
    written = [record for record in measured if not waits(record, site)]
    for key, shown in in_groups(site, measured).items():
        if not withholding or may_follow(shown, [row for row in before if overlaps(row, key)], site.k):
            written += [row for row in shown if waits(row, site)]
    return written


def in_groups(site: Site, rows: Iterable[MetricRecord]) -> dict[GroupKey, list[MetricRecord]]:
    """Return records as they are published, each group protected by itself."""
    groups: dict[GroupKey, list[MetricRecord]] = defaultdict(list)
    for row in rows:
        for key, each in to_group(row, site):
            groups[key].append(each.record)
    return {key: protect(own, site.k) for key, own in groups.items()}


def recovered(k: LeastCounts, *written: Sequence[MetricRecord], wholly: bool = False) -> list[Told]:
    """Return what can be told of suppressed cells, and cannot be told from the families without a `k` alone.

    Args:
      k: The site's least counts.
      written: All that was ever written; what saw the same clips together.
      wholly: As `attack` has it.
    """
    least = least_counts(k)
    others = [[suppress(row) if least[type(row)] > 1 else row for row in rows] for rows in written]
    told, said = (attack(*map(as_written, each), wholly=wholly, days=[T0]) for each in (written, others))
    known = {each[:5] for each in said if each.recovered}
    return [each for each in told if each.recovered and each[:5] not in known]


def as_written(rows: Iterable[MetricRecord]) -> dict[str, list[dict[str, Any]]]:
    """Return records as an attacker reads them, by family."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[FAMILY_OF[type(row)]].append(to_fields(row))
    return found


def as_measured(records: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[MetricRecord]:
    """Return rows that were read back as records again, in the families that have cells."""
    found: list[MetricRecord] = []
    for kind in CELLS:
        for row in records[FAMILY_OF[kind]]:
            instants = {name: micros(row[name]) for name in ("window_start", "window_end")}
            names = {field.name for field in fields(kind)}
            found.append(FAMILIES[FAMILY_OF[kind]](**({name: row[name] for name in names} | instants)))
    return found
