"""Groups of windows are released once, protected as a whole; nobody, somebody and no data stay told apart."""

import random
from dataclasses import replace
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from schemas.audit import Audit
from schemas.avro import FAMILY_OF
from schemas.least import LeastCounts
from schemas.records import CameraHealth, Dwell, Flow, Footfall, Heatmap, MetricRecord, Movement, Occupancy, Queue
from schemas.site import Site
from tests.support.attack import Told, attack
from tests.support.crowds import a_group, as_written, crowd, crowded_site, in_groups, published, recovered
from tests.support.graph import pipeline
from tests.support.state import Driven
from tests.support.stream import count
from tests.support.world import (
    MODEL,
    T0,
    Person,
    a_clip,
    a_site,
    clips_of,
    in_order,
    protected_of,
    records_of,
    seconds,
    span,
    stander,
)
from transforms.cells import CELLS, key_of, span_of
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
from transforms.vocabulary import vocabulary_of

ALL = LeastCounts(footfall=5, occupancy=5, dwell=5, queue=5, flow=5, heatmap=5)


KS = [
    (5, ["1m", "2m"], 1, 4),
    (5, ["1m", "2m"], 1, 10),
    (dict(ALL), ["1m", "2m"], 1, 10),
    ({"footfall": 4, "dwell": 1}, ["1m", "2m"], 6, 8),
    (dict(ALL), ["1m"], 3, 8),
]


@pytest.mark.parametrize(("k", "windows", "seed", "people"), KS)
def test_no_suppressed_cell_is_told_by_anything_that_is_written(
    k: Any, windows: list[str], seed: int, people: int
) -> None:
    """Each count can be from 1 to k, as far as what other families say in any case lets it; none else is known."""
    site = crowded_site(k, windows=windows)
    rows = a_group(site, seed, people)
    least = least_counts(site.k)
    truth = {(FAMILY_OF[type(row)], key_of(row)[1:], window(row)): row.n for row in rows}
    shown = [row for group in in_groups(site, rows).values() for row in group]
    told = attack(as_written(shown), days=[T0])
    widest = attack(as_written([suppress(row) if least[type(row)] > 1 else row for row in rows]), days=[T0])
    open_ = {each[:5]: each for each in widest}
    assert not [each for each in told if each.recovered and not open_[each[:5]].recovered]
    for each in told:
        n = truth.get((each.family, each.key, each.window), 0)
        k_here = getattr(site.k, each.family)
        if each.quantity == "n" and 0 < n < k_here and each[:5] in open_:
            most, fewest = open_[each[:5]].most, open_[each[:5]].least
            assert each.most > int(min(k_here, most + 0.001)) - 0.01
            assert n == 1 or each.least < max(1, int(fewest + 0.999)) + 0.01


def window(row: MetricRecord) -> tuple[int, int, int]:
    return *span_of(row)[:2], row.revision


@pytest.mark.parametrize(("k", "windows", "seed", "people"), KS)
def test_nothing_small_is_written_in_a_family_with_k(k: Any, windows: list[str], seed: int, people: int) -> None:
    site = crowded_site(k, windows=windows)
    least = least_counts(site.k)
    shown = [row for group in in_groups(site, a_group(site, seed, people)).values() for row in group]
    assert not [row for row in shown if (row.n or says(row)) and row.n < least[type(row)]]


PLACES = {"dwell": 5, "queue": 5, "occupancy": 5, "flow": 1, "heatmap": 1, "movement": 1}


def waiting(count: int, y: float, from_s: float, until_s: float) -> list[Person]:
    """Return people who stand side by side in the queue."""
    return [stander(1.22 + 0.12 * i, y, from_s, until_s) for i in range(count)]


def test_the_group_after_does_not_tell_how_few_went_on_from_the_one_before() -> None:
    """Three wait as a minute ends; of the next everything is many, and who joined is all that must be left out."""
    site = crowded_site(PLACES, windows=["1m"])
    errorless = Audit.model_validate({"model": MODEL, "visits": {"seconds": 60, "samples": [[1, 1], [0, 0]] * 9}})
    site = site.model_copy(update={"cameras": (site.cameras[0].model_copy(update={"audit": errorless}),)})
    people = [*waiting(3, 0.58, 50, 100), *waiting(6, 0.75, 62, 100), *waiting(6, 0.95, 64, 118)]
    shown = published(site, clips_of(people, 120, every_s=20), span(0, 120))
    assert [each for each in recovered(site.k, shown) if each.quantity == "n"] == []
    before, after = sorted((row for row in shown if isinstance(row, Queue)), key=lambda row: row.window_start)
    assert before.suppressed
    assert (after.n, after.left, after.joined, after.suppressed) == (15, 9, None, False)
    assert (after.left_low, after.left_high, after.joined_low, after.joined_high) == (9, 9, None, None)
    after_it = [row for row in shown if row.window_start == seconds(60) and type(row) in CELLS]
    assert not any(row.suppressed for row in after_it)


