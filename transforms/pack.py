"""From a day's tally to its pack of evidence, through a closed world of its own: the contract in `schemas.evidence`.

What is inspected is exactly what is written. A section that does not fit is left out whole and named, as the guard of
the records drops a field; the seals come after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import apache_beam as beam
from pydantic import BaseModel, ValidationError

from schemas.clock import to_rfc3339
from schemas.closed import vocabulary_terms
from schemas.evidence import VERSION, DayPack, MadeWith, Redacted, canonical
from schemas.records import DEAD_LETTER
from transforms.counters import counter
from transforms.evidence import DayTally
from transforms.guard import BiometricFoundError, Vocabulary
from transforms.tally import Counts, quantile, upper_bound

SECTIONS = ("made_with", "clips", "records", "redacted", "dropped", "files", "arrival")
"""Keys that are left out alone where they do not fit."""

Reason = Literal["not_declared", "outside_vocabulary"]


@dataclass(frozen=True)
class SitePack:
    """A pack as its file holds it.

    Attributes:
      site: Name of the site.
      date: UTC date.
      content: Bytes of the file.
    """

    site: str
    date: str
    content: bytes


def pack_of(day: DayTally, run: str, made_with: MadeWith | None) -> dict[str, Any]:
    """Return the pack of a day, not yet inspected."""
    clips, files = day.tally.clips, day.files
    families = sorted({file.family for file in files if file.family != DEAD_LETTER})
    emitted = [[file for file in files if file.family == family] for family in families]
    counted = ("read", "bytes", "decoded", "unwatched", "not_asked_for", "frames")
    bad = [(*told.split("/", 1), number) for told, number in sorted(day.tally.bad.items())]
    deliveries = clips.get("deliveries", 0)
    return {
        "version": VERSION,
        "kind": "day",
        "site": day.site,
        "date": day.date,
        "run": run,
        "part": day.part,
        "closed": None if day.closed_us is None else to_rfc3339(day.closed_us),
        "made_with": None if made_with is None else made_with.model_dump(mode="json"),
        "clips": {name: clips.get(name, 0) for name in counted}
        | {"bad": [{"stage": stage, "reason": reason, "clips": number} for stage, reason, number in bad]},
        "records": [
            {"family": of[0].family, "rows": sum(f.rows for f in of), "suppressed": sum(f.suppressed for f in of)}
            for of in emitted
        ],
        "redacted": {name: day.tally.redacted.get(name, 0) for name in Redacted.model_fields},
        "dropped": [{"reason": reason, "fields": number} for reason, number in sorted(day.tally.dropped.items())],
        "files": [{"name": f.name, "sha256": f.sha256, "family": f.family, "rows": f.rows} for f in files],
        "arrival": {
            "deliveries": deliveries,
            "duplicates": deliveries - clips.get("read", 0),
            "late": clips.get("late", 0),
            "too_late": clips.get("too_late", 0),
            "capture_to_pixels_gone": _times(day.tally.pixels_gone),
            "capture_to_geometry_gone": _times(day.tally.geometry_gone),
        },
        "withheld": [],
    }


def _times(counts: Counts) -> dict[str, Any]:
    return {
        "count": sum(counts.values()),
        "p50_seconds": quantile(counts, 0.5),
        "p99_seconds": quantile(counts, 0.99),
        "buckets": [
            {"at_most_seconds": upper_bound(number), "count": counts[number]} for number in sorted(counts, key=int)
        ],
    }


def inspect_pack(pack: Mapping[str, Any], vocabulary: Vocabulary) -> dict[str, Any]:
    """Return what may be written of a pack: sections that do not fit are null, and named in `withheld`.

    Raises:
      BiometricFoundError: the pack is of a site that is none of the job's; the text does not repeat its name.
      ValidationError: the pack's own keys do not fit.
    """
    # The site has no section: its name is that of the folder.
    if pack["site"] not in vocabulary["site"]:
        raise BiometricFoundError("a pack of evidence is of a site that is none of the job's")
    kept = dict(pack)
    withheld = []
    for section in SECTIONS:
        reason = _fault(pack, section, vocabulary)
        if reason is not None:
            kept[section] = None
            withheld.append({"section": section, "reason": reason})
    return DayPack.model_validate({**kept, "withheld": withheld}).model_dump(mode="json")


def _fault(pack: Mapping[str, Any], section: str, vocabulary: Vocabulary) -> Reason | None:
    nothing: dict[str, Any] = dict.fromkeys(SECTIONS)
    try:
        alone = DayPack.model_validate({**pack, **nothing, section: pack[section]}, strict=False)
    except ValidationError:
        return "not_declared"
    value = getattr(alone, section)
    parts: Iterable[BaseModel] = value if isinstance(value, tuple) else () if value is None else (value,)
    terms = [term for part in parts for term in vocabulary_terms(part)]
    known = all(word in vocabulary.get(name, ()) for name, word in terms)
    return None if known else "outside_vocabulary"


def pack_vocabulary(records: Vocabulary, made_with: Iterable[MadeWith], families: Iterable[str]) -> Vocabulary:
    """Return the vocabulary of packs: that of the records, and what the run was made with."""
    made_with = list(made_with)
    models = [model for made in made_with for model in made.models]
    digests = {made.site_sha256 for made in made_with} | {model.sha256 for model in models}
    digests |= {model.derived_sha256 for model in models if model.derived_sha256}
    digests |= {schema.sha256 for made in made_with for schema in made.schemas}
    return {
        **records,
        "family": frozenset(families),
        "card": frozenset(model.card for model in models),
        "licence": frozenset(model.licence for model in models),
        "cut": frozenset(words for model in models for words in model.cut),
        "digest": frozenset(digests),
        "section": frozenset(SECTIONS),
    }


@dataclass(eq=False)
class MakePacks(beam.PTransform[beam.PCollection[DayTally], beam.PCollection[SitePack]]):
    """Makes each day's pack, and lets only what its contract declares through.

    Attributes:
      run: The run's number.
      made_with: For each site, what its records are made with.
      vocabulary: The strings that may leave.
      on_biometric: `drop` a section that may not leave, or `fail` the job.
    """

    run: str
    made_with: Mapping[str, MadeWith]
    vocabulary: Vocabulary
    on_biometric: str

    def expand(self, days: beam.PCollection[DayTally]) -> beam.PCollection[SitePack]:
        guard = beam.ParDo(_PackFn(self.run, self.made_with, self.vocabulary, self.on_biometric))
        return days | "Guard" >> guard.with_output_types(SitePack)


class _PackFn(beam.DoFn):
    def __init__(self, run: str, made_with: Mapping[str, MadeWith], vocabulary: Vocabulary, on_biometric: str) -> None:
        self._run = run
        self._made_with = made_with
        self._vocabulary = vocabulary
        self._on_biometric = on_biometric

    def process(self, day: DayTally) -> Iterable[SitePack]:
        made_with = self._made_with.get(day.site)
        kept = inspect_pack(pack_of(day, self._run, made_with), self._vocabulary)
        for withheld in kept["withheld"]:
            if self._on_biometric == "fail":
                raise BiometricFoundError(f"a pack of evidence holds what must not leave ({withheld['section']})")
            counter(__name__, "sections_withheld").inc()
        yield SitePack(day.site, day.date, canonical(kept))
