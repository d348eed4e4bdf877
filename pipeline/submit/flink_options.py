"""Beam's options for a job on Flink."""

from __future__ import annotations

import argparse

from apache_beam.options.pipeline_options import PipelineOptions

# Beam would send what is installed on the machine that submits, with paths.
_EXPERIMENTS = "disable_logging_submission_environment"


class FlinkOptions(PipelineOptions):
    """Options that Flink's runner has, in Java, and that Beam for Python does not know by name."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--checkpointing_interval", type=int, help="milliseconds from one checkpoint to the next")
        parser.add_argument(
            "--finish_bundle_before_checkpointing", action="store_true", help="let a checkpoint wait for the bundle"
        )
        parser.add_argument(
            "--externalized_checkpoints_enabled",
            action="store_true",
            help="keep the last checkpoint of a job that fails",
        )
        parser.add_argument("--savepoint_path", help="savepoint or checkpoint to begin from")


def beam_options(args: argparse.Namespace, name: str, savepoint: str | None, *, bounded: bool) -> PipelineOptions:
    """Return Beam's options for the flags of `silhouette submit flink`.

    Args:
      args: The flags.
      name: The job's name in Flink.
      savepoint: Where to begin from; None: from nothing.
      bounded: Whether the input ends.
    """
    external = {"environment_type": "EXTERNAL", "environment_config": args.workers_at}
    docker = {"environment_type": "DOCKER", "environment_config": args.worker_image}
    options = {
        "runner": "PortableRunner",
        "job_endpoint": args.job_endpoint,
        "job_name": name,
        "sdk_worker_parallelism": args.worker_processes,
        "parallelism": args.parallelism,
        "savepoint_path": savepoint,
        "experiments": _EXPERIMENTS,
        **(docker if args.worker_image else external),
    }
    flags = [f"--{key}={value}" for key, value in options.items() if value is not None]
    if not bounded:
        # A checkpoint in the middle of the first bundle would swallow what that gives out.
        flags += ["--streaming", "--finish_bundle_before_checkpointing", "--externalized_checkpoints_enabled"]
        flags += [f"--checkpointing_interval={args.checkpoint_every * 1000:.0f}"]
    return PipelineOptions(flags)
