"""Where a stream may be cut: at keyframes that nothing around them reaches across."""

from __future__ import annotations

import av

from pipeline.edge.groups import Gate, Picture
from tests.support.edge import opened
from tests.support.video import encode, pictures


def starts(stamps: list[tuple[int | None, bool]]) -> list[tuple[int | None, bool]]:
    gate = Gate()
    shown = [Picture(av.Packet(1), stamp, 0, keyframe, 1) for stamp, keyframe in stamps]
    passed = [each for picture in shown for each in gate.feed(picture)] + list(gate.flush())
    return [(picture.stamp_us, begins) for picture, begins in passed]


def test_closed_groups() -> None:
    stamps = [(0, True), (30, False), (10, False), (20, False), (40, True), (70, False), (50, False), (60, False)]
    assert [stamp for stamp, begins in starts(stamps) if begins] == [0, 40]


def test_open_groups_cannot_be_cut() -> None:
    stamps = [(0, True), (30, False), (10, False), (60, True), (40, False), (50, False), (70, False)]
    assert [stamp for stamp, begins in starts(stamps) if begins] == [0]
    assert len(starts(stamps)) == len(stamps)


def test_a_stream_joined_in_the_middle() -> None:
    stamps = [(70, False), (None, False), (60, True), (40, False), (50, False), (80, False), (90, True)]
    assert starts(stamps) == [(60, True), (80, False), (90, True)]


def test_every_picture_a_keyframe() -> None:
    assert starts([(0, True), (10, True), (20, True)]) == [(0, True), (10, True), (20, True)]


def test_pictures_without_times_begin_nothing() -> None:
    assert starts([(0, True), (None, True), (20, False)]) == [(0, True), (None, False), (20, False)]


def test_real_groups() -> None:
    for options, expected in (({"bf": "0"}, 3), ({"bf": "3"}, 3), ({"bf": "3", "x264-params": "open-gop=1"}, 1)):
        with opened(encode(pictures(30), gop=10, options=options)) as (_, shown):
            gate = Gate()
            passed = [each for picture in shown for each in gate.feed(picture)] + list(gate.flush())
        assert [picture for picture, _ in passed] == shown
        assert sum(begins for _, begins in passed) == expected, options
