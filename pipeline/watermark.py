"""How far event time has come, as one reader of a subscription knows."""

from __future__ import annotations

from pipeline.lease import DEADLINE_S
from schemas.clock import SECOND_US

QUIET_US = (DEADLINE_S + 5) * SECOND_US
"""What was published before is all here once none of it was held for so long: by then what others held is let go."""


class Watermark:
    """How far event time has come, as one reader knows.

    It follows the oldest message held, and the clock where nothing is held and the subscription is idle, both minus
    the allowed disorder. It never goes back. At the first start, and after a long pause, it waits for the backlog,
    which comes in any order: until nothing has been held for a while that was published before. By then what a reader
    that was killed had held has been delivered again, too. (On Dataflow the service's own rules hold.)
    """

    def __init__(self, disorder_us: int, pause_us: int, now: int, before: tuple[int | None, int] = (None, 0)) -> None:
        """Begin, or go on.

        Args:
          disorder_us: How far behind the oldest message held it stays.
          pause_us: How long a pause is that makes it catch up.
          now: The clock, UTC microseconds.
          before: What it was, and when, microseconds.
        """
        self._disorder_us = disorder_us
        self._pause_us = pause_us
        self.value_us, heard_us = before
        self._heard_us = heard_us or now  # when the subscription was last known to be reached
        self._backlog_until_us: int | None = now if self.value_us is None else None
        self._backlog_seen_us = now

    def held(self, published_us: int, now: int) -> None:
        """Note that a message is held: it was taken just now, waits to be, or is worked on still."""
        self._wake(now)
        if self._backlog_until_us is not None and published_us < self._backlog_until_us:
            self._backlog_seen_us = now

    def advance(self, oldest_us: int | None, now: int, *, idle: bool) -> None:
        """Move on as far as can be.

        Args:
          oldest_us: Event time of the oldest message held; None where none is.
          now: The clock, UTC microseconds.
          idle: Whether the subscription has said just now that it holds no more.
        """
        if oldest_us is None and not idle:
            return
        self._wake(now)
        if self._backlog_until_us is not None:
            if now - self._backlog_seen_us < QUIET_US:
                return
            self._backlog_until_us = None
        reached = min(now, now if oldest_us is None else oldest_us) - self._disorder_us
        self.value_us = reached if self.value_us is None else max(self.value_us, reached)

    def _wake(self, now: int) -> None:
        """Begin to catch up, where the subscription was not heard of for long."""
        if now - self._heard_us > self._pause_us:
            self._backlog_until_us = self._backlog_seen_us = now
        self._heard_us = now
