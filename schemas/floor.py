"""The floor in a site file: how a camera's picture lies on it, and zones that a group's cameras share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, FiniteFloat, field_validator, model_validator

from schemas import homography
from schemas.audit import Audit
from schemas.fields import Name, PlaceName, Point, wrong
from schemas.homography import Floats
from schemas.parts import Named, Part, Zone, unique_names
from schemas.polygons import fault

if TYPE_CHECKING:
    from schemas.site import Camera

MOST_POINTS = 12


def _simple(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    if message := fault(points):
        raise wrong(message)
    return points


_Metres = Annotated[FiniteFloat, Field(ge=-10_000, le=10_000)]
Place = tuple[_Metres, _Metres]
"""X and Y on the floor in metres, by axes of the operator's choice, the same for all cameras of a group."""

FloorPolygon = Annotated[tuple[Place, ...], Field(min_length=3, max_length=100), AfterValidator(_simple)]


class Ground(Part):
    """The floor under a camera: places that were found in its picture and measured on the floor, in one order.

    Four of which no three lie on one line; up to twelve, of which the best fit is taken.
    """

    points: Annotated[tuple[Point, ...], Field(min_length=4, max_length=MOST_POINTS)]
    """Where the places are in the picture, [[x, y], …]."""

    metres: Annotated[tuple[Place, ...], Field(min_length=4, max_length=MOST_POINTS)]
    """Where they are on the floor, [[X, Y], …] in metres."""

    @model_validator(mode="after")
    def _tell_the_floor(self) -> Self:
        if len(self.points) != len(self.metres):
            raise wrong(f"must be as many as points, {len(self.points)}: the same places in the same order", "metres")
        if found := homography.fault(self.points, self.metres):
            name, message, which = found
            raise wrong(message, name, *(() if which is None else (which,)))
        return self

    @property
    def to_floor(self) -> Floats:
        """The map from the picture, as shares of its width and height, to the floor."""
        return homography.fit(self.points, self.metres)

    @property
    def to_picture(self) -> Floats:
        """The map from the floor to the picture."""
        return homography.inverse(self.to_floor, np.array(self.points))


class FloorZone(Zone):
    """A part of the floor that several cameras look at; somebody is in it whose foot point is."""

    kind: Literal["area", "queue"]
    """area: occupancy and dwell are counted. queue: its length and the wait as well."""

    polygon: FloorPolygon
    """Corners on the floor, [[X, Y], …] in metres, three or more."""


class Group(Named):
    """Cameras that look at one floor and are counted as one: in its zones nobody is counted twice."""

    name: PlaceName
    """Name in records; no other camera or group may have it."""

    cameras: Annotated[tuple[Name, ...], Field(min_length=2, max_length=16)]
    """Names of the cameras, each with its `ground`."""

    zones: Annotated[tuple[FloorZone, ...], Field(min_length=1), AfterValidator(unique_names)]
    """The zones that they share."""

    tolerance: Annotated[FiniteFloat, Field(ge=0.2, le=3)] = 0.7
    """How far apart, in metres, two cameras may see the same person's feet."""

    audit: Audit | None = None
    """What a person counted in some clips of all cameras together, beside what the job counted: from it records of the
    shared zones have error intervals; `silhouette audit --group` writes it."""

    @field_validator("audit")
    @classmethod
    def _of_zones(cls, audit: Audit | None) -> Audit | None:
        for measure in ("crossings", "presence"):
            if getattr(audit, measure, None) is not None:
                raise wrong(
                    "is counted in a camera's own picture: of a group, occupancy, visits and transitions are", measure
                )
        return audit

    @property
    def lines(self) -> tuple[()]:
        """No lines: those are a camera's own."""
        return ()

    @property
    def heatmap(self) -> tuple[int, int]:
        """No heat map: that is over a camera's own picture."""
        return 0, 0


def check_groups(groups: tuple[Group, ...], cameras: tuple[Camera, ...]) -> None:
    """Refuse groups that their cameras cannot be.

    Raises:
      PydanticCustomError: it leads from the site to the part that is wrong.
    """
    known = {camera.name: camera for camera in cameras}
    taken: dict[str, str] = {}
    for index, group in enumerate(groups):
        at = "groups", index
        if group.name in known:
            raise wrong(f"the name {group.name} is a camera's: choose another", *at, "name")
        for position, name in enumerate(group.cameras):
            here = *at, "cameras", position
            if name not in known:
                raise wrong("is no camera of this site: name those under cameras", *here)
            if name in taken:
                raise wrong(f"is in group {taken[name]} already: a camera is in one group, once", *here)
            if known[name].ground is None:
                raise wrong(f"camera {name} has no ground: say where four places of its picture are", *here)
            taken[name] = group.name
        _check_together(group, [known[name] for name in group.cameras], at)


def _check_together(group: Group, cameras: list[Camera], at: tuple[str | int, ...]) -> None:
    first = cameras[0]
    grounds = [camera.ground for camera in cameras if camera.ground]
    for position, camera in enumerate(cameras):
        if camera.model != first.model:
            raise wrong(f"has another model than {first.name}: give a group's cameras one", *at, "cameras", position)
        mirrored = homography.is_mirrored(grounds[position].to_floor)
        if mirrored != homography.is_mirrored(grounds[0].to_floor):
            raise wrong(
                f"sees the floor mirrored, by the ground of {first.name}: measure X and Y along the same axes for both",
                *at, "cameras", position,
            )  # fmt: skip
    for number, zone in enumerate(group.zones):
        corners = np.array(zone.polygon)
        places = np.concatenate((corners, corners.mean(axis=0, keepdims=True)))
        seen = [homography.project(ground.to_picture, places) for ground in grounds]
        if not any(((each >= 0) & (each <= 1)).all(axis=1).any() for each in seen):
            raise wrong("lies outside the pictures of all cameras of the group", *at, "zones", number, "polygon")
