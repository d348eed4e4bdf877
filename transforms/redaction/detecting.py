"""Detection in the pictures of one clip, in several threads where there are some."""

from __future__ import annotations

from concurrent.futures import Executor, Future

import numpy as np
from numpy.typing import NDArray

from transforms.decode import OpenClip
from transforms.detector import Detections, Detector
from transforms.scaling import Colour

_WAITING = 8  # pictures in memory at most


class Detecting:
    """Detects in pictures of one size.

    Args:
      clip: The clip that they come from, for its size.
      detector: What looks.
      executor: Where; None for here, each picture in its turn.

    Attributes:
      size: Width and height that the detector wants.
      colour: Order of channels that it wants.
    """

    def __init__(self, clip: OpenClip, detector: Detector, executor: Executor | None) -> None:
        self._detector, self._executor = detector, executor
        self._fit = detector.fit(clip.width, clip.height)
        self.size = self._fit.content_w, self._fit.content_h
        self.colour: Colour = detector.card.input.colour
        self._found: list[Future[Detections]] = []

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Take the next picture; it must not be changed any more."""
        if self._executor is not None:
            self._found.append(self._executor.submit(self._detect, picture))
            if len(self._found) > _WAITING:
                self._found[-1 - _WAITING].result()
            return
        done: Future[Detections] = Future()
        done.set_result(self._detect(picture))
        self._found.append(done)

    def found(self) -> list[Detections]:
        """Return what was found in each picture, in their order."""
        return [each.result() for each in self._found]

    def _detect(self, picture: NDArray[np.uint8]) -> Detections:
        return self._detector.detect([picture], self._fit)[0]
