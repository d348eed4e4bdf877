"""`silhouette models`: list the models, fetch them, check them."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from rich.table import Table

from pipeline.console import print_whole
from pipeline.models.cards import ModelError
from pipeline.models.registry import (
    FOLDER_VARIABLE,
    RefusedError,
    check,
    judge_file,
    list_models,
    named_by_hash,
    pull,
    resolve,
)
from schemas.card import Role
from transforms.verdict import Verdict


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `models` to a command line."""
    parser = subparsers.add_parser(
        "models",
        help="list, fetch and check the detection models",
        description="Models are described by cards. Cards and files are looked for first in the folder that the "
        f"environment variable {FOLDER_VARIABLE} names.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="show every model that has a card here")
    pulling = actions.add_parser("pull", help="fetch a model's file into the cache and verify its hash")
    pulling.add_argument("model", help="name of a model, or a card's file NAME.yaml")
    pulling.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="put a copy into this folder, named by its hash, as remote workers need it",
    )
    checking = actions.add_parser(
        "check",
        help="check that a model's file agrees with its card, and try it; or judge any ONNX file",
        description="Check that a model's file is admitted: its hash, what its graph computes, its agreement with the "
        "card, and a trial run. With --role, judge an ONNX file without a card: the reasons why it is refused, or "
        "what would be cut from it. Returns 1 where a model is refused.",
    )
    checking.add_argument("model", help="name of a model, a card's file NAME.yaml, or a model file NAME.onnx")
    checking.add_argument(
        "--role",
        choices=get_args(Role),
        help="judge the model file as it is, without a card, for this use: to count people, or to cover faces",
    )
    checking.add_argument("--json", action="store_true", help="print the verdict as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the command; return 0, or 1 where a model is refused or cannot be had."""
    try:
        return _ACTIONS[args.action](args)
    except ModelError as error:
        print(f"silhouette models {args.action}: {error}", file=sys.stderr)
        return 1


def _list(args: argparse.Namespace) -> int:
    table = Table("model", "role", "input", "output", "licence", "file")
    for listed in list_models():
        card = listed.card
        size = f"{card.input.size[0]}x{card.input.size[1]}"
        file = str(listed.path) if listed.path else f"not here: silhouette models pull {card.name}"
        table.add_row(card.name, card.role, size, card.output.kind, card.licence, file)
    print_whole(table)
    return 0


def _pull(args: argparse.Namespace) -> int:
    here = pull(args.model)
    print(here if args.to is None else _copy(args.model, args.to))
    return 0


def _copy(model: str, folder: Path) -> Path:
    """Copy a model that is here into a folder, as `<sha256>.onnx`; it appears there whole."""
    card, here = resolve(model)
    target = named_by_hash(card, folder)
    staged = folder / f".{target.name}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(here, staged)
        staged.replace(target)
    except OSError as error:
        raise ModelError(f"--to: {target} cannot be written ({error.strerror}); name another folder") from error
    return target


def _check(args: argparse.Namespace) -> int:
    if args.role is not None:
        return _judge(args)
    try:
        found = check(args.model)
    except RefusedError as error:
        if args.json and error.verdict is not None:
            _print_json(error.path, error.verdict)
        raise
    verdict = found.verdict
    if args.json:
        _print_json(found.path, verdict)
        return 0
    print(f"{found.path}: good, agrees with card {found.card.name}")
    print(f"licence {found.card.licence}; source {found.card.source}")
    _print_cuts(verdict, "is cut")
    print(f"sha256 {verdict.sha256}, as run {verdict.derived_sha256}")
    return 0


def _judge(args: argparse.Namespace) -> int:
    """Judge a file without a card."""
    path = Path(args.model)
    verdict = judge_file(path, args.role)
    if args.json:
        _print_json(path, verdict)
    else:
        print(f"{path}: {'admitted' if verdict.admitted else 'refused'} for role {verdict.role}")
        for reason in verdict.reasons:
            print(f"  {reason}")
        _print_cuts(verdict, "would be cut")
        print(f"sha256 {verdict.sha256}")
    return 0 if verdict.admitted else 1


def _print_cuts(verdict: Verdict, verb: str) -> None:
    for each in verdict.cut:
        print(f"  {verb}: {each}")


def _print_json(path: Path, verdict: Verdict) -> None:
    print(json.dumps({"file": str(path), **verdict.as_json()}, indent=2))


_ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {"list": _list, "pull": _pull, "check": _check}
