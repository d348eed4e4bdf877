"""ProtectAggregates: cells that too few people stand behind are written as suppressed.

A cell is a dwell bin or total, a flow from zone to zone or their total, or a heat map cell or total, with fewer than
`k` visits, transitions or passages behind it (and at least one: nobody is not somebody). This is primary suppression
alone: a single suppressed cell can be told from its total, so `k` protects a table only where more than one cell is
suppressed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam

from schemas.records import Dwell, Flow, Heatmap, MetricRecord
from schemas.site import Site

_VALUES: dict[type[MetricRecord], tuple[str, ...]] = {
    Dwell: ("visits", "mean_seconds", "p50_seconds", "p90_seconds", "visits_low", "visits_high"),
    Flow: ("count", "count_low", "count_high"),
    Heatmap: ("person_seconds", "person_seconds_low", "person_seconds_high"),
}


def protect(record: MetricRecord, k: Mapping[str, int]) -> MetricRecord:
    """Return the record, suppressed where fewer than its site's `k` stand behind it."""
    values = _VALUES.get(type(record))
    if values is None or not 0 < record.n < k[record.site]:
        return record
    nothing: dict[str, Any] = dict.fromkeys(values)
    return replace(record, suppressed=True, n=0, **nothing)


@dataclass(eq=False)
class ProtectAggregates(beam.PTransform[beam.PCollection[MetricRecord], beam.PCollection[MetricRecord]]):
    """Suppresses small cells of the families that have a `k`.

    Attributes:
      sites: The site files.
    """

    sites: tuple[Site, ...]

    def expand(self, records: beam.PCollection[MetricRecord]) -> beam.PCollection[MetricRecord]:
        k = {site.site: site.k for site in self.sites}
        return records | "Suppress" >> beam.Map(protect, k).with_output_types(MetricRecord)
