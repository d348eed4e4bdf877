"""Tallies: facts summed up so that the order, the grouping and the repeats of facts make no difference.

A fact has an identity and is counted once; sums of disjoint facts are added. Times are counted in buckets whose bounds
are fixed, so that the sum of two distributions is that of their times.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import fastavro
from apache_beam import coders

from schemas.clock import SECOND_US
from transforms.coders import AvroCoder
from transforms.facts import (
    BAD,
    DECODED,
    DELIVERIES,
    FORGOTTEN,
    IN_TIME,
    LATE,
    NOT_ASKED_FOR,
    NOT_REDACTED,
    REDACTED,
    TOO_LATE,
    ClipFact,
)

A_DECADE = 20
"""Buckets from one power of ten to the next."""

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Tally:
    """Sums over facts; each mapping's keys are counted apart.

    Attributes:
      clips: Distinct clips by what came of them, and `bytes`, `frames`, `deliveries`, `late`, `too_late`.
      bad: Distinct clips by `stage/reason`.
      redacted: Distinct redacted clips, their bytes, sums of their leak measures, and `failed` ones.
      dropped: Fields that the guard let not leave, by reason.
      pixels_gone: Distinct clips by bucket of the time until their pixels were gone.
      geometry_gone: Stretches by bucket of the time until their boxes were gone.
    """

    clips: Counts = field(default_factory=dict)
    bad: Counts = field(default_factory=dict)
    redacted: Counts = field(default_factory=dict)
    dropped: Counts = field(default_factory=dict)
    pixels_gone: Counts = field(default_factory=dict)
    geometry_gone: Counts = field(default_factory=dict)


PARTS = ("clips", "bad", "redacted", "dropped", "pixels_gone", "geometry_gone")


class TallyCoder(AvroCoder[Tally]):
    """Version 1: keys in order, so that equal tallies are equal bytes."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "Tally",
            "fields": [{"name": name, "type": {"type": "map", "values": "long"}} for name in PARTS],
        }
    )

    @staticmethod
    def to_fields(value: Tally) -> dict[str, Any]:
        return {name: dict(sorted(getattr(value, name).items())) for name in PARTS}

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> Tally:
        return Tally(**fields)


coders.registry.register_coder(Tally, TallyCoder)


def bucket(took_us: int) -> str:
    """Return the bucket of a time: its number, as text.

    >>> bucket(1_000_000), bucket(1_100_000), bucket(10_000_000)
    ('0', '1', '20')
    """
    # What a clock that is ahead makes negative is no time at all.
    return str(math.ceil(A_DECADE * math.log10(max(took_us, 1000) / SECOND_US) - 1e-9))


def upper_bound(number: str) -> float:
    """Return the longest time of a bucket, in seconds.

    >>> upper_bound("0"), upper_bound("1"), upper_bound("20")
    (1.0, 1.122, 10.0)
    """
    return round(float(10 ** (int(number) / A_DECADE)), 3)


def quantile(counts: Counts, share: float) -> float | None:
    """Return the upper bound of the bucket in which a quantile lies; None where nothing was counted."""
    return bound_at({upper_bound(number): count for number, count in counts.items()}, share)


def bound_at(counts: Mapping[float, int], share: float) -> float | None:
    """Return the bound up to which a share of what was counted lies; None where nothing was.

    >>> bound_at({1.0: 3, 2.0: 1}, 0.5), bound_at({1.0: 3, 2.0: 1}, 0.99)
    (1.0, 2.0)
    """
    wanted = share * sum(counts.values())
    for bound in sorted(counts):
        wanted -= counts[bound]
        if wanted <= 1e-9:
            return bound
    return None


def tally_of(facts: Iterable[ClipFact]) -> Tally:
    """Sum facts up: a clip once however often it came, a stretch once; only deliveries are counted each.

    Of a clip that came several times the longest time counts: its pictures are gone when the last copy is.
    """
    told: dict[str, list[ClipFact]] = {}
    for fact in facts:
        told.setdefault(fact.identity, []).append(fact)
    clips: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    pixels: Counter[str] = Counter()
    geometry: Counter[str] = Counter()
    redacted: Counter[str] = Counter()
    for about in told.values():
        words = {fact.what for fact in about}
        took = [fact.took_us for fact in about if fact.took_us is not None]
        if FORGOTTEN in words:
            geometry[bucket(max(took))] += 1
            continue
        if words & {REDACTED, NOT_REDACTED}:
            redacted.update(_redaction(about))
            continue
        if IN_TIME not in words:
            clips["late" if LATE in words else "too_late"] += bool(words & {LATE, TOO_LATE})
        deliveries = [fact for fact in about if fact.what in DELIVERIES]
        if not deliveries:
            continue
        first = min(deliveries, key=_order)
        clips.update({"read": 1, "deliveries": len(deliveries), "bytes": first.size, "frames": first.frames})
        clips[first.what] += 1
        bad[f"{first.stage}/{first.reason}"] += first.what == BAD
        if took:
            pixels[bucket(max(took))] += 1
    return Tally(+clips, +bad, +redacted, {}, +pixels, +geometry)


def _redaction(about: Iterable[ClipFact]) -> Counts:
    written = [fact for fact in about if fact.what == REDACTED]
    if not written:
        return {"failed": 1}
    first = min(written, key=lambda fact: (fact.size, sorted(fact.measure.items())))
    return {"clips": 1, "bytes": first.size, **first.measure}


def _order(fact: ClipFact) -> tuple[int, str, str, int]:
    # A clip that was looked at once was good; that a key was missing another time is told by the dead letters.
    rank = (DECODED, *(each for each in DELIVERIES if each not in (DECODED, NOT_ASKED_FOR)), NOT_ASKED_FOR)
    return rank.index(fact.what), fact.stage, fact.reason, fact.size


def added(tallies: Iterable[Tally]) -> Tally:
    """Add tallies of disjoint facts."""
    sums: dict[str, Counter[str]] = {name: Counter() for name in PARTS}
    for tally in tallies:
        for name in PARTS:
            sums[name].update(getattr(tally, name))
    return Tally(**sums)
