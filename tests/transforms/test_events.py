"""The border to the aggregates: counts and sums cross it; track numbers, trails and instants do not."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.world import a_site, clips_of, place_events, seconds, span, stander, walker
from transforms.events import FLAWS, CellEvents, FlowEvents, PlaceEvents, PlaceEventsCoder, anonymise
from transforms.happened import Crossing, Happened, Visit
from transforms.picture import Flaw
from transforms.scene import Segment, Tracklets


def tracklets(happened: Happened) -> Tracklets:
    whole = seconds(0), seconds(60)
    segment = Segment(*whole, (whole,), first=True, opens=True, closes=False)
    return Tracklets("lab", "door", "door", segment, 3, 5, 3, 1, 290, 10, happened, [0, 2])


def happened(track: int = 1) -> Happened:
    found = Happened.nothing(2)
    found.crossings += [Crossing(track, 0, 1), Crossing(track + 1, 0, 1), Crossing(track, 0, 0)]
    found.visits += [
        Visit(track, 1, seconds(0), seconds(4.4), censored=False),
        Visit(track + 1, 1, seconds(9), seconds(12.6), censored=False),
        Visit(track, 0, seconds(0), seconds(7), censored=True),
    ]
    found.flows.update({(1, 0): 1, (0, 1): 2})
    found.flawed_us.update({Flaw.DARK: 5, Flaw.DARK | Flaw.MOVED: 7})
    found.heat_us[3] = 10
    found.heat_tracks[3] = {track: False, track + 1: True}
    found.heat_begun[3] = 1
    return found


def test_what_happened_is_counted_by_place() -> None:
    events = anonymise(tracklets(happened()))
    assert {(line.line, line.side, line.count) for line in events.lines} == {(0, 0, 1), (0, 1, 2)}
    assert {(v.zone, v.seconds, v.censored, v.count) for v in events.visits} == {(1, 4, False, 2), (0, 7, True, 1)}
    assert events.flows == (FlowEvents(0, 1, 2), FlowEvents(1, 0, 1))
    assert events.cells == (CellEvents(3, person_us=10, people=2, people_before=1, begun=1),)
    assert [zone.open_visits for zone in events.zones] == [0, 2]
    assert (events.clips, events.revision, events.scheduled_us) == (3, 5, 60_000_000)


def test_flaws_are_told_apart_and_none_is_counted_twice_in_their_sum() -> None:
    events = anonymise(tracklets(happened()))
    assert dict(zip(FLAWS, events.flaws_us, strict=True))[Flaw.DARK] == 12
    assert dict(zip(FLAWS, events.flaws_us, strict=True))[Flaw.MOVED] == 7
    assert events.flawed_us == 12


@settings(max_examples=30, derandomize=True)
@given(st.integers(1, 10**12))
def test_track_numbers_do_not_cross(number: int) -> None:
    assert anonymise(tracklets(happened(number))) == anonymise(tracklets(happened(1)))


def test_the_order_in_which_things_happened_does_not_cross() -> None:
    other = happened()
    other.crossings.reverse()
    other.visits.reverse()
    other.heat_us = Counter(dict(reversed(other.heat_us.items())))
    assert anonymise(tracklets(other)) == anonymise(tracklets(happened()))


def test_events_go_through_bytes() -> None:
    people = [walker(1), stander(1.5, 0.8, 2, 20)]
    found: list[PlaceEvents] = place_events(a_site(), "door", clips_of(people, 60), span(0, 120))
    for events in [*found, anonymise(tracklets(happened()))]:
        coder = PlaceEventsCoder()
        assert coder.decode(coder.encode(events)) == events
        assert coder.encode(coder.decode(coder.encode(events))) == coder.encode(events)
