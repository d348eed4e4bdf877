"""One fault at a time, on a real Flink and the real Pub/Sub emulator, while clips are on their way.

Each trial has its own topic, output and Python workers. When the fault hits, clips are held by the job: delivered and
not acknowledged. A trial ends when the records that stand are the batch run's over the same clips, row for row, when
no message is left, and when what came twice has had its chance to change them.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from google.cloud.pubsub_v1 import PublisherClient

from pipeline.archive import ClipFile, find_clips
from pipeline.view import read_family, read_records, record_files
from schemas.clock import SECOND_US, micros, now_us, to_rfc3339
from schemas.envelope import Envelope
from tests.support.demo import CAMERA, VIDEO, cut, site_file
from tests.support.edge import agent
from tests.support.flink_cluster import Flink, Workers
from tests.support.live import envelope_of
from tests.support.live_job import (
    LiveJob,
    Standing,
    above_first,
    lost_and_other,
    models_folder,
    spaced,
    standing,
    wait_for_records,
    wait_until,
)
from tests.support.pubsub import PubSub
from tests.support.witness import Witness, witness
from transforms.track import GATHER_US

MINUTE_US = 60 * SECOND_US
PATIENCE_S = 300
"""A trial that takes longer after its fault has failed, and is reported with what is missing then."""
SETTLE_S = GATHER_US / SECOND_US + 10
"""Clips that come late or again gather, and are looked at together: only then would one that counts twice show."""
SECOND_CAMERA = "second-table"


@dataclass(frozen=True)
class Outcome:
    """What a trial came to.

    Attributes:
      fault: Its name.
      held: Messages delivered and not acknowledged when the fault hit.
      came_again: How often a clip came that had come before.
      records: Records that stand.
      above_first: Those of them whose set was written before, with a lower revision.
      lost: Records of the batch that do not stand.
      twice: Records that stand and are not the batch's.
      recover_s: From the fault until the records were the batch's.
      rows_ratio: Rows written over the batch's.
      latencies_s: For a trial in real time, from each record's window end until its file was there.
    """

    fault: str
    held: int
    came_again: int
    records: int
    above_first: int
    lost: int
    twice: int
    recover_s: float
    rows_ratio: float
    latencies_s: Sequence[float] = ()


@dataclass
class Trial:
    """One stream, from an empty topic to its records."""

    fault: str
    live: LiveJob
    pubsub: PubSub
    flink: Flink
    workers: Workers
    seen: Witness
    publisher: PublisherClient
    folder: Path
    disorder: str = "2s"
    topic: str = ""
    subscription: str = ""
    job: str = ""
    held: int = 0
    struck: float = 0
    sent: dict[str, ClipFile] = field(default_factory=dict)

    @property
    def output(self) -> Path:
        """Folder of the records."""
        return self.folder / "records"

    def submit(self, *flags: object) -> None:
        """Start the job."""
        self.job = self.live.submit(
            self.flink, self.workers, self.subscription, self.output, *flags, disorder=self.disorder
        )

    def send(self, clips: Iterable[ClipFile]) -> None:
        """Publish clips, in this order."""
        going = [
            (clip, self.publisher.publish(self.topic, clip.path.read_bytes(), **envelope_of(clip).to_attributes()))
            for clip in clips
        ]
        self.sent |= {message.result(timeout=60): clip for clip, message in going}

    def restart_emulator(self) -> None:
        """Have Pub/Sub go away and come back.

        The emulator keeps nothing on disk, where Pub/Sub keeps everything: topic and subscription are made again,
        and what was not acknowledged is published again.
        """
        self.pubsub.stop()
        done = {message for message, _ in self.seen.acknowledged()}
        again = [clip for message, clip in self.sent.items() if message not in done]
        self.seen.forget()
        self.pubsub.start()
        self.pubsub.topic(self.topic.rpartition("/")[2])
        self.pubsub.subscription(self.topic, name=self.subscription.rpartition("/")[2])
        self.send(again)

    def strike(self) -> None:
        """Note that the fault hits now; clips are held."""
        wait_until(lambda: self.seen.held() > 0, "clips are held", PATIENCE_S)
        self.held, self.struck = self.seen.held(), time.monotonic()

    def until_taken(self) -> None:
        """Wait until all that was published is acknowledged."""
        wait_until(lambda: len(self.seen.acknowledged()) >= len(self.sent), "all messages are acknowledged", PATIENCE_S)

    def until_told(self, count: int) -> None:
        """Wait until all that was published is acknowledged, and so many records were written."""
        self.until_taken()
        wait_until(lambda: rows(self.output) >= count, f"{count} records are written", PATIENCE_S)

    def outcome(self, expected: Standing, batch: Path) -> Outcome:
        """Wait until the records are the batch's and all is acknowledged; whatever came of it is told."""
        try:
            wait_for_records(self.output, expected, PATIENCE_S)
            took = time.monotonic() - self.struck
            wait_until(lambda: self.seen.held() == 0, "all messages are acknowledged", PATIENCE_S)
            if self.seen.came_again():
                time.sleep(SETTLE_S)
        except AssertionError as error:
            print(f"{self.fault}: {error}", flush=True)
            took = time.monotonic() - self.struck
        self.flink.cancel_all()
        found = standing(self.output)
        lost, twice = lost_and_other(expected, found)
        return Outcome(
            self.fault, self.held, self.seen.came_again(), sum(map(len, found.values())), above_first(self.output),
            lost, twice, took, rows(self.output) / rows(batch), latencies(self.output, found),
        )  # fmt: skip


