"""A run to audit: a site file, clips with envelopes, redacted clips and records, all small."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from schemas.envelope import SCHEMA_VERSION, Envelope
from schemas.records import FAMILIES
from schemas.site import Site
from tests.pipeline.warehouse.stories import write_rows
from tests.support.floor import EAST, HALL, WEST, a_floor_site, film, standing
from tests.support.video import encode, pictures
from tests.support.world import a_camera, a_site, clips_of, records_of, seconds, span, stander, walker
from transforms.detections import ClipDetections
from transforms.guard import to_fields

CLIP_S, WINDOW_S, UNTIL_S = 4, 2, 20
COMMENT = "  # the one at the door"
TILL = [(1.5, 3.0), (4.0, 3.0), (4.0, 5.0), (1.5, 5.0)]
"""A second shared zone, of which the east camera's picture shows a part."""


@dataclass(frozen=True)
class Scene:
    """Where everything is, and the site."""

    file: Path
    clips: Path
    output: Path
    site: Site


def a_scene(folder: Path) -> Scene:
    """Write a run of ten windows of two seconds: two people walk through, one stands."""
    site = a_site(windows=[f"{WINDOW_S}s"])
    camera = a_camera().model_dump(mode="json", exclude_none=True)
    written = site.model_dump(mode="json", exclude_none=True) | {"cameras": [camera]}
    file = _write_site(folder, written, "name: door\n", f"name: door{COMMENT}\n")
    people = [walker(1), walker(9), stander(1.5, 0.8, 3, 12)]
    found = clips_of(people, UNTIL_S, every_s=CLIP_S)
    for number, clip in enumerate(found):
        _write_clip(folder, clip, number, encode(pictures(CLIP_S * 10, 320, 160, seed=number)))
    _write_records(folder, site, found, UNTIL_S)
    return Scene(file, folder / "clips", folder / "output", site)


FLOOR_UNTIL_S = 12


def a_floor_scene(folder: Path) -> Scene:
    """Write a run of six windows of two seconds of a group: one stands at the seam, one in the west.

    The west camera's clips are of four seconds, the east camera's of three.
    """
    site = a_floor_site(windows=[f"{WINDOW_S}s"], zones={"hall": HALL, "till": TILL})
    written = site.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    file = _write_site(folder, written, "name: floor\n", f"name: floor{COMMENT}\n")
    people = [standing(6, 4, 0, 20), standing(2.5, 4, 3, 20)]
    found = []
    for pinhole, length_s in ((WEST, 4), (EAST, 3)):
        for start_s in range(0, FLOOR_UNTIL_S, length_s):
            clip = film(pinhole, people, start_s, start_s + length_s)
            payload = encode(pictures(length_s * 10, 320, 180, seed=start_s))
            found.append(replace(clip, sha256=_write_clip(folder, clip, start_s, payload)))
    _write_records(folder, site, found, FLOOR_UNTIL_S)
    return Scene(file, folder / "clips", folder / "output", site)


def _write_site(folder: Path, written: dict[str, Any], name: str, commented: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "site.yaml"
    file.write_text(yaml.safe_dump(written, sort_keys=False).replace(name, commented, 1))
    return file


def _write_clip(folder: Path, clip: ClipDetections, number: int, payload: bytes) -> str:
    """Write a clip, its envelope and a redacted one, which is the same, and return its digest."""
    digest = hashlib.sha256(payload).hexdigest()
    envelope = Envelope(
        SCHEMA_VERSION, "lab", clip.camera, "one", number, clip.start_us, clip.end_us, 0, 10, "h264", len(payload),
        digest,
    )  # fmt: skip
    redacted = folder / f"output/redacted/site=lab/camera={clip.camera}"
    for each in (folder / "clips", redacted):
        each.mkdir(parents=True, exist_ok=True)
    (folder / f"clips/{clip.camera}-{number}.mp4").write_bytes(payload)
    (folder / f"clips/{clip.camera}-{number}.json").write_text(json.dumps(envelope.to_json()))
    (redacted / f"{digest}.mp4").write_bytes(payload)
    return digest


def _write_records(folder: Path, site: Site, clips: Iterable[ClipDetections], until_s: float) -> None:
    records = records_of(site, clips, span(0, until_s))
    for family, kind in FAMILIES.items():
        write_rows(folder / "output", {family: [to_fields(each) for each in records if type(each) is kind]})


def window_start(number: int) -> int:
    """Return the start of a window, by its number."""
    return seconds(number * WINDOW_S)
