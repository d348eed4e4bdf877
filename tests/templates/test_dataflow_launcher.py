"""The Flex Template's launcher, run as the service runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from google.cloud import dataflow_v1beta3

from pipeline import storage as files
from pipeline.cli import OK, USAGE
from pipeline.submit.launcher import command_line
from pipeline.submit.template import flags_by_name, parser
from tests.conftest import ROOT
from tests.support.dataflow import unpacked
from tests.support.storage import Storage

SITE = {"site": "lab", "site_version": 1, "time_zone": "UTC", "cameras": [{"name": "door"}]}
IMAGE = "europe-docker.pkg.dev/lab-1234/silhouette/silhouette:1.2"
KEYS = [f"gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k?id={name}&wrapped=AA==" for name in ("a", "b")]


def told(bucket: str, **changes: str) -> list[str]:
    """Return what the service tells a launcher: parameters, what it was asked for, and where the job is to be put."""
    options = {
        "dataflow_kms_key": "projects/lab-1234/locations/l/keyRings/r/cryptoKeys/k",
        "input": "projects/lab-1234/subscriptions/clips",
        "job_name": "lab-live",
        "labels": '{"goog-dataflow-provided-template-type": "flex", "team": "lab"}',
        "machine_type": "t2d-standard-2",
        "max_clip_seconds": "60",
        "max_num_workers": "2",
        "network": "lab",
        "output": f"{bucket}/records",
        "project": "lab-1234",
        "region": "europe-west1",
        "runner": "DataflowRunner",
        "sdk_container_image": IMAGE,
        "service_account_email": "silhouette@lab-1234.iam.gserviceaccount.com",
        "site": f"{bucket}/sites",
        "staging_location": f"{bucket}/staging",
        "subnetwork": "regions/europe-west1/subnetworks/lab",
        "temp_location": f"{bucket}/temp",
        "template_location": f"{bucket}/staging/template_launches/1/job_object",
        **changes,
    }
    return [f"--{name}={value}" for name, value in options.items()] + ["--no_use_public_ips"]


def launch(storage: Storage, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher as the image has it."""
    return subprocess.run(
        [sys.executable, ROOT / "templates/dataflow/launcher.py", *options],
        env=os.environ | storage.environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_dataflow_launcher_leaves_the_job_where_the_service_takes_it(storage: Storage) -> None:
    bucket = storage.make_bucket("launched")
    files.write(f"{bucket}/sites/lab.yaml", json.dumps(SITE).encode())
    done = launch(storage, *told(bucket))
    assert done.returncode == OK, done.stderr
    job = dataflow_v1beta3.Job.from_json(files.read(f"{bucket}/staging/template_launches/1/job_object"))
    (pool,) = job.environment.worker_pools
    assert job.name == "lab-live"
    assert dict(job.labels) == {"goog-dataflow-provided-template-type": "flex", "team": "lab"}
    assert (pool.machine_type, pool.autoscaling_settings.max_num_workers, pool.network) == ("t2d-standard-2", 2, "lab")
    assert pool.worker_harness_container_image == IMAGE
    assert "disable_always_on_exception_sampling" in job.environment.experiments
    graph = files.read(job.environment.sdk_pipeline_options["options"]["pipelineUrl"])
    assert not [content for content in unpacked(graph) if str(ROOT).encode() in content]


def test_the_dataflow_launcher_tells_what_does_not_fit(storage: Storage) -> None:
    bucket = storage.make_bucket("not-launched")
    done = launch(storage, *told(bucket))
    assert done.returncode == USAGE
    assert f"silhouette submit dataflow: --site: there is no site file in {bucket}/sites" in done.stderr


def test_a_dataflow_launchers_options_become_flags(tmp_path: Path) -> None:
    options = [f"--keys={','.join(KEYS)}", "--from=2026-01-05T09:00:00Z", "--update", '--labels={"a": "b"}']
    assert command_line([*options, "--network=lab", "--streaming"], flags_by_name(parser()), tmp_path) == [
        *(f"--keys={key}" for key in KEYS), "--from=2026-01-05T09:00:00Z", "--update",
        "--", '--labels={"a": "b"}', "--network=lab", "--streaming",
    ]  # fmt: skip


def test_a_dataflow_launcher_takes_one_site_file_or_a_folder(storage: Storage, tmp_path: Path) -> None:
    bucket = storage.make_bucket("sites-of-it")
    for name in ("a.yaml", "b.yaml", "c.yml", "z-old/a.yaml", "notes.txt"):
        files.write(f"{bucket}/sites/{name}", name.encode())
    named = flags_by_name(parser())
    one, folder = tmp_path / "one", tmp_path / "folder"
    for place in (one, folder):
        place.mkdir()
    assert command_line([f"--site={bucket}/sites/b.yaml"], named, one)[0] == f"--site={one / 'b.yaml'}"
    assert (one / "b.yaml").read_bytes() == b"b.yaml"
    assert command_line([f"--site={bucket}/sites"], named, folder)[0] == f"--site={folder}"
    read = {path.name: path.read_text() for path in folder.iterdir()}
    assert read == {"a.yaml": "a.yaml", "b.yaml": "b.yaml", "c.yml": "c.yml"}, "as a local folder is read"
