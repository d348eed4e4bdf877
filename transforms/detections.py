"""What leaves the pixel stage: boxes as integers, one `ClipDetections` a clip.

Coordinate frame: picture heights, origin top left, after rotation; a box is x1, y1, x2, y2 in 1/16384 height
(`boxes.UNIT`). Quantised, so that the last bits of a float product cannot change a record.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import fastavro
import numpy as np
from apache_beam import coders
from numpy.typing import NDArray

from schemas.envelope import Envelope
from transforms.coders import AvroCoder


@dataclass(frozen=True, eq=False)
class ClipDetections:
    """The boxes of one clip's sampled frames; also stands for a clip that could not be read.

    Attributes:
      site: Name of the site.
      camera: Name of the camera.
      start_us: Capture start, UTC microseconds.
      end_us: Capture end, exclusive.
      sequence: Number within the session; orders clips that start together.
      frame_rate: True frames a second, as the envelope says: it sets the frames' times.
      sha256: Digest of the clip's bytes, hexadecimal.
      readable: False for a bad clip: it counts as a clip, and covers nothing.
      aspect: Picture width over height.
      times_us: (F,) instants of the sampled frames, strictly rising.
      flags: (F,) what is wrong with each picture, `picture.Flaw` bits; 0 where nothing is.
      counts: (F,) number of boxes in each frame.
      boxes: (sum of counts, 4) boxes, frame after frame.
      scores: (sum of counts,) scores 0..255.
    """

    site: str
    camera: str
    start_us: int
    end_us: int
    sequence: int
    frame_rate: float
    sha256: str
    readable: bool
    aspect: float
    times_us: tuple[int, ...]
    flags: tuple[int, ...]
    counts: tuple[int, ...]
    boxes: NDArray[np.int32]
    scores: NDArray[np.uint8]

    @property
    def identity(self) -> tuple[str, int, int, str, int, float, bool]:
        """All that can change a record: by camera, then as ownership of an instant asks.

        Two deliveries with one identity are one clip. One whose envelope says something else is a clip of its
        own, so that no record depends on which of the two came first. Identities in order are the canonical order
        of clips; no two clips tie.
        """
        return (
            self.camera, self.start_us, self.sequence, self.sha256, self.end_us, self.frame_rate, self.readable,
        )  # fmt: skip

    @cached_property
    def bounds(self) -> list[int]:
        """Where each frame's boxes begin; one more for the end."""
        return [0, *itertools.accumulate(self.counts)]


_PLAIN = (
    "site",
    "camera",
    "start_us",
    "end_us",
    "sequence",
    "frame_rate",
    "sha256",
    "readable",
    "aspect",
    "flags",
    "counts",
)

NO_BOXES = np.empty((0, 4), np.int32)
NO_SCORES = np.empty((0,), np.uint8)


def unseen(envelope: Envelope, aspect: float = 1.0, *, readable: bool = False) -> ClipDetections:
    """Return a clip without frames: a bad one, or one that lies outside the schedule."""
    return ClipDetections(
        envelope.site, envelope.camera, envelope.start_us, envelope.end_us,
        envelope.sequence, envelope.frame_rate, envelope.sha256, readable, aspect, (), (), (), NO_BOXES, NO_SCORES,
    )  # fmt: skip


class ClipDetectionsCoder(AvroCoder[ClipDetections]):
    """Version 1: times as steps, boxes and scores as flat integers."""

    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "ClipDetections",
            "fields": [
                {"name": "site", "type": "string"},
                {"name": "camera", "type": "string"},
                {"name": "start_us", "type": "long"},
                {"name": "end_us", "type": "long"},
                {"name": "sequence", "type": "long"},
                {"name": "frame_rate", "type": "double"},
                {"name": "sha256", "type": "string"},
                {"name": "readable", "type": "boolean"},
                {"name": "aspect", "type": "double"},
                {"name": "steps_us", "type": {"type": "array", "items": "long"}},
                {"name": "flags", "type": {"type": "array", "items": "int"}},
                {"name": "counts", "type": {"type": "array", "items": "int"}},
                {"name": "boxes", "type": {"type": "array", "items": "int"}},
                {"name": "scores", "type": {"type": "array", "items": "int"}},
            ],
        }
    )

    @staticmethod
    def to_fields(value: ClipDetections) -> dict[str, Any]:
        steps = np.diff(value.times_us, prepend=value.start_us).tolist() if value.times_us else []
        fields = {name: vars(value)[name] for name in _PLAIN}
        return fields | {
            "steps_us": steps,
            "boxes": value.boxes.ravel().tolist(),
            "scores": value.scores.tolist(),
        }

    @staticmethod
    def from_fields(fields: Any) -> ClipDetections:
        steps = fields.pop("steps_us")
        return ClipDetections(
            **fields
            | {
                "times_us": tuple((np.cumsum(steps, dtype=np.int64) + fields["start_us"]).tolist()),
                "flags": tuple(fields["flags"]),
                "counts": tuple(fields["counts"]),
                "boxes": np.array(fields["boxes"], np.int32).reshape(-1, 4),
                "scores": np.array(fields["scores"], np.uint8),
            }
        )


coders.registry.register_coder(ClipDetections, ClipDetectionsCoder)
