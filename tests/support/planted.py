"""The job as it is built, with payload planted in what its steps put out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest

from pipeline import graph
from pipeline.config import Config
from pipeline.sinks import letter_json
from schemas.records import DEAD_LETTER
from tests.support.graph import pipeline
from transforms.guard import Guarded

Change = Callable[[Any], Any]
"""Returns an element with the payload in it; None for one that has no room for it."""
Plants = Mapping[tuple[str, str], Sequence[Change]]
"""Changes by step and output; a step with one output alone names it by nothing."""


class _Planted(beam.PTransform):
    """A step of the job as it is, whose outputs hold changed elements beside the sound ones."""

    def __init__(self, name: str, step: beam.PTransform, changes: Mapping[str, Sequence[Change]]) -> None:
        super().__init__()
        self._name = name
        self._step = step
        self._changes = changes

    def expand(self, elements: Any) -> Any:
        out = elements | "Sound" >> self._step
        if not hasattr(out, "_fields"):
            return self._beside(out, "")
        return out._replace(**{name: self._beside(getattr(out, name), name) for name in self._changes})

    def _beside(self, elements: beam.PCollection[Any], name: str) -> beam.PCollection[Any]:
        plant = partial(_beside, (self._name, name), self._changes[name])
        return elements | f"Plant {name}" >> beam.FlatMap(plant).with_output_types(elements.element_type)


_done: set[tuple[tuple[str, str], int]] = set()
"""Which changes were made; the runner's workers are threads of this process."""


def _beside(where: tuple[str, str], changes: Sequence[Change], element: Any) -> Iterator[Any]:
    for at, change in enumerate(changes):
        if (planted := change(element)) is not None:
            _done.add((where, at))
            yield planted
    yield element  # last: of two rows of one cell, a protected group takes what came last


class PublishedAsText(beam.PTransform):
    """Writes what the topic of dead letters would be sent, a line each; stands for `PublishDeadLetters`."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, guarded: beam.PCollection[Guarded]) -> Any:
        said = guarded | "Letters" >> beam.FlatMap(_said).with_output_types(str)
        return said | "Write" >> beam.io.WriteToText(str(self._folder / "published"))


def _said(record: Guarded) -> Iterator[str]:
    if record.family == DEAD_LETTER:
        yield letter_json(record).decode()


def run_planted(config: Config, plants: Plants, patch: pytest.MonkeyPatch) -> None:
    """Build the job of a config by `pipeline.graph`, its steps' outputs changed, and run it to its end.

    Raises:
      AssertionError: there was nothing that a plant could change, so that it proves nothing.
    """
    steps = {step for step, _ in plants}
    _done.clear()
    with patch.context() as patched:
        for step in steps:
            changes = {name: found for (of, name), found in plants.items() if of == step}
            patched.setattr(graph, step, partial(_planted, step, getattr(graph, step), changes))
        patched.setattr(graph, "PublishDeadLetters", lambda _: PublishedAsText(Path(config.output)))
        with pipeline() as root:
            graph.build(root, config)
    assert _done == {(where, at) for where, changes in plants.items() for at in range(len(changes))}


def _planted(
    name: str, step: Callable[..., beam.PTransform], changes: Mapping[str, Sequence[Change]], *args: Any, **named: Any
) -> beam.PTransform:
    return _Planted(name, step(*args, **named), changes)
