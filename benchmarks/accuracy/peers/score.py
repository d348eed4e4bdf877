"""Score tracks against the truth with TrackEval; runs in the peers' environment.

    python -m benchmarks.accuracy.peers.score FOLDER SEQUENCES.json

FOLDER holds `truth/SEQUENCE.txt` and `tracks/TRACKER/SEQUENCE.txt`, the file says how many frames a sequence has.
Printed is a line of JSON: for each tracker and sequence HOTA, IDF1 and MOTA in percent, and identity switches. It is
MOTChallenge's own protocol: what the truth marks as not to be considered, or as something like a person, neither helps
nor harms.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

from trackeval import datasets, metrics


def score(folder: Path, frames: dict[str, int]) -> dict[str, dict[str, dict[str, float]]]:
    """Score all trackers in a folder on all sequences."""
    dataset = datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(folder / "truth"),
            "GT_LOC_FORMAT": "{gt_folder}/{seq}.txt",
            "TRACKERS_FOLDER": str(folder / "tracks"),
            "TRACKER_SUB_FOLDER": "",
            "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": frames,
            "PRINT_CONFIG": False,
        }
    )
    quiet = {"PRINT_CONFIG": False}
    families = metrics.HOTA(), metrics.CLEAR(quiet), metrics.Identity(quiet)
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for tracker in sorted(path.name for path in (folder / "tracks").iterdir()):
        scores[tracker] = {}
        for sequence in frames:
            data = dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data(tracker, sequence), "pedestrian")
            hota, clear, identity = (family.eval_sequence(data) for family in families)
            scores[tracker][sequence] = {
                "hota": 100 * float(hota["HOTA"].mean()),
                "idf1": 100 * float(identity["IDF1"]),
                "mota": 100 * float(clear["MOTA"]),
                "switches": int(clear["IDSW"]),
            }
    return scores


def main() -> None:
    """Score, and print the scores alone."""
    with contextlib.redirect_stdout(io.StringIO()):
        scores = score(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
