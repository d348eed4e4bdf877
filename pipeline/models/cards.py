"""Model cards as YAML files."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from schemas.card import ModelCard

SUFFIX = ".yaml"
_MOST_BYTES = 64 * 1024


class ModelError(ValueError):
    """A card or a model that cannot be used; the message says why and what to do."""


def read_card(path: Path) -> ModelCard:
    """Read the card in a file NAME.yaml, which describes the model NAME.

    Raises:
        ModelError: The file cannot be read or is no valid card; every mistake is named by its key.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); is this the path of a card?") from error
    if len(content) > _MOST_BYTES:
        raise ModelError(f"{path}: is larger than {_MOST_BYTES} bytes, which no card is")
    try:
        card = ModelCard.model_validate(yaml.safe_load(content))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise ModelError(f"{path}{line}: is no valid YAML") from error
    except ValidationError as error:
        mistakes = [
            f"{path}: {'.'.join(map(str, each['loc'])) or 'card'}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)
        ]
        raise ModelError("\n".join(mistakes)) from error
    if card.name != path.stem:
        raise ModelError(f"{path}: name: is {card.name}, so the file must be called {card.name}{SUFFIX}")
    return card
