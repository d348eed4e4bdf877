"""The deny pass: names in any spelling, shapes of numbers and text, and what is let through on purpose."""

import base64
import json
import math
import random
import struct
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.denial.letters import readings, words_of
from transforms.denial.names import family_of
from transforms.denial.reasons import DENIALS, FAMILIES
from transforms.denial.records import DEEPEST, findings

RNG = random.Random(11)
RAW = [RNG.gauss(0, 1) for _ in range(128)]
UNIT = [value / math.hypot(*RAW) for value in RAW]
FACE = [[30.2, 65.1], [62.0, 65.3], [48.1, 90.2], [33.7, 120.5], [60.2, 121.9]]
DAY = [2, 1, 0, 0, 1, 3, 9, 24, 51, 80, 96, 120, 133, 128, 117, 122, 140, 151, 120, 84, 51, 30, 14, 6]


def lettered(at: int) -> str:
    """Return a name that is neither a word nor numbered."""
    return f"q{chr(97 + at % 26)}{chr(97 + at // 26)}"


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("faceEmbedding", "template"), ("FACE_VECTOR", "face"), ("f_a_c_e", "face"), ("f4c3_v3c", "face"),
        ("fаce", "face"), ("ｆａｃｅ", "face"),
        ("fa\u200bce", "face"), ("Gesichtsmerkmale", "template"), ("人脸特征", "face"), ("顔特徴量", "face"),
        ("лицо", "face"), ("بصمة_الوجه", "face"),
        ("leftEye.x", "landmarks"), ("keypoints17", "landmarks"), ("points_clés", "landmarks"), ("gazeYaw", "gaze"),
        ("irisCode", "gaze"),
        ("gait_signature", "gait"), ("步态", "gait"), ("bodyGeometry", "body"), ("head_pose", "body"),
        ("person_height_cm", "body"), ("Körpergröße", "body"),
        ("reid_vec", "template"), ("latent", "template"), ("person_signature", "template"), ("voiceprint", "voice"),
        ("heartRate", "physiology"),
        ("AgeRange", "demographics"), ("genre_estimé", "demographics"), ("età", "demographics"),
        ("性別", "demographics"), ("hair_color", "appearance"),
        ("upperBodyColor", "body"), ("smileScore", "emotion"), ("purchase_intent", "emotion"),
        ("trackId", "identity"), ("visitor_uuid", "identity"),
        ("脸", "face"), ("चेहरा", "face"), ("khuôn_mặt", "face"), ("eye_contact_seconds", "gaze"),
        ("dna_profile", "template"), ("ear_print", "template"), ("walkingCadence", "gait"),
        ("is_returning_visitor", "identity"), ("person_bbox", "trail"),
        ("number_plate", "identity"), ("wifi_mac", "identity"), ("trajectory", "trail"), ("image_base64", "pixels"),
    ],
)  # fmt: skip
def test_names_are_read_through_spelling_and_language(name: str, family: str) -> None:
    assert family_of(name) == family
    assert family in FAMILIES


@pytest.mark.parametrize(
    "name",
    [
        "surface", "interface", "average", "page", "package", "stage", "image_url", "message", "percentage",
        "storage", "demotion", "manager", "early",
        "face_value", "age_days", "file_age", "stock_age_days", "wave_height", "image_height", "package_height",
        "shelf_facings", "voice_minutes",
        "race_time", "pulse_count", "kids_department_sales", "women_shoes_sales", "glasses_sold", "happy_hour_sales",
        "customer_count", "user_count",
        "people", "person_seconds", "unique_visitors", "device_id", "sensor_id", "order_id", "session_id",
        "tracking_number", "feature_flag", "body_bytes",
        "latent_heat_flux", "embedding_latency_ms", "heartbeat", "search_intent", "loyalty_share", "iris_opening",
        "skin_temperature_sea", "kind", "p95",
        "脸书广告", "eye_contact_lenses_sales", "dna_kits_sold", "palm_oil_kg", "returning_visitors",
        "returning_visitor_rate", "walking_distance_m", "person_bbox_count",
        "pm25", "u10", "Besucher", "fréquentation", "客流量", "来客数", "рост_продаж", "visitantes",
    ],
)  # fmt: skip
def test_names_of_ordinary_metrics_pass(name: str) -> None:
    assert family_of(name) is None


