"""Record files: a function of their rows, whole when visible, and overwritten by themselves."""

import json
import os
import random
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing import test_stream
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sinks import (
    PublishDeadLetters,
    WriteRecords,
    encode_file,
    folder,
    letter_json,
    partition,
    write_file,
)
from pipeline.view import read_file
from schemas.avro import FAMILY_OF, contract
from schemas.clock import now_us
from tests.support.graph import pipeline
from tests.support.pubsub import PubSub
from tests.support.world import T0, a_site, clips_of, records_of, span, walker
from transforms.dead_letters import Names, Origin, dead_clip
from transforms.guard import Guarded, GuardedCoder, to_fields

RECORDS = records_of(a_site(windows=["1m", "2m"]), clips_of([walker(1), walker(20)], 100), span(0, 120))
GUARDED = [Guarded(FAMILY_OF[type(record)], to_fields(record)) for record in RECORDS]
HEAT = [record for record in GUARDED if record.family == "heatmap"]
LETTER = Guarded("dead_letter", to_fields(dead_clip("ReadClips", "no_envelope", Origin(), 7, Names.of(()))))


@settings(max_examples=40, derandomize=True)
@given(st.permutations(HEAT), st.lists(st.sampled_from(HEAT), max_size=5))
def test_order_and_repeats_make_no_difference_to_a_file(rows: list[Guarded], again: list[Guarded]) -> None:
    expected = encode_file("heatmap", [row.fields for row in HEAT])
    assert encode_file("heatmap", [row.fields for row in rows + again]) == expected


def test_equal_dead_letters_are_several_facts_and_all_are_kept(tmp_path: Path) -> None:
    letters = [LETTER] * 5 + [Guarded("dead_letter", dict(LETTER.fields, event_time=T0, reason="empty"))]
    contents = {encode_file("dead_letter", [letters[i].fields for i in order]) for order in permutations(range(6))}
    assert len(contents) == 1
    _, rows = read_file(tmp_path / write_file(str(tmp_path), partition(LETTER), letters).name)
    assert sorted(row["reason"] for row in rows) == ["empty", *["no_envelope"] * 5]


def test_a_file_says_what_went_in_with_its_contract(tmp_path: Path) -> None:
    path = tmp_path / write_file(str(tmp_path), ("heatmap", "lab", "2026-01-05"), HEAT).name
    schema, rows = read_file(path)
    assert len(rows) == len(HEAT)
    assert [field["doc"] for field in schema["fields"]] == [field["doc"] for field in contract("heatmap")["fields"]]
    assert sum(row["n"] for row in rows) == sum(row.fields["n"] for row in HEAT)


def test_a_retry_overwrites_itself_and_another_set_does_not(tmp_path: Path) -> None:
    where = ("heatmap", "lab", "2026-01-05")
    first = tmp_path / write_file(str(tmp_path), where, HEAT).name
    rows = HEAT[:]
    random.Random(1).shuffle(rows)
    content = first.read_bytes()
    assert tmp_path / write_file(str(tmp_path), where, rows).name == first
    assert first.read_bytes() == content
    assert tmp_path / write_file(str(tmp_path), where, HEAT[:-1]).name != first
    assert len(list(tmp_path.rglob("*.avro"))) == 2


def test_nothing_but_whole_files_is_ever_under_the_records(tmp_path: Path) -> None:
    write_file(tmp_path, ("heatmap", "lab", "2026-01-05"), HEAT)
    assert [path.suffix for path in (tmp_path / "records").rglob("*") if path.is_file()] == [".avro"]
    assert [path.name for path in tmp_path.iterdir()] == ["records"]


def test_files_lie_by_family_site_and_date(tmp_path: Path) -> None:
    assert partition(HEAT[0]) == ("heatmap", "lab", "2026-01-05")
    assert folder("out", partition(HEAT[0])) == "out/records/heatmap/site=lab/date=2026-01-05"
    assert folder("out", partition(LETTER)) == "out/dead_letters/site=unknown"


def test_files_are_the_same_in_every_process() -> None:
    """Python hashes strings differently in every process; the bytes of a file must not show it."""
    program = (
        "import hashlib, json, pathlib; from pipeline.sinks import encode_file;"
        "rows = [json.loads(pathlib.Path('tests/golden/dwell.json').read_text())];"
        "print(hashlib.sha256(encode_file('dwell', rows)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def streamed(output: Path, *happenings: list[Guarded] | int) -> list[int]:
    """Bring records to a stream's sink, or move its clock by seconds; return how many rows each file holds."""
    stream = test_stream.TestStream(coder=GuardedCoder())
    for happening in happenings:
        if isinstance(happening, int):
            stream = stream.advance_processing_time(happening)
        else:
            stream = stream.add_elements(happening)
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=PipelineOptions(["--streaming"])) as root:
        records = root | stream.advance_watermark_to_infinity()
        records | beam.Map(lambda record: record).with_output_types(Guarded) | WriteRecords(str(output), FLUSH_US)
    return sorted(len(read_file(path)[1]) for path in output.rglob("*.avro"))


FLUSH_US = 60_000_000
LATER = now_us() // 1_000_000 + 3600  # the clock of a test stream begins in 1970
HEALTH = [record for record in GUARDED if record.family == "camera_health"]


def test_records_of_a_stream_gather_until_they_are_due(tmp_path: Path) -> None:
    assert streamed(tmp_path, HEAT[:1], HEAT[1:3], LATER, HEAT[3:4], HEALTH[:1]) == [1, 1, 3]


def test_what_a_stream_gathered_is_written_at_its_end(tmp_path: Path) -> None:
    assert streamed(tmp_path, HEAT, HEALTH) == sorted([len(HEAT), len(HEALTH)])


def test_equal_dead_letters_of_a_stream_stand_beside_those_of_before(tmp_path: Path) -> None:
    """Whoever sends something without a time, again and again, is told of as often."""
    assert streamed(tmp_path, [LETTER, LETTER], LATER, [LETTER, LETTER]) == [2, 2]


def test_dead_letters_that_a_stream_writes_again_overwrite_themselves(tmp_path: Path) -> None:
    where, content = partition(LETTER), [LETTER, LETTER]
    first, again, later = (write_file(str(tmp_path), where, content, gathered_us=since) for since in (1, 1, 2))
    assert first == again
    assert first.name != later.name
    assert len(list(tmp_path.rglob("*.avro"))) == 2


def test_records_of_a_stream_are_named_by_their_content_alone(tmp_path: Path) -> None:
    where = ("heatmap", "lab", "2026-01-05")
    written = {write_file(str(tmp_path), where, HEAT, gathered_us=since) for since in (None, 1, 2)}
    assert len(written) == 1


def test_a_dead_letter_is_published_as_json() -> None:
    said = json.loads(letter_json(Guarded("dead_letter", dict(LETTER.fields, event_time=T0))))
    assert (said["reason"], said["event_time"]) == ("no_envelope", "2026-01-05T00:00:00.000000Z")
    assert json.loads(letter_json(LETTER))["event_time"] is None


def test_pubsub_dead_letters_arrive_at_their_topic(pubsub: PubSub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub.host)
    topic = pubsub.topic()
    subscription = pubsub.subscription(topic)
    with pipeline() as root:
        records = root | beam.Create([LETTER, HEAT[0]]).with_output_types(Guarded)
        records | PublishDeadLetters(topic)
    (message,) = pubsub.drain(subscription, count=1)
    assert message.data == letter_json(LETTER)
    assert not message.attributes
