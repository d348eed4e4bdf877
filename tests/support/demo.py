"""The demo's video, cut into clips, and its site file with other settings."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.support.command import silhouette

ROOT = Path(__file__).resolve().parents[2]
VIDEO = ROOT / "demo/one-by-one.mp4"
SITE_FILE = ROOT / "demo/site.yaml"
SITE = "example-library"
CAMERA = "reading-table"
START = "2026-01-05T09:00:00Z"


def cut(folder: Path, count: int | None = None, *, seconds: float = 10, camera: str = CAMERA) -> Path:
    """Cut the demo's first clips, or all of them; returns the folder."""
    done = silhouette(
        "cut", VIDEO, "--output", folder, "--seconds", seconds, "--site", SITE, "--camera", camera, "--start", START
    )
    assert done.returncode == 0, done.stderr
    if count is not None:
        for path in sorted(folder.glob("*.mp4"))[count:]:
            path.unlink()
            path.with_suffix(".json").unlink()
    return folder


def site_file(
    path: Path,
    *,
    fps: float,
    windows: Sequence[str] | None = None,
    lateness: str | None = None,
    cameras: Sequence[str] = (CAMERA,),
) -> Path:
    """Write the demo's site with another sampling rate, windows and lateness, its camera under some names.

    What a test holds against another run needs no more than two frames a second: detection is most of a run's cost.
    """
    site = yaml.safe_load(SITE_FILE.read_text("utf-8"))
    (drawn,) = site["cameras"]
    changed = {"windows": windows and list(windows), "lateness": lateness}
    site |= {key: value for key, value in changed.items() if value is not None}
    site["cameras"] = [copy.deepcopy(drawn) | {"name": name, "fps": fps} for name in cameras]
    path.write_text(yaml.safe_dump(site), "utf-8")
    return path
