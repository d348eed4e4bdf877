"""The strings of a run: the site file's names and the job's own words, and no others."""

from tests.support.world import MODEL, a_camera, a_site
from transforms.vocabulary import vocabulary_of


def test_a_vocabulary_holds_the_names_of_all_sites() -> None:
    other = a_site(site="shop", cameras=[a_camera("till", lines=[], zones=[]).model_dump(mode="json")])
    words = vocabulary_of((a_site(), other), {("lab", "door"): MODEL}, ("no_envelope",))
    assert words["site"] == {"lab", "shop", "unknown"}
    assert words["camera"] == {"door", "till", "unknown"}
    assert words["group"] == {"door", "till"}
    assert words["zone"] == {"hall", "desk"}
    assert words["line"] == {"gate"}
    assert words["direction"] == {"in", "out"}
    assert words["model"] == {MODEL}
    assert {"no_envelope", "truncated", "unknown_camera", "finer_than_step"} <= words["reason"]
    assert {"", "footfall.count", "dwell.undeclared"} <= words["field"]
