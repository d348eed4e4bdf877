"""The installed command line, run as a user runs it."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

from pipeline.cli import main


def silhouette(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `silhouette ARGUMENTS` and return what it printed and its exit code."""
    command = [str(Path(sys.executable).parent / "silhouette"), *map(str, arguments)]
    env = os.environ | {"COLUMNS": "200", "TERM": "dumb"} | environment
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False)


def silhouette_here(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Do the same in this process, which has loaded everything already."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([*map(str, arguments)])
        except SystemExit as ended:  # of argparse
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