def test_what_stands_beside_and_above_a_name_counts() -> None:
    assert findings({"height": 1.8})
    assert not findings({"height": 1080, "width": 1920})
    assert findings({"track_id": 7})
    assert not findings({"track_id": 7, "artist": "x", "album": "y"})
    assert findings({"person": {"id": 7}})
    assert not findings({"sensor": {"id": 7}})
    assert findings({"attribute": "gender", "value": "f"})
    assert not findings({"attribute": "opening_hours", "value": "9-20"})


def test_a_name_has_words_and_readings() -> None:
    assert words_of("HTTPServer_v2") == ("http", "server", "v", "2")
    assert ("face", "id") in readings("fаceID")


@pytest.mark.parametrize(
    "value",
    [
        UNIT, RAW, [round(x * 127) for x in UNIT], [round(x * 127) + 128 for x in UNIT],
        [UNIT[at : at + 8] for at in range(0, 128, 8)],
        {f"r{row}": {f"c{at}": UNIT[row * 8 + at] for at in range(8)} for row in range(16)},
        [{"i": at, "w": x} for at, x in enumerate(UNIT)],
        [Decimal(str(x)) for x in UNIT], {lettered(at): Decimal(str(x)) for at, x in enumerate(UNIT)},
        [str(x) for x in UNIT], json.dumps(UNIT), json.dumps(json.dumps({"z": UNIT})), ",".join(map(str, UNIT)),
        "|".join(f"e{at}={x:.4f}" for at, x in enumerate(UNIT)),
        [int(x > 0) for x in UNIT],
        [each for x in UNIT for each in ("a", x)], [each for at, x in enumerate(UNIT) for each in (f"p{at}", x)],
        {lettered(row): UNIT[row * 7 : row * 7 + 7] for row in range(18)},
        [{lettered(at): x} for at, x in enumerate(UNIT)],
        [f"{x:.4f}px" for x in UNIT], {lettered(at): f"v{x:.4f}" for at, x in enumerate(UNIT)},
        "; ".join(f"{lettered(at)} is {x}" for at, x in enumerate(UNIT)), " ".join(f"{x:.4f}and" for x in UNIT),
        [x.hex() for x in UNIT], [f"{x:.5f}".replace(".", ",") for x in UNIT],
        {lettered(at): x > 0 for at, x in enumerate(UNIT)}, {lettered(at): int(x > 0) for at, x in enumerate(UNIT)},
        [{lettered(at): x > 0} for at, x in enumerate(UNIT)], " ".join("yes" if x > 0 else "no" for x in UNIT),
    ],
)  # fmt: skip
def test_a_vector_in_any_shape_is_denied_under_a_harmless_name(value: Any) -> None:
    assert {found.reason for found in findings({"q": value})} <= {"vector", "points"}
    assert findings({"q": value})
    assert findings({"hourly_counts": value}), "a good name is no excuse"


@pytest.mark.parametrize("stem", ["v{}", "f_{:03}", "{}x", "part.{}"])
def test_a_vector_cut_to_fields_is_denied(stem: str) -> None:
    for kind in (float, lambda x: Decimal(f"{x:.6f}")):
        cut = {stem.format(at): kind(x) for at, x in enumerate(UNIT)}
        assert [found.reason for found in findings(cut)][:1] == ["vector"]


