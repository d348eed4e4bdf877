"""Sealing: opens under its own envelope and key only, and tells nothing of what it holds."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.envelope import Envelope
from transforms.sealing import KEY_BYTES, OVERHEAD_BYTES, Keys, SealError, SealFault, seal, unseal

ENVELOPE = Envelope(1, "lab", "door", "run-1", 7, 10**6, 10**7, 0, 12.5, "h264", 4096, "0a" * 32, "new")
KEYS = Keys({"new": b"n" * KEY_BYTES, "old": b"o" * KEY_BYTES})
CLIP = b"a watchable clip" * 50


@settings(max_examples=30, derandomize=True)
@given(st.binary(max_size=2000), st.sampled_from(sorted(KEYS)))
def test_a_payload_comes_back(payload: bytes, key_id: str) -> None:
    envelope = replace(ENVELOPE, key_id=key_id)
    sealed = seal(payload, envelope, KEYS)
    assert unseal(sealed, envelope, KEYS) == payload
    assert len(sealed) == len(payload) + OVERHEAD_BYTES


def test_no_two_seals_are_alike_and_none_shows_the_clip() -> None:
    one, other = seal(CLIP, ENVELOPE, KEYS), seal(CLIP, ENVELOPE, KEYS)
    assert one != other
    assert b"watchable" not in one


@pytest.mark.parametrize(
    "change",
    [
        {"site": "other"}, {"camera": "hall"}, {"session": "run-2"}, {"sequence": 8}, {"start_us": 10**6 + 1},
        {"end_us": 10**7 + 1}, {"clock_offset_us": 1}, {"frame_rate": 12.0}, {"codec": "hevc"}, {"size": 4097},
        {"sha256": "0b" * 32}, {"key_id": "old"},
    ],
)  # fmt: skip
def test_it_opens_under_its_own_envelope_only(change: dict) -> None:
    with pytest.raises(SealError) as caught:
        unseal(seal(CLIP, ENVELOPE, KEYS), replace(ENVELOPE, **change), KEYS)
    assert caught.value.reason is SealFault.BAD_SEAL


def test_a_changed_or_cut_payload_does_not_open() -> None:
    sealed = seal(CLIP, ENVELOPE, KEYS)
    flipped = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in (0, 1, 12, 13, 100, len(sealed) - 1)]
    for damaged in (*flipped, sealed[:-1], sealed + b"x", sealed[: OVERHEAD_BYTES - 1], b"", CLIP):
        with pytest.raises(SealError, match="bad_seal"):
            unseal(damaged, ENVELOPE, KEYS)


@pytest.mark.parametrize("key_id", [None, "lost"])
def test_a_key_that_is_not_there_is_told_apart(key_id: str | None) -> None:
    envelope = replace(ENVELOPE, key_id=key_id)
    with pytest.raises(SealError, match="unknown_key"):
        unseal(seal(CLIP, ENVELOPE, KEYS), envelope, KEYS)
    with pytest.raises(SealError, match="unknown_key"):
        seal(CLIP, envelope, KEYS)


def test_another_key_of_the_same_name_does_not_open() -> None:
    with pytest.raises(SealError, match="bad_seal") as caught:
        unseal(seal(CLIP, ENVELOPE, KEYS), ENVELOPE, Keys({"new": b"x" * KEY_BYTES}))
    assert caught.value.args == ("bad_seal",)
    assert caught.value.__cause__ is None


def test_keys_show_and_pickle_themselves_to_nobody() -> None:
    assert repr(KEYS) == str(KEYS) == "Keys(new, old)"
    assert next(iter(KEYS)) == "new"
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(KEYS)
    with pytest.raises(ValueError, match="key short: must have 32 bytes") as caught:
        Keys({"short": b"secret"})
    assert "secret" not in str(caught.value)
