"""What the segments of one window come to: the head of its records, sums over the segments, and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from schemas.audit import Audit, Measure, Samples
from schemas.clock import SECOND_US
from schemas.floor import Group
from schemas.geometry import audit_fault
from schemas.site import Camera, Site
from schemas.versions import PIPELINE_VERSION, RECORD_VERSION
from transforms.events import PlaceEvents, VisitEvents
from transforms.intervals import errors_of, errors_of_totals, interval_of_sum
from transforms.mean_errors import MeanErrors, interval_of_mean, interval_of_peak, mean_errors_of
from transforms.windows import Window


@dataclass(frozen=True)
class WindowEvents:
    """The agreeing segments of one window of one camera or shared floor, and the names that its records carry."""

    site: Site
    camera: Camera | Group
    model: str
    window: Window
    segments: Sequence[PlaceEvents]

    @property
    def has_data(self) -> bool:
        """Whether anything was observed: if not, every value is null."""
        return self.observed_us > 0

    @cached_property
    def observed_us(self) -> int:
        """Observed time."""
        return self.total("observed_us")

    @cached_property
    def scheduled_us(self) -> int:
        """Time in which the site is watched."""
        return self.total("scheduled_us")

    def total(self, field: str) -> int:
        """Return the sum of a field over the segments."""
        return sum(getattr(segment, field) for segment in self.segments)

    def visits(self, zone: int) -> list[VisitEvents]:
        """Return the visits of a zone, by number, that ended in the window."""
        return [visit for segment in self.segments for visit in segment.visits if visit.zone == zone]

    @property
    def observed_s(self) -> float:
        """Observed time in seconds."""
        return self.observed_us / SECOND_US

    @cached_property
    def audit(self) -> Audit | None:
        """The audit of the camera or group; None without one, or of another model or geometry."""
        return None if audit_fault(self.camera, self.site.cameras, self.model) else self.camera.audit

    def samples(self, measure: Measure) -> Samples | None:
        """Return the audit's samples of a measure."""
        return getattr(self.audit, measure, None)

    def interval_of_sum(self, measure: Measure, counted: int | None) -> tuple[int | None, int | None]:
        """Return the ends of the interval of a count at one place; None without samples."""
        samples = self.samples(measure)
        return interval_of_sum(errors_of(samples) if samples else None, counted, self.observed_s)

    def interval_of_total(self, measure: Measure, counted: int | None) -> tuple[int | None, int | None]:
        """Return the ends of the interval of a count at all places together; None without samples."""
        samples = self.samples(measure)
        return interval_of_sum(errors_of_totals(samples) if samples else None, counted, self.observed_s)

    def interval_of_mean(
        self, measure: Measure, value: float | None, place: int, times: float = 1
    ) -> tuple[float | None, float | None]:
        """Return the ends of the interval of so many times a mean at a place, by number; None without samples."""
        return interval_of_mean(self._mean_errors(measure), value, place, self.observed_s, times)

    def interval_of_peak(self, number: int | None, place: int) -> tuple[int | None, int | None]:
        """Return the ends of the interval of how many are at a place at one moment; None without samples."""
        return interval_of_peak(self._mean_errors("peaks"), number, place)

    def _mean_errors(self, measure: Measure) -> MeanErrors | None:
        samples = self.samples(measure)
        return mean_errors_of(samples) if samples else None

    def head(self) -> dict[str, Any]:
        """Return the fields that all of the window's records share."""
        window = self.window
        return {
            "schema_version": RECORD_VERSION,
            "pipeline_version": PIPELINE_VERSION,
            "model": self.model,
            "site": self.site.site,
            "site_version": self.site.site_version,
            "group": self.segments[0].group,
            "camera": self.camera.name,
            "window_start": window.start_us,
            "window_end": window.end_us,
            "window_size_seconds": window.size_us // SECOND_US,
            "window_seconds": (window.end_us - window.start_us) // SECOND_US,
            "revision": self.segments[-1].revision,
            "coverage": round(self.observed_us / self.scheduled_us, 6),
            "observed_ms": self.observed_us // 1000,
            "scheduled_ms": self.scheduled_us // 1000,
            "suppressed": False,
        }
