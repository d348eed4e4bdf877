"""Instants as text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.clock import from_rfc3339, to_rfc3339

INSTANTS = st.integers(0, 253_402_300_799_999_999)


@settings(max_examples=100, derandomize=True)
@given(INSTANTS, INSTANTS)
def test_an_instant_comes_back_and_text_order_is_time_order(one: int, other: int) -> None:
    assert from_rfc3339(to_rfc3339(one)) == one
    assert (to_rfc3339(one) < to_rfc3339(other)) == (one < other)


def test_offsets_are_understood_and_wanted() -> None:
    assert from_rfc3339("2026-01-05T10:00:00+01:00") == from_rfc3339("2026-01-05T09:00:00Z")
    with pytest.raises(ValueError, match="no offset"):
        from_rfc3339("2026-01-05T10:00:00")
