"""What a recorder with a redactor keeps is covered; what cannot be covered is not kept."""

from __future__ import annotations

import hashlib
import os
from itertools import islice
from pathlib import Path

import numpy as np

from pipeline.edge import command, redactor
from pipeline.edge.clock import Clock
from pipeline.edge.pieces import Limits
from pipeline.edge.recorder import Camera, Recorder
from pipeline.edge.redactor import Redactor
from pipeline.edge.sources import Source
from pipeline.edge.spool import Spool, open_folder
from pipeline.edge.status import AgentState
from pipeline.models.registry import resolve
from schemas.envelope import Envelope
from tests.support.video import encode
from transforms.decode import open_clip
from transforms.redaction.eyes import EyeModels, open_eyes
from transforms.redaction.redact import RedactionError
from transforms.redaction.what import WHATS, Redaction


class Unable(Redactor):
    """Can cover nothing."""

    def redact(self, piece):
        raise RedactionError("unencodable")


def recorded(folder: Path, payload: bytes, covering: Redactor) -> Spool:
    video = folder / "video.mp4"
    video.write_bytes(payload)
    lock = open_folder(folder / "spool")
    try:
        spool = Spool(folder / "spool", 10**9, None, None)
        source = Source("file", str(video), start_us=1_700_000_000_000_000, fast=True)
        limits = Limits(1_000_000, 9_000_000)
        Recorder(Camera("lab", "door", source), limits, Clock(), spool, AgentState(["door"]), None, covering).run()
        return spool
    finally:
        os.close(lock)


def test_flags_offer_heads_and_faces_alone() -> None:
    assert command.REDACTED == redactor.WHATS
    assert set(redactor.WHATS) == set(WHATS) - {"people", "motion"}


def test_heads_are_covered_before_a_clip_is_kept(tmp_path: Path, root: Path) -> None:
    with open_clip((root / "demo/one-by-one.mp4").read_bytes()) as clip:
        footage = [frame.content(clip.width, clip.height, "rgb") for frame in islice(clip.frames(), 100, 106)]
    corner = ((0.0, 0.0), (0.2, 0.0), (0.2, 0.2), (0.0, 0.2))
    eyes = open_eyes(EyeModels(resolve("person"), resolve("face")))
    spool = recorded(tmp_path, encode(footage), Redactor(Redaction("heads"), eyes, (corner,)))
    entry, attributes, payload = spool.take()
    envelope = Envelope.from_attributes(attributes)
    assert (envelope.codec, envelope.size) == ("h264", len(payload))
    assert envelope.sha256 == hashlib.sha256(payload).hexdigest()
    with open_clip(payload) as clip:
        kept = [(frame.offset_us, frame.content(768, 432, "rgb")) for frame in clip.frames()]
    assert [offset for offset, _ in kept] == [100_000 * i for i in range(6)]
    for (_, picture), before in zip(kept, footage, strict=True):
        assert picture[:80, :150].max() < 30
        black = (picture.max(axis=2) < 24) & (before.max(axis=2) > 60)
        assert black[:, 346:576].any()  # somebody stands there
        assert black[86:].mean() < 0.2
    spool.sent(entry)
    assert spool.take() is None


def test_what_cannot_be_covered_is_not_kept(tmp_path: Path) -> None:
    pictures = [np.full((64, 96, 3), 90, np.uint8)] * 5
    eyes = open_eyes(EyeModels(None, resolve("face")))
    spool = recorded(tmp_path, encode(pictures), Unable(Redaction("heads"), eyes))
    assert spool.take() is None and spool.dropped() == {"door": {"unredactable": 1}}
