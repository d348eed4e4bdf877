"""`silhouette submit dataflow`: start the live job on Google's Dataflow, or put it in the place of the one that runs.

The service gets the graph, the settings and the image's name; nothing of this machine goes with them. What follows
`--` goes to Beam as it is, by Beam's own names.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

    from pipeline.config import Config

MODELS_AT = "/opt/silhouette/models"
"""Folder of the image with the models, each named by its sha256."""

# Samples are pictures of people: what a step takes in, written to the bucket for temporary files. And workers are told
# nothing of the machine that submits: by default Beam sends what is installed there, with paths.
EXPERIMENTS = (
    "disable_always_on_exception_sampling",
    "disable_logging_submission_environment",
    "use_multiple_sdk_containers",  # one Python process a core; each runs its models on one thread
)
_SAMPLING = ("enable_data_sampling", "enable_always_on_exception_sampling")


class Form:
    """The type of a flag whose value has a fixed form.

    Attributes:
      pattern: What the whole value matches, a regular expression.
      told: The same for people, after "must be".
    """

    def __init__(self, pattern: str, told: str) -> None:
        self.pattern = pattern
        self.told = told

    def __call__(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise argparse.ArgumentTypeError(f"must be {self.told}, and is {text!r}")
        return text


_PROJECT = r"([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_FOLDER = r"gs://[a-z0-9][a-z0-9._-]+[a-z0-9]/[^\s?#*\[\]]+"
PROJECT = Form(_PROJECT, "a project's id")
REGION = Form(r"[a-z]+-[a-z]+[0-9]+", "a region, as europe-west1")
JOB_NAME = Form(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", "small letters, digits and hyphens, as silhouette-lab")
IMAGE = Form(
    r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[\w][\w.-]*|@sha256:[0-9a-f]{64})",
    "an image with its tag or digest, as europe-docker.pkg.dev/P/R/silhouette@sha256:…",
)
FOLDER = Form(_FOLDER, "a folder of a bucket, as gs://BUCKET/FOLDER")
ACCOUNT = Form(
    r"[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com", "a service account's address, NAME@PROJECT.iam.gserviceaccount.com"
)
SUBNETWORK = Form(
    r"(https://www\.googleapis\.com/compute/v1/projects/[\w.:-]+/)?regions/[a-z0-9-]+/subnetworks/[a-z0-9-]+",
    "regions/REGION/subnetworks/NAME, or its full address where another project shares it",
)
MACHINE = Form(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", "a machine type, as t2d-standard-4")
KEY = Form(
    r"projects/[\w.:-]+/locations/[a-z0-9-]+/keyRings/[\w-]+/cryptoKeys/[\w-]+",
    "projects/P/locations/L/keyRings/R/cryptoKeys/K",
)
LABEL = Form(r"[a-z][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63}", "KEY=VALUE in small letters, digits, _ and -")


def add_parser(platforms: Any) -> None:
    """Add the platform's flags."""
    parser = platforms.add_parser(
        "dataflow",
        help="Google's Dataflow",
        description="Starts the live job on Dataflow, or with --update puts it in the place of the one that runs, and "
        "returns once the service has it. Credentials are found by Google's own conventions.",
        epilog="Change a running job with --update, which keeps its state. `gcloud dataflow jobs drain JOB --region R` "
        "ends it after what it holds; `gcloud dataflow jobs cancel JOB --region R` at once, and what it had not "
        "acknowledged comes again to the next job. Either way the state is gone: replay the day once it is over.",
    )
    add_flags(parser)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the job's flags, and Dataflow's by the names that Beam has for them."""
    from pipeline.job import add_job_flags

    add_job_flags(parser)
    image = parser.add_argument_group("image")
    image.add_argument(
        "--sdk-container-image", type=IMAGE, required=True, metavar="IMAGE",
        help="image of the workers, with its tag or, better, its digest",
    )  # fmt: skip
    image.add_argument(
        "--models-at", default=MODELS_AT, type=Form(r"/[\w./-]+", "a folder of the image, as /opt/silhouette/models"),
        metavar="DIR", help="folder of the image with the models, each named by its sha256 (default: %(default)s)",
    )  # fmt: skip
    cloud = parser.add_argument_group("Google Cloud")
    cloud.add_argument("--project", type=PROJECT, required=True, help="project that runs the job and pays for it")
    cloud.add_argument("--region", type=REGION, required=True, help="region of the job and its workers")
    cloud.add_argument(
        "--temp-location", type=FOLDER, required=True, metavar="gs://…", help="folder for the service's own files"
    )
    cloud.add_argument(
        "--staging-location", type=FOLDER, metavar="gs://…",
        help="folder for the graph, which workers read whenever they start: let nothing there expire "
        "(default: staging, beside --temp-location)",
    )  # fmt: skip
    cloud.add_argument(
        "--service-account-email", type=ACCOUNT, required=True, metavar="ACCOUNT",
        help="whom the workers are; templates/dataflow/terraform makes one with the least rights",
    )  # fmt: skip
    cloud.add_argument(
        "--subnetwork", type=SUBNETWORK, required=True,
        help="network of the workers; they have no public addresses, so it needs Private Google Access",
    )  # fmt: skip
    cloud.add_argument("--dataflow-kms-key", type=KEY, metavar="KEY", help="key that the job's state is encrypted with")
    cloud.add_argument(
        "--labels", type=LABEL, action="append", default=[], metavar="KEY=VALUE",
        help="label of the job; may be repeated",
    )  # fmt: skip
    workers = parser.add_argument_group("job and workers")
    workers.add_argument(
        "--job-name", type=JOB_NAME, default="silhouette", metavar="NAME", help="name of the job (default: %(default)s)"
    )
    workers.add_argument(
        "--update", action="store_true", help="take the place, and the state, of the running job of this name"
    )
    workers.add_argument(
        "--machine-type", type=MACHINE, default="t2d-standard-4",
        help="a model gives the same numbers on every worker where all have one kind of processor, as this one has "
        "(default: %(default)s)",
    )  # fmt: skip
    workers.add_argument("--num-workers", type=int, default=1, metavar="N", help="workers at least (default: 1)")
    workers.add_argument("--max-num-workers", type=int, default=4, metavar="N", help="workers at most (default: 4)")
    workers.add_argument(
        "--number-of-worker-harness-threads", type=int, default=2, metavar="N",
        help="bundles at once in each core's process: one looks at a clip while another counts; "
        "with 1 a stream may stand still (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("beam", nargs="*", metavar="-- --BEAM_OPTION", help="further options of Beam, by its own names")


def run(args: argparse.Namespace) -> int:
    """Submit the job; returns the exit code."""
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.lineage import LineageError, check_lineage, keep_lineage
    from pipeline.sites import SiteFileError
    from pipeline.storage import StorageError
    from pipeline.usage import UsageError, cause

    try:
        options = beam_options(args)
        args.resumes = args.update
        config = configure(args)
        _check_buckets(args)
        lineage = check_lineage(config, resumes=args.update)
    except (UsageError, SiteFileError, LineageError) as error:
        print(f"silhouette submit dataflow: {error}", file=sys.stderr)
        return USAGE
    except StorageError as error:
        print(f"silhouette submit dataflow: --output: {error}", file=sys.stderr)
        return FAILED
    try:
        job = submit(config, options)
    except Exception as error:
        print(f"silhouette submit dataflow: the job was not taken: {cause(error)}", file=sys.stderr)
        return FAILED
    try:
        keep_lineage(lineage)  # from now on it may write
    except StorageError as error:
        told = f"--output: job {job} was taken, and what its records are made with is not kept: {error}"
        print(f"silhouette submit dataflow: {told}", file=sys.stderr)
        return FAILED
    if job is not None:
        print(f"{args.job_name}: job {job}")
        print(f"https://console.cloud.google.com/dataflow/jobs/{args.region}/{job}?project={args.project}")
    return OK


def configure(args: argparse.Namespace) -> Config:
    """Turn the job's flags into its configuration, for workers that share nothing with this machine.

    Raises:
      UsageError: a flag does not fit; the text names it.
      SiteFileError: a site file has mistakes.
    """
    from pipeline import job
    from pipeline.keys import KMS
    from pipeline.usage import UsageError

    for name in NOT_HERE:
        if getattr(args, name) is not None:
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag}: has no place here, since Dataflow reads the subscription; leave it out")
    if not all(re.fullmatch(job.SUBSCRIPTION, given) for given in args.input):
        raise UsageError("--input: a job on Dataflow reads a subscription, projects/PROJECT/subscriptions/NAME")
    if not re.fullmatch(FOLDER.pattern, args.output):
        raise UsageError(f"--output: must be {FOLDER.told}, which all workers share")
    for address in args.keys:
        if not address.startswith(f"{KMS}:"):
            raise UsageError("--keys: workers have no such file; wrap the key with Cloud KMS, and give its address")
    return replace(job.configure(args), native=True)


def beam_options(args: argparse.Namespace) -> PipelineOptions:
    """Return Beam's options for the flags.

    Raises:
      UsageError: the flags do not fit together, or an option of Beam's is refused; the text names it.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipeline.usage import UsageError

    if not 1 <= args.num_workers <= args.max_num_workers:
        raise UsageError("--num-workers, --max-num-workers: at least 1, and the first no more than the second")
    if args.number_of_worker_harness_threads < 1:
        raise UsageError("--number-of-worker-harness-threads: at least 1")
    _check_further(args.beam)
    beside = f"{args.temp_location.rstrip('/').rpartition('/')[0]}/staging"
    own = {name: getattr(args, name) for name in _OWN} | _ALWAYS
    own["staging_location"] = args.staging_location or beside
    flags = [f"--{name}={value}" for name, value in own.items() if value is not None]
    flags += [f"--experiments={experiment}" for experiment in EXPERIMENTS]
    flags += [f"--labels={label}" for label in args.labels]
    flags += ["--update"] if args.update else []
    return PipelineOptions([*args.beam, *flags, f"--dataflow_service_options=min_num_workers={args.num_workers}", *_ON])


