"""How a person moves in the picture: a walk whose velocity is remembered for a while, then forgotten.

Each coordinate follows an Ornstein-Uhlenbeck velocity (Uhlenbeck and Ornstein 1930): it keeps a spread of
`pace` and is forgotten over `memory` seconds. Unlike the constant velocity of SORT, a person who is out of sight
is expected to slow down near the place last seen, and the uncertainty grows as fast as people can walk, no
faster. The discretisation is exact for any time step: predicting twice over half a step is predicting once, so
frame rates, missing frames and occlusions need no special case. The covariance of place and velocity grows over
an occlusion, so that the first sighting after it corrects the velocity too (what OC-SORT calls re-update).

Lengths are picture heights, but all spreads are shares of the person's own height, so that near and far people
follow one law. Width and height are a slow random walk of their logarithms. x and y share their variances, which
makes the filter a handful of operations on vectors over all tracks.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MotionSettings:
    """How people move and how well a detector sees them; shares are of the person's own height.

    Attributes:
        pace: Spread of the velocity along one axis, own heights a second. Walking is 1.4 m/s, or 0.8 heights a
            second; many stand, and a slanted view shortens one axis.
        arrival: The same of somebody who has just come into view: most of them walk, in any direction.
        memory: Seconds over which a person's velocity is forgotten.
        place_error: Standard error of a detected box's centre.
        size_error: Standard error of the logarithm of a detected width or height.
        size_drift: Change of the logarithm of the size in a second.
    """

    pace: float = 0.3
    arrival: float = 0.45
    memory: float = 5.0
    place_error: float = 0.06
    size_error: float = 0.08
    size_drift: float = 0.05


ROWS = 10
"""Rows of a motion array (ROWS, K), a column a track: x and y of the centre and their two velocities; the variance
of a coordinate, its covariance with its velocity, the variance of the velocity (x and y share them); the
logarithms of width and height and their shared variance. Picture heights and seconds."""


AFTER = 4
"""Rows of what later boxes say of the velocities of people at earlier ones, (AFTER, N): the information, which x
and y share, and the information vector's x and y; then how well the velocity of somebody of whom nothing is known
agrees with it. All is 0 where nothing comes after."""


class Measured(NamedTuple):
    """Detected boxes as the filter sees them."""

    centre: Floats
    """(2, N) x and y."""
    log_width: Floats
    log_height: Floats
    noise: Floats
    """(N,) variance of the measurement, as a multiple of that of a lone box."""


def measure(boxes: Floats, noise: Floats) -> Measured:
    """Turn boxes (N, 4), x1 y1 x2 y2 with positive sides, into centres and logarithms of sizes."""
    left, top, right, bottom = boxes.T
    return Measured(
        np.array(((left + right) / 2, (top + bottom) / 2)), np.log(right - left), np.log(bottom - top), noise
    )


def pick(seen: Measured, which: NDArray[np.intp]) -> Measured:
    """Return some of the boxes."""
    return Measured(*(field[..., which] for field in seen))


def across(motion: Floats, seen: Measured) -> tuple[Floats, Measured]:
    """Pair each track (ROWS, ..., K) with each box (..., N): the two, ready to broadcast to (..., K, N)."""
    return motion[..., :, None], Measured(*(field[..., None, :] for field in seen))


def begin(seen: Measured, settings: MotionSettings) -> Floats:
    """Begin tracks at their first sightings: at rest, as far as anyone knows. Returns (ROWS, N)."""
    height_var = np.exp(2 * seen.log_height)
    rest = np.zeros_like(seen.noise)
    place_var = settings.place_error**2 * height_var * seen.noise
    speed_var = settings.pace**2 * height_var
    size_var = settings.size_error**2 * seen.noise
    return np.array(
        (
            seen.centre[0],
            seen.centre[1],
            rest,
            rest,
            place_var,
            rest,
            speed_var,
            seen.log_width,
            seen.log_height,
            size_var,
        )
    )


def arrive(seen: Measured, settings: MotionSettings) -> Floats:
    """Begin tracks of people who have just come into view, as `begin` does those of anybody."""
    motion = begin(seen, settings)
    motion[6] = settings.arrival**2 * np.exp(2 * seen.log_height)
    return motion


def predict(motion: Floats, seconds: Floats, settings: MotionSettings) -> Floats:
    """Move tracks (ROWS, ...) forward, each by its own number of seconds (...); the two broadcast."""
    kept = np.exp(seconds / -settings.memory)
    lost = 1 - kept
    reach = settings.memory * lost
    spread = settings.pace**2 * np.exp(2 * motion[8])
    carried = motion[5] + reach * motion[6]
    after = np.empty((ROWS, *np.broadcast_shapes(motion.shape[1:], seconds.shape)))
    after[0:2] = motion[0:2] + reach * motion[2:4]
    after[2:4] = kept * motion[2:4]
    after[4] = (
        motion[4] + reach * (motion[5] + carried) + spread * settings.memory * (2 * seconds - 2 * reach - reach * lost)
    )
    after[5] = kept * carried + spread * reach * lost
    after[6] = kept * kept * motion[6] + spread * (1 - kept * kept)
    after[7:9] = motion[7:9]
    after[9] = motion[9] + settings.size_drift**2 * seconds
    return after


def place_noise(motion: Floats, noise: Floats, settings: MotionSettings) -> Floats:
    """Return the variance of a detected centre; motion (ROWS, ...) and noise broadcast."""
    return settings.place_error**2 * np.exp(2 * motion[8]) * noise


def correct(motion: Floats, seen: Measured, settings: MotionSettings) -> Floats:
    """Correct predicted tracks (ROWS, M) by one sighting each, in the same order (Kalman update)."""
    place_var, cross_var, speed_var, log_width, log_height, size_var = motion[4:]
    total = place_var + place_noise(motion, seen.noise, settings)
    place_gain, speed_gain = place_var / total, cross_var / total
    size_gain = size_var / (size_var + settings.size_error**2 * seen.noise)
    off = seen.centre - motion[0:2]
    after = np.empty_like(motion)
    after[0:2] = motion[0:2] + place_gain * off
    after[2:4] = motion[2:4] + speed_gain * off
    after[4] = (1 - place_gain) * place_var
    after[5] = (1 - place_gain) * cross_var
    after[6] = speed_var - speed_gain * cross_var
    after[7] = log_width + size_gain * (seen.log_width - log_width)
    after[8] = log_height + size_gain * (seen.log_height - log_height)
    after[9] = (1 - size_gain) * size_var
    return after


def frame(motion: Floats) -> Floats:
    """Return the boxes (K, 4) of tracks (ROWS, K)."""
    half_width, half_height = np.exp(motion[7:9]) / 2
    x, y = motion[0], motion[1]
    return np.array((x - half_width, y - half_height, x + half_width, y + half_height)).T


def surprise(motion: Floats, seen: Measured, settings: MotionSettings) -> Floats:
    """Say how badly measured boxes fit predicted tracks; the two broadcast, `across` pairs each with each.

    Returns:
        Twice the negative log-likelihood of centre and height, at least 0: its zero is an exact hit on a
        track without any doubt. It rises with the distance, and with the time that the track was out of sight.
    """
    place_error = place_noise(motion, np.ones(1), settings)
    size_error = settings.size_error**2
    place = motion[4] + place_error * seen.noise
    size = motion[9] + size_error * seen.noise
    cost: Floats = ((seen.centre - motion[0:2]) ** 2).sum(axis=0) / place
    cost += (seen.log_height - motion[8]) ** 2 / size
    cost += np.log((place / place_error) ** 2 * (size / size_error))
    return cost


def look_back(motion: Floats, settings: MotionSettings) -> Floats:
    """Return what tracks that were run backwards in time say of the velocity, (AFTER, N).

    A walk looks the same both ways, but for the sign of its velocity. What is known of anybody is taken out, so
    that it does not count twice where the two directions meet (two-filter smoothing, Fraser and Potter 1969).
    """
    anybody = settings.pace**2 * np.exp(2 * motion[8])
    known = np.maximum(1 / motion[6] - 1 / anybody, 0)
    told = -motion[2:4] / motion[6]
    return np.array((known, *told, _agreement(anybody, np.zeros_like(told), known, told)))


def agreement(motion: Floats, seen: Measured, after: Floats, settings: MotionSettings) -> Floats:
    """Say how much better tracks explain where boxes go next than people of whom nothing is known.

    Args:
        motion: (ROWS, ...) predicted tracks, before the boxes are seen.
        seen: Boxes; tracks, boxes and what comes after them broadcast, as in `surprise`.
        after: (AFTER, ...) what later boxes say, from `look_back`.
        settings: The same in all steps.

    Returns:
        Twice the logarithm of the likelihood ratio of the velocities; 0 where nothing comes after.
    """
    gain = motion[5] / (motion[4] + place_noise(motion, seen.noise, settings))
    speed = motion[2:4] + gain * (seen.centre - motion[0:2])
    return _agreement(motion[6] - gain * motion[5], speed, after[0], after[1:3]) - after[3]


def _agreement(speed_var: Floats, speed: Floats, known: Floats, told: Floats) -> Floats:
    """Return twice the log-likelihood of what is told of a velocity, but for a constant; x and y together."""
    total = 1 + speed_var * known
    fits: Floats = ((2 * told - known * speed) * speed + speed_var * told**2).sum(axis=0) / total
    fits -= 2 * np.log(total)
    return fits
