"""What a model card may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.card import ModelCard

GOOD: dict[str, Any] = {
    "name": "some_model",
    "uri": "https://example.org/models/some.onnx",
    "sha256": "ab" * 32,
    "licence": "Apache-2.0",
    "source": "someone",
    "role": "person",
    "input": {"size": [384, 640], "colour": "bgr"},
    "output": {"kind": "yolox"},
    "classes": {"person": 0},
}


def test_a_short_card_is_complete() -> None:
    card = ModelCard.model_validate(GOOD)
    assert card.input.size == (384, 640)
    assert card.output.kind == "yolox"
    assert card.file_name == "some.onnx"
    assert (card.input.letterbox.mode, card.input.letterbox.pad) == ("letterbox-top-left", 114)


def test_only_allowed_classes_are_decoded() -> None:
    card = ModelCard.model_validate(GOOD | {"classes": ["bicycle", "person", "car"]})
    assert card.classes == {"bicycle": 0, "person": 1, "car": 2}
    assert card.decoded == (1,)
    face = ModelCard.model_validate(GOOD | {"role": "face", "classes": {"person": 0, "face": 4}})
    assert face.decoded == (4,)


def test_the_file_of_the_package_has_a_name() -> None:
    assert ModelCard.model_validate(GOOD | {"uri": "builtin:person.onnx"}).file_name == "person.onnx"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"licence": ""}, "licence"),
        ({"sha256": "AB" * 32}, "sha256"),
        ({"sha256": "ab" * 31}, "sha256"),
        ({"uri": "http://example.org/some.onnx"}, "uri"),
        ({"uri": "https://example.org/some.zip"}, "uri"),
        ({"role": "age"}, "role"),
        ({"classes": {"car": 0, "dog": 1}}, "none is allowed for role person"),
        ({"classes": {"man": 0, "woman": 1}}, "man, woman tell what sort of person it is"),
        ({"classes": ["person", "person"]}, "listed twice"),
        ({"classes": {"person": -1}}, "classes"),
        ({"output": {"kind": "embedding"}}, "kind"),
        ({"output": {"kind": "yolox", "reg_max": 7}}, "reg_max"),
        ({"input": {"size": [384, 640]}}, "colour"),
        ({"input": {"size": [8, 640], "colour": "bgr"}}, "size"),
        ({"input": {"size": [384, 640], "colour": "bgr", "dtype": "uint8", "scale": 0.5}}, "uint8"),
        ({"input": {"size": [384, 640], "colour": "bgr", "std": [1, 0, 1]}}, "std"),
        ({"thresholds": {"score": 1.5}}, "score"),
        ({"colour": "bgr"}, "colour"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ModelCard.model_validate(GOOD | change)


def test_licence_is_a_must() -> None:
    with pytest.raises(ValidationError, match="licence"):
        ModelCard.model_validate({key: value for key, value in GOOD.items() if key != "licence"})


def test_a_card_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ModelCard.model_validate(GOOD).name = "other"  # type: ignore[misc]  # which is what is tested
