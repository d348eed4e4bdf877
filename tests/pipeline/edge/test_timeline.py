"""Times of clips: end to end within a session, never backwards, near the truth whatever delays and clocks do."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.edge.clock import ClockState
from pipeline.edge.timeline import BREAK_US, LeastDelay, LiveTimes, RecordedTimes

SECOND = 1_000_000
UTC0 = 1_700_000_000 * SECOND


def steady(boot_to_utc_us: int = UTC0, offset_us: int = 0) -> ClockState:
    return ClockState(0, boot_to_utc_us, offset_us, True)


@settings(max_examples=60, derandomize=True)
@given(
    drift=st.floats(-2e-4, 2e-4),
    delays=st.lists(st.integers(0, 300_000), min_size=5, max_size=40),
    ahead=st.lists(st.integers(-40_000, 40_000), min_size=5, max_size=40),
)
def test_clips_of_a_session_stand_end_to_end(drift: float, delays: list[int], ahead: list[int]) -> None:
    clock = [steady()]
    times = LiveTimes(lambda: clock[0])
    lines = []
    for number, (delay, off) in enumerate(zip(delays, ahead, strict=False)):
        stamp = number * 5 * SECOND
        true = round(stamp * (1 + drift))
        clock[0] = steady(UTC0 - off, off)
        times.saw(stamp, true + delay)
        lines.append((stamp, times.begin(stamp)))
    for (_, line), (stamp, after) in pairwise(lines):
        assert after.session == line.session
        assert line.at(stamp) == after.at(stamp)
        inside = [line.at(at) for at in range(line.stamp_us, stamp + 1, 20_000)]
        assert all(one < other for one, other in pairwise(inside))
    assert [line.offset_us for _, line in lines] == ahead[: len(lines)]


def test_a_camera_that_runs_fast_is_kept_near_the_truth() -> None:
    times = LiveTimes(steady)
    worst = 0
    for number in range(2000):  # almost three hours
        stamp = number * 5 * SECOND
        true = round(stamp * (1 - 1e-4))
        times.saw(stamp, true + (number * 7919 % 50) * 1000)
        worst = max(worst, abs(times.begin(stamp).at(stamp) - UTC0 - true))
    assert worst < 100_000


def test_what_waited_in_the_camera_is_not_taken_for_late() -> None:
    times = LiveTimes(steady)
    for number in range(40):  # four seconds that come at once, then as they are taken
        times.saw(number * 100_000, max(4 * SECOND, number * 100_000))
    for number in range(40, 60):
        times.saw(number * 100_000, number * 100_000)
    assert times.begin(0).utc_us == UTC0


def test_a_step_begins_another_session() -> None:
    clock = [steady()]
    times = LiveTimes(lambda: clock[0])
    times.saw(0, 0)
    first = times.begin(0)
    clock[0] = steady(UTC0 + BREAK_US)
    assert times.begin(5 * SECOND).session == first.session
    clock[0] = steady(UTC0 - 3600 * SECOND)
    line = times.begin(10 * SECOND)
    assert line.session != first.session
    assert line.at(10 * SECOND) == UTC0 - 3590 * SECOND


def test_the_least_delay_forgets() -> None:
    delay = LeastDelay()
    assert delay.us == 0
    delay.add(0, 10)
    assert delay.us == 10
    for second in range(1, 200):
        delay.add(second * SECOND, second * SECOND + 50)
    assert delay.us == 50


def test_a_recording_has_the_times_that_were_said() -> None:
    times = RecordedTimes(UTC0)
    times.saw(7, 0)
    assert times.begin(40).at(40) == UTC0
    assert times.begin(SECOND + 40).at(SECOND + 41) == UTC0 + SECOND + 1
    assert times.begin(0).session == times.begin(5).session
