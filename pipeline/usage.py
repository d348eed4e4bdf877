"""How commands tell what is wrong: with their usage, and with a job that failed."""

from __future__ import annotations

import argparse
import re
from typing import Any

LOG_IN = "try `gcloud auth application-default login`"
"""What to do for want of credentials."""


class UsageError(ValueError):
    """Wrong usage; the text names the flag and says what to do."""


class Once(argparse.Action):
    """A flag that may be given once: argparse itself would take the last, and say nothing of the others."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        """Take the value."""
        if getattr(namespace, self.dest) is not self.default:
            parser.error(f"{option_string}: give it once")
        setattr(namespace, self.dest, values)


def instant(flag: str, text: str | None) -> int | None:
    """Return the instant that a flag gives, UTC microseconds; None where it was not given.

    Raises:
      UsageError: it is no instant.
    """
    from schemas.clock import from_rfc3339
    from schemas.envelope import LATEST_US

    if text is None:
        return None
    try:
        given_us = from_rfc3339(text)
    except (ValueError, OverflowError):
        raise UsageError(f"{flag}: must be an instant with its offset, as 2026-01-05T09:00:00Z") from None
    if not 0 <= given_us < LATEST_US:
        raise UsageError(f"{flag}: must be between the years 1970 and 9000")
    return given_us


def cause(error: BaseException) -> str:
    """Return the type and the first line of the fault at the bottom, which Beam wraps in the stack of its steps."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line for line in str(error).splitlines() if line.strip()] or ["no further reason"]
    # Of a worker's fault there is only the text of its stack, the fault last.
    told = lines[-1] if lines[0].startswith("Traceback") else f"{type(error).__name__}: {lines[0]}"
    return re.sub(r" \[while running '.*?'\]", "", told)
