"""An envelope that takes a camera's name for its site, or a site's for its camera, is one dead letter: no more."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from pipeline.archive import ClipFile
from pipeline.config import Config
from pipeline.graph import build
from pipeline.view import read_file
from schemas.envelope import Envelope
from tests.support.graph import pipeline
from tests.support.graphs import card_of, constant_graph
from tests.support.world import T0, a_site, span

PAYLOAD = b"not watched here"


def clip_file(folder: Path, name: str, site: str, camera: str) -> ClipFile:
    path = folder / f"{name}.mp4"
    path.write_bytes(PAYLOAD)
    digest = hashlib.sha256(PAYLOAD).hexdigest()
    said = Envelope(1, site, camera, "run", 0, T0, T0 + 10_000_000, 0, 10.0, "h264", len(PAYLOAD), digest)
    return ClipFile(path, said)


def test_names_in_each_others_place_are_set_aside_and_the_job_goes_on(tmp_path: Path) -> None:
    content = constant_graph({"rows": np.zeros((1, 1, 8, 7))}, [1, 3, 64, 96])
    (tmp_path / "nobody.onnx").write_bytes(content)
    model = card_of(content, {"kind": "ssd"}), tmp_path / "nobody.onnx"
    output = tmp_path / "out"
    config = Config(
        sites=(a_site(),),
        models={("lab", "door"): model},
        spans={"lab": span(0, 60)},
        output=str(output),
        files=[clip_file(tmp_path, "a", "door", "door"), clip_file(tmp_path, "b", "lab", "lab")],
        on_biometric="fail",
    )
    with pipeline() as root:
        build(root, config)
    letters = [row for path in output.rglob("dead_letters/**/*.avro") for row in read_file(path)[1]]
    assert sorted((letter["reason"], letter["site"], letter["camera"]) for letter in letters) == [
        ("unknown_camera", "lab", "unknown"),
        ("unknown_site", "unknown", "door"),
    ]
    packs = [json.loads(path.read_bytes()) for path in output.rglob("evidence/**/*.json")]
    bad = {pack["site"]: pack["clips"]["bad"] for pack in packs}
    assert {site: [each["reason"] for each in found] for site, found in bad.items()} == {
        "lab": ["unknown_camera"], "unknown": ["unknown_site"],
    }  # fmt: skip
