"""The law of time as properties: whatever order, duplicates and bundles bring the clips, the same records stand."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import MetricRecord
from tests.support.stream import Happening, streamed
from tests.support.world import (
    a_clip,
    a_patient_site,
    clips_of,
    hidden,
    records_of,
    seconds,
    span,
    stander,
    walker,
)
from tests.transforms.test_track import standing
from transforms.detections import ClipDetections

PEOPLE = [walker(start, speed=0.3, y=0.8) for start in range(2, 170, 20)] + [stander(1.5, 0.9, 20, 150)]
PEOPLE += [hidden(stander(1.4, 0.6, 60, 110), 77, 82)]
SITE = a_patient_site(windows=["1m", "3m"])
ASKED = span(0, 180)
RECORDED = [
    *clips_of(PEOPLE, 180, every_s=20),
    a_clip(30, 50, PEOPLE, tag="restart"),
    a_clip(90, 110, readable=False),
    a_clip(100, 130, PEOPLE, flags=4),
]
"""Recorded detections: among them clips that overlap, one that could not be read and one of dark pictures."""

EXPECTED = records_of(SITE, RECORDED, ASKED)


def bundles(rng: random.Random, clips: Sequence[ClipDetections]) -> list[Happening]:
    """Deliver clips in bundles, the watermark moving on between them by any step within lateness."""
    happenings: list[Happening] = []
    watermark_s, waiting = -60.0, list(clips)
    while waiting:
        size = rng.randint(1, 5)
        happenings += [waiting[:size]]
        del waiting[:size]
        # No clip may come too late: lateness is three minutes, the first ends at 20 s.
        step_s = rng.choice([0, 1, 30, 61])
        if step_s and watermark_s + step_s < 190:
            watermark_s += step_s
            happenings += [watermark_s]
    return [*happenings, 900]


@settings(max_examples=12)
@given(st.integers(0, 2**32))
def test_any_permutation_duplication_and_split_ends_with_the_same_records(seed: int) -> None:
    rng = random.Random(seed)
    clips = RECORDED + rng.choices(RECORDED, k=rng.randint(0, 8))
    rng.shuffle(clips)
    assert standing(streamed(SITE, ASKED, bundles(rng, clips))) == EXPECTED


@settings(max_examples=60)
@given(st.sets(st.sampled_from(RECORDED), max_size=len(RECORDED) - 1))
def test_a_subset_never_has_a_higher_revision_and_a_lower_one_where_a_clip_is_missing(
    subset: set[ClipDetections],
) -> None:
    missing = [clip for clip in RECORDED if clip not in subset]
    fewer = revisions(records_of(SITE, subset, ASKED))
    for (size, start, end), revision in revisions(EXPECTED).items():
        if any(clip.start_us < end for clip in missing):
            assert fewer[size, start, end] < revision
        else:
            assert fewer[size, start, end] == revision


def revisions(records: Sequence[MetricRecord]) -> dict[tuple[int, int, int], int]:
    """Return the revision of each window, one for all its records."""
    found: dict[tuple[int, int, int], set[int]] = {}
    for record in records:
        window = record.window_size_seconds, record.window_start, record.window_end
        found.setdefault(window, set()).add(record.revision)
    assert all(len(each) == 1 for each in found.values())
    return {window: each.pop() for window, each in found.items()}


def test_the_recorded_clips_are_what_they_are_said_to_be() -> None:
    assert {clip.readable for clip in RECORDED} == {True, False}
    assert max(clip.end_us for clip in RECORDED) == seconds(180)
