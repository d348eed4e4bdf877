"""The command line as a whole: what becomes of it where nobody reads what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import FAILED

SILHOUETTE = Path(sys.executable).parent / "silhouette"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["guard", "check", "rows.jsonl", "--json"], 5_000),
        (["guard", "check", "rows.jsonl"], 1),
        (["--help"], 1),
    ],
    ids=["print", "table", "help"],
)
def test_a_reader_that_has_gone_is_no_error(tmp_path: Path, words: list[str], shown: int) -> None:
    (tmp_path / "rows.jsonl").write_text((json.dumps({"store": "S1", "visitors": 42}) + "\n") * shown)
    running = subprocess.Popen(
        [SILHOUETTE, *words], cwd=tmp_path, env=os.environ | {"PYTHONUNBUFFERED": ""}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert running.stdout is not None and running.stderr is not None
    running.stdout.close()
    told = running.stderr.read()
    running.stderr.close()
    assert (running.wait(60), told) == (FAILED, "")
