"""How far the truth may lie from how many people are at a place: the mean over a time, or the most at one moment.

As for counts (`transforms.intervals`), with two things more, for who is at one place of a camera goes on wrong:

* **places**. A zone in which feet are hidden is off by more, and always the same way. A place's own share of what was
  counted, and the own size of its errors, are drawn from its samples, and towards those of all places as far as it has
  few.
* **time**. Over a longer time errors cancel out, as far as those of windows that follow one another are independent:
  the variance of a mean of m windows is that of one over m, times the inflation of a first-order autoregressive
  process (Box and Jenkins 1970). The correlation is that of neighbouring samples, less what may be chance, one standard
  error; with too few of them it is taken to be a half.

Up to a sample's length the half width is the conformal quantile; over longer times, of which there are no samples, that
of Student's t, with the samples' windows for its degrees of freedom. From fewer than twenty samples neither the size of
errors nor their correlation can be told well enough for that: a mean over twice their length or longer has no interval.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from schemas.audit import Samples
from transforms.intervals import LEAST_SAMPLES, LEVEL, SLACK, Interval, quantile, student, whole_numbers

ANYWHERE = -1
"""Number of a place that is not among the samples': it has the share and the size of the errors of all of them."""

_SHARE_PRIOR = 2.0
"""What the share of all places weighs beside a place's own, in people counted."""

_SIZE_PRIOR = 10.0
"""What the size of all places' errors weighs beside a place's own, in samples."""

_LEAST_FOR_LONGER = 20
"""Fewest samples in which something was counted for a mean over `_LONGER` times their length, or more."""
_LONGER = 2

_SHORTEST = 0.5
"""Share of the samples' length below which nothing is known of a mean: errors over a shorter time are larger."""

_MOST_CORRELATION = 0.95

_USUAL_CORRELATION = 0.5
"""Where too few samples follow one another to tell: what was found where there are many."""


@dataclass(frozen=True)
class MeanErrors:
    """What the samples of a mean say of its errors.

    Attributes:
      share: True over counted, of all places.
      shares: Of each place, by its number.
      counted: Counted in all samples of each place.
      size: Root mean square of the scaled errors of all places.
      sizes: Of each place.
      score: Quantile of the errors over their places' sizes; None with too few samples in which something was counted.
      scores: All of these errors, small ones first.
      spread: Their root mean square.
      freedom: Degrees of freedom of Student's t.
      missed: Quantile of what was there where nothing was counted; None with too few such samples.
      all_missed: What was there in each of these.
      missed_mean: Mean of that.
      missed_spread: Its standard deviation.
      seconds: Mean length of a sample.
      correlation: Of errors that follow one another.
    """

    share: float
    shares: Mapping[int, float]
    counted: Mapping[int, float]
    size: float
    sizes: Mapping[int, float]
    score: float | None
    scores: Sequence[float]
    spread: float
    freedom: int
    missed: float | None
    all_missed: Sequence[float]
    missed_mean: float
    missed_spread: float
    seconds: float
    correlation: float

    def of(self, value: float, place: int, seconds: float) -> Interval | None:
        """Return the interval of a mean over `seconds` at a place, by its number."""
        if seconds < self.seconds * _SHORTEST:
            return None
        times = max(1.0, seconds / self.seconds)
        inflation = _inflation(self.correlation, times)
        if value > 0:
            if self.score is None or (times >= _LONGER and len(self.scores) < _LEAST_FOR_LONGER):
                return None
            score = self.score if times == 1 else student(self.freedom) * self.spread
            return self._around(value, place, score, inflation, times)
        if self.missed is None:
            return None
        return Interval(0, self.missed_mean + (self.missed - self.missed_mean) * math.sqrt(inflation / times))

    def of_most(self, value: float, place: int, seconds: float) -> Interval | None:
        """Return the interval of the most at one moment of `seconds` at a place, by its number.

        Of so many times a sample's length it holds if the most of each is within its own, so each has to be that much
        surer (Sidak 1967): the quantile is that of the higher level, or the largest error of all where the samples are
        too few to tell it, and at least that of Student's t. Some of these times may be ones in which nothing was
        counted, so that the high is no lower than theirs.
        """
        times = max(1.0, seconds / self.seconds)
        errors, least = (self.scores, self.score) if value > 0 else (self.all_missed, self.missed)
        if least is None or (times >= _LONGER and len(errors) < _LEAST_FOR_LONGER):
            return None
        level = LEVEL ** (1 / times)
        idle = self._most_missed(level)
        if value == 0:
            return Interval(0, idle)
        t = student(self.freedom, level) if times > 1 else 0.0
        interval = self._around(value, place, max(_surer(self.scores, level), t * self.spread))
        return interval if times == 1 else Interval(interval.low, max(interval.high, idle))

    def _most_missed(self, level: float) -> float:
        """Return what was there at most where nothing was counted, at a level."""
        if not self.all_missed:
            return 0.0
        most = _surer(self.all_missed, level)
        if level == LEVEL or len(self.all_missed) < _LEAST_FOR_LONGER:
            return most
        return max(most, self.missed_mean + student(len(self.all_missed) - 1, level) * self.missed_spread)

    def _around(self, value: float, place: int, score: float, inflation: float = 1.0, times: float = 1.0) -> Interval:
        scale = _scale(value, self.counted.get(place, 0.0), inflation, times)
        centre, width = self.shares.get(place, self.share) * value, score * self.sizes.get(place, self.size) * scale
        return Interval(centre - width, centre + width)


