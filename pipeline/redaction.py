"""What is asked for of redacted clips: flags, and the models that they need."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.usage import UsageError

if TYPE_CHECKING:
    from transforms.arrivals import CameraKey
    from transforms.redaction.eyes import EyeModels, Model
    from transforms.redaction.what import Redaction, What
    from transforms.verdict import Verdict

# As `transforms.redaction.what` has them, whose import takes too long for --help; a test holds them equal.
WHATS = ("people", "heads", "faces", "motion")
FILLS = ("solid", "mosaic")
LEAK_MODEL_HELP = "name or card of the model that looks for what was left (default: face; of faces, person)"


def add_redaction_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `redaction_of` reads."""
    group = parser.add_argument_group("redacted clips, in the output's folder `redacted`; see docs/redaction.md")
    group.add_argument(
        "--redact", choices=WHATS, help="write each clip again with these covered; motion is all that moves"
    )
    group.add_argument("--redact-fill", choices=FILLS, help=f"how they are covered (default: {FILLS[0]})")
    group.add_argument("--redact-leak-model", metavar="MODEL", help=LEAK_MODEL_HELP)


def redaction_of(
    args: argparse.Namespace, models: Mapping[CameraKey, Model], there: Path | None
) -> tuple[Redaction | None, dict[CameraKey, EyeModels], dict[str, Verdict]]:
    """Return what is to be covered, None for nothing, the models that look for each camera, and what admission said.

    Args:
      args: What `add_redaction_flags` added, and the site files' path.
      models: For each camera the model that counts, which also masks people and heads.
      there: Folder where remote workers have the models, if any.

    Raises:
      UsageError: a flag does not fit, or a model cannot be used.
    """
    from transforms.redaction.what import Redaction

    if args.redact is None:
        for flag, given in (("--redact-fill", args.redact_fill), ("--redact-leak-model", args.redact_leak_model)):
            if given is not None:
                raise UsageError(f"{flag}: say by --redact what is to be covered, or leave it out")
        return None, {}, {}
    auditor = args.redact_leak_model
    chosen: dict[str, EyeModels] = {}
    eyes: dict[CameraKey, EyeModels] = {}
    verdicts: dict[str, Verdict] = {}
    for key, counting in models.items():
        name = counting[0].model_dump_json()
        if name not in chosen:
            chosen[name], said = choose_eyes(
                args.redact, None, auditor, "--redact-leak-model", counting=counting, there=there
            )
            verdicts |= said
        eyes[key] = chosen[name]
    return Redaction(args.redact, args.redact_fill or "solid"), eyes, verdicts


def choose_eyes(
    what: What, masker: str | None, auditor: str | None, auditor_flag: str, *, counting: Model | None = None,
    there: Path | None = None,
) -> tuple[EyeModels, dict[str, Verdict]]:  # fmt: skip
    """Choose and try the models that look at clips; returns what the admission said too, for each file's hash.

    Args:
      what: What is to be covered.
      masker: Name or card of the model that finds it; by default the one that counts, or the one in the package.
      auditor: Name or card of the model that looks for what was left; by default the other one in the package.
      auditor_flag: The flag that asks for it.
      counting: The model that counts.
      there: Folder where remote workers have the models, each named by its hash.

    Raises:
      UsageError: a model cannot be had, or cannot do it.
    """
    from transforms.admission import ModelRefused
    from transforms.redaction.eyes import EyeModels, check_eyes, open_eyes
    from transforms.redaction.what import LEAKS_BY, MASKS_BY

    role = MASKS_BY[what]
    if role is None:
        if masker is not None:
            raise UsageError("--model: what moves is found without one; leave it out")
        mask = None
    elif masker is None and role == "person" and counting is not None:
        mask = counting
    else:
        mask = _found("--model", masker or role, there)
    models = EyeModels(mask, _found(auditor_flag, auditor or LEAKS_BY[what], there))
    try:
        check_eyes(what, models)
        opened = open_eyes(models if there is None else models._replace(masker=None))
    except (ValueError, ModelRefused, OSError) as error:
        flag = "--model" if masker is not None and auditor is None else auditor_flag
        raise UsageError(f"{flag}: {error}") from None
    verdicts = {eye.card.sha256: eye.verdict for eye in opened if eye is not None}
    if there is None:
        return models, verdicts
    return EyeModels(models.masker and _on_workers(models.masker, there), _on_workers(models.auditor, there)), verdicts


def _on_workers(model: Model, there: Path) -> Model:
    from pipeline.models.registry import named_by_hash

    return model[0], named_by_hash(model[0], there)


def _found(flag: str, name: str, there: Path | None) -> Model:
    from pipeline.models.cards import ModelError
    from pipeline.models.registry import resolve

    try:
        card, path = resolve(name, by_hash=there)
    except (ModelError, OSError) as error:
        raise UsageError(f"{flag}: {error}") from None
    return card, path.absolute()
