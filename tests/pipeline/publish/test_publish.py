"""`silhouette publish`: a closed day, once, with noise of the right size; whatever else is asked for is refused."""

import csv
import json
import statistics
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli import main
from pipeline.evidence.sink import write_pack
from pipeline.publish.ledger import LedgerError, entry, keep, released
from pipeline.publish.noise import add_noise
from pipeline.sinks import partition, write_file
from pipeline.sites import load_sites
from schemas.avro import FAMILY_OF
from schemas.clock import now_us, to_rfc3339
from schemas.evidence import canonical
from schemas.records import MetricRecord
from schemas.site import site_digest
from tests.support.evidence import MADE_WITH, a_day
from tests.support.world import a_site, clips_of, records_of, span, walker
from transforms.guard import Guarded, to_fields
from transforms.pack import SitePack, pack_of

WRITTEN = {
    "site": "lab",
    "site_version": 1,
    "time_zone": "UTC",
    "lateness": "3m",
    "windows": ["1m", "1h"],
    "cameras": [
        {"name": "door", "lines": [{"name": "gate", "a": [0.5, 1], "b": [0.5, 0],
                                    "directions": {"to_right": "in", "to_left": "out"}}]}
    ],
}  # fmt: skip
RECORDS = records_of(a_site(windows=["1m", "1h"]), clips_of([walker(1), walker(9), walker(30)], 60), span(0, 60))


def write(output: Path, records: list[MetricRecord]) -> None:
    for record in records:
        guarded = Guarded(FAMILY_OF[type(record)], to_fields(record))
        write_file(str(output), partition(guarded), [guarded])


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """Return a folder with a site file and a job's output."""
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(WRITTEN))
    write(tmp_path / "output", [record for record in RECORDS if FAMILY_OF[type(record)] == "footfall"])
    return tmp_path


def publish(there: Path, *flags: str, to: str = "open.json", date: str = "2026-01-05", epsilon: str = "1") -> int:
    return main([
        "publish", "--output", str(there / "output"), "--site", str(there / "site.yaml"), "--date", date,
        "--epsilon", epsilon, "--to", str(there / to), *flags,
    ])  # fmt: skip


def test_a_closed_day_is_released_once_and_told_again(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish(there) == 0
    assert "Unit of privacy: one passage in one camera" in capsys.readouterr().out
    first = (there / "open.json").read_bytes()
    (there / "open.json").unlink()
    assert publish(there) == 0
    assert (there / "open.json").read_bytes() == first
    release = json.loads(first)
    assert release["about"]["unit_of_privacy"].startswith("one passage in one camera")
    assert len(release["rows"]) == 24 * 2
    known = [row for row in release["rows"] if row["count"] is not None]
    assert [(row["window_start"][:19], row["direction"]) for row in known] == [
        ("2026-01-05T00:00:00", "in"), ("2026-01-05T00:00:00", "out"),
    ]  # fmt: skip


def test_a_file_that_cannot_be_written_is_told_and_the_release_stands(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (there / "folder.json").mkdir()
    assert publish(there, to="folder.json") == 1
    assert "the day is released, and kept in" in capsys.readouterr().err
    kept = Path(entry(str(there / "output"), "lab", "2026-01-05")).read_bytes()
    assert publish(there) == 0
    assert (there / "open.json").read_bytes() == kept


def test_another_form_holds_the_same_numbers(there: Path) -> None:
    assert publish(there) == publish(there, to="open.csv") == 0
    release = json.loads((there / "open.json").read_text())
    lines = (there / "open.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert [row["count"] for row in rows] == [
        "" if row["count"] is None else str(row["count"]) for row in release["rows"]
    ]
    assert any(line.startswith("# unit_of_privacy: one passage") for line in lines)


@pytest.mark.parametrize(
    ("flags", "changed", "message"),
    [
        (("--epsilon", "2"), {}, "released already, with another epsilon"),
        (("--window", "1m"), {}, "released already, with another window_seconds"),
    ],
)
def test_a_second_different_release_is_refused(
    there: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], changed: dict[str, Any], message: str
) -> None:
    assert publish(there) == 0
    assert publish(there, *flags) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "date", "message"),
    [
        ({"day_start": "01:00"}, "2026-01-04", "shares hours with 2026-01-05, which is released already"),
        ({"time_zone": "Etc/GMT+12"}, "2026-01-04", "shares hours with 2026-01-05"),
        ({"time_zone": "Etc/GMT-14"}, "2026-01-06", "shares hours with 2026-01-05"),
        ({"day_start": "01:00"}, "2026-01-05", "released already, with another end, start"),
    ],
)
def test_hours_are_released_once_whatever_day_they_are_said_to_be_of(
    there: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, Any], date: str, message: str
) -> None:
    assert publish(there) == 0
    assert publish(there, date="2026-01-06", to="next.json") == 2, "the day after shares no hour, and has no counts"
    assert "holds no footfall" in capsys.readouterr().err
    (there / "site.yaml").write_text(yaml.safe_dump(WRITTEN | changed))
    assert publish(there, date=date, to="again.json") == 2
    assert message in capsys.readouterr().err
    assert not (there / "again.json").exists()


