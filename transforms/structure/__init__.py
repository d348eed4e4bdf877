"""What the outputs of a graph are computed from, found by its structure and by running it: names are not trusted."""

from transforms.structure.follow import Followed, follow
from transforms.structure.response import Responses, respond
from transforms.structure.signals import Misfit, Signal, Untraceable

__all__ = ["Followed", "Misfit", "Responses", "Signal", "Untraceable", "follow", "respond"]
