"""Every instant has one owner, whatever clips overlap, and in whatever order, number and pieces they come."""

from dataclasses import replace
from itertools import pairwise, permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.world import T0, a_clip, seconds
from transforms.detections import ClipDetections
from transforms.timeline import distinct, left_out, moments

GAP_US = 1_000_000
END_S = 21

CLIP = st.builds(
    lambda start, length, fps, sequence, readable: a_clip(
        start / 10, (start + length) / 10, fps=fps, sequence=sequence, readable=readable
    ),
    st.integers(0, 150), st.integers(1, 60), st.sampled_from([2, 5, 10]), st.integers(0, 2),
    st.sampled_from([True, True, True, False]),
)  # fmt: skip
CLIPS = st.lists(CLIP, max_size=8)


def stretches(clips: list[ClipDetections], start_us: int = T0, end_us: int = seconds(END_S)) -> list[tuple[int, ...]]:
    return [(m.t_us, m.from_us, m.until_us) for m in moments(distinct(clips), start_us, end_us, GAP_US)]


def covered(clips: list[ClipDetections]) -> set[tuple[int, int]]:
    """Return the tenths of a second covered, each with its owner, by looking at each instant by itself."""
    ordered = [clip for clip in distinct(clips) if clip.readable]
    found = set()
    for tenth in range(END_S * 10):
        instant = seconds(tenth / 10)
        owner = next((clip for clip in ordered if clip.start_us <= instant < clip.end_us), None)
        if owner is None:
            continue
        shown = [t for t in owner.times_us if t <= instant] or list(owner.times_us[:1])
        if shown and instant - shown[-1] < GAP_US and shown[-1] - instant <= GAP_US:
            found.add((instant, ordered.index(owner)))
    return found


@settings(max_examples=200, derandomize=True)
@given(CLIPS)
def test_each_instant_is_covered_once_by_its_first_clip(clips: list[ClipDetections]) -> None:
    found = stretches(clips)
    assert all(start <= end for start, end in pairwise(edge for _, *part in found for edge in part))
    assert all(earlier[0] < later[0] for earlier, later in pairwise(found))
    total = sum(until - start for _, start, until in found)
    assert total == len(covered(clips)) * 100_000


@settings(max_examples=100, derandomize=True)
@given(st.data())
def test_order_repeats_and_pieces_make_no_difference(data: st.DataObject) -> None:
    clips = data.draw(st.lists(CLIP, min_size=1, max_size=8))
    repeats = data.draw(st.lists(st.sampled_from(clips), max_size=4))
    shuffled = data.draw(st.permutations(clips + repeats))
    cuts = data.draw(st.lists(st.integers(0, 10 * END_S).map(lambda tenth: seconds(tenth / 10))))
    borders = sorted({T0, seconds(END_S), *cuts})
    pieces = [piece for start, end in pairwise(borders) for piece in stretches(shuffled, start, end)]
    assert pieces == stretches(clips)


@settings(max_examples=100, derandomize=True)
@given(CLIPS, st.integers(0, 7))
def test_without_a_clip_only_what_no_other_covers_is_lost(clips: list[ClipDetections], which: int) -> None:
    rest = clips[:which] + clips[which + 1 :]

    def instants(some: list[ClipDetections]) -> set[int]:
        return {instant for instant, _ in covered(some)}

    assert sum(until - start for _, start, until in stretches(rest)) == len(instants(rest)) * 100_000
    if len(rest) < len(clips) and not clips[which].readable:
        assert stretches(rest) == stretches(clips)


@settings(max_examples=100, derandomize=True)
@given(CLIPS)
def test_every_frame_is_looked_at_or_counted_as_left_out(clips: list[ClipDetections]) -> None:
    ordered = distinct(clips)
    frames = sum(len(clip.times_us) for clip in ordered)
    skipped = left_out(ordered, T0, seconds(END_S + 10), GAP_US)
    looked_at = len(stretches(clips, T0, seconds(END_S + 10)))
    # A frame under which the owner changes was left out before, and is looked at from then on.
    assert frames <= skipped + looked_at <= frames + len(clips)


