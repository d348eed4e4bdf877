"""Which models look at a clip that is redacted: one that finds what to cover, and another that looks for the rest."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from schemas.card import ModelCard
from transforms.detector import Detector
from transforms.redaction.what import What
from transforms.verdict import Verdict

Model = tuple[ModelCard, Path]
"""A model's card and its file."""

_KEEN = 0.2
"""Of the score that parts people from other things best: whatever scores above this part of it is covered."""
# Faces are looked for at this share of the clip's size: keen, CenterFace missed none of 863 faces of 20 pixels and up
# at half of it. Of a small clip at its own size, up to so many rows.
_OF_CLIP, _LEAST_ROWS = 0.6, 320
_STRIDE = 32


class Eye:
    """One model; a face model at a size that goes with the clip, since small pictures need no large input.

    May be used from several threads.

    Args:
      model: Its card and file.
      keen: Whether that is found too of which it is hardly sure.
    """

    def __init__(self, model: Model, *, keen: bool) -> None:
        self.card = model[0]
        self._path, self._keen = model[1], keen
        self._opened: dict[tuple[int, int], Detector] = {}
        self._opening = Lock()

    def for_clip(self, width: int, height: int) -> Detector:
        """Return the detector for clips of a size.

        Raises:
          ModelRefused: the file is not the card's, or its graph does not agree with the card.
          OSError: it cannot be read.
        """
        size = input_size(self.card, width, height)
        with self._opening:
            if size not in self._opened:
                self._opened[size] = Detector.open(adapted(self.card, size, keen=self._keen), self._path)
            return self._opened[size]

    @property
    def verdict(self) -> Verdict:
        """What the admission says of the model; the graph that runs is made for each size of clips.

        Raises:
          ModelRefused: the file is not the card's, or its graph does not agree with the card.
          OSError: it cannot be read.
        """
        height, width = self.card.input.size
        return replace(self.for_clip(width, height).verdict, derived_sha256=None)


class Eyes(NamedTuple):
    """What looks at a clip.

    Attributes:
      masker: Finds what is to be covered; None where that is what moves.
      auditor: Looks for what was left.
    """

    masker: Eye | None
    auditor: Eye


class EyeModels(NamedTuple):
    """The models of `Eyes`.

    Attributes:
      masker: Card and file; None where what moves is covered.
      auditor: Likewise.
    """

    masker: Model | None
    auditor: Model


def check_eyes(what: What, models: EyeModels) -> None:
    """Check that the models can do it.

    Raises:
      ValueError: a model is of the wrong role, or both are one.
    """
    if models.masker is not None:
        card = models.masker[0]
        if (card.role == "face") != (what == "faces"):
            raise ValueError(f"{card.name} is a {card.role} model, and cannot find {what} to cover")
        if card.sha256 == models.auditor[0].sha256:
            raise ValueError(f"{card.name} masks, and what was left must be looked for by another model")


def adapted(card: ModelCard, size: tuple[int, int], *, keen: bool) -> ModelCard:
    """Return a card for an input of a size; a keen one keeps what scores low."""
    score = min(card.thresholds.score, _KEEN * card.thresholds.even) if keen else card.thresholds.score
    changed = {
        "thresholds": card.thresholds.model_copy(update={"score": score}),
        "input": card.input.model_copy(update={"size": size}),
    }
    return card.model_copy(update=changed)


def input_size(card: ModelCard, width: int, height: int) -> tuple[int, int]:
    """Return height and width of a face model's input for clips of a size, at most the card's; others keep theirs."""
    if card.role != "face" or any(side % _STRIDE for side in card.input.size):
        return card.input.size
    share = max(_OF_CLIP, min(1.0, _LEAST_ROWS / height))
    rows, columns = (max(1, math.ceil(side * share / _STRIDE)) * _STRIDE for side in (height, width))
    most_rows, most_columns = card.input.size
    return min(rows, most_rows), min(columns, most_columns)


def open_eyes(models: EyeModels) -> Eyes:
    """Open the models.

    Raises:
      ModelRefused: a file is not its card's, or its graph does not agree with the card.
      OSError: a file cannot be read.
    """
    eyes = Eyes(None if models.masker is None else Eye(models.masker, keen=True), Eye(models.auditor, keen=False))
    for eye in eyes:
        if eye is not None:
            height, width = eye.card.input.size
            eye.for_clip(width, height)  # what is refused is refused now
    return eyes
