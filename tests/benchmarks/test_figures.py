import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.figures import Figure, print_figures, write_report


@pytest.mark.parametrize(
    ("value", "goal", "holds"),
    [
        (0.92, ">= 0.92", True),
        (0.91, ">= 0.92", False),
        (4.2, "<= 4.1", False),
        (9.9, "< 10", True),
        (10, "< 10", False),
        (10.1, "> 10", True),
        (10, "> 10", False),
        (0, "== 0", True),
        (7, None, True),
    ],
)
def test_a_figure_holds_when_its_goal_is_met_or_it_has_none(value: float, goal: str | None, holds: bool) -> None:
    assert Figure("speed", value, "how", goal).holds is holds


def test_a_report_has_the_form_that_all_share(tmp_path: Path) -> None:
    figures = [Figure("speed", 0.95, "frames a second", ">= 0.92", {"other": 0.85}), Figure("size", 3, "bytes")]
    path = write_report("bench", figures, tmp_path / "reports")
    assert path == tmp_path / "reports" / "bench.json"
    assert json.loads(path.read_text()) == {
        "figures": [
            {
                "name": "speed",
                "value": 0.95,
                "goal": ">= 0.92",
                "holds": True,
                "how": "frames a second",
                "peers": {"other": 0.85},
            },
            {"name": "size", "value": 3, "goal": None, "holds": True, "how": "bytes", "peers": {}},
        ]
    }


def test_the_table_shows_what_does_not_hold() -> None:
    out = io.StringIO()
    print_figures("Figures", [Figure("speed", 0.5, "how", ">= 0.92", {"other": 0.85})], Console(file=out, width=100))
    assert "NO" in out.getvalue()
    assert "other 0.85" in out.getvalue()


def test_the_table_writes_large_numbers_out() -> None:
    out = io.StringIO()
    print_figures("Figures", [Figure("off", 999.7, "how", None, {"other": 3860})], Console(file=out, width=100))
    assert "1000" in out.getvalue()
    assert "other 3860" in out.getvalue()
