"""Who is who: HOTA, IDF1, MOTA and switches of the tracker and of others, on the same boxes, scored by TrackEval.

One setting of ours for all footage and rates, the product's. Peers run with their defaults, and once more told the
true frame rate where they ask for it; the three that are good somewhere run on PETS at a small grid of settings too,
and the best is picked by the truth, which no user has. A peer's value is the best of what it reaches, for each measure
by itself.

Everything is scored twice. As it goes: a track begins where it is confirmed, which is what peers return from frame to
frame. From the first box on: a track has also the boxes by which it was followed before it was confirmed, as the job
counts them; the peers' own tracks are given the same credit where it helps them, as their value is the better of both.
Either way ours looks a little ahead, within a clip (`lookahead.py`).
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from benchmarks.accuracy import ours
from benchmarks.accuracy.footage import Footage
from benchmarks.accuracy.peers import mot
from benchmarks.accuracy.peers.ask import PEERS, Task, ask, score
from benchmarks.accuracy.scenes import plain_camera
from benchmarks.figures import Figure

OURS = "ours"
FIRST_BOX, AS_IT_GOES = "", "as_it_goes_"
"""Where tracks begin, as figures' names say it."""
BEGINS = {FIRST_BOX: "from their first box on", AS_IT_GOES: "as it goes, from where they are confirmed"}
MEASURES = ("hota", "idf1", "mota", "switches")
FLOORS = {"hota": 58.0, "idf1": 75.0}
"""What is to be reached on PETS at the least, whatever others do."""

Scores = dict[str, dict[str, dict[str, float]]]
"""By tracker, footage and measure."""

Whose = tuple[str, list[str]]
"""Whose tracks a folder holds, and for where tracks begin they count."""

THEIR_RATE = 30
"""Frames a second that all peers take for granted."""


@dataclass(frozen=True)
class Peer:
    """A tracker as its library offers it.

    Attributes:
      name: For figures.
      library: Its library, as track.py knows it.
      tracker: Its class there.
      options: What it must be given.
      takes_rate: Whether it asks for the frame rate.
      grid: Settings to try on PETS, by option.
    """

    name: str
    library: str
    tracker: str
    options: dict[str, Any] = field(default_factory=dict)
    takes_rate: bool = True
    grid: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def settings(self, footage: Footage) -> Iterator[dict[str, Any]]:
        """Yield the options to run with."""
        yield self.options
        told = self.options | ({"frame_rate": footage.rate} if self.takes_rate else {})
        if self.takes_rate and footage.rate != THEIR_RATE:
            yield told
        if footage.name == "pets" and self.grid:
            for values in itertools.product(*self.grid.values()):
                yield told | dict(zip(self.grid, values, strict=True))


_TWO_GATES = {"minimum_iou_threshold_first_assoc": (0.1, 0.2), "track_activation_threshold": (0.5, 0.7)}
PEERS_OF_OURS = (
    Peer("SORT", "trackers", "SORTTracker"),
    Peer(
        "ByteTrack", "trackers", "ByteTrackTracker",
        grid={"minimum_iou_threshold": (0.05, 0.1), "track_activation_threshold": (0.5, 0.7)},
    ),
    Peer("OC-SORT", "trackers", "OCSORTTracker"),
    Peer("C-BIoU", "trackers", "CBIoUTracker", grid=_TWO_GATES),
    Peer("BoT-SORT", "trackers", "BoTSORTTracker", {"enable_cmc": False}, grid=_TWO_GATES),
    Peer("norfair", "norfair", "Tracker", {"distance_function": "iou", "distance_threshold": 0.7}, takes_rate=False),
    Peer("supervision ByteTrack", "supervision", "ByteTrack"),
)  # fmt: skip


def figures(rows: Sequence[Footage], console: Console) -> list[Figure]:
    """Track all footage with everybody, print the tables, and compare ours with the best of the others."""
    with tempfile.TemporaryDirectory() as work:
        scores = _scores(Path(work), rows)
    for begins in scores:
        console.print(_table(rows, begins, scores[begins]))
    return [
        _figure(footage, begins, measure, scores[begins])
        for begins in scores
        for footage in rows
        for measure in MEASURES
    ]


