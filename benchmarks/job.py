"""The job on an archive of clips, as `silhouette run` does it: `python -m benchmarks.job ARCHIVE OUTPUT WORKERS`.

Work begins when the first clip's file is opened: what comes before is imports, the graph and the model. It ends
when the pipeline has run and its records are written.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.stopwatch import tell, wait_for_start
from pipeline.archive import find_clips
from pipeline.config import Config
from pipeline.models.registry import resolve
from pipeline.run import execute
from pipeline.sites import load_sites
from pipeline.view import read_records
from transforms.arrivals import Span

SITE = Path(__file__).with_name("plaza.yaml")


def main(archive: str, output: str, workers: str) -> None:
    """Run the job once."""
    config = configure(Path(archive), output)
    paths = {str(file.path) for file in config.files}
    opened: list[float] = []

    def notice(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and not opened and str(arguments[0]) in paths:
            opened.append(time.monotonic())

    wait_for_start()
    sys.addaudithook(notice)
    if bad := execute(config, int(workers)).bad:
        raise ValueError(f"{bad} clips were set aside")
    end = time.monotonic()
    tell(frames_seen(config), opened[0], end)


def configure(archive: Path, output: str) -> Config:
    """Return the job for an archive."""
    (site,) = load_sites(SITE)
    files = find_clips([archive])
    envelopes = [file.envelope for file in files if file.envelope]
    span = Span(min(each.start_us for each in envelopes), max(each.end_us for each in envelopes))
    (camera,) = site.cameras
    models = {(site.site, camera.name): resolve(camera.model)}
    return Config((site,), models, {site.site: span}, output, files)


def frames_seen(config: Config) -> int:
    """Return how many frames the records say were looked at."""
    shortest = config.sites[0].windows[0] // 1_000_000
    rows = read_records(config.output)["camera_health"]
    return sum(row["frames"] for row in rows if row["window_size_seconds"] == shortest)


if __name__ == "__main__":
    main(*sys.argv[1:])
