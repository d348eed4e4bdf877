"""Detections as bytes: exact, small, the same every time."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.envelope import Envelope
from tests.support.world import T0, a_clip, stander, walker
from transforms.detections import ClipDetections, ClipDetectionsCoder, unseen


def plain(clip: ClipDetections) -> dict[str, object]:
    return {
        field.name: value.tolist() if isinstance(value := getattr(clip, field.name), np.ndarray) else value
        for field in fields(clip)
    }


@settings(max_examples=50, derandomize=True)
@given(
    st.integers(0, 600), st.integers(1, 100), st.sampled_from([1, 5, 25]), st.booleans(), st.integers(0, 31),
    st.integers(0, 3),
)  # fmt: skip
def test_detections_go_through_bytes(
    start: int, length: int, fps: int, readable: bool, flags: int, people: int
) -> None:
    coder = ClipDetectionsCoder()
    world = [walker(start / 20), stander(1, 0.8, 0, 99), walker(start / 30, back=True)][:people]
    clip = a_clip(start / 10, (start + length) / 10, world, fps=fps, readable=readable, flags=flags)
    encoded = coder.encode(clip)
    back = coder.decode(encoded)
    assert plain(back) == plain(clip)
    assert (back.boxes.dtype, back.scores.dtype) == (clip.boxes.dtype, clip.scores.dtype)
    assert coder.encode(back) == encoded


def test_a_clip_takes_a_few_bytes_a_frame_and_box() -> None:
    empty, crowded = a_clip(0, 60), a_clip(0, 60, [stander(0.1 * i, 0.8, 0, 60) for i in range(1, 11)])
    assert len(ClipDetectionsCoder().encode(empty)) < 200 + 6 * 300
    assert len(ClipDetectionsCoder().encode(crowded)) < 200 + 300 * (6 + 10 * 16)


@pytest.mark.parametrize("readable", [False, True])
def test_an_unseen_clip_says_when_it_was_and_nothing_else(readable: bool) -> None:
    envelope = Envelope(1, "lab", "door", "run", 4, T0, T0 + 5, 0, 10.0, "h264", 9, "ab" * 32)
    clip = unseen(envelope, readable=readable)
    assert clip.identity == ("door", T0, 4, "ab" * 32, T0 + 5, 10.0, readable)
    assert (clip.readable, clip.times_us, len(clip.boxes), clip.bounds) == (readable, (), 0, [0])
    assert plain(ClipDetectionsCoder().decode(ClipDetectionsCoder().encode(clip))) == plain(clip)
