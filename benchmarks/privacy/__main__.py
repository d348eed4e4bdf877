"""`make privacy-report`: what Silhouette's promises are worth, every figure in one table."""

from __future__ import annotations

from rich.console import Console

from benchmarks.figures import print_figures, write_report
from benchmarks.privacy import admission, guard, pixels, redaction, suppression

PARTS = guard, admission, pixels, suppression, redaction


def main() -> None:
    """Measure, print, and write the report."""
    console = Console()
    with console.status("measuring"):
        measured = [figure for part in PARTS for figure in part.figures()]
    print_figures("Privacy", measured, console)
    console.print(f"written to {write_report('privacy-report', measured)}", highlight=False)


if __name__ == "__main__":
    main()
