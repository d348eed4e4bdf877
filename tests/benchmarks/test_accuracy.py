"""What the tables of accuracy say of what was counted and measured, without a video."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy import ours
from benchmarks.accuracy.footage import Footage
from benchmarks.accuracy.measures import IN, OUT, Scene, crossings_off, in_and_out, measured
from benchmarks.accuracy.ours import Counted
from benchmarks.accuracy.readme import tables
from benchmarks.accuracy.scenes import plain_camera
from benchmarks.figures import Figure

CROSSINGS = [("gate", IN, 1.0), ("gate", IN, 2.0), ("gate", OUT, 3.0), ("door", OUT, 4.0)]
"""Line, side, seconds."""


def counted(*which: int, people: float = 1.0) -> Counted:
    return Counted([CROSSINGS[k] for k in which], {"hall": np.full(10, people)}, {"hall": [5.0]})


def test_in_and_out_are_told_apart() -> None:
    true, made = counted(0, 1, 2, 3), counted(0, 2, 2, 3)
    assert (in_and_out(true), in_and_out(made)) == ("2 in 2 out", "1 in 3 out")
    assert [crossings_off(made, true, sides) for sides in ([IN], [OUT], [IN, OUT])] == [1, 1, 2]


def test_of_a_peers_settings_each_measure_is_the_best() -> None:
    footage = Footage("hall", 1, (10, 10), 10, np.empty((0, 7)), np.empty((0, 9)))
    each = Scene(footage, plain_camera(), counted(0, 1, 2, 3))
    ours, peer = [counted(0, 1)], [counted(0, 1, 2, people=3), counted(0, people=1.5)]
    found = measured({"ours": ours, "peer": peer}, each)
    assert found["ours"]["crossings_out_off"] == 2
    assert (found["peer"]["crossings_off"], found["peer"]["occupancy_mae"]) == (1, 0.5)
    assert found["peer"]["event_f1"] == pytest.approx(6 / 7, abs=1e-3)


def test_the_readmes_tables_are_the_reports() -> None:
    figures = [
        Figure("crossings_off_on_true_tracks", 0, "", peers={"LineZone": 9}),
        Figure("crossings_off_pets_3_5fps", 4, "", peers={"LineZone+ByteTrack": 24, "mesopic": 10}),
        Figure("event_f1_pets_3_5fps", 0.967, "", peers={"LineZone+ByteTrack": 0.77, "mesopic": 0.809}),
        Figure("dwell_error_pets_7fps_person", 0.15, ""),
        Figure("crossings_off_pets_7fps_person", 3, ""),
        *(
            Figure(f"{measure}_mot17_04_30fps", ours, "", peers={"SORT": 8, "OC-SORT": 9})
            for measure, ours in (("hota", 41.48), ("idf1", 54), ("mota", 35.9), ("switches", 7))
        ),
        Figure("idf1_as_it_goes_mot17_04_30fps", 52.1, "", peers={"SORT": 8, "BoT-SORT": 44.4}),
        Figure("crossings_off_on_random_lines", 452, "", peers={"LineZone+ByteTrack": 3860}),
        Figure("association_ms_a_frame", 0.34, "", "<= 0.2", {"ByteTrack": 0.43}),
        Figure("association_over_bytetrack", 0.65, "", "<= 0.77", {"ByteTrack": 1}),
    ]
    text = tables({figure.name: figure.as_json() for figure in figures})
    assert (
        "| PETS09-S2L1, 3.5 a second | **4** / 24 / - / 10 / - | **.967** / .770 / - / .809 / - | - | - | - |" in text
    )
    assert (
        "| PETS09-S2L1, 7 a second, built-in `person` | **3** / - / - / - / - | - | - | - | **15%** / - / - / - / - |"
        in text
    )
    assert "| MOT17-04-DPM, 30 a second | **41.5**, OC-SORT 9.0 | " in text and "| **7**, SORT 8 |" in text
    assert "| - | **52.1**, BoT-SORT 44.4 |" in text
    assert (
        "| 40 random lines in all of these but the demo and the built-in model's | **452** / 3860 / - / - / - |" in text
    )
    assert "0.34 ms a frame here, ByteTrack of `trackers` 0.43 ms: 0.65 times as long" in text
    assert "(<= 0.2 ms does not hold, <= 0.77 times holds)" in text
    assert "true_tracks" not in text


def test_tracks_as_they_go_begin_where_they_are_confirmed() -> None:
    frames = np.arange(1, 21)
    walker = np.column_stack((frames, -np.ones(20), 20 + 4 * frames, np.full((20, 3), (30, 20, 50)), np.full(20, 0.9)))
    followed = ours.follow(Footage("hall", 5, (200, 100), 20, walker, np.empty((0, 9))), plain_camera())
    assert len(set(followed.tracks[:, 1])) == 1
    assert followed.tracks[:, 0].tolist() == frames.tolist()
    assert 1 < followed.as_it_goes[0, 0] < 10
    assert followed.as_it_goes.tolist() == followed.tracks[len(followed.tracks) - len(followed.as_it_goes) :].tolist()
    assert followed.seen.sum() == len(followed.as_it_goes)
