"""The segments of one window: what its records share, sums over the segments, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from schemas.clock import SECOND_US
from schemas.floor import Group
from schemas.geometry import used_audit
from schemas.site import Camera, Site
from schemas.versions import PIPELINE_VERSION, RECORD_VERSION
from transforms.events import PlaceEvents, VisitEvents
from transforms.sureness import Sureness
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
    def sureness(self) -> Sureness:
        """What tells the intervals of the values."""
        return Sureness(used_audit(self.camera, self.site.cameras, self.model), self.observed_s)

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