NOT_HERE = ("released", "camera", "start", "fps", "disorder", "readers", "in_flight")
"""Flags of a job, by destination, that no job on Dataflow can have."""

_OWN = (
    "project", "region", "job_name", "temp_location", "staging_location", "service_account_email", "subnetwork",
    "dataflow_kms_key", "sdk_container_image", "machine_type", "num_workers", "max_num_workers",
    "number_of_worker_harness_threads",
)  # fmt: skip
_ALWAYS = {
    "runner": "DataflowRunner",
    "sdk_location": "container",  # Beam as the image has it
    "autoscaling_algorithm": "THROUGHPUT_BASED",
}
_ON = ("--streaming", "--enable_streaming_engine", "--no_use_public_ips")


def _check_further(further: Sequence[str]) -> None:
    """Refuse options after `--` that have a flag here, or that break what the job promises."""
    from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions, PipelineOptions, WorkerOptions

    from pipeline.usage import UsageError

    for option in further:
        name, _, value = option.removeprefix("--").partition("=")
        if not option.startswith("--"):
            raise UsageError(f"{option}: after -- come options of Beam, each as --NAME or --NAME=VALUE")
        if name in _OWN:
            raise UsageError(f"--{name}: has a flag of its own, --{name.replace('_', '-')}; give it before --")
        if _ALWAYS.get(name, value) != value:
            raise UsageError(f"--{name}: is always {_ALWAYS[name]} here; leave it out")
    asked = PipelineOptions(further)
    switches = [
        *(asked.view_as(DebugOptions).experiments or ()),
        *(asked.view_as(GoogleCloudOptions).dataflow_service_options or ()),
    ]
    for switch in switches:
        if switch.partition("=")[0] in _SAMPLING:
            raise UsageError(
                f"--experiments={switch}: it writes what steps take in, pictures of people among it, to "
                "--temp-location; leave it out"
            )
    if asked.view_as(WorkerOptions).use_public_ips:
        raise UsageError("--use_public_ips: workers have no public addresses; leave it out")


