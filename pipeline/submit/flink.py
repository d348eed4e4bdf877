"""`silhouette submit flink`: start the job on a Flink cluster, or put it in the place of one that runs there.

Three parts take part: Beam's job server, which takes the job; Flink itself, asked by REST what became of it; and the
Python workers, started by Flink in containers or found at an address.
"""

from __future__ import annotations

import argparse
import re
import secrets
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.submit.flink_rest import DONE, ENDED, INITIALIZING, RUNNING, FlinkCluster, FlinkError, polled

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipeline.config import Config
    from pipeline.lineage import Lineage

MODELS_AT = "/opt/silhouette/models"
"""Folder of the workers' image with the models, each named by its sha256."""

CLUSTER = {"job_endpoint": "localhost:8099", "rest": "http://localhost:8081"}
"""Where a cluster is, by flag's destination, if nothing is said."""
CHECKPOINT_S = 10.0

_START_S = 120
_SAVEPOINT_S = 600
_FOREVER_S = float("inf")


def add_parser(platforms: Any) -> None:
    """Add the platform's flags."""
    from pipeline.job import add_job_flags

    parser = platforms.add_parser(
        "flink",
        help="a Flink cluster",
        description="Starts the job on a Flink cluster, or with --upgrade puts it in the place of one that runs there. "
        "templates/flink has a cluster for Docker Compose, and one for Kubernetes.",
        epilog="State backend, restarts and memory are the cluster's own settings: see templates/flink.",
    )
    add_job_flags(parser)
    parser.add_argument(
        "--models-at", default=MODELS_AT, metavar="DIR",
        help="folder on the workers with the models, each named by its sha256 (default: %(default)s)",
    )  # fmt: skip
    cluster = parser.add_argument_group("cluster")
    cluster.add_argument(
        "--job-endpoint", metavar="HOST:PORT",
        help=f"Beam's job server for Flink (default: {CLUSTER['job_endpoint']})",
    )  # fmt: skip
    cluster.add_argument("--rest", metavar="URL", help=f"Flink's REST interface (default: {CLUSTER['rest']})")
    workers = cluster.add_mutually_exclusive_group()
    workers.add_argument(
        "--workers-at", default="localhost:50000", metavar="HOST:PORT",
        help="where each TaskManager finds its pool of Python workers (default: %(default)s, a container beside it)",
    )  # fmt: skip
    workers.add_argument(
        "--worker-image", metavar="IMAGE", help="image that each TaskManager starts with its own Docker instead"
    )
    cluster.add_argument(
        "--worker-processes", type=int, default=1, metavar="N",
        help="Python workers of each TaskManager; one a core uses them all (default: %(default)s)",
    )  # fmt: skip
    job = parser.add_argument_group("job")
    job.add_argument(
        "--job-name", default="silhouette", metavar="NAME", help="its name in Flink (default: %(default)s)"
    )
    job.add_argument(
        "--parallelism", type=int, metavar="N", help="slots to use (default: the cluster's parallelism.default)"
    )
    job.add_argument(
        "--checkpoint-every", type=float, metavar="SECONDS",
        help=f"a stream's records and acknowledgements leave with a checkpoint (default: {CHECKPOINT_S:g})",
    )  # fmt: skip
    job.add_argument("--wait", action="store_true", help="come back only when the job has ended")
    jar = parser.add_argument_group("a jar instead, for the Flink Kubernetes Operator")
    jar.add_argument("--jar", type=Path, metavar="FILE", help="write the job into this file, and submit nothing")
    jar.add_argument(
        "--job-server-jar", type=Path, metavar="FILE",
        help="what --jar is made from: Beam's job server for the Flink version of the cluster",
    )  # fmt: skip
    state = parser.add_argument_group("state that a stream begins with").add_mutually_exclusive_group()
    state.add_argument("--savepoint", metavar="PATH", help="begin from this savepoint or checkpoint")
    state.add_argument(
        "--upgrade", metavar="JOB", help="stop this job with a savepoint in state.savepoints.dir, and begin from it"
    )


def run(args: argparse.Namespace) -> int:
    """Submit the job; returns the exit code."""
    from pipeline.cli import FAILED, USAGE
    from pipeline.job import configure
    from pipeline.lineage import LineageError, check_lineage
    from pipeline.sites import SiteFileError
    from pipeline.storage import StorageError
    from pipeline.submit.job_server import JobServerError, check_job_server
    from pipeline.usage import UsageError

    try:
        check(args)
        cluster = FlinkCluster(args.rest.rstrip("/"))
        resumes = bool(args.savepoint or args.upgrade)
        args.resumes = resumes or args.jar is not None  # the operator keeps state by itself
        config = _absolute(configure(args))
        lineage = check_lineage(config, resumes=resumes)
        if args.jar is None:  # else nobody is asked yet
            check_cluster(cluster, args.upgrade, bounded=config.bounded)
            check_job_server(args.job_endpoint)
    except (UsageError, SiteFileError, LineageError) as error:
        print(f"silhouette submit flink: {error}", file=sys.stderr)
        return USAGE
    except StorageError as error:
        print(f"silhouette submit flink: --output: {error}", file=sys.stderr)
        return FAILED
    except FlinkError as error:
        print(f"silhouette submit flink: --rest: {error}", file=sys.stderr)
        return FAILED
    except JobServerError as error:
        print(f"silhouette submit flink: --job-endpoint: {error}", file=sys.stderr)
        return FAILED
    if args.jar is not None:
        return _write(args, config, lineage)
    return _start(args, config, lineage, cluster)


