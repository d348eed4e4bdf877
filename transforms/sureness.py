"""How sure a window's values are: their 90% intervals, by the audit of the camera or group.

Nothing is told without samples of the measure, nor where there is no value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from schemas.audit import Audit, Measure, Samples
from transforms.intervals import errors_of, errors_of_totals, interval_of_part, interval_of_sum
from transforms.mean_errors import MeanErrors, interval_of_mean, interval_of_most, mean_errors_of

WholeEnds = tuple[int | None, int | None]
Ends = tuple[float | None, float | None]
"""Ends of an interval, both within; None where there is none."""


@dataclass(frozen=True, eq=False)
class Sureness:
    """Tells the intervals of one window's values.

    Attributes:
      audit: What was audited; None for nothing.
      observed_s: Observed time in seconds.
    """

    audit: Audit | None
    observed_s: float
    _told: dict[tuple[Callable[[Samples], Any], Measure], Any] = field(default_factory=dict, init=False, repr=False)

    def of_count(self, measure: Measure, counted: int | None) -> WholeEnds:
        """Return the interval of a count at one place."""
        return interval_of_sum(self._errors(errors_of, measure), counted, self.observed_s)

    def of_total(self, measure: Measure, counted: int | None) -> WholeEnds:
        """Return the interval of a count at all places together."""
        return interval_of_sum(self._errors(errors_of_totals, measure), counted, self.observed_s)

    def of_part(self, measure: Measure, counted: int | None) -> WholeEnds:
        """Return the interval of a part of a count at one place."""
        return interval_of_part(self._errors(errors_of, measure), counted, self.observed_s)

    def of_mean(self, measure: Measure, mean: float | None, place: int) -> Ends:
        """Return the interval of a mean at a place, by its number."""
        return interval_of_mean(self._errors(mean_errors_of, measure), mean, place, self.observed_s)

    def of_person_seconds(self, measure: Measure, seconds: float | None, place: int) -> Ends:
        """Return the interval of person-seconds at a place: the observed time's mean."""
        errors = self._errors(mean_errors_of, measure)
        return interval_of_mean(errors, seconds, place, self.observed_s, self.observed_s)

    def of_most(self, most: int | None, place: int) -> WholeEnds:
        """Return the interval of the most at one moment of the observed time at a place."""
        return interval_of_most(self._peaks(), most, place, self.observed_s)

    def of_moment(self, number: int | None, place: int) -> WholeEnds:
        """Return the interval of how many are at a place at one given moment."""
        return interval_of_most(self._peaks(), number, place)

    def _peaks(self) -> MeanErrors | None:
        found: MeanErrors | None = self._errors(mean_errors_of, "peaks")
        return found

    def _errors(self, errors_of: Callable[[Samples], Any], measure: Measure) -> Any:
        """Return what the samples of a measure say; asked once a window, for samples are long to compare."""
        key = errors_of, measure
        if key not in self._told:
            samples: Samples | None = getattr(self.audit, measure, None)
            self._told[key] = None if samples is None else errors_of(samples)
        return self._told[key]
