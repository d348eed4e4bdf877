"""What following people costs a frame, ours and ByteTrack's in turn."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.accuracy import ours
from benchmarks.accuracy.footage import Footage
from benchmarks.accuracy.peers import mot
from benchmarks.accuracy.peers.ask import PEERS, ask
from benchmarks.accuracy.tracking import PEERS_OF_OURS, task
from benchmarks.figures import Figure
from transforms import tracker
from transforms.boxes import UNIT
from transforms.lookahead import look_ahead
from transforms.scene import SETTINGS

ROUNDS = 5
GOAL_MS = 0.2
"""On a machine on which ByteTrack takes `BYTETRACK_MS`."""
BYTETRACK_MS = 0.26


def figures(footage: Footage) -> list[Figure]:
    """Measure association: from a frame's boxes to its tracks, looking ahead included, detection and files not.

    It is processor time of the one thread that does it, so that whoever else uses the machine disturbs little; ours and
    theirs take turns, the figure is the median of the rounds.
    """
    peer = next(each for each in PEERS_OF_OURS if each.name == "ByteTrack")
    with tempfile.TemporaryDirectory() as work:
        found, tracks = Path(work) / "found.txt", Path(work) / "tracks.txt"
        mot.write(found, footage.found)
        rounds = []
        for _ in range(ROUNDS):
            (theirs,) = ask(PEERS, "track", [task(peer, peer.options, footage, found, tracks)], processes=1)
            rounds.append((_ours(footage), 1e3 * float(np.mean(theirs["seconds"]))))
    ours_ms, theirs_ms = (round(median(side), 3) for side in zip(*rounds, strict=True))
    ratio = round(median(one / other for one, other in rounds), 3)
    how = f"processor time, {footage.label}, {footage.frames} frames, in turn, median of {ROUNDS} rounds"
    same = f"<= {GOAL_MS / BYTETRACK_MS:.2f}"
    return [
        Figure(
            "association_ms_a_frame",
            ours_ms,
            f"{how}; depends on the machine",
            f"<= {GOAL_MS}",
            {"ByteTrack": theirs_ms},
        ),
        Figure("association_over_bytetrack", ratio, f"{how}; ratio within a round", same, {"ByteTrack": 1.0}),
    ]


def _ours(footage: Footage) -> float:
    """Return the milliseconds a frame that tracking took."""
    clips = ours.clips(footage)
    begin = time.thread_time()
    state = tracker.start()
    for clip in clips:
        boxes, scores = clip.boxes / UNIT, clip.scores / 255
        views = look_ahead(clip.times_us, clip.counts, boxes, scores, SETTINGS)
        for t_us, view in zip(clip.times_us, views, strict=True):
            state, _ = tracker.step(state, SETTINGS, t_us, view)
    return 1e3 * (time.thread_time() - begin) / footage.frames
