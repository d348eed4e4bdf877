"""Error intervals: the level they promise, what they rest on, and when there is none."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.audit import Samples
from schemas.geometry import geometry_digest, ground_digest
from schemas.least import LeastCounts
from schemas.records import (
    CameraHealth,
    Dwell,
    Flow,
    Footfall,
    Heatmap,
    MetricRecord,
    Movement,
    Occupancy,
    Queue,
)
from tests.support.world import GROUND, MODEL, a_camera, a_site, clips_of, records_of, span, stander, walker
from transforms.intervals import LEAST_SAMPLES, errors_of, errors_of_totals, interval_of_part, interval_of_sum
from transforms.metrics import TOTAL
from transforms.protect import protect

Pairs = list[tuple[float, float]]
PAIRS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=60)


def samples(pairs: Pairs, seconds: float = 10) -> Samples:
    return Samples(seconds=seconds, samples=tuple(pairs))


def miscount(true: int, rng: random.Random) -> int:
    """One of twelve people is missed, and now and then somebody is counted who is not there."""
    return sum(rng.random() > 1 / 12 for _ in range(true)) + (rng.random() < 0.05)


def clip_of(mean: float, rng: random.Random) -> tuple[int, int]:
    true = sum(rng.random() < mean / 10 for _ in range(10))
    return miscount(true, rng), true


@pytest.mark.parametrize("audited", [15, 40, 120])
@pytest.mark.parametrize("mean", [0.5, 4])
def test_the_truth_is_within_in_nine_windows_of_ten(audited: int, mean: float) -> None:
    """Also where few clips were audited: the level holds over audits."""
    rng = random.Random(1)
    within = windows = 0
    for _ in range(200):
        errors = errors_of(samples([clip_of(mean, rng) for _ in range(audited)]))
        for _ in range(10):
            counted, true = clip_of(mean, rng)
            low, high = interval_of_sum(errors, counted, 10)
            if low is not None and high is not None:
                within += low <= true <= high
                windows += 1
    assert windows > 700
    assert within / windows >= 0.89


@pytest.mark.parametrize("clips", [6, 90])
def test_the_truth_is_within_also_over_a_longer_time(clips: int) -> None:
    rng = random.Random(2)
    within = 0
    widths = []
    for _ in range(400):
        errors = errors_of(samples([clip_of(2, rng) for _ in range(60)]))
        pairs = [clip_of(2, rng) for _ in range(clips)]
        counted, true = (sum(values) for values in zip(*pairs, strict=True))
        low, high = interval_of_sum(errors, counted, 10 * clips)
        assert low is not None and high is not None
        within += low <= true <= high
        widths.append((high - low) / counted)
    assert within / 400 >= 0.87
    assert sum(widths) / 400 < 0.35, "and it says something"


def test_what_is_missed_on_the_whole_moves_the_interval() -> None:
    """A camera that sees nine of ten: of 900 counted people there were about a thousand."""
    errors = errors_of(samples([(9, 10), (18, 20), (9, 10), (27, 30)] * 5))
    assert interval_of_sum(errors, 900, 3600) == (900, 1000)


def test_without_errors_the_interval_is_the_value() -> None:
    errors = errors_of(samples([(3, 3)] * 9 + [(0, 0)] * 9))
    assert interval_of_sum(errors, 2, 10) == (2, 2)
    assert interval_of_sum(errors, 200, 1000) == (200, 200)
    assert interval_of_sum(errors, 0, 1000) == (0, 0)


def test_too_few_samples_tell_nothing() -> None:
    assert LEAST_SAMPLES == 9
    busy, idle = (1.0, 1.0), (0.0, 0.0)
    few = errors_of(samples([busy] * 8 + [idle] * 9))
    assert interval_of_sum(few, 1, 10) == (None, None)
    assert interval_of_sum(few, 0, 10) == (0, 0)
    enough = errors_of(samples([busy] * 9 + [idle] * 8))
    assert interval_of_sum(enough, 1, 10) == (1, 1)
    assert interval_of_sum(enough, 0, 10) == (None, None)
    assert interval_of_sum(None, 1, 10) == interval_of_sum(enough, None, 10) == (None, None)


def test_idle_samples_do_not_speak_for_busy_ones() -> None:
    busy: Pairs = [(2, 3), (2, 1), (2, 2), (3, 4), (3, 2)] * 3
    alone = interval_of_sum(errors_of(samples(busy)), 2, 10)
    assert alone == interval_of_sum(errors_of(samples(busy + [(0, 0)] * 500)), 2, 10) == (1, 3)


def test_what_is_missed_where_nothing_is_counted_adds_up() -> None:
    errors = errors_of(samples([(0, 0)] * 8 + [(0, 1)] * 2))
    assert interval_of_sum(errors, 0, 10) == (0, 1)
    low, high = interval_of_sum(errors, 0, 300)
    assert low == 0 and high is not None and 6 < high < 15


@settings(max_examples=200, derandomize=True)
@given(PAIRS, st.integers(0, 10_000), st.floats(0.1, 90_000), st.randoms(use_true_random=False))
def test_the_value_is_within_and_nothing_is_below_nobody(
    pairs: Pairs, counted: int, seconds: float, rng: random.Random
) -> None:
    low, high = found = interval_of_sum(errors_of(samples(pairs)), counted, seconds)
    classes = sum((c > 0) == (counted > 0) for c, _ in pairs)
    assert (low is None) == (high is None) == (classes < LEAST_SAMPLES)
    if low is not None and high is not None:
        assert 0 <= low <= counted <= high
    mixed = pairs[:]
    rng.shuffle(mixed)
    assert interval_of_sum(errors_of(samples(mixed)), counted, seconds) == found, "whatever the samples' order"


AUDIT = {
    "model": MODEL,
    "crossings": {"seconds": 10, "samples": [[1, 1], [1, 2], [0, 0]] * 9},
    "occupancy": {"seconds": 10, "samples": [[1, 1.1], [0, 0.1]] * 20},
    "peaks": {"seconds": 10, "samples": [[1, 2], [2, 2], [0, 1]] * 20},
    "waiting": {"seconds": 10, "samples": [[1, 1.1], [0, 0.1]] * 20},
    "visits": {"seconds": 10, "samples": [[1, 1], [1, 2], [0, 1]] * 9},
    "transitions": {
        "seconds": 10,
        "samples": [[1, 1], [1, 2], [0, 0], [0, 0]] * 9,
        "at": [(window, place) for window in range(18) for place in range(2)],
    },
    "walking": {"seconds": 10, "samples": [[1, 1.1], [0, 0.1]] * 20},
    "presence": {"seconds": 60, "samples": [[1, 1.1], [0, 0.1]] * 9},
}
ENDS: dict[type, tuple[str, ...]] = {
    Footfall: ("count",), Occupancy: ("mean", "peak"), Dwell: ("visits",), Flow: ("count",),
    Queue: ("length_mean", "length_peak", "joined", "left"), Heatmap: ("person_seconds",),
    Movement: ("person_seconds",),
}  # fmt: skip


def recorded(audit: dict[str, Any] | None, until_s: int = 60) -> list[MetricRecord]:
    camera = a_camera(audit=audit, ground=GROUND)
    site = a_site(cameras=[camera.model_dump(mode="json", exclude_none=True)])
    clips = clips_of([walker(1), walker(20), stander(1.5, 0.8, 2, 30)], 60)
    return records_of(site, clips, span(0, until_s))


def ends(record: MetricRecord) -> list[tuple[Any, Any, Any]]:
    """Return each value of a record that has an interval, between its ends."""
    return [tuple(getattr(record, f"{field}{end}") for end in ("_low", "", "_high")) for field in ENDS[type(record)]]


def test_every_row_has_an_interval_by_the_cameras_audit_but_of_what_is_no_estimate() -> None:
    found = recorded(AUDIT)
    assert {type(record) for record in found} - {CameraHealth} == set(ENDS)
    for record in found:
        if isinstance(record, CameraHealth):
            continue
        for low, value, high in ends(record):
            if isinstance(record, Dwell) and record.status == "CENSORED":
                assert (low, high) == (None, None)
            else:
                assert low <= value <= high
                assert type(low) is type(value) is type(high)


@pytest.mark.parametrize(
    ("measure", "family", "told"),
    [
        ("visits", Queue, {"left", "joined"}),
        ("peaks", Queue, {"length_peak"}),
        ("waiting", Queue, {"length_mean"}),
        ("occupancy", Occupancy, {"mean"}),
        ("peaks", Occupancy, {"peak"}),
        ("walking", Movement, {"person_seconds"}),
    ],
)
def test_a_value_is_told_by_its_own_measure(measure: str, family: type, told: set[str]) -> None:
    rows = [each for each in recorded({"model": MODEL, measure: AUDIT[measure]}) if isinstance(each, family)]
    assert rows
    for row in rows:
        assert {name for name in ENDS[family] if getattr(row, f"{name}_high") is not None} == told


def test_a_cell_is_off_as_the_zones_are_and_its_total_as_the_picture_is() -> None:
    for measure, total in (("occupancy", False), ("presence", True)):
        audit = {"model": MODEL, measure: AUDIT[measure]}
        rows = [each for each in recorded(audit) if isinstance(each, Heatmap)]
        assert {each.cell_column == TOTAL for each in rows if each.person_seconds_high is not None} == {total}


def test_without_an_audit_and_with_another_models_there_is_none() -> None:
    bare = recorded(None)
    assert {each[::2] for record in bare if type(record) in ENDS for each in ends(record)} == {(None, None)}
    assert recorded(AUDIT | {"model": "ba9876543210"}) == bare


def test_an_audit_of_another_geometry_says_nothing() -> None:
    own = geometry_digest(a_camera())
    assert recorded(AUDIT | {"geometry": own}) == recorded(AUDIT)
    assert recorded(AUDIT | {"geometry": geometry_digest(a_camera(ground=GROUND, fps=4))}) == recorded(None)


def test_who_walks_is_of_the_ground_it_was_counted_on_and_all_else_is_not() -> None:
    def of(ground: str) -> list[MetricRecord]:
        return recorded(AUDIT | {"geometry": geometry_digest(a_camera()), "ground": ground})

    own, other = of(ground_digest(a_camera(ground=GROUND)) or ""), of("0" * 12)
    assert own == recorded(AUDIT)
    assert [each for each in other if not isinstance(each, Movement)] == [
        each for each in own if not isinstance(each, Movement)
    ]
    assert {each[::2] for row in other if isinstance(row, Movement) for each in ends(row)} == {(None, None)}


def test_an_empty_bin_of_a_busy_zone_is_no_idle_time() -> None:
    pairs: Pairs = [(1, 1), (2, 2), (3, 4)] * 6 + [(0, 0)] * 9 + [(0, 2)] * 9
    errors = errors_of(samples(pairs, 30))
    _, idle = interval_of_sum(errors, 0, 3600)
    assert idle is not None and idle > 50, "an hour in which nobody was counted at all"
    low, empty = interval_of_part(errors, 0, 3600)
    assert low == 0 and empty is not None and empty <= 2
    assert interval_of_part(errors, 5, 3600) == interval_of_sum(errors, 5, 3600)
    few = errors_of(samples([(1, 1)] * 8 + [(0, 1)] * 20, 30))
    assert interval_of_part(few, 0, 30) == (None, None)


def test_a_total_is_told_from_sums_of_whole_windows() -> None:
    """A person is now and then taken to have gone elsewhere: each pair is wrong, and the total is not."""
    pairs: Pairs = [(1, 0), (1, 2)] * 10
    at = [(window, place) for window in range(10) for place in range(2)]
    told = Samples(seconds=10, samples=tuple(pairs), at=tuple(at))
    assert interval_of_sum(errors_of_totals(told), 2, 10) == (2, 2)
    assert interval_of_sum(errors_of(told), 2, 10) == (1, 3)
    missing = Samples(seconds=10, samples=told.samples[1:], at=tuple(at)[1:])
    assert interval_of_sum(errors_of_totals(missing), 2, 10) == (2, 2), "the window that lacks a place is left out"
    assert errors_of_totals(samples(pairs)) is None
    assert interval_of_sum(errors_of_totals(told), 6, 30) == (6, 6)
    assert interval_of_sum(errors_of_totals(told), 8, 40) == (None, None), "more than a third of the time audited"


def test_an_audit_changes_no_value() -> None:
    nothing = {f"{field}_{end}": None for fields in ENDS.values() for field in fields for end in ("low", "high")}
    assert [
        replace(record, **{name: value for name, value in nothing.items() if hasattr(record, name)})
        for record in recorded(AUDIT)
    ] == recorded(None)


def test_no_data_and_suppressed_cells_have_none() -> None:
    second = [record for record in recorded(AUDIT, 120) if not record.coverage and type(record) in ENDS]
    assert second and {each for record in second for each in ends(record)} == {(None, None, None)}
    least = LeastCounts(**dict.fromkeys(LeastCounts.model_fields, 1000))
    counted = [record for record in recorded(AUDIT) if type(record) in ENDS]
    hidden = [record for record in protect(counted, least) if record.suppressed]
    assert hidden and {each for record in hidden for each in ends(record)} == {(None, None, None)}