@pytest.mark.parametrize("named", ["date=20260105", "date=2026-01-32", "2026-01-05"])
def test_a_file_that_may_be_a_release_under_another_name_stops_all(
    there: Path, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    assert publish(there) == 0
    kept = Path(entry(str(there / "output"), "lab", "2026-01-05"))
    kept.rename(kept.with_name(f"{named}.json"))
    assert publish(there, to="again.json") == 2
    assert f"{named}.json, which says what was released, is not named as a day is" in capsys.readouterr().err
    assert not (there / "again.json").exists()


def test_a_site_file_that_the_records_were_not_made_with_is_refused(
    there: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = load_sites(there / "site.yaml")[0]
    made_with = MADE_WITH.model_copy(update={"site_sha256": site_digest(site)})
    pack = pack_of(a_day("2026-01-05"), "0" * 16, made_with)
    kept = Path(write_pack(str(there / "output"), SitePack("lab", "2026-01-05", canonical(pack))))
    (there / "site.yaml").write_text(yaml.safe_dump(WRITTEN | {"day_start": "01:00"}))
    assert publish(there) == 2
    assert "says something else than the site file that the records of 2026-01-05" in capsys.readouterr().err
    monkeypatch.chdir(there)
    assert publish(Path("."), "--output", "./output") == 2
    kept.write_bytes(kept.read_bytes().replace(site_digest(site).encode(), b"0" * 64))
    capsys.readouterr()
    assert publish(there) == 1
    assert f"{kept}: is not what was written" in capsys.readouterr().err
    assert not (there / "output" / "published").exists()
    kept.unlink()
    write_pack(str(there / "output"), SitePack("lab", "2026-01-05", canonical(pack)))
    (there / "site.yaml").write_text(yaml.safe_dump(WRITTEN))
    assert publish(there) == 0


@pytest.mark.parametrize(
    ("flags", "changed", "message"),
    [
        (("--epsilon", "0"), {}, "--epsilon: above 0"),
        (("--epsilon", "nan"), {}, "--epsilon: above 0"),
        (("--epsilon", "11"), {}, "--epsilon: above 0 and at most 10"),
        (("--date", "yesterday"), {}, "--date: is written like"),
        (("--date", "9999-12-31"), {}, "--date: is written like"),
        (("--date", "20260105"), {}, "--date: is written like 2026-01-05"),
        (("--date", "2026-W02-1"), {}, "--date: is written like 2026-01-05"),
        (("--date", to_rfc3339(now_us())[:10]), {}, "is open until"),
        (("--date", "2026-01-04"), {}, "holds no footfall of 2026-01-04"),
        (("--window", "5m"), {}, "--window: one of the site file's: 1m, 1h"),
        (("--to", "open.txt"), {}, "--to: open.txt: ends with none of"),
        ((), {"k": {"footfall": 5}}, "footfall has a k of 5"),
        ((), {"cameras": [{"name": "door"}]}, "has no lines"),
    ],
)
def test_what_must_not_be_released_is_refused(
    there: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], changed: dict[str, Any], message: str
) -> None:
    (there / "site.yaml").write_text(yaml.safe_dump(WRITTEN | changed))
    assert publish(there, *flags) == 2
    assert message in capsys.readouterr().err
    assert not (there / "output" / "published").exists()


def test_who_is_slower_tells_what_the_quicker_one_released(tmp_path: Path) -> None:
    name = entry(str(tmp_path), "lab", "2026-01-05")
    day = {"start": "2026-01-05T00:00:00Z", "end": "2026-01-06T00:00:00Z"}
    request = {"site": "lab", "date": "2026-01-05", "epsilon": 1.0, **day}
    first = keep(name, {"request": request, "about": {}, "rows": [1]})
    assert keep(name, {"request": request, "about": {}, "rows": [2]}) == first == released(name, request)
    with pytest.raises(LedgerError, match="another epsilon"):
        keep(name, {"request": request | {"epsilon": 2.0}, "about": {}, "rows": [3]})
    Path(name).write_text("{}")
    with pytest.raises(LedgerError, match="cannot be read"):
        released(name, request)


def test_the_noise_is_as_wide_as_the_budget_asks() -> None:
    """Of a discrete Laplace distribution of scale s the mean distance from its middle is 1 / sinh(1 / s)."""
    counts = [100] * 20_000
    noisy = add_noise(counts, sensitivity=2, epsilon=1.0)
    assert noisy.scale == pytest.approx(2, abs=1e-6)
    off = [abs(count - 100) for count in noisy.counts]
    assert statistics.fmean(off) == pytest.approx(1.919, abs=0.1)
    assert abs(statistics.fmean(noisy.counts) - 100) < 0.15
    assert sum(each <= noisy.margin for each in off) / len(off) > 0.94
    assert add_noise([], 1, 1.0).counts == []
