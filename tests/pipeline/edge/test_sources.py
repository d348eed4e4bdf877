"""Sources and credentials: no secret in an address, none in an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.edge.config import load_cameras
from pipeline.edge.credentials import Credentials, find_credentials
from pipeline.edge.sources import Source, SourceError, parse_source, url_of
from pipeline.secrets import SecretError

LOGIN = Credentials("cam", "p@ss:w/d")
SECRET = "hunter2"


def test_what_a_source_may_be() -> None:
    camera = parse_source("door", "rtsp://camera-7:8554/stream?channel=1", transport="udp")
    assert (camera.kind, camera.transport) == ("rtsp", "udp")
    device = parse_source("door", "/dev/video0?video_size=1280x720&framerate=15")
    assert (device.kind, device.address) == ("device", "/dev/video0")
    assert device.options == {"video_size": "1280x720", "framerate": "15"}
    file = parse_source("door", "clips/one.mp4", start_us=5, fast=True)
    assert (file.kind, file.start_us, file.fast) == ("file", 5, True)


@pytest.mark.parametrize(
    "address",
    [
        f"rtsp://admin:{SECRET}@camera-7/stream",
        f"rtsp://{SECRET}@camera-7/stream",
        f"rtsps://camera-7/user=admin&password={SECRET}&channel=1",
        f"rtsp://camera-7/live?pwd={SECRET}",
        f"rtsp://camera-7/live?token={SECRET}",
        f"rtsp://camera-7/live?p={SECRET}",
        f"rtsp://camera-7/live?usr=a&pswd={SECRET}",
        f"rtsp://camera-7/live?psw={SECRET}",
        f"rtsp://camera-7/live?passphrase={SECRET}",
        f"rtsp://camera-7/live?client_secret={SECRET}",
        f"rtsp://camera-7/live?stream_key={SECRET}",
        f"rtsp://camera-7/live?ApiKey={SECRET}",
        f"rtsp://camera-7/live?access_token={SECRET}",
        f"rtsp://camera-7/user={SECRET}&channel=1",
        f"rtsp://camera-7/user={{user}}_password={SECRET}_channel=1.sdp",
        f"rtsp://camera-7/password:{SECRET}/live",
        f"rtsp://camera-7/live#pwd={SECRET}",
    ],
)
def test_an_address_with_a_secret_is_refused(address: str) -> None:
    with pytest.raises(SourceError, match=r"SILHOUETTE_CAMERA_DOOR_2_PASSWORD.*--credentials") as caught:
        parse_source("door-2", address)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://camera-7/live?channel=1&subtype=0&keyframe=2&passes=3",
        "rtsp://camera-7/user={user}_password={password}_channel=1_stream=0.sdp",
        "rtsp://camera-7/live?user={user}&password=&channel=1",
        "rtsp://camera-7:8554/h264/ch1/main/av_stream",
    ],
)
def test_an_address_without_a_secret_is_taken(address: str) -> None:
    assert parse_source("door", address).address == address


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (f"https://camera/{SECRET}", "must be rtsp"),
        ("rtsp:///stream", "must be written rtsp://host"),
        ("rtsp://camera:99999/stream", "must be written rtsp://host"),
        (f"/dev/video0?{SECRET}x=1", "is nothing to ask a device for"),
    ],
)
def test_what_is_no_source(address: str, told: str) -> None:
    with pytest.raises(SourceError, match=f"camera door.*{told}"):
        parse_source("door", address)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"kind": "rtsp", "address": "rtsp://a/b", "loop": True}, "are for files"),
        ({"kind": "file", "address": "a", "transport": "udp"}, "--transport"),
        ({"kind": "file", "address": "a", "fast": True}, "--start"),
        ({"kind": "file", "address": "a", "loop": True, "start_us": 1}, "--loop"),
    ],
)
def test_what_does_not_go_together(source: dict, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        Source(**source)


def test_credentials_go_where_the_camera_wants_them() -> None:
    assert url_of(parse_source("a", "rtsp://host:1/s"), LOGIN) == "rtsp://cam:p%40ss%3Aw%2Fd@host:1/s"
    written = parse_source("a", "rtsp://host/user={user}&password={password}&channel=1")
    assert url_of(written, LOGIN) == "rtsp://host/user=cam&password=p%40ss%3Aw%2Fd&channel=1"
    assert url_of(written, None) == written.address
    assert url_of(parse_source("a", "file.mp4"), LOGIN) == "file.mp4"
    assert "cam" not in repr(LOGIN) and "p@ss" not in repr(LOGIN)


def test_credentials_from_the_environment_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("door: {user: root, password: 007}\nhall: {user: a, password: ''}\n")
    file.chmod(0o600)
    environment = {"SILHOUETTE_CAMERA_DOOR_USER": "cam", "SILHOUETTE_CAMERA_DOOR_PASSWORD": "word"}
    cameras = ["door", "hall", "yard"]
    assert find_credentials(cameras, file, {})["door"] == Credentials("root", "007")
    assert find_credentials(cameras, file, environment) == {
        "door": Credentials("cam", "word"),
        "hall": Credentials("a", ""),
    }
    assert find_credentials(cameras, None, {}) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"dor: {{user: a, password: {SECRET}}}", "no camera of this agent; did you mean door"),
        (f"door: {SECRET}", "must be written CAMERA"),
        (f"door: {{user: a, pass: {SECRET}}}", "must be written CAMERA"),
        (f"door: {{user: a, password: [{SECRET}]}}", "must be written CAMERA"),
        (f"- {SECRET}", "must be written CAMERA"),
        (f"door: {{{SECRET}", "is not YAML"),
    ],
)
def test_a_malformed_credentials_file(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "credentials"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(SecretError, match=told) as caught:
        find_credentials(["door"], file, {})
    assert SECRET not in str(caught.value)
    file.chmod(0o640)
    with pytest.raises(SecretError, match="others may read it"):
        find_credentials(["door"], file, {})


@pytest.mark.parametrize(
    ("cameras", "environment", "told"),
    [
        (["door"], {"SILHOUETTE_CAMERA_DOOR_USER": "a"}, "one is set and the other is not"),
        (["door"], {"SILHOUETTE_CAMERA_DOOR_PASSWORD": SECRET}, "one is set and the other is not"),
        (
            ["door-a", "door_a"],
            {"SILHOUETTE_CAMERA_DOOR_A_USER": "a", "SILHOUETTE_CAMERA_DOOR_A_PASSWORD": SECRET},
            "would serve both cameras door-a and door_a",
        ),
    ],
)
def test_variables_that_do_not_fit(cameras: list[str], environment: dict[str, str], told: str) -> None:
    with pytest.raises(SecretError, match=told) as caught:
        find_credentials(cameras, None, environment)
    assert SECRET not in str(caught.value)


def test_a_file_of_cameras(tmp_path: Path) -> None:
    file = tmp_path / "cameras.yaml"
    file.write_text(
        "cameras:\n"
        "  - {name: door, source: 'rtsp://camera-7/stream', transport: udp}\n"
        "  - {name: hall, source: hall.mp4, start: '2026-01-05T09:00:00Z', fast: true}\n"
        "  - {name: yard, source: yard.mp4, loop: true}\n"
    )
    sources = load_cameras(file)
    assert list(sources) == ["door", "hall", "yard"]
    assert (sources["door"].transport, sources["hall"].fast, sources["yard"].loop) == ("udp", True, True)
    assert sources["hall"].start_us == 1_767_603_600_000_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cameras: [", "cameras.yaml:1: is not YAML"),
        ("", "cameras.yaml: the file:"),
        (f"cameras: [{{name: door, source: a.mp4, {SECRET}: 1}}]", "Extra inputs"),
        ("cameras: [{name: door}]", r"cameras\.0\.source: Field required"),
        ("cameras: [{name: a, source: b}, {name: a, source: c}]", "camera a stands there twice"),
        ("cameras: [{name: a, source: b, start: noon}]", "camera a: start: must be an instant with its offset"),
        (
            "cameras: [{name: a, source: b, start: '1960-01-01T00:00:00Z'}]",
            "camera a: start: must be between the years",
        ),
        (f"cameras: [{{name: a, source: 'rtsp://u:{SECRET}@host/s'}}]", "cameras.yaml: --source: the address of"),
    ],
)
def test_a_malformed_file_of_cameras(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "cameras.yaml"
    file.write_text(text)
    with pytest.raises(SourceError, match=told):
        load_cameras(file)
