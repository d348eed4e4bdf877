"""Clips on their way: an archive made to look as if it were recorded just now, and published."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from google.cloud.pubsub_v1 import PublisherClient

from pipeline.archive import ClipFile, find_clips
from schemas.envelope import Envelope


def moved(archive: Path, folder: Path, start_us: int) -> Path:
    """Copy an archive, its first clip to begin at another instant; returns the folder."""
    files = find_clips([archive])
    first_us = min(envelope_of(file).start_us for file in files)
    folder.mkdir()
    for file in files:
        envelope, by_us = envelope_of(file), start_us - first_us
        later = replace(envelope, start_us=envelope.start_us + by_us, end_us=envelope.end_us + by_us)
        (folder / file.path.name).write_bytes(file.path.read_bytes())
        (folder / file.path.name).with_suffix(".json").write_text(json.dumps(later.to_json()))
    return folder


def envelope_of(file: ClipFile) -> Envelope:
    """Return the envelope of a good clip."""
    assert file.envelope is not None
    return file.envelope


def publish(
    publisher: PublisherClient, topic: str, clips: Iterable[ClipFile], *, twice: float = 0, seed: int = 0
) -> int:
    """Publish clips in any order, a share of them twice; returns the number of messages."""
    rng = random.Random(seed)
    clips = list(clips)
    messages = clips + rng.sample(clips, round(twice * len(clips)))
    rng.shuffle(messages)
    sent = [publisher.publish(topic, c.path.read_bytes(), **envelope_of(c).to_attributes()) for c in messages]
    for each in sent:
        each.result(timeout=60)
    return len(messages)