def _check_buckets(args: argparse.Namespace) -> None:
    """Look into the buckets: Beam would try for ten minutes to write to one that is not there.

    Raises:
      UsageError: one cannot be looked into; the text names the flag.
    """
    from pipeline import storage
    from pipeline.usage import UsageError

    folders = {"--output": args.output, "--temp-location": args.temp_location}
    if args.staging_location is not None:
        folders["--staging-location"] = args.staging_location
    for flag, folder in folders.items():
        try:
            storage.find(f"{folder}/lineage", "made_with.json")  # any name would do, below which little lies
        except OSError as error:
            raise UsageError(
                f"{flag}: {folder} cannot be looked into; see that the bucket is there, and that you may write to it"
            ) from error


def submit(config: Config, options: PipelineOptions) -> str | None:
    """Give the job to the service; returns its id, or None where Beam was asked for a template, and made that.

    Raises:
      LookupError: there is no running job to update.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import GoogleCloudOptions

    from pipeline.graph import build
    from pipeline.submit.paths import without_paths

    cloud = options.view_as(GoogleCloudOptions)
    if cloud.update and not _runs(cloud):
        raise LookupError(f"--update: no job named {cloud.job_name} runs in {cloud.region}; leave it out to start one")
    with without_paths():
        root = beam.Pipeline(options=options)
        build(root, config)
        result = root.run()
    return str(result.job_id()) if result.has_job else None


def _runs(cloud: GoogleCloudOptions) -> bool:
    """Return whether a job of the name is there to be updated; Beam itself would look for it for ever."""
    from google.cloud import dataflow_v1beta3 as dataflow

    client = dataflow.JobsV1Beta3Client(client_options={"api_endpoint": cloud.dataflow_endpoint}, transport="rest")
    asked = dataflow.ListJobsRequest(project_id=cloud.project, location=cloud.region, name=cloud.job_name)
    running = dataflow.JobState.JOB_STATE_RUNNING
    return any(job.name == cloud.job_name and job.current_state == running for job in client.list_jobs(asked))
