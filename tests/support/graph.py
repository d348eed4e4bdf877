"""The built graph as the runner sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.userstate import get_dofn_specs, is_stateful_dofn


def pipeline(workers: int = 1) -> beam.Pipeline:
    """Return an empty pipeline on the pinned local runner."""
    flags = [f"--direct_num_workers={workers}", "--direct_running_mode=multi_threading"]
    return beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(flags if workers > 1 else []))


def transforms(root: beam.Pipeline) -> list[AppliedPTransform]:
    """Return every transform of a pipeline, composites before their parts."""
    found: list[AppliedPTransform] = []

    class Collect(PipelineVisitor):
        def enter_composite_transform(self, node: AppliedPTransform) -> None:
            found.append(node)

        def visit_transform(self, node: AppliedPTransform) -> None:
            found.append(node)

    root.visit(Collect())
    return found


def shuffled(root: beam.Pipeline) -> Iterator[tuple[str, Any]]:
    """Yield the label and element type of everything that is encoded: grouped, reshuffled or keyed for state."""
    for node in transforms(root):
        grouping = isinstance(node.transform, (beam.GroupByKey, beam.Reshuffle, beam.CombinePerKey))
        stateful = isinstance(node.transform, beam.ParDo) and is_stateful_dofn(node.transform.fn)
        if grouping or stateful:
            yield from ((node.full_label, each.element_type) for each in node.inputs)


def states(root: beam.Pipeline) -> Iterator[tuple[str, Any]]:
    """Yield the label and coder of every state cell."""
    for node in transforms(root):
        if isinstance(node.transform, beam.ParDo) and is_stateful_dofn(node.transform.fn):
            for spec in get_dofn_specs(node.transform.fn)[0]:
                yield f"{node.full_label}.{spec.name}", spec.coder
