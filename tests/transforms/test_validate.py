"""Which clips are looked at, which are set aside, and what is still known of those."""

import hashlib
from dataclasses import replace
from typing import Any

import apache_beam as beam
import pytest

from schemas.envelope import Envelope
from tests.support.graph import pipeline
from tests.support.world import T0, a_site, span
from transforms.arrivals import Span
from transforms.clips import Clip
from transforms.decode import ClipLimits
from transforms.validate import ValidateClips, fault_of

LIMITS = ClipLimits(max_bytes=100, max_seconds=60)
PAYLOAD = b"not watched here"
DIGEST = hashlib.sha256(PAYLOAD).hexdigest()
ENVELOPE = Envelope(1, "lab", "door", "run", 3, T0, T0 + 10_000_000, 0, 10.0, "h264", len(PAYLOAD), DIGEST)
FIRST_MINUTE = span(0, 60)
SECRET = "jane-doe"
_seen: dict[str, list[Any]] = {}


def fault(payload: bytes = PAYLOAD, **changes: Any) -> str | None:
    clip = Clip(replace(ENVELOPE, **changes), payload)
    site = a_site() if clip.envelope.site == "lab" else None
    return fault_of(clip, site, LIMITS, hashlib.sha256(payload).hexdigest())


def test_a_good_clip_has_no_fault() -> None:
    assert fault() is None


@pytest.mark.parametrize(
    ("payload", "changes", "reason"),
    [
        (PAYLOAD, {"site": "elsewhere"}, "unknown_site"),
        (PAYLOAD, {"camera": "elsewhere"}, "unknown_camera"),
        (b"", {}, "empty"),
        (b"x" * 101, {}, "too_large"),
        (PAYLOAD, {"sha256": "0" * 64}, "hash_mismatch"),
        (PAYLOAD, {"sha256": "0" * 64, "size": 0}, "hash_mismatch"),
        (PAYLOAD, {"size": len(PAYLOAD) + 1}, "size_mismatch"),
        (PAYLOAD, {"end_us": T0 + 61_000_000}, "too_long"),
    ],
)
def test_each_fault_has_its_reason(payload: bytes, changes: dict[str, Any], reason: str) -> None:
    assert fault(payload, **changes) == reason


def keep(element: Any, output: str) -> None:
    _seen.setdefault(output, []).append(element)


def validated(*clips: Clip, asked: Span = FIRST_MINUTE, **site: Any) -> dict[str, list[Any]]:
    _seen.clear()
    made = {index: (clip.envelope, clip.payload, clip.unread) for index, clip in enumerate(clips)}
    with pipeline() as root:
        found = (
            root
            | beam.Create(list(made), reshuffle=False)
            | beam.Map(lambda index: Clip(*made[index])).with_output_types(Clip)
            | ValidateClips((a_site(**site),), LIMITS, {"lab": asked})
        )
        for name, output in found._asdict().items():
            _ = output | f"Keep{name}" >> beam.Map(keep, name)
    return dict(_seen)


def test_the_fact_of_a_bad_clip_goes_on_and_its_bytes_do_not() -> None:
    found = validated(Clip(ENVELOPE, PAYLOAD), Clip(replace(ENVELOPE, sha256="0" * 64, sequence=4), PAYLOAD))
    assert [clip.envelope.sequence for clip in found["clips"]] == [3]
    (unseen,) = found["unseen"]
    assert (unseen.readable, unseen.sequence, unseen.sha256) == (False, 4, DIGEST)
    (letter,) = found["failed"]
    assert (letter.stage, letter.reason) == ("ValidateClips", "hash_mismatch")
    assert (letter.site, letter.camera) == ("lab", "door")
    assert (letter.event_time, letter.bytes) == (T0, len(PAYLOAD))


def test_a_clip_of_nobody_we_know_is_a_dead_letter_and_nothing_else() -> None:
    found = validated(Clip(replace(ENVELOPE, camera=SECRET), PAYLOAD), Clip(replace(ENVELOPE, site=SECRET), PAYLOAD))
    assert set(found) == {"failed", "told"}
    assert SECRET not in repr(found)
    assert {letter.reason for letter in found["failed"]} == {"unknown_site", "unknown_camera"}
    assert {(fact.what, fact.reason) for fact in found["told"]} == {("bad", "unknown_site"), ("bad", "unknown_camera")}


def test_an_absurdly_long_clip_counts_in_one_day_and_not_in_every_day_of_its_claim() -> None:
    (unseen,) = validated(Clip(replace(ENVELOPE, end_us=T0 + 10**15), PAYLOAD))["unseen"]
    assert unseen.end_us == T0 + 60_000_000


def test_outside_the_schedule_a_clip_is_known_and_not_looked_at() -> None:
    found = validated(Clip(ENVELOPE, PAYLOAD), schedule=[{"days": "mon-sun", "hours": "08:00-09:00"}])
    assert set(found) == {"unseen", "told"}
    assert found["unseen"][0].readable
    assert [(fact.what, fact.size) for fact in found["told"]] == [("unwatched", len(PAYLOAD))]


@pytest.mark.parametrize("clip", [Clip(ENVELOPE, b"", 101), Clip(ENVELOPE, b"x" * 101)], ids=["unread", "read"])
def test_a_clip_that_is_too_large_counts_by_what_its_envelope_says_and_its_true_size(clip: Clip) -> None:
    found = validated(clip)
    assert set(found) == {"unseen", "failed", "told"}
    (unseen,), (letter,) = found["unseen"], found["failed"]
    assert [(fact.what, fact.reason, fact.size) for fact in found["told"]] == [("bad", "too_large", 101)]
    assert (unseen.readable, unseen.sha256) == (False, DIGEST)
    assert (letter.reason, letter.bytes) == ("too_large", 101)


@pytest.mark.parametrize("asked", [span(-500, -400), span(-86_400, 0), span(86_400, 90_000)])
def test_what_no_asked_record_needs_is_not_looked_at(asked: Span) -> None:
    """A bad clip is still a dead letter."""
    (fact,) = validated(Clip(ENVELOPE, PAYLOAD), asked=asked).pop("told")
    assert fact.what == "not_asked_for"
    bad = validated(Clip(ENVELOPE, b""), asked=asked)
    assert set(bad) == {"failed", "told"}
    assert [(fact.what, fact.reason) for fact in bad["told"]] == [("bad", "empty")]


def test_what_was_captured_earlier_on_an_asked_day_is_looked_at() -> None:
    assert set(validated(Clip(ENVELOPE, PAYLOAD), asked=span(7200, 7260))) == {"clips"}
