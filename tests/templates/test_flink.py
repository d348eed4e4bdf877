"""The Flink templates: valid by the schemas of what reads them, of versions that fit, with flags that exist."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from typing import Any

import apache_beam
import jsonschema
import pytest
import yaml

from pipeline.submit import command, flink
from pipeline.submit.flink_jar import MAIN
from tests.conftest import ROOT
from tests.support import builds

FOLDER = ROOT / "templates/flink"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def deployment() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "kubernetes/silhouette.yaml").read_text())


def closed(schema: Any) -> Any:
    """Return a schema that refuses fields which it does not name, as a typing error would add."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(each) for key, each in schema.items()}
    if isinstance(inner.get("properties"), dict) and not inner.get("x-kubernetes-preserve-unknown-fields"):
        inner.setdefault("additionalProperties", False)
    return inner


def test_compose_is_valid(compose: dict[str, Any]) -> None:
    schema = json.loads(builds.compose_schema().read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(compose)


def test_compose_holds_together(compose: dict[str, Any]) -> None:
    """All that is named is there: services, volumes, secrets; each TaskManager has workers in its network."""
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= services.keys(), name
        assert set(service.get("secrets", ())) <= compose["secrets"].keys(), name
        volumes = {mount.partition(":")[0] for mount in service.get("volumes", ())}
        assert {volume for volume in volumes if not volume.startswith(".")} <= compose["volumes"].keys(), name
    waited = {name for service in services.values() for name, on in service.get("depends_on", {}).items()
              if on["condition"] == "service_healthy"}  # fmt: skip
    assert all("healthcheck" in services[name] for name in waited)


def test_a_taskmanager_that_is_started_again_finds_its_workers(compose: dict[str, Any]) -> None:
    """Their network belongs to neither: with its owner's restart it would be lost to the other."""
    services = compose["services"]
    sharing: dict[str, list[Any]] = {}
    for service in services.values():
        if "network_mode" in service:
            assert "hostname" not in service and "networks" not in service, "they are the network's"
            sharing.setdefault(service["network_mode"].removeprefix("service:"), []).append(service["command"])
    assert len(sharing) == 2
    for name, commands in sharing.items():
        assert sorted(commands, key=str) == [["--worker_pool"], "taskmanager"]
        owner = services[name]
        assert owner["entrypoint"] == ["sleep", "infinity"] and "network_mode" not in owner
        assert owner["networks"]["default"]["aliases"] == [owner["hostname"]]
    started = sum(service.get("command") in ("taskmanager", ["--worker_pool"]) for service in services.values())
    assert started == sum(map(len, sharing.values()))


def test_the_deployment_is_valid(deployment: dict[str, Any]) -> None:
    crd = yaml.safe_load(builds.flink_operator_crd().read_text())
    assert deployment["apiVersion"] == f"{crd['spec']['group']}/{crd['spec']['versions'][0]['name']}"
    assert deployment["kind"] == crd["spec"]["names"]["kind"]
    schema = closed(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    jsonschema.Draft202012Validator(schema | {"additionalProperties": True}).validate(deployment)
    wrong = json.loads(json.dumps(deployment))
    wrong["spec"]["taskManager"]["podTemplate"]["spec"]["containers"][1]["argz"] = []
    with pytest.raises(jsonschema.ValidationError, match="argz"):
        jsonschema.Draft202012Validator(schema | {"additionalProperties": True}).validate(wrong)


def test_the_deployment_runs_the_jar_and_keeps_its_state(deployment: dict[str, Any]) -> None:
    job = deployment["spec"]["job"]
    assert job["entryClass"] == MAIN
    assert job["jarURI"].removeprefix("local://") in (FOLDER / "kubernetes/Dockerfile").read_text()
    assert job["upgradeMode"] == "savepoint"
    main, workers = deployment["spec"]["taskManager"]["podTemplate"]["spec"]["containers"]
    assert main["name"] == "flink-main-container"
    assert f"localhost:{workers['readinessProbe']['tcpSocket']['port']}" == parser().parse_args(LEAST).workers_at


def test_keys_are_for_the_workers_alone_and_may_be_left_out(
    compose: dict[str, Any], deployment: dict[str, Any]
) -> None:
    """At the paths that the README names."""
    text = (FOLDER / "README.md").read_text()
    keyed = {name for name, service in compose["services"].items() if "keys" in service.get("secrets", ())}
    assert keyed == {"workers-1", "workers-2"}
    assert compose["secrets"]["keys"] == {"file": "${SILHOUETTE_KEYS:-/dev/null}"}
    assert "--keys /run/secrets/keys`" in text
    pod = deployment["spec"]["taskManager"]["podTemplate"]["spec"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == "keys"]
    assert volume["secret"]["optional"] is True and volume["secret"]["defaultMode"] == 0o440
    assert f"kubectl create secret generic {volume['secret']['secretName']} " in text
    main, workers = pod["containers"]
    (mount,) = [each for each in workers["volumeMounts"] if each["name"] == "keys"]
    assert f"--keys {mount['mountPath']}/keys`" in text
    assert "volumeMounts" not in main
    assert pod["securityContext"]["fsGroup"] == workers["securityContext"]["runAsUser"]


def settings(compose: dict[str, Any], deployment: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield Flink's settings of each cluster."""
    yield deployment["spec"]["flinkConfiguration"]
    for service in compose["services"].values():
        if "FLINK_PROPERTIES" in service.get("environment", {}):
            yield yaml.safe_load(service["environment"]["FLINK_PROPERTIES"])


def test_each_cluster_is_fit_for_a_stream(compose: dict[str, Any], deployment: dict[str, Any]) -> None:
    for each in settings(compose, deployment):
        flink.check_state(each)
        assert each["state.backend.type"] == "rocksdb"
        assert each["state.savepoints.dir"]
        assert each["restart-strategy.type"] == "exponential-delay"


def test_versions_fit_together(compose: dict[str, Any], deployment: dict[str, Any]) -> None:
    texts = [path.read_text() for path in FOLDER.rglob("*") if path.is_file()]
    beam = apache_beam.version.__version__
    assert set(re.findall(r"beam_flink[\d.]+_job_server:([\d.]+\d)", "\n".join(texts))) == {beam}
    flinks = set(re.findall(r"(?:[ `]flink:|beam_flink|runners-flink-)(\d+\.\d+)", "\n".join(texts)))
    assert len(flinks) == 1
    assert deployment["spec"]["flinkVersion"] == f"v{flinks.pop().replace('.', '_')}"


LEAST = ["submit", "flink", "--site", "s.yaml", "--input", "projects/p/subscriptions/s", "--output", "gs://b/f"]


def parser() -> argparse.ArgumentParser:
    """Return the parser of `silhouette submit`."""
    top = argparse.ArgumentParser()
    command.add_parser(top.add_subparsers())
    return top


def test_the_commands_of_the_readme_are_understood() -> None:
    text = (FOLDER / "README.md").read_text().replace("\\\n", " ")
    commands = re.findall(r"^ {4}.*?\bsilhouette (submit flink .*)$", text, re.MULTILINE)
    assert len(commands) == 2
    for words in commands:
        flink.check(parser().parse_args(words.split()))
