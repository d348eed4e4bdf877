"""Evidence of a small made-up run: tallies, packs, and an output folder with all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.evidence.sink import write_pack
from pipeline.sinks import write_file
from schemas.evidence import Limits, MadeWith, Model, canonical
from schemas.least import LeastCounts
from schemas.records import Footfall
from schemas.site import site_digest
from schemas.versions import PIPELINE_VERSION
from tests.support.world import MODEL, T0, a_site, clips_of, records_of, span, walker
from transforms.evidence import DayTally, WrittenFile
from transforms.guard import Guarded, to_fields
from transforms.pack import SitePack, inspect_pack, pack_of, pack_vocabulary
from transforms.tally import Tally
from transforms.vocabulary import vocabulary_of

SITE = a_site()
MADE_WITH = MadeWith(
    pipeline_version=PIPELINE_VERSION,
    schemas=(),
    site_version=1,
    site_sha256=site_digest(SITE),
    lateness_seconds=180.0,
    raw_retention_seconds=None,
    k=LeastCounts(),
    on_biometric="drop",
    source="subscription",
    redaction="off",
    limits=Limits(max_bytes=1, max_seconds=1, max_frames=1, max_pixels=1),
    models=(
        Model(
            camera="door", task="counts", card="tiny", role="person", licence="MIT", sha256="c" * 64,
            derived_sha256=None, verdict="admitted", cut=("output kps: landmarks, 10 numbers for each place",),
        ),
    ),
)  # fmt: skip
VOCABULARY = pack_vocabulary(vocabulary_of([SITE], {("lab", "door"): MODEL}, ()), [MADE_WITH], ["footfall"])
FILE = WrittenFile(
    f"records/footfall/site=lab/date=2026-01-05/{'a' * 32}.avro", "a" * 64, "footfall", "lab", "2026-01-05", 8, 1
)


def a_day(date: str = "2026-01-05", *files: WrittenFile) -> DayTally:
    """Return a day of six clips, one of them bad, two of them delivered twice."""
    clips = {"read": 6, "deliveries": 8, "bytes": 6000, "frames": 250, "decoded": 5, "bad": 1, "late": 1}
    tally = Tally(clips, {"ValidateClips/hash_mismatch": 1}, {}, {}, {"0": 6}, {"40": 1})
    return DayTally("lab", date, 0, T0 + 10**11, tally, files or (FILE,))


def rows(revision: int = 0) -> list[Guarded]:
    """Return a minute's records of a line that somebody crosses; of a higher revision, if asked."""
    measured = records_of(SITE, clips_of([walker(1)], 60), span(0, 60))
    counted = [replace(each, revision=each.revision + revision) for each in measured if isinstance(each, Footfall)]
    return [Guarded("footfall", to_fields(record)) for record in counted]


def an_output(folder: Path, days: int = 3) -> Path:
    """Write records and a pack for some days, as a run does; returns the folder."""
    for day in range(days):
        date = f"2026-01-{5 + day:02}"
        written = write_file(str(folder), ("footfall", "lab", date), rows())
        kept = inspect_pack(pack_of(a_day(date, written), f"{day:016x}", MADE_WITH), VOCABULARY)
        write_pack(str(folder), SitePack("lab", date, canonical(kept)))
    return folder
