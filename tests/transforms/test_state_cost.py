"""What tracking keeps, and what a clip costs: bounded by lateness, gone after it, and no more for a longer one."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.recorded import CLIP_US
from benchmarks.state_cost import DAY_US, DISORDER_US, Day, backlog_bytes, kept_us, on_time_bytes
from schemas.clock import SECOND_US
from schemas.site import Site
from tests.support.world import T0, a_clip, a_site, stander
from transforms.detections import ClipDetections
from transforms.kept import INTERVALS, save_every_us
from transforms.track import GATHER_US

MINUTE_US = 60 * SECOND_US
PEOPLE = [stander(0.3 + 0.3 * number, 0.8, 0, 10) for number in range(5)]
SEEN = [a_clip(0, 10, PEOPLE, fps=0.2)]
"""Few frames: what is told apart here is how often a clip is read and written, not how large it is."""


def site_of(lateness: str) -> Site:
    return a_site(lateness=lateness)


def in_state(day: Day) -> tuple[list[ClipDetections], list[Any]]:
    """Return the clips and the scenes that are kept for late clips."""
    cells = day.driven.cells(day.key)
    clips = [each for name, cell in cells.items() if name.startswith("kept") for each in cell.values()]
    return clips, cells["saved"].values()


def test_a_clip_in_time_costs_no_more_where_lateness_is_longer() -> None:
    assert on_time_bytes(site_of("3h"), SEEN) <= 1.2 * on_time_bytes(site_of("15m"), SEEN)


def test_a_clip_of_a_long_backlog_costs_hardly_more_than_one_of_a_short_one() -> None:
    site = site_of("1h")
    short, long = (backlog_bytes(site, SEEN, minutes * MINUTE_US) for minutes in (45, 135))
    assert long <= 1.5 * short


@pytest.mark.parametrize("lateness", ["0s", "10m", "17m"])
def test_nothing_is_kept_for_longer_than_lateness_and_three_intervals(lateness: str) -> None:
    site = site_of(lateness)
    day = Day(site, SEEN)
    oldest_us = 0
    while day.reached_us < 2 * kept_us(site):
        day.run(day.reached_us + MINUTE_US)
        clips, scenes = in_state(day)
        now_us = T0 + day.reached_us - DISORDER_US
        assert len({clip.start_us for clip in clips}) == len(clips)
        ends_us = [clip.end_us for clip in clips] + [scene.until_us for scene in scenes]
        oldest_us = max([oldest_us, *(now_us - end_us for end_us in ends_us)])
        # All that lateness asks for is there, and the scene before it.
        assert not scenes or min(scene.until_us for scene in scenes) <= max(T0, now_us - site.lateness)
    assert site.lateness + save_every_us(site) < oldest_us <= kept_us(site)


def test_late_clips_end_with_the_tracklets_of_clips_in_time_also_when_all_bags_were_used_again() -> None:
    """Some come when lateness is almost over, and one of these twice."""
    site = site_of("10m")
    seen = [a_clip(0, 10, PEOPLE[:1], fps=1)]
    border_us = (INTERVALS + 1) * save_every_us(site)
    late = range((border_us - MINUTE_US) // CLIP_US, (border_us + MINUTE_US) // CLIP_US, 3)
    begin_us, end_us = late[0] * CLIP_US, late[-1] * CLIP_US + 10 * MINUTE_US
    in_time, spooled = Day(site, seen), Day(site, seen)
    expected = in_time.run(end_us)
    found = spooled.run(begin_us + site.lateness, late)
    for number in [*late, late[0]]:
        spooled.deliver(number)
    found += spooled.run(end_us, late)
    assert {each.segment.start_us: each for each in found} == {each.segment.start_us: each for each in expected}
    assert len(found) > len(expected)


def test_the_day_is_gone_once_it_and_its_lateness_are_over() -> None:
    site = site_of("1h")
    day = Day(site, SEEN)
    day.driven.advance(T0 + DAY_US - 2 * site.lateness)
    day.reached_us = DAY_US - 2 * site.lateness
    day.run(DAY_US)
    sizes = []
    for now_us in range(DAY_US, DAY_US + site.lateness, save_every_us(site)):
        day.driven.advance(T0 + now_us)
        clips, _ = in_state(day)
        assert all(T0 + now_us - clip.end_us <= kept_us(site) for clip in clips)
        sizes.append(len(clips))
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < sizes[0]
    day.driven.advance(T0 + DAY_US + site.lateness + GATHER_US)
    assert {name: cell.values() for name, cell in day.driven.cells(day.key).items() if cell.size} == {"begun": [False]}
