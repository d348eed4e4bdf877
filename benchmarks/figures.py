"""Figures: what a make target measured, in one form everywhere, printed and written to `reports/TARGET.json`."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

REPORTS = Path(__file__).resolve().parent.parent / "reports"
_COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
      name: Stable, snake_case.
      value: What was measured.
      how: How, in one sentence.
      goal: A comparison and a number, as `>= 0.92`; None where it was only measured.
      peers: What others reach in the same run, by their names.
    """

    name: str
    value: float
    how: str
    goal: str | None = None
    peers: Mapping[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Say whether the goal is met; true without a goal."""
        if self.goal is None:
            return True
        comparison, number = self.goal.split()
        return bool(_COMPARISONS[comparison](self.value, float(number)))

    def as_json(self) -> dict[str, Any]:
        """Return the figure as it stands in a report."""
        written = asdict(self)
        return {key: written[key] for key in ("name", "value", "goal")} | {
            "holds": self.holds,
            "how": self.how,
            "peers": written["peers"],
        }


def write_report(target: str, figures: Sequence[Figure], folder: Path = REPORTS) -> Path:
    """Write `TARGET.json` and return its path; complete when visible."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{target}.json"
    staging = path.with_suffix(".tmp")
    staging.write_text(json.dumps({"figures": [each.as_json() for each in figures]}, indent=2) + "\n")
    staging.replace(path)
    return path


def print_figures(title: str, figures: Sequence[Figure], console: Console | None = None) -> None:
    """Print a short table."""
    table = Table("figure", "value", "goal", "holds", "peers", title=title, title_justify="left")
    for figure in figures:
        peers = ", ".join(f"{name} {_readable(value)}" for name, value in figure.peers.items())
        table.add_row(figure.name, _readable(figure.value), figure.goal or "", "yes" if figure.holds else "NO", peers)
    (console or Console()).print(table)


def _readable(value: float) -> str:
    """Write three digits, or all that stand before the point."""
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}"
