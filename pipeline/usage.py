"""How commands tell what is wrong: with their usage, and with a job that failed."""

from __future__ import annotations

import re


class UsageError(ValueError):
    """Wrong usage; the text names the flag and says what to do."""


def instant(flag: str, text: str | None) -> int | None:
    """Return the instant that a flag gives, UTC microseconds; None where it was not given.

    Raises:
      UsageError: it is no instant.
    """
    from schemas.clock import from_rfc3339

    try:
        return None if text is None else from_rfc3339(text)
    except ValueError:
        raise UsageError(f"{flag}: must be an instant with its offset, as 2026-01-05T09:00:00Z") from None


def cause(error: BaseException) -> str:
    """Return the type and the first line of the fault at the bottom, which Beam wraps in the stack of its steps."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line for line in str(error).splitlines() if line.strip()] or ["no further reason"]
    # Of a worker's fault there is only the text of its stack, the fault last.
    told = lines[-1] if lines[0].startswith("Traceback") else f"{type(error).__name__}: {lines[0]}"
    return re.sub(r" \[while running '.*?'\]", "", told)
