"""Jobs given to Dataflow by Beam's own runner: the graph goes to a real storage server, the job to a stand-in."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2

from pipeline import storage as files
from pipeline.cli import FAILED, OK, USAGE
from pipeline.models.registry import resolve
from pipeline.submit import command
from tests.conftest import ROOT
from tests.support.dataflow import JOB_ID, Dataflow, serve_dataflow, unpacked
from tests.support.storage import Storage

SUBSCRIPTION = "projects/lab-1234/subscriptions/clips"
IMAGE = "europe-docker.pkg.dev/lab-1234/silhouette/silhouette@sha256:" + "ab" * 32
ACCOUNT = "silhouette@lab-1234.iam.gserviceaccount.com"
KMS_KEY = "projects/lab-1234/locations/europe-west1/keyRings/lab/cryptoKeys/state"
KEYS = "gcp-kms://projects/lab-1234/locations/europe-west1/keyRings/lab/cryptoKeys/clips?id=2026-a&wrapped=AAECAw=="
SITE = {"site": "lab", "site_version": 1, "time_zone": "UTC", "cameras": [{"name": "door"}]}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("client") / "lab.yaml"
    path.write_text(json.dumps(SITE))
    return path


@pytest.fixture
def dataflow() -> Iterator[Dataflow]:
    with serve_dataflow() as service:
        yield service


@pytest.fixture
def bucket(storage: Storage, request: pytest.FixtureRequest) -> str:
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name.lower())
    return storage.make_bucket(f"b-{name[-50:].strip('-')}")


def flags(site: Path, bucket: str) -> list[str]:
    """Return the least that a job needs."""
    return [
        *("--site", str(site), "--input", SUBSCRIPTION, "--output", f"{bucket}/records"),
        *("--project", "lab-1234", "--region", "europe-west1", "--temp-location", f"{bucket}/temp"),
        *("--sdk-container-image", IMAGE, "--service-account-email", ACCOUNT),
        *("--subnetwork", "regions/europe-west1/subnetworks/lab"),
    ]


def submit(*given: str) -> int:
    """Run `silhouette submit dataflow`."""
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return command.run(parser.parse_args(["submit", "dataflow", *given]))


def at(dataflow: Dataflow) -> list[str]:
    """Return what sends a job to the stand-in."""
    return ["--", f"--dataflow_endpoint={dataflow.url}", "--no_auth"]


@dataclass(frozen=True)
class Submitted:
    """A job as the service got it, and the graph as it was staged."""

    job: dict[str, Any]
    staged: bytes

    @property
    def graph(self) -> beam_runner_api_pb2.Pipeline:
        return beam_runner_api_pb2.Pipeline.FromString(self.staged)

    @property
    def options(self) -> dict[str, Any]:
        return self.job["environment"]["sdkPipelineOptions"]["options"]

    @property
    def pool(self) -> dict[str, Any]:
        (pool,) = self.job["environment"]["workerPools"]
        return pool


@pytest.fixture(scope="module")
def submitted(site: Path, storage_server: Storage) -> Iterator[Submitted]:
    """Yield a job with everything that can be asked for."""
    with pytest.MonkeyPatch.context() as patch, serve_dataflow() as dataflow:
        for name, value in storage_server.environment.items():
            patch.setenv(name, value)
        asked = [*flags(site, storage_server.make_bucket("submitted")), "--labels", "team=lab", "--labels", "cost=7"]
        asked += ["--dataflow-kms-key", KMS_KEY, "--keys", KEYS, "--dead-letter-topic", "projects/lab-1234/topics/dead"]
        assert submit(*asked, *at(dataflow)) == OK
        (job,) = dataflow.jobs
        yield Submitted(job, files.read(job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]))


def test_dataflow_reads_the_subscription_by_itself(submitted: Submitted) -> None:
    urn = common_urns.composites.PUBSUB_READ.urn
    (read,) = [step for step in submitted.graph.components.transforms.values() if step.spec.urn == urn]
    payload = beam_runner_api_pb2.PubSubReadPayload.FromString(read.spec.payload)
    assert payload.subscription == SUBSCRIPTION
    assert payload.timestamp_attribute == "start"
    assert payload.with_attributes
    # The service would shuffle clips by it: pixels at rest, and duplicates known for ten minutes only.
    assert payload.id_attribute == ""


def test_a_dataflow_job_is_a_stream_on_streaming_engine(submitted: Submitted) -> None:
    environment = submitted.job["environment"]
    assert submitted.job["type"] == "JOB_TYPE_STREAMING"
    assert {"enable_streaming_engine", "enable_windmill_service"} <= set(environment["experiments"])
    assert environment["serviceAccountEmail"] == ACCOUNT
    assert environment["serviceKmsKeyName"] == KMS_KEY
    assert submitted.job["labels"] == {"team": "lab", "cost": "7"}


def test_the_dataflow_graph_is_staged_beside_temporary_files(submitted: Submitted) -> None:
    """Not among them, which expire while the stream goes on."""
    assert submitted.options["pipelineUrl"].startswith("gs://submitted/staging/")


def test_dataflow_workers_run_one_process_a_core_out_of_reach(submitted: Submitted) -> None:
    (container,) = submitted.pool["sdkHarnessContainerImages"]
    assert container["containerImage"] == IMAGE
    assert container["useSingleCorePerContainer"] is True
    experiments = submitted.job["environment"]["experiments"]
    assert "use_multiple_sdk_containers" in experiments
    assert "no_use_multiple_sdk_containers" not in experiments
    assert submitted.pool["numThreadsPerWorker"] == 2
    assert submitted.pool["ipConfiguration"] == "WORKER_IP_PRIVATE"
    assert submitted.pool["subnetwork"] == "regions/europe-west1/subnetworks/lab"
    assert submitted.pool["machineType"] == "t2d-standard-4"
    scaling = submitted.pool["autoscalingSettings"]
    assert (submitted.pool["numWorkers"], scaling["maxNumWorkers"]) == (1, 4)
    assert scaling["algorithm"] == "AUTOSCALING_ALGORITHM_BASIC"
    assert "min_num_workers=1" in submitted.job["environment"]["serviceOptions"]


def test_dataflow_samples_nothing(submitted: Submitted) -> None:
    experiments = submitted.job["environment"]["experiments"]
    assert "disable_always_on_exception_sampling" in experiments
    assert not [experiment for experiment in experiments if experiment.startswith("enable_data_sampling")]
    assert submitted.options["experiments"] == experiments


def test_dataflow_steps_are_the_golden_ones(submitted: Submitted) -> None:
    """A running job is updated by the names of its steps: change the golden list only with a new release."""
    golden = ROOT / "tests/golden/dataflow_steps.txt"
    components = submitted.graph.components
    steps = sorted(step.unique_name for step in components.transforms.values() if not step.subtransforms)
    assert steps == golden.read_text("utf-8").splitlines()


def test_nothing_of_this_machine_goes_to_dataflow(submitted: Submitted, site: Path) -> None:
    card, file = resolve("person")
    contents = [json.dumps(submitted.job).encode(), *unpacked(submitted.staged)]
    assert len(contents) > 20
    whole = [str(ROOT), sys.prefix, str(Path.home()), str(site.parent), tempfile.gettempdir()]
    # A path is pickled as its parts: these are such as nothing else is named.
    parts = [site.parent.name, Path(sys.prefix).name, file.parent.name]
    pickled = [b"\x8c" + bytes([len(part)]) + part.encode() for part in parts]
    for place in [place.encode() for place in whole] + pickled:
        assert not [content for content in contents if place in content], place
    assert f"{card.sha256}.onnx".encode() in b"".join(contents)
    for environment in submitted.graph.components.environments.values():
        assert not environment.dependencies


def test_no_secret_goes_to_dataflow(submitted: Submitted, storage_server: Storage) -> None:
    account = json.loads(Path(storage_server.environment["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    for content in (json.dumps(submitted.job).encode(), *unpacked(submitted.staged)):
        assert b"PRIVATE KEY" not in content
        assert account["client_email"].encode() not in content


def test_dataflow_tells_the_job(
    site: Path, bucket: str, dataflow: Dataflow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(*flags(site, bucket), "--job-name", "lab-live", *at(dataflow)) == OK
    assert capsys.readouterr().out.splitlines() == [
        f"lab-live: job {JOB_ID}",
        f"https://console.cloud.google.com/dataflow/jobs/europe-west1/{JOB_ID}?project=lab-1234",
    ]
    assert dataflow.jobs[0]["name"] == "lab-live"
    assert dataflow.jobs[0]["replaceJobId"] == ""


def test_a_running_dataflow_job_is_updated(site: Path, bucket: str, dataflow: Dataflow) -> None:
    assert submit(*flags(site, bucket), *at(dataflow)) == OK
    dataflow.running["silhouette"] = "2026-01-04_01_00_00-7"
    assert submit(*flags(site, bucket), "--update", *at(dataflow)) == OK
    assert dataflow.jobs[1]["replaceJobId"] == "2026-01-04_01_00_00-7"


@pytest.mark.timeout(60)
def test_a_dataflow_job_that_does_not_run_is_not_updated(
    site: Path, bucket: str, dataflow: Dataflow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(*flags(site, bucket), *at(dataflow)) == OK
    dataflow.running["another"] = "2026-01-04_01_00_00-7"
    assert submit(*flags(site, bucket), "--update", *at(dataflow)) == FAILED
    assert "--update: no job named silhouette runs in europe-west1" in capsys.readouterr().err
    assert len(dataflow.jobs) == 1


def test_a_dataflow_job_is_not_updated_with_what_changes_its_records(
    site: Path, bucket: str, dataflow: Dataflow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(*flags(site, bucket), *at(dataflow)) == OK
    site.write_text(site.read_text().replace('"site_version": 1', '"site_version": 2'))
    assert submit(*flags(site, bucket), "--update", *at(dataflow)) == USAGE
    assert "the state to go on with is not of site lab, site_version 2" in capsys.readouterr().err


def test_what_dataflow_refuses_is_told(
    site: Path, bucket: str, dataflow: Dataflow, capsys: pytest.CaptureFixture[str]
) -> None:
    dataflow.refusal = 403
    assert submit(*flags(site, bucket), *at(dataflow)) == FAILED
    assert capsys.readouterr().err.startswith("silhouette submit dataflow: the job was not taken: ")
    assert files.find(f"{bucket}/records", "") == []


@pytest.mark.parametrize("flag", ["--output", "--temp-location", "--staging-location"])
def test_a_bucket_that_is_not_there_is_named_before_dataflow_is_asked(
    flag: str, site: Path, bucket: str, dataflow: Dataflow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(*flags(site, bucket), flag, "gs://nowhere-at-all/x", *at(dataflow)) == USAGE
    told = f"silhouette submit dataflow: {flag}: gs://nowhere-at-all/x cannot be looked into"
    assert capsys.readouterr().err.startswith(told)
    assert dataflow.jobs == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--num-workers", "5"], "--num-workers, --max-num-workers: at least 1, and the first no more than"),
        (["--number-of-worker-harness-threads", "0"], "--number-of-worker-harness-threads: at least 1"),
        (["--input", "clips"], "--input: a job on Dataflow reads a subscription"),
        (["--output", "/tmp/records"], "--output: must be a folder of a bucket"),
        (["--readers", "2"], "--readers: has no place here"),
        (["--in-flight", "64"], "--in-flight: has no place here"),
        (["--disorder", "1m"], "--disorder: has no place here"),
        (["--camera", "door"], "--camera: has no place here"),
        (["--keys", "keys.txt"], "--keys: workers have no such file"),
        (["--keys", "gcp-kms://nonsense"], "--keys: an address in KMS is written gcp-kms://projects/P"),
        (["--from", "yesterday"], "--from: must be an instant"),
        (["--", "--experiments=a,enable_data_sampling"], "--experiments=enable_data_sampling: it writes what steps"),
        (["--", "--dataflow_service_options=enable_data_sampling"], "--experiments=enable_data_sampling: it writes"),
        (["--", "--use_public_ips"], "--use_public_ips: workers have no public addresses"),
        (["--", "--region=us-east1"], "--region: has a flag of its own"),
        (["--", "--runner=DirectRunner"], "--runner: is always DataflowRunner here"),
        (["--", "no_auth"], "no_auth: after -- come options of Beam"),
    ],
)
def test_dataflow_flags_that_do_not_fit_are_named(
    site: Path, given: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(*flags(site, "gs://nowhere"), *given) == USAGE
    assert capsys.readouterr().err.startswith(f"silhouette submit dataflow: {told}")


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--project", "Lab 1"),
        ("--region", "europe"),
        ("--sdk-container-image", "docker.io/lab/silhouette"),
        ("--temp-location", "gs://bucket"),
        ("--staging-location", "/tmp/staging"),
        ("--service-account-email", "someone@example.org"),
        ("--subnetwork", "lab"),
        ("--dataflow-kms-key", "key"),
        ("--labels", "Team=lab"),
        ("--job-name", "My job"),
        ("--machine-type", "large"),
        ("--models-at", "models"),
    ],
)
def test_dataflow_flags_of_another_form_are_named(
    site: Path, flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        submit(*flags(site, "gs://nowhere"), flag, value)
    assert ended.value.code == USAGE
    assert f"argument {flag}: must be " in capsys.readouterr().err
