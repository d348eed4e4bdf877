"""The site file: what a site's cameras look at, what is counted there, when, for whom and for how long.

One pydantic model is the contract, the checker and the source of the published JSON Schema,
`site.schema.json` (`python -m schemas.site > schemas/site.schema.json`). Both describe the written form:
durations as `15m`, times of day as `08:00`, points as `[x, y]`. A checked site holds microseconds, minutes
and normalised points in tuples, and can be hashed and pickled.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    FiniteFloat,
    PositiveInt,
    field_validator,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas.audit import Audit
from schemas.fields import (
    DAY_MINUTES,
    MINUTE_US,
    WEEKDAYS,
    Days,
    Duration,
    Hours,
    Name,
    PlaceName,
    Point,
    Polygon,
    Text,
    TimeOfDay,
    TimeZone,
    ascending,
    within,
    written,
    wrong,
)
from schemas.floor import Ground, Group, check_groups
from schemas.least import K, LeastCounts
from schemas.parts import Named, Part, Zone, unique_names

_WEEK_MINUTES = 7 * DAY_MINUTES
_Cells = Annotated[int, Field(ge=0, le=256)]


REFERENCE_COLUMNS, REFERENCE_ROWS = 16, 12
"""Blocks of a reference: coarse enough to hold nothing of a person, fine enough to notice a turned camera."""

REFERENCE_LENGTH = REFERENCE_COLUMNS * REFERENCE_ROWS


class Opening(Part):
    """Hours at which the site is watched on some days of the week."""

    days: Days
    """A day, as sat, or a range of days, as mon-fri."""

    hours: Hours
    """Local time from and until, as 08:00-20:00. One that ends before it begins ends on the next day."""


_LEAST_LENGTH = 1e-3
"""Of a line, along the side of the picture or in pixels: what is shorter was not drawn."""


class Directions(Part):
    """Names of a line's two directions, for somebody who looks along it from `a` to `b`, on the screen."""

    to_right: Name = "to_right"
    """Crossing from the left-hand side to the right-hand side, where (b-a) x (p-a) > 0 (x right, y down)."""

    to_left: Name = "to_left"
    """Crossing from the right-hand side to the left-hand side."""

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.to_right == self.to_left:
            raise wrong("both directions have the same name: give each its own, as in and out", "to_left")
        return self


class Line(Named):
    """A line on the floor; whoever's foot point crosses it between `a` and `b` is counted, by direction."""

    a: Point
    """Where the line begins, [x, y]."""

    b: Point
    """Where the line ends, [x, y]."""

    directions: Directions = Directions()
    """Names of the two directions."""

    dead_band: Annotated[FiniteFloat, Field(ge=0, le=0.5)] = 8 / 576
    """Distance from the line within which a foot point is on neither side, in picture heights."""

    dead_band_share: Annotated[FiniteFloat, Field(ge=0, le=0.5)] = 0.08
    """The same, as a share of the person's height in the picture, with which the tremble of a box grows; whichever is
    wider holds."""

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if max(abs(one - other) for one, other in zip(self.a, self.b, strict=True)) < _LEAST_LENGTH:
            raise wrong("is the same point as a: draw the line from one end of the passage to the other", "b")
        return self


class Camera(Named):
    """A camera, by the name in its clips' envelopes, and what is drawn on its picture.

    Points are held normalised, however they are written.
    """

    name: PlaceName
    """Name in records; no other camera or group may have it."""

    units: Literal["normalised", "pixels"] = Field(default="normalised", exclude=True)
    """How points are written: as shares of the picture's width and height, or in pixels of `size`."""

    size: tuple[PositiveInt, PositiveInt] | None = Field(default=None, exclude=True)
    """Width and height in pixels of the picture on which points in pixels were drawn."""

    fps: Annotated[FiniteFloat, Field(ge=1, le=120)] | None = None
    """Frames a second to look at; every frame if left out. With fewer than one nobody can be followed."""

    model: Text = "person"
    """Name of a model card, or the path of one."""

    masks: tuple[Polygon, ...] = ()
    """Privacy masks: blanked in every frame before anything looks at it."""

    reach: Polygon | None = None
    """Where the camera sees people reliably; foot points outside count nothing. By default everywhere."""

    heatmap: tuple[_Cells, _Cells] = (16, 9)
    """Columns and rows of the heatmap's grid; [0, 0] for none."""

    ground: Ground | None = None
    """How the picture lies on the floor; with it, speed and direction are told for the camera's zones."""

    reference: tuple[FiniteFloat, ...] | None = Field(
        default=None, min_length=REFERENCE_LENGTH, max_length=REFERENCE_LENGTH
    )
    """Strength of edges in each block of the picture as it should be, row by row, by which blurred and moved
    pictures are told; `silhouette reference` prints it."""

    audit: Audit | None = None
    """What a person counted in some clips, beside what the job counted: from it records have error intervals;
    `silhouette audit` writes it."""

    zones: Annotated[tuple[Zone, ...], AfterValidator(unique_names)] = ()
    """Parts of the floor to count in, or to leave out."""

    lines: Annotated[tuple[Line, ...], AfterValidator(unique_names)] = ()
    """Lines to count crossings of."""

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not {"units", "size"} & data.keys():
            return data
        if data.get("units") != "pixels":
            if "size" in data:
                raise wrong("has no effect on normalised points: say `units: pixels` or leave it out", "size")
            return data
        try:
            width, height = map(int, data["size"])
        except (KeyError, TypeError, ValueError):
            width = height = 0
        if min(width, height) < 1:
            raise wrong("must be the picture's width and height in pixels, as in [1920, 1080]", "size")
        return _scale(data, width, height)

    @field_validator("heatmap")
    @classmethod
    def _grid(cls, heatmap: tuple[int, int]) -> tuple[int, int]:
        if min(heatmap) == 0 < max(heatmap):
            raise wrong("must be columns and rows, as in [16, 9], or [0, 0] for no heatmap")
        return heatmap