@pytest.mark.parametrize(
    "value",
    [
        FACE, [{"x": x, "y": y} for x, y in FACE],
        [{"x": Decimal(str(x)), "y": Decimal(str(y))} for x, y in FACE],
        {f"p{at}": point for at, point in enumerate(FACE)}, json.dumps(FACE),
        ";".join(f"{x},{y}" for x, y in FACE), [{"Type": f"t{at}", "X": x, "Y": y} for at, (x, y) in enumerate(FACE)],
        [{"name": f"t{at}", "p": point} for at, point in enumerate(FACE)],
        [{"part": f"t{at}", "score": 0.9, "pos": {"x": x, "y": y}} for at, (x, y) in enumerate(FACE)],
        {f"t{at}": {"p": point} for at, point in enumerate(FACE)},
        {"xs": [x for x, _ in FACE], "ys": [y for _, y in FACE]},
        {"pX": [x for x, _ in FACE], "pY": [y for _, y in FACE]},
    ],
)  # fmt: skip
def test_a_layout_of_points_is_denied(value: Any) -> None:
    assert [found.reason for found in findings({"q": value})] == ["points"]


CONTENT = struct.pack("128f", *UNIT)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (base64.b64encode(CONTENT).decode(), "encoded_text"),
        (base64.urlsafe_b64encode(CONTENT).decode(), "encoded_text"), (CONTENT.hex(), "encoded_text"),
        (base64.b85encode(CONTENT).decode(), "encoded_text"),
        (base64.b32encode(CONTENT).decode().lower(), "encoded_text"),
        (base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(60)).decode(), "image_bytes"),
        (b"\x89PNG\r\n\x1a\n".hex() + "00" * 40, "image_bytes"),
        ("data:image/png;base64,AAAA", "image_bytes"), (b"\xff\xd8\xff\xe0", "image_bytes"), (b"\x00", "raw_bytes"),
        ("ab12" * 16, "digest"), ("9" * 40, "long_number"),
        (1 << 200, "encoded_text"), (Decimal(f"0.{1 << 200}"), "encoded_text"),
        (object(), "unknown_type"), ("evt_" + CONTENT[:32].hex(), "encoded_text"),
        ("https://x.example/" + base64.urlsafe_b64encode(CONTENT[:60]).decode(), "encoded_text"),
    ],
)  # fmt: skip
def test_bytes_in_any_disguise_are_denied(value: Any, reason: str) -> None:
    assert [found.reason for found in findings({"q": value})] == [reason]


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-05T09:00:00.000000+01:00",
        "Door counter at the main entrance stopped after the storm; counts look right again.",
        "SKU-000123-XL-BLUE-2026",
        "https://docs.example.com/en/latest/how-to/configure-cameras.html?section=zones",
        "5f0c9c0e-5d0b-4a4b-9f0e-0c1f4f1e7a11", "Donaudampfschifffahrtsgesellschaft",
        "gs://bucket/records/footfall/site=lab/date=2026-01-05/part.avro", "ValidateClipsDetectPeople",
        "projects/demo/subscriptions/clips", "欢迎光临我们的商店", "10.0.12.4:9100",
        DAY, [3.1, 4.4, -0.5, -2.2, 1.0, 5.1, 6.2], Decimal("1.25"),
        Decimal(1) / 3, Decimal("1e30"), Decimal("NaN"), datetime(2026, 1, 5, tzinfo=UTC), None, True,
        math.nan, uuid.UUID("5f0c9c0e-5d0b-4a4b-9f0e-0c1f4f1e7a11"),
        '{"threshold": 12, "zones": ["hall", "desk"]}', [[1767603600 + 60 * at, at % 7] for at in range(40)],
    ],
)  # fmt: skip
def test_ordinary_values_pass(value: Any) -> None:
    assert not findings({"q": value})


BASE64, HEXADECIMAL = base64.b64encode(CONTENT).decode(), CONTENT.hex()


@pytest.mark.parametrize(
    ("text", "size"), [(BASE64, 12), (BASE64, 15), (BASE64, 18), (HEXADECIMAL, 10), (HEXADECIMAL, 14)]
)
def test_encoded_text_in_short_pieces_is_denied(text: str, size: int) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    for value in (
        pieces,
        {lettered(at): piece for at, piece in enumerate(pieces)},
        " ".join(pieces),
        ", ".join(pieces),
    ):
        assert [found.reason for found in findings({"q": value})] == ["encoded_text"]
    assert not findings({"order_ids": pieces}), "ids of things may look so"


