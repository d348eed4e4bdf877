"""Runs that have begun to write into an output, each by a marker there, until what they were made with is kept.

A run that is killed leaves its marker: only this tells what the records are made with that it may have written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pipeline import storage


@dataclass(frozen=True)
class Begun:
    """A run that has begun.

    Attributes:
      marker: Name of the file that says so.
      files: The lineage that it will keep: contents, by name below the output.
      output: Folder of the records.
      sites: Names of its sites.
      records: A hash of which record files of these were there before.
    """

    marker: str
    files: Mapping[str, str]
    output: str
    sites: Sequence[str]
    records: str

    def wrote(self) -> bool:
        """Return whether records of its sites have come since it began; lists all that are there."""
        return self.records != _records(self.output, self.sites)


class MarkerError(ValueError):
    """A marker that cannot be read; the text names it."""


def begin(output: str, run: str, sites: Sequence[str], files: Mapping[str, str]) -> None:
    """Leave a run's marker, before it writes.

    Args:
      output: Folder of the records.
      run: Number of the run.
      sites: Names of its sites.
      files: The lineage that it will keep, by name below the output.
    """
    marker = {"sites": sites, "records": _records(output, sites), "lineage": files}
    storage.write(_marker(output, run), (json.dumps(marker, indent=1) + "\n").encode())


def runs_begun(output: str) -> list[Begun]:
    """Return the runs whose markers are there.

    Raises:
      MarkerError: one cannot be read.
      pipeline.storage.StorageError: the bucket cannot be had.
    """
    found = (_read(output, name) for name in storage.find(f"{output}/lineage/begun", ".json"))
    return [begun for begun in found if begun is not None]


def withdraw(output: str, run: str) -> None:
    """Take the marker of a run away that has failed, unless records came since it began."""
    marker = _marker(output, run)
    with suppress(MarkerError, OSError):  # then it stays, which only makes others careful
        begun = _read(output, marker)
        if begun is not None and not begun.wrote():
            storage.remove(marker)


def forget(output: str, run: str) -> None:
    """Take the marker of a run away that has written nothing."""
    storage.remove(_marker(output, run))


def _marker(output: str, run: str) -> str:
    return f"{output}/lineage/begun/{run}.json"


def _read(output: str, name: str) -> Begun | None:
    try:
        marker = json.loads(storage.read(name))
        return Begun(name, dict(marker["lineage"]), output, list(marker["sites"]), str(marker["records"]))
    except FileNotFoundError:  # it has ended, and what it was made with is kept
        return None
    except storage.StorageError:
        raise
    except (OSError, ValueError, KeyError, TypeError):
        raise MarkerError(name) from None


def _records(output: str, sites: Sequence[str]) -> str:
    """Return a hash of which record files of some sites are there; they are named by their content."""
    folders = [f"/site={site}/" for site in sites]
    names = [name for name in storage.find(f"{output}/records", ".avro") if any(each in name for each in folders)]
    return hashlib.sha256("\n".join(name.removeprefix(f"{output}/") for name in names).encode()).hexdigest()
