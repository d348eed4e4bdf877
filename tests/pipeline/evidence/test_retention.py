"""What keeps clips, as found: by Google's own Pub/Sub emulator, and in folders."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.pubsub_v1.types import (
    BigQueryConfig,
    CloudStorageConfig,
    DeadLetterPolicy,
    PushConfig,
    Subscription,
)
from google.protobuf.duration_pb2 import Duration

from pipeline.cli import main
from pipeline.edge.spool import OWN_FILES
from pipeline.evidence.retention import collect, excesses, write_retention
from pipeline.evidence.verify import packs_of
from pipeline.storage import write
from schemas.clock import SECOND_US, now_us
from schemas.envelope import Envelope
from schemas.seals import Holding, RetentionPack
from tests.support.pubsub import PubSub, free_port
from tests.support.storage import Storage
from tests.support.world import a_site
from transforms.evidence import date_of

SITE = a_site(raw_retention="1h")
HOUR_S = 3600


def looked_at(pubsub: PubSub, topic: str) -> list[Holding]:
    clients = pubsub.publisher(), pubsub.subscriber()
    return list(collect(SITE, topics=[topic], clients=clients).holdings)


def test_every_excess_on_a_topic_is_found(pubsub: PubSub) -> None:
    """Kept a week by default; for ten minutes, in time; whole clips handed on to a dead-letter topic; exported."""
    topic, dead = pubsub.topic(), pubsub.topic()
    week = pubsub.subscription(topic)
    kept_dead = pubsub.subscription(dead)
    names = {}
    with pubsub.subscriber() as client:
        for what, changes in {
            "short": {"message_retention_duration": Duration(seconds=600)},
            "acked": {"message_retention_duration": Duration(seconds=7200), "retain_acked_messages": True},
            "dead": {
                "message_retention_duration": Duration(seconds=600),
                "dead_letter_policy": DeadLetterPolicy(dead_letter_topic=dead, max_delivery_attempts=5),
            },
        }.items():
            names[what] = f"projects/{pubsub.project}/subscriptions/{what}-{topic.rsplit('-', 1)[1]}"
            client.create_subscription(request=Subscription(name=names[what], topic=topic, **changes))
        names |= exported(client, topic)
        names["snapshot"] = f"projects/{pubsub.project}/snapshots/kept-{topic.rsplit('-', 1)[1]}"
        client.create_snapshot(name=names["snapshot"], subscription=week)
    found = looked_at(pubsub, topic)
    verdicts = {(each.kind, each.name): each.verdict for each in found}
    assert verdicts["subscription", week] == "over"
    assert verdicts["subscription", names["short"]] == "within"
    assert verdicts["subscription", names["acked"]] == "over"
    assert verdicts["dead_letter_policy", names["dead"]] == "unbounded"
    assert verdicts["subscription", kept_dead] == "over", "what hangs on the dead-letter topic is looked at too"
    assert {verdicts["export", names[where]] for where in ("bigquery", "storage", "push")} == {"unbounded"}
    assert verdicts["snapshot", names["snapshot"]] == "over"
    assert verdicts["topic", topic] == "within"
    (acked,) = [each for each in found if each.name == names["acked"]]
    assert (acked.keeps_seconds, "acknowledged clips too" in acked.why) == (7200, True)
    assert {each.name for each in excesses(_pack(found))} >= {week, names["acked"], names["dead"], kept_dead}


def exported(client: SubscriberClient, topic: str) -> dict[str, str]:
    """Make a subscription of each kind that copies clips elsewhere; returns their names."""
    names = {}
    for what, changes in {
        "bigquery": {"bigquery_config": BigQueryConfig(table="office.clips.copies")},
        "storage": {"cloud_storage_config": CloudStorageConfig(bucket="copies")},
        "push": {"push_config": PushConfig(push_endpoint="http://localhost:1/clips")},
    }.items():
        names[what] = f"{topic.replace('/topics/', '/subscriptions/')}-{what}"
        client.create_subscription(request=Subscription(name=names[what], topic=topic, **changes))
    return names


def _pack(holdings: list[Holding]) -> RetentionPack:
    pack = collect(SITE)
    return pack.model_copy(update={"holdings": tuple(holdings)})


def test_a_topic_that_is_not_there_is_told_and_not_left_out(pubsub: PubSub) -> None:
    found = looked_at(pubsub, f"projects/{pubsub.project}/topics/nowhere")
    assert ("topic", "unreadable") in {(each.kind, each.verdict) for each in found}
    assert "could not be looked at: NotFound" in {each.why for each in found}


def test_a_subscription_that_cannot_be_asked_is_told_and_not_left_out(pubsub: PubSub) -> None:
    nowhere = f"projects/{pubsub.project}/subscriptions/nowhere"
    clients = pubsub.publisher(), pubsub.subscriber()
    (refused,) = collect(SITE, subscriptions=[nowhere], clients=clients).holdings
    assert (refused.kind, refused.name, refused.verdict) == ("subscription", nowhere, "unreadable")
    assert refused.why == "could not be looked at: NotFound"
    topic = pubsub.topic()
    there = collect(SITE, subscriptions=[pubsub.subscription(topic)], clients=clients).holdings
    assert [(each.kind, each.verdict) for each in there] == [("topic", "within"), ("subscription", "over")]


def test_a_service_that_is_not_reached_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"localhost:{free_port()}")
    (refused,) = collect(SITE, subscriptions=["projects/p/subscriptions/s"]).holdings
    assert (refused.verdict, refused.why) == ("unreadable", "could not be looked at: ServiceUnavailable")


def test_an_archive_in_a_bucket_says_that_it_is_told_by_its_uploads(storage: Storage) -> None:
    folder = f"{storage.make_bucket('clips')}/archive"
    write(f"{folder}/a.mp4", b"?")
    assert verdicts(archives=[folder]) == [
        ("within", "oldest file in it, by when it was uploaded: envelopes in a bucket are not read")
    ]


def spooled(folder: Path, ages_s: list[int]) -> Path:
    (folder / "clips").mkdir(parents=True)
    for number, age_s in enumerate(ages_s):
        name = f"{number:012}-{now_us() - age_s * SECOND_US:016}-door.clip"
        (folder / "clips" / name).write_bytes(b"?")
    return folder


def archived(folder: Path, age_s: int) -> Path:
    folder.mkdir()
    start_us = now_us() - age_s * SECOND_US
    envelope = Envelope(1, "lab", "door", "s", 0, start_us, start_us + SECOND_US, 0, 10.0, "h264", 1, "ab" * 32)
    (folder / "a.mp4").write_bytes(b"?")
    (folder / "a.json").write_text(json.dumps(envelope.to_json()))
    return folder


def test_folders_are_told_by_the_oldest_in_them(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", [60, 2 * HOUR_S, 5])
    young = spooled(tmp_path / "young", [60])
    archive = archived(tmp_path / "archive", 3 * HOUR_S)
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    (checkpoints / "chk-1").write_bytes(b"state")
    os.utime(checkpoints / "chk-1", (0, 0))
    empty = tmp_path / "empty"
    empty.mkdir()
    pack = collect(
        SITE,
        spools=[spool, young, tmp_path / "nowhere"],
        archives=[str(archive)],
        checkpoints=[str(checkpoints), str(empty)],
    )
    found = {each.name: each for each in pack.holdings}
    assert [found[str(place)].verdict for place in (spool, young, archive, checkpoints, empty)] == [
        "over", "within", "over", "over", "within",
    ]  # fmt: skip
    assert found[str(tmp_path / "nowhere")].verdict == "unreadable"
    assert (found[str(spool)].oldest_seconds or 0) - 2 * HOUR_S < 60
    name = write_retention(str(tmp_path / "out"), pack)
    assert f"date={date_of(now_us())}" in name
    assert packs_of(str(tmp_path / "out"), "lab") == [pack]


def old(path: Path, age_s: int = 2 * HOUR_S) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, times=(0, now_us() / SECOND_US - age_s))
    return path


def verdicts(**places: Any) -> list[tuple[str, str]]:
    return [(each.verdict, each.why) for each in collect(SITE, **places).holdings]


def test_what_has_another_name_is_judged_by_when_it_was_written(tmp_path: Path) -> None:
    """A copy, a part of a clip, a video of an unusual name: a folder is empty only where nothing is in it."""
    for name in ("clips/copy.bin", "clips/.a.clip.partial", "rest/b.clip"):
        spool = spooled(tmp_path / "spool" / name.replace("/", "-"), [60])
        old(spool / name)
        assert verdicts(spools=[spool]) == [("over", "oldest capture, or file, in it")], name
    for name in ("a.bin", "deep/er/b.264", ".half.mp4"):
        archive = archived(tmp_path / name.replace("/", "-"), 60)
        old(archive / name)
        assert verdicts(archives=[str(archive)])[0][0] == "over", name
        (archive / "a.mp4").unlink()
        (archive / "a.json").unlink()
        assert verdicts(archives=[str(archive)])[0][0] == "over", name


def test_what_says_nothing_of_clips_makes_no_place_old(tmp_path: Path) -> None:
    spool = spooled(tmp_path / "spool", [60])
    for name in OWN_FILES:
        old(spool / name)
    assert verdicts(spools=[spool])[0][0] == "within"
    archive = archived(tmp_path / "archive", 60)
    old(archive / "a.json")
    assert verdicts(archives=[str(archive)])[0][0] == "within"


def test_a_place_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert (
        verdicts(spools=[nowhere], archives=[str(nowhere)], checkpoints=[str(nowhere)])
        == [("unreadable", "could not be looked at: FileNotFoundError")] * 3
    )
    (tmp_path / "empty").mkdir()
    assert verdicts(archives=[str(tmp_path / "empty")]) == [("within", "empty")]
    assert verdicts(spools=[tmp_path / "empty"])[0][0] == "unreadable", "it is no spool"


def test_the_command_tells_an_excess_by_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "lab.yaml"
    written = {"site": "lab", "site_version": 1, "time_zone": "UTC", "cameras": [{"name": "door"}]}
    site.write_text(json.dumps(written))
    young = spooled(tmp_path / "young", [60])
    given = ["evidence", "retention", "--site", str(site), "--output", str(tmp_path / "out"), "--spool", str(young)]
    assert main(given) == 2
    assert f"{site}:1: raw_retention: is left blank" in capsys.readouterr().err
    assert main(given[:-2]) == 2
    assert "name at least one place" in capsys.readouterr().err
    site.write_text(json.dumps(written | {"raw_retention": "1h"}))
    assert main(given) == 0
    assert main([*given, "--archive", str(tmp_path / "nowhere")]) == 1
    assert "unreadable" in capsys.readouterr().out
    assert main([*given, "--spool", str(spooled(tmp_path / "old", [2 * HOUR_S]))]) == 1
    assert "over" in capsys.readouterr().out
