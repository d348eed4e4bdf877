"""The `silhouette` command line. A command's module is imported only when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import os
import select
import sys
from collections.abc import Sequence

COMMANDS = {
    "run": ("pipeline.run", "count people in clips, into Avro metric records"),
    "cut": ("pipeline.cut", "cut a video file into clips with envelopes, at keyframes"),
    "redact": ("pipeline.redact_command", "cover people, heads, faces or all that moves in a video file"),
    "edge": ("pipeline.edge.command", "cut cameras' video into clips and send them to Pub/Sub"),
    "submit": ("pipeline.submit.command", "hand the job to Flink or Dataflow"),
    "load": ("pipeline.warehouse.load", "load records into BigQuery"),
    "sql": ("pipeline.warehouse.sql", "ask the records, by the warehouse's own views"),
    "publish": ("pipeline.publish.command", "release a closed day's footfall for everybody, with noise"),
    "deadletters": ("pipeline.deadletters", "list what was set aside, by reason"),
    "inspect": ("pipeline.inspect", "print Avro records as a table"),
    "guard": ("pipeline.guard_command", "look for biometric and personal fields in anyone's records"),
    "evidence": ("pipeline.evidence.command", "seal and verify the evidence, and look at what keeps clips"),
    "notice": ("pipeline.notice.command", "write the public notice from site file and evidence"),
    "pia": ("pipeline.notice.assessment", "draft the impact assessment from site file and evidence"),
    "explain": ("pipeline.explain", "say what the job does, and every field that can leave it"),
    "import": ("pipeline.importing.command", "make a site file from the configuration of another tool"),
    "lint": ("pipeline.linting.command", "find what a valid site file cannot count, from it and a sample clip"),
    "reference": ("pipeline.reference", "print what a camera's picture should look like, for its site file"),
    "diff": ("pipeline.diff", "say what changed between two outputs, or two versions of a site"),
    "audit": ("pipeline.audit.command", "count in redacted clips what the job counted, for error intervals"),
    "models": ("pipeline.models.command", "list, fetch and check detection models"),
}

OK, FAILED, USAGE, SOME_BAD = 0, 1, 2, 3
"""Exit codes: all good; failed; wrong usage; done, but some clips were bad."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        try:
            return _run(sys.argv[1:] if argv is None else list(argv))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        if not _nobody_reads():
            raise
        # As `head` does once it has seen enough; what is left to print at the interpreter's end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="silhouette",
        description="Counts people in video, biometric-free: clips in, Avro metric records out.",
        epilog="Exit codes: 0 all clips good; 3 done, some clips were bad; 1 failed; 2 wrong usage.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = argv[0] if argv else None
    for name, (module, summary) in COMMANDS.items():
        if name == asked:
            importlib.import_module(module).add_parser(commands)
        else:
            commands.add_parser(name, help=summary)
    args = parser.parse_args(argv)
    try:
        return int(importlib.import_module(COMMANDS[args.command][0]).run(args))
    except KeyboardInterrupt:
        print(f"silhouette {args.command}: stopped before it was done", file=sys.stderr, flush=True)
        os._exit(FAILED)  # a runner's threads cannot be stopped, and would be torn apart with the interpreter


def _nobody_reads() -> bool:
    """Tell whether standard output is a pipe that was closed at its other end."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)  # such an end is told unasked
    return bool(poll.poll(0))


if __name__ == "__main__":
    sys.exit(main())
