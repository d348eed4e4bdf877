"""TallyClips and TallyDays: told once each, bounded on a stream that never ends, gone when told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from apache_beam import pvalue
from apache_beam.transforms.window import TimestampedValue

from schemas.clock import now_us
from schemas.site import Site
from tests.support.state import Driven
from tests.support.world import T0, a_clip, a_site, seconds, span
from transforms import evidence
from transforms.arrivals import Arrival
from transforms.dead_letters import Names, Origin, dead_clip
from transforms.detections import ClipDetections
from transforms.evidence import (
    DAY_US,
    HOUR_US,
    STREAM_END,
    DayPart,
    WrittenFile,
    _CloseDayFn,
    _CloseHourFn,
    _dropped,
    _longest,
    clip_settled_us,
    day_settled_us,
    day_tally,
    hour_of,
)
from transforms.facts import DECODED, FORGOTTEN, IN_TIME, LATE, TOO_LATE, ClipFact, fate, forgotten, known_clip
from transforms.guard import Guarded, to_fields
from transforms.tally import Tally
from transforms.track import _TrackFn

SITE = a_site()
FILE = WrittenFile("records/footfall/site=lab/date=2026-01-05/a.avro", "a" * 64, "footfall", "lab", "2026-01-05", 3, 1)


@pytest.fixture(autouse=True)
def then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the wall clock stand at the beginning of the site's day, as for a stream that is live."""
    monkeypatch.setattr(evidence, "now_us", lambda: T0)


def told_of(clip: ClipDetections) -> list[ClipFact]:
    return [known_clip(clip, DECODED, 100), fate(clip, IN_TIME)]


def hours() -> Driven:
    return Driven(_CloseHourFn(_longest([SITE], clip_settled_us)))


def parts(found: list[TimestampedValue]) -> list[tuple[tuple[str, str], DayPart]]:
    return [each.value for each in found]


def test_facts_told_again_make_no_difference() -> None:
    """A bundle that is tried again tells its facts twice: the sums are those of telling them once."""
    clips = [a_clip(10 * number, 10 * number + 10, sequence=number) for number in range(20)]
    facts = [fact for clip in clips for fact in told_of(clip)]
    once, twice = hours(), hours()
    for fact in facts:
        once.process((hour_of(fact), fact))
        for again in (fact, fact):
            twice.process((hour_of(again), again))
    ((key, first),) = parts(once.advance(T0 + DAY_US))
    ((_, second),) = parts(twice.advance(T0 + DAY_US))
    assert key == ("lab", "2026-01-05")
    assert first.tally.clips["read"] == second.tally.clips["read"] == 20
    assert second.tally.clips["deliveries"] == 40
    assert replace(first.tally, clips={}) == replace(second.tally, clips={})


def test_an_hour_is_told_when_nothing_more_can_become_of_its_clips_and_not_before() -> None:
    driven = hours()
    fact = told_of(a_clip(0, 10))[0]
    driven.process((hour_of(fact), fact))
    settled = T0 + HOUR_US + clip_settled_us(SITE)
    assert driven.advance(settled - 1) == []
    assert len(driven.advance(settled)) == 1
    assert driven.size(hour_of(fact)) == 0, "and is gone then"


def test_what_a_stream_keeps_does_not_grow_with_its_length() -> None:
    driven = hours()
    most = []
    for hour in range(36):
        for minute in range(0, 60, 5):
            at_s = hour * 3600 + minute * 60
            for fact in told_of(a_clip(at_s, at_s + 10)):
                driven.process((hour_of(fact), fact))
            driven.advance(seconds(at_s))
        keys = [("lab", "door", T0 + past * HOUR_US) for past in range(hour + 1)]
        most.append(sum(driven.size(key) for key in keys))
    assert max(most[6:]) <= max(most[:6]) > 0


def test_what_comes_after_the_closing_gathers_until_the_next_full_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    driven = hours()
    facts = [told_of(a_clip(10 * number, 10 * number + 10))[0] for number in range(3)]
    driven.process((hour_of(facts[0]), facts[0]))
    driven.advance(T0 + DAY_US)
    later = T0 + 30 * HOUR_US + 1
    monkeypatch.setattr(evidence, "now_us", lambda: later)
    for fact in facts[1:]:
        driven.process((hour_of(fact), fact))
        assert driven.advance(later) == []
    ((_, part),) = parts(driven.advance(T0 + 31 * HOUR_US))
    assert part.tally.clips["read"] == 2


