"""A payload is planted at each stage before the guard, on Beam, and every record sink is read back."""

from __future__ import annotations

import base64
import json
import logging
import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest

from pipeline.sinks import WriteRecords, letter_json
from pipeline.view import read_file
from schemas.avro import FAMILY_OF
from schemas.records import DEAD_LETTER, DeadLetter, MetricRecord
from tests.support.graph import pipeline
from tests.support.world import MODEL, a_site, clips_of, records_of, span, stander, walker
from transforms.aggregate import AggregateMetrics
from transforms.arrivals import ToSiteDays
from transforms.dead_letters import Origin, dead_clip
from transforms.detections import ClipDetections
from transforms.events import AnonymiseTracks, PlaceEvents
from transforms.guard import BiometricFoundError, DropBiometrics, Guarded
from transforms.protect import ProtectAggregates
from transforms.scene import Tracklets
from transforms.track import TrackPeople
from transforms.vocabulary import vocabulary_of

SITE, ASKED = a_site(), span(0, 60)
VOCABULARY = vocabulary_of((SITE,), {("lab", "door"): MODEL}, ())
CLIPS = clips_of([walker(1), walker(20, back=True), stander(1.5, 0.9, 5, 50)], 60)
WRITTEN = {FAMILY_OF[type(record)] for record in records_of(SITE, CLIPS, ASKED)}
"""Families that one camera writes."""
LETTER = dead_clip("DetectPeople", "corrupt", Origin("lab", "door", ASKED.from_us), 4_096, frozenset(("lab", "door")))

VECTOR = [round(random.Random(7).gauss(0, 0.1), 6) for _ in range(128)]
TEMPLATE = base64.b64encode(json.dumps(VECTOR).encode()).decode()
DIGITS = 0.987161803
"""Within bounds, and finer than any step."""

STAGES = ("detections", "tracklets", "events", "metrics", "letters")
"""Where something is planted, in the job's order."""


@dataclass(frozen=True)
class Plant:
    """Changes what goes through one stage.

    Attributes:
      stage: One of `STAGES`.
      change: Returns an element with the payload, or as it was.
      told: Reasons that dead letters must then give; none where the payload is lost on the way.
    """

    stage: str
    change: Callable[[Any], Any]
    told: tuple[str, ...] = ()


def _carrying(element: Any) -> Any:
    """Return an element with an attribute that its type does not declare."""
    planted = replace(element)
    object.__setattr__(planted, "embedding", VECTOR)
    object.__setattr__(planted, "template", TEMPLATE)
    return planted


def _with(element: Any, only: type | None = None, **values: Any) -> Any:
    """Return an element with payload in some of its fields, where it has them."""
    if only is not None and type(element) is not only:
        return element
    names = {field.name for field in fields(element)}
    return replace(element, **{name: value for name, value in values.items() if name in names})


def _in_place(element: Any, value: Any) -> Any:
    """Return a record with payload in every field whose value may be null."""
    free = (
        "count",
        "mean",
        "peak",
        "person_seconds",
        "open_visits",
        "visits",
        "mean_seconds",
        "joined",
        "left",
        "length_mean",
    )
    return _with(element, **dict.fromkeys(free, value))


OUTSIDE = ("outside_vocabulary",)
PLANTS = (
    Plant("detections", _carrying),
    Plant("detections", partial(_with, sha256=TEMPLATE)),
    Plant("tracklets", _carrying),
    Plant("events", _carrying),
    Plant("metrics", _carrying),
    Plant("metrics", partial(_with, zone=TEMPLATE, line=TEMPLATE), OUTSIDE),
    Plant("metrics", partial(_with, camera=TEMPLATE, group=TEMPLATE), OUTSIDE),
    Plant("metrics", partial(_with, pipeline_version=TEMPLATE, model=TEMPLATE), OUTSIDE),
    Plant("metrics", partial(_in_place, value=VECTOR), ("wrong_type",)),
    Plant("metrics", partial(_in_place, value=json.dumps(VECTOR)), ("wrong_type",)),
    Plant("metrics", partial(_with, coverage=DIGITS, mean=DIGITS, person_seconds=DIGITS), ("finer_than_step",)),
    Plant("metrics", partial(_with, n=2**62 + 7_654_321, count=-7_654_321), ("out_of_bounds",)),
    Plant("metrics", partial(_with, coverage=math.nan, mean=math.inf), ("not_finite",)),
    Plant("letters", _carrying),
    Plant("letters", partial(_with, reason=TEMPLATE), OUTSIDE),
    Plant("letters", partial(_with, field=TEMPLATE, stage=TEMPLATE), OUTSIDE),
    Plant("letters", partial(_with, site=TEMPLATE, camera=TEMPLATE), OUTSIDE),
    Plant("letters", partial(_with, bytes=2**60 + 7_654_321), ("out_of_bounds",)),
)