def test_how_long_few_have_waited_is_not_left_of_the_sums() -> None:
    """Three wait as the first minute ends, and nobody leaves; with those of the second they are many."""
    site = crowded_site(PLACES, windows=["1m", "2m"])
    people = [*waiting(3, 0.58, 50, 100), *waiting(6, 0.75, 62, 100), *waiting(6, 0.95, 64, 119)]
    shown = published(site, clips_of(people, 120, every_s=20), span(0, 120))
    assert sum(row.suppressed for row in shown if isinstance(row, Queue)) > 0
    assert [each for each in recovered(site.k, shown) if each.quantity == "waiting"] == []


def test_what_is_suppressed_block_by_block_is_not_told_either(monkeypatch: pytest.MonkeyPatch) -> None:
    site = crowded_site(5)
    rows = a_group(site, 5, 60)
    whole = protect(rows, site.k)
    monkeypatch.setattr("transforms.programs.LARGE", 1)
    monkeypatch.setattr("transforms.tables.BLOCK", 1)
    shown = protect(rows, site.k)
    assert shown != whole
    assert recovered(site.k, shown) == []


def test_that_nobody_goes_on_over_the_start_of_a_day_tells_nothing() -> None:
    """Two visits are cut short by a gap in a day's first minute, and all else of it is many."""
    site = crowded_site(PLACES, windows=["1m"])
    people = [*waiting(2, 0.58, 2, 19), *waiting(6, 0.75, 42, 55), *waiting(6, 0.95, 42, 110)]
    clips = [clip for clip in clips_of(people, 120, every_s=20) if clip.start_us != seconds(20)]
    shown = published(site, clips, span(0, 120))
    assert any(row.suppressed and row.status == "CENSORED" for row in shown if isinstance(row, Dwell))
    assert [each for each in recovered(site.k, shown) if each.quantity == "n"] == []


def says(row: MetricRecord) -> bool:
    return any(getattr(row, name) for name in CELLS[type(row)].values)


def clips_from(start_s: float, people: list[Person]) -> list[ClipDetections]:
    return [a_clip(start_s + 20 * i, start_s + 20 * (i + 1), people, sequence=i) for i in range(6)]


GLIMPSES = {
    "a picture that stands for time in the next window": (Heatmap, clips_from(0.1, [stander(1.5, 0.9, 20, 60)])),
    "in a zone for less than a visit": (Occupancy, clips_from(0, [stander(1.5, 0.9, 59.5, 59.9)])),
    "in a queue, as its camera failed": (Queue, clips_from(0, [stander(1.5, 0.9, 5, 50)])[:2]),
}


@pytest.mark.parametrize("name", GLIMPSES)
def test_somebody_is_never_shown_for_that_no_visit_is_counted(name: str) -> None:
    kind, clips = GLIMPSES[name]
    site = a_site(windows=["1m"], k=dict(ALL))
    measured = [row for row in records_of(site, clips, span(0, 120)) if isinstance(row, kind) and says(row)]
    assert measured, "somebody was there"
    shown = published(site, clips, span(0, 120))
    assert not [row for row in shown if isinstance(row, kind) and says(row)]
    assert sum(row.suppressed for row in shown if isinstance(row, kind)) >= len(measured)


def test_one_in_a_queue_is_suppressed_in_dwell_though_the_queue_tells_of_it() -> None:
    site = a_site(windows=["1m", "2m"], k=5)
    shown = protected_of(site, clips_of([stander(1.5, 0.9, 5, 50)], 120, every_s=20), span(0, 120))
    left = [row for row in shown if isinstance(row, Queue) and row.left]
    assert [(row.left, row.wait_mean_seconds) for row in left] == [(1, 45.0)] * 2, "of one minute, and of both"
    own = [row for row in shown if isinstance(row, Dwell) and row.zone == "desk"]
    hidden = [row for row in own if row.suppressed]
    assert {row.status for row in hidden} >= {"COMPLETED"}
    assert all((row.visits, row.n, row.mean_seconds, row.p50_seconds, row.p90_seconds) == (None, 0, *[None] * 3)
               for row in hidden)  # fmt: skip
    assert {row.visits for row in own if not row.suppressed} == {0}


