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


SEEN = 5
"""Rows of an array of detected boxes as the filter sees them (SEEN, N): x and y of the centre, the logarithms of
width and height, and the variance of the measurement, as a multiple of that of a lone box."""


AFTER = 6
"""Rows of what later boxes say of the velocities of people at earlier ones, (AFTER, N): the information, which x
and y share, and half of it; the information vector's x and y, and half its squared length; then how well the velocity
of somebody of whom nothing is known agrees with it. All is 0 where nothing comes after."""


class Compared(NamedTuple):
    """Predicted tracks beside measured boxes; the shapes broadcast."""

    motion: Floats
    """(ROWS, ...) the tracks."""
    seen: Floats
    """(SEEN, ...) the boxes."""
    off: Floats
    """(2, ...) from the track's centre to the box's."""
    error: Floats
    """(...) variance of the centre of a lone box, were it the track's."""
    place: Floats
    """(...) variance of `off` along an axis, as a multiple of `error`."""


def measure(boxes: Floats) -> Floats:
    """Turn boxes (N, 4), x1 y1 x2 y2 with positive sides, into what is seen of them (SEEN, N), each as if alone."""
    near, far = boxes.T[0:2], boxes.T[2:4]
    seen = np.ones((SEEN, len(boxes)))
    seen[0:2] = (near + far) / 2
    seen[2:4] = np.log(far - near)
    return seen


def across(motion: Floats, seen: Floats) -> tuple[Floats, Floats]:
    """Pair each track (ROWS, ..., K) with each box (SEEN, ..., N): the two, ready to broadcast to (..., K, N)."""
    return motion[..., :, None], seen[..., None, :]


def begin(seen: Floats, settings: MotionSettings) -> Floats:
    """Begin tracks at their first sightings (SEEN, ...): at rest, as far as anyone knows. Returns (ROWS, ...)."""
    square, noise = np.exp(2 * seen[3]), seen[4]
    motion = np.zeros((ROWS, *noise.shape))
    motion[0:2] = seen[0:2]
    motion[4] = settings.place_error**2 * square * noise
    motion[6] = settings.pace**2 * square
    motion[7:9] = seen[2:4]
    motion[9] = settings.size_error**2 * noise
    return motion


def arrive(seen: Floats, settings: MotionSettings) -> Floats:
    """Begin tracks of people who have just come into view, as `begin` does those of anybody."""
    motion = begin(seen, settings)
    motion[6] = settings.arrival**2 * np.exp(2 * seen[3])
    return motion


def predict(motion: Floats, seconds: Floats, settings: MotionSettings) -> Floats:
    """Move tracks (ROWS, ...) forward, each by its own number of seconds (...); the two broadcast."""
    kept = np.exp(seconds * (-1 / settings.memory))
    reach = settings.memory * (1 - kept)
    spread = settings.pace**2 * np.exp(2 * motion[8])
    # The variance of the velocity tends to the spread; what it has above that, or below, is forgotten.
    above = motion[6] - spread
    cross_var = motion[5]
    carried = cross_var + reach * above
    after = np.empty((ROWS, *carried.shape))
    place, speed, variance = after[0:2], after[2:4], after[4:7]
    np.multiply(motion[2:4], reach, out=place)
    place += motion[0:2]
    np.multiply(motion[2:4], kept, out=speed)
    np.add(motion[4] + reach * (cross_var + carried), 2 * settings.memory * spread * (seconds - reach), out=variance[0])
    np.add(kept * carried, spread * reach, out=variance[1])
    np.add(kept * kept * above, spread, out=variance[2])
    after[7:9] = motion[7:9]
    np.add(motion[9], settings.size_drift**2 * seconds, out=after[9])
    return after


def place_error(motion: Floats, settings: MotionSettings) -> Floats:
    """Return the variance (...) of the centre of a lone box of tracks (ROWS, ...)."""
    error: Floats = np.exp(2 * motion[8])
    error *= settings.place_error**2
    return error


