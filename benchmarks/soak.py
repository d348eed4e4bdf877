"""`make soak`: what the job keeps over a long stream, on a real Flink cluster, and what a clip costs in state.

Recorded detections of four cameras over 24 hours, on a clock that runs 60 times faster, a part of them two hours
late and some twice (see replay.py), go through every step from `ToSiteDays` to `WriteRecords` on a cluster of two
TaskManagers. `lateness` is three hours. Checkpoints hold all state whole; each one's size is taken with the event
time that tracking had reached when it was begun. The source's part is left out, and told beside it: a Flink
runner from before apache/beam pull request 39191 (July 2026) keeps a little for ever each time that a source pauses.

* `state_bytes_per_camera`: the largest checkpoint from hour 18 on, over the number of cameras.
* `state_growth`: the largest checkpoint from hour 18 on over the largest of hours 5 to 10; from then on all that
  lateness asks for is there.
* `state_of_bound`: what tracking and aggregation keep, a camera, over the bound of docs/live.md for these clips, where
  it comes closest. So fast a clock has many clips wait for event time; the bound counts them.
* `state_left`: the same part after the day and its lateness, over the largest. Flink's own overhead is in it.
* `worker_memory_growth`: resident memory of the Python workers, as `state_growth`.
* `on_time_cost_ratio`: bytes of state that tracking reads and writes for a clip that comes in time, with a lateness
  of six hours over a quarter of one, once each keeps all that it ever will; counted, without a cluster.
"""

from __future__ import annotations

import argparse
import bisect
import os
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import apache_beam as beam
from apache_beam.io.unbounded_source import ReadFromUnboundedSource
from apache_beam.options.pipeline_options import PipelineOptions
from rich.console import Console

from benchmarks.figures import Figure, print_figures, write_report
from benchmarks.recorded import BEGIN_US, CLIP_US, load, record, site_of
from benchmarks.replay import HOUR, Replay
from benchmarks.state_cost import bound, on_time_bytes
from benchmarks.stopwatch import ROOT
from pipeline.sinks import WriteRecords
from pipeline.submit.flink_options import beam_options
from pipeline.submit.flink_rest import ENDED, polled
from schemas.clock import SECOND_US
from schemas.site import Site
from tests.support.flink_cluster import Flink, Workers, flink_cluster
from transforms.aggregate import FORGET_AFTER_US, AggregateMetrics
from transforms.arrivals import Span, ToSiteDays
from transforms.detections import ClipDetections
from transforms.events import AnonymiseTracks
from transforms.guard import DropBiometrics
from transforms.protect import ProtectAggregates
from transforms.track import TrackPeople
from transforms.vocabulary import vocabulary_of

CAMERAS = 4
CHECKPOINT_S = 3
SPEED = 60
"""Seconds of event time in a second: what does not keep up waits in state, and counts."""
FLUSH_US = SECOND_US
BUNDLE_MS = 250
MODEL = "0123456789ab"
JOB, RUNNING = "soak", "RUNNING"
START_S = 120
HOUR_US = HOUR * CLIP_US


class Sample(NamedTuple):
    """One completed checkpoint.

    Attributes:
      hour: Event time that tracking had reached, in hours since the begin.
      behind: By how many hours that is behind the event time of what had come.
      whole_bytes: Its size.
      state_bytes: Its size without the source.
      kept_bytes: The part of it that is of tracking and aggregation.
      memory_bytes: Resident memory of all Python workers just then.
    """

    hour: float
    behind: float
    whole_bytes: int
    state_bytes: int
    kept_bytes: int
    memory_bytes: int