def test_a_frame_stands_from_the_start_to_the_next_and_never_longer_than_the_gap() -> None:
    clip = a_clip(0, 4, fps=5)
    sparse = replace(clip, times_us=(seconds(0.5), seconds(1.0), seconds(3.5)), flags=(0,) * 3, counts=(0,) * 3)
    assert stretches([sparse]) == [
        (seconds(0.5), seconds(0), seconds(1.0)),
        (seconds(1.0), seconds(1.0), seconds(2.0)),
        (seconds(3.5), seconds(3.5), seconds(4.0)),
    ]


def test_who_takes_over_between_two_frames_begins_with_the_earlier() -> None:
    first, second = a_clip(0, 3.1, fps=5), a_clip(1, 5, fps=2)
    assert stretches([second, first])[-4:] == [
        (seconds(3.1), seconds(3.1), seconds(3.5)),
        *((seconds(t), seconds(t), seconds(t + 0.5)) for t in (3.5, 4.0, 4.5)),
    ]


def test_a_bad_clip_covers_nothing_and_owns_nothing() -> None:
    good, bad = a_clip(1, 3), a_clip(0, 4, readable=False)
    assert stretches([bad, good]) == stretches([good])
    assert len(distinct([bad, good])) == 2


def test_a_delivery_that_says_something_else_of_the_same_bytes_is_a_clip_of_its_own() -> None:
    clip = a_clip(0, 3.1, fps=2)
    bad = replace(a_clip(0, 3.1, readable=False), sha256=clip.sha256)
    longer = replace(clip, end_us=clip.end_us + 500_000)
    for several in permutations([clip, bad, longer]):
        assert sorted(map(id, distinct(several))) == sorted(map(id, several))
        assert stretches([*several]) == stretches([clip, longer])
    assert stretches([bad, clip]) == stretches([clip, bad]) == stretches([clip])


def test_deliveries_that_differ_in_number_or_rate_are_clips_of_their_own_whatever_their_order() -> None:
    """A rate that was wrong moved the frames: which of the two came first must not decide between them."""
    clip, other = a_clip(0, 3, fps=5, sequence=1), a_clip(0, 4, fps=5, sequence=5)
    slower = replace(clip, frame_rate=2.5, times_us=tuple(T0 + 2 * (t - T0) for t in clip.times_us))
    again = replace(clip, sequence=9)
    for several in permutations([clip, other, slower, again]):
        assert distinct([*several, clip]) == [slower, clip, other, again]
        assert stretches([*several]) == stretches([slower, clip, other, again])


@settings(max_examples=100, derandomize=True)
@given(CLIPS, st.integers(0, END_S * 10))
def test_where_a_day_opens_it_is_covered_from_its_first_instant(clips: list[ClipDetections], tenth: int) -> None:
    opens_us = seconds(tenth / 10)
    found = list(moments(distinct(clips), opens_us, seconds(END_S), GAP_US, opens=True))
    assert all(moment.from_us >= opens_us for moment in found)
    total = sum(moment.until_us - moment.from_us for moment in found)
    assert total == sum(instant >= opens_us for instant, _ in covered(clips)) * 100_000


def test_a_frame_that_stands_across_the_start_of_a_day_begins_there() -> None:
    clip = a_clip(-1.3, 2.7, fps=1)
    first, *rest = moments([clip], T0, seconds(END_S), GAP_US, opens=True)
    assert (first.t_us, first.from_us, first.until_us) == (T0, T0, seconds(0.7))
    assert [each.t_us for each in rest] == [seconds(0.7), seconds(1.7)]
    assert [each.t_us for each in moments([clip], T0, seconds(END_S), GAP_US)] == [each.t_us for each in rest]
