"""What is said of a clip beside it: read back as written, and refused by key, never by value."""

import json
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro import contract
from schemas.clock import to_rfc3339
from schemas.envelope import LATEST_US, Envelope, EnvelopeError

GOOD = Envelope(1, "lab", "door", "run-1", 7, 1_000_000, 11_000_000, -250, 12.5, "h264", 4096, "0a" * 32)
SECRET = "jane-doe"


@settings(max_examples=50, derandomize=True, deadline=None)
@given(
    st.integers(0, LATEST_US - 10**9), st.integers(1, 10**9), st.integers(0, 2**63 - 1),
    st.floats(1e-3, 1e3), st.text(max_size=20),
)  # fmt: skip
def test_an_envelope_comes_back_through_json(start: int, length: int, number: int, rate: float, name: str) -> None:
    envelope = Envelope(1, name, name, name, number, start, start + length, -number, rate, "vp9", number, "f0" * 32)
    assert Envelope.from_json(json.loads(json.dumps(envelope.to_json()))) == envelope
    assert envelope.seconds == length / 1e6


def test_the_contract_holds_what_the_json_holds() -> None:
    fields = GOOD.to_json()
    assert {field["name"] for field in contract("clip_envelope")["fields"]} == set(fields)
    assert all(field["doc"] for field in contract("clip_envelope")["fields"])
    micros = fields | {"start": GOOD.start_us, "end": GOOD.end_us}
    assert fastavro.validate(micros, fastavro.parse_schema(contract("clip_envelope")))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"start": SECRET}, "start"),
        ({"start": "2026-01-05T09:00:00"}, "start"),
        ({"end": "1970-01-01T00:00:01Z"}, "end"),
        ({"start": "0001-01-01T00:00:00Z"}, "start"),
        ({"end": "9999-12-31T23:59:59Z"}, "end"),
        ({"frame_rate": 0}, "frame_rate"),
        ({"frame_rate": float("inf")}, "frame_rate"),
        ({"frame_rate": float("nan")}, "frame_rate"),
        ({"frame_rate": 10**400}, "frame_rate"),
        ({"frame_rate": True}, "frame_rate"),
        ({"sequence": -1}, "sequence"),
        ({"sequence": 2**63}, "sequence"),
        ({"sequence": 1.5}, "sequence"),
        ({"size": -1}, "size"),
        ({"size": SECRET}, "size"),
        ({"clock_offset_us": -(2**70)}, "clock_offset_us"),
        ({"sha256": SECRET}, "sha256"),
        ({"sha256": "0A" * 32}, "sha256"),
        ({"site": None}, "site"),
        ({SECRET: 1}, "unknown"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_key(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(EnvelopeError, match=key) as caught:
        Envelope.from_json(GOOD.to_json() | changes)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("key", sorted(GOOD.to_json()))
def test_every_key_must_be_there(key: str) -> None:
    with pytest.raises(EnvelopeError, match=key):
        Envelope.from_json({name: value for name, value in GOOD.to_json().items() if name != key})


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(EnvelopeError, match="JSON object"):
        Envelope.from_json(value)


def test_instants_are_written_in_utc() -> None:
    assert GOOD.to_json()["start"] == to_rfc3339(GOOD.start_us) == "1970-01-01T00:00:01.000000Z"
