"""The Flex Template's metadata: the flags of the command, no more and no less, in Google's own form."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from google.cloud import dataflow_v1beta3

from pipeline.submit import template
from pipeline.submit.dataflow import NOT_HERE
from tests.conftest import ROOT

METADATA: dict[str, Any] = json.loads((ROOT / "templates/dataflow/metadata.json").read_text("utf-8"))
PARAMETERS = {each["name"]: each for each in METADATA["parameters"]}


def test_dataflow_metadata_are_what_the_flags_say() -> None:
    """`make schema` writes them anew."""
    assert template.metadata() == METADATA


def test_dataflow_metadata_have_googles_form() -> None:
    read = dataflow_v1beta3.TemplateMetadata.from_json(json.dumps(METADATA), ignore_unknown_fields=False)
    assert [parameter.name for parameter in read.parameters] == list(PARAMETERS)
    assert all(parameter.param_type for parameter in read.parameters)
    assert read.streaming


def test_every_flag_is_a_dataflow_parameter_or_comes_from_the_service() -> None:
    named = template.flags_by_name(template.parser())
    elsewhere = {name for name, flag in named.items() if flag.dest in NOT_HERE}
    assert set(PARAMETERS) | set(template.ENVIRONMENT) | elsewhere == set(named)
    assert not set(PARAMETERS) & set(template.ENVIRONMENT)
    # By Beam's own names: that is how the service hands them to a launcher.
    assert set(template.ENVIRONMENT) <= set(PipelineOptions([]).get_all_options())


def test_every_dataflow_parameter_is_explained_and_checked() -> None:
    named = template.flags_by_name(template.parser())
    for name, parameter in PARAMETERS.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert parameter["label"] and len(parameter["helpText"]) > 20 and parameter["helpText"][0].isupper()
        assert parameter["isOptional"] is not named[name].required
        (pattern,) = parameter["regexes"]
        assert re.fullmatch(r"\^.+\$", pattern)
        if "defaultValue" in parameter:
            assert re.search(pattern, parameter["defaultValue"])


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("site", "gs://lab/sites/lab.yaml", "lab.yaml"),
        ("input", "projects/lab-1234/subscriptions/clips", "projects/lab-1234/topics/clips"),
        ("output", "gs://lab/records", "/records"),
        ("from", "2026-01-05T09:00:00.5+01:00", "2026-01-05"),
        ("until", "2026-01-05T09:00:00Z", "2026-01-05T09:00:00"),
        ("flush", "5m", "5"),
        ("dead_letter_topic", "projects/lab-1234/topics/dead", "dead"),
        (
            "keys",
            "gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k?id=2026-a&wrapped=AA+/==,"
            "gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k?id=2026-b&wrapped=AA-_",
            "/etc/keys",
        ),
        ("on_biometric", "fail", "ignore"),
        ("max_clip_bytes", "1000", "0"),
        ("max_clip_seconds", "2.5", "-1"),
        ("max_clip_seconds", "0.5", "0"),
        ("max_clip_seconds", "10", "0.0"),
        ("sdk_container_image", "europe-docker.pkg.dev/lab/silhouette/silhouette:1.2", "silhouette"),
        ("models_at", "/models", "models"),
        ("number_of_worker_harness_threads", "3", "many"),
    ],
)
def test_dataflow_parameters_are_checked_before_anything_starts(name: str, good: str, bad: str) -> None:
    (pattern,) = PARAMETERS[name]["regexes"]
    assert re.search(pattern, good)
    assert not re.search(pattern, bad)
