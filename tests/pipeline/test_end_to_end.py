"""The demo through the installed command line: six people in, six out, six visits."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import pytest

from pipeline.evidence.verify import packs_of, verify
from pipeline.view import current, read_records
from schemas.evidence import DayPack
from schemas.least import LeastCounts
from schemas.records import FAMILIES, Dwell, Heatmap
from schemas.seals import RetentionPack
from tests.support.attack import attack
from tests.support.command import silhouette, silhouette_here
from tests.support.crowds import as_measured, as_written, recovered
from tests.support.demo import SITE_FILE, cut, site_file
from transforms.protect import protect

FEW = 3


@dataclass(frozen=True)
class Demo:
    """A run of the demo: its clips, its records, what was printed."""

    clips: Path
    output: Path
    printed: str


def read(output: Path, family: str) -> list[dict[str, Any]]:
    """Read a family's records back."""
    rows: list[dict[str, Any]] = []
    for path in sorted(output.glob(f"records/{family}/site=example-library/date=2026-01-05/*.avro")):
        with path.open("rb") as file:
            rows += fastavro.reader(file)
    return rows


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def seldom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's site file with fewer frames looked at, for what holds one run against another."""
    return site_file(tmp_path_factory.mktemp("site") / "site.yaml", fps=2)


@pytest.fixture(scope="module")
def demo(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    output = tmp_path_factory.mktemp("output")
    done = silhouette("run", "--site", SITE_FILE, "--clips", clips, "--output", output)
    assert done.returncode == 0, done.stderr
    return Demo(clips, output, done.stdout)


@pytest.fixture(scope="module")
def few(seldom: Path, clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A run of the first clips alone, by one worker."""
    output = tmp_path_factory.mktemp("few")
    some = sorted(clips.glob("*.mp4"))[:FEW]
    done = silhouette("run", "--site", seldom, "--clips", *some, "--output", output, "--workers", 1)
    assert done.returncode == 0, done.stderr
    return Demo(clips, output, done.stdout)


def evidence(output: Path) -> DayPack:
    """Return the pack of the one day that a run wrote."""
    (pack,) = [each for each in packs_of(str(output), "example-library") if isinstance(each, DayPack)]
    return pack


def minutes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the rows of one-minute windows."""
    return [row for row in rows if row["window_size_seconds"] == 60]


def test_six_come_in_and_six_go_out(demo: Demo) -> None:
    crossed: Counter[tuple[str, str]] = Counter()
    for row in minutes(read(demo.output, "footfall")):
        crossed[row["line"], row["direction"]] += row["count"]
    assert crossed == {("entrance", "in"): 6, ("entrance", "out"): 0, ("exit", "in"): 0, ("exit", "out"): 6}


def test_with_k_the_demo_suppresses_what_it_cannot_hide_and_nothing_is_recovered(demo: Demo) -> None:
    """Six people are few: the demo's own k is 1."""
    rows = as_measured(current(read_records(demo.output)))
    shown = protect(rows, LeastCounts())  # two minutes, so one group
    hidden = [row for row in shown if row.suppressed]
    told = attack(as_written(shown), wholly=False)
    assert {type(row) for row in hidden} >= {Dwell, Heatmap}
    assert len({each[:4] for each in told}) == len(hidden)
    assert recovered(LeastCounts(), shown) == []


def test_six_visit_the_table(demo: Demo) -> None:
    totals: Counter[tuple[str, str]] = Counter()
    for row in minutes(read(demo.output, "dwell")):
        if row["bin"] == -1 and row["status"] != "OPEN":
            totals[row["zone"], row["status"]] += row["visits"]
    assert totals == {
        ("room", "COMPLETED"): 6,
        ("room", "CENSORED"): 0,
        ("table", "COMPLETED"): 6,
        ("table", "CENSORED"): 0,
    }


def test_six_go_from_the_room_to_the_table(demo: Demo) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for row in minutes(read(demo.output, "flow")):
        counts[row["from_zone"], row["to_zone"]] += row["count"]
    assert counts == {("room", "table"): 6, ("*", "*"): 6}


def test_coverage_is_that_of_the_video(demo: Demo) -> None:
    for size in (60, 900):
        rows = [row for row in read(demo.output, "camera_health") if row["window_size_seconds"] == size]
        assert sum(row["observed_ms"] for row in rows) == pytest.approx(139_000, abs=600)
        assert all(row["flawed_ms"] == row["bad_clips"] == 0 for row in rows)


def test_every_family_is_written_for_every_window(demo: Demo) -> None:
    for family in FAMILIES.keys() - {"movement"}:  # of calibrated cameras alone
        windows = {(row["window_size_seconds"], row["window_start"]) for row in read(demo.output, family)}
        assert sorted(size for size, _ in windows) == [60, 60, 60, 900], family


def test_the_summary_says_so(demo: Demo) -> None:
    lines = [" ".join(line.replace("│", " ").split()) for line in demo.printed.splitlines()]
    assert "reading-table entrance in 6" in lines
    assert "reading-table exit out 6" in lines
    assert any(line.startswith("reading-table table") and " 6 " in line for line in lines)
    assert str(demo.output) in demo.printed


def test_the_run_leaves_evidence_of_what_it_read_and_wrote(demo: Demo) -> None:
    pack = evidence(demo.output)
    sizes = [path.stat().st_size for path in demo.clips.glob("*.mp4")]
    assert pack.clips is not None and pack.arrival is not None and pack.made_with is not None
    assert (pack.clips.read, pack.clips.decoded, pack.clips.bytes) == (14, 14, sum(sizes))
    assert pack.clips.frames == sum(row["frames"] for row in minutes(read(demo.output, "camera_health")))
    for emitted in pack.records or ():
        assert emitted.rows == len(read(demo.output, emitted.family)), emitted.family
    assert pack.arrival.capture_to_pixels_gone.count == 14
    assert pack.arrival.capture_to_geometry_gone.count == 1
    assert (pack.withheld, pack.dropped) == ((), ())
    (model,) = pack.made_with.models
    assert (model.card, model.licence, model.verdict) == ("person", "MIT", "admitted")
    (looked,) = [p for p in packs_of(str(demo.output), "example-library") if isinstance(p, RetentionPack)]
    assert [(each.kind, each.verdict) for each in looked.holdings] == [("archive", "over")], "recorded long ago"
    found = verify(str(demo.output), "example-library", None)
    assert (found.faults, found.packs, found.files, found.untold) == ([], 2, len(pack.records or ()), 0)
    assert found.head is not None and found.head in demo.printed


def test_bad_clips_are_told_and_the_rest_is_counted(seldom: Path, clips: Path, tmp_path: Path) -> None:
    """One clip is cut short, one has another's hash: exit 3, dead letters without payload, less coverage."""
    some = tmp_path / "clips"
    some.mkdir()
    good, short, wrong = sorted(clips.glob("*.mp4"))[:3]
    for clip in (good, short, wrong):
        shutil.copy(clip, some)
        shutil.copy(clip.with_suffix(".json"), some)
    payload = bytearray(wrong.read_bytes())
    payload[-1] ^= 1
    (some / wrong.name).write_bytes(payload)
    (some / short.name).write_bytes(short.read_bytes()[:20_000])
    done = silhouette("run", "--site", seldom, "--clips", some, "--output", tmp_path / "out")
    assert done.returncode == 3, done.stderr
    assert "3 clips, 2 bad (hash_mismatch 2)" in done.stdout
    letters = []
    for path in (tmp_path / "out").rglob("dead_letters/**/*.avro"):
        with path.open("rb") as file:
            letters += list(fastavro.reader(file))
    assert {letter["reason"] for letter in letters} == {"hash_mismatch"}
    assert [letter["camera"] for letter in letters] == ["reading-table"] * 2
    told = evidence(tmp_path / "out").clips
    assert told is not None and (told.read, told.decoded) == (3, 1)
    assert [(bad.stage, bad.reason, bad.clips) for bad in told.bad] == [("ValidateClips", "hash_mismatch", 2)]
    health = [row for row in read(tmp_path / "out", "camera_health") if row["window_size_seconds"] == 60]
    assert [row["bad_clips"] for row in health] == [2]
    assert health[0]["clips"] == 3
    assert health[0]["observed_ms"] == pytest.approx(10_000, abs=200)


def test_records_do_not_depend_on_order_repeats_or_workers(seldom: Path, few: Demo, tmp_path: Path) -> None:
    """Two workers against one, clips given twice and in another order: the same files, to the byte."""
    some = sorted(few.clips.glob("*.mp4"))[:FEW]
    again = tmp_path / "again"
    again.mkdir()
    for clip in some[1:3]:
        shutil.copy(clip, again)
        shutil.copy(clip.with_suffix(".json"), again)
    clips = [again, *reversed(some)]
    done = silhouette("run", "--site", seldom, "--clips", *clips, "--output", tmp_path / "b", "--workers", 2)
    assert done.returncode == 0, done.stderr
    outputs = few.output, tmp_path / "b"
    files = [{str(path.relative_to(output)) for path in output.rglob("*.avro")} for output in outputs]
    assert files[0] == files[1]
    assert len(files[0]) == len({name.split("/")[1] for name in files[0]}) >= 6, "a family and date is one file"
    one, two = map(evidence, outputs)
    for section in ("made_with", "clips", "records", "dropped", "files"):
        assert getattr(one, section) == getattr(two, section), "clips given twice count once in the evidence too"
    assert one.arrival is not None and two.arrival is not None
    assert (one.arrival.duplicates, two.arrival.duplicates) == (0, 2)


def test_a_run_with_more_clips_into_the_same_folder_equals_a_fresh_one(seldom: Path, few: Demo, tmp_path: Path) -> None:
    """Half the clips, then all; then fewer, and some in the place of others, which are refused."""
    output = tmp_path / "out"
    clips = sorted(few.clips.glob("*.mp4"))[:FEW]
    for some in (clips[: FEW // 2], clips):
        done = silhouette("run", "--site", seldom, "--clips", *some, "--output", output)
        assert done.returncode == 0, done.stderr
    rows, fresh = (current(read_records(folder)) for folder in (output, few.output))
    assert {family: sorted(map(repr, of)) for family, of in rows.items()} == {
        family: sorted(map(repr, of)) for family, of in fresh.items()
    }
    assert done.stdout.split(f"{FEW} clips")[0] == few.printed.split(f"{FEW} clips")[0]
    written = sorted(output.rglob("*"))
    fewer = silhouette_here("run", "--site", seldom, "--clips", *clips[: FEW - 1], "--output", output)
    assert fewer.returncode == 2
    assert "counts more clips of example-library reading-table on 2026-01-05 than these" in fewer.stderr
    other = tmp_path / clips[0].name
    shutil.copy(clips[0].with_suffix(".json"), tmp_path)
    other.write_bytes(clips[0].read_bytes()[:-1])
    replaced = silhouette_here("run", "--site", seldom, "--clips", other, *clips[1:], "--output", output)
    assert replaced.returncode == 2
    assert "raise site_version in the site file, or name another folder" in replaced.stderr
    assert sorted(output.rglob("*")) == written


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_fails_says_why_and_keeps_no_lineage(
    seldom: Path, clips: Path, tmp_path: Path, workers: int
) -> None:
    (tmp_path / "records").write_text("in the way")
    clip = min(clips.glob("*.mp4"))
    done = silhouette("run", "--site", seldom, "--clips", clip, "--output", tmp_path, "--workers", workers)
    assert done.returncode == 1
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("silhouette run: the job failed: ")]
    assert "Error: [Errno " in told
    assert str(tmp_path / "records") in told
    assert "while running" not in told
    assert not [path for path in (tmp_path / "lineage").rglob("*") if path.is_file()]
