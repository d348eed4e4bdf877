"""How far the truth may lie from a count: 90% intervals, from samples in which a person counted as well.

The method, for one measure of one camera, from samples (counted, true) of a few seconds each:

* the share `true / counted` over all samples is the centre: what is seen too much or too little on the whole;
* each sample in which something was counted is held against the others (leave one out), and its error divided by
  `sqrt(counted + 1 + counted² / total)`: errors of single people, and that of the share itself. The quantile of these
  scores that split conformal prediction takes, the ceil(0.9 (n + 1))-th smallest (Vovk, Gammerman and Shafer 2005; Lei
  et al. 2018), scaled back, is the interval's half width. It supposes nothing of the errors' distribution;
* where nothing was counted, the interval ends at the same quantile of what was there in the samples with nothing
  counted. These are a class of their own (Mondrian conformal prediction), or many idle samples would speak for the
  busy ones;
* a count over a time longer than the samples' adds up the errors of many samples: the interval is no narrower than the
  one of Student's t by the samples' mean and variance, summed over that time;
* a total over all places is held against the sums of its windows, for errors of one place make up for another's. Of
  these there are few, and their quantile is often the largest: from twice their length on Student's t alone tells it,
  and over more than a third of the time audited nothing does.

A mean number of people does not add up: `transforms.mean_errors`.

Below nine samples of its class a value has no interval: no 90% can be told from eight. The counted value itself is
always within. It is a pure function of the value, the observed time and the site file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from scipy.special import stdtrit

from schemas.audit import Samples

LEVEL = 0.9
"""Share of windows whose interval holds the truth."""

LEAST_SAMPLES = math.ceil(LEVEL / (1 - LEVEL) - 1e-9)
"""Fewest samples of a class from which the level can be told."""

_MANY = 2
"""Samples' lengths from which on the errors of totals add up."""

_TIMES_AUDITED = 3
"""How much longer than a total's time the audit must have been."""

SLACK = 1e-6
"""What binary fractions may be off before a whole number counts as outside."""


class Interval(NamedTuple):
    """From `low` to `high`, both within."""

    low: float
    high: float


@dataclass(frozen=True)
class Errors:
    """What a measure's samples say of its errors.

    Attributes:
      share: True over counted.
      total: Counted in all samples.
      score: Quantile of the scaled errors where something was counted; None with too few such samples.
      missed: Quantile of what was there where nothing was counted; None with too few such samples.
      seconds: Mean length of a sample.
      variance: Of the error of one counted person.
      missed_mean: Mean of what was there where nothing was counted.
      missed_square: Mean of its square.
      samples: How many there are.
      student: Student's t for the level, on both sides.
      of_totals: Whether the samples are totals over all places.
    """

    share: float
    total: float
    score: float | None
    missed: float | None
    seconds: float
    variance: float
    missed_mean: float
    missed_square: float
    samples: int
    student: float
    of_totals: bool = False

    def of(self, counted: float) -> Interval | None:
        """Return the interval of a value counted over a time as long as a sample."""
        if counted > 0:
            if self.score is None:
                return None
            centre, width = self.share * counted, self.score * _scale(counted, self.total)
            return Interval(centre - width, centre + width)
        return None if self.missed is None else Interval(0, self.missed)

    def of_sum(self, counted: float, seconds: float) -> Interval | None:
        """Return the interval of a value counted over `seconds`."""
        interval = self.of(counted)
        times = seconds / self.seconds
        if interval is None or times <= 1:
            return interval
        if counted > 0:
            centre, variance = self.share * counted, self.variance * counted * (1 + counted / self.total)
        else:
            centre, variance = times * self.missed_mean, times * self.missed_square
        width = self.student * math.sqrt(variance)
        if self.of_totals and times >= _MANY:
            if times * _TIMES_AUDITED > self.samples:
                return None
            return Interval(centre - width, centre + width)
        return Interval(min(interval.low, centre - width), max(interval.high, centre + width))

    def of_part(self, counted: float, seconds: float) -> Interval | None:
        """Return the interval of a part of what was counted at a place, as one bin of its visits.

        Where nothing of it was counted, that is no idle time, for there may be others: it is off as one person is.
        """
        if counted > 0:
            return self.of_sum(counted, seconds)
        if self.score is None:
            return None
        width = self.score * _scale(0, self.total)
        return Interval(0, max(width, self.student * math.sqrt(self.variance)) if seconds > self.seconds else width)


