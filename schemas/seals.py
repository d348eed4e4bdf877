"""What stands beside the packs of evidence: what keeps clips besides the job, and the seals that chain the packs.

All files of evidence together are the source of `evidence.schema.json`
(`python -m schemas.seals > schemas/evidence.schema.json`).
"""

from __future__ import annotations

import json
import re
import sys
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from schemas.closed import Part
from schemas.evidence import DATE, DayPack, Digest, Instant, Seconds, SiteName

_PACK = rf"date={DATE}/[0-9a-f]{{32}}\.json"

PackName = Annotated[str, Field(pattern=rf"^{_PACK}$")]


class Holding(Part):
    """A place that keeps clips, or can, as found."""

    kind: Literal[
        "topic", "subscription", "snapshot", "export", "dead_letter_policy", "spool", "archive", "checkpoints"
    ]
    """What it is."""

    name: Annotated[str, Field(max_length=1_000)]
    """Its name or folder."""

    keeps_seconds: Seconds | None
    """How long it may keep a clip; null where it sets no bound, or keeps none beyond what others do."""

    oldest_seconds: Seconds | None
    """Age of the oldest clip found, by its capture, or else by its file's time; null where that cannot be seen."""

    verdict: Literal["within", "over", "unbounded", "unreadable"]
    """Against the site file's `raw_retention`: within it, longer, without a bound, or could not be looked at."""

    why: Annotated[str, Field(max_length=200)]
    """What the verdict is drawn from."""


class RetentionPack(Part):
    """What keeps clips besides the job's memory, at one instant."""

    version: Literal[1]
    """Of this form."""

    kind: Literal["retention"]
    """Which file this is."""

    site: SiteName
    """Name of the site."""

    date: Annotated[str, Field(pattern=rf"^{DATE}$")]
    """UTC date of the look."""

    checked: Instant
    """When it was looked."""

    raw_retention_seconds: Seconds
    """What the site file says."""

    holdings: tuple[Holding, ...]
    """What was found."""


class Signature(Part):
    """An Ed25519 signature over the seal's other keys, as canonical JSON."""

    key: Digest
    """SHA-256 of the raw public key."""

    value: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{85}[AQgw]==$")]
    """The signature, base64; its last digit has four bits to spare, which are 0."""


class Seal(Part):
    """One link of a site's chain: it holds the hash of one pack and that of the seal before it."""

    version: Literal[1]
    """Of this form."""

    site: SiteName
    """Name of the site."""

    number: Annotated[int, Field(ge=1)]
    """Place in the chain, from 1."""

    pack: PackName
    """The pack's name under the site's folder of evidence."""

    pack_sha256: Digest
    """Hash of the pack's file."""

    before: Digest | None
    """Hash of the seal before this one; null for the first."""

    sealed: Instant
    """When, by the clock of the machine that sealed."""

    signature: Signature | None
    """Null: this seal is not signed, and whoever can write here can make another."""


Pack = Annotated[DayPack | RetentionPack, Field(discriminator="kind")]
PACK: TypeAdapter[DayPack | RetentionPack] = TypeAdapter(Pack)


def is_pack_name(name: str) -> bool:
    """Return whether a name under a site's folder is a pack's."""
    return re.fullmatch(_PACK, name) is not None


def evidence_schema() -> dict[str, Any]:
    """Return the JSON Schema of every file of evidence."""
    schema = TypeAdapter(DayPack | RetentionPack | Seal).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


if __name__ == "__main__":
    json.dump(evidence_schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
