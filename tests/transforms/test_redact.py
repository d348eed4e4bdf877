"""RedactClips on a real runner: files by the clip's hash, names and tallies, and no other file opened for writing."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that

from pipeline import storage
from schemas.envelope import Envelope
from tests.support.graph import pipeline
from tests.support.video import Picture, encode, pictures
from tests.support.world import a_camera, a_site, seconds
from tests.transforms.redaction.test_redact import seeing
from transforms.clips import Clip
from transforms.decode import ClipLimits, open_clip
from transforms.facts import NOT_REDACTED, REDACTED, ClipFact
from transforms.redact import RedactClips, Redactions, name_of
from transforms.redaction.what import Redaction

LIMITS = ClipLimits()
SITE = a_site(cameras=[a_camera(masks=[[[0, 0], [0.2, 0], [0.2, 0.2], [0, 0.2]]]).model_dump(mode="json")])


@pytest.fixture(scope="module")
def footage(root: Path) -> list[Picture]:
    with open_clip((root / "demo/one-by-one.mp4").read_bytes()) as clip:
        return [frame.content(clip.width, clip.height, "rgb") for frame in islice(clip.frames(), 100, 106)]


def a_clip(payload: bytes, start_s: float = 0, length_s: float = 0.6, rate: float = 10) -> Clip:
    sha256 = f"{len(payload):064x}"
    span = seconds(start_s), seconds(start_s + length_s)
    return Clip(Envelope(1, "lab", "door", "run", 0, *span, 0, rate, "h264", len(payload), sha256), payload)


def redacted(folder: Path, clips: list[Clip], limits: ClipLimits = LIMITS) -> tuple[list[ClipFact], list[Any]]:
    """Run the step as a job does, a clip made inside it so that none is ever encoded."""
    models = seeing(folder)
    rows = {name: folder / f"{name}.rows" for name in Redactions._fields}
    payloads = [(clip.envelope, clip.payload) for clip in clips]
    with pipeline() as root:
        made = root | beam.Create(range(len(payloads))) | beam.Map(lambda i: Clip(*payloads[i])).with_output_types(Clip)
        step = RedactClips(
            (SITE,), Redaction("motion"), {("lab", "door"): models}, limits, str(folder / "out"), storage.write
        )
        out: Redactions = made | "RedactClips" >> step
        for name, found in out._asdict().items():
            assert_that(found, lambda each, to=rows[name]: to.write_bytes(pickle.dumps(each)), label=name)
    told, failed = (pickle.loads(rows[name].read_bytes()) for name in ("told", "failed"))
    return told, failed


def test_a_clip_becomes_a_file_named_by_its_hash(tmp_path: Path, footage: list[Picture]) -> None:
    clip = a_clip(encode(footage))
    told, failed = redacted(tmp_path, [clip, clip])
    path = tmp_path / "out" / name_of(clip)
    assert [each for each in (tmp_path / "out").rglob("*") if each.is_file()] == [path]
    assert path.parts[-4:] == ("redacted", "site=lab", "camera=door", f"{clip.envelope.sha256}.mp4")
    first = path.read_bytes()
    assert failed == [] and len(told) == 2 and told[0] == told[1]
    assert (told[0].what, told[0].at_us, told[0].size) == (REDACTED, clip.envelope.start_us, len(first))
    assert told[0].measure == {
        "frames": 6, "whole": 0, "unwatched": 0, "measured": 2, "leaks_before": 0, "leaks_after": 0
    }  # fmt: skip
    redacted(tmp_path, [clip])
    assert path.read_bytes() == first  # tried again, it overwrites itself
    with open_clip(first) as opened:
        assert next(opened.frames()).content(768, 432)[:80, :150].max() < 30  # the site file's mask


def test_a_clip_is_as_long_as_its_true_rate_says(tmp_path: Path) -> None:
    """Its container says 25 frames a second, and 0.8 s."""
    clip = a_clip(encode(pictures(20), "h264", rate=25, options={"bf": "0"}), rate=60)
    told, failed = redacted(tmp_path, [clip], ClipLimits(max_seconds=0.5))
    assert failed == [] and [fact.what for fact in told] == [REDACTED]
    with open_clip((tmp_path / "out" / name_of(clip)).read_bytes()) as opened:
        assert [frame.offset_us for frame in opened.frames()] == [round(i * 1_000_000 / 60) for i in range(20)]


def test_of_what_cannot_be_decoded_it_is_told_that_it_is_not_redacted(tmp_path: Path) -> None:
    """Its dead letter is left to detection."""
    (fact,), letters = redacted(tmp_path, [a_clip(b"no video")])
    assert fact.what == NOT_REDACTED and letters == []
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_encoded_is_a_dead_letter_of_this_step(tmp_path: Path) -> None:
    slender = [np.full((2, 20_000, 3), 90, np.uint8) for _ in range(2)]  # more than H.264 can hold
    clip = a_clip(encode(slender, "matroska", "ffv1"))
    (fact,), (letter,) = redacted(tmp_path, [clip])
    assert fact.what == NOT_REDACTED
    assert (letter.stage, letter.reason, letter.bytes) == (
        "RedactClips",
        "unencodable",
        clip.size,
    )


PIXEL_STAGE = """
import json, os, sys
opened = []
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)) and arguments[2] & writing:
        opened.append(os.fsdecode(arguments[0]))
    elif event in ("os.rename", "os.link", "os.symlink", "os.mkdir", "shutil.copyfile", "tempfile.mkstemp"):
        opened.append(os.fsdecode(arguments[1 if event == "os.rename" else 0]))

from pathlib import Path
import apache_beam as beam
from pipeline import storage
from pipeline.archive import find_clips
from pipeline.job import configure
from pipeline.run import add_parser
import argparse
from pipeline.sources import ReadClipFiles
from tests.support.graph import pipeline
from transforms.detect import DetectPeople
from transforms.redact import RedactClips
from transforms.validate import ValidateClips

parser = argparse.ArgumentParser()
add_parser(parser.add_subparsers())
config = configure(parser.parse_args(["run", *sys.argv[1:]]))
sites, limits = config.sites, config.limits
root = pipeline()
read = root | ReadClipFiles(config.files, sites, limits)
valid = read.good | ValidateClips(sites, limits, config.spans)
detected = valid.clips | DetectPeople(sites, config.models, limits)
valid.clips | RedactClips(sites, config.redaction, config.eyes, limits, config.output, storage.write)
sys.addaudithook(hook)
root.run().wait_until_finish()
print(json.dumps(sorted(set(opened))))
"""


def test_the_pixel_stage_opens_no_file_for_writing_but_redacted_output(tmp_path: Path, footage: list[Picture]) -> None:
    (tmp_path / "site.json").write_text(json.dumps({
        "site": "lab", "site_version": 1, "time_zone": "UTC", "cameras": [{"name": "door"}],
    }))  # fmt: skip
    (tmp_path / "clip.mp4").write_bytes(encode(footage))
    done = subprocess.run(
        [
            sys.executable, "-c", PIXEL_STAGE, "--site", tmp_path / "site.json", "--clips", tmp_path / "clip.mp4",
            "--start", "2026-01-05T09:00:00Z", "--output", tmp_path / "out", "--redact", "heads",
        ],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    opened = [Path(each) for each in json.loads(done.stdout.splitlines()[-1])]
    folder = tmp_path / "out/redacted/site=lab/camera=door"
    (file,) = folder.iterdir()
    assert file in opened
    assert {each for each in opened if not each.is_relative_to(folder)} <= {*folder.parents}
    assert all(each.name.startswith(f".{file.name}.") for each in opened if each.parent == folder and each != file)
