"""Groups of windows are released once, protected as a whole; nobody, somebody and no data stay told apart."""

import random
from dataclasses import replace
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from schemas.avro import FAMILY_OF
from schemas.least import LeastCounts
from schemas.records import CameraHealth, Dwell, Flow, Footfall, Heatmap, MetricRecord, Movement, Occupancy, Queue
from schemas.site import Site
from tests.support.attack import attack
from tests.support.crowds import a_group, as_written, crowd, crowded_site
from tests.support.graph import pipeline
from tests.support.state import Driven
from tests.support.stream import count
from tests.support.world import a_clip, clips_of, in_order, protected_of, records_of, seconds, span
from transforms.detections import ClipDetections
from transforms.guard import inspect, to_fields
from transforms.protect import (
    GroupKey,
    Measured,
    ProtectAggregates,
    _ReleaseFn,
    least_counts,
    may_follow,
    protect,
    suppress,
    to_group,
    waits,
)
from transforms.tables import CELLS, key_of, span_of
from transforms.vocabulary import vocabulary_of

ALL = LeastCounts(footfall=5, occupancy=5, dwell=5, queue=5, flow=5, heatmap=5)


@pytest.mark.parametrize(
    ("k", "seed", "people"),
    [(5, 1, 4), (5, 1, 10), (dict(ALL), 1, 10), ({"footfall": 4, "dwell": 1}, 6, 8)],
)  # fmt: skip
def test_no_suppressed_cell_is_told_by_anything_that_is_written(k: Any, seed: int, people: int) -> None:
    """Each count can be from 1 to k, as far as what other families say in any case lets it; none is known."""
    site = crowded_site(k)
    rows = a_group(site, seed, people)
    least = least_counts(site.k)
    truth = {(FAMILY_OF[type(row)], key_of(row)[1:], span_of(row)[:2]): row.n for row in rows}
    told = attack(as_written(protect(rows, site.k)))
    widest = attack(as_written([suppress(row) if least[type(row)] > 1 else row for row in rows]))
    open_ = {each[:5]: each for each in widest}
    assert not [each for each in told if each.recovered]
    for each in told:
        n = truth.get((each.family, each.key, each.window), 0)
        k_here = getattr(site.k, each.family)
        if each.quantity == "n" and 0 < n < k_here and each[:5] in open_:
            most, fewest = open_[each[:5]].most, open_[each[:5]].least
            assert each.most > int(min(k_here, most + 0.001)) - 0.01
            assert n == 1 or each.least < max(1, int(fewest + 0.999)) + 0.01


def test_small_counts_are_written_only_where_another_family_says_them() -> None:
    site = crowded_site()
    rows = a_group(site, 1, 10)
    shown = protect(rows, site.k)
    said = attack(as_written([suppress(row) if waits(row, site) else row for row in rows]))
    known = {(each.family, each.key, each.window) for each in said if each.quantity == "n" and each.recovered}
    small = [row for row in shown if waits(row, site) and 0 < row.n < 5]
    assert all((FAMILY_OF[type(row)], key_of(row)[1:], span_of(row)[:2]) in known for row in small)
    assert small
    assert not [row for row in protect(rows, ALL) if 0 < row.n < 5]


def test_nothing_of_a_suppressed_cell_is_left_and_the_guard_lets_it_through() -> None:
    site = crowded_site()
    hidden = [row for row in protect(a_group(site, 1, 10), ALL) if row.suppressed]
    assert {type(row) for row in hidden} == {Footfall, Occupancy, Dwell, Queue, Flow, Heatmap, Movement}
    vocabulary = vocabulary_of((site,), {("lab", "door"): hidden[0].model}, ())
    for row in hidden:
        assert row.n == 0
        assert all(getattr(row, name) is None for name in CELLS[type(row)].values)
        assert inspect(FAMILY_OF[type(row)], to_fields(row), vocabulary).violations == ()


def test_nobody_and_no_data_are_written_as_they_are() -> None:
    site = crowded_site()
    nobody = [r for r in records_of(site, [a_clip(0, 120)], span(0, 120)) if type(r) in CELLS]
    nothing = [r for r in records_of(site, [], span(0, 120)) if type(r) in CELLS]
    for rows in (nobody, nothing):
        assert in_order(protect(rows, site.k)) == in_order(rows)
    assert all(row.visits == 0 for row in protect(nobody, site.k) if isinstance(row, Dwell))
    assert all(row.visits is None and not row.suppressed for row in protect(nothing, ALL) if isinstance(row, Dwell))


def test_the_order_of_records_makes_no_difference() -> None:
    site = crowded_site()
    rows = a_group(site, 1, 10)
    again = rows[:]
    random.Random(1).shuffle(again)
    assert protect(again, site.k) == protect(rows, site.k)


