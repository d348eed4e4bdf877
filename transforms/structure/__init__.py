"""What the outputs of a graph are computed from, found by its structure alone: names and weights are not trusted."""

from transforms.structure.follow import Followed, follow
from transforms.structure.signals import Misfit, Signal, Untraceable

__all__ = ["Followed", "Misfit", "Signal", "Untraceable", "follow"]
