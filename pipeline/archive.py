"""Temporary."""
from dataclasses import dataclass
from pathlib import Path

from schemas.envelope import Envelope


@dataclass(frozen=True)
class ClipFile:
    path: Path
    envelope: Envelope | None
    fault: str | None = None
