"""The footage: 795 frames of a plaza, cut into an archive of clips, once or several times over."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av

from schemas.clock import from_rfc3339
from schemas.envelope import SCHEMA_VERSION, Envelope

FRAMES = 795
FPS = 7
CLIP_FRAMES = 70
START_US = from_rfc3339("2026-01-05T09:00:00Z")
PASS_US = -(-FRAMES * 1_000_000 // FPS)
"""The footage's length in time."""


def cut(video: Path, folder: Path) -> None:
    """Cut the video into clips of ten seconds of H.264, each with its envelope `NAME.json` beside it."""
    folder.mkdir()
    for number, content in enumerate(_clips(video)):
        first, last = number * CLIP_FRAMES, min((number + 1) * CLIP_FRAMES, FRAMES)
        start_us, end_us = (START_US + round(frame * 1_000_000 / FPS) for frame in (first, last))
        envelope = Envelope(
            SCHEMA_VERSION, "plaza", "plaza", "footage", number, start_us, end_us, 0, float(FPS), "h264",
            len(content), hashlib.sha256(content).hexdigest(),
        )  # fmt: skip
        clip = folder / f"{number:03}.mp4"
        clip.write_bytes(content)
        clip.with_suffix(".json").write_text(json.dumps(envelope.to_json()))


def repeat(archive: Path, folder: Path, passes: int) -> None:
    """Make an archive that shows another's clips several times, each time at a later capture time."""
    folder.mkdir()
    for clip in clips(archive):
        envelope = envelope_of(clip)
        for turn in range(passes):
            again = folder / f"{turn:03}-{clip.name}"
            again.hardlink_to(clip)
            later = replace(
                envelope,
                start_us=envelope.start_us + turn * PASS_US,
                end_us=envelope.end_us + turn * PASS_US,
                session=f"{envelope.session}-{turn}",
            )
            again.with_suffix(".json").write_text(json.dumps(later.to_json()))


def clips(archive: Path) -> list[Path]:
    """Return the clips of an archive, in order of capture."""
    return sorted(archive.glob("*.mp4"))


def envelope_of(clip: Path) -> Envelope:
    """Read the envelope beside a clip."""
    return Envelope.from_json(json.loads(clip.with_suffix(".json").read_text()))


def _clips(video: Path) -> Iterator[bytes]:
    with av.open(str(video)) as source:
        pictures = list(source.decode(video=0))
    for first in range(0, len(pictures), CLIP_FRAMES):
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mp4") as output:
            stream = output.add_stream("libx264", rate=FPS, options={"bf": "0"})
            stream.width, stream.height, stream.pix_fmt = pictures[0].width, pictures[0].height, "yuv420p"
            stream.gop_size = 10 * FPS
            for index, picture in enumerate(pictures[first : first + CLIP_FRAMES]):
                picture.pts, picture.time_base = index, 1 / stream.codec_context.framerate
                picture.pict_type = 0
                output.mux(stream.encode(picture))
            output.mux(stream.encode(None))
        yield buffer.getvalue()
