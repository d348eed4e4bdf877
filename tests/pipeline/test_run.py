"""Flags of `silhouette run`: each mistake is told by its flag, before anything runs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import apache_beam as beam
import numpy as np
import pytest
import yaml

from pipeline import run
from pipeline.cli import USAGE
from pipeline.config import Config
from pipeline.job import ON_BIOMETRIC, configure
from pipeline.lineage import LineageError, check_lineage, keep_lineage
from pipeline.usage import UsageError, cause
from schemas.clock import SECOND_US, from_rfc3339, to_rfc3339
from schemas.envelope import Envelope
from tests.support.floor import a_floor_site
from tests.support.graph import pipeline
from tests.support.graphs import card_of, constant_graph
from transforms import guard
from transforms.arrivals import Span
from transforms.redaction.what import Redaction

SITE = {"site": "lab", "site_version": 1, "time_zone": "UTC", "cameras": [{"name": "door"}, {"name": "yard"}]}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "lab.yaml")


def write_site(path: Path, **changes: object) -> Path:
    path.write_text(json.dumps(SITE | changes))
    return path


def write_clip(
    folder: Path, start: str = "2026-01-05T09:00:00Z", camera: str = "door", name: str = "a", *, seconds: int = 10
) -> Path:
    """Write something with a good envelope; nobody looks at its bytes here."""
    start_us = from_rfc3339(start)
    envelope = Envelope(
        1, "lab", camera, "s", 0, start_us, start_us + seconds * SECOND_US, 0, 10.0, "h264", 1, "ab" * 32
    )
    path = folder / f"{name}.mp4"
    path.write_bytes(b"?")
    path.with_suffix(".json").write_text(json.dumps(envelope.to_json()))
    return path


def parsed(site: Path, clips: Sequence[Path], *flags: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    run.add_parser(parser.add_subparsers())
    paths = [str(clip) for clip in clips]
    given = ["--site", str(site), "--clips", *paths, "--output", str(site.parent / "out"), *flags]
    return parser.parse_args(["run", *given])


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--max-clip-bytes", "0"], "--max-clip-bytes: must be positive"),
        (["--max-clip-seconds", "nan"], "--max-clip-seconds: must be positive"),
        (["--max-clip-seconds", "inf"], "--max-clip-seconds: must be positive"),
        (["--from", "2026-01-05"], "--from: must be an instant"),
        (["--from", "2026-01-06T00:00:00Z"], "--from, --until: no time lies between"),
        (
            ["--from", "1970-01-01T00:00:00Z", "--until", "2026-01-06T00:00:00Z"],
            "--from, --until: 20,459 days lie between them; ask for 400 at most",
        ),
        (["--from", "0001-01-01T00:00:00Z"], "--from: must be between the years 1970 and 9000"),
        (["--released", "nowhere"], "--released: nowhere holds no records"),
        (["--camera", "roof"], "--camera: 0 cameras of the site files are named roof; they have door, yard"),
        (["--fps", "7"], "--camera, --start, --fps: every clip has an envelope"),
        (["--redact-fill", "mosaic"], "--redact-fill: say by --redact what is to be covered"),
        (["--redact-leak-model", "face"], "--redact-leak-model: say by --redact what is to be covered"),
        (
            ["--redact", "people", "--redact-leak-model", "person"],
            "--redact-leak-model: person masks, and what",
        ),
        (["--redact", "faces", "--redact-leak-model", "nobody"], "--redact-leak-model: there is no model nobody"),
    ],
)
def test_a_flag_that_does_not_fit_is_named(site: Path, flags: list[str], told: str) -> None:
    with pytest.raises(UsageError) as refused:
        configure(parsed(site, [write_clip(site.parent)], *flags))
    assert str(refused.value).startswith(told)


def test_an_output_that_cannot_be_made_is_named(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_clip(site.parent)
    for output in (clip, clip / "out"):
        assert run.run(parsed(site, [clip], "--output", str(output))) == USAGE
        assert capsys.readouterr().err.startswith(f"silhouette run: --output: {output}: ")


def test_an_envelope_that_cannot_be_read_is_named(site: Path) -> None:
    clip = write_clip(site.parent)
    envelope = clip.with_suffix(".json")
    envelope.unlink()
    envelope.mkdir()
    with pytest.raises(UsageError, match=rf"^--clips: {envelope}: "):
        configure(parsed(site, [clip]))


def test_a_model_that_is_not_there_is_told_with_site_file_and_camera(tmp_path: Path) -> None:
    folder = tmp_path / "sites"
    folder.mkdir()
    site = write_site(folder / "lab.yaml", cameras=[{"name": "door"}, {"name": "yard", "model": "nobody"}])
    clip = write_clip(tmp_path)
    with pytest.raises(UsageError, match=rf"^{site}: camera yard: there is no model nobody"):
        configure(parsed(site, [clip]))
    with pytest.raises(UsageError, match=rf"^{folder}: site lab: camera yard: there is no model nobody"):
        configure(parsed(folder, [clip], "--output", str(tmp_path / "out")))


def test_a_model_that_is_refused_is_told_before_the_job_begins(tmp_path: Path) -> None:
    content = constant_graph({"out": np.zeros((1, 128))}, [1, 3, 64, 96])
    card = card_of(content, {"kind": "yolox"})
    (tmp_path / "tiny.onnx").write_bytes(content)
    (tmp_path / "tiny.yaml").write_text(card.model_dump_json())
    sites = tmp_path / "sites"
    sites.mkdir()
    site = write_site(sites / "lab.yaml", cameras=[{"name": "door", "model": "../tiny.yaml"}])
    with pytest.raises(UsageError, match=rf"^{site}: camera door: .*tiny"):
        configure(parsed(site, [write_clip(tmp_path)]))


def test_each_camera_gets_its_model_and_the_span_is_that_of_its_sites_clips(site: Path) -> None:
    clips = [
        write_clip(site.parent),
        write_clip(site.parent, "2026-01-05T10:00:00Z", "yard", "b"),
        write_clip(site.parent, "1970-01-02T00:00:00Z", "roof", "of-an-unknown-camera"),
    ]
    config = configure(parsed(site, clips))
    start_us = from_rfc3339("2026-01-05T09:00:00Z")
    assert config.spans == {"lab": Span(start_us, start_us + 3610 * SECOND_US)}
    assert set(config.models) == {("lab", "door"), ("lab", "yard")}
    assert len(config.files) == 3


def test_an_audit_that_is_not_used_is_told(site: Path) -> None:
    model = configure(parsed(site, [write_clip(site.parent)])).model_digits["lab", "door"]
    audits = [{"model": model, "geometry": "0" * 12}, {"model": "0" * 12}, {"model": model}, None]
    cameras = [
        {"name": f"camera-{number}"} | ({"audit": audit} if audit else {}) for number, audit in enumerate(audits)
    ]
    write_site(site, cameras=cameras)
    config = configure(parsed(site, [write_clip(site.parent, camera="camera-0")]))
    assert [told.split(";")[0] for told in run._audits_ignored(config)] == [
        "camera camera-0: its audit is of other lines, zones, masks, reach or fps",
        "camera camera-1: its audit is of another model",
    ]


def test_a_groups_audit_that_is_not_used_is_told(site: Path) -> None:
    shared = a_floor_site().model_dump(mode="json", exclude_unset=True, include={"cameras", "groups"})
    shared["groups"][0]["audit"] = {"model": "0" * 12}
    write_site(site, **shared)
    config = configure(parsed(site, [write_clip(site.parent, camera="west")]))
    (told,) = run._audits_ignored(config)
    assert told.startswith("group floor: its audit is of another model; its records have no error intervals")


def test_each_camera_gets_the_models_that_redact_its_clips(site: Path) -> None:
    config = configure(parsed(site, [write_clip(site.parent)], "--redact", "heads"))
    assert config.redaction == Redaction("heads", "solid")
    assert set(config.eyes) == set(config.models)
    masker, auditor = config.eyes["lab", "door"]
    assert masker == config.models["lab", "door"] and auditor[0].name == "face"
    args = parsed(site, [write_clip(site.parent)], "--redact", "faces", "--redact-fill", "mosaic")
    args.models_at = "/opt/models"
    masker, auditor = configure(args).eyes["lab", "yard"]
    assert masker is not None and masker[1] == Path("/opt/models", f"{masker[0].sha256}.onnx")
    assert auditor[1] == Path("/opt/models", f"{auditor[0].sha256}.onnx") and auditor[0].name == "person"


def test_a_job_from_its_image_finds_the_models_there(site: Path, root: Path) -> None:
    """The image has models by their hash alone, and the job is submitted from it too."""
    args = parsed(site, [write_clip(site.parent)], "--redact", "people")
    args.models_at = site.parent / "baked"
    args.models_at.mkdir()
    for name in ("person", "face"):
        said = yaml.safe_load((root / f"pipeline/models/cards/{name}.yaml").read_text())
        card = said | {"name": f"my-{name}", "uri": f"https://127.0.0.1:1/my-{name}.onnx"}
        (site.parent / f"my-{name}.yaml").write_text(yaml.safe_dump(card))
        (args.models_at / f"{card['sha256']}.onnx").symlink_to(root / f"pipeline/models/builtin/{name}.onnx")
    write_site(site, cameras=[{"name": "door", "model": "my-person.yaml"}])
    args.redact_leak_model = str(site.parent / "my-face.yaml")
    config = configure(args)
    card, file = config.models["lab", "door"]
    assert (card.name, file) == ("my-person", args.models_at / f"{card.sha256}.onnx")
    masker, auditor = config.eyes["lab", "door"]
    assert masker == config.models["lab", "door"] and auditor[0].name == "my-face"
    file.unlink()
    with pytest.raises(UsageError, match=r"model my-person: its file is not here\. Run: silhouette models pull"):
        configure(args)


def test_a_clip_of_a_clock_that_was_reset_is_named(site: Path) -> None:
    clips = [
        write_clip(site.parent),
        write_clip(site.parent, "1970-01-02T00:00:00Z", name="reset"),
        write_clip(site.parent, "2026-01-05T09:00:10Z", name="b"),
    ]
    with pytest.raises(UsageError, match=r"span 20,457 days \(reset\.mp4 says 1970-01-02\)"):
        configure(parsed(site, clips))
    asked = ["--from", "2026-01-05T09:00:00Z", "--until", "2026-01-05T10:00:00Z"]
    assert len(configure(parsed(site, clips, *asked)).files) == 3


def test_a_clip_that_claims_to_end_in_years_asks_for_no_more_than_a_clip_may_last(site: Path) -> None:
    clips = [write_clip(site.parent, "2026-01-05T09:00:00Z"), write_clip(site.parent, name="b", seconds=10**8)]
    limit_s = 60.0
    (span,) = configure(parsed(site, clips, "--max-clip-seconds", str(limit_s))).spans.values()
    assert (span.until_us - span.from_us) / SECOND_US == limit_s


def test_clips_given_in_several_flags_are_all_taken_and_a_second_site_is_refused(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [write_clip(site.parent), write_clip(site.parent, "2026-01-05T09:00:10Z", name="b")]
    assert len(configure(parsed(site, clips[:1], "--input", str(clips[1]))).files) == 2
    with pytest.raises(SystemExit):
        parsed(site, clips, "--site", str(site))
    assert "--site: give it once" in capsys.readouterr().err


def test_choices_are_those_of_the_guard() -> None:
    assert ON_BIOMETRIC == guard.ON_BIOMETRIC


SUBSCRIPTION = "projects/museum/subscriptions/clips"


def told(site: Path, capsys: pytest.CaptureFixture[str], *flags: str, given: str = SUBSCRIPTION) -> str:
    """Run with flags that do not fit, and return what is told."""
    parser = argparse.ArgumentParser()
    run.add_parser(parser.add_subparsers())
    arguments = ["run", "--site", str(site), "--input", given, "--output", str(site.parent / "out"), *flags]
    assert run.run(parser.parse_args(arguments)) == USAGE
    return capsys.readouterr().err.removeprefix("silhouette run: ")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([], "--runner: the local runner writes nothing before its input ends"),
        (["--until-idle", "soon"], "--until-idle: is written like 30s"),
        (["--until-idle", "5s", "--readers", "0"], "--readers: at least 1"),
        (["--until-idle", "5s", "--in-flight", "1"], "--in-flight: at least 10 MiB"),
        (["--until-idle", "5s", "--dead-letter-topic", "dead"], "--dead-letter-topic: is written projects/"),
        (["--until-idle", "5s", "--fps", "7"], "--camera, --start, --fps: the clips of a subscription"),
        (["--until-idle", "5s", "--disorder", "5s"], "--disorder: the local runner counts and writes once"),
        (["--until-idle", "5s", "--flush", "5s"], "--flush: the local runner counts and writes once"),
        (["--until-idle", "5s", "--workers", "2"], "--workers: is for files"),
        (["--until-idle", "5s", "--keys", "nowhere"], "--keys: nowhere: cannot be read"),
        (["--until-idle", "5s", "--from", "2020-01-05T00:00:00Z"], "--from: asks for"),
        (["--runner", "prism", "--max-clip-seconds", "301"], "--max-clip-seconds: at most 300 for a subscription"),
        (["--workers", "0"], "--workers: at least 1"),
        (["--prism", "/bin/true"], "--prism: is for --runner prism"),
        (["--runner", "prism", "--prism", "nowhere"], "--prism: nowhere: no such program"),
        (["--until-idle", "5s", "--output", "s3://bucket"], "--output: s3://bucket: name a local folder"),
        (["--until-idle", "5s", "--output", "gs://"], "--output: gs://: name a local folder"),
        (["--until-idle", "5s", "--output", "gs:///folder"], "--output: gs:///folder: name a local folder"),
        (["--until-idle", "5s", "--output", "gs://bucket/*"], "--output: gs://bucket/*: name a local folder"),
    ],
)
def test_a_flag_that_does_not_fit_a_subscription_is_named(
    site: Path, capsys: pytest.CaptureFixture[str], flags: list[str], says: str
) -> None:
    assert told(site, capsys, *flags).startswith(says)


@pytest.mark.parametrize("flag", ["--disorder", "--flush", "--readers", "--in-flight", "--dead-letter-topic"])
def test_what_only_a_stream_has_is_refused_with_files(
    site: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    clip = write_clip(site.parent)
    assert told(site, capsys, flag, "1", given=str(clip)).startswith(f"{flag}: is for a subscription")


def test_a_stream_that_goes_on_reports_from_its_first_start_on_and_another_must_say(site: Path) -> None:
    def configured(*flags: str, **has: bool) -> Config:
        parser = argparse.ArgumentParser()
        run.add_parser(parser.add_subparsers())
        arguments = ["--site", str(site), "--input", SUBSCRIPTION, "--output", str(site.parent / "out")]
        args = parser.parse_args(["run", *arguments, *flags])
        vars(args).update(has)
        return configure(args)

    first = configured()
    assert first.spans["lab"].is_open and not first.bounded
    keep_lineage(check_lineage(first))
    assert configured(resumes=True).spans == first.spans
    check_lineage(first, resumes=True)
    with pytest.raises(UsageError, match=r"^--output: a stream has written records of site lab, site_version 1"):
        configured()
    later = configured("--from", to_rfc3339(first.spans["lab"].from_us + SECOND_US))
    keep_lineage(check_lineage(later))
    assert configured(resumes=True).spans == later.spans
    keep_lineage(check_lineage(first, resumes=True))
    assert configured(resumes=True).spans == later.spans, "one that goes on keeps the start of what it goes on with"
    write_site(site, site_version=2)
    with pytest.raises(LineageError, match="the state to go on with is not of site lab, site_version 2"):
        check_lineage(configured(resumes=True), resumes=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_cause_of_a_failed_job_is_told_in_one_line(workers: int) -> None:
    def burn(_: int) -> NoReturn:
        raise LookupError("the hall is on fire")

    root = pipeline(workers)
    root | beam.Create([1, 2, 3]) | "Burn" >> beam.Map(burn)
    with pytest.raises(Exception) as failed:
        root.run().wait_until_finish()
    assert cause(failed.value) == "LookupError: the hall is on fire"


def test_a_fault_without_words_is_told_by_its_type() -> None:
    assert cause(KeyError()) == "KeyError: no further reason"