def check(args: argparse.Namespace) -> None:
    """Check what can be checked without the cluster, and fill in what was left out.

    Raises:
      UsageError: a flag does not fit; the text names it.
    """
    from pipeline.usage import UsageError

    _check_together(args)
    for name, default in (CLUSTER | {"checkpoint_every": CHECKPOINT_S}).items():
        if getattr(args, name) is None:
            setattr(args, name, default)
    for flag, number in (("--worker-processes", args.worker_processes), ("--parallelism", args.parallelism)):
        if number is not None and number < 1:
            raise UsageError(f"{flag}: at least 1")
    if not 1 <= args.checkpoint_every <= 300:
        raise UsageError("--checkpoint-every: from 1 to 300 seconds; clips are held until then")
    for flag, address in (("--job-endpoint", args.job_endpoint), ("--workers-at", args.workers_at)):
        if not re.fullmatch(r"[^\s/:]+:\d{1,5}", address):
            raise UsageError(f"{flag}: must be HOST:PORT, and is {address}")
    if not re.fullmatch(r"https?://[^\s/]+.*", args.rest):
        raise UsageError(f"--rest: must be an address as http://localhost:8081, and is {args.rest}")
    if not re.fullmatch(r"[\w.-]{1,80}", args.job_name):
        raise UsageError("--job-name: letters, digits, dots, hyphens and underlines, 80 at most")
    if args.upgrade and not re.fullmatch(r"[0-9a-f]{32}", args.upgrade):
        raise UsageError("--upgrade: must be a job's id, 32 hexadecimal digits as Flink prints them")


