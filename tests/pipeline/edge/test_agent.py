"""The agent as a process: a real camera on the network, Google's own emulator, and everything that may go wrong."""

from __future__ import annotations

import hashlib
import io
import os
import random
import re
import signal
import time
import urllib.request
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from pathlib import Path

import av
import pytest
from google.cloud.pubsub_v1.types import PubsubMessage

from pipeline.edge.spool import Spool, open_folder
from pipeline.edge.spool_key import cipher_of
from pipeline.keys import load_keys
from schemas.clock import from_rfc3339
from schemas.envelope import Envelope
from tests.conftest import ROOT
from tests.support.command import silhouette
from tests.support.edge import agent, end, wait_for
from tests.support.network import link
from tests.support.pubsub import PubSub, free_port
from tests.support.rtsp import camera
from tests.support.video import encode, pictures
from transforms.decode import open_clip
from transforms.sealing import SealError, unseal

VIDEO = ROOT / "demo/one-by-one.mp4"  # keyframes a second apart, with B-frames
START = "2026-01-05T09:00:00Z"
USER, PASSWORD = "lens-cap-4711", "p@ss:w/d?4711"
LOGIN = {"SILHOUETTE_CAMERA_DOOR_USER": USER, "SILHOUETTE_CAMERA_DOOR_PASSWORD": PASSWORD}


def check(messages: Iterable[PubsubMessage]) -> list[Envelope]:
    """Hold clips against their envelopes, and these against one another; returns them by time, each once."""
    clips: dict[tuple[int, str], Envelope] = {}
    for message in messages:
        envelope = Envelope.from_attributes(message.attributes)
        clips[envelope.start_us, envelope.sha256] = envelope
        check_payload(message.data, envelope)
    envelopes = sorted(clips.values(), key=lambda each: each.start_us)
    for _, group in groupby(sorted(envelopes, key=lambda each: each.session), key=lambda each: each.session):
        session = sorted(group, key=lambda each: each.sequence)
        assert [each.sequence for each in session] == list(range(len(session)))
        assert all(one.end_us == other.start_us for one, other in pairwise(session))
    return envelopes


