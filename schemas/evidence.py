"""The pack of evidence: what a run did on one site and day. `schemas/seals.py` has what stands beside it.

These models are the contract and the checker. The world is closed: no key that is not declared, numbers within bounds,
and strings that have a form or stand in a vocabulary of the run. No pack holds anything about a person.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from schemas.closed import Part, known, known_or_null
from schemas.fields import NAME
from schemas.least import LeastCounts

VERSION = 1
UNDATED = "undated"
"""Stands for the date of what says no time."""

_MOST = 2**53 - 1
INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
DATE = rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{UNDATED})"
_RECORD_FILE = (
    rf"(records/[a-z_]{{1,32}}|dead_letters)/site={NAME}(/date=[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})?/[0-9a-f]{{32}}\.avro"
)

Task = Literal["counts", "masks", "checks"]
Count = Annotated[int, Field(ge=0, le=_MOST)]
Seconds = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Instant = Annotated[str, Field(pattern=rf"^{INSTANT}$")]
SiteName = Annotated[str, Field(pattern=rf"^{NAME}$")]


class Bad(Part):
    """Clips that were set aside for one reason."""

    stage: Annotated[str, known("stage")]
    """Step of the job that set them aside."""

    reason: Annotated[str, known("reason")]
    """Class of the reason, as in the dead letters."""

    clips: Count
    """How many."""


class Clips(Part):
    """Clips by what became of them, each distinct clip once however often it came."""

    read: Count
    """Distinct clips that came."""

    bytes: Count
    """Bytes of them, as they came."""

    decoded: Count
    """Clips that were decoded and looked at."""

    unwatched: Count
    """Clips of hours in which the site is not watched: not looked at."""

    not_asked_for: Count
    """Clips on which no record that was asked for depends: not looked at."""

    bad: tuple[Bad, ...]
    """Clips that were set aside, by step and reason."""

    frames: Count
    """Frames that were looked at."""


class Emitted(Part):
    """Rows that were written of one family."""

    family: Annotated[str, known("family")]
    """Name of the family."""

    rows: Count
    """Rows in the files below; of a live job a row may stand there once a revision."""

    suppressed: Count
    """Those of them whose value was suppressed."""


class Redacted(Part):
    """Redacted clips that were written, each distinct clip once, and what a second model found on them."""

    clips: Count
    """How many were written."""

    failed: Count
    """Clips that could not be redacted: none of their pictures was written."""

    bytes: Count
    """Bytes of what was written."""

    frames: Count
    """Frames in it."""

    whole: Count
    """Of these, covered whole, because there was no telling what is on them."""

    unwatched: Count
    """Of these, covered whole, because they are out of the site's schedule."""

    measured: Count
    """Frames on which another detector than the one that masked looked for what was left."""

    leaks_before: Count
    """What it found on these under the first masks."""

    leaks_after: Count
    """What it found once more was covered; frames with any were then covered whole."""


class Dropped(Part):
    """Fields that the guard let not leave."""

    reason: Annotated[str, known("reason")]
    """Class of the reason."""

    fields: Count
    """How many."""


class RecordFile(Part):
    """A file that was written."""

    name: Annotated[str, Field(pattern=rf"^{_RECORD_FILE}$")]
    """Its name under the output folder; it holds the first 32 digits of the hash."""

    sha256: Digest
    """Hash of its content."""

    family: Annotated[str, known("family")]
    """Family of its rows."""

    rows: Count
    """How many rows it holds."""

    @model_validator(mode="after")
    def _named_by_content(self) -> Self:
        if not self.name.endswith(f"/{self.sha256[:32]}.avro"):
            raise ValueError("a file is named by its content")
        return self


class Bucket(Part):
    """Part of a distribution of times."""

    at_most_seconds: Seconds
    """Upper bound of the bucket; bounds grow by a twentieth of a power of ten, 12%."""

    count: Count
    """How many times fell into it."""


class Times(Part):
    """A distribution of times; a quantile is the upper bound of the bucket it falls into."""

    count: Count
    """How many times were taken."""

    p50_seconds: Seconds | None
    """Half of them were this long at most."""

    p99_seconds: Seconds | None
    """99 of 100 were this long at most."""

    buckets: tuple[Bucket, ...]
    """All of them, short ones first."""


class Arrival(Part):
    """What depends on when and how often clips came; no record does."""

    deliveries: Count
    """How often clips came, duplicates included."""

    duplicates: Count
    """Deliveries of a clip that had come before."""

    late: Count
    """Clips that came after their time was counted, and were counted then."""

    too_late: Count
    """Clips that came after the site's lateness: in no record."""

    capture_to_pixels_gone: Times
    """From the start of a clip's capture to when the job had let go of its pictures; the last time it came."""

    capture_to_geometry_gone: Times
    """From the earliest capture in a stretch of a camera's day to when tracking had thrown away its boxes."""


