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
        memory: Seconds over which a person's velocity is forgotten.
        place_error: Standard error of a detected box's centre.
        size_error: Standard error of the logarithm of a detected width or height.
        size_drift: Change of the logarithm of the size in a second.
    """

    pace: float = 0.3
    memory: float = 5.0
    place_error: float = 0.06
    size_error: float = 0.08
    size_drift: float = 0.05


ROWS = 10
"""Rows of a motion array (ROWS, K), a column a track: x and y of the centre and their two velocities; the variance
of a coordinate, its covariance with its velocity, the variance of the velocity (x and y share them); the
logarithms of width and height and their shared variance. Picture heights and seconds."""


class Measured(NamedTuple):
    """Detected boxes as the filter sees them, each field (N,)."""

    x: Floats
    y: Floats
    log_width: Floats
    log_height: Floats
    noise: Floats
    """Variance of the measurement, as a multiple of that of a lone box."""


def measure(boxes: Floats, noise: Floats) -> Measured:
    """Turn boxes (N, 4), x1 y1 x2 y2 with positive sides, into centres and logarithms of sizes."""
    left, top, right, bottom = boxes.T
    return Measured((left + right) / 2, (top + bottom) / 2, np.log(right - left), np.log(bottom - top), noise)


def begin(seen: Measured, settings: MotionSettings) -> Floats:
    """Begin tracks at their first sightings: at rest, as far as anyone knows. Returns (ROWS, N)."""
    height_var = np.exp(2 * seen.log_height)
    rest = np.zeros_like(seen.x)
    place_var = settings.place_error**2 * height_var * seen.noise
    speed_var = settings.pace**2 * height_var
    size_var = settings.size_error**2 * seen.noise
    return np.array((seen.x, seen.y, rest, rest, place_var, rest, speed_var, seen.log_width, seen.log_height, size_var))


def predict(motion: Floats, seconds: Floats, settings: MotionSettings) -> Floats:
    """Move tracks (ROWS, K) forward, each by its own number of seconds (K,)."""
    x, y, speed_x, speed_y, place_var, cross_var, speed_var, log_width, log_height, size_var = motion
    kept = np.exp(seconds / -settings.memory)
    lost = 1 - kept
    reach = settings.memory * lost
    spread = settings.pace**2 * np.exp(2 * log_height)
    carried = cross_var + reach * speed_var
    return np.array(
        (
            x + reach * speed_x,
            y + reach * speed_y,
            kept * speed_x,
            kept * speed_y,
            place_var
            + reach * (cross_var + carried)
            + spread * settings.memory * (2 * seconds - 2 * reach - reach * lost),
            kept * carried + spread * reach * lost,
            kept * kept * speed_var + spread * (1 - kept * kept),
            log_width,
            log_height,
            size_var + settings.size_drift**2 * seconds,
        )
    )


def place_noise(motion: Floats, noise: Floats, settings: MotionSettings) -> Floats:
    """Return the variance of a detected centre; motion (ROWS, ...) and noise broadcast."""
    return settings.place_error**2 * np.exp(2 * motion[8]) * noise


def correct(motion: Floats, seen: Measured, settings: MotionSettings) -> Floats:
    """Correct predicted tracks (ROWS, M) by one sighting each, in the same order (Kalman update)."""
    x, y, speed_x, speed_y, place_var, cross_var, speed_var, log_width, log_height, size_var = motion
    total = place_var + place_noise(motion, seen.noise, settings)
    place_gain, speed_gain = place_var / total, cross_var / total
    size_gain = size_var / (size_var + settings.size_error**2 * seen.noise)
    off_x, off_y = seen.x - x, seen.y - y
    return np.array(
        (
            x + place_gain * off_x,
            y + place_gain * off_y,
            speed_x + speed_gain * off_x,
            speed_y + speed_gain * off_y,
            (1 - place_gain) * place_var,
            (1 - place_gain) * cross_var,
            speed_var - speed_gain * cross_var,
            log_width + size_gain * (seen.log_width - log_width),
            log_height + size_gain * (seen.log_height - log_height),
            (1 - size_gain) * size_var,
        )
    )


def frame(motion: Floats) -> Floats:
    """Return the boxes (K, 4) of tracks (ROWS, K)."""
    half_width, half_height = np.exp(motion[7:9]) / 2
    x, y = motion[0], motion[1]
    return np.array((x - half_width, y - half_height, x + half_width, y + half_height)).T


def surprise(motion: Floats, seen: Measured, settings: MotionSettings) -> Floats:
    """Say how badly each measured box fits each predicted track.

    Returns:
        (K, N) twice the negative log-likelihood of centre and height, at least 0: its zero is an exact hit on a
        track without any doubt. It rises with the distance, and with the time that the track was out of sight.
    """
    tracks = motion[:, :, None]
    place_error = place_noise(tracks, np.ones(1), settings)
    size_error = settings.size_error**2
    place = tracks[4] + place_error * seen.noise
    size = tracks[9] + size_error * seen.noise
    cost = ((seen.x - tracks[0]) ** 2 + (seen.y - tracks[1]) ** 2) / place
    cost += (seen.log_height - tracks[8]) ** 2 / size
    cost += np.log((place / place_error) ** 2 * (size / size_error))
    return cost
