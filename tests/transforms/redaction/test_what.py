"""What is covered of what was found: bodies, heads by the body, faces; and what may look for what was left."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.models.registry import resolve
from pipeline.redaction import FILLS as JOB_FILLS
from pipeline.redaction import WHATS as JOB_WHATS
from tests.support.truth import pets_tracks
from transforms.redaction.eyes import EyeModels, adapted, check_eyes, input_size
from transforms.redaction.what import FILLS, WHATS, Redaction, heads_of, region, with_margin

STANDING, SITTING = [0.0, 0.0, 0.3, 0.8], [0.0, 0.0, 0.5, 0.6]


def test_flags_offer_what_there_is() -> None:
    assert (JOB_WHATS, JOB_FILLS) == (WHATS, FILLS)
    with pytest.raises(ValueError, match="blur"):
        Redaction("people", "blur")  # type: ignore[arg-type]


def test_a_head_is_at_the_upper_edge_and_no_small_part() -> None:
    (standing, sitting) = heads_of(np.array([STANDING, SITTING]))
    assert standing[1] == sitting[1] == 0
    assert 0.15 < standing[3] < 0.3 and 0.2 < sitting[3] < 0.4
    assert standing[0] < 0.1 and standing[2] > 0.2  # an eighth of the height, wherever in the middle it is


def test_heads_of_people_who_walk_lie_in_their_boxes(shared) -> None:
    boxes = np.concatenate([each for _, each in pets_tracks(shared).values()])
    heads = heads_of(boxes)
    assert (heads[:, :2] >= boxes[:, :2]).all() and (heads[:, 2:] <= boxes[:, 2:]).all()
    assert np.median((heads[:, 3] - heads[:, 1]) / (boxes[:, 3] - boxes[:, 1])) < 0.3


@pytest.mark.parametrize("what", WHATS)
def test_margins_only_add(what) -> None:
    for role in ("person", "face"):
        regions = region(what, role, np.array([STANDING, SITTING]))
        wide = with_margin(what, role, regions)
        assert (wide[:, :2] < regions[:, :2]).all() and (wide[:, 2:] > regions[:, 2:]).all()


def test_another_model_looks_for_what_was_left_and_each_does_what_it_can() -> None:
    person, face = resolve("person"), resolve("face")
    check_eyes("people", EyeModels(person, face))
    check_eyes("faces", EyeModels(face, person))
    check_eyes("motion", EyeModels(None, face))
    with pytest.raises(ValueError, match="another model"):
        check_eyes("people", EyeModels(person, person))
    with pytest.raises(ValueError, match="cannot find people"):
        check_eyes("people", EyeModels(face, person))
    with pytest.raises(ValueError, match="cannot find faces"):
        check_eyes("faces", EyeModels(person, face))


def test_a_face_model_looks_at_a_size_that_goes_with_the_clip() -> None:
    card, _ = resolve("face")
    assert input_size(card, 1280, 720) == (448, 768)
    assert input_size(card, 3840, 2160) == (544, 960) == card.input.size
    assert input_size(card, 480, 270) == (288, 480)
    assert input_size(resolve("person")[0], 1280, 720) == resolve("person")[0].input.size


def test_a_keen_model_keeps_what_scores_low() -> None:
    card, _ = resolve("face")
    keen = adapted(card, card.input.size, keen=True)
    assert keen.thresholds.score < card.thresholds.score == adapted(card, card.input.size, keen=False).thresholds.score
