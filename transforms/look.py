"""How a camera's detector sees the frames of a clip: scaled to its input, in its colours, masked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.site import Camera
from transforms.decode import Frame, OpenClip
from transforms.detector import Detector
from transforms.masks import rasterise


class Look:
    """One camera's look at one clip.

    Attributes:
      fit: Where a picture lies in the detector's input.
      mask: The masked part of the scaled picture, None where nothing is.
    """

    def __init__(self, clip: OpenClip, camera: Camera, detector: Detector) -> None:
        self.fit = detector.fit(clip.width, clip.height)
        self.mask = rasterise(camera.masks, self.fit.content_w, self.fit.content_h, clip.stored, clip.colour_cell)
        self._colour = detector.card.input.colour

    def picture(self, frame: Frame) -> NDArray[np.uint8]:
        """Return a frame as `content_h` x `content_w` x 3; what is masked is 0."""
        picture = frame.content(self.fit.content_w, self.fit.content_h, self._colour)
        if self.mask is not None:
            self.mask.blank(picture)
        return picture
