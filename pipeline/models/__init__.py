"""Models by name: their cards, where their files lie, and how they are fetched and checked."""

from pipeline.models.cards import ModelError
from pipeline.models.registry import DEFAULT, check, list_models, pull, resolve

__all__ = ["DEFAULT", "ModelError", "check", "list_models", "pull", "resolve"]
