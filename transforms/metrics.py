"""From the place events of one window's segments to its metric records: pure sums, in whole microseconds.

No data (coverage 0) is null, nobody is 0. Intervals are by the audit's measure of what a count or time is one of.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from schemas.clock import SECOND_US
from schemas.parts import Zone
from schemas.records import CameraHealth, Dwell, Flow, Footfall, Heatmap, MetricRecord, Movement, Occupancy, Queue
from schemas.site import Camera
from transforms.events import FLAWS, walked
from transforms.layout import counted_zones, is_calibrated, queue_zones
from transforms.mean_errors import ANYWHERE
from transforms.picture import Flaw
from transforms.stays import Stays
from transforms.walks import SECTORS
from transforms.window_events import WindowEvents

TOTAL = -1
"""Number of the bin, column or row of a total."""
ANY_ZONE = "*"
"""Stands for the zones in a total of transitions; no zone can have this name."""
ALL_WAYS = "TOTAL"
"""Stands for the direction in a total of movement."""


def records(events: WindowEvents) -> Iterator[MetricRecord]:
    """Yield all records of a window; none where the site is not watched at all in it."""
    if events.scheduled_us == 0:
        return
    yield from footfall(events)
    for number, zone in enumerate(counted_zones(events.camera)):
        yield occupancy(events, number, zone)
        yield from dwell(events, number, zone)
        if zone.kind == "queue":
            yield queue(events, number, zone)
    if len(counted_zones(events.camera)) > 1:
        yield from flow(events)
    if events.camera.heatmap != (0, 0):
        yield from heatmap(events)
    if is_calibrated(events.camera):
        for number, zone in enumerate(counted_zones(events.camera)):
            yield from movement(events, number, zone)
    if isinstance(events.camera, Camera):
        yield camera_health(events)


def footfall(events: WindowEvents) -> Iterator[Footfall]:
    """Yield one record a line and direction."""
    counts: Counter[tuple[int, int]] = Counter()
    for segment in events.segments:
        for crossed in segment.lines:
            counts[crossed.line, crossed.side] += crossed.count
    for number, line in enumerate(events.camera.lines):
        for side, direction in ((1, line.directions.to_right), (0, line.directions.to_left)):
            count = counts[number, side]
            value = count if events.has_data else None
            low, high = events.sureness.of_count("crossings", value)
            yield Footfall(
                **events.head(),
                line=line.name,
                direction=direction,
                count=value,
                n=count,
                count_low=low,
                count_high=high,
            )


def occupancy(events: WindowEvents, number: int, zone: Zone) -> Occupancy:
    """Return the record of one zone."""
    zones = [segment.zones[number] for segment in events.segments]
    person_us = sum(each.person_us for each in zones)
    open_visits = zones[-1].open_visits
    known = events.has_data
    mean = round(person_us / events.observed_us, 3) if known else None
    peak = max(each.peak for each in zones) if known else None
    low, high = events.sureness.of_mean("occupancy", mean, number)
    fewest, most = events.sureness.of_most(peak, number)
    return Occupancy(
        **events.head(),
        zone=zone.name,
        mean=mean,
        peak=peak,
        person_seconds=round(person_us / SECOND_US, 3) if known else None,
        open_visits=open_visits if known else None,
        n=open_visits + sum(visit.count for visit in events.visits(number)),
        mean_low=low,
        mean_high=high,
        peak_low=fewest,
        peak_high=most,
    )


def dwell(events: WindowEvents, number: int, zone: Zone) -> Iterator[Dwell]:
    """Yield one record a bin of the completed visits, and the totals of completed, censored and open ones."""
    visits = events.visits(number)
    completed, censored = Stays(visits, censored=False), Stays(visits, censored=True)
    edges = [0.0, *(edge / SECOND_US for edge in zone.dwell_bins), math.inf]
    known = events.has_data
    common = {**events.head(), "zone": zone.name}
    for bin_, (low, high) in enumerate(pairwise(edges)):
        inside = completed.within(low, high)
        value = inside if known else None
        fewest, most = events.sureness.of_part("visits", value)
        yield Dwell(
            **common,
            status="COMPLETED",
            bin=bin_,
            from_seconds=low,
            until_seconds=None if math.isinf(high) else high,
            visits=value,
            mean_seconds=None,
            p50_seconds=None,
            p90_seconds=None,
            n=inside,
            visits_low=fewest,
            visits_high=most,
        )
    open_visits = events.segments[-1].zones[number].open_visits
    for status, stays, count in (
        ("COMPLETED", completed, len(completed)),
        ("CENSORED", censored, len(censored)),
        ("OPEN", Stays((), censored=False), open_visits),
    ):
        # A visit that lost coverage cut short may end in a window without any.
        value = count if known or count else None
        fewest, most = _ends_of_total(events, number, status, value if known else None)
        yield Dwell(
            **common,
            status=status,
            bin=TOTAL,
            from_seconds=0.0,
            until_seconds=None,
            visits=value,
            mean_seconds=stays.mean,
            p50_seconds=stays.quantile(0.5),
            p90_seconds=stays.quantile(0.9),
            n=count,
            visits_low=fewest,
            visits_high=most,
        )


def _ends_of_total(events: WindowEvents, number: int, status: str, visits: int | None) -> tuple[int | None, int | None]:
    """Return the ends of the interval of a dwell total.

    Those that are open are so at one moment. Those that lost coverage or the day's end cut short measure nothing: none.
    """
    match status:
        case "COMPLETED":
            return events.sureness.of_count("visits", visits)
        case "OPEN":
            return events.sureness.of_moment(visits, number)
        case _:
            return None, None


def queue(events: WindowEvents, number: int, zone: Zone) -> Queue:
    """Return the record of one queue zone.

    A visit that is not seen is missed as it begins and as it ends: joined has the errors of visits that ended.
    """
    zones = [segment.zones[number] for segment in events.segments]
    waits = Stays(events.visits(number), censored=False)
    known = events.has_data
    left = len(waits) if known else None
    joined = sum(each.joined for each in zones) if known else None
    mean = round(sum(each.waiting_us for each in zones) / events.observed_us, 3) if known else None
    peak = max(each.waiting_peak for each in zones) if known else None
    left_low, left_high = events.sureness.of_count("visits", left)
    joined_low, joined_high = events.sureness.of_count("visits", joined)
    mean_low, mean_high = events.sureness.of_mean("waiting", mean, queue_zones(events.camera).index(zone))
    peak_low, peak_high = events.sureness.of_most(peak, number)
    return Queue(
        **events.head(),
        zone=zone.name,
        length_mean=mean,
        length_peak=peak,
        joined=joined,
        left=left,
        wait_mean_seconds=waits.mean,
        wait_p50_seconds=waits.quantile(0.5),
        wait_p90_seconds=waits.quantile(0.9),
        wait_max_seconds=waits.longest,
        n=len(waits) + zones[-1].open_visits,
        left_low=left_low,
        left_high=left_high,
        length_mean_low=mean_low,
        length_mean_high=mean_high,
        length_peak_low=peak_low,
        length_peak_high=peak_high,
        joined_low=joined_low,
        joined_high=joined_high,
    )


def flow(events: WindowEvents) -> Iterator[Flow]:
    """Yield one record a pair of zones with a transition, and the total."""
    names = [zone.name for zone in counted_zones(events.camera)]
    counts: Counter[tuple[int, int]] = Counter()
    for segment in events.segments:
        for each in segment.flows:
            counts[each.from_zone, each.to_zone] += each.count
    pairs = [(names[from_zone], names[to_zone], count) for (from_zone, to_zone), count in sorted(counts.items())]
    for from_zone, to_zone, count in [*pairs, (ANY_ZONE, ANY_ZONE, counts.total())]:
        value = count if events.has_data else None
        interval = events.sureness.of_total if from_zone == ANY_ZONE else events.sureness.of_count
        low, high = interval("transitions", value)
        yield Flow(
            **events.head(),
            from_zone=from_zone,
            to_zone=to_zone,
            count=value,
            n=count,
            count_low=low,
            count_high=high,
        )


def heatmap(events: WindowEvents) -> Iterator[Heatmap]:
    """Yield one record a non-zero cell, and the total.

    A cell is off as a zone of the camera is that nobody has counted in.
    """
    columns, rows = events.camera.heatmap
    person_us: Counter[int] = Counter()
    people: Counter[int] = Counter()
    passages: Counter[int] = Counter()
    for segment in events.segments:
        for cell in segment.cells:
            person_us[cell.cell] += cell.person_us
            people[cell.cell] = max(people[cell.cell], cell.people)
            # A passage that goes on from the segment before was counted there.
            passages[cell.cell] += cell.begun + (cell.people_before if segment is events.segments[0] else 0)
    # Of a passage that ended before the window, the last picture may stand for time in it.
    cells = [
        (cell % columns, cell // columns, us, max(people[cell], passages[cell], int(us > 0)))
        for cell, us in sorted(person_us.items())
    ]
    for column, row, us, n in [*cells, (TOTAL, TOTAL, person_us.total(), sum(n for *_, n in cells))]:
        value = round(us / SECOND_US, 3) if events.has_data else None
        if column == TOTAL:
            low, high = events.sureness.of_person_seconds("presence", value, 0)
        else:
            low, high = events.sureness.of_person_seconds("occupancy", value, ANYWHERE)
        yield Heatmap(
            **events.head(),
            cell_column=column,
            cell_row=row,
            columns=columns,
            rows=rows,
            person_seconds=value,
            n=n,
            person_seconds_low=low,
            person_seconds_high=high,
        )


def movement(events: WindowEvents, number: int, zone: Zone) -> Iterator[Movement]:
    """Yield one record a direction, and the total; a direction is off as a zone is that nobody has counted in."""
    ways = [walked(events.segments, number, sector) for sector in range(len(SECTORS))]
    total = tuple(sum(column) for column in zip(*ways, strict=True))
    for sector, (us, millimetres, n) in zip((*SECTORS, ALL_WAYS), (*ways, total), strict=True):
        value = round(us / SECOND_US, 3) if events.has_data else None
        place = number if sector == ALL_WAYS else ANYWHERE
        low, high = events.sureness.of_person_seconds("walking", value, place)
        yield Movement(
            **events.head(),
            zone=zone.name,
            sector=sector,
            person_seconds=value,
            metres=round(millimetres / 1000, 3) if events.has_data else None,
            metres_per_second=round(millimetres * 1000 / us, 3) if us else None,
            n=n,
            person_seconds_low=low,
            person_seconds_high=high,
        )


def camera_health(events: WindowEvents) -> CameraHealth:
    """Return the record of the camera itself."""
    frames = events.total("frames")

    def flawed(flaw: Flaw) -> int:
        position = FLAWS.index(flaw)
        return sum(segment.flaws_us[position] for segment in events.segments) // 1000

    return CameraHealth(
        **events.head(),
        frozen_ms=flawed(Flaw.FROZEN),
        dark_ms=flawed(Flaw.DARK),
        blurred_ms=flawed(Flaw.BLURRED),
        covered_ms=flawed(Flaw.COVERED),
        moved_ms=flawed(Flaw.MOVED),
        flawed_ms=events.total("flawed_us") // 1000,
        clips=events.total("own_clips"),
        bad_clips=events.total("bad_clips"),
        frames=frames,
        frames_left_out=events.total("frames_left_out"),
        n=frames,
    )