def correct(motion: Floats, seen: Floats, settings: MotionSettings) -> Floats:
    """Correct predicted tracks (ROWS, M) by one sighting each, (SEEN, M) in the same order (Kalman update)."""
    place_var, size_var = motion[4], motion[9]
    place_noise = place_error(motion, settings) * seen[4]
    size_noise = settings.size_error**2 * seen[4]
    gains = motion[4:6] / (place_var + place_noise)
    size_gain = size_var / (size_var + size_noise)
    off = seen[0:2] - motion[0:2]
    after = np.empty(motion.shape)
    np.add(motion[0:2], gains[0] * off, out=after[0:2])
    np.add(motion[2:4], gains[1] * off, out=after[2:4])
    np.multiply(gains, place_noise, out=after[4:6])
    np.subtract(motion[6], gains[1] * motion[5], out=after[6])
    np.add(motion[7:9], size_gain * (seen[2:4] - motion[7:9]), out=after[7:9])
    np.multiply(size_gain, size_noise, out=after[9])
    return after


def frame(motion: Floats) -> Floats:
    """Return the boxes (K, 4) of tracks (ROWS, K)."""
    half = np.exp(motion[7:9])
    half *= 0.5
    sides = np.empty((4, motion.shape[1]))
    np.subtract(motion[0:2], half, out=sides[0:2])
    np.add(motion[0:2], half, out=sides[2:4])
    return sides.T


def compare(motion: Floats, seen: Floats, settings: MotionSettings) -> Compared:
    """Put predicted tracks (ROWS, ...) beside boxes (SEEN, ...); `across` pairs each with each."""
    error = place_error(motion, settings)
    return Compared(motion, seen, seen[0:2] - motion[0:2], error, motion[4] / error + seen[4])


def surprise(pairs: Compared, settings: MotionSettings) -> Floats:
    """Say how badly boxes fit tracks.

    Returns:
        Twice the negative log-likelihood of centre and height, at least 0: its zero is an exact hit on a
        track without any doubt. It rises with the distance, and with the time that the track was out of sight.
    """
    motion, seen, off, error, place = pairs
    size = motion[9] * (1 / settings.size_error**2) + seen[4]
    taller = seen[3] - motion[8]
    taller *= taller
    taller /= size
    taller *= 1 / settings.size_error**2
    x_square, y_square = off * off
    cost: Floats = x_square + y_square
    cost /= place * error
    cost += taller
    size *= place
    size *= place
    cost += np.log(size, out=size)
    return cost


def look_back(motion: Floats, settings: MotionSettings) -> Floats:
    """Return what tracks that were run backwards in time say of the velocity, (AFTER, N).

    A walk looks the same both ways, but for the sign of its velocity. What is known of anybody is taken out, so
    that it does not count twice where the two directions meet (two-filter smoothing, Fraser and Potter 1969).
    """
    anybody = settings.pace**2 * np.exp(2 * motion[8])
    after = np.empty((AFTER, *anybody.shape))
    after[0] = np.maximum(1 / motion[6] - 1 / anybody, 0)
    after[1] = after[0] / 2
    after[2:4] = -motion[2:4] / motion[6]
    after[4] = (after[2:4] ** 2).sum(axis=0) / 2
    after[5] = _agreement(anybody, np.zeros_like(motion[2:4]), after)
    return after


def agreement(pairs: Compared, after: Floats) -> Floats:
    """Say how much better tracks explain where boxes go next than people of whom nothing is known.

    Args:
        pairs: Tracks and boxes.
        after: (AFTER, ...) what is said of the boxes by later ones, from `look_back`; broadcast like them.

    Returns:
        The logarithm of the likelihood ratio of the velocities; 0 where nothing comes after.
    """
    motion, _, off, error, place = pairs
    gain = motion[5] / error / place
    speed = gain * off
    speed += motion[2:4]
    gain *= motion[5]
    better = _agreement(motion[6] - gain, speed, after)
    better -= after[5]
    return better


def _agreement(speed_var: Floats, speed: Floats, after: Floats) -> Floats:
    """Return the log-likelihood of what is told of a velocity, but for a constant; x and y together."""
    known, half_known, told, half_square = after[0], after[1], after[2:4], after[4]
    total = speed_var * known
    total += 1
    fits_x, fits_y = (told - half_known * speed) * speed
    fits: Floats = fits_x + fits_y
    fits += speed_var * half_square
    fits /= total
    fits -= np.log(total, out=total)
    return fits
