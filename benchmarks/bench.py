"""`make bench`: what the whole job costs, against bare onnxruntime and against the loop a user would write.

The footage is 750 frames of a plaza, in three clips; the model is YOLOX nano at 416x416. Everything is
measured in one run, contenders in turn, in rounds (A B C A B C ...); a ratio is formed within each round, so that
a machine that is slower for a while is so for both sides, and the figure is the median of the rounds. Every run is
made of fresh processes. None counts its start-up (imports, building the graph, loading the model), which is
printed apart: the job's work begins when it opens its first clip and ends when its records are written; all
others' begins when everything is loaded and warm. Each side says how many frames it worked on, and the run fails
if these are not all.

* `ort_ratio_1core`: the job with one worker over bare onnxruntime with one thread, frames a second, both on the
  same single core. Bare onnxruntime has nothing to do but `run`: its input tensors were made before. It runs the
  model file as the user has it; the job may run a graph of its own making with the same answers. The plain loop
  on one core stands beside it.
* `plain_loop_ratio_2core`: the job with two workers over the plain loop (OpenCV, onnxruntime with its default
  threads, supervision's ByteTrack and LineZone), on both cores. Bare onnxruntime in two one-thread processes, half
  of the frames each, stands beside it.
* `workers_2_over_1`: what a second worker adds to the job, over what a second process adds to bare onnxruntime,
  on both cores and on so many clips that one worker has a minute of work.
* `time_4x_clips`, `memory_4x_clips`: the job on four times the clips, at later times of the same day, over the
  job on the clips once: seconds of work, and largest resident memory; one worker on one core.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, print_figures, write_report
from benchmarks.footage import FRAMES, cut, repeat
from benchmarks.stopwatch import ROOT, Run, measure
from tests.support.models import shared_models_folder

MODEL_FILE = "yolox_nano.onnx"
LONG_SECONDS = 60
TWICE = 2
"""Passes where there are two workers: an even number of clips."""

SHORT_OF_DEADLINE = 1.15
"""A round is begun only if this many times the longest one so far still fits in the time."""

Round = dict[str, Run]


class Contenders:
    """All that is measured, by name.

    Args:
      work: An empty folder for clips and records.
      shared: The folder of evaluation data and models.
    """

    def __init__(self, work: Path, shared: Path) -> None:
        models = shared_models_folder(work, shared)
        os.environ["SILHOUETTE_MODELS"] = str(models)
        self._work = work
        self._model = models / MODEL_FILE
        self._once = work / "once"
        cut(shared / "data/clips/opencv_vtest.avi", self._once)
        cores = sorted(os.sched_getaffinity(0))[:2]
        self._both, self._one = set(cores), {cores[-1]}
        self._outputs = 0

    def one_core(self) -> Round:
        """Run all that have one core."""
        return {
            "bare, 1 core": self._bare(1, self._one),
            "job, 1 core": self._job(1, 1, self._one),
            "plain loop, 1 core": self._plain(1, 1, self._one),
            "job, 1 core, 4x the clips": self._job(4, 1, self._one),
        }

    def both_cores(self) -> Round:
        """Run all that have two."""
        return {
            "plain loop, 2 cores": self._plain(TWICE, 0, self._both),
            "job, 2 workers": self._job(TWICE, 2, self._both),
            "bare, 2 processes": self._bare(2, self._both, TWICE),
        }

    def long(self, passes: int) -> Round:
        """Run what shows how the job spreads over two cores."""
        return {
            "job, 1 worker, long": self._job(passes, 1, self._both),
            "job, 2 workers, long": self._job(passes, 2, self._both),
            "bare, 1 process, long": self._bare(1, self._both, passes),
            "bare, 2 processes, long": self._bare(2, self._both, passes),
        }

    def _archive(self, passes: int) -> Path:
        archive = self._work / f"times-{passes}"
        if not archive.exists():
            repeat(self._once, archive, passes)
        return archive

    def _plain(self, passes: int, threads: int, cores: set[int]) -> Run:
        return _of_frames(measure([("plain", self._archive(passes), self._model, threads)], cores), passes)

    def _job(self, passes: int, workers: int, cores: set[int]) -> Run:
        self._outputs += 1
        run = measure([("job", self._archive(passes), self._work / f"records-{self._outputs}", workers)], cores)
        return _of_frames(run, passes)

    def _bare(self, processes: int, cores: set[int], passes: int = 1) -> Run:
        shares = [("bare", self._once, self._model, passes, part, processes) for part in range(processes)]
        return _of_frames(measure(shares, cores), passes)


def _of_frames(run: Run, passes: int) -> Run:
    if run.frames != FRAMES * passes:
        raise ValueError(f"{run.frames} frames were worked on, not {FRAMES * passes}: the sides cannot be compared")
    return run


def figures_of(rounds: Sequence[Round]) -> list[Figure]:
    """Return the figures of some rounds, those without the long runs included."""

    def ratio(value: Callable[[Round], float], needs: str = "") -> float:
        return median(value(each) for each in rounds if not needs or needs in each)

    def speed(one: str, other: str) -> float:
        return ratio(lambda runs: runs[one].fps / runs[other].fps)

    return [
        Figure(
            "ort_ratio_1core", speed("job, 1 core", "bare, 1 core"),
            "frames a second of the job, one worker, over bare onnxruntime with one thread, both on one core",
            ">= 0.92",
            {"plain loop": speed("plain loop, 1 core", "bare, 1 core")},
        ),
        Figure(
            "plain_loop_ratio_2core", speed("job, 2 workers", "plain loop, 2 cores"),
            "frames a second of the job, two workers, over the plain loop, both on two cores",
            ">= 1.45",
            {"bare onnxruntime, 2 processes": speed("bare, 2 processes", "plain loop, 2 cores")},
        ),
        Figure(
            "workers_2_over_1", ratio(_share_of_gain, "job, 1 worker, long"),
            "the job's gain from a second worker over bare onnxruntime's gain from a second process",
            ">= 0.95",
            {"job's gain": ratio(_job_gain, "job, 1 worker, long"),
             "bare onnxruntime's gain": ratio(_bare_gain, "job, 1 worker, long")},
        ),
        Figure(
            "time_4x_clips",
            ratio(lambda runs: runs["job, 1 core, 4x the clips"].seconds / runs["job, 1 core"].seconds),
            "seconds of work of the job on four times the clips over once",
            "<= 4.1",
        ),
        Figure(
            "memory_4x_clips",
            ratio(lambda runs: runs["job, 1 core, 4x the clips"].peak_bytes / runs["job, 1 core"].peak_bytes),
            "largest resident memory of the job on four times the clips over once",
            "<= 1.15",
        ),
    ]  # fmt: skip


def _job_gain(runs: Round) -> float:
    return runs["job, 2 workers, long"].fps / runs["job, 1 worker, long"].fps


def _bare_gain(runs: Round) -> float:
    return runs["bare, 2 processes, long"].fps / runs["bare, 1 process, long"].fps


def _share_of_gain(runs: Round) -> float:
    return _job_gain(runs) / _bare_gain(runs)


def run_rounds(contenders: Contenders, rounds: int, deadline: float) -> list[Round]:
    """Measure round after round, the long runs in every second one, as long as there is time.

    Args:
      contenders: What to measure.
      rounds: How many rounds there shall be.
      deadline: Monotonic time by which all shall be done; one round is always made.
    """
    done: list[Round] = []
    took: dict[bool, float] = defaultdict(float)
    passes = 1
    for number in range(rounds):
        with_long = number % 2 == 0
        begun = time.monotonic()
        expected = took[with_long] or max(took.values(), default=0.0)
        if done and begun + SHORT_OF_DEADLINE * expected > deadline:
            break
        runs = contenders.one_core() | contenders.both_cores()
        if not done:
            passes = 2 * math.ceil(LONG_SECONDS / runs["job, 1 core"].seconds / 2)
        if with_long:
            runs |= contenders.long(passes)
        done.append(runs)
        took[with_long] = max(took[with_long], time.monotonic() - begun)
    return done


def print_runs(console: Console, rounds: Sequence[Round]) -> None:
    """Print what was run: medians over the rounds, start-up apart."""
    table = Table("run", "rounds", "frames", "ms a frame", "start-up s", "peak MiB", title="Runs", title_justify="left")
    for name in dict.fromkeys(name for runs in rounds for name in runs):
        runs = [each[name] for each in rounds if name in each]
        table.add_row(
            name, str(len(runs)), str(runs[0].frames),
            f"{median(1000 / run.fps for run in runs):.2f}",
            f"{median(run.start_up for run in runs):.1f}",
            f"{median(run.peak_bytes for run in runs) / 2**20:.0f}",
        )  # fmt: skip
    console.print(table)


def main() -> int:
    """Run the benchmark; returns 0 if it could be measured, whatever came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description="Measures what the job costs.")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--minutes", type=float, default=21, help="begin no round that would end later (default: %(default)s)"
    )
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="evaluation data and models")
    args = parser.parse_args()
    deadline = time.monotonic() + 60 * args.minutes
    if not (args.shared / "data").is_dir():
        print(f"bench: the evaluation data is not at {args.shared}: name its folder with --shared", file=sys.stderr)
        return 1
    if len(os.sched_getaffinity(0)) < 2:
        print("bench: two cores are needed", file=sys.stderr)
        return 1
    console = Console()
    with tempfile.TemporaryDirectory(prefix="silhouette-bench-") as work, console.status("measuring"):
        rounds = run_rounds(Contenders(Path(work), args.shared), args.rounds, deadline)
    print_runs(console, rounds)
    figures = figures_of(rounds)
    print_figures("Figures", figures, console)
    console.print(f"written to {write_report('bench', figures)}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