class BundleOptions(PipelineOptions):
    """An option of Flink's runner that Beam for Python does not know by name."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--max_bundle_time_mills", type=int, help="milliseconds that a bundle may take")


def build(root: beam.Pipeline, site: Site, source: Replay, output: str) -> None:
    """Add the job, from detections on, to a pipeline."""
    sites = (site,)
    spans = {site.site: Span(BEGIN_US, BEGIN_US + source.clips * CLIP_US)}
    models = {(site.site, camera.name): MODEL for camera in site.cameras}
    clips = root | "Replay" >> ReadFromUnboundedSource(source, poll_interval=0.2, max_read_time_seconds=1)
    clips.element_type = ClipDetections
    days = clips | "ToSiteDays" >> ToSiteDays(sites, spans)
    tracked = days | "TrackPeople" >> TrackPeople(sites, spans, bounded=False)
    _ = (
        tracked.tracklets
        | "AnonymiseTracks" >> AnonymiseTracks()
        | "AggregateMetrics" >> AggregateMetrics(sites, models, spans, bounded=False)
        | "ProtectAggregates" >> ProtectAggregates(sites, bounded=False)
        | "DropBiometrics" >> DropBiometrics(vocabulary_of(sites, models, ()), "fail")
        | "WriteRecords" >> WriteRecords(output, FLUSH_US)
    )


def start(flink: Flink, workers: Workers, site: Site, source: Replay, output: str) -> str:
    """Start the job on the cluster; returns Flink's id of it."""
    given = Namespace(
        job_endpoint=flink.job_endpoint, workers_at=workers.address, worker_image=None, worker_processes=1,
        parallelism=2, checkpoint_every=CHECKPOINT_S,
    )  # fmt: skip
    options = beam_options(given, JOB, None, bounded=False)
    # A timer that a timer sets waits for the bundle's end: by default for a second, which is many minutes here.
    options.view_as(BundleOptions).max_bundle_time_mills = BUNDLE_MS
    root = beam.Pipeline(options=options)
    build(root, site, source, output)
    result = root.run()
    for _ in polled(START_S):
        for job, (name, state) in flink.rest.jobs().items():
            if name == JOB and state == RUNNING:
                return job
    raise RuntimeError(f"the job did not begin: {result.state}")


def samples(flink: Flink, workers: Workers, job: str, until_hour: float, deadline: float) -> Iterator[Sample]:
    """Yield checkpoints as they complete, until one that was begun at an event time.

    Raises:
      RuntimeError: the job failed, or the deadline passed.
    """
    steps = _steps(flink, job)
    told: list[tuple[float, float, float]] = []
    last, reached = 0, -1.0
    while reached < until_hour:
        if flink.rest.state(job) in ENDED or flink.checkpoints(job)["counts"]["restored"]:
            raise RuntimeError(f"the job failed: {flink.rest.fault(job)}")
        if time.monotonic() > deadline:
            raise RuntimeError("the time was up before the stream was: give it more --minutes")
        source, hour = _hour(flink, job, steps[1]), _hour(flink, job, steps[2])
        if source is not None and hour is not None:
            told.append((time.time() * 1000, hour, source - hour))
        made = flink.checkpoints(job)["latest"]["completed"]
        if told and made is not None and made["trigger_timestamp"] > max(last, told[0][0]):
            last = made["trigger_timestamp"]
            _, reached, behind = told[bisect.bisect(told, (last,)) - 1]
            yield Sample(reached, behind, *_sizes(flink, job, made["id"], steps), _memory(workers))
        time.sleep(0.5)


def _steps(flink: Flink, job: str) -> tuple[str, str, str]:
    """Return Flink's ids of the source, of tracking and of aggregation; steps are named by what they begin with."""
    vertices = flink.rest.ask(f"jobs/{job}")["vertices"]
    source, tracking, aggregation = (
        next(vertex["id"] for vertex in vertices if f"{{{step}," in vertex["name"])
        for step in ("Replay", "TrackPeople", "AggregateMetrics")
    )
    return source, tracking, aggregation


def _sizes(flink: Flink, job: str, checkpoint: int, steps: tuple[str, str, str]) -> tuple[int, int, int]:
    """Return the bytes of a checkpoint: all, all but the source's, and those of tracking and aggregation."""
    made = flink.rest.ask(f"jobs/{job}/checkpoints/details/{checkpoint}")
    source, tracking, aggregation = (made["tasks"][step]["state_size"] for step in steps)
    return made["state_size"], made["state_size"] - source, tracking + aggregation


def _hour(flink: Flink, job: str, vertex: str) -> float | None:
    """Return a step's event time in hours since the begin; None before it has one."""
    marks = [int(each["value"]) for each in flink.rest.ask(f"jobs/{job}/vertices/{vertex}/watermarks")]
    if not marks or min(marks) < 0:
        return None
    return (min(marks) * 1000 - BEGIN_US) / HOUR_US


def _memory(workers: Workers) -> int:
    pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in workers.pids())
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


