"""The live job on a real Flink, fed by the emulator, and its records held against the batch run's."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

from pipeline.archive import find_clips
from pipeline.models.cards import read_card
from pipeline.view import Row, current, read_records
from schemas.avro import natural_key
from schemas.clock import to_rfc3339
from tests.conftest import ROOT
from tests.support.command import silhouette
from tests.support.demo import CAMERA
from tests.support.flink_cluster import Flink, Workers
from tests.support.live import envelope_of

Standing = Mapping[str, Sequence[Row]]
"""The records that stand, by family, each family in the order of its natural key."""


def standing(output: Path) -> Standing:
    """Return the records that stand in a job's output."""
    return {
        family: sorted(rows, key=lambda row: [row[name] for name in natural_key(family)])
        for family, rows in current(read_records(output)).items()
    }


def above_first(output: Path) -> int:
    """Return how many records stand whose set was written before, with a lower revision."""
    written = read_records(output)
    first: dict[tuple[Any, ...], int] = {}
    for family, rows in written.items():
        for row in rows:
            first[_set(family, row)] = min(first.get(_set(family, row), row["revision"]), row["revision"])
    return sum(row["revision"] > first[_set(family, row)] for family, rows in standing(output).items() for row in rows)


def _set(family: str, row: Row) -> tuple[Any, ...]:
    return family, row["site"], row["group"], row["window_size_seconds"], row["window_start"], row["site_version"]


def lost_and_other(expected: Standing, found: Standing) -> tuple[int, int]:
    """Return how many records of a family are missing, and how many are there that should not be, or are other."""
    lost = other = 0
    for family, rows in expected.items():
        key = natural_key(family)
        here = {tuple(row[name] for name in key if name != "revision"): row for row in found[family]}
        there = {tuple(row[name] for name in key if name != "revision"): row for row in rows}
        lost += len(there.keys() - here.keys())
        other += len(here.keys() - there.keys()) + sum(here[k] != there[k] for k in here.keys() & there.keys())
    return lost, other


def wait_until(what: Callable[[], object], told: Callable[[], str] | str, seconds: float) -> float:
    """Wait until something is true; returns how long that took.

    Raises:
      AssertionError: it did not become so in time; `told` says what was waited for.
    """
    begun = time.monotonic()
    while not what():
        waited = time.monotonic() - begun
        assert waited < seconds, f"{seconds:.0f} s, and not: {told if isinstance(told, str) else told()}"
        time.sleep(min(1.0, waited / 20 + 0.01))
    return time.monotonic() - begun


def wait_for_records(output: Path, expected: Standing, seconds: float) -> float:
    """Wait until the records that stand are the expected ones, row for row; returns how long that took."""

    def told() -> str:
        lost, other = lost_and_other(expected, standing(output))
        return f"the records of the batch: {lost} are missing, {other} are other ones"

    return wait_until(lambda: standing(output) == expected, told, seconds)


def spaced(archive: Path, folder: Path, starts_us: Sequence[int], camera: str = CAMERA) -> Path:
    """Make an archive with a clip at each start, taken in turn from another; returns the folder."""
    folder.mkdir(exist_ok=True)
    for file, start_us in zip(cycle(find_clips([archive])), starts_us, strict=False):
        envelope = envelope_of(file)
        end_us = start_us + envelope.end_us - envelope.start_us
        placed = replace(envelope, camera=camera, start_us=start_us, end_us=end_us)
        clip = folder / f"{camera}-{start_us}.mp4"
        clip.symlink_to(file.path)
        clip.with_suffix(".json").write_text(json.dumps(placed.to_json()))
    return folder


def models_folder(folder: Path) -> Path:
    """Make a folder with the built-in model as the workers' image has it; returns it."""
    folder.mkdir()
    card = read_card(ROOT / "pipeline/models/cards/person.yaml")
    (folder / f"{card.sha256}.onnx").symlink_to(ROOT / "pipeline/models/builtin/person.onnx")
    return folder


def job_of(told: str) -> str:
    """Return Flink's id of the job that `silhouette submit flink` tells of."""
    (job,) = re.findall(r": job ([0-9a-f]{32}),", told)
    return str(job)


@dataclass(frozen=True)
class LiveJob:
    """What a stream and the batch run have in common.

    Attributes:
      site: The site file.
      models: The folder of models.
      from_us: Begin of what is reported, UTC microseconds.
      until_us: Its end.
    """

    site: Path
    models: Path
    from_us: int
    until_us: int

    def batch(self, clips: Path, output: Path) -> Standing:
        """Count an archive on this machine, and return the records."""
        done = silhouette("run", "--site", self.site, "--clips", clips, "--output", output, *self._span)
        assert done.returncode == 0, done.stderr
        return standing(output)

    def submit(
        self, flink: Flink, workers: Workers, subscription: str, output: Path, *flags: object, disorder: str = "2s"
    ) -> str:
        """Start the stream on a cluster, as a person would, and return Flink's id of it."""
        done = silhouette(*self.words(flink, workers, subscription, output, *flags, disorder=disorder))
        assert done.returncode == 0, done.stderr
        return job_of(done.stdout)

    def words(
        self, flink: Flink, workers: Workers, subscription: str, output: Path, *flags: object, disorder: str = "2s"
    ) -> list[str]:
        """Return the command that starts the stream; further flags win over its own."""
        words = (
            "submit", "flink", "--site", self.site, "--input", subscription, "--output", output, *self._span,
            "--flush", "2s", "--disorder", disorder, "--readers", 2, "--models-at", self.models,
            "--job-endpoint", flink.job_endpoint, "--rest", flink.rest.url, "--workers-at", workers.address,
            "--parallelism", 2, "--checkpoint-every", 2, *flags,
        )  # fmt: skip
        return [str(word) for word in words]

    @property
    def _span(self) -> tuple[str, ...]:
        return "--from", to_rfc3339(self.from_us), "--until", to_rfc3339(self.until_us)
