"""Fetching: complete and verified, or nothing."""

import hashlib
import socket
from pathlib import Path

import pytest

from pipeline.models.fetch import FetchError, fetch
from tests.support.https import certificate, serve

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "some model.onnx"
    path.write_bytes(CONTENT)
    return path


def test_a_file_arrives_whole(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "cache/deep/model.onnx"
    fetch(source.as_uri(), target, SHA256, 10_000)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["model.onnx"]


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate of this machine that https clients trust."""
    pem = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return pem


def test_the_web_is_read_over_tls(tmp_path: Path, trusted: Path) -> None:
    target = tmp_path / "cache/model.onnx"
    with serve({"/moved": (302, {"Location": "/there"}, b""), "/there": (200, {}, CONTENT)}, trusted) as address:
        fetch(f"{address}/moved", target, SHA256, 10_000)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, {}, b""), "answered 404 Not Found"),
        ((200, {"Content-Length": "7000"}, CONTENT[:-1]), "broke off|is not the file"),
        ((302, {"Location": "http://127.0.0.1:{port}/"}, b""), "unknown url type: http"),
    ],
)
def test_bad_answers(tmp_path: Path, trusted: Path, answer: tuple[int, dict[str, str], bytes], words: str) -> None:
    status, headers, body = answer
    headers = {key: value.format(port=refused_port()) for key, value in headers.items()}
    target = tmp_path / "cache/model.onnx"
    with (
        serve({"/model.onnx": (status, headers, body)}, trusted) as address,
        pytest.raises(FetchError, match=words),
    ):
        fetch(f"{address}/model.onnx", target, SHA256, 10_000)
    assert list(target.parent.iterdir()) == []


def test_an_unknown_certificate_is_not_trusted(tmp_path: Path) -> None:
    with (
        serve({"/model.onnx": (200, {}, CONTENT)}, certificate(tmp_path)) as address,
        pytest.raises(FetchError, match="cannot be reached"),
    ):
        fetch(f"{address}/model.onnx", tmp_path / "cache/model.onnx", SHA256, 10_000)


def refused_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("uri", "sha256", "most", "words"),
    [
        ("{file}", "0" * 64, 10_000, "is not the file that the card names"),
        ("{file}", SHA256, 1000, "is larger than"),
        ("{file}.gone", SHA256, 10_000, "cannot be read"),
        ("https://127.0.0.1:{port}/model.onnx", SHA256, 10_000, "cannot be reached"),
        ("ftp://127.0.0.1/model.onnx", SHA256, 10_000, "only https, gs and file"),
        ("http://127.0.0.1/model.onnx", SHA256, 10_000, "only https, gs and file"),
    ],
)
def test_a_failure_leaves_nothing(tmp_path: Path, source: Path, uri: str, sha256: str, most: int, words: str) -> None:
    target = tmp_path / "cache/model.onnx"
    with pytest.raises(FetchError, match=words):
        fetch(uri.format(file=source.as_uri(), port=refused_port()), target, sha256, most)
    assert list(target.parent.iterdir()) == []


def test_a_file_that_is_there_stays_when_fetching_fails(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "model.onnx"
    target.write_bytes(b"earlier")
    with pytest.raises(FetchError):
        fetch(source.as_uri(), target, "0" * 64, 10_000)
    assert target.read_bytes() == b"earlier"
