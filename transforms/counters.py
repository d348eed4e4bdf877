"""Operational counters: namespace is the step's module, names are fixed words, never data."""

from __future__ import annotations

from apache_beam.metrics.metric import Metrics


def counter(module: str, name: str) -> Metrics.DelegatingCounter:
    """Return a counter, such as `counter(__name__, "late_clips")`."""
    return Metrics.counter(module, name)