def _scores(work: Path, rows: Sequence[Footage]) -> dict[str, Scores]:
    """Return the measures by where tracks begin, each the best of a tracker's settings."""
    settings, tasks = _lay_out(work, rows)
    ask(PEERS, "track", tasks)
    best: dict[str, Scores] = {FIRST_BOX: {}, AS_IT_GOES: {}}
    with ThreadPoolExecutor(2) as pool:
        scored = pool.map(lambda each: score(work / each.label, {each.label: each.frames}), rows)
        for footage, by_setting in zip(rows, scored, strict=True):
            for name, (measured,) in ((name, each.values()) for name, each in by_setting.items()):
                whose, counts_for = settings[footage.label][name]
                for begins in counts_for:
                    here = best[begins].setdefault(whose, {}).setdefault(footage.label, dict(measured))
                    for measure, value in measured.items():
                        here[measure] = (min if measure == "switches" else max)(here[measure], value)
    return best


def _lay_out(work: Path, rows: Sequence[Footage]) -> tuple[dict[str, dict[str, Whose]], list[Task]]:
    """Write boxes, truth and our tracks; returns whose each folder of tracks is, and the peers' tasks."""
    camera = plain_camera()
    settings: dict[str, dict[str, Whose]] = {}
    tasks: list[Task] = []
    for footage in rows:
        folder, file = work / footage.label, f"{footage.label}.txt"
        mot.write(folder / "found.txt", footage.found)
        mot.write(folder / "truth" / file, footage.true)
        followed = ours.follow(footage, camera)
        mot.write(folder / f"tracks/{OURS}" / file, followed.tracks)
        mot.write(folder / f"tracks/{AS_IT_GOES}{OURS}" / file, followed.as_it_goes)
        whose = settings[footage.label] = {OURS: (OURS, [FIRST_BOX]), f"{AS_IT_GOES}{OURS}": (OURS, [AS_IT_GOES])}
        for peer in PEERS_OF_OURS:
            for number, options in enumerate(peer.settings(footage)):
                name = f"{peer.name} {number}"
                whose[name] = peer.name, [FIRST_BOX]
                whose[f"{AS_IT_GOES}{name}"] = peer.name, [FIRST_BOX, AS_IT_GOES]
                given, first = (folder / f"tracks/{begins}{name}" / file for begins in (AS_IT_GOES, FIRST_BOX))
                asked = task(peer, options, footage, folder / "found.txt", given)
                tasks.append(asked | {"output_from_first_box": str(first)})
    return settings, tasks


def task(peer: Peer, options: dict[str, Any], footage: Footage, found: Path, output: Path) -> Task:
    """Return what track.py is to do."""
    return {
        "library": peer.library, "name": peer.tracker, "options": options,
        "detections": str(found), "frames": footage.frames, "rate": footage.rate, "output": str(output),
    }  # fmt: skip


def _figure(footage: Footage, begins: str, measure: str, scores: Scores) -> Figure:
    peers = {name: round(own[footage.label][measure], 2) for name, own in scores.items() if name != OURS}
    goal = None
    if measure in FLOORS:
        best = max(peers.values())
        floor = FLOORS[measure] if footage.name == "pets" else 0
        goal = f">= {floor:g}" if floor > best else f"> {best:g}"
    value = round(scores[OURS][footage.label][measure], 2)
    how = f"TrackEval 1.3.0, {footage.frames} frames at {footage.rate:g} a second, everybody on the same boxes; "
    how += f"everybody's tracks {BEGINS[begins]}"
    return Figure(f"{measure}_{begins}{footage.label}", value, how, goal, peers)


def _table(rows: Sequence[Footage], begins: str, scores: Scores) -> Table:
    title = f"HOTA / IDF1 / MOTA / switches, tracks {BEGINS[begins]}; of each peer the best of its settings by measure"
    by_name = sorted(scores.items(), key=lambda each: (each[0] != OURS, each[0]))
    names = [Column(name, no_wrap=True) for name in ("footage", *(name for name, _ in by_name))]
    table = Table(*names, title=title, title_justify="left")
    for footage in rows:
        cells = []
        for _, own in by_name:
            measured = own[footage.label]
            cells.append(
                f"{measured['hota']:.1f} {measured['idf1']:.1f} {measured['mota']:.1f} {measured['switches']:.0f}"
            )
        table.add_row(footage.label, *cells)
    return table
