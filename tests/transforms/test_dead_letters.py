"""Dead letters hold the fact that something was set aside, and names only of what the site files know."""

import pytest

from schemas.envelope import Envelope
from tests.support.world import T0, a_site
from transforms.dead_letters import STAGES, Names, Origin, dead_clip, origin_of
from transforms.guard import inspect, to_fields
from transforms.vocabulary import vocabulary_of

SECRET = "jane-doe"
NAMES = Names.of((a_site(),))


def envelope(site: str = "lab", camera: str = "door") -> Envelope:
    return Envelope(1, site, camera, SECRET, 0, T0, T0 + 1, 0, 10.0, SECRET, 7, "ab" * 32)


def test_names_are_those_of_sites_and_those_of_cameras() -> None:
    assert Names.of((a_site(), a_site(site="shop"))) == Names(frozenset({"lab", "shop"}), frozenset({"door"}))


def test_without_an_envelope_only_the_size_is_known() -> None:
    letter = dead_clip("ReadClips", "no_envelope", Origin(), 7, NAMES)
    assert (letter.site, letter.camera, letter.event_time, letter.bytes) == ("unknown", "unknown", None, 7)


@pytest.mark.parametrize(
    ("said", "site", "camera"),
    [
        (envelope(), "lab", "door"),
        (envelope(camera=SECRET), "lab", "unknown"),
        (envelope(site=SECRET), "unknown", "door"),
        (envelope(site="door"), "unknown", "door"),
        (envelope(camera="lab"), "lab", "unknown"),
    ],
)
@pytest.mark.parametrize("stage", STAGES)
def test_what_an_envelope_says_is_not_repeated(said: Envelope, site: str, camera: str, stage: str) -> None:
    letter = dead_clip(stage, "truncated", origin_of(said), 9, NAMES)
    assert (letter.site, letter.camera, letter.event_time, letter.bytes) == (site, camera, T0, 9)
    assert SECRET not in repr(letter)
    assert inspect("dead_letter", to_fields(letter), vocabulary_of((a_site(),), {}, ())).violations == ()