def job(plants: Sequence[Plant], output: Path) -> None:
    """Run the job from detections to its sinks, as `pipeline.graph` puts it together, plants beside what is sound."""
    sites, spans = (SITE,), {"lab": ASKED}

    def planted(stage: str, elements: beam.PCollection[Any], kind: Any) -> beam.PCollection[Any]:
        changes = [plant.change for plant in plants if plant.stage == stage]
        change = beam.FlatMap(lambda element: [element, *(change(element) for change in changes)])
        return elements | f"Plant {stage}" >> change.with_output_types(kind)

    with pipeline() as root:
        clips = root | "Clips" >> beam.Create(CLIPS, reshuffle=False).with_output_types(ClipDetections)
        days = planted("detections", clips, ClipDetections) | "ToSiteDays" >> ToSiteDays(sites, spans)
        tracklets = (days | "TrackPeople" >> TrackPeople(sites, spans, bounded=True)).tracklets
        events = planted("tracklets", tracklets, Tracklets) | "AnonymiseTracks" >> AnonymiseTracks()
        aggregate = AggregateMetrics(sites, {("lab", "door"): MODEL}, spans, bounded=True)
        metrics = planted("events", events, PlaceEvents) | "AggregateMetrics" >> aggregate
        protected = metrics | "ProtectAggregates" >> ProtectAggregates(sites, bounded=True)
        letters = root | "Letters" >> beam.Create([LETTER], reshuffle=False).with_output_types(DeadLetter)
        leaving = (
            planted("metrics", protected, MetricRecord),
            planted("letters", letters, DeadLetter),
        ) | "AllRecords" >> beam.Flatten()
        guarded = leaving | "DropBiometrics" >> DropBiometrics(VOCABULARY)
        guarded | "WriteRecords" >> WriteRecords(str(output), None)
        # What the topic of dead letters is sent, without the topic.
        published = guarded | "Published" >> beam.FlatMap(_published).with_output_types(str)
        published | "WriteText" >> beam.io.WriteToText(str(output / "published"))


def _published(record: Guarded) -> Iterable[str]:
    if record.family == DEAD_LETTER:
        yield letter_json(record).decode()


def sunk(output: Path) -> list[tuple[str, str]]:
    """Return everything that any sink holds, by file: the bytes as text, and what they say when read."""
    found = []
    for path in sorted(output.rglob("*")):
        if path.is_file():
            found.append((path.name, path.read_bytes().decode("latin-1")))
            if path.suffix == ".avro":
                found.append((path.name, repr(read_file(path))))
    return found


MARKS = (
    TEMPLATE,
    TEMPLATE[:24],
    str(VECTOR[0]),
    str(VECTOR[77]),
    str(DIGITS),
    "7654321",
    "embedding",
    ": nan",
    ": inf",
    str(2**62 + 7_654_321),
    str(2**60 + 7_654_321),
)


def letters_in(output: Path) -> list[dict[str, Any]]:
    return [row for path in output.rglob("dead_letters/**/*.avro") for row in read_file(path)[1]]


def test_a_payload_planted_at_any_stage_is_in_no_sink(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        job(PLANTS, tmp_path)
    told = sunk(tmp_path)
    assert {file.split(".")[-1] for file, _ in told} >= {"avro"}
    for mark in MARKS:
        assert not [file for file, text in told if mark in text], f"{mark} is written"
        assert mark in ("embedding", ": nan", ": inf") or mark not in caplog.text
    accused = [letter for letter in letters_in(tmp_path) if letter["stage"] == "DropBiometrics"]
    assert {letter["reason"] for letter in accused} == {reason for plant in PLANTS for reason in plant.told}
    families = {letter["field"].split(".")[0] for letter in accused}
    assert families == {*WRITTEN, DEAD_LETTER}, "every family was planted, and told by its name and field"
    assert len([path for path in tmp_path.rglob("records/**/*.avro")]) == len(WRITTEN), "the sound ones are written"


def test_without_a_payload_everything_is_written(tmp_path: Path) -> None:
    job((), tmp_path)
    assert [(letter["stage"], letter["reason"]) for letter in letters_in(tmp_path)] == [("DetectPeople", "corrupt")]
    assert json.loads(next(tmp_path.glob("published*")).read_text())["reason"] == "corrupt"
    assert len([path for path in tmp_path.rglob("records/**/*.avro")]) == len(WRITTEN)


def test_a_forged_letter_stops_the_job_where_it_is_told_to(tmp_path: Path) -> None:
    with pytest.raises(BiometricFoundError) as found, pipeline() as root:
        forged = replace(LETTER, reason=TEMPLATE)
        letters = root | beam.Create([forged], reshuffle=False).with_output_types(DeadLetter)
        letters | DropBiometrics(VOCABULARY, "fail") | WriteRecords(str(tmp_path), None)
    assert not [mark for mark in MARKS if mark in str(found.value)]
    assert not list(tmp_path.rglob("*.avro"))
