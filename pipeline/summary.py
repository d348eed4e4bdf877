"""The summary of a run: what its records say, as tables a person can read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.table import Table

from pipeline.view import Row
from transforms.metrics import ANY_ZONE

_WORDS = ("direction", "from", "until", "to zone")

_SUPPRESSED = ("dwell", "movement")

NO_DATA = "no data"
SUPPRESSED = "suppressed"


def tables(records: Mapping[str, list[Row]]) -> Iterator[Table]:
    """Yield each site's tables; of it, records of one window size are summed up, so that nothing counts twice.

    That is the smallest size; for dwell, flow and all with suppressed cells, the largest that saw just the same.

    Args:
      records: The rows that stand, by family.
    """
    for site, sizes in sorted(_sizes(records["camera_health"]).items()):
        chosen = {}
        for family, rows in records.items():
            own = [row for row in rows if row["site"] == site]
            size = sizes[family in ("dwell", "flow") or any(row["suppressed"] for row in own)]
            chosen[family] = [row for row in own if row["window_size_seconds"] == size]
        yield _footfall(site, chosen["footfall"])
        yield _zones(site, chosen["occupancy"], chosen["dwell"])
        if chosen["queue"]:
            yield _queues(site, chosen["queue"], chosen["dwell"])
        if pairs := [row for row in chosen["flow"] if row["from_zone"] != ANY_ZONE]:
            yield _flows(site, pairs)
        if chosen["movement"]:
            yield _movement(site, chosen["movement"])
        yield _coverage(site, chosen["camera_health"])


def _sizes(health: Iterable[Row]) -> dict[str, tuple[int, int]]:
    """Return for each site its smallest window size, and the largest whose windows looked at the same frames."""
    frames: dict[str, dict[int, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in health:
        frames[row["site"]][row["window_size_seconds"]][row["camera"]] += row["frames"]
    sizes = {}
    for site, by_size in frames.items():
        smallest = min(by_size)
        sizes[site] = smallest, max(size for size in by_size if by_size[size] == by_size[smallest])
    return sizes


def _footfall(site: str, rows: list[Row]) -> Table:
    table = _table(f"Footfall, {site}", "camera", "line", "direction", "people")
    for names, group in _by(rows, "camera", "line", "direction"):
        table.add_row(*names, _people(group, "count"))
    return table


def _zones(site: str, occupancy: list[Row], dwell: list[Row]) -> Table:
    table = _table(
        f"Occupancy and dwell, {site}", "camera", "zone", "people, mean", "peak", "visits", "mean stay", "cut short"
    )
    stays = dict(_by(dwell, "camera", "zone"))
    for names, group in _by(occupancy, "camera", "zone"):
        known = [row for row in group if row["person_seconds"] is not None]
        observed = sum(row["observed_ms"] for row in known) / 1000
        persons = _sum(known, "person_seconds")
        peaks = [row["peak"] for row in known]
        totals = [row for row in stays.get(names, ()) if row["bin"] < 0]
        ended = [row for row in totals if row["status"] == "COMPLETED"]
        table.add_row(
            *names,
            f"{persons / observed:.2f}" if observed and persons is not None else _missing(group),
            str(max(peaks)) if peaks else _missing(group),
            _people(ended, "visits"),
            _mean(ended),
            _people([row for row in totals if row["status"] == "CENSORED"], "visits"),
        )
    return table


def _queues(site: str, queues: list[Row], dwell: list[Row]) -> Table:
    table = _table(f"Queues, {site}", "camera", "queue", "length, mean", "longest", "joined", "left", "mean wait")
    for names, group in _by(queues, "camera", "zone"):
        known = [row for row in group if row["length_mean"] is not None]
        observed = sum(row["observed_ms"] for row in known)
        length = sum(row["length_mean"] * row["observed_ms"] for row in known)
        left = [row for row in known if row["left"] and row["wait_mean_seconds"] is not None]
        waited = sum(row["wait_mean_seconds"] * row["left"] for row in left)
        table.add_row(
            *names,
            f"{length / observed:.2f}" if observed else _missing(group),
            str(max(row["length_peak"] for row in known)) if known else _missing(group),
            _people(group, "joined"),
            _people(group, "left"),
            f"{waited / sum(row['left'] for row in left):.1f} s" if left else "-",
        )
    return table


def _flows(site: str, rows: list[Row]) -> Table:
    table = _table(f"From zone to zone, {site}", "camera", "from zone", "to zone", "people")
    for names, group in _by(rows, "camera", "from_zone", "to_zone"):
        table.add_row(*names, _people(group, "count"))
    return table


def _movement(site: str, rows: list[Row]) -> Table:
    table = _table(f"Movement, {site}", "camera", "zone", "walked", "mean speed")
    for names, group in _by([row for row in rows if row["sector"] == "TOTAL"], "camera", "zone"):
        metres, seconds = _sum(group, "metres"), _sum(group, "person_seconds")
        hidden = SUPPRESSED if any(row["suppressed"] for row in group) else NO_DATA
        walked = hidden if metres is None else f"{metres:.0f} m"
        table.add_row(*names, walked, f"{metres / seconds:.2f} m/s" if metres and seconds else "-")
    return table


def _coverage(site: str, rows: list[Row]) -> Table:
    table = _table(f"Coverage, {site}", "camera", "from", "until", "coverage", "clips", "bad clips", "flawed")
    for names, group in _by(rows, "camera"):
        scheduled = sum(row["scheduled_ms"] for row in group)
        table.add_row(
            *names,
            f"{min(row['window_start'] for row in group):%Y-%m-%d %H:%M:%S}",
            f"{max(row['window_end'] for row in group):%Y-%m-%d %H:%M:%S}",
            f"{sum(row['observed_ms'] for row in group) / scheduled:.1%}",
            str(sum(row["clips"] for row in group)),
            str(sum(row["bad_clips"] for row in group)),
            f"{sum(row['flawed_ms'] for row in group) / 1000:.1f} s",
        )
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i < 2 or column in _WORDS else "right", overflow="fold")
    return table


def _by(rows: Iterable[Row], *names: str) -> list[tuple[tuple[Any, ...], list[Row]]]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return sorted(groups.items())


def _sum(rows: Iterable[Row], field: str) -> float | None:
    """Return the sum of what is known of a field; None where nothing is."""
    known = [row[field] for row in rows if row[field] is not None]
    return sum(known) if known else None


def _whole(value: float | None) -> str:
    return NO_DATA if value is None else f"{value:.0f}"


def _people(rows: list[Row], field: str) -> str:
    """Return what is known of a number, and that there were more in windows where it is suppressed."""
    known = _sum(rows, field)
    suppressed = any(row["suppressed"] or (row[field] is None and row["observed_ms"]) for row in rows)
    if not suppressed:
        return _whole(known)
    return f"{known:.0f} + {SUPPRESSED}" if known else SUPPRESSED


def _missing(rows: list[Row]) -> str:
    """Return why a figure is not there."""
    return SUPPRESSED if any(row["suppressed"] for row in rows) else NO_DATA


def _mean(rows: list[Row]) -> str:
    """Return the mean of the visits that are known."""
    ended = [row for row in rows if row["visits"] and row["mean_seconds"] is not None]
    if not ended:
        # Beside a suppressed bin the mean is left out, though the visits are there.
        return SUPPRESSED if any(row["suppressed"] or row["visits"] for row in rows) else "-"
    stayed = sum(row["mean_seconds"] * row["visits"] for row in ended)
    return f"{stayed / sum(row['visits'] for row in ended):.1f} s"
