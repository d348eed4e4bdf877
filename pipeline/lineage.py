"""What the records of a `site_version` were made with, and from which clips, kept beside them.

No (`site_version`, `revision`) may stand for two values. So a site file, model or limit that changed needs a higher
`site_version` before it may write to the same folder; and since a revision is a number of clips, so do clips that
take the place of others. And no instant may count in two windows that lie across each other, so all versions of a
site in one folder lay them by the same `day_start` and `time_zone`. Of a clip nothing is kept but a hash. A run that
has begun counts as one that is done, until it has failed without writing anything.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pipeline import storage
from pipeline.archive import ClipFile
from pipeline.begun import Begun, MarkerError, begin, forget, runs_begun, withdraw
from pipeline.config import Config
from pipeline.view import UnreadableRecordsError, read_family
from schemas.clock import from_rfc3339, micros, now_us, to_rfc3339
from schemas.envelope import Envelope
from schemas.site import Site, site_digest
from schemas.versions import PIPELINE_VERSION, RECORD_VERSION
from transforms.arrivals import day_of, days_between
from transforms.groups import group_named

CAMERA_HEALTH = "camera_health"
_MADE_WITH = "/made_with.json"
_FIRST_START = "/first_start.txt"
_DAYS = "-days.json"
_NEW_START = "raise site_version in the site file, or name another folder"


class LineageError(ValueError):
    """The output holds records of the same `site_version` that were made with something else."""


@dataclass(frozen=True)
class Lineage:
    """What to keep of a job.

    Attributes:
      output: Folder of its records.
      run: Its number.
      sites: Names of its sites.
      files: Contents, by name below the output.
    """

    output: str
    run: str
    sites: Sequence[str]
    files: Mapping[str, str]


def check_lineage(config: Config, *, resumes: bool = False) -> Lineage:
    """Compare a job with what its output folder was made with; returns what to keep once it is done.

    Args:
      config: The job.
      resumes: Whether it goes on with the state of another, whose sites, models and release it must share.

    Raises:
      LineageError: the text names what differs, and says what to do.
      pipeline.storage.StorageError: the output's bucket cannot be had.
    """
    others = _runs_begun(config.output)
    lineage: dict[str, str] = {}
    for site in config.sites:
        folder = _folder(site)
        days = site.model_dump(mode="json", include={"day_start", "time_zone"})
        _check_days(config.output, site, name := f"lineage/{site.site}{_DAYS}", days)
        lineage[name] = json.dumps(days) + "\n"
        made_with = _made_with(config, site)
        if (before := _read(config.output, name := f"{folder}{_MADE_WITH}")) is not None:
            _check_same(config, site, f"{config.output}/{name}", before, made_with)
        elif resumes:
            raise LineageError(
                f"the state to go on with is not of site {site.site}, site_version {site.site_version}, or not of this "
                f"output: nothing of that version was written to {config.output}. What changes records begins without "
                "state: leave the flag out"
            )
        lineage[name] = json.dumps(made_with, indent=2) + "\n"
        if config.subscription is not None:
            goes_on = resumes and _read(config.output, f"{folder}{_FIRST_START}") is not None
            if site.site in config.spans and not goes_on:
                lineage[f"{folder}{_FIRST_START}"] = to_rfc3339(config.spans[site.site].from_us) + "\n"
            continue
        by_day = _clips_by_day(config, site)
        for (group, date), stream in sorted(_streamed(config.output, site).items()):
            parts = [by_day.get((camera.name, date)) for camera in group_named(site, group).cameras]
            if given := [clips for clips in parts if clips is not None]:
                _check_replay(f"{site.site} {group}", date, sum(map(len, given)), stream)
        for (camera, date), clips in sorted(by_day.items()):
            counted = frozenset((_read(config.output, name := f"{folder}/{camera}/{date}.txt") or "").split())
            if not counted <= clips:
                raise LineageError(_replaced(config, f"{site.site} {camera}", date, counted > clips))
            lineage[name] = "".join(f"{clip}\n" for clip in sorted(clips))
    checked = Lineage(config.output, config.run, [site.site for site in config.sites], lineage)
    _check_begun(checked, others)
    return checked


def begin_lineage(lineage: Lineage) -> None:
    """Tell others, before the first record, what records are to be made with: also of a job that is killed they know.

    Raises:
      LineageError: another has begun since it was checked, and does not go with it.
    """
    begin(lineage.output, lineage.run, lineage.sites, lineage.files)
    try:
        _check_begun(lineage, _runs_begun(lineage.output))
    except LineageError:
        forget(lineage.output, lineage.run)
        raise


@contextmanager
def begun(lineage: Lineage) -> Iterator[None]:
    """Begin a job that the body runs, and let it count for nothing where that fails before any record.

    Raises:
      LineageError: as `begin_lineage` does.
    """
    begin_lineage(lineage)
    try:
        yield
    except BaseException:
        withdraw_lineage(lineage)
        raise


def withdraw_lineage(lineage: Lineage) -> None:
    """Let a job that has begun and failed count for nothing, unless records came since."""
    withdraw(lineage.output, lineage.run)


def keep_lineage(lineage: Lineage) -> None:
    """Write down what `check_lineage` returned, now that the records stand."""
    for name, content in lineage.files.items():
        storage.write(f"{lineage.output}/{name}", content.encode())
    for other in _runs_begun(lineage.output):
        if other.files.keys() <= lineage.files.keys() and all(_covers(lineage, name, other) for name in other.files):
            storage.remove(other.marker)


def first_start(output: str, site: Site) -> int | None:
    """Return from when on the last stream into this folder that began without state reports; None where there was none.

    Raises:
      LineageError: what was kept cannot be read.
      pipeline.storage.StorageError: the output's bucket cannot be had.
    """
    if (kept := _read(output, name := f"{_folder(site)}{_FIRST_START}")) is None:
        return None
    try:
        return from_rfc3339(kept.strip())
    except ValueError:
        raise _damaged(f"{output}/{name}") from None


class _Streamed(NamedTuple):
    """How many clips of a camera group's site day a stream has counted, and when it is done with the day."""

    clips: int
    over_us: int


