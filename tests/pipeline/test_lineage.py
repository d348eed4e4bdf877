"""No site version and revision stands for two values: what differs is refused, before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.archive import ClipFile
from pipeline.config import Config
from pipeline.lineage import LineageError, begin_lineage, begun, check_lineage, keep_lineage
from pipeline.pubsub import Subscription
from pipeline.sinks import write_file
from schemas.clock import SECOND_US
from schemas.envelope import Envelope
from tests.golden.make import example
from tests.support.graphs import card_of
from tests.support.world import T0, a_camera, a_site, seconds, span
from transforms.decode import ClipLimits
from transforms.guard import Guarded

DAY_S = 24 * 3600


def clip(folder: Path, start_s: float, content: bytes = b"?", camera: str = "door", **changes: Any) -> ClipFile:
    sha256 = hashlib.sha256(content).hexdigest()
    start_us = seconds(start_s)
    envelope = Envelope(
        1, "lab", camera, "s", 0, start_us, start_us + 10 * SECOND_US, 0, 10.0, "h264", len(content), sha256
    )
    path = folder / f"{camera}-{start_s}-{sha256[:8]}.mp4"
    path.write_bytes(content)
    return ClipFile(path, replace(envelope, **changes))


def job(folder: Path, files: Iterable[ClipFile], until_s: float = 60, **changes: Any) -> Config:
    site = a_site(cameras=[a_camera(name).model_dump(mode="json") for name in ("door", "yard")], **changes)
    model = card_of(b"model", {"kind": "yolox"}), folder / "tiny.onnx"
    models = {("lab", camera.name): model for camera in site.cameras}
    return Config((site,), models, {"lab": span(0, until_s)}, str(folder / "out"), list(files))


def done(config: Config) -> None:
    with begun(lineage := check_lineage(config)):
        keep_lineage(lineage)


def write_record(output: Path, **changes: Any) -> None:
    row = example("camera_health") | {"site": "lab", "group": "door", "camera": "door", "window_start": T0} | changes
    write_file(str(output), ("camera_health", "lab", "2026-01-05"), [Guarded("camera_health", row)])


def markers(folder: Path) -> list[Path]:
    return list(folder.rglob("begun/*"))


def test_the_same_job_and_one_with_more_clips_may_follow(tmp_path: Path) -> None:
    clips = [clip(tmp_path, start) for start in (0, 10, 20)]
    done(job(tmp_path, clips))
    done(job(tmp_path, clips))
    done(job(tmp_path, [*clips, clip(tmp_path, 30), clip(tmp_path, 0, camera="yard"), ClipFile(tmp_path / "x", None)]))
    with pytest.raises(LineageError, match=r"^--clips: .* counts more clips of lab door on 2026-01-05 than these"):
        check_lineage(job(tmp_path, clips))


@pytest.mark.parametrize(
    "changes", [{}, {"frame_rate": 11.0}, {"sequence": 7}, {"end_us": seconds(11)}, {"start_us": seconds(1)}]
)
def test_clips_that_take_the_place_of_others_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    clips = [clip(tmp_path, start) for start in (0, 10, 20)]
    done(job(tmp_path, clips))
    other = clip(tmp_path, 0, **changes) if changes else clip(tmp_path, 0, b"other")
    replaced = [other, *clips[1:], clip(tmp_path, 30)]
    with pytest.raises(LineageError, match=r"on 2026-01-05 replace others that .* counts; raise site_version"):
        check_lineage(job(tmp_path, replaced))
    check_lineage(job(tmp_path, replaced, site_version=2))


def test_a_clip_that_was_cut_short_is_another_once_it_is_whole(tmp_path: Path) -> None:
    whole = clip(tmp_path, 0, b"all of it")
    whole.path.write_bytes(b"all of")
    done(job(tmp_path, [whole]))
    whole.path.write_bytes(b"all of it")
    with pytest.raises(LineageError, match="replace others"):
        check_lineage(job(tmp_path, [whole]))


def test_a_replay_of_part_of_a_streamed_day_is_refused(tmp_path: Path) -> None:
    """The stream counted two clips of that day."""
    clips = [clip(tmp_path, start) for start in (0, 10)]
    subscription = Subscription("projects/office/subscriptions/clips", 1, 64 << 20, 0, 0)
    done(replace(job(tmp_path, []), subscription=subscription))
    write_record(tmp_path / "out", site_version=1, revision=2)
    with pytest.raises(LineageError, match="a stream has counted 2 clips of lab door on 2026-01-05, and these are 1"):
        check_lineage(job(tmp_path, clips[:1]))
    check_lineage(job(tmp_path, clips))
    check_lineage(job(tmp_path, clips[:1], site_version=2))
    (file,) = tmp_path.glob("out/records/camera_health/**/*.avro")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(LineageError, match=rf"^--output: {file}: is no Avro file of camera_health records, or is"):
        check_lineage(job(tmp_path, clips))


def test_days_stand_for_themselves_and_a_clip_across_both_counts_in_both(tmp_path: Path) -> None:
    first, across, second = (clip(tmp_path, start) for start in (0, DAY_S - 5, DAY_S + 10))
    done(job(tmp_path, [first, across]))
    with pytest.raises(LineageError, match="more clips of lab door on 2026-01-05"):
        check_lineage(job(tmp_path, [second], until_s=DAY_S + 60))
    later = replace(job(tmp_path, [across, second]), spans={"lab": span(DAY_S, DAY_S + 60)})
    done(later)
    with pytest.raises(LineageError, match="more clips of lab door on 2026-01-06"):
        check_lineage(replace(later, files=[second]))
    done(job(tmp_path, [first, across, second], until_s=DAY_S + 60))


def test_a_claim_of_a_thousand_years_is_cut(tmp_path: Path) -> None:
    done(job(tmp_path, [clip(tmp_path, 0, end_us=seconds(0) + 10**9 * 31 * SECOND_US)]))
    assert [path.name for path in sorted(tmp_path.rglob("door/*"))] == ["2026-01-05.txt"]


def test_what_changes_records_is_named_and_words_change_nothing(tmp_path: Path) -> None:
    config = job(tmp_path, [])
    done(config)
    done(job(tmp_path, [], controller="Somebody else"))
    with pytest.raises(LineageError, match="made with another site file; raise site_version"):
        check_lineage(job(tmp_path, [], k=7))
    with pytest.raises(LineageError, match="made with another limits; raise site_version"):
        check_lineage(replace(config, limits=ClipLimits(max_frames=9)))


@pytest.mark.parametrize("changes", [{"day_start": "00:30"}, {"time_zone": "Asia/Kathmandu"}])
def test_windows_that_would_lie_across_others_are_refused_in_any_version(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    (changed,) = changes
    with begun(lineage := check_lineage(job(tmp_path, []))):
        with pytest.raises(LineageError, match=f"has begun with another {changed} of site lab, .* else name another f"):
            check_lineage(job(tmp_path, [], site_version=2, **changes))
        keep_lineage(lineage)
    with pytest.raises(LineageError, match=f"windows laid by another {changed}: .*; name another folder"):
        check_lineage(job(tmp_path, [], site_version=2, **changes))
    check_lineage(job(tmp_path, [], site_version=2, k=7))


def test_nothing_is_kept_before_the_job_is_done(tmp_path: Path) -> None:
    check_lineage(job(tmp_path, [clip(tmp_path, 0)]))
    assert not (tmp_path / "out").exists()


def test_what_a_killed_run_has_written_counts(tmp_path: Path) -> None:
    clips = [clip(tmp_path, start) for start in (0, 10)]
    begin_lineage(check_lineage(job(tmp_path, clips)))
    write_record(tmp_path / "out")
    with pytest.raises(
        LineageError, match=r"with another site file of site lab, site_version 1.*come since: raise site_v"
    ):
        check_lineage(job(tmp_path, clips, k=7))
    for others in (clips[:1], [clip(tmp_path, 0, b"other"), clips[1]]):
        with pytest.raises(
            LineageError, match=r"with other clips of door on 2026-01-05.*come since: give those too, rai"
        ):
            check_lineage(job(tmp_path, others))
    done(job(tmp_path, clips, k=7, site_version=2))
    assert markers(tmp_path)
    done(job(tmp_path, clips))
    assert not markers(tmp_path), "a run that counts all of its clips has told of them"
    with pytest.raises(LineageError, match="holds records of site lab, site_version 1, made with another site file"):
        check_lineage(job(tmp_path, clips, k=7))


def test_of_two_runs_at_once_the_later_must_go_with_the_earlier(tmp_path: Path) -> None:
    one, two = (clip(tmp_path, start) for start in (0, 10))
    slower = check_lineage(job(tmp_path, [two]))
    with begun(first := check_lineage(job(tmp_path, [one]))):
        (marker,) = markers(tmp_path)
        with pytest.raises(
            LineageError, match=f"no record has come since: if it was killed, delete {marker}; else give"
        ):
            begin_lineage(slower)
        assert markers(tmp_path) == [marker]
        done(job(tmp_path, [one, two]))
        keep_lineage(first)


@pytest.mark.parametrize("wrote", [False, True])
def test_a_run_that_fails_counts_where_it_has_written(tmp_path: Path, wrote: bool) -> None:
    write_record(tmp_path / "out", site_version=3)
    write_record(tmp_path / "out", site="shop")
    with pytest.raises(KeyboardInterrupt), begun(check_lineage(job(tmp_path, [clip(tmp_path, 0)]))):
        if wrote:
            write_record(tmp_path / "out")
        raise KeyboardInterrupt
    assert len(markers(tmp_path)) == wrote


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff"])
def test_a_damaged_marker_is_named(tmp_path: Path, content: bytes) -> None:
    begin_lineage(check_lineage(config := job(tmp_path, [])))
    (marker,) = markers(tmp_path)
    marker.write_bytes(content)
    with pytest.raises(LineageError, match=rf"{marker}.* cannot be read; restore it, or name another folder"):
        check_lineage(config)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_damaged_lineage_is_named(tmp_path: Path, content: bytes) -> None:
    config = job(tmp_path, [])
    done(config)
    (path,) = tmp_path.rglob("made_with.json")
    path.write_bytes(content)
    with pytest.raises(LineageError, match=r"made_with\.json.* cannot be read; restore it, or name another folder"):
        check_lineage(config)
    path.unlink()
    path.mkdir()
    with pytest.raises(LineageError, match=r"made_with\.json.* cannot be read"):
        check_lineage(config)


def test_names_of_clips_and_their_digests_are_not_kept(tmp_path: Path) -> None:
    file = clip(tmp_path, 0)
    done(job(tmp_path, [file]))
    kept = "".join(path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert file.envelope is not None
    assert file.envelope.sha256 not in kept
    assert file.path.name not in kept
    assert not list(tmp_path.rglob("*.partial"))
