"""`silhouette models`: list the models, fetch them, check them."""

import argparse
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.models.cards import ModelError
from pipeline.models.registry import FOLDER_VARIABLE, check, list_models, pull, resolve


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
    checking = actions.add_parser("check", help="check that a model's file agrees with its card, and try it")
    checking.add_argument("model", help="name of a model, a card's file NAME.yaml, or a model file NAME.onnx")


def run(args: argparse.Namespace) -> int:
    """Run the command; return 0, or 1 where a model is refused or cannot be had."""
    try:
        _ACTIONS[args.action](args)
    except ModelError as error:
        print(f"silhouette models {args.action}: {error}", file=sys.stderr)
        return 1
    return 0


def _list(args: argparse.Namespace) -> None:
    table = Table("model", "role", "input", "output", "licence", "file")
    for listed in list_models():
        card = listed.card
        size = f"{card.input.size[0]}x{card.input.size[1]}"
        file = str(listed.path) if listed.path else f"not here: silhouette models pull {card.name}"
        table.add_row(card.name, card.role, size, card.output.kind, card.licence, file)
    Console().print(table)


def _pull(args: argparse.Namespace) -> None:
    here = pull(args.model)
    print(here if args.to is None else _copy(args.model, args.to))


def _copy(model: str, folder: Path) -> Path:
    """Copy a model that is here into a folder, as `<sha256>.onnx`; it appears there whole."""
    card, here = resolve(model)
    target = folder / f"{card.sha256}.onnx"
    staged = folder / f".{target.name}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(here, staged)
        staged.replace(target)
    except OSError as error:
        raise ModelError(f"--to: {target} cannot be written ({error.strerror}); name another folder") from error
    return target


def _check(args: argparse.Namespace) -> None:
    found = check(args.model)
    print(f"{found.path}: good, agrees with card {found.card.name}")
    print(f"licence {found.card.licence}; source {found.card.source}")
    print(f"sha256 {found.card.sha256}, as run {found.derived_sha256}")


_ACTIONS = {"list": _list, "pull": _pull, "check": _check}
