"""What is said of a clip beside it: read back as written, and refused by key, never by value."""

import json
from dataclasses import replace
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro import contract
from schemas.clock import to_rfc3339
from schemas.envelope import LATEST_US, Envelope, EnvelopeError

GOOD = Envelope(1, "lab", "door", "run-1", 7, 1_000_000, 11_000_000, -250, 12.5, "h264", 4096, "0a" * 32)
SEALED = replace(GOOD, key_id="2026-a")
SECRET = "jane-doe"


@settings(max_examples=50, derandomize=True)
@given(
    st.integers(0, LATEST_US - 10**9), st.integers(1, 10**9), st.integers(0, 2**63 - 1),
    st.floats(1e-3, 1e3), st.text(max_size=20),
)  # fmt: skip
def test_an_envelope_comes_back_through_json_and_attributes(
    start: int, length: int, number: int, rate: float, name: str
) -> None:
    plain = Envelope(1, name, name, name, number, start, start + length, -number, rate, "vp9", number, "f0" * 32)
    for envelope in (plain, replace(plain, key_id="key-1")):
        assert Envelope.from_json(json.loads(json.dumps(envelope.to_json()))) == envelope
        assert Envelope.from_attributes(envelope.to_attributes()) == envelope
        assert Envelope.from_json(json.loads(envelope.canonical())) == envelope
    assert plain.seconds == length / 1e6


def test_the_contract_holds_what_the_json_holds() -> None:
    fields = SEALED.to_json()
    assert {field["name"] for field in contract("clip_envelope")["fields"]} == set(fields)
    assert all(field["doc"] for field in contract("clip_envelope")["fields"])
    for said in (fields, GOOD.to_json()):
        micros = said | {"start": GOOD.start_us, "end": GOOD.end_us}
        assert fastavro.validate(micros, fastavro.parse_schema(contract("clip_envelope")))


def test_only_a_sealed_clip_names_a_key() -> None:
    assert set(SEALED.to_json()) - set(GOOD.to_json()) == {"key_id"}
    assert set(SEALED.to_attributes()) == set(SEALED.to_json())


def test_attributes_are_texts_and_those_of_others_are_passed_over() -> None:
    attributes = GOOD.to_attributes()
    assert attributes["start"] == "1970-01-01T00:00:01.000000Z"
    assert (attributes["sequence"], attributes["clock_offset_us"], attributes["frame_rate"]) == ("7", "-250", "12.5")
    assert Envelope.from_attributes(attributes | {"googclient_traceparent": SECRET}) == GOOD
    assert Envelope.from_attributes(attributes | {"frame_rate": "25"}).frame_rate == 25


def test_the_canonical_form_is_one_line_in_one_order() -> None:
    assert SEALED.canonical() == (
        b'{"camera":"door","clock_offset_us":-250,"codec":"h264","end":"1970-01-01T00:00:11.000000Z",'
        b'"frame_rate":12.5,"key_id":"2026-a","schema_version":1,"sequence":7,"session":"run-1",'
        b'"sha256":"' + b"0a" * 32 + b'","site":"lab","size":4096,"start":"1970-01-01T00:00:01.000000Z"}'
    )


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
        ({"key_id": None}, "key_id"),
        ({"key_id": ""}, "key_id"),
        ({"key_id": SECRET.upper()}, "key_id"),
        ({"key_id": "a\n"}, "key_id"),
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
    with pytest.raises(EnvelopeError, match=key):
        Envelope.from_attributes({name: value for name, value in GOOD.to_attributes().items() if name != key})


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("size", SECRET), ("size", " 1"), ("size", "1_0"), ("size", "+1"), ("size", "9" * 5000), ("sequence", ""),
        ("sequence", "1.0"), ("sequence", "\u0661"), ("clock_offset_us", "--1"), ("frame_rate", "nan"),
        ("frame_rate", "1e999"), ("frame_rate", "-1"), ("frame_rate", SECRET), ("start", SECRET), ("key_id", ""),
    ],
)  # fmt: skip
def test_attributes_that_cannot_be_read_are_refused_by_their_name(key: str, text: str) -> None:
    with pytest.raises(EnvelopeError, match=key) as caught:
        Envelope.from_attributes(GOOD.to_attributes() | {key: text})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(EnvelopeError, match="JSON object"):
        Envelope.from_json(value)


def test_instants_are_written_in_utc() -> None:
    assert GOOD.to_json()["start"] == to_rfc3339(GOOD.start_us) == "1970-01-01T00:00:01.000000Z"
