"""Coders of the internal types: deterministic, comparable, and closed to what does not fit their schema."""

import pytest
from apache_beam import coders

from tests.support.world import a_clip
from transforms.arrivals import Arrival, ArrivalCoder
from transforms.coders import AvroCoder, PixelCoder, PixelsLeaveStageError
from transforms.detections import ClipDetections, ClipDetectionsCoder
from transforms.events import PlaceEvents, PlaceEventsCoder
from transforms.evidence import DayPart, DayPartCoder, WrittenFile, WrittenFileCoder
from transforms.facts import ClipFact, ClipFactCoder
from transforms.guard import Guarded, GuardedCoder
from transforms.protect import Measured, MeasuredCoder
from transforms.snapshot import Snapshot, SnapshotCoder
from transforms.tally import Tally, TallyCoder

CODERS = {
    Arrival: ArrivalCoder,
    ClipDetections: ClipDetectionsCoder,
    ClipFact: ClipFactCoder,
    DayPart: DayPartCoder,
    Guarded: GuardedCoder,
    Measured: MeasuredCoder,
    PlaceEvents: PlaceEventsCoder,
    Snapshot: SnapshotCoder,
    Tally: TallyCoder,
    WrittenFile: WrittenFileCoder,
}


@pytest.mark.parametrize("kind", CODERS)
def test_every_type_that_is_shuffled_or_kept_has_a_coder_of_its_own(kind: type) -> None:
    found = coders.registry.get_coder(kind)
    assert type(found) is CODERS[kind]
    assert found.is_deterministic()
    assert found == CODERS[kind]()
    assert hash(found) == hash(CODERS[kind]())
    assert found != PixelCoder()


def test_schemas_of_the_job_itself_have_no_free_text_or_bytes_but_the_trackers() -> None:
    for coder in (ClipDetectionsCoder, PlaceEventsCoder):
        assert issubclass(coder, AvroCoder)
        assert "bytes" not in str(coder.schema)


def test_damaged_bytes_are_no_detections() -> None:
    encoded = ClipDetectionsCoder().encode(a_clip(0, 1))
    with pytest.raises((EOFError, ValueError, IndexError, StopIteration)):
        ClipDetectionsCoder().decode(encoded[: len(encoded) // 2])


def test_pixels_have_no_size_and_no_bytes() -> None:
    coder = PixelCoder()
    assert coder.estimate_size(object()) == 0
    with pytest.raises(PixelsLeaveStageError, match="object must not leave"):
        coder.encode(object())
