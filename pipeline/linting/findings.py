"""What lint found: how bad, where in the site file, what was seen, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""Counts nothing, ever; counts too little or too much; worth knowing."""

Part = tuple[str | int, ...]
"""Keys and positions that lead from a camera or a group to what a finding is about, such as ("lines", 0)."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
      rule: Its stable name.
      severity: How bad it is.
      part: What of the camera, or the group, it is about; empty for the camera itself.
      seen: What was seen.
      advice: What to do.
      paste: Lines for the site file, where they can be told; else empty.
    """

    rule: str
    severity: Severity
    part: Part
    seen: str
    advice: str
    paste: str = ""


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings as they are told: the worst first, then by rule and part."""
    return sorted(findings, key=lambda each: (SEVERITIES.index(each.severity), each.rule, tuple(map(str, each.part))))
