"""How `make live` looks: tables that change in a terminal, a line for each window where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table

from demo.live.figures import Place, percentile
from demo.live.parts import Agent


@dataclass(frozen=True)
class Picture:
    """What there is to see at one moment.

    Attributes:
      window_s: Length of the windows that are told.
      places: Lines and zones.
      agents: The agents.
      files: Files of records.
      rows: Rows in them.
      dead_letters: Dead letters.
      seconds: How long records took, shortest first.
    """

    window_s: int
    places: Sequence[Place]
    agents: Sequence[Agent]
    files: int
    rows: int
    dead_letters: int
    seconds: Sequence[float]


@contextmanager
def shown(console: Console) -> Iterator[Callable[[Picture], None]]:
    """Yield what shows a picture in the place of the one before; without a terminal, as lines of what is new."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield lambda picture: live.update(Group(*tables(picture), "Ctrl-C ends all of it."), refresh=True)
        return
    told: dict[str, datetime] = {}

    def show(picture: Picture) -> None:
        for camera, group in groupby(picture.places, lambda place: place.camera):
            of_camera = list(group)
            until = of_camera[0].until
            if until is not None and until != told.get(camera):
                told[camera] = until
                console.print(line(camera, until, of_camera), highlight=False, soft_wrap=True)

    yield show


def line(camera: str, until: datetime, of_camera: Sequence[Place]) -> str:
    """Return a camera's counts up to an instant, lines so far and zones in the last window, in one line."""
    words = [f"{place.name} {place.so_far if place.is_line else place.now}" for place in of_camera]
    return f"{until:%H:%M:%S}Z {camera}: {'; '.join(words)}"


def tables(picture: Picture) -> Iterator[RenderableType]:
    """Yield what there is to see: counts, agents, records, and how long they took."""
    yield _counts(picture)
    yield _agents(picture.agents)
    yield f"{picture.rows:,} rows in {picture.files:,} files, {picture.dead_letters} dead letters."
    if picture.seconds:
        p50, p99 = (percentile(picture.seconds, share) for share in (0.5, 0.99))
        yield f"From a window's end to its records: p50 {p50:.1f} s, p99 {p99:.1f} s, of {len(picture.seconds):,}."


def _counts(picture: Picture) -> Table:
    table = Table("camera", "until (UTC)", "place", "so far", f"last {picture.window_s} s")
    for camera, of_camera in groupby(picture.places, lambda place: place.camera):
        for index, place in enumerate(of_camera):
            until = f"{place.until:%H:%M:%S}" if place.until else ""
            table.add_row(*(("", "") if index else (camera, until)), place.name, place.so_far, place.now)
        table.add_section()
    return table


def _agents(agents: Sequence[Agent]) -> Table:
    table = Table("agent", "process")
    for heading in ("clips cut", "acknowledged", "waiting"):
        table.add_column(heading, justify="right")
    for agent in agents:
        table.add_row(agent.camera, agent.state, str(agent.cut), str(agent.acknowledged), str(agent.waiting))
    return table
