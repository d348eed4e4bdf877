"""Ask the peers, each in its own environment, from the project's."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PEERS = ROOT / ".venv-peers/bin/python"
MESOPIC = ROOT / ".venv-mesopic/bin/python"

Task = dict[str, Any]


def ask(python: Path, module: str, tasks: Sequence[Task], processes: int = 2) -> list[dict[str, Any]]:
    """Run a peers' module on tasks, in a few processes side by side; returns its answers in order.

    Raises:
      RuntimeError: It failed, or left tasks unanswered.
    """
    answers: list[dict[str, Any]] = [{}] * len(tasks)
    with ThreadPoolExecutor(processes) as pool:
        shares = [tasks[first::processes] for first in range(processes)]
        for first, answered in enumerate(pool.map(lambda share: _ask(python, module, share), shares)):
            answers[first::processes] = answered
    return answers


def _ask(python: Path, module: str, tasks: Sequence[Task]) -> list[dict[str, Any]]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as asked:
        json.dump(list(tasks), asked)
        asked.flush()
        answers = [json.loads(line) for line in _run(python, module, asked.name).splitlines()]
    if len(answers) != len(tasks):
        raise RuntimeError(f"{module} answered {len(answers)} of {len(tasks)} tasks")
    return answers


def score(folder: Path, frames: dict[str, int]) -> dict[str, dict[str, dict[str, float]]]:
    """Score tracks with TrackEval, see score.py."""
    sequences = folder / "sequences.json"
    sequences.write_text(json.dumps(frames))
    return json.loads(_run(PEERS, "score", str(folder), str(sequences)))


def _run(python: Path, module: str, *arguments: str) -> str:
    # Nobody's threads and nobody's other packages: the environment's own interpreter alone.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(python), "-m", f"benchmarks.accuracy.peers.{module}", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{python.parent.parent.name}: {module} failed:\n{done.stderr[-2000:]}")
    return done.stdout
