"""The clock: set clocks are followed where something keeps them right, and passed over where nothing does."""

from __future__ import annotations

import time
from dataclasses import replace

from pipeline.edge.clock import Clock, Reading, boot_us, read_clocks

NOON = Reading(boot_us=1_000_000, wall_us=43_200_000_000, synchronised=True)


class Machine:
    """A machine whose clocks a test moves."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def __call__(self) -> Reading:
        return self.reading

    def later(self, us: int, *, stepped_us: int = 0, **changes: object) -> None:
        here = self.reading
        self.reading = replace(here, boot_us=here.boot_us + us, wall_us=here.wall_us + us + stepped_us, **changes)


def test_true_time_runs_with_the_synchronised_clock() -> None:
    machine = Machine(NOON)
    clock = Clock(machine)
    machine.later(5_000_000)
    state = clock.now()
    assert state.utc_us == NOON.wall_us + 5_000_000
    assert state.offset_us == 0 and state.healthy(0)


def test_what_the_kernel_knows_to_be_off_is_taken_off() -> None:
    machine = Machine(replace(NOON, ahead_us=20_000))
    state = Clock(machine).now()
    assert state.utc_us == NOON.wall_us - 20_000
    assert state.offset_us == 20_000
    assert state.healthy(20_000) and not state.healthy(19_999)


def test_a_step_is_followed_while_something_keeps_the_clock_right() -> None:
    machine = Machine(NOON)
    clock = Clock(machine)
    machine.later(1_000_000, stepped_us=-3_600_000_000)
    assert clock.now().utc_us == NOON.wall_us + 1_000_000 - 3_600_000_000
    assert clock.now().offset_us == 0


def test_a_step_is_passed_over_while_nothing_does() -> None:
    machine = Machine(replace(NOON, synchronised=False))
    clock = Clock(machine)
    for stepped_us in (3_600_000_000, -7_200_000_000):
        before = clock.now()
        machine.later(1_000_000, stepped_us=stepped_us)
        after = clock.now()
        assert after.utc_us - before.utc_us == 1_000_000
        assert after.offset_us - before.offset_us == stepped_us
        assert not after.healthy(10**12)


def test_time_is_right_again_once_the_clock_is() -> None:
    machine = Machine(replace(NOON, synchronised=False))
    clock = Clock(machine)
    machine.later(1_000_000, stepped_us=500_000_000)
    clock.now()
    machine.later(1_000_000, synchronised=True)
    assert clock.now().utc_us == machine.reading.wall_us
    machine.later(1_000_000, stepped_us=-9_000_000, synchronised=False)
    assert clock.now().utc_us == machine.reading.wall_us + 9_000_000


def test_this_machine_can_be_asked() -> None:
    reading = read_clocks()
    assert abs(reading.wall_us - time.time() * 1e6) < 1e6
    assert 0 <= boot_us() - reading.boot_us < 1e6
    assert abs(Clock().now().utc_us - time.time() * 1e6) < 1e6
