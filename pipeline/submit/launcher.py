"""How the job starts from its Flex Template: a launcher's options become flags of `silhouette submit dataflow`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def launch(argv: Sequence[str]) -> int:
    """Do as the service bids a template's launcher; returns the exit code.

    Args:
      argv: The template's parameters and options of Beam, each as `--NAME` or `--NAME=VALUE`, in Beam's spelling.
    """
    from pipeline.cli import USAGE
    from pipeline.submit import dataflow
    from pipeline.submit.template import flags_by_name, parser

    made = parser()
    with tempfile.TemporaryDirectory(prefix="silhouette-") as folder:
        try:
            flags = command_line(argv, flags_by_name(made), Path(folder))
        except FileNotFoundError as error:
            print(f"silhouette submit dataflow: --site: there is no {error}", file=sys.stderr)
            return USAGE
        except OSError as error:
            print(f"silhouette submit dataflow: --site: {error}", file=sys.stderr)
            return USAGE
        return dataflow.run(made.parse_args(flags))


def command_line(argv: Sequence[str], named: Mapping[str, argparse.Action], folder: Path) -> list[str]:
    """Return a launcher's options as flags of the command, and after `--` those that only Beam knows.

    Args:
      argv: The launcher's options.
      named: The command's flags, by the names that the launcher has for them.
      folder: Where site files from a bucket are put, for the command reads them from disk.

    Raises:
      FileNotFoundError: the bucket has no such site file.
      OSError: the bucket cannot be had.
    """
    own, further = [], []
    for option in argv:
        name, given, value = option.removeprefix("--").partition("=")
        flag = named.get(name)
        if flag is None or name == "labels":  # labels come in a form that only Beam reads
            further.append(option)
            continue
        spelled = flag.option_strings[0]
        if not given:
            own.append(spelled)
        elif name == "site":
            own.append(f"{spelled}={fetch_sites(value, folder)}")
        elif isinstance(flag.default, list):
            own += [f"{spelled}={each}" for each in value.split(",")]
        else:
            own.append(option.replace(f"--{name}", spelled, 1))
    return [*own, "--", *further]


def fetch_sites(name: str, folder: Path) -> Path:
    """Copy a site file, or a folder of them as `load_sites` reads one, from a bucket to a local folder.

    Returns:
      Its path there.

    Raises:
      FileNotFoundError: there is none.
      OSError: the bucket cannot be had.
    """
    from pipeline import storage
    from pipeline.sites import SUFFIXES

    if name.endswith(SUFFIXES):
        target = folder / name.rpartition("/")[2]
        target.write_bytes(storage.read(name))
        return target
    parent = name.rstrip("/")
    there = (each.rpartition("/") for suffix in SUFFIXES for each in storage.find(parent, suffix))
    found = [file for above, _, file in there if above == parent]
    if not found:
        raise FileNotFoundError(f"site file in {name}")
    for file in found:
        (folder / file).write_bytes(storage.read(f"{parent}/{file}"))
    return folder