def _check_together(args: argparse.Namespace) -> None:
    """Refuse flags that could do nothing beside the others."""
    from pipeline.job import refuse_stream_flags
    from pipeline.usage import UsageError

    if (args.jar is None) != (args.job_server_jar is None):
        raise UsageError("--jar, --job-server-jar: give both, or none")
    if args.jar is not None:
        if args.wait or args.savepoint or args.upgrade:
            raise UsageError(
                "--jar: the operator starts, upgrades and saves the job; leave out the flags that ask for it"
            )
        for name in CLUSTER:
            if getattr(args, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')}: with --jar no cluster is asked; leave it out")
    if not any(re.match("projects/[^/]+/subscriptions/", given) for given in args.input):
        refuse_stream_flags(args, ("savepoint", "upgrade", "checkpoint_every"))


def check_cluster(cluster: FlinkCluster, upgrade: str | None, *, bounded: bool) -> None:
    """Check that a cluster is fit for a job, and that the job whose place it is to take runs there.

    Raises:
      UsageError: it is not; the text says what it lacks.
      FlinkError: it cannot be asked.
    """
    from pipeline.usage import UsageError

    if not bounded:
        check_state(cluster.settings())
    if upgrade is None:
        return
    _, state = cluster.jobs().get(upgrade, ("", None))
    if state is None:
        raise UsageError(f"--upgrade: {cluster.url} has no job {upgrade}")
    if state != RUNNING:
        raise UsageError(
            f"--upgrade: the job is {state}, and only one that is {RUNNING} can be stopped with a savepoint; where it "
            "has ended, begin from its last savepoint or checkpoint with --savepoint"
        )


def check_state(settings: dict[str, str]) -> None:
    """Check that the cluster keeps checkpoints on storage: its memory holds 5 MB of them, then the job fails for ever.

    Raises:
      UsageError: it does not; the text says which setting it lacks.
    """
    from pipeline.usage import UsageError

    # The older name holds to Flink 1.20, the newer from then on.
    if not any(settings.get(key) for key in ("execution.checkpointing.dir", "state.checkpoints.dir")):
        raise UsageError(
            "--rest: this cluster keeps checkpoints in memory, which soon is too small for a stream; set "
            "execution.checkpointing.dir in its configuration"
        )


def _absolute(config: Config) -> Config:
    """Return the job with whole paths: workers have another working folder, and must see the same files."""
    from pipeline.storage import absolute

    files = [replace(file, path=file.path.absolute()) for file in config.files]
    return replace(config, files=files, output=absolute(config.output))


def _write(args: argparse.Namespace, config: Config, lineage: Lineage) -> int:
    """Write the job into a jar; returns the exit code."""
    from zipfile import BadZipFile

    from pipeline.cli import FAILED, OK
    from pipeline.lineage import keep_lineage
    from pipeline.submit.flink_jar import MAIN, write_jar
    from pipeline.submit.flink_options import beam_options

    options = beam_options(args, args.job_name, None, bounded=config.bounded)
    try:
        write_jar(config, options, args.job_server_jar, args.jar)
        keep_lineage(lineage)
    except (OSError, BadZipFile) as error:
        print(f"silhouette submit flink: --jar, --job-server-jar: {error}", file=sys.stderr)
        return FAILED
    print(f"{args.jar}: run its class {MAIN}")
    return OK


def _start(args: argparse.Namespace, config: Config, lineage: Lineage, cluster: FlinkCluster) -> int:
    """Submit the job, say what an operator needs to know of it, and wait for it if asked."""
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.lineage import LineageError, begin_lineage, withdraw_lineage
    from pipeline.submit.flink_options import beam_options
    from pipeline.usage import cause

    savepoint = args.savepoint
    name = f"{args.job_name}-{secrets.token_hex(4)}"
    until_done = args.wait and config.bounded
    try:
        begin_lineage(lineage)
    except (LineageError, OSError) as error:
        print(f"silhouette submit flink: {error}", file=sys.stderr)
        return USAGE if isinstance(error, LineageError) else FAILED
    try:
        if args.upgrade:
            savepoint = cluster.stop_with_savepoint(args.upgrade, None, _SAVEPOINT_S)
            print(f"stopped {args.upgrade}, savepoint {savepoint}", flush=True)
        job = submit(config, beam_options(args, name, savepoint, bounded=config.bounded), name, cluster)
    except Exception as error:
        if not isinstance(error, (FlinkError, TimeoutError)):  # else it may have been taken, and write yet
            withdraw_lineage(lineage)
        print(f"silhouette submit flink: the job was not started: {cause(error)}", file=sys.stderr)
        if args.upgrade and savepoint:
            print(f"Begin again from where the old one stopped: --savepoint {savepoint}", file=sys.stderr)
        return FAILED
    print(
        f"{name}: job {job}, {cluster.url}/#/job/{job}/overview\n"
        f"state:   curl {cluster.url}/v1/jobs/{job}\n"
        f"cancel:  curl -X PATCH '{cluster.url}/v1/jobs/{job}?mode=cancel'\n"
        f"replace: silhouette submit flink --upgrade {job} …",
        flush=True,
    )
    kept = OK if until_done else _keep(lineage)
    return _wait(cluster, job, lineage) if args.wait and kept == OK else kept


def submit(config: Config, options: PipelineOptions, name: str, cluster: FlinkCluster) -> str:
    """Give the job to the job server, and return the id under which Flink runs it.

    Raises:
      RuntimeError: it was not taken, or failed before it began.
      TimeoutError: it was taken, and did not begin in time.
      FlinkError: it was taken, and the cluster cannot be asked what became of it.
    """
    import apache_beam as beam
    from apache_beam.runners.runner import PipelineState

    from pipeline.graph import build
    from pipeline.submit.paths import without_paths

    root = beam.Pipeline(options=options)
    with without_paths():
        build(root, config)
        result = root.run()
    for _ in polled(_START_S):
        found = {named: (job, state) for job, (named, state) in cluster.jobs().items()}
        job, state = found.get(name, (None, INITIALIZING))
        if job is not None and state != INITIALIZING:
            return job
        if result.state in (PipelineState.FAILED, PipelineState.CANCELLED):
            result.wait_until_finish()
            raise RuntimeError("the job server gave the job up")
    raise TimeoutError(f"{cluster.url} has no job {name} after {_START_S} s; see the job server's log")


def _keep(lineage: Lineage) -> int:
    """Keep what the records of a job that was taken are made with; returns the exit code."""
    from pipeline.cli import FAILED, OK
    from pipeline.lineage import keep_lineage

    try:
        keep_lineage(lineage)
    except OSError as error:
        print(f"silhouette submit flink: what the job's records are made with is not kept: {error}", file=sys.stderr)
        return FAILED
    return OK


def _wait(cluster: FlinkCluster, job: str, lineage: Lineage) -> int:
    """Wait until a job has ended, and keep what its records were made with; returns the exit code."""
    from pipeline.cli import FAILED
    from pipeline.lineage import withdraw_lineage

    try:
        for _ in polled(_FOREVER_S):
            if (state := cluster.state(job)) in ENDED:
                break
        if state == DONE:
            return _keep(lineage)
        withdraw_lineage(lineage)
        print(f"silhouette submit flink: the job is {state}: {cluster.fault(job)}", file=sys.stderr)
    except FlinkError as error:
        print(f"silhouette submit flink: --rest: {error}; the job may go on", file=sys.stderr)
    except KeyboardInterrupt:
        print("silhouette submit flink: the job goes on", file=sys.stderr)
    return FAILED