_DRAWN = ("masks", "reach", "zones", "lines", "polygon", "a", "b", "ground", "points")


def _scale(drawn: Any, width: int, height: int) -> Any:
    """Divide each `[x, y]` of what is drawn; what holds no numbers is left for the fields to refuse."""
    match drawn:
        case {**keys}:
            return {k: _scale(v, width, height) if k in _DRAWN else v for k, v in keys.items()}
        case [str() | int() | float() as x, str() | int() | float() as y]:
            try:
                return [float(x) / width, float(y) / height]
            except ValueError:
                return drawn
        case [*items]:
            return [_scale(item, width, height) for item in items]
    return drawn


class Site(Part):
    """A place that is watched by one or more cameras, under one controller."""

    site: PlaceName
    """Name of the site, in every record; as in the envelopes of its clips."""

    site_version: PositiveInt
    """Raise it with every change that changes records: of this file, the models or the limits."""

    time_zone: TimeZone
    """IANA time zone by which days begin and the schedule runs."""

    day_start: TimeOfDay = written("00:00")
    """Local time at which the site's day begins and occupancy starts again from nothing."""

    schedule: Annotated[tuple[Opening, ...], Field(min_length=1)] | None = None
    """When the site is watched; nothing outside it is processed. Always if left out."""

    lateness: Annotated[Duration, within("0s", "30d")] = written("1h")
    """How late a clip may come and still be counted by the running job."""

    raw_retention: Annotated[Duration, within("0s", "3650d")] | None = None
    """How long clips may be kept anywhere before the job or beside it."""

    controller: Text | None = None
    """Who is responsible for the processing."""

    contact: Text | None = None
    """Where people can turn to with questions and to use their rights."""

    purposes: tuple[Text, ...] = ()
    """What the counts are for."""

    legal_basis: Text | None = None
    """On what legal basis the pictures are processed."""

    recipients: tuple[Text, ...] = ()
    """Who gets the counts."""

    windows: Annotated[
        tuple[Annotated[Duration, within("1s", "1d")], ...],
        Field(min_length=1, max_length=20),
        AfterValidator(ascending),
    ] = written(("1m", "15m"))
    """Lengths of the windows for which records are written, in whole seconds, short ones first."""

    k: K = LeastCounts()
    """Least number of visits or passages behind a published cell; one with fewer is suppressed, and others with it, so
    that it cannot be computed back. A number is that of dwell, flow, heatmap and movement. With keys each family has
    its own, as in {dwell: 5, footfall: 10}; 1 is off."""

    cameras: Annotated[tuple[Camera, ...], Field(min_length=1), AfterValidator(unique_names)]
    """The site's cameras."""

    groups: Annotated[tuple[Group, ...], AfterValidator(unique_names)] = ()
    """Cameras that look at one floor and share zones of it; every other camera stands alone."""

    @model_validator(mode="after")
    def _groups_hold(self) -> Self:
        check_groups(self.groups, self.cameras)
        return self

    @field_validator("windows")
    @classmethod
    def _whole_seconds(cls, windows: tuple[int, ...]) -> tuple[int, ...]:
        # The job counts in segments that divide every window; of a millisecond there would be millions.
        for index, window_us in enumerate(windows):
            if window_us % 1_000_000:
                raise wrong("must be a whole number of seconds", index)
        return windows

    @field_validator("schedule")
    @classmethod
    def _no_overlap(cls, schedule: tuple[Opening, ...] | None) -> tuple[Opening, ...] | None:
        watched: set[int] = set()
        for index, opening in enumerate(schedule or ()):
            for day in opening.days:
                start, end = (day * DAY_MINUTES + minute for minute in opening.hours)
                minutes = {minute % _WEEK_MINUTES for minute in range(start, end)}
                if watched & minutes:
                    raise wrong(f"overlaps an earlier entry on {WEEKDAYS[day]}: name each time once", index)
                watched |= minutes
        return schedule

    @model_validator(mode="after")
    def _windows_nest(self) -> Self:
        """With `k` a longest window is released with all that lie in it."""
        for index, (shorter, longer) in enumerate(pairwise(self.windows)):
            if longer % shorter and not self.k.is_off:
                message = (
                    "must be a multiple of the size before it, for k holds in all sizes together; mend it, or k: 1"
                )
                raise wrong(message, "windows", index + 1)
        return self

    @property
    def segment_us(self) -> int:
        """Length of the segments that the job counts in: the longest dividing a minute and all windows."""
        return math.gcd(MINUTE_US, *self.windows)


def site_digest(site: Site) -> str:
    """Return the SHA-256 of all that a site says, defaults included, however its file is laid out."""
    said = json.dumps(site.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()


class _FileSchema(GenerateJsonSchema):
    """JSON Schema without what a file cannot say: a key is left out, never null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def site_schema() -> dict[str, Any]:
    """Return the JSON Schema of the site file, in its written form."""
    schema = Site.model_json_schema(schema_generator=_FileSchema)
    return {"$schema": GenerateJsonSchema.schema_dialect} | schema


if __name__ == "__main__":
    json.dump(site_schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