@lru_cache(maxsize=256)
def mean_errors_of(samples: Samples) -> MeanErrors:
    """Return what the samples of a mean say of its errors."""
    # Without their windows and places all are of one place, and none is known to follow another.
    at = samples.at or tuple((2 * number, 0) for number in range(len(samples.samples)))
    counted, true, squares = (
        defaultdict[int, float](float),
        defaultdict[int, float](float),
        defaultdict[int, float](float),
    )
    for (_, place), (said, there) in zip(at, samples.samples, strict=True):
        counted[place] += said
        true[place] += there
    total, truth = math.fsum(counted.values()), math.fsum(true.values())
    errors: dict[tuple[int, int], float] = {}
    missed = []
    for where, (said, there) in zip(at, samples.samples, strict=True):
        rest = counted[where[1]] - said
        if said == 0:
            missed.append(there)
        elif total - said > 0:
            all_others = (truth - there) / (total - said)
            share = (true[where[1]] - there + all_others * _SHARE_PRIOR) / (rest + _SHARE_PRIOR)
            errors[where] = (there - share * said) / _scale(said, rest)
    square = math.fsum(error * error for error in errors.values()) / len(errors) if errors else 0.0
    of_place = Counter(place for _, place in errors)
    for (_, place), error in errors.items():
        squares[place] += error * error

    def size(place: int, without: float | None = None) -> float:
        if len(counted) == 1:
            return math.sqrt(square)
        own, number = squares[place], of_place[place]
        if without is not None:
            own, number = own - without * without, number - 1
        return math.sqrt(max(0.0, own + _SIZE_PRIOR * square) / (number + _SIZE_PRIOR))

    scaled = {where: error / size(where[1], error) if error else 0.0 for where, error in errors.items()}
    mean_square = math.fsum(each * each for each in scaled.values()) / len(scaled) if scaled else 0.0
    scores = tuple(sorted(map(abs, scaled.values())))
    return MeanErrors(
        share=truth / total if total else 1.0,
        shares={
            place: (true[place] + truth / total * _SHARE_PRIOR) / (counted[place] + _SHARE_PRIOR)
            for place in counted
            if total
        },
        counted=dict(counted),
        size=math.sqrt(square),
        sizes={place: size(place) for place in counted},
        score=quantile(scores),
        scores=scores,
        spread=math.sqrt(mean_square),
        freedom=len({window for window, _ in at}) - 1,
        missed=quantile(missed),
        all_missed=tuple(missed),
        missed_mean=statistics.fmean(missed or [0.0]),
        missed_spread=statistics.stdev(missed) if len(missed) > 1 else 0.0,
        seconds=samples.seconds,
        correlation=_correlation(scaled, mean_square),
    )


def interval_of_most(
    errors: MeanErrors | None, number: int | None, place: int, seconds: float = 0
) -> tuple[int | None, int | None]:
    """Return the ends of the interval of the most at a place at one moment of `seconds`: the whole numbers in it."""
    return whole_numbers(None if errors is None or number is None else errors.of_most(number, place, seconds), number)


def interval_of_mean(
    errors: MeanErrors | None, value: float | None, place: int, seconds: float, times: float = 1
) -> tuple[float | None, float | None]:
    """Return the ends of the interval of so many `times` a mean over `seconds`: in thousandths, rounded outwards."""
    interval = None if errors is None or value is None else errors.of(value / times, place, seconds)
    if interval is None or value is None:
        return None, None
    low = math.floor(interval.low * times * 1000 + SLACK) / 1000
    high = math.ceil(interval.high * times * 1000 - SLACK) / 1000
    return min(max(0.0, low), value), max(high, value)


def _surer(errors: Sequence[float], level: float) -> float:
    """Return the errors' quantile at a level; the largest, where they are too few to tell it."""
    found = quantile(errors, level)
    return max(errors) if found is None else found


def _scale(value: float, counted: float, inflation: float = 1.0, times: float = 1.0) -> float:
    """Return what errors grow with: those of single people over the time, and that of the share."""
    return math.sqrt(inflation * ((value + 1) / times + value * value / (counted + _SHARE_PRIOR)))


def _correlation(scaled: Mapping[tuple[int, int], float], mean_square: float) -> float:
    """Return the correlation of errors at one place in windows that follow at once, less one standard error."""
    products = [
        error * scaled[window + 1, place] for (window, place), error in scaled.items() if (window + 1, place) in scaled
    ]
    if len(products) < LEAST_SAMPLES:
        return _USUAL_CORRELATION
    found = math.fsum(products) / len(products) / mean_square if mean_square else 0.0
    return min(_MOST_CORRELATION, max(0.0, found - 1 / math.sqrt(len(products))))


def _inflation(correlation: float, times: float) -> float:
    """Return the variance of a mean of so many windows over that of independent ones."""
    if correlation == 0 or times <= 1:
        return 1.0
    # 1 + 2 sum((1 - k / m) r^k, k = 1 … m), in closed form; whole windows and parts of one alike.
    ratio = correlation / (1 - correlation)
    return 1 + 2 * ratio * (1 - (1 - correlation**times) / (times * (1 - correlation)))
