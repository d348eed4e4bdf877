"""What a job's output already holds of a group of windows: a replay publishes it again only if enough has changed.

An earlier run may have had other windows, or days that began at another time: whatever overlaps counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from pipeline.storage import absolute, find
from pipeline.view import read_family
from schemas.avro import FAMILY_OF
from schemas.clock import SECOND_US, micros, to_rfc3339
from schemas.records import FAMILIES, MetricRecord
from transforms.cells import CELLS
from transforms.protect import GroupKey, overlaps

_DATES_KEPT = 4
_DAY_US = 86_400 * SECOND_US
"""Also the longest that a window can be."""


class ReleasedRecords:
    """Finds all records that overlap a group and were ever written to a folder; holds those of a few dates at a time.

    It is made before the job and called on its workers, which have another working folder.
    """

    def __init__(self, output: str) -> None:
        self._output = absolute(output.rstrip("/"))
        self._dates: OrderedDict[tuple[str, str], list[MetricRecord]] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {"_output": self._output, "_dates": OrderedDict()}

    def __call__(self, key: GroupKey) -> Iterator[MetricRecord]:
        """Yield the site's records that overlap a group's time, of any revision, version, group and window."""
        site, _, start_us, end_us = key
        earliest = start_us - _DAY_US
        for day_us in range(earliest - earliest % _DAY_US, end_us, _DAY_US):
            yield from (row for row in self._of_date(site, to_rfc3339(day_us)[:10]) if overlaps(row, key))

    def _of_date(self, site: str, date: str) -> list[MetricRecord]:
        where = site, date
        if where not in self._dates:
            self._dates[where] = list(self._read(site, date))
            while len(self._dates) > _DATES_KEPT:
                self._dates.popitem(last=False)
        return self._dates[where]

    def _read(self, site: str, date: str) -> Iterator[MetricRecord]:
        for kind in CELLS:
            family = FAMILY_OF[kind]
            for name in find(f"{self._output}/records/{family}/site={site}/date={date}", ".avro"):
                for row in read_family(name, family):
                    instants = {name: micros(row[name]) for name in ("window_start", "window_end")}
                    yield FAMILIES[family](**(row | instants))


def released_before(given: str | None, output: str) -> ReleasedRecords:
    """Return what finds the records that were published before: those of --released, by default of the output.

    Raises:
      UsageError: --released names a folder without records, or one that cannot be looked into.
    """
    from pipeline.usage import UsageError

    try:
        found = given is None or find(f"{given.rstrip('/')}/records", ".avro")
    except OSError as error:
        raise UsageError(f"--released: {error}") from error
    if not found:
        raise UsageError(f"--released: {given} holds no records; name the output of an earlier run, or leave it out")
    return ReleasedRecords(output if given is None else given)