def test_the_mean_is_left_out_beside_a_suppressed_bin() -> None:
    site = crowded_site({"dwell": 5, "queue": 5, "occupancy": 5})
    shown = protect(a_group(site, 3, 40), site.k)
    hidden = {(span_of(row), row.zone) for row in shown if isinstance(row, Dwell) and row.bin >= 0 and row.suppressed}
    totals = [
        row for row in shown if isinstance(row, Dwell) and row.bin < 0 and row.status == "COMPLETED" and row.visits
    ]
    assert any((span_of(row), row.zone) in hidden for row in totals)
    for row in totals:
        assert (row.mean_seconds is None) == ((span_of(row), row.zone) in hidden)


def test_what_was_published_is_followed_only_by_what_differs_by_k() -> None:
    site = crowded_site()
    before = [row for row in protect(a_group(site, 3, 30), site.k) if waits(row, site)]
    index = next(i for i, row in enumerate(before) if isinstance(row, Heatmap) and row.n > 9)

    def with_n(n: int) -> list[MetricRecord]:
        return [replace(row, n=n) if i == index else row for i, row in enumerate(before)]

    n = before[index].n
    assert may_follow(before, [], site.k)
    assert may_follow(before, before, site.k)
    assert may_follow([replace(row, revision=99, site_version=2) for row in before], before, site.k)
    assert may_follow(with_n(n + 5), before, site.k)
    assert not may_follow(with_n(n + 4), before, site.k)
    assert not may_follow(with_n(n + 5), [*before, *with_n(n + 6)], site.k)
    hidden = [suppress(row) if i == index else row for i, row in enumerate(before)]
    assert not may_follow(hidden, before, site.k)
    assert not may_follow(before, hidden, site.k)
    assert may_follow(before[:index] + before[index + 1 :], before, site.k)  # as many left as were there


SITE = crowded_site()
ASKED = span(0, 240)
CLIPS = clips_of(crowd(4, 240, 6), 240, every_s=40)
PUBLISHED = protected_of(SITE, CLIPS, ASKED)


def test_a_batch_publishes_groups_whatever_the_order() -> None:
    clips = CLIPS + CLIPS[3:5]
    random.Random(3).shuffle(clips)
    with pipeline() as root:
        made = root | beam.Create(clips, reshuffle=False).with_output_types(ClipDetections)
        found = count(made, SITE, ASKED, bounded=True) | ProtectAggregates((SITE,), bounded=True)
        assert_that(found, equal_to(PUBLISHED))


def test_a_replay_withholds_a_group_that_hardly_differs() -> None:
    first, second = (
        [row for row in PUBLISHED if waits(row, SITE) and seconds(start) <= row.window_start < seconds(start + 120)]
        for start in (0, 120)
    )
    other = [replace(row, n=row.n + 1) if not row.suppressed and row.n else row for row in second]

    def before(key: GroupKey) -> list[MetricRecord]:
        return [row for row in (*first, *other) if key[2] <= row.window_start < key[3]]

    with pipeline() as root:
        made = root | beam.Create(CLIPS, reshuffle=False).with_output_types(ClipDetections)
        found = count(made, SITE, ASKED, bounded=True) | ProtectAggregates((SITE,), True, before)
        assert_that(found, equal_to([row for row in PUBLISHED if row not in second]))


def driven(site: Site) -> Driven:
    return Driven(_ReleaseFn({site.site: site}, False, None))


def released(given: list[Any]) -> list[MetricRecord]:
    return [each.value for each in given]


def test_a_group_of_a_stream_is_released_once_when_lateness_is_over() -> None:
    rest = records_of(SITE, CLIPS, ASKED)
    first = [replace(record, n=0, revision=record.revision - 1) for record in rest]
    fn = driven(SITE)
    for record in [*rest, *first]:  # a lower revision may come later
        for key, measured in to_group(record, SITE):
            fn.process((key, measured))
    assert fn.advance(seconds(120 + 180)) == []
    found = released(fn.advance(seconds(240 + 180 + 600)))
    expected = [row for row in PUBLISHED if waits(row, SITE)]
    assert in_order(found) == expected
    for record in rest:
        for key, measured in to_group(replace(record, revision=99), SITE):
            fn.process((key, measured))
    assert fn.advance(seconds(240 + 4 * 3600)) == []
    assert {fn.size(key) for record in rest for key, _ in to_group(record, SITE)} == {0}


def test_what_a_group_keeps_does_not_grow_with_its_revisions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.protect.KEPT_FREELY", 10)
    fn = driven(SITE)
    rows = [record for record in a_group(SITE, 1, 3) if isinstance(record, Dwell)]
    ((key, _),) = to_group(rows[0], SITE)
    for revision in range(20):
        for record in rows:
            fn.process((key, Measured(replace(record, revision=revision))))
    assert len(fn.cells(key)["held"].values()) <= 3 * len(rows) + 10


def test_families_without_k_pass_at_once() -> None:
    given = [record for record in records_of(SITE, CLIPS, ASKED) if isinstance(record, CameraHealth | Footfall)]
    with pipeline() as root:
        made = root | beam.Create(given, reshuffle=False).with_output_types(MetricRecord)
        assert_that(made | ProtectAggregates((SITE,), bounded=False), equal_to(given))
