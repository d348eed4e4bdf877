"""A closed world in pydantic: no key that is not declared, and strings that stand in a vocabulary of the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A closed world: no key that is not declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def known(vocabulary: str) -> Any:
    """Return the field of a string that must stand in a vocabulary of the run."""
    return Field(max_length=1_000, json_schema_extra={"vocabulary": vocabulary})


def known_or_null(vocabulary: str) -> Any:
    return Field(json_schema_extra={"vocabulary": vocabulary})


def keys(part: type[BaseModel], of: str = "") -> Iterator[tuple[str, str]]:
    """Yield every key that a part may hold, with those of the parts in it, and what it says."""
    for name, field in part.model_fields.items():
        yield f"{of}{name}", field.description or ""
        for inner in _parts(field.annotation):
            yield from keys(inner, f"{of}{name}.")


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)


def vocabulary_terms(part: BaseModel) -> Iterator[tuple[str, str]]:
    """Yield every string of a part that must stand in a vocabulary, with the vocabulary's name."""
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        extra = field.json_schema_extra
        if isinstance(extra, dict):
            words = (value,) if isinstance(value, str) else value or ()
            yield from ((str(extra["vocabulary"]), word) for word in words)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, BaseModel):
                yield from vocabulary_terms(inner)
