"""`silhouette submit`: hand the job to a cluster and come back; the job goes on there."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

PLATFORMS = {"flink": "pipeline.submit.flink", "dataflow": "pipeline.submit.dataflow"}


def add_parser(commands: Any) -> None:
    """Add the command's flags, those of each platform."""
    parser = commands.add_parser(
        "submit",
        help="hand the job to Flink or Dataflow",
        description="Hands the job to a cluster, where it goes on when this command has come back.",
        epilog="Exit codes: 0 submitted; 1 failed; 2 wrong usage.",
    )
    platforms = parser.add_subparsers(dest="platform", required=True, metavar="PLATFORM")
    for module in PLATFORMS.values():
        importlib.import_module(module).add_parser(platforms)


def run(args: argparse.Namespace) -> int:
    """Submit the job; returns the exit code."""
    return int(importlib.import_module(PLATFORMS[args.platform]).run(args))
