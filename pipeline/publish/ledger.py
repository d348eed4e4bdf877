"""What was released of each site day, so that it is released once: noise that is drawn anew can be averaged away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date as Date
from typing import Any

from pipeline import storage

Release = Mapping[str, Any]
"""`request`, what was asked for, with the start of the day and of the next; `about`, how it was made; `rows`."""

_NEAR_DAYS = 3
"""Days of dates further apart share no hour, in whatever time zones, and begin they whenever."""


class LedgerError(ValueError):
    """A release that may not be made, or one that cannot be read; the text says what to do."""


def entry(output: str, site: str, date: str) -> str:
    """Return the name of the file that holds what was released of a site day."""
    return f"{output.rstrip('/')}/published/site={site}/date={date}.json"


def date_named(text: str) -> Date:
    """Return the date that is written like 2026-01-05: a release's name is its date, so a date has one name.

    Raises:
      ValueError: it is written in another way, or is no date.
    """
    date = Date.fromisoformat(text)
    if date.isoformat() != text:
        raise ValueError(text)
    return date


def released(name: str, request: Mapping[str, Any]) -> Release | None:
    """Return what was released of a site day; None where nothing was.

    Raises:
      LedgerError: something else was released than is asked for now, or the file is damaged.
    """
    kept = _read(name)
    if kept is None or kept["request"] == request:
        return kept
    before = kept["request"]
    differs = ", ".join(sorted(name for name in request if before.get(name) != request[name]))
    raise LedgerError(
        f"{before['date']} of site {before['site']} is released already, with another {differs}: a second release "
        f"would tell more than the budget of that day allows; ask for the same again ({name} holds it)"
    )


def check_hours(output: str, request: Mapping[str, Any]) -> None:
    """Refuse a day that shares hours with a released one of another date.

    Raises:
      LedgerError: it does, as after a change of the time zone or of `day_start`, or a file nearby is damaged.
    """
    asked = date_named(request["date"])
    for name in storage.find(f"{output.rstrip('/')}/published/site={request['site']}", ".json"):
        days = abs((_date_of(name) - asked).days)
        kept = _read(name) if 0 < days <= _NEAR_DAYS else None
        if kept is None:
            continue
        before = kept["request"]
        if before["start"] < request["end"] and request["start"] < before["end"]:
            raise LedgerError(
                f"--date: {request['date']} of site {request['site']} shares hours with {before['date']}, which is "
                f"released already, from {before['start']} until {before['end']}: a second release of them would tell "
                "more than their budget allows; give the site file with the time_zone and day_start of then"
            )


def keep(name: str, release: Release) -> Release:
    """Write down a release before anybody sees it; returns what stands, which may be another's who was quicker.

    Raises:
      LedgerError: another one, of something else, was quicker.
    """
    try:
        storage.write_new(name, (json.dumps(release, indent=1) + "\n").encode())
    except FileExistsError:
        return released(name, release["request"]) or release
    return release


def _date_of(name: str) -> Date:
    try:
        return date_named(name.rpartition("/date=")[2].removesuffix(".json"))
    except ValueError:
        raise LedgerError(
            f"{name}, which says what was released, is not named as a day is, like date=2026-01-05.json; restore it"
        ) from None


def _read(name: str) -> Release | None:
    try:
        kept = json.loads(storage.read(name))
        if not {"site", "date", "start", "end"} <= kept["request"].keys():
            raise ValueError
    except FileNotFoundError:
        return None
    except storage.StorageError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise LedgerError(f"{name}, which says what was released, cannot be read; restore it") from None
    return dict(kept)
