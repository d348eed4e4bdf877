"""What is covered: people, their heads, faces, or everything that moves; and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from schemas.card import Role
from transforms.boxes import Floats
from transforms.redaction.covers import grown

What = Literal["people", "heads", "faces", "motion"]
Fill = Literal["solid", "mosaic"]
WHATS: tuple[What, ...] = get_args(What)
FILLS: tuple[Fill, ...] = get_args(Fill)

MASKS_BY: dict[What, Role | None] = {"people": "person", "heads": "person", "faces": "face", "motion": None}
"""The role of the model that finds what is to be covered; None for motion, which needs none."""
LEAKS_BY: dict[What, Role] = {"people": "face", "heads": "face", "faces": "person", "motion": "face"}
"""The role of the model that looks for what was left, where no other is asked for."""

# Of a head's place little is known but the body: a standing one's is about an eighth of the height. More is covered,
# and of a body that is cut off by the picture's edge, or sits, as much as its width tells.
_HEAD_HEIGHT, _HEAD_OF_WIDTH = 0.22, 0.5
_HEAD_LEAST_WIDTH, _HEAD_BROAD = 0.7, 0.9


@dataclass(frozen=True)
class Redaction:
    """What is covered, and how.

    Attributes:
      what: `people` with all of their bodies, their `heads`, `faces`, or `motion`: everything that moves.
      fill: `solid`, one colour; or `mosaic`, at most three blocks along the longer side of what is covered.
    """

    what: What = "people"
    fill: Fill = "solid"

    def __post_init__(self) -> None:
        if self.what not in WHATS or self.fill not in FILLS:
            raise ValueError(f"{self.what}, {self.fill}: what is one of {WHATS}, fill one of {FILLS}")


def region(what: What, role: Role, boxes: Floats) -> Floats:
    """Return the part to be covered of what a model of a role found, not grown yet; (N, 4) in, (N, 4) out."""
    if role == "face" or what in ("people", "motion"):
        return boxes
    return heads_of(boxes)


def with_margin(what: What, role: Role, regions: Floats) -> Floats:
    """Return regions grown by what detectors leave out: hair and chin, hands and feet."""
    if role == "face":
        return grown(regions, 0.25, 0.35, 0.2)
    if what in ("people", "motion"):
        return grown(regions, 0.12, 0.08, 0.04)
    return grown(regions, 0.1, 0.15, 0.1)


def heads_of(bodies: Floats) -> Floats:
    """Return where the heads of (N, 4) upright people are, generously: the middle of the upper edge of each.

    >>> heads_of(np.array([[0.0, 0.0, 0.4, 1.0]])).round(2).tolist()
    [[0.06, 0.0, 0.34, 0.22]]
    """
    width, height = bodies[:, 2] - bodies[:, 0], bodies[:, 3] - bodies[:, 1]
    tall = np.minimum(height, np.maximum(_HEAD_HEIGHT * height, _HEAD_OF_WIDTH * width))
    broad = np.minimum(width, np.maximum(_HEAD_LEAST_WIDTH * width, _HEAD_BROAD * tall))
    middle = (bodies[:, 0] + bodies[:, 2]) / 2
    return np.stack([middle - broad / 2, bodies[:, 1], middle + broad / 2, bodies[:, 1] + tall], axis=1)
