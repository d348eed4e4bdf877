"""What was released of each site day, so that it is released once: noise that is drawn anew can be averaged away."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import storage

Release = Mapping[str, Any]
"""`request`, what was asked for; `about`, how it was made; `rows`."""


class LedgerError(ValueError):
    """A release that may not be made, or one that cannot be read; the text says what to do."""


def entry(output: str, site: str, date: str) -> str:
    """Return the name of the file that holds what was released of a site day."""
    return f"{output.rstrip('/')}/published/site={site}/date={date}.json"


def released(name: str, request: Mapping[str, Any]) -> Release | None:
    """Return what was released of a site day; None where nothing was.

    Raises:
      LedgerError: something else was released than is asked for now, or the file is damaged.
    """
    try:
        kept = json.loads(storage.read(name))
        before = kept["request"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise LedgerError(f"{name}, which says what was released, cannot be read; restore it") from None
    if before != request:
        differs = ", ".join(sorted(name for name in request if before.get(name) != request[name]))
        raise LedgerError(
            f"{before['date']} of site {before['site']} is released already, with another {differs}: a second release "
            f"would tell more than the budget of that day allows; ask for the same again ({name} holds it)"
        )
    return kept


def keep(name: str, release: Release) -> Release:
    """Write down a release before anybody sees it; returns what stands, which may be another's who was quicker.

    Raises:
      LedgerError: another one, of something else, was quicker.
    """
    content = (json.dumps(release, indent=1) + "\n").encode()
    if storage.is_remote(name):
        storage.write(name, content)
        return release
    path = Path(name)
    staged = path.with_name(f".{path.name}.{os.getpid()}.partial")
    storage.write(str(staged), content)
    try:
        os.link(staged, path)  # fails where it is there, unlike a rename
    except FileExistsError:
        return released(name, release["request"]) or release
    finally:
        staged.unlink()
    return release
