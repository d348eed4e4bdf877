"""The built graph: what is shuffled and kept in state, what is one stage with the pixels, what its steps are called."""

import re
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam import coders
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.archive import ClipFile
from pipeline.sources import ClipFileCoder
from schemas.records import DeadLetter
from tests.support.built_job import ENVELOPE, SOURCES, job, parts, pixels_encoded
from tests.support.graph import shuffled, states, transforms
from transforms.facts import ClipFact
from transforms.redaction.what import Redaction

PICKLING = (coders.FastPrimitivesCoder, coders.PickleCoder, coders.DillCoder, coders.CloudpickleCoder)
PLAIN = (str, int, bool, float, type(None))


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def root(tmp_path: Path, source: str) -> beam.Pipeline:
    return job(tmp_path, source)


def coder_parts(coder: coders.Coder) -> list[coders.Coder]:
    inner = coder.coders() if hasattr(coder, "coders") else coder._get_component_coders()
    return [coder, *(deep for part in inner for deep in coder_parts(part))]


def test_nothing_of_pixels_is_shuffled(root: beam.Pipeline, source: str) -> None:
    found = list(shuffled(root))
    archive = {"ReadClips/Spread", "WriteRecords/Group", "TallyClips/Group", "TallyDays/Group"}
    stream = {"WriteRecords/Gather", "TallyClips/Sum", "TallyDays/Close"}
    assert {label for label, _ in found} >= {
        "TrackPeople/Track/ParDo(_TrackFn)", "AggregateMetrics/Aggregate", "ProtectAggregates/Release",
        *(archive if source == "archive" else stream),
    }  # fmt: skip
    assert list(pixels_encoded(root)) == []
    for label, kind in found:
        assert Any not in parts(kind) and beam.typehints.Any not in parts(kind), f"{label}: a type was lost"


def test_nothing_is_pickled_into_a_shuffle(root: beam.Pipeline) -> None:
    for label, kind in shuffled(root):
        for part in parts(kind):
            # Beam's own reshuffle carries each element's timestamp, which its fallback coder knows.
            if part in PLAIN or getattr(part, "__module__", "").startswith("apache_beam"):
                continue
            assert not isinstance(coders.registry.get_coder(part), PICKLING), f"{label}: {part}"


def test_state_holds_geometry_and_records_in_coders_of_its_own(root: beam.Pipeline, source: str) -> None:
    found = dict(states(root))
    assert len(found) == (22 if source == "archive" else 30), sorted(found)
    for label, coder in found.items():
        own = type(coder).__module__.startswith("transforms.") or isinstance(
            coder, coders.BooleanCoder | coders.VarIntCoder
        )
        assert own, label
        assert not any(isinstance(part, (*PICKLING, coders.BytesCoder)) for part in coder_parts(coder)), label


READS = {
    "archive": "ReadClips/Read/ParDo(_ReadFn)",
    "subscription": "ReadClips/Open/ParDo(_OpenFn)",
}


def fused_with_reading(root: beam.Pipeline, source: str) -> set[str]:
    """Return the steps that are one stage with what reads clips."""
    runner = FnApiRunner()
    _, stages = runner.create_stages(root.to_runner_api(default_environment=runner._default_environment))
    fused = [{transform.unique_name for transform in stage.transforms} for stage in stages]
    (pixels,) = [stage for stage in fused if READS[source] in stage]
    return pixels


@pytest.mark.parametrize("source", READS)
def test_clips_are_redacted_in_the_same_fused_stage(tmp_path: Path, source: str) -> None:
    root = job(tmp_path, source, Redaction("motion"))
    pixels = fused_with_reading(root, source)
    assert {"DetectPeople/Sort/ParDo(_SortFn)", "RedactClips/Redact/ParDo(_RedactFn)"} <= pixels
    assert list(pixels_encoded(root)) == []


def test_of_a_redacted_clip_names_and_tallies_go_on(tmp_path: Path, source: str) -> None:
    root = job(tmp_path, source, Redaction("motion"))
    (step,) = [node for node in transforms(root) if node.full_label == "RedactClips"]
    assert {each.element_type for each in step.outputs.values()} == {ClipFact, DeadLetter}
    asked_for = {node.full_label for node in transforms(root)} - {
        node.full_label for node in transforms(job(tmp_path, source))
    }
    assert {label.split("/")[0] for label in asked_for} == {"RedactClips"}


@pytest.mark.parametrize("source", READS)
def test_pixels_are_read_and_looked_at_in_one_fused_stage(root: beam.Pipeline, source: str) -> None:
    pixels = fused_with_reading(root, source)
    assert {
        "ValidateClips/Validate/ParDo(_ValidateFn)", "DetectPeople/OneABatch",
        "DetectPeople/RunInference/BeamML_RunInference", "DetectPeople/Sort/ParDo(_SortFn)",
    } <= pixels  # fmt: skip
    if source == "subscription":
        assert any("ReadUnbounded" in name for name in pixels)
    assert not any(name.startswith(("TrackPeople", "AggregateMetrics", "WriteRecords")) for name in pixels)


def test_the_guard_is_the_only_way_to_a_record_sink(root: beam.Pipeline, source: str) -> None:
    steps = {node.full_label: node for node in transforms(root)}
    (sunk,) = steps["WriteRecords"].inputs
    assert sunk is steps["DropBiometrics"].outputs[None]
    writers = {label.split("/")[0] for label in steps if label.startswith(("Write", "Publish"))}
    records = {"WriteRecords"} if source == "archive" else {"WriteRecords", "PublishDeadLetters"}
    assert writers == {*records, "WriteEvidence"}
    for writer in records:
        assert steps[writer].inputs[0] is sunk
    assert steps["WriteEvidence"].inputs[0] is steps["MakePacks"].outputs[None], "packs have a guard of their own"


def test_steps_keep_their_names(root: beam.Pipeline, source: str) -> None:
    """A running job is updated by the names of its steps: change `tests/golden/steps_*` only with a new release."""
    golden = Path(__file__).parent.parent / "golden" / f"steps_{source}.txt"
    # A line of Beam's own code, in Beam's own source.
    beams = re.compile(r"ReadClips/Subscription/Create/FlatMap\(<lambda at core\.py:\d+>\)")
    labels = [node.full_label for node in transforms(root) if node.full_label and not beams.fullmatch(node.full_label)]
    assert labels == golden.read_text("utf-8").splitlines()


def test_clip_files_go_through_bytes() -> None:
    coder = ClipFileCoder()
    for file in (ClipFile(Path("/clips/é\udcff.mp4"), ENVELOPE), ClipFile(Path("b.mp4"), None, "no_envelope")):
        assert coder.decode(coder.encode(file)) == file