def soak(work: Path, recorded: Path, hours: int, deadline: float, console: Console) -> list[Sample]:
    """Run the stream; returns what was measured, in order."""
    site = site_of(CAMERAS)
    drain = (site.lateness + FORGET_AFTER_US) // CLIP_US + HOUR // 2
    source = Replay(str(recorded), tuple(camera.name for camera in site.cameras), hours * HOUR, drain, SPEED)
    made: list[Sample] = []
    with flink_cluster(work / "flink") as flink, flink.workers() as workers:
        job = start(flink, workers, site, source, str(work / "records"))
        over = hours + drain / HOUR - 0.05
        for sample in samples(flink, workers, job, over, deadline):
            made.append(sample)
            if len(made) % 10 == 1:
                console.print(
                    f"hour {sample.hour:5.1f}: state {sample.state_bytes / 2**20:.2f} MiB, "
                    f"workers {sample.memory_bytes / 2**20:.0f} MiB"
                )
        flink.cancel_all()
    return made


def figures_of(made: list[Sample], recorded: list[ClipDetections], hours: int) -> list[Figure]:
    """Return the figures; a shorter stream than a day is looked at in its last quarter."""
    late = hours * 0.75
    early = [each for each in made if 5 <= each.hour <= max(10, hours / 2)]
    steady = [each for each in made if late <= each.hour <= hours]
    most = max(made, key=lambda each: each.kept_bytes)
    short, long = (on_time_bytes(site_of(1, lateness=lateness), recorded) for lateness in ("15m", "6h"))
    allowed = bound(site_of(CAMERAS), recorded)
    of_bound = max(each.kept_bytes / CAMERAS / allowed(each.behind * HOUR_US) for each in made)
    return [
        Figure(
            "state_bytes_per_camera", max(each.state_bytes for each in steady) / CAMERAS,
            "largest checkpoint in the last quarter of the stream, bytes, over the number of cameras",
            peers={"with the source's": max(each.whole_bytes for each in steady) / CAMERAS},
        ),
        Figure(
            "state_growth",
            max(each.state_bytes for each in steady) / max(each.state_bytes for each in early),
            "largest checkpoint in the last quarter of the stream over the largest of hours 5 to 10",
            "<= 1.1",
        ),
        Figure(
            "state_of_bound", of_bound,
            "the most of what tracking and aggregation keep for a camera over the bound of docs/live.md, which grows "
            "with what waits for event time",
            "<= 1",
            {"bound, bytes a camera": allowed(0), "most hours behind": max(each.behind for each in made)},
        ),
        Figure(
            "state_left", made[-1].kept_bytes / most.kept_bytes,
            "what tracking and aggregation keep after the day and its lateness over the most that they kept",
            "<= 0.1",
            {"bytes": made[-1].kept_bytes, "most, bytes": most.kept_bytes},
        ),
        Figure(
            "worker_memory_growth",
            max(each.memory_bytes for each in steady) / max(each.memory_bytes for each in early),
            "resident memory of the Python workers, as state_growth",
            "<= 1.1",
            {"MiB": max(each.memory_bytes for each in steady) / 2**20},
        ),
        Figure(
            "on_time_cost_ratio", long / short,
            "bytes of state that tracking reads and writes for a clip in time, lateness of 6 hours over 15 minutes",
            "<= 1.2",
            {"bytes a clip, 15 minutes": short, "6 hours": long},
        ),
    ]  # fmt: skip


def main() -> int:
    """Run the soak; returns 0 if it could be measured, whatever came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Measures what the job keeps.")
    parser.add_argument("--hours", type=int, default=24, help="length of the stream, at least 6 (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=38, help="give up after so long (default: %(default)s)")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="evaluation data and models")
    args = parser.parse_args()
    deadline = time.monotonic() + 60 * args.minutes
    video = args.shared / "data/clips/opencv_vtest.avi"
    if not video.is_file():
        print(f"soak: the evaluation data is not at {args.shared}: name its folder with --shared", file=sys.stderr)
        return 1
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="silhouette-soak-") as work:
        recorded = record(video, Path(work))
        made = soak(Path(work), recorded, args.hours, deadline, console)
        figures = figures_of(made, load(recorded), args.hours)
    print_figures("Figures", figures, console)
    console.print(f"written to {write_report('soak', figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
