"""The installed command line, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def silhouette(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `silhouette ARGUMENTS` and return what it printed and its exit code."""
    command = [str(Path(sys.executable).parent / "silhouette"), *map(str, arguments)]
    env = os.environ | {"COLUMNS": "200", "TERM": "dumb"} | environment
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False)
