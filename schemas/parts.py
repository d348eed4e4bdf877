"""The parts of a site file that others are made of: what has a name, and zones."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.fields import Duration, Name, Polygon, ascending, within, written, wrong


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Named(Part):
    name: Name
    """Name in records; no other of its kind may have it."""


NamedT = TypeVar("NamedT", bound=Named)


def unique_names(parts: tuple[NamedT, ...]) -> tuple[NamedT, ...]:
    seen: set[str] = set()
    for index, part in enumerate(parts):
        if part.name in seen:
            raise wrong(f"the name {part.name} is taken by an earlier one: choose another", index, "name")
        seen.add(part.name)
    return parts


class Zone(Named):
    """A part of the floor; somebody is in it whose foot point is."""

    kind: Literal["area", "queue", "staff", "static"]
    """area: occupancy and dwell are counted. queue: its length and the wait as well. staff: whoever stands in
    it is followed, and left out of every number while there; lines count nothing inside it. static: a spot where
    the detector sees a person who is none; detections with their foot point in it are ignored."""

    polygon: Polygon
    """Corners, [[x, y], …], three or more."""

    dwell_bins: Annotated[
        tuple[Annotated[Duration, within("1s", "1d")], ...],
        Field(min_length=1, max_length=50),
        AfterValidator(ascending),
    ] = written(("10s", "30s", "1m", "2m", "5m", "10m", "30m"))
    """Lengths of stay that part one bin of the dwell histogram from the next; area and queue only."""

    entry_grace: Annotated[Duration, within("0s", "10m")] = written("1s")
    """How long somebody must be inside before it counts as a visit; area and queue only."""

    exit_grace: Annotated[Duration, within("0s", "10m")] = written("2s")
    """How long somebody may be outside or out of sight before the visit has ended. Who was lost inside, away from the
    picture's edge, is taken up by whoever is next first seen there; of those out of sight for 2 s or less the tracker
    knows who is who. Make it no longer than that where people come and go by a door inside the zone. Area and queue
    only."""

    @model_validator(mode="after")
    def _keys_have_effect(self) -> Self:
        if self.kind in ("staff", "static"):
            for key in sorted(self.model_fields_set - {"name", "kind", "polygon"}):
                raise wrong(f"has no effect in a zone of kind {self.kind}: leave it out", key)
        return self
