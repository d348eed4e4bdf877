"""What is printed for people: text as it is, never read as markup, and tables that are not cut off."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table


def plain_console(*, stderr: bool = False) -> Console:
    """Return a console that prints names and paths as they are, brackets and all."""
    return Console(stderr=stderr, markup=False, highlight=False)


def print_whole(table: Table) -> None:
    """Print a table as wide as its cells: a terminal wraps what is too long for it, a cut-off cell says nothing."""
    console = plain_console()
    wanted = Measurement.get(console, console.options.update(max_width=10_000), table).maximum
    console.width = max(console.width, wanted)
    console.print(table, soft_wrap=True)
