"""The footage: 750 frames of a plaza, once or several times over, as it was recorded.

The three whole groups of pictures of `opencv_vtest.avi`, each a clip of 250 frames, cut out without re-encoding: so
that nobody decodes anything harder or easier than the video itself, and two workers have equal halves.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import av

from schemas.clock import SECOND_US, from_rfc3339
from schemas.envelope import SCHEMA_VERSION, Envelope

GROUP = 250
GROUPS = 3
FRAMES = GROUP * GROUPS
FPS = 7
START_US = from_rfc3339("2026-01-05T00:00:00Z")
LENGTH_US = -(-FRAMES * SECOND_US // FPS)


def cut(video: Path, archive: Path) -> None:
    """Cut the groups of pictures out, with their envelopes beside them."""
    archive.mkdir()
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        for group in range(GROUPS):
            path = archive / f"plaza-{group}.avi"
            with av.open(str(path), "w") as clip:
                copy = clip.add_stream_from_template(stream)
                for number, packet in enumerate(packets[group * GROUP : (group + 1) * GROUP]):
                    packet.stream, packet.time_base = copy, stream.time_base
                    packet.pts = packet.dts = number
                    clip.mux(packet)
            _describe(path, group)


def _describe(path: Path, group: int) -> None:
    payload = path.read_bytes()
    start_us, end_us = (START_US + edge * GROUP * SECOND_US // FPS for edge in (group, group + 1))
    sha256 = hashlib.sha256(payload).hexdigest()
    envelope = Envelope(
        SCHEMA_VERSION, "plaza", "plaza", "bench", group, start_us, end_us, 0, FPS, "msmpeg4v3", len(payload), sha256
    )
    path.with_suffix(".json").write_text(json.dumps(envelope.to_json()))


def repeat(archive: Path, again: Path, passes: int) -> None:
    """Make an archive that shows another's clips several times, each time at a later capture time."""
    again.mkdir()
    for clip in clips(archive):
        envelope = Envelope.from_json(json.loads(clip.with_suffix(".json").read_text()))
        for turn in range(passes):
            later = replace(
                envelope,
                session=f"{envelope.session}-{turn}",
                start_us=envelope.start_us + turn * LENGTH_US,
                end_us=envelope.end_us + turn * LENGTH_US,
            )
            path = again / f"{turn:03}-{clip.name}"
            path.hardlink_to(clip)
            path.with_suffix(".json").write_text(json.dumps(later.to_json()))


def clips(archive: Path) -> list[Path]:
    """Return the clips of an archive, in order of capture."""
    return sorted(archive.glob("*.avi"))
