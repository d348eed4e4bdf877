"""An audit of a shared floor with known truth: from half the windows, and held against the truth of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest

from pipeline.audit.block import audit_of
from pipeline.audit.windows import AuditWindow, Item, audit_windows
from schemas.audit import Audit, Measure
from schemas.avro import FAMILY_OF
from schemas.clock import EPOCH, SECOND_US
from schemas.envelope import SCHEMA_VERSION, Envelope
from schemas.records import FAMILIES, Dwell, Flow, MetricRecord, Occupancy
from schemas.site import Site
from tests.support.floor import a_floor_site, films
from tests.support.world import MODEL, place_events, seconds, span
from tests.transforms.test_floor import passers
from transforms.detections import ClipDetections
from transforms.events import PlaceEvents
from transforms.geometry import inside
from transforms.guard import to_fields
from transforms.metrics import ANY_ZONE, TOTAL, records
from transforms.window_events import WindowEvents
from transforms.windows import Window

ZONES = {
    "left": [(1.0, 1.0), (4.5, 1.0), (4.5, 7.0), (1.0, 7.0)],
    "right": [(7.5, 1.0), (11.0, 1.0), (11.0, 7.0), (7.5, 7.0)],
}
UNTIL_S, WINDOW_S, STEP_S = 240, 5, 0.1
SITE = a_floor_site(0.2, 3.0, windows=[f"{WINDOW_S}s"], zones=ZONES)
PEOPLE = passers(60, UNTIL_S, 7)
PROVEN_S = 2
"""After which a departure is proven: the zones' exit grace."""

Values = Mapping[tuple[Measure, int], Mapping[Item, float]]


@cache
def watched() -> tuple[list[ClipDetections], list[PlaceEvents]]:
    """Return what is detected, with boxes that tremble and one in five missed, and what the floor makes of it."""
    clips = films(PEOPLE, UNTIL_S, noise=0.03, missed=0.2)
    found = place_events(SITE, "floor", clips, span(0, UNTIL_S))
    return clips, [each for each in found if each.camera == "floor"]


def recorded(site: Site) -> list[MetricRecord]:
    """Return the floor's records: each window is one segment."""
    return [
        record
        for each in watched()[1]
        for record in records(
            WindowEvents(site, site.groups[0], MODEL, Window(WINDOW_S * SECOND_US, each.start_us, each.end_us), [each])
        )
    ]


@cache
def windows() -> list[AuditWindow]:
    """Return the windows that can be audited."""
    rows: dict[str, list[Any]] = {family: [] for family in FAMILIES}
    for record in recorded(SITE):
        times = {name: EPOCH + timedelta(microseconds=getattr(record, name)) for name in ("window_start", "window_end")}
        rows[FAMILY_OF[type(record)]].append(to_fields(record) | times)
    envelopes = [
        Envelope(
            SCHEMA_VERSION, "lab", clip.camera, "one", 0, clip.start_us, clip.end_us, 0, 5, "h264", 1, clip.sha256
        )
        for clip in watched()[0]
    ]  # fmt: skip
    return audit_windows(SITE.groups[0], rows, envelopes)


@cache
def truth() -> Values:
    """Return who was there, left and went over, by measure and the window's start."""
    found: dict[tuple[Measure, int], dict[Item, float]] = {}
    measures: dict[Measure, list[Item]] = {
        "occupancy": [(name, "") for name in ZONES], "peaks": [(name, "") for name in ZONES],
        "visits": [(name, "") for name in ZONES],
        "transitions": [("left", "right"), ("right", "left")],
    }  # fmt: skip
    for number in range(UNTIL_S // WINDOW_S):
        for measure, items in measures.items():
            found[measure, seconds(number * WINDOW_S)] = dict.fromkeys(items, 0)

    def add(measure: Measure, item: Item, at_s: float, value: float = 1) -> None:
        start_us = seconds(at_s // WINDOW_S * WINDOW_S)
        if (measure, start_us) in found:
            found[measure, start_us][item] += value

    at_once: Counter[tuple[str, float]] = Counter()
    for person in PEOPLE:
        times = [t for t in np.arange(STEP_S / 2, UNTIL_S, STEP_S).tolist() if person(t) is not None]
        places = np.array([person(t) for t in times])
        stays: list[tuple[float, str]] = []
        for name, corners in ZONES.items():
            there = [t for t, is_in in zip(times, inside(places, np.array(corners)), strict=True) if is_in]
            for t in there:
                add("occupancy", (name, ""), t, STEP_S / WINDOW_S)
                at_once[name, t] += 1
            if there:
                add("visits", (name, ""), there[-1] + PROVEN_S)
                stays.append((there[0], name))
        for (_, before), (t, after) in zip(sorted(stays), sorted(stays)[1:], strict=False):
            add("transitions", (before, after), t + 1)
    for (name, t), people in at_once.items():
        peaks = found["peaks", seconds(t // WINDOW_S * WINDOW_S)]
        peaks[name, ""] = max(peaks[name, ""], people)
    return found


def audited(chosen: Sequence[AuditWindow]) -> Audit:
    """Return the audit of a person who sees everything, in these windows."""
    return audit_of(MODEL, SITE.groups[0], SITE.cameras, chosen, truth())


def with_audit(audit: Audit) -> Site:
    group = SITE.groups[0].model_copy(update={"audit": audit})
    return SITE.model_copy(update={"groups": (group,)})


def ends(record: MetricRecord) -> Iterator[tuple[Measure, Item, float | None, float | None]]:
    """Yield the intervals of a record, and what they are of."""
    match record:
        case Occupancy():
            yield "occupancy", (record.zone, ""), record.mean_low, record.mean_high
            yield "peaks", (record.zone, ""), record.peak_low, record.peak_high
        case Dwell() if record.bin == TOTAL and record.status == "COMPLETED":
            yield "visits", (record.zone, ""), record.visits_low, record.visits_high
        case Flow() if record.from_zone != ANY_ZONE:
            yield "transitions", (record.from_zone, record.to_zone), record.count_low, record.count_high


@pytest.mark.parametrize("first", [0, 1], ids=["even", "odd"])
def test_from_half_the_windows_the_intervals_of_the_others_hold(first: int) -> None:
    chosen, others = windows()[first::2], {window.start_us for window in windows()[1 - first :: 2]}
    held: dict[Measure, list[bool]] = {}
    for record in recorded(with_audit(audited(chosen))):
        if record.window_start not in others:
            continue
        for measure, item, low, high in ends(record):
            # There is none where too few of the windows audited had nobody, or nobody who left.
            if low is not None and high is not None:
                held.setdefault(measure, []).append(low <= truth()[measure, record.window_start][item] <= high)
    assert min(len(held[measure]) for measure in ("occupancy", "peaks", "visits", "transitions")) >= 15
    assert {measure: sum(each) / len(each) for measure, each in held.items() if sum(each) < 0.85 * len(each)} == {}


def test_an_audit_of_another_model_or_geometry_says_nothing_and_none_changes_a_value() -> None:
    audit = audited(windows())
    bare = recorded(SITE)
    assert {told[2:] for record in bare for told in ends(record)} == {(None, None)}
    for other in ({"model": "ba9876543210"}, {"geometry": "0" * 12}):
        assert recorded(with_audit(audit.model_copy(update=other))) == bare
    told = recorded(with_audit(audit))
    assert told != bare
    without = [
        replace(each, **{field.name: None for field in fields(each) if field.name.endswith(("_low", "_high"))})
        for each in told
    ]
    assert without == bare