def test_a_day_is_summed_up_and_a_file_written_again_is_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    driven = Driven(_CloseDayFn(_longest([SITE], day_settled_us)))
    key = "lab", "2026-01-05"
    for part in (
        DayPart(Tally(clips={"read": 2})),
        DayPart(file=FILE),
        DayPart(Tally(clips={"read": 1})),
        DayPart(file=FILE),
    ):
        driven.process((key, part))
    settled = T0 + DAY_US + day_settled_us(SITE)
    assert driven.advance(settled - 1) == []
    monkeypatch.setattr(evidence, "now_us", lambda: settled)
    (day,) = (each.value for each in driven.advance(settled))
    assert (day.site, day.date, day.part, day.closed_us) == (*key, 0, settled)
    assert day.tally.clips == {"read": 3}
    assert day.files == (FILE,)
    assert {name for name, cell in driven.cells(key).items() if cell.size} == {"part"}
    driven.process((key, DayPart(Tally(clips={"read": 1}))))
    monkeypatch.setattr(evidence, "now_us", lambda: settled + HOUR_US)
    (more,) = (each.value for each in driven.advance(settled + HOUR_US))
    assert (more.part, more.tally.clips, more.files) == (1, {"read": 1}, ())
    assert day == day_tally(key, [DayPart(day.tally), DayPart(file=FILE)], 0, settled)


def test_at_the_streams_end_a_day_waits_for_its_files() -> None:
    driven = Driven(_CloseDayFn(_longest([SITE], day_settled_us)))
    key, end_us = ("lab", "2026-01-05"), STREAM_END.micros
    driven.process((key, DayPart(Tally(clips={"read": 2}))))
    assert driven.advance(end_us - 1000) == [], "the watermark has run ahead of the clock"
    driven.process((key, DayPart(file=FILE)))
    (day,) = (each.value for each in driven.advance(end_us))
    assert (day.part, day.closed_us, day.tally.clips, day.files) == (0, None, {"read": 2}, (FILE,))


def test_what_the_guard_let_not_leave_is_counted_by_its_dead_letters() -> None:
    dead = dead_clip("ReadClips", "no_envelope", Origin(), 7, Names.of(()))
    of_guard = replace(dead, stage="DropBiometrics", reason="undeclared_field", site="lab", event_time=T0)
    letters = [Guarded("dead_letter", to_fields(letter)) for letter in (dead, of_guard, of_guard)]
    found = [each for letter in letters for each in _dropped(letter)]
    assert [key for key, _ in found] == [("lab", "2026-01-05")] * 2
    assert day_tally(("lab", "2026-01-05"), [part for _, part in found]).tally.dropped == {"undeclared_field": 2}


def test_what_names_no_known_site_is_waited_for_as_long_as_the_longest() -> None:
    long = a_site(site="other", lateness="5h")
    settled = _longest([SITE, long], clip_settled_us)
    assert settled[""] == settled["other"] > settled["lab"]


def tracked(site: Site, arrivals: list[tuple[float, ClipDetections]], until_s: float) -> Iterator[ClipFact]:
    """Deliver clips to tracking at times in seconds, and yield the facts that it tells."""
    driven = Driven(_TrackFn((site,), {"lab": span(0, until_s)}, False))
    key = "lab", "door", T0
    driven.process((key, Arrival(None)))
    found = []
    for at_s, clip in arrivals:
        found += driven.advance(seconds(at_s))
        found += driven.process((key, Arrival(clip)))
    found += driven.advance(T0 + 3 * DAY_US)
    yield from (each.value for each in found if isinstance(each, pvalue.TaggedOutput))


def test_tracking_tells_what_came_late_and_what_too_late() -> None:
    site = a_site(lateness="3m")
    clips = [a_clip(10 * number, 10 * number + 10, sequence=number) for number in range(12)]
    in_time = [(10 * number, clip) for number, clip in enumerate(clips) if number not in (3, 4)]
    arrivals = [*in_time, (135, clips[3]), (140, clips[5]), (600, clips[4])]
    told = list(tracked(site, arrivals, 900))
    by_clip: dict[str, set[str]] = {}
    for fact in told:
        if fact.what != FORGOTTEN:
            by_clip.setdefault(fact.identity, set()).add(fact.what)
    fates = [by_clip[fate(clip, "").identity] for clip in clips]
    assert fates[3] == {LATE}
    assert fates[4] == {TOO_LATE}
    assert fates[5] == {IN_TIME, LATE}, "a duplicate: it was in time"
    assert all(found == {IN_TIME} for number, found in enumerate(fates) if number not in (3, 4, 5))


def test_tracking_tells_of_each_stretch_once_when_its_boxes_are_gone() -> None:
    until_s = 1200
    clips = [(20 + start, a_clip(start, start + 10, fps=1)) for start in range(0, until_s, 60)]
    gone = [fact for fact in tracked(a_site(lateness="3m"), clips, until_s) if fact.what == FORGOTTEN]
    starts = [fact.at_us for fact in gone]
    assert starts == [seconds(start) for start in range(0, until_s, 300)]
    assert all(fact.took_us is not None and fact.took_us <= now_us() - fact.at_us for fact in gone if fact.at_us)
    assert forgotten("lab", "door", T0).identity == gone[0].identity
