"""Pixels cannot leave their fused stage: every way out fails, whatever type the graph believes it moves."""

import copy
import hashlib
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import pytest
from apache_beam import coders
from apache_beam.internal import pickler as beam_pickler
from apache_beam.transforms import userstate

from schemas.envelope import Envelope
from tests.support.graph import pipeline, shuffled
from tests.support.video import encode, pictures
from tests.support.world import T0
from transforms.clips import PIXELS, Clip, Delivery, Faulty, Outcome
from transforms.coders import PixelCoder, PixelsLeaveStageError
from transforms.decode import ClipLimits, Frame, OpenClip, open_clip

PAYLOAD = encode(pictures(3))
REFUSED = "must not leave the fused pixel stage"


def a_clip_with_pixels() -> Clip:
    sha256 = hashlib.sha256(PAYLOAD).hexdigest()
    return Clip(Envelope(1, "lab", "door", "run", 0, T0, T0 + 300_000, 0, 10.0, "h264", len(PAYLOAD), sha256), PAYLOAD)


@pytest.fixture
def pixels() -> Iterator[dict[type, Any]]:
    clip = a_clip_with_pixels()
    with open_clip(PAYLOAD, ClipLimits()) as opened:
        fault = Faulty(clip, "corrupt")
        frame = next(iter(opened.frames()))
        outcome = Outcome(None, fault, 1)
        delivery = Delivery(clip.envelope.to_attributes(), PAYLOAD)
        yield {Delivery: delivery, Clip: clip, Faulty: fault, Outcome: outcome, Frame: frame, OpenClip: opened}


@pytest.mark.parametrize("kind", PIXELS)
def test_pixels_refuse_to_be_encoded(kind: type, pixels: dict[type, Any]) -> None:
    coder = coders.registry.get_coder(kind)
    assert isinstance(coder, PixelCoder)
    with pytest.raises(PixelsLeaveStageError, match=REFUSED):
        coder.encode(pixels[kind])
    with pytest.raises(PixelsLeaveStageError):
        coder.decode(b"")


@pytest.mark.parametrize(
    "leave", [pickle.dumps, beam_pickler.dumps, copy.deepcopy, coders.FastPrimitivesCoder().encode]
)
@pytest.mark.parametrize("kind", PIXELS)
def test_pixels_refuse_to_be_pickled_or_copied(
    kind: type, leave: Callable[[Any], Any], pixels: dict[type, Any]
) -> None:
    with pytest.raises((PixelsLeaveStageError, TypeError)):
        leave(pixels[kind])
    with pytest.raises((PixelsLeaveStageError, TypeError)):
        leave((1, [pixels[kind]]))


def test_a_clip_does_not_show_its_payload() -> None:
    assert "payload" not in repr(a_clip_with_pixels())
    assert len(repr(a_clip_with_pixels())) < 500


def keyed(_: object) -> tuple[int, Clip]:
    return 1, a_clip_with_pixels()


def faulty(_: object) -> tuple[int, Faulty]:
    return 1, Faulty(a_clip_with_pixels(), "corrupt")


class _Stateful(beam.DoFn):
    HELD = userstate.BagStateSpec("held", PixelCoder())

    def process(self, element: tuple[int, int], held: Any = beam.DoFn.StateParam(HELD)) -> None:
        held.add(a_clip_with_pixels())


class _Keyed(beam.DoFn):
    SEEN = userstate.CombiningValueStateSpec("seen", sum)

    def process(self, element: Any, seen: Any = beam.DoFn.StateParam(SEEN)) -> None:
        seen.add(1)


WAYS_OUT = {
    "reshuffle": beam.Reshuffle,
    "group": beam.GroupByKey,
    "batch": lambda: beam.GroupIntoBatches(2),
    "combine": lambda: beam.CombinePerKey(beam.combiners.ToListCombineFn()),
}


@pytest.mark.parametrize("typed", [True, False], ids=["typed", "untyped"])
@pytest.mark.parametrize("make", [keyed, faulty])
@pytest.mark.parametrize("way_out", WAYS_OUT)
def test_a_job_that_moves_pixels_fails(way_out: str, make: Callable[[object], Any], typed: bool) -> None:
    kind = Clip if make is keyed else Faulty
    root = pipeline()
    made = (
        root
        | beam.Create([None], reshuffle=False)
        | "Make"
        >> beam.Map(make).with_output_types(
            tuple[int, kind if typed else Any]  # type: ignore[valid-type]
        )
    )
    _ = made | "WayOut" >> WAYS_OUT[way_out]()
    with pytest.raises(PixelsLeaveStageError, match=REFUSED):
        root.run().wait_until_finish()


def test_a_stateful_step_over_pixels_is_found_in_the_graph() -> None:
    """The local runner fuses it with the step before, so that only the graph shows it; others shuffle there."""
    root = pipeline()
    made = root | beam.Create([None], reshuffle=False) | beam.Map(keyed).with_output_types(tuple[int, Clip])
    _ = made | "Keyed" >> beam.ParDo(_Keyed())
    ((label, kind),) = shuffled(root)
    assert label == "Keyed"
    assert Clip in kind.tuple_types


def test_a_job_that_keeps_pixels_in_state_fails() -> None:
    root = pipeline()
    _ = root | beam.Create([(1, 1)], reshuffle=False) | beam.ParDo(_Stateful())
    with pytest.raises(PixelsLeaveStageError, match=REFUSED):
        root.run().wait_until_finish()


def test_a_job_that_groups_by_pixels_or_broadcasts_them_fails() -> None:
    for side in (False, True):
        root = pipeline()
        made = (
            root
            | beam.Create([None], reshuffle=False)
            | "Make" >> beam.Map(lambda _: a_clip_with_pixels()).with_output_types(Clip)
        )
        if side:
            ones = root | "Ones" >> beam.Create([1], reshuffle=False)
            _ = ones | "Use" >> beam.Map(lambda one, clips: len(clips), beam.pvalue.AsList(made))
        else:
            _ = made | beam.Map(lambda clip: (clip, 1)).with_output_types(tuple[Clip, int]) | beam.GroupByKey()
        with pytest.raises(PixelsLeaveStageError, match=REFUSED):
            root.run().wait_until_finish()
