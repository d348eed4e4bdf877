"""The page's server: this machine alone, no address that can be guessed, nothing of what was counted."""

import http.client
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from pipeline.audit.command import take, task_of
from pipeline.audit.server import AuditServer
from pipeline.audit.windows import AuditWindow, Part
from tests.support.serving import serving
from tests.support.world import a_camera

CAMERA = a_camera()
WINDOWS = [AuditWindow(5, 2, ((Part("ab", 0, 0.5, 0, 2),),), {"crossings": {("gate", "in"): 77, ("gate", "out"): 0}})]


@pytest.fixture
def true() -> dict[Any, Any]:
    return {}


@pytest.fixture
def server(true: dict[Any, Any]) -> Iterator[AuditServer]:
    def gone() -> bytes:
        raise FileNotFoundError

    clips = {"0/ab": lambda: b"0123456789", "0/gone": gone}
    served = AuditServer(0, task_of(CAMERA, (CAMERA,), WINDOWS), clips, partial(take, CAMERA, WINDOWS, true))
    with serving(served):
        yield served


def ask(
    server: AuditServer, path: str, method: str = "GET", body: bytes | None = None, token: str | None = None,
    **headers: str,
) -> http.client.HTTPResponse:  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request(method, f"/{token or server.token}/{path}", body, headers)
    answer = connection.getresponse()
    answer.content = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def content(answer: http.client.HTTPResponse) -> bytes:
    return answer.content  # type: ignore[attr-defined, no-any-return]


def test_the_page_is_whole_and_may_load_nothing_from_elsewhere(server: AuditServer) -> None:
    answer = ask(server, "")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    nonce = policy.split("nonce-")[1].split("'")[0]
    page = content(answer).decode()
    assert page.count(f'nonce="{nonce}"') == 2 and "NONCE" not in page
    assert "//" not in page.replace("http://www.w3.org/2000/svg", "")
    assert nonce not in ask(server, "").headers["Content-Security-Policy"]


def test_without_the_token_or_by_another_name_there_is_nothing(server: AuditServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert ask(server, "", token="x" * 32).status == 404
    assert ask(server, "task", token=server.token[:-1]).status == 404
    assert ask(server, "task", Host="example.org").status == 404, "a name that was made to lead here"
    assert ask(server, "task", Host=f"localhost:{server.server_port}").status == 200
    assert ask(server, "nothing").status == ask(server, "clip/../task").status == 404


def test_the_task_says_nothing_of_what_was_counted(server: AuditServer) -> None:
    task = json.loads(content(ask(server, "task")))
    assert "77" not in json.dumps(task) and "counted" not in json.dumps(task)
    assert task["windows"][0]["parts"] == [[{"clip": "ab", "start": 0, "end": 0.5, "begins": 0, "seconds": 2}]]
    assert task["measures"]["crossings"] == [["gate", "in"], ["gate", "out"]]


@pytest.mark.parametrize(
    ("asked", "status", "found"),
    [
        (None, 200, b"0123456789"),
        ("bytes=0-", 206, b"0123456789"),
        ("bytes=2-4", 206, b"234"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=10-", 416, b""),
        ("bytes=4-2", 416, b""),
        ("bytes=-", 416, b""),
        ("lines=1-2", 416, b""),
    ],
)
def test_a_clip_is_served_in_parts(server: AuditServer, asked: str | None, status: int, found: bytes) -> None:
    answer = ask(server, "clip/0/ab", **({"Range": asked} if asked else {}))
    assert (answer.status, content(answer)) == (status, found)


def test_a_clip_that_is_gone_or_unknown_is_not_there(server: AuditServer) -> None:
    assert ask(server, "clip/0/gone").status == ask(server, "clip/0/cd").status == 404


def sent(server: AuditServer, **changes: Any) -> int:
    told = {"start_us": 5, "counted": {"crossings": [["gate", "in", 2], ["gate", "out", 0]]}} | changes
    return ask(server, "counted", "POST", json.dumps(told).encode()).status


def test_what_was_counted_is_taken_and_a_second_time_replaces_it(server: AuditServer, true: dict[Any, Any]) -> None:
    assert sent(server) == 200
    assert sent(server, counted={"crossings": [["gate", "in", 3]]}) == 200
    assert true == {("crossings", 5): {("gate", "in"): 3, ("gate", "out"): 0}}
    assert sent(server, counted={"occupancy": [["hall", "", 0.5]], "peaks": [["hall", "", 2]]}) == 200
    assert true["occupancy", 5] == {("hall", ""): 0.5} and true["peaks", 5] == {("hall", ""): 2}
    assert ask(server, "finish", "POST", b"{}").status == 200
    assert server.finished.is_set()


@pytest.mark.parametrize(
    "changes",
    [
        {"start_us": 6}, {"counted": 3}, {"counted": {"people": [["gate", "in", 1]]}},
        {"counted": {"crossings": [["gate", "up", 1]]}}, {"counted": {"crossings": [["gate", "in", 0.5]]}},
        {"counted": {"crossings": [["gate", "in", -1]]}}, {"counted": {"crossings": [["gate", "in", "many"]]}},
        {"counted": {"crossings": [["gate", "in"]]}}, {"counted": {"peaks": [["hall", "", 0.5]]}},
        {"counted": {"crossings": [["gate", "in", 1]], "peaks": [["hall", "", -1]]}},
        {"counted": {"walking": [["hall", "", 1]]}},
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_refused(server: AuditServer, true: dict[Any, Any], changes: dict[str, Any]) -> None:
    assert sent(server, **changes) == 400
    assert true == {}


def test_what_is_no_json_or_too_long_is_refused(server: AuditServer) -> None:
    assert ask(server, "counted", "POST", b"{").status == 400
    assert ask(server, "counted", "POST", None, **{"Content-Length": str(1 << 30)}).status == 413
    assert ask(server, "elsewhere", "POST", b"{}").status == 404
