"""The resources of a job on Dataflow, as Terraform is told to make them."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import hcl2
import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "templates/dataflow/terraform"
README = (ROOT / "templates/dataflow/README.md").read_text("utf-8")


def bare(value: Any) -> Any:
    """Return what a file says without the parser's quotes and marks."""
    if isinstance(value, dict):
        return {bare(key): bare(each) for key, each in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [bare(each) for each in value]
    return re.sub(r'^"(.*)"$', r"\1", value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def blocks() -> dict[str, dict[str, Any]]:
    """Return all blocks by kind and address: `resource`, `google_pubsub_topic.clips`."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for path in sorted(FOLDER.glob("*.tf")):
        for kind, items in bare(hcl2.loads(path.read_text("utf-8"))).items():
            for item in items:
                for name, body in item.items():
                    inner = body.items() if kind in ("resource", "data") else [("", body)]
                    found[kind] |= {f"{name}.{each}".rstrip("."): content for each, content in inner}
    return found


def test_every_reference_of_dataflow_terraform_is_there(blocks: dict[str, dict[str, Any]]) -> None:
    text = "\n".join(path.read_text("utf-8") for path in sorted(FOLDER.glob("*.tf")))
    assert set(re.findall(r"\bvar\.(\w+)", text)) == set(blocks["variable"])
    for address in re.findall(r"(?<![\w.])(google_\w+\.\w+)", text):
        assert address in blocks["resource"] or f"data.{address}" in text, address
    assert all(block["description"] for kind in ("variable", "output") for block in blocks[kind].values())


def test_the_dataflow_workers_have_the_least_rights(blocks: dict[str, dict[str, Any]]) -> None:
    bindings = {name: body for name, body in blocks["resource"].items() if "_iam_member." in name}
    granted = {role for body in bindings.values() for role in re.findall(r"roles/[\w.]+", str(body))}
    assert granted == {
        "roles/artifactregistry.reader", "roles/cloudkms.cryptoKeyDecrypter",
        "roles/cloudkms.cryptoKeyEncrypterDecrypter", "roles/dataflow.viewer", "roles/dataflow.worker",
        "roles/monitoring.metricWriter", "roles/pubsub.publisher", "roles/pubsub.subscriber", "roles/pubsub.viewer",
        "roles/storage.legacyBucketReader", "roles/storage.objectUser",
    }  # fmt: skip
    for_project = [name for name in bindings if name.startswith("google_project_")]
    assert sorted(for_project) == ["google_project_iam_member.watermark", "google_project_iam_member.workers"]
    assert "allUsers" not in str(bindings) and "allAuthenticatedUsers" not in str(bindings)


def test_the_dataflow_agents_publish_clips_and_heartbeats_and_no_more(blocks: dict[str, dict[str, Any]]) -> None:
    for_agents = [body for body in blocks["resource"].values() if "var.agents" in str(body.get("for_each"))]
    assert {body["role"] for body in for_agents} == {"roles/pubsub.publisher"}
    assert sorted(body["topic"] for body in for_agents) == [
        "${google_pubsub_topic.clips.id}", "${google_pubsub_topic.heartbeats.id}"
    ]  # fmt: skip


def test_the_dataflow_subscription_keeps_clips_no_longer_than_needed(blocks: dict[str, dict[str, Any]]) -> None:
    clips = blocks["resource"]["google_pubsub_subscription.clips"]
    assert clips["ack_deadline_seconds"] == 600
    assert clips["message_retention_duration"] == "${var.clip_retention_hours * 3600}s"
    assert clips["retain_acked_messages"] is False
    assert clips["expiration_policy"] == [{"ttl": ""}]
    assert not {"dead_letter_policy", "enable_exactly_once_delivery", "enable_message_ordering"} & set(clips)
    assert blocks["variable"]["clip_retention_hours"]["default"] == 24
    for topic in ("clips", "dead_letters", "heartbeats"):
        policy = blocks["resource"][f"google_pubsub_topic.{topic}"]["message_storage_policy"]
        # Nothing more: enforced in transit, the clips of an agent in another region would be refused.
        assert policy == [{"allowed_persistence_regions": ["${var.region}"]}]


def test_all_of_dataflow_is_in_one_region(blocks: dict[str, dict[str, Any]]) -> None:
    resources = blocks["resource"]
    kinds = {name.split(".")[0]: set() for name in resources}
    for name, body in resources.items():
        kinds[name.split(".")[0]].add(body.get("location") or body.get("region"))
    here = {"${var.region}"}
    assert kinds["google_storage_bucket"] == kinds["google_artifact_registry_repository"] == here
    assert kinds["google_compute_subnetwork"] == here
    for name, body in resources.items():
        if name.startswith("google_pubsub_topic."):
            assert body["message_storage_policy"] == [{"allowed_persistence_regions": ["${var.region}"]}]
    assert "default" not in blocks["variable"]["region"], "the operator names it"


def test_nothing_of_dataflow_is_public(blocks: dict[str, dict[str, Any]]) -> None:
    resources = blocks["resource"]
    for name, body in resources.items():
        if name.startswith("google_storage_bucket."):
            assert body["public_access_prevention"] == "enforced"
            assert body["uniform_bucket_level_access"] is True
    assert resources["google_compute_subnetwork.workers"]["private_ip_google_access"] is True
    assert not [name for name in resources if re.match(r"google_compute_(router|address|global_address)", name)]
    firewall = resources["google_compute_firewall.workers"]
    assert "source_ranges" not in firewall and firewall["source_service_accounts"]


def test_what_later_dataflow_workers_start_from_never_expires(blocks: dict[str, dict[str, Any]]) -> None:
    """A stream runs for months, and a worker that starts reads the staged graph."""
    rules = blocks["resource"]["google_storage_bucket.work"]["lifecycle_rule"]
    expiring = [prefix for rule in rules for condition in rule["condition"] for prefix in condition["matches_prefix"]]
    assert expiring
    commands = re.findall(
        r"^ {4}(?:silhouette submit|gcloud dataflow flex-template run)(?:.*\\\n)+.*", README, re.MULTILINE
    )
    assert len(commands) == 2
    for command in commands:
        (staging,) = re.findall(r"--staging-location WORK/(\S+)", command)
        assert not [prefix for prefix in expiring if f"{staging}/".startswith(prefix)]


def test_the_dataflow_readme_names_what_there_is(blocks: dict[str, dict[str, Any]]) -> None:
    assert set(re.findall(r"-var '?(\w+)=", README)) <= set(blocks["variable"])
    for path in re.findall(r"`((?:terraform|templates|tests)/[\w./]+)`", README):
        assert (ROOT / path).exists() or (ROOT / "templates/dataflow" / path).exists(), path