def check_payload(payload: bytes, envelope: Envelope) -> None:
    """Decode a clip, every frame of it within its interval, and find nothing but pictures in it."""
    assert (len(payload), hashlib.sha256(payload).hexdigest()) == (envelope.size, envelope.sha256)
    with open_clip(payload) as clip:
        offsets = [frame.offset_us for frame in clip.frames()]
    assert offsets[0] == 0 and offsets[-1] < envelope.end_us - envelope.start_us
    with av.open(io.BytesIO(payload)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert not {"title", "comment", "encoder", "creation_time"} & set(container.metadata)


def watchable() -> list[bytes]:
    """Return what is in every clip of the video, or in one, where it can be watched."""
    with av.open(str(VIDEO)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.is_keyframe]
    return [b"ftypisom", b"moov\x00\x00\x00lmvhd", *(packet[100:116] for packet in packets)]


def spooled(folder: Path) -> list[str]:
    """Return the names of the clips in a spool, oldest first."""
    return sorted(path.name for path in (folder / "clips").glob("*.clip")) if (folder / "clips").exists() else []


@pytest.fixture
def nobody() -> Iterator[dict[str, str]]:
    """An environment in which Pub/Sub cannot be reached."""
    yield {"PUBSUB_EMULATOR_HOST": f"127.0.0.1:{free_port()}"}


def test_pubsub_clips_of_a_camera(pubsub: PubSub, site_file: Path, tmp_path: Path) -> None:
    topic, beats = pubsub.topic(), pubsub.topic()
    clips, heard = pubsub.subscription(topic), pubsub.subscription(beats)
    log, spool = tmp_path / "log", tmp_path / "spool"
    with camera(VIDEO, user=USER, password=PASSWORD) as (url, _):
        flags = ["--site", site_file, "--topic", topic, "--camera", "door", "--source", url, "--spool", spool]
        flags += ["--seconds", 2, "--heartbeats", beats, "--heartbeat-every", "1s", "--prometheus", 0]
        before = time.time() * 1e6
        with agent(*flags, log=log, **LOGIN, **pubsub.environment) as process:
            messages = pubsub.drain(clips, count=3)
            shown = silhouette("edge", "--status", "--spool", spool)
            status = (spool / "status.json").read_text()
            page = urllib.request.urlopen(re.search(r"http://\S+", log.read_text())[0], timeout=10).read().decode()
            argv = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            assert end(process) == 0
    messages += pubsub.drain(clips)
    envelopes = check(messages)
    assert len({each.session for each in envelopes}) == 1 and len(envelopes) >= 4
    assert {(each.site, each.camera, each.codec) for each in envelopes} == {("lab", "door", "h264")}
    assert [each.seconds for each in envelopes[:3]] == pytest.approx([2, 2, 2], abs=0.05)
    assert [each.frame_rate for each in envelopes[:3]] == [10.0] * 3
    assert before - 5e6 < envelopes[0].start_us < envelopes[-1].end_us < time.time() * 1e6
    assert shown.returncode == 0 and "door" in shown.stdout and "runs as process" in shown.stdout
    assert 'silhouette_edge_connected{camera="door"} 1.0' in page
    assert spooled(spool) == []
    heartbeats = pubsub.drain(heard)
    assert len(heartbeats) >= 2 and all(beat.data == b"" for beat in heartbeats)
    assert dict(heartbeats[-1].attributes)["connected"] == "true"
    told = [log.read_bytes(), status.encode(), page.encode(), shown.stdout.encode(), argv]
    told += [path.read_bytes() for path in spool.rglob("*") if path.is_file()]
    told += [str(dict(message.attributes)).encode() for message in (*messages, *heartbeats)]
    assert not any(word.encode() in text for text in told for word in (USER, PASSWORD, "4711"))
    assert not any(b"127.0.0.1:" + url.split(":")[2].split("/")[0].encode() in text for text in (told[0], told[1]))
    stopped = silhouette("edge", "--status", "--spool", spool)
    assert stopped.returncode == 1 and "does not run" in stopped.stdout


def test_pubsub_a_killed_agent_loses_no_clip(
    pubsub: PubSub, nobody: dict[str, str], site_file: Path, tmp_path: Path
) -> None:
    """Killed in mid-stream, three times at any instant: all that was kept arrives, and none of it is damaged."""
    topic = pubsub.topic()
    clips, spool, log = pubsub.subscription(topic), tmp_path / "spool", tmp_path / "log"
    flags = ["--site", site_file, "--topic", topic, "--spool", spool, "--seconds", 1]
    flags += ["--camera", "door", "--source", VIDEO, "--camera", "hall", "--source", VIDEO]
    chance = random.Random(4)
    for kept in (2, 5, 8):
        with agent(*flags, log=log, **nobody) as process:
            wait_for(lambda least=kept: len(spooled(spool)) >= least)
            time.sleep(chance.uniform(0, 0.3))  # somewhere between two clips, or within one
            process.send_signal(signal.SIGKILL)
            process.wait()
    names = spooled(spool)
    with agent(*flags, log=log, **pubsub.environment) as process:
        messages = pubsub.drain(clips, count=len(names))
        assert end(process) == 0
    messages += pubsub.drain(clips)
    envelopes = check_each_camera(messages)
    arrived = {(each.camera, each.start_us) for each in envelopes}
    held = {(camera, int(start)) for start, camera in (re.match(r"\d+-(\d+)-(\w+)", name).groups() for name in names)}
    assert held <= arrived and len(held) >= 8
    assert len({each.session for each in envelopes if each.camera == "door"}) == 4
    assert spooled(spool) == []


def check_each_camera(messages: list[PubsubMessage]) -> list[Envelope]:
    cameras = {message.attributes["camera"] for message in messages}
    return [each for camera in cameras for each in check(m for m in messages if m.attributes["camera"] == camera)]


def test_pubsub_an_outage_is_sat_out(pubsub: PubSub, site_file: Path, tmp_path: Path) -> None:
    """No network, then one: sealed clips arrive in their order, and only who has the key can watch them."""
    (tmp_path / "keys").write_text(f"2026-a {'5a' * 32}\n2025-b {'a5' * 32}\n")
    (tmp_path / "keys").chmod(0o600)
    cameras = tmp_path / "cameras.yaml"
    cameras.write_text(f"cameras: [{{name: door, source: {VIDEO}, start: '{START}', fast: true}}]")
    keys, spool, log = load_keys([str(tmp_path / "keys")]), tmp_path / "spool", tmp_path / "log"
    topic = pubsub.topic()
    clips = pubsub.subscription(topic)
    flags = ["--site", site_file, "--topic", topic, "--cameras", cameras, "--spool", spool]
    flags += ["--keys", tmp_path / "keys", "--in-flight", "1B"]  # one by one
    with link(pubsub.host) as network, agent(*flags, log=log, PUBSUB_EMULATOR_HOST=network.host) as process:
        wait_for(lambda: len(spooled(spool)) == 28)
        files = [path.read_bytes() for path in (spool / "clips").iterdir()]
        assert not any(word in file for file in files for word in watchable())
        network.mend()
        messages = pubsub.drain(clips, count=28, seconds=60)
        assert process.wait(timeout=30) == 0  # the file has ended, and all of it is sent
    envelopes = [Envelope.from_attributes(message.attributes) for message in messages]
    starts = list(dict.fromkeys(each.start_us for each in envelopes))
    assert starts == sorted(starts) and starts[0] == from_rfc3339(START)
    assert {each.key_id for each in envelopes} == {"2026-a"} and len({each.session for each in envelopes}) == 1
    assert all(one.end_us == other.start_us for one, other in pairwise(sorted(envelopes, key=lambda e: e.start_us)))
    for message, envelope in zip(messages[::9], envelopes[::9], strict=True):
        assert not any(word in message.data for word in watchable())
        check_payload(unseal(message.data, envelope, keys), envelope)
        with pytest.raises(SealError, match="bad_seal"):
            unseal(message.data, envelope, {"2026-a": keys["2025-b"]})


def test_pubsub_a_clip_that_cannot_be_read_stops_no_other(pubsub: PubSub, site_file: Path, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(encode(pictures(20)))
    folder, topic = tmp_path / "spool", pubsub.topic()
    clips, log = pubsub.subscription(topic), tmp_path / "log"
    lock = open_folder(folder)
    Spool(folder, 10**9, cipher_of(folder, folder / "key", plain=False)).put("hall", 1, {}, b"")
    os.close(lock)
    (oldest,) = (folder / "clips").iterdir()
    oldest.unlink()
    oldest.mkdir()  # what is read of it is an error
    flags = ["--site", site_file, "--topic", topic, "--spool", folder]
    flags += ["--camera", "door", "--source", tmp_path / "v.mp4", "--start", START, "--fast"]
    with agent(*flags, log=log, **pubsub.environment) as process:
        assert process.wait(timeout=30) == 0
    assert len(check(pubsub.drain(clips, count=1))) == 1 and spooled(folder) == [oldest.name]
    assert "cannot be read (EISDIR): 1; others go on" in log.read_text() and "Pub/Sub took" not in log.read_text()


def test_pubsub_a_camera_that_comes_back(pubsub: PubSub, site_file: Path, tmp_path: Path) -> None:
    topic = pubsub.topic()
    clips, log, port = pubsub.subscription(topic), tmp_path / "log", free_port()
    flags = ["--site", site_file, "--topic", topic, "--spool", tmp_path / "spool", "--seconds", 1]
    flags += ["--camera", "door", "--source", f"rtsp://127.0.0.1:{port}/stream"]
    with agent(*flags, log=log, **pubsub.environment) as process:
        wait_for(lambda: "no pictures (refused)" in log.read_text())
        with camera(VIDEO, port=port):
            messages = pubsub.drain(clips, count=2)
        wait_for(lambda: "no pictures (ended)" in log.read_text())
        messages += pubsub.drain(clips)
        first = {message.attributes["session"] for message in messages}
        with camera(VIDEO, port=port):
            while {message.attributes["session"] for message in messages} == first:
                messages += pubsub.drain(clips, count=1)
        assert end(process, signal.SIGINT) == 0
    messages += pubsub.drain(clips)
    envelopes = check(messages)
    assert len(first) == 1 and len({each.session for each in envelopes}) == 2
    assert all(one.end_us <= other.start_us for one, other in pairwise(envelopes))


def test_a_full_disk_ends_no_agent(nobody: dict[str, str], site_file: Path, tmp_path: Path, small_disk: Path) -> None:
    folder = small_disk / "spool"
    flags = ["--site", site_file, "--topic", "projects/silhouette/topics/clips", "--spool", folder]
    flags += ["--camera", "door", "--source", VIDEO, "--start", START, "--fast", "--in-flight", "1B"]
    with agent(*flags, log=tmp_path / "log", **nobody) as process:
        wait_for(lambda: "(disk_full)" in (tmp_path / "log").read_text())
        wait_for(lambda: any(name.startswith("000000000028-") for name in spooled(folder)))
        assert end(process) == 0
    lock = open_folder(folder)
    spool = Spool(folder, 10**9, cipher_of(folder, folder / "key", plain=False))
    kept = []
    while taken := spool.take():
        check_payload(taken[2], Envelope.from_attributes(taken[1]))
        kept.append(taken[0].number)
    os.close(lock)
    # The oldest but one: the very oldest was on its way, and is not given up for lost.
    assert kept == [1, *range(kept[1], 29)] and kept[1] > 2 and spool.dropped() == {}


def test_a_file_that_is_no_video_fails(nobody: dict[str, str], site_file: Path, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"no video at all" * 100)
    flags = ["--site", site_file, "--topic", "projects/silhouette/topics/clips", "--spool", tmp_path / "spool"]
    with agent(*flags, "--camera", "door", "--source", tmp_path / "v.mp4", log=tmp_path / "log", **nobody) as process:
        assert process.wait(timeout=30) == 1
    assert "camera door: not_video" in (tmp_path / "log").read_text()


def test_pubsub_what_must_be_encoded_again_says_so(pubsub: PubSub, site_file: Path, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(encode(pictures(100), gop=100, audio=True, metadata={"title": "Jane Doe"}))
    topic = pubsub.topic()
    clips, log = pubsub.subscription(topic), tmp_path / "log"
    flags = ["--site", site_file, "--topic", topic, "--spool", tmp_path / "spool", "--seconds", 2]
    flags += ["--camera", "door", "--source", tmp_path / "v.mp4", "--start", START, "--fast"]
    with agent(*flags, log=log, **pubsub.environment) as process:
        assert process.wait(timeout=30) == 0
    envelopes = check(pubsub.drain(clips, count=5))
    assert [each.seconds for each in envelopes] == [2.0] * 5
    assert "camera door: encoding again: its keyframes are further apart than 4 s" in log.read_text()
    shown = silhouette("edge", "--status", "--spool", tmp_path / "spool")
    assert re.search(r"door +ended .* 5 +5 +5 +0 +0 ", shown.stdout), shown.stdout
