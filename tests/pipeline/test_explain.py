"""`silhouette explain` says what the built job is."""

from pathlib import Path

import apache_beam as beam
import pytest
from rich.console import Console

from pipeline.config import Config
from pipeline.explain import STAGES, _print_site
from pipeline.graph import build
from pipeline.models.registry import digits_of
from schemas.audit import Audit
from schemas.avro import RECORD_TYPES, contract
from schemas.closed import keys
from schemas.evidence import DayPack
from schemas.geometry import geometry_digest
from schemas.seals import RetentionPack, Seal
from tests.support.command import silhouette_here
from tests.support.floor import HALL, a_floor_site
from tests.support.graph import pipeline, transforms
from tests.support.graphs import card_of
from tests.support.world import a_camera, a_site, span
from transforms import dead_letters


def test_an_audit_of_other_places_is_said_to_be_ignored() -> None:
    audit = {"model": digits_of("person"), "geometry": geometry_digest(a_camera()),
             "visits": {"seconds": 10, "samples": [[1, 1]]}}  # fmt: skip
    console = Console(width=160)
    for changes, told in (
        ({}, "1 samples of visits; none of "),
        ({"fps": 4}, "ignored, for its audit is of other lines"),
        ({"model": "yolox_s"}, "ignored, for its audit is of another model"),
        ({"model": "none.yaml"}, "1 samples of visits"),
    ):
        camera = a_camera(audit=audit, **changes)
        with console.capture() as captured:
            _print_site(console, a_site().model_copy(update={"cameras": (camera,)}))
        assert told in captured.get()


def test_the_audit_of_a_group_is_said() -> None:
    site = a_floor_site()
    counted = {"model": digits_of("person"), "visits": {"seconds": 10, "samples": [[1, 1]]}}
    own = geometry_digest(site.groups[0], site.cameras)
    for geometry, told in ((own, "1 samples of visits"), ("0" * 12, "ignored, for its audit is of other zones")):
        audit = Audit.model_validate(counted | {"geometry": geometry})
        group = site.groups[0].model_copy(update={"audit": audit})
        console = Console(width=160)
        with console.capture() as captured:
            _print_site(console, site.model_copy(update={"groups": (group,)}))
        assert told in captured.get()


def test_what_cameras_share_is_said() -> None:
    console = Console(width=120)
    with console.capture() as captured:
        _print_site(console, a_floor_site())
    said = " ".join(captured.get().split())
    assert "Group floor: west, east" in said
    assert "hall" in said and "length and wait, speed and direction" in said
    assert "from which to which" not in said, "there is one zone"


def test_flow_is_said_of_places_with_more_than_one_zone() -> None:
    console = Console(width=120)
    with console.capture() as captured:
        _print_site(console, a_floor_site(zones={"hall": HALL, "till": HALL[:3]}))
    assert captured.get().count("who went from which to which") == 1


@pytest.mark.parametrize("columns", ["80", "200"])
def test_every_field_and_key_is_said_whole(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    said = silhouette_here("explain").stdout.split()
    wanted = {field["name"] for family in RECORD_TYPES for field in contract(family)["fields"]}
    told = {key for part in (DayPack, RetentionPack, Seal) for key, _ in keys(part)}
    assert wanted | told <= set(said)


@pytest.mark.parametrize(("stated", "said"), [(None, "not stated"), ("0s", "0s"), ("24h", "1d")])
def test_how_long_clips_are_kept_is_said_and_no_time_at_all_is_stated(stated: str | None, said: str) -> None:
    console = Console(width=120)
    with console.capture() as captured:
        _print_site(console, a_site(raw_retention=stated))
    (line,) = [line for line in captured.get().splitlines() if "clips kept" in line]
    assert said in line


def test_words_of_a_site_file_are_said_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    site = tmp_path / "lab.yaml"
    site.write_text(f"{SITE}controller: Library [north wing] [/b]\n")
    assert "Library [north wing] [/b]" in silhouette_here("explain", "--site", site).stdout
    wrong = silhouette_here("explain", "--family", "gait")
    assert wrong.returncode == 2 and "--family" in wrong.stderr


SITE = "site: lab\nsite_version: 1\ntime_zone: UTC\ncameras: [{name: door}]\n"


def test_the_stages_are_those_of_the_job_in_order(tmp_path: Path) -> None:
    model = card_of(b"model", {"kind": "yolox"}), tmp_path / "tiny.onnx"
    root = pipeline()
    build(root, Config((a_site(),), {("lab", "door"): model}, {"lab": span(0, 60)}, str(tmp_path)))
    steps = [node for node in transforms(root) if node.full_label and "/" not in node.full_label]
    labels = [node.full_label for node in steps if not isinstance(node.transform, beam.Flatten)]
    asked_for = "RedactClips"  # only where it is
    assert [stage for stage, *_ in STAGES if stage != asked_for] == labels
    assert set(dead_letters.STAGES) <= {*labels, asked_for}
