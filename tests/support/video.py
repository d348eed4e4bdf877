"""Small videos of every kind, made when a test needs them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
QUIET = {"libx265": {"x265-params": "log-level=none"}, "libx264": {"preset": "veryfast"}}


def pictures(count: int, width: int = 160, height: int = 120, seed: int = 0) -> list[Picture]:
    """Return RGB pictures of coarse coloured blocks that move to the right, three pixels a picture."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (height // 16 + 1, width // 16 + 2, 3), np.uint8)
    wide = blocks.repeat(16, 0).repeat(16, 1)
    return [np.ascontiguousarray(np.roll(wide, 3 * index, 1)[:height, :width]) for index in range(count)]


def encode(
    images: Iterable[Picture],
    container: str = "mp4",
    codec: str = "libx264",
    *,
    rate: int | Fraction = 10,
    pix_fmt: str = "yuv420p",
    stamps: Sequence[int] | None = None,
    gop: int = 10,
    rotation: float | None = None,
    hflip: bool = False,
    vflip: bool = False,
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    audio: bool = False,
    **context: object,
) -> bytes:
    """Encode RGB pictures.

    Args:
      images: Pictures of one size.
      container: FFmpeg's name of the container.
      codec: FFmpeg's name of the encoder.
      rate: Frames a second; a stamp is one frame interval.
      pix_fmt: FFmpeg's name of the pixel format.
      stamps: Time of each picture in frame intervals; 0, 1, 2 ... by default.
      gop: Longest distance of two keyframes.
      rotation: Degrees counter-clockwise in the display matrix.
      hflip: Mirror in the display matrix.
      vflip: Turn upside down in the display matrix.
      options: Of the encoder.
      container_options: Of the container.
      metadata: Of the container.
      audio: Whether a track of silence goes with it.
      context: Attributes of the encoder's context, such as `color_range`.
    """
    buffer = io.BytesIO()
    images = list(images)
    options_of_container = dict(container_options or {})
    with _same_priority(), av.open(buffer, "w", format=container, container_options=options_of_container) as output:
        output.metadata.update(metadata or {})
        stream = output.add_stream(codec, rate=rate, options=QUIET.get(codec, {}) | dict(options or {}))
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.gop_size = gop
        stream.codec_context.thread_count = 1
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        if rotation is not None:
            stream.set_display_rotation(rotation, hflip, vflip)
        sound = output.add_stream("aac", rate=16_000) if audio else None
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(
                format=pix_fmt,
                dst_colorspace=context.get("colorspace"),
                dst_color_range=context.get("color_range"),
            )
            frame.pts = index if stamps is None else stamps[index]
            frame.time_base = 1 / Fraction(rate)
            output.mux(stream.encode(frame))
        if sound is not None:
            silence = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
            silence.sample_rate = 16_000
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            silence.pts = 0
            output.mux(sound.encode(silence))
            output.mux(sound.encode(None))
        output.mux(stream.encode(None))
    return buffer.getvalue()


@contextmanager
def _same_priority() -> Iterator[None]:
    """Leave the thread's scheduling as it was.

    SVT-AV1 gives the thread that calls it real-time priority where it may, as for root. Every process that a test
    starts from then on would inherit that, and the first that spins would stop all others.
    """
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def silence(container: str = "mp4", codec: str = "aac") -> bytes:
    """Return a file with sound and no picture."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=16_000)
        for index in range(10):
            frame = av.AudioFrame(format="fltp" if codec == "aac" else "s16", layout="stereo", samples=1024)
            frame.sample_rate, frame.pts = 16_000, index * 1024
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()
