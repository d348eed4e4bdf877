"""Tallies: a clip counts once however often and in whatever order facts of it come; only deliveries are each."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.clock import SECOND_US
from schemas.envelope import Envelope
from tests.support.world import a_clip
from transforms.facts import (
    BAD,
    DECODED,
    IN_TIME,
    LATE,
    TOO_LATE,
    ClipFact,
    fate,
    forgotten,
    known_clip,
    redacted_clip,
    unredacted_clip,
)
from transforms.tally import Tally, TallyCoder, added, bucket, tally_of, upper_bound

CLIPS = [a_clip(10 * number, 10 * number + 10, sequence=number) for number in range(6)]
ENVELOPES = [
    Envelope(1, "lab", "door", "run", number, number * SECOND_US, (number + 1) * SECOND_US, 0, 5.0, "h264", 9, "a" * 64)
    for number in range(3)
]
TOLD = [
    *(known_clip(clip, DECODED, 1000) for clip in CLIPS[:4]),
    known_clip(CLIPS[4], BAD, 10, stage="DetectPeople", reason="undecodable"),
    known_clip(CLIPS[5], DECODED, 1000),
    *(fate(clip, IN_TIME) for clip in CLIPS[:3]),
    fate(CLIPS[3], LATE),
    fate(CLIPS[4], IN_TIME),
    fate(CLIPS[5], TOO_LATE),
    forgotten("lab", "door", CLIPS[0].start_us),
    redacted_clip(ENVELOPES[0], 900, {"frames": 50, "leaks_before": 2}),
    redacted_clip(ENVELOPES[1], 100, {"frames": 50, "whole": 50}),
    unredacted_clip(ENVELOPES[1]),
    unredacted_clip(ENVELOPES[2]),
]


def counts(facts: list[ClipFact]) -> Tally:
    """Return what must not depend on repeats: all but deliveries."""
    tally = tally_of(facts)
    return replace(tally, clips={name: number for name, number in tally.clips.items() if name != "deliveries"})


def test_each_clip_is_counted_by_what_became_of_it() -> None:
    tally = tally_of(TOLD)
    assert tally.clips == {
        "read": 6, "deliveries": 6, "bytes": 5010, "frames": 300, "decoded": 5, "bad": 1, "late": 1, "too_late": 1,
    }  # fmt: skip
    assert tally.bad == {"DetectPeople/undecodable": 1}
    assert tally.redacted == {"clips": 2, "bytes": 1000, "frames": 100, "leaks_before": 2, "whole": 50, "failed": 1}
    assert sum(tally.pixels_gone.values()) == 6
    assert sum(tally.geometry_gone.values()) == 1


@settings(max_examples=60, derandomize=True)
@given(st.permutations(TOLD), st.lists(st.sampled_from(TOLD), max_size=8))
def test_neither_order_nor_repeats_make_a_difference(facts: list[ClipFact], again: list[ClipFact]) -> None:
    assert counts(facts + again) == counts(TOLD)


def test_a_clip_that_came_in_time_and_again_too_late_was_in_time() -> None:
    clip = CLIPS[0]
    told = [known_clip(clip, DECODED, 1), known_clip(clip, DECODED, 1), fate(clip, IN_TIME), fate(clip, TOO_LATE)]
    assert tally_of(told).clips.get("too_late", 0) == 0
    assert tally_of(told).clips["deliveries"] == 2
    assert tally_of(told).clips["read"] == 1


def test_the_last_copys_pixels_are_what_is_waited_for() -> None:
    first = replace(TOLD[0], took_us=2 * SECOND_US)
    assert tally_of([first, replace(first, took_us=40 * SECOND_US)]).pixels_gone == {bucket(40 * SECOND_US): 1}


@settings(derandomize=True)
@given(st.lists(st.sampled_from(TOLD), max_size=20), st.lists(st.sampled_from(TOLD), max_size=20))
def test_tallies_add_in_any_order_and_go_through_bytes(some: list[ClipFact], others: list[ClipFact]) -> None:
    a, b = tally_of(some), tally_of(others)
    assert added([a, b]) == added([b, a])
    coder = TallyCoder()
    assert coder.decode(coder.encode(a)) == a
    assert coder.encode(added([a, b])) == coder.encode(added([b, a]))


@given(st.integers(1, 10**14))
def test_a_time_is_in_its_bucket_and_no_bucket_is_wider_than_an_eighth(took_us: int) -> None:
    bound = upper_bound(bucket(took_us)) * SECOND_US
    assert max(took_us, 1000) <= bound * 1.001 + 500, "bounds are told in whole milliseconds"
    assert bound <= max(took_us, 1000) * 1.13 + 500