def test_places_ranges_and_sizes_are_no_points() -> None:
    towns = {
        "Lyon": [45.764, 4.8357],
        "Brest": [48.3904, -4.4861],
        "London": [51.5072, -0.1276],
        "Metz": [49.1193, 6.1757],
        "Nice": [43.7102, 7.262],
    }
    assert not findings({"stores": [{"store": name, "location": at} for name, at in towns.items()]})
    assert findings({"stores": [{"store": "hall", "location": at} for at in towns.values()]}), "where one thing went"
    assert findings({"people": [{"store": name, "location": at} for name, at in towns.items()]})
    assert findings({"stores": [{"store": f"left eye {n}", "location": at} for n, at in enumerate(towns.values())]})
    edges = [0, 10, 30, 60, 120, 300]
    assert not findings({"rows": [{"label": "x", "of": [a, b]} for a, b in pairwise(edges)]})
    assert not findings({"rows": [{"sku": f"P{at}", "size_cm": [at + 0.5, 3.1, 9]} for at in range(6)]})
    assert not findings({"chart": "dwell", "x": [0, 10, 30, 60, 120], "y": [31, 22, 18, 9, 4]})


@pytest.mark.parametrize(
    ("record", "path"),
    [
        ({"id": "a1b2c3d4e5", "type": "person", "x": 0.1, "y": 0.2}, "id"),
        ({"objectId": 17, "objectType": "human"}, "objectId"),
        ({"id": 7, "label": "pedestrian", "confidence": 0.9}, "id"),
        ({"zone_id": 3, "class": "person", "count": 4}, ""),
        ({"id": "cnt-7", "type": "people", "total": 182}, ""), ({"id": 7, "type": "car", "x": 0.1, "y": 0.2}, ""),
        ({"camera_id": "c1", "type": "person", "confidence": 0.9}, ""),
    ],
)  # fmt: skip
def test_an_id_of_what_a_record_says_is_a_person_is_denied(record: dict[str, Any], path: str) -> None:
    assert [tuple(found) for found in findings(record)] == ([(path, "name_of_identity")] if path else [])


def test_series_that_say_so_and_behave_so_pass() -> None:
    assert not findings({"hourly_counts": DAY * 4})
    assert not findings({f"h{hour}": count for hour, count in enumerate(DAY)})
    assert not findings(
        {"heatmap": [[round(30 * math.exp(-((x - 6) ** 2 + (y - 3) ** 2) / 9)) for x in range(12)] for y in range(6)]}
    )
    assert findings({"q": DAY * 4}), "a long row needs a name that says over what it runs"


def test_an_id_of_a_person_is_denied_by_its_value_too() -> None:
    assert [found.reason for found in findings({"visitor": "a8f3-99b1-17c2"})] == ["persistent_id"]
    assert not findings({"visitor": 12})


def test_a_path_never_repeats_what_may_be_a_value() -> None:
    name = base64.b64encode(CONTENT[:48]).decode()
    for record in ({name: 1}, {"a": [{name: {"b": 2}}]}, {"seen": {CONTENT[:20].hex(): 1}}):
        found = findings(record)
        assert found
        assert not any(name in each.path or CONTENT[:20].hex() in each.path for each in found)


@pytest.mark.parametrize("hidden", ["\x1b", "\x07", "\u200b", "\U000e0041", "\ufe01"])
def test_a_path_shows_nothing_of_what_is_hidden_in_a_name(hidden: str) -> None:
    for record in ({f"face{hidden}": 1}, {"seen": {f"fa{hidden}ce": 1}}):
        (found,) = findings(record)
        assert found.path.isascii() and found.path.isprintable()
    assert findings({"Gesichtsgröße": 1})[0].path == "Gesichtsgröße"


def test_what_is_too_deep_is_denied_unseen() -> None:
    record: Any = {"n": 1}
    for _ in range(DEEPEST + 5):
        record = {"in": [record]}
    assert "too_deep" in {found.reason for found in findings(record)}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=25,
)


@settings(max_examples=150)
@given(ANYTHING)
def test_any_record_is_judged_and_twice_alike(record: Any) -> None:
    found = findings(record)
    assert found == findings(record)
    assert {each.reason for each in found} <= set(DENIALS)
