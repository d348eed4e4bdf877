"""The footage: 795 frames of a plaza, cut into an archive of clips, once or several times over."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from pipeline import cut as cutting
from schemas.clock import SECOND_US, from_rfc3339
from schemas.envelope import Envelope

FRAMES = 795
FPS = 7
START_US = from_rfc3339("2026-01-05T00:00:00Z")
LENGTH_US = -(-FRAMES * SECOND_US // FPS)


def cut(video: Path, archive: Path) -> None:
    """Cut the video as `silhouette cut` does: into clips of ten seconds, their envelopes beside them."""
    cutting.cut(video, archive, site="plaza", camera="plaza", start_us=START_US, fps=FPS)


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
    return sorted(archive.glob("*.mp4"))