def test_what_few_stays_were_is_not_left_of_the_sums_where_a_count_is_told_elsewhere() -> None:
    """A visit to a queue that a gap cuts short, and six in the next minute: the queue tells how many, not how long."""
    site = a_site(windows=["1m", "2m"], k=5)
    people = [stander(1.25, 0.9, 2, 50), *(stander(1.22 + 0.1 * i, 0.6 + 0.06 * i, 62 + i, 115) for i in range(6))]
    clips = [clip for clip in clips_of(people, 120, every_s=20) if clip.start_us not in (seconds(20), seconds(80))]
    rows = records_of(site, clips, span(0, 120))
    censored = [row for row in rows if isinstance(row, Dwell) and row.zone == "desk" and row.status == "CENSORED"]
    assert sorted((row.window_size_seconds, row.n) for row in censored) == [(60, 1), (60, 6), (120, 7)]
    shown = [row for row in protected_of(site, clips, span(0, 120)) if isinstance(row, Dwell)]
    shown = [row for row in shown if row.zone == "desk" and row.status == "CENSORED"]
    told = {(row.window_size_seconds, row.n): row.mean_seconds is not None for row in shown}
    assert told == {(60, 0): False, (60, 6): True, (120, 7): False}


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
    site = crowded_site(PLACES)
    shown = protect(a_group(site, 7, 40), site.k)
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
    assert not may_follow(with_n(n + 5), with_n(n + 4)[: index + 1] + before, site.k), "it was another value before"
    hidden = [suppress(row) if i == index else row for i, row in enumerate(before)]
    assert not may_follow(hidden, before, site.k)
    assert not may_follow(before, hidden, site.k)
    assert may_follow(before[:index] + before[index + 1 :], before, site.k)  # as many left as were there
    assert may_follow(before, before[:index] + before[index + 1 :], site.k)  # as many came
    assert not may_follow(hidden, before[:index] + before[index + 1 :], site.k), "now somebody was there"


def test_what_was_published_of_other_windows_and_places_is_not_followed() -> None:
    site = crowded_site()
    rows = protect(a_group(site, 3, 30), site.k)
    by_size = {size: [row for row in rows if row.window_size_seconds == size] for size in (60, 120)}
    assert not may_follow(by_size[60], rows, site.k)
    assert not may_follow(by_size[120], rows, site.k)
    assert may_follow(rows, by_size[120], site.k), "all that was written stands in it, and it is protected as a whole"
    counted = next(i for i, row in enumerate(by_size[120]) if isinstance(row, Heatmap) and row.n > 9)
    other = [replace(row, n=row.n - 5) if i == counted else row for i, row in enumerate(by_size[120])]
    assert may_follow(by_size[120], other, site.k)
    assert not may_follow(rows, other, site.k), "more windows, and another table"
    shifted = [replace(row, window_start=row.window_start + 10, window_end=row.window_end + 10) for row in rows]
    assert not may_follow(rows, shifted, site.k)
    for changed in (
        [replace(row, from_seconds=row.from_seconds + 1) if isinstance(row, Dwell) else row for row in rows],
        [replace(row, columns=row.columns + 1) if isinstance(row, Heatmap) else row for row in rows],
        [replace(row, zone=f"{row.zone}2") if isinstance(row, Occupancy) else row for row in rows],
        [replace(row, zone=f"{row.zone}2") if isinstance(row, Dwell) else row for row in rows],
    ):
        assert not may_follow(changed, rows, site.k)
    elsewhere = [replace(row, camera="yard") for row in shifted]
    assert may_follow(rows, elsewhere, site.k)


CROWD = clips_of(crowd(1, 120, 40), 120, every_s=20)
REPLAYS: dict[str, tuple[dict[str, Any], dict[str, Any], int | None]] = {
    "other windows": ({"windows": ["2m"]}, {"windows": ["1m"], "site_version": 2}, None),
    "one more clip": ({}, {}, 4),
}


@pytest.mark.parametrize("name", REPLAYS)
def test_no_replay_tells_a_suppressed_cell(name: str) -> None:
    """All that release and replay have written, attacked together; were it not withheld, it would tell."""
    first, second, missing = REPLAYS[name]
    sites = crowded_site(**first), crowded_site(**second)
    before = published(sites[0], [clip for i, clip in enumerate(CROWD) if i != missing], span(0, 120))

    def told(*, withholding: bool) -> tuple[bool, list[Told]]:
        after = published(sites[1], CROWD, span(0, 120), before, withholding=withholding)
        written = [[*before, *after]] if missing is None else [before, after]
        return any(row.suppressed for row in after), recovered(sites[0].k, *written)

    assert told(withholding=True) == (False, [])
    suppressed, known = told(withholding=False)
    assert suppressed and known


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
    other = [row if row.suppressed else replace(row, n=row.n + 1) for row in second]

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
