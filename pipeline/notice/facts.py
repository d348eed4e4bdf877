"""What a site's notice and assessment may say: read from the site file and the evidence, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from schemas.clock import SECOND_US
from schemas.evidence import DayPack
from schemas.fields import WEEKDAYS, write_hours
from schemas.floor import Group
from schemas.least import BY_DEFAULT
from schemas.records import FAMILIES
from schemas.seals import Holding, RetentionPack
from schemas.site import Camera, Site
from transforms.layout import counted_zones, is_calibrated
from transforms.tally import bound_at

STATED = ("controller", "contact", "purposes", "legal_basis", "recipients", "raw_retention")
"""Keys of the site file that may not be left blank."""


@dataclass(frozen=True)
class SiteFacts:
    """What is known of a site's processing.

    Attributes:
      site: The site file.
      retention_s: How long the site file lets clips be kept anywhere.
      shortest_s: Length of the shortest window.
      lateness_s: How late a clip may be counted.
      families: Families of records that are written, in the order of `FAMILIES`.
      k: Least number behind a published cell in each family that has a `k` by default; 1: some is given in full.
      masked: Whether any part of any picture is blanked first.
      hours: When the site is watched, as (days, hours) in its local time; empty: always.
      redaction: Which redacted video there is; None where no evidence says.
      redacted: Redacted clips that were written, by the evidence, their frames, and those of them covered whole.
      days: How many days of evidence were read.
      pixels_gone_s: 99 of 100 live clips had left the job's memory after so long; None where no live job tells.
      geometry_gone_s: Likewise their boxes.
      checked: Date of the last look at the place that keeps clips and was not looked at for longest; None for no look.
      excess: What keeps them longer than the site file says, has no bound, or could not be looked at, as last found.
      places: How many places were looked at.
    """

    site: Site
    retention_s: float
    shortest_s: float
    lateness_s: float
    families: tuple[str, ...]
    k: int
    masked: bool
    hours: tuple[tuple[str, str], ...]
    redaction: str | None
    redacted: tuple[int, int, int]
    days: int
    pixels_gone_s: float | None
    geometry_gone_s: float | None
    checked: str | None
    excess: tuple[Holding, ...]
    places: int

    @property
    def video(self) -> bool | None:
        """Whether redacted video leaves the job; None where no evidence says."""
        return None if self.redaction is None else self.redaction != "off"


def site_facts(site: Site, packs: Iterable[DayPack | RetentionPack]) -> SiteFacts:
    """Return what is known of a site, whose blanks are filled in.

    Args:
      site: The site file.
      packs: Its evidence; none where there is none yet.
    """
    assert site.raw_retention is not None
    packs = list(packs)
    days = [pack for pack in packs if isinstance(pack, DayPack)]
    live = [pack for pack in days if pack.made_with is not None and pack.made_with.source == "subscription"]
    places = standing(pack for pack in packs if isinstance(pack, RetentionPack))
    redactions = {pack.made_with.redaction for pack in days if pack.made_with is not None}
    return SiteFacts(
        site=site,
        retention_s=site.raw_retention / SECOND_US,
        shortest_s=min(site.windows) / SECOND_US,
        lateness_s=site.lateness / SECOND_US,
        families=_families(site),
        k=min(getattr(site.k, family) for family in BY_DEFAULT),
        masked=any(camera.masks for camera in site.cameras),
        hours=_hours(site),
        redaction=", ".join(sorted(redactions - {"off"} or redactions)) or None,
        redacted=_redacted(days),
        days=len({pack.date for pack in days}),
        pixels_gone_s=_p99(live, "capture_to_pixels_gone"),
        geometry_gone_s=_p99(live, "capture_to_geometry_gone"),
        checked=min((each.checked[:10] for each in places), default=None),
        excess=tuple(each.holding for each in places if each.holding.verdict != "within"),
        places=len(places),
    )


class Seen(NamedTuple):
    """A place that keeps clips, when it was looked at, and which topics were by the same look."""

    holding: Holding
    checked: str
    topics: frozenset[str]


def standing(looks: Iterable[RetentionPack]) -> list[Seen]:
    """Return each place as it was looked at last: no look, that at the end of a run least of all, is at all of them.

    What hangs on topics is told by whoever looks at them, so what a later look at the same topics no longer finds is
    gone. Of any other place nobody tells that, and it stands as it was found.
    """
    seen: dict[tuple[str, str], Seen] = {}
    for look in sorted(looks, key=lambda look: look.checked):
        topics = frozenset(each.name for each in look.holdings if each.kind == "topic")
        seen = {key: each for key, each in seen.items() if not each.topics or not each.topics <= topics}
        for each in look.holdings:
            hangs = each.kind not in ("spool", "archive", "checkpoints")
            seen[each.kind, each.name] = Seen(each, look.checked, topics if hangs else frozenset())
    return list(seen.values())


def _redacted(days: Iterable[DayPack]) -> tuple[int, int, int]:
    told = [pack.redacted for pack in days if pack.redacted is not None]
    return sum(each.clips for each in told), sum(each.frames for each in told), sum(each.whole for each in told)


def _families(site: Site) -> tuple[str, ...]:
    """Return which families `transforms.metrics.records` has something to write of; a test holds them equal."""
    places: tuple[Camera | Group, ...] = (*site.cameras, *site.groups)
    zones = [counted_zones(place) for place in places]
    there = {
        "footfall": any(place.lines for place in places),
        "occupancy": any(zones),
        "dwell": any(zones),
        "queue": any(zone.kind == "queue" for own in zones for zone in own),
        "flow": any(len(own) > 1 for own in zones),
        "heatmap": any(min(place.heatmap) for place in places),
        "movement": any(own and is_calibrated(place) for place, own in zip(places, zones, strict=True)),
        "camera_health": True,
    }
    return tuple(family for family in FAMILIES if there[family])


def _hours(site: Site) -> tuple[tuple[str, str], ...]:
    return tuple(
        (", ".join(WEEKDAYS[day] for day in opening.days), write_hours(opening.hours))
        for opening in site.schedule or ()
    )


def _p99(packs: Iterable[DayPack], name: str) -> float | None:
    counts: dict[float, int] = {}
    for pack in packs:
        if pack.arrival is not None:
            for bucket in getattr(pack.arrival, name).buckets:
                counts[bucket.at_most_seconds] = counts.get(bucket.at_most_seconds, 0) + bucket.count
    return bound_at(counts, 0.99)