def rows(output: Path) -> int:
    """Return how many rows a job has written, standing or not."""
    return sum(map(len, read_records(output).values()))


def latencies(output: Path, found: Standing) -> list[float]:
    """Return for each record that stands, and is of seen time, the seconds from its window's end to its file."""
    shown: dict[str, float] = {}
    for family in found:
        for name in record_files(output, family):
            at = Path(name).stat().st_mtime
            for row in read_family(name, family):
                shown[f"{family}{row}"] = min(at, shown.get(f"{family}{row}", at))
    return [
        shown[f"{family}{row}"] - micros(row["window_end"]) / SECOND_US
        for family, family_rows in found.items()
        for row in family_rows
        if row["coverage"] > 0
    ]


class Ground:
    """What trials share: the emulator, the cluster, and an archive of ten minutes with its batch run.

    Args:
      work: An empty folder.
      pubsub: The emulator.
      flink: The cluster.
    """

    def __init__(self, work: Path, pubsub: PubSub, flink: Flink) -> None:
        self._work, self._pubsub, self._flink = work, pubsub, flink
        self._models = models_folder(work / "models")
        self._short = cut(work / "cut-2", 60, seconds=2)
        from_us = (now_us() - 10 * MINUTE_US) // (5 * MINUTE_US) * 5 * MINUTE_US
        site = site_file(work / "site.yaml", windows=["1m", "5m"], lateness="3h", fps=2)
        self._live = LiveJob(site, self._models, from_us, from_us + 10 * MINUTE_US)
        starts_us = [from_us + (5 + 20 * i) * SECOND_US for i in range(28)]
        archive = spaced(cut(work / "cut-5", 28, seconds=5), work / "clips", starts_us)
        self._clips = find_clips([archive])
        self._batch = work / "batch"
        self._expected = self._live.batch(archive, self._batch)

    @contextmanager
    def _trial(self, fault: str, live: LiveJob | None = None, disorder: str = "2s") -> Iterator[Trial]:
        folder = self._work / fault
        folder.mkdir()
        topic = self._pubsub.topic()
        subscription = self._pubsub.subscription(topic)
        with (
            witness(self._pubsub.host) as seen,
            self._flink.workers(PUBSUB_EMULATOR_HOST=seen.host) as workers,
            self._pubsub.publisher() as publisher,
        ):
            try:
                yield Trial(
                    fault, live or self._live, self._pubsub, self._flink, workers, seen, publisher, folder, disorder,
                    topic, subscription,
                )  # fmt: skip
            finally:
                self._flink.cancel_all()

    def _shuffled(self, clips: Iterable[ClipFile]) -> list[ClipFile]:
        shuffled = list(clips)
        random.Random(0).shuffle(shuffled)
        return shuffled

    def _struck(self, fault: str, strike: Callable[[Trial], None]) -> Outcome:
        """Try a fault that hits while clips are held, when others are counted and others are still to come."""
        clips = self._shuffled(self._clips)
        with self._trial(fault) as trial:
            trial.send(clips[:10])
            trial.submit()
            trial.until_told(1)
            trial.send(clips[10:19])
            trial.strike()
            strike(trial)
            trial.send(clips[19:])
            return trial.outcome(self._expected, self._batch)

    def duplicates(self) -> Outcome:
        """Every tenth message comes twice."""
        return self._struck("duplicates", lambda trial: trial.send(self._clips[::10]))

    def disorder(self) -> Outcome:
        """Clips are up to five minutes late, in any order: windows are written before their clips came."""
        rng = random.Random(0)
        late = sorted(self._clips, key=lambda clip: envelope_of(clip).start_us + rng.uniform(0, 5 * MINUTE_US))
        with self._trial("disorder") as trial:
            trial.send(late[:7])
            trial.submit()
            trial.until_told(1)
            for begin in (7, 14, 21):
                trial.until_taken()
                trial.send(late[begin : begin + 7])
            trial.strike()
            return trial.outcome(self._expected, self._batch)

    def taskmanager(self) -> Outcome:
        """A TaskManager is killed, and another one started."""

        def kill(trial: Trial) -> None:
            trial.flink.kill_taskmanager(sorted(trial.flink.busy_taskmanagers(trial.job))[0])
            trial.flink.start_taskmanager()

        return self._struck("taskmanager", kill)

    def worker(self) -> Outcome:
        """A Python worker is killed."""

        def kill(trial: Trial) -> None:
            trial.workers.kill_one()

        return self._struck("worker", kill)

    def emulator(self) -> Outcome:
        """Pub/Sub goes away and comes back."""
        return self._struck("emulator", Trial.restart_emulator)

    def savepoint(self) -> Outcome:
        """The job is cancelled with a savepoint, and goes on from it."""

        def resume(trial: Trial) -> None:
            path = trial.flink.rest.stop_with_savepoint(trial.job, None, PATIENCE_S)
            trial.submit("--savepoint", path)

        return self._struck("savepoint", resume)

    def spool(self) -> Outcome:
        """Of two cameras one is cut off for three hours, and all its clips come at once when the others' are told."""
        from_us = (now_us() - 181 * MINUTE_US) // (15 * MINUTE_US) * 15 * MINUTE_US
        site = site_file(
            self._work / "spool.yaml", windows=["1m", "15m"], lateness="4h", fps=1, cameras=[CAMERA, SECOND_CAMERA]
        )
        live = LiveJob(site, self._models, from_us, from_us + 180 * MINUTE_US)
        starts_us = [from_us + (7 + 60 * i) * SECOND_US for i in range(180)]
        archive = self._work / "spool-clips"
        for camera in (CAMERA, SECOND_CAMERA):
            spaced(self._short, archive, starts_us, camera)
        batch = self._work / "spool-batch"
        expected = live.batch(archive, batch)
        clips = find_clips([archive])
        there = [clip for clip in clips if envelope_of(clip).camera == CAMERA]
        spooled = [clip for clip in clips if envelope_of(clip).camera != CAMERA]
        with self._trial("spool", live) as trial:
            trial.send(there[:-5])
            trial.submit()
            trial.until_told(sum(map(len, expected.values())) // 4)  # both cameras: the silent one's have no values
            trial.send(there[-5:])
            trial.strike()
            trial.send(self._shuffled(spooled))
            return trial.outcome(expected, batch)

    def edge(self) -> Outcome:
        """The edge agent is killed while it plays a file, and started again."""
        (video,) = sorted(cut(self._work / "cut-40", 1, seconds=40).glob("*.mp4"))
        from_us = self._live.from_us
        return self._played("edge", self._live, video, "2s", ["--start", to_rfc3339(from_us + 15 * SECOND_US)])

    def plain(self) -> Outcome:
        """Nothing happens: a camera's pictures, in real time, from the edge agent to the records."""
        # At its first start a stream waits for a minute whether a backlog comes; then the camera begins.
        from_us = -(-(now_us() + 110 * SECOND_US) // MINUTE_US) * MINUTE_US
        site = site_file(self._work / "plain.yaml", windows=["10s", "1m"], lateness="15m", fps=2)
        live = LiveJob(site, self._models, from_us, from_us + 2 * MINUTE_US)
        return self._played("plain", live, VIDEO, "8s", [], begin_us=from_us - 10 * SECOND_US)

    def _played(
        self,
        fault: str,
        live: LiveJob,
        video: Path,
        disorder: str,
        flags: Sequence[object],
        begin_us: int | None = None,
    ) -> Outcome:
        """Have an edge agent play a file to the topic; the clips to count are those that came there.

        It begins at an instant; without one at once, and is killed once while it plays.
        """
        with self._trial(fault, live, disorder) as trial:
            archived = trial.pubsub.subscription(trial.topic)
            trial.submit()
            command = ["--site", live.site, "--topic", trial.topic, "--camera", CAMERA, "--source", video, *flags]
            command += ["--seconds", 5, "--spool", trial.folder / "spool"]
            log = trial.folder / "edge.log"
            if begin_us is None:
                with agent(*command, log=log, **trial.pubsub.environment) as process:
                    wait_until(lambda: trial.seen.delivered() >= 3, "the agent sends", PATIENCE_S)
                    trial.strike()
                    assert process.poll() is None, "it had come to the end"
                    process.kill()
            else:
                time.sleep(max(0.0, (begin_us - now_us()) / SECOND_US))
            with agent(*command, log=log, **trial.pubsub.environment) as process:
                process.wait(PATIENCE_S)
            if begin_us is not None:
                trial.struck = time.monotonic()
            archive, batch = trial.folder / "clips", trial.folder / "batch"
            keep(trial.pubsub, archived, archive)
            return trial.outcome(live.batch(archive, batch), batch)


def keep(pubsub: PubSub, subscription: str, archive: Path) -> None:
    """Write what a subscription holds as an archive, each clip once."""
    archive.mkdir()
    for message in pubsub.drain(subscription, count=1):
        envelope = Envelope.from_attributes(dict(message.attributes))
        clip = archive / f"{envelope.camera}-{envelope.start_us}-{envelope.sha256[:8]}.mp4"
        clip.write_bytes(message.data)
        clip.with_suffix(".json").write_text(json.dumps(envelope.to_json()))
