"""What Google's console and API ask for when they start the job from its Flex Template.

It follows from the flags of `silhouette submit dataflow`; there is no other list. What the service asks for with every
template (project, region, workers, network and so on) is no parameter of this one.
`python -m pipeline.submit.template` prints what stands in `templates/dataflow/metadata.json`.
"""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

from pipeline.job import SUBSCRIPTION, TOPIC
from pipeline.submit import dataflow

ENVIRONMENT = (
    "project", "region", "temp_location", "staging_location", "service_account_email", "subnetwork",
    "dataflow_kms_key", "labels", "job_name", "update", "machine_type", "num_workers", "max_num_workers",
)  # fmt: skip
"""Flags that the service gives to the launcher of any template, by the same names."""

_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)"
_KEY = rf"gcp-kms://{dataflow.KEY.pattern}\?id=[a-z0-9][a-z0-9_-]*&wrapped=[\w+/=-]+"
_FORMS = {
    "site": (dataflow.FOLDER.pattern, "GCS_READ_FILE"),
    "input": (SUBSCRIPTION, "PUBSUB_SUBSCRIPTION"),
    "output": (dataflow.FOLDER.pattern, "GCS_WRITE_FOLDER"),
    "from": (_INSTANT, "TEXT"),
    "until": (_INSTANT, "TEXT"),
    "flush": (r"\d+(ms|s|m|h|d)", "TEXT"),
    "dead_letter_topic": (TOPIC, "PUBSUB_TOPIC"),
    "redact_leak_model": (r"[a-z0-9][a-z0-9_.-]*", "TEXT"),
    "keys": (f"{_KEY}(,{_KEY})*", "TEXT"),
}
"""For parameters whose flags take text of any form: what a launcher can do with, and what the console offers."""
_HELP = {
    "site": "site file in a bucket, or a folder of them",
    "input": "the subscription that the clips come from, projects/PROJECT/subscriptions/NAME",
    "output": "folder for the records, gs://BUCKET/FOLDER",
    "from": "report from this instant on, as 2026-01-05T09:00:00Z; by default from the start of the job, or of "
    "the one whose state it goes on with",
    "until": "report until this instant, as 2026-01-06T09:00:00Z; by default for ever",
    "keys": "addresses in Cloud KMS of the keys of sealed clips, with commas between them",
    "max_clip_bytes": "larger clips go to the dead letters (default: %(default)s bytes)",
    "max_clip_seconds": "longer clips go to the dead letters (default: %(default)s seconds)",
    "max_clip_frames": "clips with more frames go to the dead letters (default: %(default)s)",
    "max_clip_pixels": "clips with more pixels a frame go to the dead letters (default: %(default)s)",
}
"""Where a flag's help would not do: it offers more than a template can, or stands below a heading."""


def main() -> None:
    """Print the template's metadata."""
    print(json.dumps(metadata(), indent=2))


def metadata() -> dict[str, Any]:
    """Return the metadata of the template, in the form of Google's `TemplateMetadata`."""
    return {
        "name": "Silhouette",
        "description": "Counts people in clips from a Pub/Sub subscription, biometric-free, into Avro metric records.",
        "streaming": True,
        "supportsAtLeastOnce": True,
        "supportsExactlyOnce": True,
        "defaultStreamingMode": "EXACTLY_ONCE",
        "parameters": [parameter(name, action) for name, action in parameters().items()],
    }


def parameters() -> dict[str, argparse.Action]:
    """Return the flags that are parameters of the template, by the parameters' names."""
    return {
        name: flag
        for name, flag in flags_by_name(parser()).items()
        if name not in ENVIRONMENT and flag.dest not in dataflow.NOT_HERE
    }


def parser() -> argparse.ArgumentParser:
    """Return a parser of the flags of `silhouette submit dataflow`."""
    made = argparse.ArgumentParser(prog="silhouette submit dataflow", allow_abbrev=False)
    dataflow.add_flags(made)
    return made


def flags_by_name(made: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return a parser's flags by their names in Beam's spelling, as a template has them: `max_num_workers`."""
    flags = [flag for flag in made._actions if flag.option_strings and flag.dest != "help"]
    return {flag.option_strings[0].removeprefix("--").replace("-", "_"): flag for flag in flags}


def parameter(name: str, action: argparse.Action) -> dict[str, Any]:
    """Return what the console needs to know of one flag."""
    pattern, kind = _form(name, action)
    told = (_HELP.get(name) or str(action.help)) % vars(action)
    described = {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "helpText": told[:1].upper() + told[1:],
        "isOptional": not action.required,
        "paramType": kind,
        "regexes": [f"^{pattern}$"],
    }
    if action.choices is not None:
        described["enumOptions"] = [{"value": choice, "label": choice} for choice in action.choices]
    if action.default not in (None, []):
        described["defaultValue"] = str(action.default)
    return described


def _form(name: str, action: argparse.Action) -> tuple[str, str]:
    """Return what a parameter's text must match, and its type for the console."""
    if action.choices is not None:
        return f"({'|'.join(map(re.escape, map(str, action.choices)))})", "ENUM"
    if action.type is int:
        return r"[1-9]\d*", "NUMBER"
    if action.type is float:
        return r"(\d*[1-9]\d*(\.\d+)?|\d+\.\d*[1-9]\d*)", "NUMBER"
    if isinstance(action.type, dataflow.Form):
        return action.type.pattern, "TEXT"
    return _FORMS[name]


if __name__ == "__main__":
    main()
