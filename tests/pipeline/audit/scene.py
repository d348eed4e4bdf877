"""A run to audit: a site file, clips with envelopes, redacted clips and records, all small."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from schemas.envelope import SCHEMA_VERSION, Envelope
from schemas.records import FAMILIES
from schemas.site import Site
from tests.pipeline.warehouse.stories import write_rows
from tests.support.video import encode, pictures
from tests.support.world import a_camera, a_site, clips_of, records_of, seconds, span, stander, walker
from transforms.guard import to_fields

CLIP_S, WINDOW_S, UNTIL_S = 4, 2, 20
COMMENT = "  # the one at the door"


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
    folder.mkdir(exist_ok=True)
    file = folder / "site.yaml"
    file.write_text(yaml.safe_dump(written, sort_keys=False).replace("name: door\n", f"name: door{COMMENT}\n", 1))
    people = [walker(1), walker(9), stander(1.5, 0.8, 3, 12)]
    found = clips_of(people, UNTIL_S, every_s=CLIP_S)
    redacted = folder / "output/redacted/site=lab/camera=door"
    for each in (folder / "clips", redacted):
        each.mkdir(parents=True)
    for number, clip in enumerate(found):
        payload = encode(pictures(CLIP_S * 10, 320, 160, seed=number))
        digest = hashlib.sha256(payload).hexdigest()
        envelope = Envelope(
            SCHEMA_VERSION,
            "lab",
            "door",
            "one",
            number,
            clip.start_us,
            clip.end_us,
            0,
            10,
            "h264",
            len(payload),
            digest,
        )
        (folder / f"clips/{number}.mp4").write_bytes(payload)
        (folder / f"clips/{number}.json").write_text(json.dumps(envelope.to_json()))
        (redacted / f"{digest}.mp4").write_bytes(payload)
    records = records_of(site, found, span(0, UNTIL_S))
    for family, kind in FAMILIES.items():
        write_rows(folder / "output", {family: [to_fields(each) for each in records if type(each) is kind]})
    return Scene(file, folder / "clips", folder / "output", site)


def window_start(number: int) -> int:
    """Return the start of a window, by its number."""
    return seconds(number * WINDOW_S)
