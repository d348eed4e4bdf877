"""The site model: what it accepts, what it holds, and the schema it publishes."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas import site as site_module
from schemas.fields import Days, Hours, parse_duration, write_duration
from schemas.geometry import geometry_digest
from schemas.least import BY_DEFAULT
from schemas.parts import Zone
from schemas.site import Camera, Site, site_digest, site_schema

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
TRIANGLE = [[0, 0], [1, 0], [1, 1]]


def written(**keys: Any) -> dict[str, Any]:
    return {"site": "here", "site_version": 1, "time_zone": "UTC", "cameras": [{"name": "door"}]} | keys


def told(keys: dict[str, Any], model: Any = Site) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(keys)
    return "\n".join(error["msg"] for error in caught.value.errors())


def test_a_short_site_has_the_documented_defaults() -> None:
    site = Site.model_validate(written())
    assert (site.day_start, site.schedule, site.lateness) == (0, None, 60 * MINUTE_US)
    assert (site.windows, site.segment_us) == ((MINUTE_US, 15 * MINUTE_US), MINUTE_US)
    assert dict(site.k) == {"footfall": 1, "occupancy": 1, "queue": 1} | dict.fromkeys(BY_DEFAULT, 5)
    camera = site.cameras[0]
    assert (camera.model, camera.fps, camera.heatmap) == ("person", None, (16, 9))


def test_a_site_can_be_hashed_pickled_and_read_back_from_what_it_dumps() -> None:
    zone = {"name": "table", "kind": "queue", "polygon": TRIANGLE, "exit_grace": "1500ms"}
    line = {"name": "door", "a": [0.1, 0.2], "b": [0.3, 0.4], "directions": {"to_right": "in", "to_left": "out"}}
    site = Site.model_validate(
        written(
            day_start="04:30",
            schedule=[{"days": "sat-mon", "hours": "20:00-02:00"}],
            raw_retention="0s",
            cameras=[{"name": "door", "masks": [TRIANGLE], "zones": [zone], "lines": [line]}],
        )
    )
    assert pickle.loads(pickle.dumps(site)) == site
    assert hash(site) == hash(site.model_copy())
    assert Site.model_validate(json.loads(site.model_dump_json(exclude_unset=True))) == site


def test_points_in_pixels_are_held_normalised() -> None:
    drawn = {"reach": [[0, 0], [768, 0], [768, 432]], "lines": [{"name": "a", "a": [384, 108], "b": [0, "432"]}]}
    camera = Camera.model_validate({"name": "door", "units": "pixels", "size": [768, 432], **drawn})
    assert camera.reach == ((0, 0), (1, 0), (1, 1))
    assert (camera.lines[0].a, camera.lines[0].b) == ((0.5, 0.25), (0, 1))


def test_the_digest_is_of_what_is_said_not_of_how() -> None:
    site = Site.model_validate(written())
    pixels = {"units": "pixels", "size": [200, 100], "reach": [[0, 0], [200, 0], [200, 100]]}
    assert site_digest(site) == site_digest(Site.model_validate(written(lateness="60m")))
    assert site_digest(Site.model_validate(written(cameras=[{"name": "door", **pixels}]))) == site_digest(
        Site.model_validate(written(cameras=[{"name": "door", "reach": TRIANGLE}]))
    )
    assert site_digest(site) != site_digest(Site.model_validate(written(site_version=2)))


@pytest.mark.parametrize(
    ("windows", "seconds"), [(["1m", "15m"], 60), (["1h"], 60), (["90s"], 30), (["7s"], 1), (["1s", "1d"], 1)]
)
def test_a_segment_divides_a_minute_and_every_window(windows: list[str], seconds: int) -> None:
    assert Site.model_validate(written(windows=windows)).segment_us == seconds * SECOND_US


def test_one_k_is_that_of_dwell_flow_heatmap_and_movement() -> None:
    one = Site.model_validate(written(k=3)).k
    assert dict(one) == {"footfall": 1, "occupancy": 1, "queue": 1} | dict.fromkeys(BY_DEFAULT, 3)
    own = Site.model_validate(written(k={"footfall": "10", "heatmap": 1})).k
    assert (own.footfall, own.dwell, own.heatmap) == (10, 5, 1)
    assert Site.model_validate(written(k="1")).k.is_off


def test_with_k_each_window_size_divides_the_next() -> None:
    uneven = written(windows=["1m", "10m", "15m"])
    assert "must be a multiple of the size before it" in told(uneven)
    with pytest.raises(ValidationError) as caught:
        Site.model_validate(uneven)
    assert caught.value.errors()[0]["ctx"]["at"] == ("windows", 2)
    assert Site.model_validate(uneven | {"k": 1}).k.is_off


@given(st.integers(0, 10**9 - 1), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_durations_are_written_as_they_are_read(number: int, unit: str) -> None:
    duration_us = parse_duration(f"{number}{unit}")
    assert parse_duration(write_duration(duration_us)) == duration_us


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("08:00-20:00", (480, 1200)),
        ("00:00-24:00", (0, 1440)),
        ("22:00-02:00", (1320, 1560)),
        ("20:00-00:00", (1200, 1440)),
    ],
)
def test_hours_may_pass_midnight(text: str, minutes: tuple[int, int]) -> None:
    hours: TypeAdapter[tuple[int, int]] = TypeAdapter(Hours)
    assert hours.validate_python(text) == minutes
    assert hours.validate_python(hours.dump_python(minutes)) == minutes


@pytest.mark.parametrize(
    ("text", "days"),
    [("sat", (5,)), ("mon-fri", (0, 1, 2, 3, 4)), ("sat-mon", (5, 6, 0)), ("mon-sun", tuple(range(7)))],
)
def test_days_may_pass_sunday(text: str, days: tuple[int, ...]) -> None:
    adapter: TypeAdapter[tuple[int, ...]] = TypeAdapter(Days)
    assert adapter.validate_python(text) == days
    assert adapter.dump_python(days) == text


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"site": "Here"}, "must be 1 to 63 of a-z"),
        ({"site": "../x"}, "must be 1 to 63 of a-z"),
        ({"site": "unknown"}, "stands in records for what no site file names: choose another name"),
        ({"cameras": [{"name": "unknown"}]}, "stands in records for what no site file names"),
        ({"time_zone": "localtime"}, "must be a time zone of the IANA list"),
        ({"time_zone": "Europe/Pari"}, "did you mean Europe/Paris"),
        ({"day_start": "24:00"}, "must be a time of day"),
        ({"lateness": 60}, "a whole number with a unit"),
        ({"lateness": "31d"}, "must be between 0s and 30d"),
        ({"windows": ["500ms"]}, "must be between 1s and 1d"),
        ({"windows": ["1500ms"]}, "a whole number of seconds"),
        ({"windows": ["1m", "60s"]}, "must be longer than the one before it"),
        ({"windows": []}, "at least 1 item"),
        ({"k": 0}, "greater than 0"),
        ({"controller": "  "}, "at least 1 character"),
        ({"schedule": []}, "at least 1 item"),
        ({"schedule": [{"days": "mon", "hours": "08:00-08:00"}]}, "opens and closes at the same time"),
        ({"schedule": [{"days": "mon-", "hours": "08:00-09:00"}]}, "a day or a range of days"),
        (
            {"schedule": [{"days": "mon", "hours": "01:00-03:00"}, {"days": "sun", "hours": "22:00-02:00"}]},
            "overlaps an earlier entry on sun",
        ),
        ({"cameras": []}, "at least 1 item"),
        ({"cameras": [{"name": "a"}, {"name": "a"}]}, "the name a is taken"),
    ],
)
def test_mistakes_in_a_site(keys: dict[str, Any], message: str) -> None:
    assert message in told(written(**keys))


def line(**keys: Any) -> dict[str, Any]:
    return {"lines": [{"name": "x", "a": [0, 0], "b": [1, 1]} | keys]}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (line(b=[1, 1.01]), "lies outside the picture: y is 1.01 of its height"),
        (line(b=[float("nan"), 1]), "finite number"),
        (line(b=[0, 0]), "is the same point as a"),
        (line(directions={"to_left": "to_right"}), "both directions have the same name"),
        ({"masks": [[[0, 0], [1, 1], [1, 0], [0, 1]]]}, "crosses or touches itself"),
        ({"reach": [[0, 0], [1, 1]]}, "at least 3 items"),
        ({"heatmap": [0, 9]}, "[0, 0] for no heatmap"),
        ({"fps": 0.9}, "greater than or equal to 1"),
        ({"size": [100, 100]}, "say `units: pixels`"),
        ({"units": "pixels"}, "width and height in pixels"),
        ({"units": "pixels", "size": [100, "wide"]}, "width and height in pixels"),
        ({"units": "pixels", "size": [100, 100], **line(b=[0, 101])}, "y is 1.01 of its height"),
        ({"units": "pixels", "size": [100, 100], "zones": "none"}, "valid tuple"),
        (
            {"zones": [{"name": "a", "kind": "area", "polygon": TRIANGLE}] * 2},
            "the name a is taken",
        ),
    ],
)
def test_mistakes_in_a_camera(keys: dict[str, Any], message: str) -> None:
    assert message in told({"name": "door"} | keys, Camera)


@pytest.mark.parametrize("kind", ["staff", "static"])
@pytest.mark.parametrize("key", ["dwell_bins", "entry_grace", "exit_grace"])
def test_keys_of_counted_zones_are_refused_elsewhere(kind: str, key: str) -> None:
    value = ["1m"] if key == "dwell_bins" else "1s"
    zone = {"name": "a", "kind": kind, "polygon": TRIANGLE, key: value}
    assert f"has no effect in a zone of kind {kind}" in told(zone, Zone)
    assert Zone.model_validate(zone | {"kind": "queue"}).kind == "queue"


def test_the_published_schema_is_current() -> None:
    published = Path(site_module.__file__).with_name("site.schema.json").read_text(encoding="utf-8")
    assert json.loads(published) == site_schema(), "run: python -m schemas.site > schemas/site.schema.json"


def test_the_schema_describes_the_written_form() -> None:
    schema = site_schema()
    assert schema["properties"]["lateness"]["default"] == "1h"
    assert schema["properties"]["windows"]["default"] == ["1m", "15m"]
    assert "null" not in json.dumps(schema)
    parts = [schema, *schema["$defs"].values()]
    assert all(part["additionalProperties"] is False for part in parts)
    assert all("description" in key for part in parts for key in part["properties"].values())
    places = [
        schema["properties"]["site"],
        *(schema["$defs"][part]["properties"]["name"] for part in ("Camera", "Group")),
    ]
    assert [name["not"] for name in places] == [{"const": "unknown"}] * 3
    assert "not" not in schema["$defs"]["Zone"]["properties"]["name"]


def test_a_geometry_is_what_is_drawn_and_how_often_it_is_looked_at() -> None:
    line = {"name": "gate", "a": [0.25, 0.5], "b": [0.75, 0.5]}
    zone = {"name": "hall", "kind": "area", "polygon": [[0, 0], [1, 0], [1, 1]]}
    drawn = {"name": "door", "fps": 5, "lines": [line], "zones": [zone], "masks": [[[0, 0], [0.1, 0], [0, 0.1]]]}
    digest = geometry_digest(Camera.model_validate(drawn))
    pixels = {"a": [160, 240], "b": [480, 240]}
    same: list[dict[str, Any]] = [
        {"name": "yard"}, {"heatmap": [4, 4]}, {"lines": [line | {"name": "way"}]},
        {"zones": [zone | {"dwell_bins": ["5s"]}]},
        {"units": "pixels", "size": [640, 480], "lines": [line | pixels], "masks": [[[0, 0], [64, 0], [0, 48]]],
         "zones": [zone | {"polygon": [[0, 0], [640, 0], [640, 480]]}]},
    ]  # fmt: skip
    assert {geometry_digest(Camera.model_validate(drawn | changes)) for changes in same} == {digest}
    others: list[dict[str, Any]] = [
        {"fps": 4}, {"masks": []}, {"reach": [[0, 0], [1, 0], [1, 1]]}, {"lines": [line | {"a": [0.2, 0.5]}]},
        {"zones": [zone | {"kind": "queue"}]}, {"zones": [zone | {"entry_grace": "3s"}]},
        {"lines": [line | {"dead_band_share": 0.1}]},
    ]  # fmt: skip
    found = {geometry_digest(Camera.model_validate(drawn | changes)) for changes in others}
    assert len(found) == len(others) and digest not in found


def test_an_audit_holds_what_was_counted_and_what_was_there() -> None:
    audit = {"model": "0123456789ab", "crossings": {"seconds": "10", "samples": [["3", 4], [0, 0]]}}
    camera = Camera.model_validate({"name": "door", "audit": audit})
    assert camera.audit is not None and camera.audit.crossings is not None
    assert camera.audit.crossings.samples == ((3, 4), (0, 0))
    assert hash(camera) == hash(camera.model_copy())


@pytest.mark.parametrize(
    ("audit", "what"),
    [
        ({"model": "0123"}, "12 of 0-9 and a-f"),
        ({"model": "0123456789ab", "visits": {"seconds": 10, "samples": [[1.5, 1]]}}, "whole numbers of people"),
        ({"model": "0123456789ab", "visits": {"seconds": 0, "samples": [[1, 1]]}}, "greater than 0"),
        ({"model": "0123456789ab", "occupancy": {"seconds": 9, "samples": []}}, "at least 1 item"),
        ({"model": "0123456789ab", "occupancy": {"seconds": 9, "samples": [[-1, 0]]}}, "greater than or equal to 0"),
        ({"model": "0123456789ab", "people": {"seconds": 9, "samples": [[1, 0]]}}, "not permitted"),
        ({"visits": {"seconds": 10, "samples": [[1, 1]]}}, "required"),
        (
            {"model": "0123456789ab", "visits": {"seconds": 9, "samples": [[1, 1]], "at": [[0, 0], [1, 0]]}},
            "as many as",
        ),
        (
            {"model": "0123456789ab", "visits": {"seconds": 9, "samples": [[1, 1], [1, 1]], "at": [[0, 0], [0, 0]]}},
            "no two the same",
        ),
        ({"model": "0123456789ab", "geometry": "lines"}, "pattern"),
    ],
)
def test_an_audit_that_is_none_is_refused(audit: dict[str, Any], what: str) -> None:
    assert what in told({"name": "door", "audit": audit}, Camera)
