"""The records that leave the job, as typed rows; each `.avsc` beside this file is the contract of one.

Instants are UTC microseconds, as the Avro logical type timestamp-micros holds them.
"""

from __future__ import annotations

from dataclasses import dataclass

from apache_beam import coders


@coders.registry.register_row
@dataclass(frozen=True)
class Footfall:
    """One row of `footfall.avsc`."""

    schema_version: int
    pipeline_version: str
    model: str
    site: str
    site_version: int
    group: str
    camera: str
    line: str
    direction: str
    window_start: int
    window_end: int
    window_size_seconds: int
    window_seconds: int
    revision: int
    coverage: float
    observed_ms: int
    scheduled_ms: int
    count: int | None
    n: int
    suppressed: bool
    count_low: int | None
    count_high: int | None


@coders.registry.register_row
@dataclass(frozen=True)
class Occupancy:
    """One row of `occupancy.avsc`."""

    schema_version: int
    pipeline_version: str
    model: str
    site: str
    site_version: int
    group: str
    camera: str
    zone: str
    window_start: int
    window_end: int
    window_size_seconds: int
    window_seconds: int
    revision: int
    coverage: float
    observed_ms: int
    scheduled_ms: int
    mean: float | None
    peak: int | None
    person_seconds: float | None
    open_visits: int | None
    n: int
    suppressed: bool
    mean_low: float | None
    mean_high: float | None
    peak_low: int | None
    peak_high: int | None


@coders.registry.register_row
@dataclass(frozen=True)
class Dwell:
    """One row of `dwell.avsc`."""

    schema_version: int
    pipeline_version: str
    model: str
    site: str
    site_version: int
    group: str
    camera: str
    zone: str
    status: str
    bin: int
    window_start: int
    window_end: int
    window_size_seconds: int
    window_seconds: int
    revision: int
    coverage: float
    observed_ms: int
    scheduled_ms: int
    from_seconds: float
    until_seconds: float | None
    visits: int | None
    mean_seconds: float | None
    p50_seconds: float | None
    p90_seconds: float | None
    n: int
    suppressed: bool
    visits_low: int | None
    visits_high: int | None


@coders.registry.register_row
@dataclass(frozen=True)
class Queue:
    """One row of `queue.avsc`."""

    schema_version: int
    pipeline_version: str
    model: str
    site: str
    site_version: int
    group: str
    camera: str
    zone: str
    window_start: int
    window_end: int
    window_size_seconds: int
    window_seconds: int
    revision: int
    coverage: float
    observed_ms: int
    scheduled_ms: int
    length_mean: float | None
    length_peak: int | None
    joined: int | None
    left: int | None
    wait_mean_seconds: float | None
    wait_p50_seconds: float | None
    wait_p90_seconds: float | None
    wait_max_seconds: float | None
    n: int
    suppressed: bool
    left_low: int | None
    left_high: int | None
    length_mean_low: float | None
    length_mean_high: float | None
    length_peak_low: int | None
    length_peak_high: int | None
    joined_low: int | None
    joined_high: int | None


@coders.registry.register_row
@dataclass(frozen=True)
class Flow:
    """One row of `flow.avsc`."""

    schema_version: int
    pipeline_version: str
    model: str
    site: str
    site_version: int
    group: str
    camera: str
    from_zone: str
    to_zone: str
    window_start: int
    window_end: int
    window_size_seconds: int
    window_seconds: int
    revision: int
    coverage: float
    observed_ms: int
    scheduled_ms: int
    count: int | None
    n: int
    suppressed: bool
    count_low: int | None
    count_high: int | None


@coders.registry.register_row
@dataclass(frozen=True)
class Heatmap:
    """One row of `heatmap.avsc`."""

    schema_version: int
    pipeline_version: str
    model: str
    site: str
    site_version: int
    group: str
    camera: str
    cell_column: int
    cell_row: int
    window_start: int
    window_end: int
    window_size_seconds: int
    window_seconds: int
    revision: int
    coverage: float
    observed_ms: int
    scheduled_ms: int
    columns: int
    rows: int
    person_seconds: float | None
    n: int
    suppressed: bool
    person_seconds_low: float | None
    person_seconds_high: float | None


@coders.registry.register_row
@dataclass(frozen=True)
class Movement:
    """One row of `movement.avsc`."""

    schema_version: int
    pipeline_version: str
    model: str
    site: str
    site_version: int
    group: str
    camera: str
    zone: str
    sector: str
    window_start: int
    window_end: int
    window_size_seconds: int
    window_seconds: int
    revision: int
    coverage: float
    observed_ms: int
    scheduled_ms: int
    person_seconds: float | None
    metres: float | None
    metres_per_second: float | None
    n: int
    suppressed: bool
    person_seconds_low: float | None
    person_seconds_high: float | None


@coders.registry.register_row
@dataclass(frozen=True)
class CameraHealth:
    """One row of `camera_health.avsc`."""

    schema_version: int
    pipeline_version: str
    model: str
    site: str
    site_version: int
    group: str
    camera: str
    window_start: int
    window_end: int
    window_size_seconds: int
    window_seconds: int
    revision: int
    coverage: float
    observed_ms: int
    scheduled_ms: int
    frozen_ms: int
    dark_ms: int
    blurred_ms: int
    covered_ms: int
    moved_ms: int
    flawed_ms: int
    clips: int
    bad_clips: int
    frames: int
    frames_left_out: int
    n: int
    suppressed: bool


@coders.registry.register_row
@dataclass(frozen=True)
class DeadLetter:
    """One row of `dead_letter.avsc`."""

    schema_version: int
    pipeline_version: str
    stage: str
    reason: str
    field: str
    site: str
    camera: str
    event_time: int | None
    bytes: int


MetricRecord = Footfall | Occupancy | Dwell | Queue | Flow | Heatmap | Movement | CameraHealth

FAMILIES: dict[str, type[MetricRecord]] = {
    "footfall": Footfall,
    "occupancy": Occupancy,
    "dwell": Dwell,
    "queue": Queue,
    "flow": Flow,
    "heatmap": Heatmap,
    "movement": Movement,
    "camera_health": CameraHealth,
}
"""The metric families by name: of the `.avsc` file, of the folder of its records, of the warehouse's function."""

DEAD_LETTER = "dead_letter"
