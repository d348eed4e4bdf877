"""Messages become clips, or dead letters without their payload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from apache_beam import pvalue

from pipeline.deliveries import AHEAD_US, _OpenFn
from schemas.clock import SECOND_US, now_us
from schemas.envelope import Envelope
from schemas.records import DeadLetter
from tests.support.world import T0, a_site
from transforms.clips import Clip, Delivery
from transforms.dead_letters import Names
from transforms.facts import ClipFact

ENVELOPE = Envelope(1, "lab", "door", "run", 0, T0, T0 + 10 * SECOND_US, 0, 10.0, "h264", 3, "ab" * 32)
PAYLOAD = b"secret"


def opened(attributes: Mapping[str, str]) -> Clip | DeadLetter:
    found = list(_OpenFn(Names.of((a_site(),))).process(Delivery(attributes, PAYLOAD)))
    values = [each.value if isinstance(each, pvalue.TaggedOutput) else each for each in found]
    (opened_to,) = [value for value in values if not isinstance(value, ClipFact)]
    return opened_to


def test_attributes_are_the_envelope_and_what_brokers_add_is_passed_over() -> None:
    assert opened(ENVELOPE.to_attributes() | {"googclient_schemaencoding": "JSON"}) == Clip(ENVELOPE, PAYLOAD)


@pytest.mark.parametrize(
    ("changes", "start_us", "camera"),
    [
        ({"sha256": "no"}, T0, "door"),
        ({"start": "yesterday"}, None, "door"),
        ({"start": "9999-01-01T00:00:00Z"}, None, "door"),
        ({"camera": "Jane Doe", "size": "-1"}, T0, "unknown"),
        ({"camera": "lab", "size": "-1"}, T0, "unknown"),
    ],
)
def test_a_bad_envelope_is_a_dead_letter_with_what_can_be_read_of_it(
    changes: dict[str, str], start_us: int | None, camera: str
) -> None:
    letter = opened(ENVELOPE.to_attributes() | changes)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.event_time, letter.camera) == ("bad_envelope", start_us, camera)
    assert letter.bytes == len(PAYLOAD) and "secret" not in repr(letter)


def test_a_clip_of_a_clock_far_ahead_is_set_aside() -> None:
    start_us = now_us() + AHEAD_US + 60 * SECOND_US
    ahead = replace(ENVELOPE, start_us=start_us, end_us=start_us + SECOND_US)
    letter = opened(ahead.to_attributes())
    assert isinstance(letter, DeadLetter) and letter.reason == "in_future"