def _streamed(output: str, site: Site) -> dict[tuple[str, str], _Streamed]:
    """Return what the records of a stream count, by camera group and date; nothing where no stream wrote.

    Raises:
      LineageError: a file of records cannot be read.
    """
    counted: dict[tuple[str, str], _Streamed] = {}
    if first_start(output, site) is None:
        return counted
    for name in storage.find(f"{output}/records/{CAMERA_HEALTH}/site={site.site}", ".avro"):
        try:
            rows = read_family(name, CAMERA_HEALTH)
        except UnreadableRecordsError as error:
            raise LineageError(f"--output: {error}; {_NEW_START}") from None
        for row in rows:
            if row["site_version"] == site.site_version:
                day = day_of(site, micros(row["window_start"]))
                key = row["group"], str(day.date)
                clips = max(row["revision"], counted[key].clips if key in counted else 0)
                counted[key] = _Streamed(clips, day.end_us + site.lateness)
    return counted


def _check_replay(group: str, date: str, clips: int, stream: _Streamed) -> None:
    if clips < stream.clips:
        raise LineageError(
            f"--clips: a stream has counted {stream.clips} clips of {group} on {date}, and these are {clips}; a "
            f"replay takes whole site days: give all clips of the day, or {_NEW_START}"
        )
    if now_us() < stream.over_us:
        raise LineageError(
            f"--clips: a stream may still count clips of {group} on {date}: replay a day once it and the site's "
            f"lateness are over, or {_NEW_START}"
        )


def _runs_begun(output: str) -> list[Begun]:
    try:
        return runs_begun(output)
    except MarkerError as error:
        raise _damaged(str(error)) from None


def _check_begun(lineage: Lineage, others: Sequence[Begun]) -> None:
    """Refuse a job that does not go with another which has begun: that one's records may be there, or come."""
    for other in others:
        for name in sorted(lineage.files.keys() & other.files.keys()):
            if not _covers(lineage, name, other):
                raise LineageError(_does_not_go(lineage, name, other))


class _Kept(NamedTuple):
    """What a file of lineage says, as its name tells."""

    kind: Literal["days", "made_with", "first_start", "clips"]
    site: str
    version: str = ""
    camera: str = ""
    date: str = ""

    @classmethod
    def of(cls, name: str) -> _Kept:
        folder, *rest = name.removeprefix("lineage/").split("/")
        if not rest:
            return cls("days", folder.removesuffix(_DAYS))
        site, _, version = folder.rpartition("-v")
        if len(rest) > 1:
            return cls("clips", site, version, rest[0], rest[1].removesuffix(".txt"))
        return cls("made_with" if name.endswith(_MADE_WITH) else "first_start", site, version)


def _covers(lineage: Lineage, name: str, other: Begun) -> bool:
    """Return whether a file of lineage may take the place of that of another job."""
    match _Kept.of(name).kind:
        case "days" | "made_with":
            return not _differs(lineage, name, other)
        case "clips":
            return set(lineage.files[name].split()) >= set(other.files[name].split())
        case "first_start":
            return True


def _differs(lineage: Lineage, name: str, other: Begun) -> list[str]:
    """Return in what another job's records are made otherwise."""
    return _changed(other.marker, other.files[name], json.loads(lineage.files[name]))