class Limits(Part):
    """What a clip could be at most."""

    max_bytes: Count
    """Size of the encoded clip."""

    max_seconds: Seconds
    """Time from the first frame to the last."""

    max_frames: Count
    """Frames, looked at or not."""

    max_pixels: Count
    """Width times height of a frame."""


class Model(Part):
    """The model that looked at a camera's pictures."""

    camera: Annotated[str, known("camera")]
    """The camera."""

    task: Task = "counts"
    """What for: it finds whom the records count, what redacted clips cover, or what is left uncovered on them."""

    card: Annotated[str, known("card")]
    """Name of the model's card."""

    role: Literal["person", "face"]
    """What it finds."""

    licence: Annotated[str, known("licence")]
    """Its licence."""

    sha256: Annotated[Digest, known("digest")]
    """Hash of its file."""

    derived_sha256: Annotated[Digest | None, known_or_null("digest")]
    """Hash of the graph as it ran, resized and pruned; null where it is made for each size of clips."""

    verdict: Literal["admitted", "refused"] | None
    """What the model admission said of it."""

    cut: Annotated[tuple[str, ...], known_or_null("cut")]
    """What the model admission took from its graph."""


class SchemaVersion(Part):
    """Version of a family's contract."""

    family: Annotated[str, known("family")]
    """Name of the family."""

    sha256: Annotated[Digest, known("digest")]
    """Hash of the `.avsc` file."""


class MadeWith(Part):
    """What the records were made with: as far as the job knows it when it is built."""

    pipeline_version: Annotated[str, known("pipeline_version")]
    """Version of the software."""

    schemas: tuple[SchemaVersion, ...]
    """The contracts of the records."""

    site_version: Annotated[int, Field(ge=1)]
    """As in the site file."""

    site_sha256: Annotated[Digest, known("digest")]
    """Hash of all that the site file says, defaults included."""

    lateness_seconds: Seconds
    """How late a clip may come and still be counted."""

    raw_retention_seconds: Seconds | None
    """How long the site file lets clips be kept anywhere; null where it does not say."""

    k: LeastCounts
    """Least number behind a published cell, by family."""

    on_biometric: Literal["drop", "fail"]
    """What the guard did with a field that must not leave."""

    source: Literal["archive", "subscription"]
    """Where clips came from."""

    redaction: Literal["off", "people", "heads", "faces", "motion"]
    """Which redacted video the job wrote."""

    limits: Limits
    """What a clip could be at most."""

    models: tuple[Model, ...]
    """The models, by camera."""


class Withheld(Part):
    """A section that does not fit this contract, and was left out."""

    section: Annotated[str, known("section")]
    """Its key."""

    reason: Literal["not_declared", "outside_vocabulary"]
    """Why."""


class DayPack(Part):
    """What one run did on one site and UTC day, the day of the records' folder."""

    version: Literal[1]
    """Of this form."""

    kind: Literal["day"]
    """Which file this is."""

    site: SiteName
    """Name of the site; unknown for what names no site that is known."""

    date: Annotated[str, Field(pattern=rf"^{DATE}$")]
    """UTC date of the clips' capture start and of the records' window start."""

    run: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """A number that the run was given when it began."""

    part: Count
    """How often the run has told of the day before. Parts add up; of packs with the same run, date and part only that
    with the most deliveries counts: a worker that was killed may have written one before."""

    closed: Instant | None
    """Event time at which a live job closed the day; null where the input was read to its end."""

    made_with: MadeWith | None
    """What the records were made with; null where the site is unknown."""

    clips: Clips | None
    """What came."""

    records: tuple[Emitted, ...] | None
    """What left."""

    redacted: Redacted | None = None
    """Which pictures left, with people covered; all zero where none were asked for. Older packs have none."""

    dropped: tuple[Dropped, ...] | None
    """What the guard let not leave."""

    files: tuple[RecordFile, ...] | None
    """The files, each by its hash; dead letters under the date of the earliest, or the day they were written."""

    arrival: Arrival | None
    """What depends on when and how often clips came."""

    withheld: tuple[Withheld, ...]
    """Sections that were left out."""


def canonical(fields: Mapping[str, Any]) -> bytes:
    """Return the one way of writing a file of evidence: JSON, keys sorted, an item a line."""
    return (json.dumps(fields, sort_keys=True, indent=1, ensure_ascii=True) + "\n").encode("ascii")


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def pack_name(date: str, content: bytes) -> str:
    """Return a pack's name under its site's folder: by its content, which a retry overwrites with itself."""
    return f"date={date}/{sha256_of(content)[:32]}.json"
