"""Which cameras are counted as one: the groups of a site file, and every other camera as a group of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.floor import Group
from schemas.site import Camera, Site


@dataclass(frozen=True)
class CameraGroup:
    """The unit of purity: cameras whose clips count together.

    Attributes:
      name: Its name in records; a camera's own where that stands alone.
      cameras: Its cameras, by rising name.
      shared: What they share; None for a camera alone.
    """

    name: str
    cameras: tuple[Camera, ...]
    shared: Group | None = None

    @property
    def places(self) -> tuple[Camera | Group, ...]:
        """Whatever records are about: each camera, and the floor that they share."""
        return (*self.cameras, self.shared) if self.shared else self.cameras


def groups_of(site: Site) -> Iterator[CameraGroup]:
    """Yield the groups of a site, in the order in which the site file has their first cameras."""
    told = set()
    for camera in site.cameras:
        group = group_of(site, camera.name)
        if group.name not in told:
            told.add(group.name)
            yield group


def group_of(site: Site, camera: str) -> CameraGroup:
    """Return the group that a camera of the site is in."""
    shared = next((group for group in site.groups if camera in group.cameras), None)
    names = (camera,) if shared is None else shared.cameras
    cameras = sorted((each for each in site.cameras if each.name in names), key=lambda each: each.name)
    return CameraGroup(camera if shared is None else shared.name, tuple(cameras), shared)


def group_named(site: Site, name: str) -> CameraGroup:
    """Return a group of the site by name."""
    return next(group for group in groups_of(site) if group.name == name)
