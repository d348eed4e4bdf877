"""An audit in the site file: what a person counted in some clips of a camera or group, beside what the job counted."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from schemas.fields import ModelPrefix, wrong

Measure = Literal["crossings", "occupancy", "peaks", "waiting", "visits", "transitions", "walking", "presence"]

MEANS: tuple[Measure, ...] = ("occupancy", "waiting", "walking", "presence")
"""Those that are means over time; all others are whole numbers of people."""

GEOMETRY_DIGITS = 12

_Value = Annotated[FiniteFloat, Field(ge=0, le=1_000_000)]
_Number = Annotated[int, Field(ge=0, le=1_000_000)]


Digest = Annotated[str, Field(pattern=f"^[0-9a-f]{{{GEOMETRY_DIGITS}}}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Samples(_Part):
    """What was counted, and what was there, in one place and stretch of time each."""

    seconds: Annotated[FiniteFloat, Field(gt=0, le=86_400)]
    """Mean length of the stretches, in seconds."""

    samples: Annotated[tuple[tuple[_Value, _Value], ...], Field(min_length=1, max_length=10_000)]
    """[counted, true], one each."""

    at: Annotated[tuple[tuple[_Number, _Number], ...], Field(min_length=1, max_length=10_000)] | None = None
    """[window, place] of each sample: windows that follow at once have numbers that do, and a zone's place is its
    number among those that the measure is of: the zones counted in, and of `waiting` the queues. With it means are told
    by their places, and intervals of totals and of longer means are as narrow as they can be."""

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if self.at is not None and not len(set(self.at)) == len(self.at) == len(self.samples):
            raise wrong("must be as many as samples, and no two the same", "at")
        return self


class Audit(_Part):
    """How far the truth was from what a camera, or a group of them, counted; `silhouette audit` writes it."""

    model: ModelPrefix
    """First 12 hexadecimal digits of the sha256 of the model that counted: the audit says nothing of another."""

    geometry: Digest | None = None
    """First 12 hexadecimal digits of the sha256 of the camera's lines, zones, masks, reach and fps, or of the group's
    zones, tolerance and cameras: the audit says nothing of others. Left out, it is taken to be of any."""

    ground: Digest | None = None
    """The same of the camera's ground: walking says nothing of another. A group's geometry has it."""

    crossings: Samples | None = None
    """People who crossed a line in one direction."""

    occupancy: Samples | None = None
    """Mean number of people in a zone."""

    peaks: Samples | None = None
    """Most people in a zone at one moment."""

    waiting: Samples | None = None
    """Mean number of people in a queue for longer than its entry grace."""

    visits: Samples | None = None
    """Visits of a zone that ended with the departure."""

    transitions: Samples | None = None
    """People who went from one zone to another."""

    walking: Samples | None = None
    """Mean number of people who walk in a zone, where the camera is calibrated."""

    presence: Samples | None = None
    """Mean number of people in the picture, where they count."""

    @field_validator("crossings", "peaks", "visits", "transitions")
    @classmethod
    def _whole(cls, found: Samples | None) -> Samples | None:
        for index, pair in enumerate(found.samples if found else ()):
            if any(value != int(value) for value in pair):
                raise wrong(f"must be whole numbers of people: only {', '.join(MEANS)} are means", "samples", index)
        return found
