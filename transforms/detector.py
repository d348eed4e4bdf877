"""A detector: pictures in, boxes out."""

import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.card import Input, ModelCard
from transforms import letterbox
from transforms.admission import Admitted, load
from transforms.boxes import Floats, nms
from transforms.letterbox import Fit
from transforms.outputs.contract import Tensors
from transforms.verdict import Verdict

Picture = NDArray[np.uint8]


class Detections(NamedTuple):
    """Boxes of one picture, by falling score.

    Attributes:
        boxes: (N, 4) x1, y1, x2, y2 in picture heights, origin top left; not clipped to the picture.
        scores: (N,) in 0..1.
    """

    boxes: Floats
    scores: Floats


class Detector:
    """A model that was admitted, with what it needs to take pictures.

    The same picture gives the same boxes, to the bit, on one CPU family. May be used from several threads.
    """

    def __init__(self, card: ModelCard, model: Admitted) -> None:
        """Take an admitted model; use `open` for a file."""
        self.card = card
        self._model = model
        self._bend = math.log(0.5) / math.log(card.thresholds.even)
        self._threads = threading.local()

    @classmethod
    def open(cls, card: ModelCard, path: Path) -> Self:
        """Open a model file.

        Raises:
            ModelRefused: The file is not the card's, or its graph does not agree with the card.
            OSError: The file cannot be read.
        """
        return cls(card, load(card, path))

    @property
    def sha256(self) -> str:
        """Hash of the model file as fetched."""
        return self._model.verdict.sha256

    @property
    def verdict(self) -> Verdict:
        """Why the model was admitted, what was cut from it, and its hashes."""
        return self._model.verdict

    def fit(self, picture_w: int, picture_h: int) -> Fit:
        """Say to what size a picture must be scaled, and where it lies in the input."""
        return letterbox.fit(self.card.input.letterbox, self.card.input.size, picture_w, picture_h)

    def detect(self, contents: Sequence[Picture], fit: Fit) -> list[Detections]:
        """Find people (or what the card's role is) in pictures of one size.

        Args:
            contents: (fit.content_h, fit.content_w, 3) pictures scaled to the fit, channels in the colour order
                of the card. Not changed, not kept.
            fit: From `fit`, for the size of the pictures.

        Returns:
            What was found in each.

        Raises:
            ValueError: A content has another shape than the fit, or is not made of bytes.
        """
        raw = [self._infer(content, fit) for content in contents]
        return [self._read(tensors, fit) for tensors in raw]

    def _infer(self, content: Picture, fit: Fit) -> Tensors:
        if content.shape != (fit.content_h, fit.content_w, 3) or content.dtype != np.uint8:
            raise ValueError(
                f"content is {content.shape} {content.dtype}, the fit asks for "
                f"({fit.content_h}, {fit.content_w}, 3) uint8"
            )
        tensor = self._input()
        tensor.fill(content, fit)
        names = self._model.output_names
        values = self._model.session.run(names, {self._model.input_name: tensor.values})
        return dict(zip(names, values, strict=True))

    def _read(self, tensors: Tensors, fit: Fit) -> Detections:
        thresholds = self.card.thresholds
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is dropped below
            boxes, scores = self._model.decode(tensors, thresholds.score)
        real = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        boxes, scores = letterbox.to_heights(boxes[real], fit), scores[real]
        if thresholds.nms_iou is None:
            kept = np.argsort(-scores, kind="stable")
        else:
            kept = nms(boxes, scores, thresholds.nms_iou)
        return Detections(boxes[kept], scores[kept] ** self._bend)

    def _input(self) -> "_InputTensor":
        """Return this thread's own input tensor."""
        if not hasattr(self._threads, "tensor"):
            self._threads.tensor = _InputTensor(self.card.input)
        tensor: _InputTensor = self._threads.tensor
        return tensor


class _InputTensor:
    """A graph's input, filled anew for each picture; the padding is written only when the fit changes."""

    def __init__(self, wanted: Input) -> None:
        height, width = wanted.size
        planar = wanted.layout == "nchw"
        self.values = np.empty((1, 3, height, width) if planar else (1, height, width, 3), wanted.dtype)
        self._planar = planar
        self._pad = wanted.letterbox.pad
        std = np.array(wanted.std)
        gain, bias = wanted.scale / std, -np.array(wanted.mean) / std
        channel = (3, 1, 1) if planar else (3,)
        self._gain = None if (gain == 1).all() else gain.astype(np.float32).reshape(channel)
        self._bias = None if (bias == 0).all() else bias.astype(np.float32).reshape(channel)
        self._fit: Fit | None = None
        self._planes = np.empty((3, 0, 0), np.uint8)

    def fill(self, content: Picture, fit: Fit) -> None:
        """Write a picture into the tensor."""
        whole = self.values[0]
        if fit != self._fit:
            self._write(np.broadcast_to(np.uint8(self._pad), whole.shape), whole)
            self._planes = np.empty((3, fit.content_h, fit.content_w), np.uint8)
            self._fit = fit
        rows = slice(fit.offset_y, fit.offset_y + fit.content_h)
        columns = slice(fit.offset_x, fit.offset_x + fit.content_w)
        if self._planar:
            # Channels first, as bytes: converting them to float while interleaved takes four times as long.
            cv2.split(content, list(self._planes))
            self._write(self._planes, whole[:, rows, columns])
        else:
            self._write(content, whole[rows, columns])

    def _write(self, pixels: NDArray[np.uint8], target: NDArray[np.float32] | Picture) -> None:
        """Write scaled pixels: (value * scale - mean) / std."""
        if self._gain is None:
            np.copyto(target, pixels)
        else:
            np.multiply(pixels, self._gain, out=target)
        if self._bias is not None:
            target += self._bias
