"""`make live` as a person runs it: the emulator, two agents and the job, and all of it ended in the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from demo.live.figures import NO_DATA, Records, percentile, places
from pipeline.sinks import partition, write_file
from schemas.avro import FAMILY_OF
from tests.conftest import ROOT
from tests.support import builds
from tests.support.pubsub import PubSub
from tests.support.world import a_camera, a_site, clips_of, records_of, span, stander, walker
from transforms.guard import Guarded, to_fields

MARK = "SILHOUETTE_TEST_MARK"
SITE = a_site(windows=["10s", "1m"], cameras=[a_camera(name).model_dump(mode="json") for name in ("door", "yard")])


def write(output: Path, until_s: float, people: list[Any], took_s: float) -> None:
    """Write the records of a camera, and of one that is silent, as files that came so long after the end."""
    for record in records_of(SITE, clips_of(people, until_s), span(0, until_s)):
        guarded = Guarded(FAMILY_OF[type(record)], to_fields(record))
        file = write_file(str(output), partition(guarded), [guarded])
        visible_s = guarded.fields["window_end"] / 1e6 + took_s
        os.utime(output / file.name, (visible_s, visible_s))


def test_counts_so_far_and_now(tmp_path: Path) -> None:
    records = Records(tmp_path)
    assert not records.look()
    write(tmp_path, 60, [walker(1), walker(31), walker(32, back=True), stander(1.5, 0.9, 20, 70)], took_s=12)
    assert records.look()
    assert not records.look()
    told = {(place.camera, place.name): place for place in places(records.standing(), SITE)}
    assert [name for _, name in told] == ["gate", "hall", "desk"] * 2
    assert told["door", "gate"].so_far == "2 in, 1 out"
    assert told["door", "gate"].now == "0 in, 0 out"
    assert told["door", "desk"].now == "1.0 waiting"
    assert told["door", "hall"].until == told["yard", "hall"].until
    assert {place.now for (camera, _), place in told.items() if camera == "yard"} == {NO_DATA}


def test_a_record_took_until_its_first_file_whatever_is_revised(tmp_path: Path) -> None:
    write(tmp_path, 60, [], took_s=12)
    records = Records(tmp_path)
    records.look()
    first = records.seconds()
    assert set(first) == {12.0}
    write(tmp_path, 60, [walker(1)], took_s=100)
    records.look()
    assert records.seconds() == first


def test_percentiles() -> None:
    assert [percentile(range(1, 101), share) for share in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7.0


@contextmanager
def live(folder: Path, *words: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run `python -m demo.live`; yields it, and afterwards finds no process that has come of it."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.live", "--output", str(folder), *map(str, words)],
        cwd=ROOT, env=os.environ | {"COLUMNS": "200", MARK: mark} | environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert left_behind(mark) == []


def left_behind(mark: str) -> list[str]:
    """Return the command of each process with this mark in its environment."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has just ended
            if f"{MARK}={mark}".encode() in environment.read_bytes():
                found.append(environment.with_name("cmdline").read_text().replace("\0", " "))
    return found


@pytest.fixture
def prism(pubsub: PubSub) -> None:
    """What the machine must have; built now if need be, so that no test waits for it."""
    builds.prism()


@pytest.mark.usefixtures("prism")
def test_pubsub_live_shows_counts_and_latency_and_ends(tmp_path: Path) -> None:
    with live(tmp_path / "live", "--seconds", 1, "--reports", tmp_path) as process:
        out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    assert re.search(r"^\d\d:\d\d:\d\dZ east-table: entrance \d in, \d out; .* room \d\.\d people; ", out, re.MULTILINE)
    p50, p99, count = re.search(r"p50 ([\d.]+) s, p99 ([\d.]+) s, of ([\d,]+)", out).groups()
    assert 0 < float(p50) <= float(p99)
    assert int(count) > 0
    figures = json.loads((tmp_path / "live.json").read_text())["figures"]
    assert {figure["name"] for figure in figures if figure["holds"]} == {
        "window_to_record_p50_seconds",
        "window_to_record_p99_seconds",
        "dead_letters",
    }
    (cut, acknowledged), *_ = re.findall(r"│ east-table +│ ended +│ +(\d+) │ +(\d+) │ +0 │", out)
    assert int(cut) == int(acknowledged) >= 5
    assert " 0 dead letters" in out


@pytest.mark.usefixtures("prism")
def test_pubsub_live_can_be_interrupted_while_it_starts(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    with live(folder) as process:
        deadline = time.monotonic() + 120
        while not (folder / "job.log").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")


def test_live_says_what_to_install(tmp_path: Path) -> None:
    with live(tmp_path / "live", PATH=str(tmp_path)) as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err.startswith("make live: the Pub/Sub emulator does not start: install it with `gcloud components install")


def test_live_writes_to_a_folder_of_its_own(tmp_path: Path) -> None:
    with live(tmp_path) as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert err == f"make live: --output: {tmp_path}: File exists; name a folder to make\n"
