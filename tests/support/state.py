"""A stateful DoFn driven by hand: its state in memory as its own coders write it, its clock moved by the caller.

So what a step keeps, reads and writes can be told in bytes, one element at a time, as no runner tells it.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.transforms import userstate
from apache_beam.utils.timestamp import Timestamp


class Traffic:
    """What went over the border to the state.

    Attributes:
      read: Bytes read.
      written: Bytes written.
    """

    def __init__(self) -> None:
        self.read = 0
        self.written = 0

    @property
    def total(self) -> int:
        """Bytes in both directions."""
        return self.read + self.written


class Cell:
    """One key's value, or bag of values, as bytes."""

    def __init__(self, coder: beam.coders.Coder, traffic: Traffic) -> None:
        self._coder = coder
        self._traffic = traffic
        self.items: list[bytes] = []

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return sum(map(len, self.items))

    def values(self) -> list[Any]:
        """Return what is kept, uncounted."""
        return [self._coder.decode(item) for item in self.items]

    def clear(self) -> None:
        """Forget it."""
        self.items.clear()

    def _read(self) -> list[Any]:
        self._traffic.read += self.size
        return self.values()

    def _add(self, value: Any) -> None:
        item = self._coder.encode(value)
        self._traffic.written += len(item)
        self.items.append(item)


class Value(Cell):
    """`ReadModifyWriteStateSpec`."""

    def read(self) -> Any:
        """Return the value; None before the first."""
        return next(iter(self._read()), None)

    def write(self, value: Any) -> None:
        """Put a value in the place of the one before."""
        self.clear()
        self._add(value)


class Bag(Cell):
    """`BagStateSpec`."""

    def read(self) -> Iterator[Any]:
        """Return the values."""
        return iter(self._read())

    def add(self, value: Any) -> None:
        """Add a value."""
        self._add(value)


Timers = dict[tuple[Any, userstate.TimerSpec], Timestamp]
"""When each key's timers are due."""


class _Timer:
    def __init__(self, timers: Timers, key: Any, spec: userstate.TimerSpec) -> None:
        self.set = partial(timers.__setitem__, (key, spec))
        self.clear = partial(timers.pop, (key, spec), None)


class Driven:
    """A DoFn with event-time timers, under a clock that the caller moves.

    Attributes:
      traffic: What it has read and written so far.
    """

    def __init__(self, fn: beam.DoFn) -> None:
        self.traffic = Traffic()
        self._fn = fn
        self._specs, _ = userstate.get_dofn_specs(fn)
        self._cells: dict[Any, dict[str, Cell]] = defaultdict(self._no_state)
        self._timers: Timers = {}

    def process(self, element: tuple[Any, Any]) -> list[Any]:
        """Hand an element in; returns what comes out."""
        return self._call(self._fn.process, element[0], None, element)

    def advance(self, watermark_us: int) -> list[Any]:
        """Move event time, and fire what is due by then, the earliest first; returns what comes out."""
        found = []
        while self._timers and (due := min(self._timers.values())).micros <= watermark_us:
            key, spec = timer = next(timer for timer, at in self._timers.items() if at == due)
            del self._timers[timer]
            found += self._call(partial(spec._attached_callback, self._fn), key, due)
        return found

    def cells(self, key: Any) -> dict[str, Cell]:
        """Return a key's state by name."""
        return self._cells[key]

    def size(self, key: Any) -> int:
        """Return how many bytes are kept for a key."""
        return sum(cell.size for cell in self._cells[key].values())

    def _no_state(self) -> dict[str, Cell]:
        kinds = {userstate.BagStateSpec: Bag, userstate.ReadModifyWriteStateSpec: Value}
        return {spec.name: kinds[type(spec)](spec.coder, self.traffic) for spec in self._specs}

    def _call(self, method: Callable[..., Any], key: Any, at: Timestamp | None, *arguments: Any) -> list[Any]:
        """Call a method as Beam does: what its defaults ask for is handed in."""
        given: dict[str, Any] = {}
        for name, parameter in inspect.signature(method).parameters.items():
            asked = parameter.default
            if isinstance(asked, beam.DoFn.StateParam):
                given[name] = self._cells[key][asked.state_spec.name]
            elif isinstance(asked, beam.DoFn.TimerParam):
                given[name] = _Timer(self._timers, key, asked.timer_spec)
            elif asked is beam.DoFn.KeyParam:
                given[name] = key
            elif asked is beam.DoFn.TimestampParam:
                given[name] = at
        return list(method(*arguments, **given) or ())
