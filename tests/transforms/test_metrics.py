"""From segments to records: agreement, sums, and the three answers: nobody, no data, suppressed."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import CameraHealth, Dwell, Flow, Footfall, Heatmap, MetricRecord, Occupancy, Queue
from tests.support.world import (
    MODEL,
    Person,
    a_camera,
    a_clip,
    a_site,
    clips_of,
    records_of,
    seconds,
    span,
    stander,
    walker,
)
from transforms.events import CellEvents, FlowEvents, LineEvents, PlaceEvents, VisitEvents, ZoneEvents
from transforms.metrics import ANY_ZONE, TOTAL, records
from transforms.window_events import WindowEvents
from transforms.windows import Window, agreeing

MINUTE_US = 60_000_000
WINDOW = Window(3 * MINUTE_US, seconds(0), seconds(180))
NOBODY = ZoneEvents(0, 0, 0, 0, 0, 0)


def segment(number: int, clips: int = 2, before: int = 0, **changes: object) -> PlaceEvents:
    events = PlaceEvents(
        "lab", "door", "door", seconds(60 * number), seconds(60 * number + 60),
        clips=clips, revision=before + clips, own_clips=clips, bad_clips=0, frames=300, frames_left_out=0,
        observed_us=MINUTE_US, scheduled_us=MINUTE_US, flawed_us=0, flaws_us=(0,) * 5,
        lines=(), zones=(NOBODY, NOBODY), visits=(), flows=(), cells=(), walks=(),
    )  # fmt: skip
    return replace(events, **changes)


def of(kind: type, found: list[MetricRecord]) -> list:
    return [record for record in found if type(record) is kind]


def written(*segments: PlaceEvents) -> list[MetricRecord]:
    window = Window(len(segments) * MINUTE_US, seconds(0), seconds(60 * len(segments)))
    site = a_site()
    return list(records(WindowEvents(site, site.cameras[0], MODEL, window, segments)))


def test_segments_agree_when_each_goes_on_from_the_one_before() -> None:
    whole = [segment(0, 2, 5), segment(1, 0, 7), segment(2, 3, 7)]
    assert agreeing(WINDOW, reversed(whole)) == whole


@pytest.mark.parametrize(
    "segments",
    [
        [segment(0, 2), segment(1, 2, 2)],
        [segment(0, 2), segment(2, 2, 2)],
        [segment(1, 2), segment(2, 2, 2)],
        [segment(0, 3), segment(1, 2, 2), segment(2, 2, 4)],
        [segment(0, 2), segment(1, 2, 2), segment(2, 2, 5)],
        [],
    ],
    ids=["end missing", "hole", "start missing", "first is newer", "last is newer", "nothing"],
)
def test_a_window_whose_segments_do_not_agree_is_not_written(segments: list[PlaceEvents]) -> None:
    assert agreeing(WINDOW, segments) is None


@settings(max_examples=60, derandomize=True)
@given(st.data())
def test_agreement_is_associative_commutative_and_idempotent(data: st.DataObject) -> None:
    """Segments of several runs of one day, in any order, with repeats and cut back to what agreed in between."""
    runs = []
    for late in range(3):
        counts = [2 + (late > 0), 2, 2 + (late > 1)]
        runs += [segment(i, counts[i], sum(counts[:i]), frames=late) for i in range(3) if not (late == 2 and i < 2)]
    newest = [*[run for run in runs if run.frames == 1][:2], runs[-1]]
    repeats = data.draw(st.lists(st.sampled_from(runs), max_size=4))
    bag = data.draw(st.permutations(runs + repeats))
    assert agreeing(WINDOW, bag) == newest
    cut = data.draw(st.integers(0, len(bag)))
    kept = agreeing(WINDOW, bag[:cut]) or bag[:cut]
    assert agreeing(WINDOW, [*kept, *bag[cut:]]) == newest


def test_every_family_has_rows_and_all_of_them_the_same_head() -> None:
    found = written(segment(0), segment(1, 2, 2))
    assert {type(record) for record in found} == {Footfall, Occupancy, Dwell, Queue, Flow, Heatmap, CameraHealth}
    for record in found:
        assert (record.window_start, record.window_end) == (seconds(0), seconds(120))
        assert (record.window_size_seconds, record.window_seconds) == (120, 120)
        assert (record.revision, record.coverage) == (4, 1.0)
        assert (record.group, record.camera, record.model, record.suppressed) == ("door", "door", MODEL, False)


def test_nobody_is_nought_and_no_data_is_null() -> None:
    nobody, nothing = written(segment(0)), written(segment(0, observed_us=0))
    assert {record.count for record in of(Footfall, nobody)} == {0}
    assert {record.count for record in of(Footfall, nothing)} == {None}
    assert [(r.mean, r.peak, r.person_seconds, r.open_visits) for r in of(Occupancy, nobody)] == [(0, 0, 0, 0)] * 2
    assert {(r.mean, r.peak, r.person_seconds, r.open_visits) for r in of(Occupancy, nothing)} == {(None,) * 4}
    assert {record.visits for record in of(Dwell, nothing)} == {None}
    assert {(r.length_mean, r.joined, r.left) for r in of(Queue, nothing)} == {(None, None, None)}
    assert [record.person_seconds for record in of(Heatmap, nothing)] == [None]
    assert [record.count for record in of(Flow, nobody)] == [0]
    assert [record.count for record in of(Flow, nothing)] == [None]
    assert {record.coverage for record in nothing} == {0.0}


def test_what_is_never_watched_has_no_records() -> None:
    assert written(segment(0, observed_us=0, scheduled_us=0)) == []


def test_crossings_are_summed_by_named_direction() -> None:
    lines = LineEvents(0, 1, 2), LineEvents(0, 0, 1)
    found = of(Footfall, written(segment(0, lines=lines), segment(1, 2, 2, lines=lines[:1])))
    assert {(record.direction, record.count, record.n) for record in found} == {("in", 4, 4), ("out", 1, 1)}


def test_occupancy_is_weighted_by_observed_time() -> None:
    busy = ZoneEvents(30_000_000, 3, 0, 0, 0, 1)
    first = segment(0, zones=(busy, NOBODY), observed_us=20_000_000)
    found = of(Occupancy, written(first, segment(1, 2, 2, zones=(NOBODY, NOBODY), observed_us=40_000_000)))
    assert [(r.zone, r.mean, r.peak, r.person_seconds) for r in found] == [("hall", 0.5, 3, 30.0), ("desk", 0, 0, 0)]


def test_transitions_are_summed_by_pair_and_in_total() -> None:
    there, back = FlowEvents(0, 1, 2), FlowEvents(1, 0, 1)
    found = of(Flow, written(segment(0, flows=(there, back)), segment(1, 2, 2, flows=(there,))))
    assert [(record.from_zone, record.to_zone, record.count, record.n) for record in found] == [
        ("hall", "desk", 4, 4), ("desk", "hall", 1, 1), (ANY_ZONE, ANY_ZONE, 5, 5),
    ]  # fmt: skip


def test_where_there_is_one_zone_there_is_no_flow() -> None:
    (camera,) = a_site().cameras
    alone = a_site(cameras=[a_camera(zones=camera.model_dump(mode="json")["zones"][:1]).model_dump(mode="json")])
    assert of(Flow, records_of(alone, clips_of([walker(1)], 60), span(0, 60))) == []


def test_stays_fall_into_half_open_bins_and_totals_stand_apart() -> None:
    visits = (
        VisitEvents(0, 1, False, 1), VisitEvents(0, 2, False, 3), VisitEvents(0, 5, False, 1),
        VisitEvents(0, 90, True, 2),
    )  # fmt: skip
    found = [record for record in of(Dwell, written(segment(0, visits=visits))) if record.zone == "hall"]
    bins = {r.bin: (r.from_seconds, r.until_seconds, r.visits) for r in found if r.bin != TOTAL}
    assert bins == {0: (0.0, 2.0, 1), 1: (2.0, 5.0, 3), 2: (5.0, None, 1)}
    totals = {r.status: (r.visits, r.mean_seconds, r.p50_seconds, r.p90_seconds) for r in found if r.bin == TOTAL}
    assert totals == {"COMPLETED": (5, 2.4, 2.0, 5.0), "CENSORED": (2, 90.0, 90.0, 90.0), "OPEN": (0, None, None, None)}


@settings(max_examples=60, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 5)), max_size=8))
def test_bins_add_up_to_the_total_and_quantiles_are_stays(stays: list[tuple[int, int]]) -> None:
    visits = tuple(VisitEvents(1, seconds_, False, count) for seconds_, count in stays)
    found = [r for r in of(Dwell, written(segment(0, visits=visits))) if r.zone == "desk" and r.status == "COMPLETED"]
    total = next(record for record in found if record.bin == TOTAL)
    lengths = sorted(length for length, count in stays for _ in range(count))
    assert sum(record.visits for record in found if record.bin != TOTAL) == total.visits == len(lengths)
    if lengths:
        assert {total.p50_seconds, total.p90_seconds} <= set(lengths)
        assert lengths[0] <= total.p50_seconds <= total.p90_seconds <= lengths[-1]
        assert sum(length <= total.p50_seconds for length in lengths) * 2 >= len(lengths)


def test_a_queue_tells_length_and_wait() -> None:
    desk = ZoneEvents(9, 9, 30_000_000, 2, 3, 1)
    visits = VisitEvents(1, 10, False, 1), VisitEvents(1, 20, False, 1), VisitEvents(1, 99, True, 1)
    (record,) = of(Queue, written(segment(0, zones=(NOBODY, desk), visits=visits)))
    assert (record.length_mean, record.length_peak, record.joined, record.left) == (0.5, 2, 3, 2)
    assert (record.wait_mean_seconds, record.wait_p50_seconds, record.wait_max_seconds) == (15.0, 10.0, 20.0)


def test_a_heat_map_has_a_row_a_cell_and_a_total() -> None:
    cells = CellEvents(1, 2_000_000, 2, 1, 1), CellEvents(6, 1_000_000, 1, 1, 0)
    found = of(Heatmap, written(segment(0, cells=cells), segment(1, 2, 2, cells=cells)))
    assert {(r.cell_column, r.cell_row, r.person_seconds, r.n) for r in found} == {
        (1, 0, 4.0, 3), (2, 1, 2.0, 1), (TOTAL, TOTAL, 6.0, 4),
    }  # fmt: skip
    assert {(r.columns, r.rows) for r in found} == {(4, 2)}


def test_a_cell_counts_at_least_the_people_who_were_in_it_together() -> None:
    """They passed before the window, left for its first segment, and came back by cells they still knew."""
    back = CellEvents(1, 2_000_000, 3, 3, 0)
    found = of(Heatmap, written(segment(0), segment(1, 2, 2, cells=(back,))))
    assert [(r.cell_column, r.n) for r in found] == [(1, 3), (TOTAL, 3)]


def pacer(x: float, step: float, from_s: float, until_s: float) -> Person:
    """Return a person who steps to and fro about a place, once in two seconds."""
    return lambda t: (x + (step if t % 2 < 1 else -step), 0.8) if from_s <= t < until_s else None


@pytest.mark.parametrize("windows", [["1m"], ["10s", "1m"]])
def test_one_person_who_paces_over_an_edge_is_one(windows: list[str]) -> None:
    found = of(Heatmap, records_of(a_site(windows=windows), clips_of([pacer(0.5, 0.02, 5, 55)], 60), span(0, 60)))
    cells = [record for record in found if record.cell_column != TOTAL]
    assert {(record.cell_column, record.cell_row) for record in cells} == {(0, 1), (1, 1)}
    assert {record.n for record in cells} == {1}


ORDINARY = st.one_of(
    st.builds(
        walker, st.integers(0, 100), speed=st.sampled_from([0.05, 0.2, 0.5]), y=st.sampled_from([0.4, 0.9]),
        back=st.booleans(),
    ),
    st.builds(lambda x, start, length: stander(x, 0.8, start, start + length), st.sampled_from([0.4, 1.5]),
              st.integers(0, 90), st.integers(1, 100)),
    st.builds(lambda x, start, length: pacer(x, 0.05, start, start + length), st.sampled_from([0.5, 1.5]),
              st.integers(0, 90), st.integers(1, 100)),
)  # fmt: skip


@settings(max_examples=8, derandomize=True)
@given(st.lists(ORDINARY, min_size=1, max_size=4))
def test_what_a_window_says_does_not_depend_on_which_others_are_written(people: list[Person]) -> None:
    clips = clips_of(people, 120)
    alone, beside = (
        [
            record
            for record in records_of(a_site(windows=sizes), clips, span(0, 120))
            if record.window_size_seconds == 60
        ]
        for sizes in (["1m"], ["10s", "1m"])
    )
    assert alone == beside


def test_a_visit_that_is_cut_short_in_a_window_without_data_is_counted() -> None:
    found = of(Dwell, written(segment(0, observed_us=0, visits=(VisitEvents(0, 9, True, 2),))))
    totals = {(r.zone, r.status): (r.visits, r.n, r.mean_seconds) for r in found if r.bin == TOTAL}
    nothing = None, 0, None
    assert totals == dict.fromkeys(totals, nothing) | {("hall", "CENSORED"): (2, 2, 9.0)}
    assert len(totals) == 6


def test_no_visit_is_lost_where_coverage_ends_with_a_window() -> None:
    found = of(Dwell, records_of(a_site(), clips_of([stander(1.5, 0.8, 30, 60)], 60), span(0, 180)))
    totals = [r for r in found if r.bin == TOTAL and r.zone == "desk" and r.status != "COMPLETED"]
    assert [(r.window_start, r.status, r.coverage, r.visits, r.n) for r in totals] == [
        (seconds(0), "CENSORED", 1.0, 0, 0), (seconds(60), "CENSORED", 0.0, 1, 1),
        (seconds(120), "CENSORED", 0.0, None, 0), (seconds(0), "OPEN", 1.0, 1, 1),
        (seconds(60), "OPEN", 0.0, None, 0), (seconds(120), "OPEN", 0.0, None, 0),
    ]  # fmt: skip


def test_a_camera_without_lines_zones_or_heat_map_still_reports() -> None:
    site = a_site(cameras=[a_camera(lines=[], zones=[], heatmap=[0, 0]).model_dump(mode="json")])
    found = records_of(site, [a_clip(0, 10)], span(0, 60))
    assert [type(record) for record in found] == [CameraHealth]


def test_a_window_cut_by_the_end_of_the_day_says_so() -> None:
    site = a_site(windows=["7m"])
    found = of(CameraHealth, records_of(site, [], span(-60, 0)))
    assert [(record.window_size_seconds, record.window_seconds) for record in found] == [(420, 86_400 % 420)]


def test_larger_windows_hold_what_small_ones_hold() -> None:
    people = [walker(start) for start in range(0, 150, 13)] + [stander(1.5, 0.9, 30, 140)]
    found = records_of(a_site(windows=["1m", "3m"]), clips_of(people, 180), span(0, 180))
    for kind, key, fields in (
        (Footfall, "direction", ("count", "n")),
        (Occupancy, "zone", ("person_seconds",)),
        (Queue, "zone", ("joined", "left")),
        (CameraHealth, "camera", ("clips", "frames", "observed_ms", "scheduled_ms")),
    ):
        small = [record for record in of(kind, found) if record.window_size_seconds == 60]
        for large in (record for record in of(kind, found) if record.window_size_seconds == 180):
            parts = [record for record in small if getattr(record, key) == getattr(large, key)]
            for field in fields:
                assert getattr(large, field) == pytest.approx(sum(getattr(part, field) for part in parts)), field
