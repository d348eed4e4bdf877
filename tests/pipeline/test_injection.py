"""A payload is planted at each stage of the job as it is built, on Beam, and every sink is read back."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import math
import random
from collections import Counter
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import av
import numpy as np
import pytest

from pipeline import graph
from pipeline.archive import ClipFile
from pipeline.config import Config
from pipeline.sinks import WriteRecords
from pipeline.view import read_file
from schemas.envelope import Envelope
from schemas.records import DEAD_LETTER, DeadLetter
from schemas.site import Site
from tests.support.graph import pipeline
from tests.support.graphs import card_of, constant_graph
from tests.support.planted import Change, Plants, run_planted
from tests.support.video import encode, pictures
from tests.support.world import MODEL, a_site, seconds, span
from tests.transforms.redaction.test_redact import seeing
from transforms.clips import Clip
from transforms.dead_letters import Names, Origin, dead_clip
from transforms.evidence import DayKey, DayPart
from transforms.guard import BiometricFoundError, DropBiometrics
from transforms.redaction.what import Redaction
from transforms.tally import Tally
from transforms.vocabulary import vocabulary_of

LONE = {"footfall", "occupancy", "dwell", "queue", "flow", "heatmap", "camera_health"}
"""Families that one camera writes."""
VOCABULARY = vocabulary_of((a_site(),), {("lab", "door"): MODEL}, ())
LETTER = dead_clip("DetectPeople", "corrupt", Origin("lab", "door", seconds(0)), 4_096, Names.of((a_site(),)))

RNG = random.Random(7)
VECTOR = [round(RNG.gauss(0, 0.1), 6) for _ in range(128)]
TEMPLATE = base64.b64encode(json.dumps(VECTOR).encode()).decode()
NAMED = hashlib.sha256(TEMPLATE.encode()).hexdigest()[:48]
"""As much of a payload as a name may hold."""
DIGITS = 0.987161803
"""Within bounds, and finer than any step."""


@dataclass(frozen=True)
class Plant:
    """Changes what one step puts out.

    Attributes:
      step: Its class, as `pipeline.graph` knows it.
      output: Which of its outputs; nothing for the only one.
      change: Returns an element with the payload.
      told: Reasons that the guard's dead letters must then give; none where the payload is lost on the way.
    """

    step: str
    output: str
    change: Change
    told: tuple[str, ...] = ()


def _carrying(element: Any) -> Any:
    """Return an element with an attribute that its type does not declare."""
    planted = replace(element)
    object.__setattr__(planted, "embedding", VECTOR)
    object.__setattr__(planted, "template", TEMPLATE)
    return planted


def _with(element: Any, **values: Any) -> Any:
    """Return an element with payload in some of its fields, where it has them."""
    names = {field.name for field in fields(element)}
    return replace(element, **{name: value for name, value in values.items() if name in names})


def _in_place(element: Any, value: Any) -> Any:
    """Return a record with payload in every field whose value may be null."""
    return _with(element, **dict.fromkeys(MAY_BE_NULL, value))


def _in_envelope(clip: Clip, **said: Any) -> Clip:
    return Clip(replace(clip.envelope, **said), clip.payload)


def _of_bytes(clip: Clip, payload: bytes) -> Clip:
    """Return a clip of other bytes that are what its envelope says."""
    said = replace(clip.envelope, size=len(payload), sha256=hashlib.sha256(payload).hexdigest())
    return Clip(said, payload)


def _with_a_box(clip: Clip) -> Clip:
    """Return a clip whose file holds the payload in a box that players skip."""
    content = TEMPLATE.encode()
    return _of_bytes(clip, clip.payload + (8 + len(content)).to_bytes(4, "big") + b"free" + content)


def _of_no_video(clip: Clip) -> Clip:
    return _of_bytes(clip, TEMPLATE.encode())


def _of_other_bytes(clip: Clip) -> Clip:
    return Clip(clip.envelope, TEMPLATE.encode())


def _tallied(part: tuple[DayKey, DayPart], tally: Tally) -> tuple[DayKey, DayPart]:
    return part[0], replace(part[1], tally=tally)


def _of_file(part: tuple[DayKey, DayPart], **said: Any) -> tuple[DayKey, DayPart] | None:
    file = part[1].file
    return None if file is None else (part[0], replace(part[1], file=replace(file, **said)))


MAY_BE_NULL = (
    "count", "mean", "peak", "person_seconds", "open_visits", "visits", "mean_seconds", "joined", "left", "length_mean",
)  # fmt: skip
OUTSIDE, FINER = ("outside_vocabulary",), ("finer_than_step",)
CLIPS = (
    Plant("ReadClipFiles", "good", _carrying),
    Plant("ReadClipFiles", "good", _with_a_box),
    Plant("ReadClipFiles", "good", _of_no_video),
    Plant("ReadClipFiles", "good", _of_other_bytes),
    Plant("ReadClipFiles", "good", partial(_in_envelope, session=TEMPLATE, codec=TEMPLATE)),
    Plant("ReadClipFiles", "good", partial(_in_envelope, site=NAMED)),
    Plant("ReadClipFiles", "good", partial(_in_envelope, camera=NAMED)),
    Plant("ReadClipFiles", "good", partial(_in_envelope, key_id=NAMED)),
    Plant("ValidateClips", "clips", _carrying),
    Plant("ValidateClips", "clips", _with_a_box),
    Plant("ValidateClips", "clips", partial(_in_envelope, session=TEMPLATE, codec=TEMPLATE)),
)
GEOMETRY = (
    Plant("ValidateClips", "unseen", partial(_with, sha256=TEMPLATE)),
    Plant("DetectPeople", "detections", _carrying),
    Plant("DetectPeople", "detections", partial(_with, sha256=TEMPLATE)),
    Plant("TrackPeople", "tracklets", _carrying),
)
AGGREGATES = (
    Plant("AnonymiseTracks", "", _carrying),
    Plant("AggregateMetrics", "", _carrying),
    Plant("AggregateMetrics", "", partial(_with, zone=TEMPLATE, line=TEMPLATE), OUTSIDE),
    Plant("AggregateMetrics", "", partial(_with, pipeline_version=TEMPLATE, model=TEMPLATE), OUTSIDE),
    Plant("AggregateMetrics", "", partial(_with, coverage=DIGITS), FINER),
    Plant("ProtectAggregates", "", _carrying),
    Plant("ProtectAggregates", "", partial(_with, zone=TEMPLATE, line=TEMPLATE), OUTSIDE),
    Plant("ProtectAggregates", "", partial(_with, camera=TEMPLATE, group=TEMPLATE), OUTSIDE),
    Plant("ProtectAggregates", "", partial(_with, pipeline_version=TEMPLATE, model=TEMPLATE), OUTSIDE),
    Plant("ProtectAggregates", "", partial(_in_place, value=VECTOR), ("wrong_type",)),
    Plant("ProtectAggregates", "", partial(_in_place, value=json.dumps(VECTOR)), ("wrong_type",)),
    Plant("ProtectAggregates", "", partial(_with, coverage=DIGITS, mean=DIGITS, person_seconds=DIGITS), FINER),
    Plant("ProtectAggregates", "", partial(_with, n=2**62 + 7_654_321, count=-7_654_321), ("out_of_bounds",)),
    Plant("ProtectAggregates", "", partial(_with, coverage=math.nan, mean=math.inf), ("not_finite",)),
)
FAILING = ("ReadClipFiles", "ValidateClips", "DetectPeople", "RedactClips")
LETTERS = tuple(
    Plant(step, "failed", change, told)
    for step in FAILING
    for change, told in (
        (_carrying, ()),
        (partial(_with, reason=TEMPLATE), OUTSIDE),
        (partial(_with, field=TEMPLATE, stage=TEMPLATE), OUTSIDE),
        (partial(_with, site=TEMPLATE, camera=TEMPLATE), OUTSIDE),
        (partial(_with, bytes=2**60 + 7_654_321), ("out_of_bounds",)),
    )
)
TELLING = (*FAILING, "TrackPeople")
FACTS = tuple(
    Plant(step, "told", change)
    for step in TELLING
    for change in (
        _carrying,
        partial(_with, reason=TEMPLATE, stage=TEMPLATE, what="bad", identity=f"a{TEMPLATE}"),
        partial(_with, camera=TEMPLATE, identity=f"b{TEMPLATE}"),
        partial(_with, measure={TEMPLATE: 7}, identity=f"c{TEMPLATE}"),
    )
)
EVIDENCE = (
    Plant("TallyClips", "", partial(_tallied, tally=Tally(redacted={TEMPLATE: 7}))),
    Plant("TallyDropped", "", partial(_tallied, tally=Tally(dropped={TEMPLATE: 1}))),
    Plant("TallyFiles", "", partial(_of_file, name=TEMPLATE, family=TEMPLATE)),
)
PLANTS = (*CLIPS, *GEOMETRY, *AGGREGATES, *LETTERS, *FACTS, *EVIDENCE)


def a_config(folder: Path, output: Path, site: Site) -> Config:
    """Return the job over an archive with redaction and all sinks: of its five files, three are set aside by a step."""
    files = [_clip_file(folder, number, encode(pictures(20, 96, 64, number))) for number in range(2)]
    files.append(_clip_file(folder, 2, b"no video"))
    slender = [np.full((2, 20_000, 3), 90, np.uint8) for _ in range(2)]  # more than H.264 can hold
    files.append(_clip_file(folder, 3, encode(slender, "matroska", "ffv1")))
    (folder / "bare.mp4").write_bytes(b"no envelope")
    files.append(ClipFile(folder / "bare.mp4", None, "no_envelope"))
    # Somebody who stands in the hall, and somebody at the desk, on every frame.
    rows = np.zeros((1, 1, 8, 7))
    for row, left in zip(rows[0, 0], (0.3, 0.7), strict=False):
        row[2:] = 0.9, left, 0.2, left + 0.1, 0.8
    content = constant_graph({"rows": rows}, [1, 3, 64, 96])
    (folder / "people.onnx").write_bytes(content)
    stretched = {"size": (64, 96), "colour": "bgr", "letterbox": {"mode": "stretch"}}
    model = card_of(content, {"kind": "ssd"}, input=stretched), folder / "people.onnx"
    return Config(
        sites=(site,),
        models={("lab", "door"): model},
        spans={"lab": span(0, 60)},
        output=str(output),
        files=files,
        redaction=Redaction("motion"),
        eyes={("lab", "door"): seeing(folder)},
        dead_letter_topic="projects/office/topics/dead",
    )


def _clip_file(folder: Path, number: int, payload: bytes) -> ClipFile:
    path = folder / f"{number}.mp4"
    path.write_bytes(payload)
    start_us, end_us, sha256 = seconds(2 * number), seconds(2 * number + 2), hashlib.sha256(payload).hexdigest()
    said = Envelope(1, "lab", "door", "run", number, start_us, end_us, 0, 10.0, "h264", len(payload), sha256)
    return ClipFile(path, said)


def by_output(plants: tuple[Plant, ...]) -> Plants:
    found: dict[tuple[str, str], list[Change]] = {}
    for plant in plants:
        found.setdefault((plant.step, plant.output), []).append(plant.change)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def sunk(output: Path) -> list[tuple[str, str]]:
    """Return everything that any sink holds, by file: its name, its bytes as text, and what they say when read."""
    found = []
    for path in sorted(output.rglob("*")):
        if not path.is_file():
            continue
        name = str(path.relative_to(output))
        found += [(name, name), (name, path.read_bytes().decode("latin-1"))]
        if path.suffix == ".avro":
            found.append((name, repr(read_file(path))))
        elif path.suffix == ".mp4":
            with av.open(str(path)) as video:
                found.append((name, repr((video.metadata, [stream.metadata for stream in video.streams]))))
    return found


MARKS = (
    TEMPLATE,
    TEMPLATE[:24],
    TEMPLATE[-24:],
    NAMED,
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
IN_LOGS = tuple(mark for mark in MARKS if mark not in ("embedding", ": nan", ": inf"))


def letters_in(output: Path) -> list[dict[str, Any]]:
    return [row for path in output.rglob("dead_letters/**/*.avro") for row in read_file(path)[1]]


def packs_in(output: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in output.rglob("evidence/**/*.json")]


def families_in(output: Path) -> set[str]:
    return {path.relative_to(output / "records").parts[0] for path in output.rglob("records/**/*.avro")}


@pytest.mark.parametrize("k", [1, {"dwell": 5, "flow": 5, "heatmap": 5, "footfall": 5}], ids=["open", "protected"])
def test_a_payload_planted_at_any_stage_is_in_no_sink(
    k: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    output = tmp_path / "out"
    with caplog.at_level(logging.INFO):
        run_planted(a_config(folder, output, a_site(k=k)), by_output(PLANTS), monkeypatch)
    told = sunk(output)
    assert {name.split("/")[0].split("-")[0] for name, _ in told} == {
        "records", "dead_letters", "evidence", "redacted", "published",
    }  # fmt: skip
    for mark in MARKS:
        assert not [file for file, text in told if mark in text], f"{mark} is written"
        assert mark not in IN_LOGS or mark not in caplog.text
    assert families_in(output) == LONE, "the sound ones are written"
    accused = [letter for letter in letters_in(output) if letter["stage"] == "DropBiometrics"]
    assert {letter["reason"] for letter in accused} == {reason for plant in PLANTS for reason in plant.told}
    assert {letter["field"].split(".")[0] for letter in accused} == {*LONE, DEAD_LETTER}, "every family is accused"
    withheld = {each["section"] for pack in packs_in(output) for each in pack["withheld"]}
    assert withheld == {"clips", "dropped", "records", "files"}


def test_without_a_payload_everything_is_written(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out"
    run_planted(a_config(folder, output, a_site()), {}, monkeypatch)
    aside = Counter((letter["stage"], letter["reason"]) for letter in letters_in(output))
    assert aside == {
        ("ReadClips", "no_envelope"): 1,
        ("DetectPeople", "not_video"): 1,
        ("RedactClips", "unencodable"): 1,
    }
    said = [json.loads(line) for path in output.glob("published*") for line in path.read_text().splitlines()]
    assert sorted(each["reason"] for each in said) == ["no_envelope", "not_video", "unencodable"]
    assert families_in(output) == LONE
    assert len(list(output.rglob("redacted/**/*.mp4"))) == 2
    assert packs_in(output) and not [pack for pack in packs_in(output) if pack["withheld"]]


def test_every_output_of_every_step_before_the_guard_is_planted() -> None:
    """What a step puts out beside these is of one of these types, or comes after what inspects it."""
    planted = {(plant.step, plant.output) for plant in PLANTS}
    after = {"DropBiometrics", "WriteRecords", "PublishDeadLetters", "TallyDays", "MakePacks", "WriteEvidence"}
    # ToSiteDays only keys what DetectPeople put out; a stream reads otherwise, and tells nothing of pictures.
    keyed = {"ToSiteDays", "ReportProgress", "ReadDeliveries"}
    steps = {
        name for name, value in vars(graph).items() if isinstance(value, type) and issubclass(value, beam.PTransform)
    }
    assert steps - after - keyed == {step for step, _ in planted}
    assert {output for _, output in planted} == {
        "good",
        "clips",
        "unseen",
        "detections",
        "tracklets",
        "failed",
        "told",
        "",
    }


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (Plant("AggregateMetrics", "", partial(_with, zone=TEMPLATE)), "holds what must not leave"),
        (Plant("DetectPeople", "failed", partial(_with, reason=TEMPLATE)), "a dead_letter record holds"),
        (
            Plant("DetectPeople", "told", partial(_with, reason=TEMPLATE, what="bad", identity="x")),
            "a pack of evidence",
        ),
    ],
    ids=["record", "letter", "fact"],
)
def test_a_payload_stops_the_job_where_it_is_told_to(
    plant: Plant, told: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(a_config(folder, tmp_path / "out", a_site()), on_biometric="fail", redaction=None, eyes={})
    with pytest.raises(BiometricFoundError, match=told) as found:
        run_planted(config, by_output((plant,)), monkeypatch)
    assert not [mark for mark in MARKS if mark in str(found.value)]


def test_a_fact_of_a_site_that_nobody_knows_stops_the_job_and_is_not_repeated(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(a_config(folder, tmp_path / "out", a_site()), redaction=None, eyes={})
    plant = Plant("DetectPeople", "told", partial(_with, site=TEMPLATE))
    with pytest.raises(BiometricFoundError, match="none of the job's") as found:
        run_planted(config, by_output((plant,)), monkeypatch)
    assert not [mark for mark in MARKS if mark in str(found.value)]


def test_a_forged_letter_stops_the_job_where_it_is_told_to(tmp_path: Path) -> None:
    with pytest.raises(BiometricFoundError) as found, pipeline() as root:
        forged = replace(LETTER, reason=TEMPLATE)
        letters = root | beam.Create([forged], reshuffle=False).with_output_types(DeadLetter)
        letters | DropBiometrics(VOCABULARY, "fail") | WriteRecords(str(tmp_path), None)
    assert not [mark for mark in MARKS if mark in str(found.value)]
    assert not list(tmp_path.rglob("*.avro"))
