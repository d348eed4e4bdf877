"""Instants: integers in microseconds since the Unix epoch, written as RFC 3339 in UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000


def to_rfc3339(instant_us: int) -> str:
    """Write an instant with six decimals, so that text order is time order.

    >>> to_rfc3339(1_767_603_600_000_000)
    '2026-01-05T09:00:00.000000Z'
    """
    return (EPOCH + timedelta(microseconds=instant_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_rfc3339(text: str) -> int:
    """Read an instant; an offset or `Z` is required.

    Raises:
      ValueError: the text is no RFC 3339 instant, or says no offset.

    >>> from_rfc3339("2026-01-05T10:00:00+01:00")
    1767603600000000
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC: write it like 2026-01-05T09:00:00Z")
    return micros(instant)


def now_us() -> int:
    """Return the wall clock's instant."""
    return time.time_ns() // 1000


def micros(instant: datetime) -> int:
    """Return an instant as an integer; the inverse of what Avro readers make of timestamp-micros."""
    return (instant - EPOCH) // timedelta(microseconds=1)
