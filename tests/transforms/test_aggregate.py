"""The job from detections to records on the local runner: one bag of clips, one set of records."""

import random
from collections.abc import Sequence

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from tests.support.graph import pipeline
from tests.support.stream import count
from tests.support.world import (
    MODEL,
    a_camera,
    a_clip,
    a_site,
    clips_of,
    place_events,
    records_of,
    seconds,
    span,
    walker,
)
from transforms.aggregate import AggregateMetrics, to_windows
from transforms.detections import ClipDetections
from transforms.events import PlaceEvents

CAMERAS = ("door", "yard", "idle")
SITE = a_site(
    cameras=[a_camera(name, heatmap=[2, 1]).model_dump(mode="json") for name in CAMERAS], windows=["1m", "2m"]
)
ASKED = span(-30, 100)
PEOPLE = [walker(start, speed=0.3) for start in range(1, 100, 17)]
CLIPS = [
    *clips_of(PEOPLE, 90, every_s=20),
    a_clip(-10, 4, PEOPLE),
    a_clip(50, 75, PEOPLE, tag="restart"),
    a_clip(85, 95, readable=False),
    *clips_of(PEOPLE, 60, camera="yard"),
]
EXPECTED = records_of(SITE, CLIPS, ASKED)


def shuffled(seed: int) -> list[ClipDetections]:
    """Return the clips in another order, some of them more than once."""
    rng = random.Random(seed)
    clips = CLIPS + rng.choices(CLIPS, k=5)
    rng.shuffle(clips)
    return clips


def check(root: beam.Pipeline, bags: Sequence[Sequence[ClipDetections]]) -> None:
    """Feed clips in so many pieces, and compare with what a plain loop over them comes to."""
    with root:
        pieces = [
            root | f"Piece{i}" >> beam.Create(bag, reshuffle=False).with_output_types(ClipDetections)
            for i, bag in enumerate(bags)
        ]
        found = count(pieces | beam.Flatten(), SITE, ASKED, bounded=True)
        assert_that(found, equal_to(EXPECTED))


def test_a_batch_writes_what_a_plain_loop_comes_to() -> None:
    check(pipeline(), [CLIPS])


def test_two_workers_repeats_and_another_order_make_no_difference() -> None:
    clips = shuffled(1)
    check(pipeline(workers=2), [clips[:7], clips[7:8], clips[8:]])


def test_bundles_that_are_run_again_make_no_difference() -> None:
    check(beam.Pipeline(runner=FnApiRunner(bundle_repeat=1), options=PipelineOptions([])), [shuffled(2)])


def test_records_are_written_for_silent_cameras_and_every_window() -> None:
    windows = {(r.camera, r.window_size_seconds, r.window_start) for r in EXPECTED}
    assert windows == {
        *((camera, 60, seconds(start)) for camera in CAMERAS for start in (-60, 0, 60)),
        *((camera, 120, seconds(start)) for camera in CAMERAS for start in (-120, 0)),
    }
    idle = [record for record in EXPECTED if record.camera == "idle"]
    assert {(record.coverage, record.revision) for record in idle} == {(0.0, 0)}


@pytest.mark.parametrize(
    ("asked", "starts"), [((0, 60), [0]), ((59, 61), [0, 60]), ((60, 120), [60]), ((30, 31), [0]), ((120, 130), [])]
)
def test_a_segment_goes_to_the_windows_that_are_asked_for(asked: tuple[int, int], starts: list[int]) -> None:
    site = a_site(windows=["1m"])
    events = place_events(site, "door", [], span(0, 120))
    keys = [key for each in events for key, _ in to_windows(each, site, span(*asked))]
    assert [key[3] for key in keys] == [seconds(start) for start in starts]
    assert all(end - start == size for _, _, size, start, end in keys)


ONE = a_site(windows=["10s", "30s"])
HALF = place_events(ONE, "door", [], span(0, 20))
"""Segments of both first windows of ten seconds, and of two thirds of the half minute."""


def aggregated(events: beam.PCollection[PlaceEvents], *, bounded: bool) -> beam.PCollection[object]:
    return events | AggregateMetrics((ONE,), {("lab", "door"): MODEL}, {"lab": span(0, 20)}, bounded)


def test_a_window_of_a_batch_that_lacks_a_segment_fails_the_job() -> None:
    root = pipeline()
    aggregated(root | beam.Create(HALF[:2]).with_output_types(PlaceEvents), bounded=True)
    with pytest.raises(Exception, match="segments of lab door, window of 30 s, do not agree"):
        root.run().wait_until_finish()


def test_a_window_of_a_stream_that_never_agreed_is_counted() -> None:
    root = pipeline()
    aggregated(root | beam.Create(HALF[:2]).with_output_types(PlaceEvents), bounded=False)
    result = root.run()
    result.wait_until_finish()
    counted = {each.key.metric.name: each.committed for each in result.metrics().query()["counters"]}
    assert counted["windows_never_agreed"] == 1
