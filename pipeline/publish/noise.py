"""Noise by OpenDP: integers from its exact sampler of the discrete Laplace distribution, seeded by the system."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import opendp.prelude as dp

MECHANISM = "discrete Laplace, OpenDP make_laplace"


class Noisy(NamedTuple):
    """Counts with noise; 19 of 20 lie within `margin` of what they were."""

    counts: list[int]
    scale: float
    margin: int


def add_noise(counts: Sequence[int], sensitivity: int, epsilon: float) -> Noisy:
    """Return counts with noise that makes them `epsilon`-differentially private as a whole.

    Args:
      counts: All counts that are released together.
      sensitivity: By how much one unit of privacy changes their sum of absolute differences at most.
      epsilon: The budget; all of it is spent.
    """
    # OpenDP asks that one says yes to parts of it that no second person has proven.
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    scale = dp.binary_search_param(lambda each: dp.m.make_laplace(*space, scale=each), d_in=sensitivity, d_out=epsilon)
    mechanism = dp.m.make_laplace(*space, scale=scale)
    if not mechanism.check(d_in=sensitivity, d_out=epsilon):
        raise ValueError("the mechanism would spend more than its budget")
    noisy = mechanism(list(counts)) if counts else []
    return Noisy(noisy, scale, math.ceil(scale * math.log(20)))
