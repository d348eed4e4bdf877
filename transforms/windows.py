"""Windows of a site day, and when segments make a whole one.

A window is written only when its segments agree with one another, so that no (`site_version`, `revision`) ever
stands for two values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transforms.events import PlaceEvents


@dataclass(frozen=True)
class Window:
    """One window of a camera's site day.

    Attributes:
      size_us: The size of windows it belongs to.
      start_us: Start, UTC microseconds.
      end_us: End, exclusive; earlier than start plus size where the site day ends.
    """

    size_us: int
    start_us: int
    end_us: int


def agreeing(window: Window, segments: Iterable[PlaceEvents]) -> list[PlaceEvents] | None:
    """Return the window's segments in order, each at its highest revision; None while they do not agree.

    They agree when they cover the window and each one's running number of clips is the one before plus its own.
    """
    latest: dict[int, PlaceEvents] = {}
    for segment in segments:
        held = latest.get(segment.start_us)
        if held is None or segment.revision > held.revision:
            latest[segment.start_us] = segment
    ordered = [latest[start] for start in sorted(latest)]
    reached, revision = window.start_us, None
    for segment in ordered:
        if segment.start_us != reached or revision not in (None, segment.revision - segment.clips):
            return None
        reached, revision = segment.end_us, segment.revision
    return ordered if reached == window.end_us else None


def agreeing_places(window: Window, segments: Iterable[PlaceEvents], places: Sequence[str]) -> list[list[PlaceEvents]]:
    """Return the agreeing segments of each place of a group; nothing while not all agree on one revision.

    Args:
      window: The window.
      segments: Those of all places of the group.
      places: Names of its cameras, and its own where these share a floor.
    """
    by_place: dict[str, list[PlaceEvents]] = {place: [] for place in places}
    for segment in segments:
        by_place[segment.camera].append(segment)
    agreed = [found for own in by_place.values() if (found := agreeing(window, own)) is not None]
    whole = len(agreed) == len(by_place) and len({own[-1].revision for own in agreed}) == 1
    return agreed if whole else []