def _does_not_go(lineage: Lineage, name: str, other: Begun) -> str:
    kept = _Kept.of(name)
    flag, whose, todo = "--output", f"site {kept.site}, site_version {kept.version}", _NEW_START
    match kept.kind:
        case "days":
            whose, todo = f"site {kept.site}", "name another folder"
            what = f"another {', '.join(_differs(lineage, name, other))}"
        case "clips":
            flag, todo = "--clips", f"give those too, {_NEW_START}"
            what = f"other clips of {kept.camera} on {kept.date}"
        case _:
            what = f"another {', '.join(_differs(lineage, name, other))}"
    fault = f"{flag}: a run into {lineage.output} has begun with {what} of {whose}, and did not say that it is done"
    if other.wrote():
        return f"{fault}; records have come since: {todo}"
    return f"{fault}; no record has come since: if it was killed, delete {other.marker}; else {todo}"


def _folder(site: Site) -> str:
    return f"lineage/{site.site}-v{site.site_version}"


def _read(output: str, name: str) -> str | None:
    try:
        return storage.read(f"{output}/{name}").decode()
    except FileNotFoundError:
        return None
    except storage.StorageError:
        raise
    except (OSError, UnicodeDecodeError):
        raise _damaged(f"{output}/{name}") from None


def _damaged(path: str) -> LineageError:
    return LineageError(
        f"--output: {path}, which says what the records there were made with, cannot be read; restore it, or name "
        "another folder"
    )


def _changed(path: str, before: str, made_with: Mapping[str, Any]) -> list[str]:
    """Return what records are made with in another way than before."""
    try:
        kept = json.loads(before)
    except ValueError:
        raise _damaged(path) from None
    if not isinstance(kept, dict):
        raise _damaged(path)
    return sorted(key for key in made_with if kept.get(key) != made_with[key])


def _check_days(output: str, site: Site, name: str, days: Mapping[str, Any]) -> None:
    before = _read(output, name)
    if before is not None and (changed := _changed(f"{output}/{name}", before, days)):
        raise LineageError(
            f"--output: {output} holds records of site {site.site} in windows laid by another {', '.join(changed)}: "
            "those of the new days would lie across them, and both would count; name another folder"
        )


def _check_same(config: Config, site: Site, path: str, before: str, made_with: Mapping[str, Any]) -> None:
    if changed := _changed(path, before, made_with):
        raise LineageError(
            f"--output: {config.output} holds records of site {site.site}, site_version {site.site_version}, made "
            f"with another {', '.join(changed)}; {_NEW_START}"
        )


# What can change without changing a record.
_WORDS = dict.fromkeys(("controller", "contact", "legal_basis", "raw_retention")) | {"purposes": (), "recipients": ()}


def _made_with(config: Config, site: Site) -> dict[str, Any]:
    models = {camera.name: config.models[site.site, camera.name][0].model_dump_json() for camera in site.cameras}
    return {
        "site file": site_digest(site.model_copy(update=_WORDS)),
        "models": models,
        "limits": vars(config.limits),
        "software": PIPELINE_VERSION,
        "records": RECORD_VERSION,
    }


def _replaced(config: Config, camera: str, date: str, fewer: bool) -> str:
    if fewer:
        return (
            f"--clips: {config.output} counts more clips of {camera} on {date} than these; give all clips of the day, "
            "for a run takes whole site days, or name another folder"
        )
    return f"--clips: those of {camera} on {date} replace others that {config.output} counts; {_NEW_START}"


def _clips_by_day(config: Config, site: Site) -> dict[tuple[str, str], frozenset[str]]:
    """Return the clips that count towards each camera's site days that are asked for, by camera and date."""
    if (span := config.spans.get(site.site)) is None:
        return {}
    dates = [str(day.date) for day in days_between(site, *span)]
    clips: dict[tuple[str, str], set[str]] = defaultdict(set)
    for file in config.files:
        if (envelope := file.envelope) is not None and envelope.site == site.site:
            end_us = config.limits.end_us(envelope.start_us, envelope.end_us)
            for day in days_between(site, envelope.start_us, end_us):
                clips[envelope.camera, str(day.date)].add(_identity(file, envelope))
    return {
        (camera.name, date): frozenset(clips.get((camera.name, date), ())) for camera in site.cameras for date in dates
    }


def _identity(file: ClipFile, envelope: Envelope) -> str:
    """Return a hash of what a clip's detections depend on; its size on disk tells one that is cut short."""
    size = file.path.stat().st_size
    parts = envelope.start_us, envelope.end_us, envelope.frame_rate, envelope.sequence, envelope.sha256, size
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