@lru_cache(maxsize=256)
def errors_of(samples: Samples) -> Errors:
    """Return what a measure's samples say of its errors."""
    pairs = samples.samples
    total = math.fsum(counted for counted, _ in pairs)
    true = math.fsum(true for _, true in pairs)
    share = true / total if total else 1.0
    missed = [there for counted, there in pairs if counted == 0]
    scores = []
    for counted, there in pairs:
        # With nothing counted in all others there is no share to hold this one against, and too few samples anyway.
        if counted > 0 and (rest := total - counted) > 0:
            scores.append(abs(there - (true - there) / rest * counted) / _scale(counted, rest))
    squares = math.fsum((there - share * counted) ** 2 for counted, there in pairs)
    freedom = max(len(pairs) - 1, 1)
    return Errors(
        share=share,
        total=total,
        score=quantile(scores),
        missed=quantile(missed),
        seconds=samples.seconds,
        variance=squares * len(pairs) / freedom / total if total else 0.0,
        missed_mean=math.fsum(missed) / len(missed) if missed else 0.0,
        missed_square=math.fsum(there**2 for there in missed) / len(missed) if missed else 0.0,
        samples=len(pairs),
        student=student(freedom),
    )


@lru_cache(maxsize=256)
def errors_of_totals(samples: Samples) -> Errors | None:
    """Return what is said of the errors of a total over all places; None where samples' windows are not told.

    Windows that lack a place, as one that the auditor has not come to, are left out.
    """
    sums: dict[int, list[tuple[float, float]]] = {}
    for (window, _), pair in zip(samples.at or (), samples.samples, strict=False):
        sums.setdefault(window, []).append(pair)
    places = len({place for _, place in samples.at or ()})
    whole = [tuple(map(math.fsum, zip(*pairs, strict=True))) for pairs in sums.values() if len(pairs) == places]
    if not whole:
        return None
    return replace(errors_of(Samples(seconds=samples.seconds, samples=tuple((c, t) for c, t in whole))), of_totals=True)


def interval_of_sum(errors: Errors | None, counted: int | None, seconds: float) -> tuple[int | None, int | None]:
    """Return the ends of the interval of a value that was counted over `seconds`: the whole numbers in it."""
    return whole_numbers(None if errors is None or counted is None else errors.of_sum(counted, seconds), counted)


def interval_of_part(errors: Errors | None, counted: int | None, seconds: float) -> tuple[int | None, int | None]:
    """Return the ends of the interval of a part of what was counted over `seconds`: the whole numbers in it."""
    return whole_numbers(None if errors is None or counted is None else errors.of_part(counted, seconds), counted)


def whole_numbers(interval: Interval | None, counted: int | None) -> tuple[int | None, int | None]:
    """Return the first and the last whole number of people in an interval, what was counted among them."""
    if interval is None or counted is None:
        return None, None
    low, high = max(0, math.ceil(interval.low - SLACK)), math.floor(interval.high + SLACK)
    return min(low, counted), max(high, counted)


def student(freedom: int, level: float = LEVEL) -> float:
    """Return Student's t for a level, on both sides; of one degree of freedom at least."""
    return float(stdtrit(max(freedom, 1), (1 + level) / 2))


def _scale(counted: float, total: float) -> float:
    return math.sqrt(counted + 1 + counted * counted / total)


def quantile(scores: Iterable[float], level: float = LEVEL) -> float | None:
    """Return the smallest score that a new one, of the same kind, exceeds with at most the odds of 1 - `level`."""
    ordered = sorted(scores)
    rank = math.ceil(level * (len(ordered) + 1) - 1e-9)
    return ordered[rank - 1] if rank <= len(ordered) else None
