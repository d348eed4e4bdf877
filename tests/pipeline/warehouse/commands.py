"""The warehouse's commands, run in this process as the command line runs them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline import deadletters, inspect
from pipeline.warehouse import load, sql

COMMANDS = {"load": load, "sql": sql, "deadletters": deadletters, "inspect": inspect}


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for module in COMMANDS.values():
        module.add_parser(commands)
    args = parser.parse_args(arguments)
    return COMMANDS[args.command].run(args)


def command(*arguments: object) -> int:
    """Run a command and return its exit code."""
    return main([str(each) for each in arguments])
