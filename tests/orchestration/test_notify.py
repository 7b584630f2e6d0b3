import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from rlr.orchestration import steps
from rlr.orchestration.notify import WEBHOOK_VARIABLE, send

FACTS = {"configuration": "tiny"}


class ChatRoom(HTTPServer):
    """Keeps what it is told, and answers with the status it is made with."""

    def __init__(self, status: int) -> None:
        self.bodies: list[Any] = []
        room = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                room.bodies.append(json.loads(self.rfile.read(length)))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/very-secret"


@pytest.fixture
def chat_room(request: pytest.FixtureRequest) -> Iterator[ChatRoom]:
    room = ChatRoom(getattr(request, "param", 200))
    threading.Thread(target=room.serve_forever, daemon=True).start()
    yield room
    room.shutdown()
    room.server_close()


def test_the_webhook_is_told(chat_room: ChatRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WEBHOOK_VARIABLE, chat_room.address)
    assert send("run-7", "FAILED", "Disk full.", FACTS)
    (body,) = chat_room.bodies
    assert body["text"] == "Run run-7: failed, Disk full., configuration tiny"
    assert body["state"] == "FAILED"


def test_without_a_webhook_the_log_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "rlr"):
        assert not send("run-7", "SUCCEEDED", "", FACTS)
    assert caplog.messages == ["Run run-7: succeeded, configuration tiny"]


@pytest.mark.parametrize("chat_room", [500], indirect=True)
def test_a_webhook_that_refuses_fails_nothing_and_stays_secret(
    chat_room: ChatRoom, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(WEBHOOK_VARIABLE, chat_room.address)
    assert not send("run-7", "SUCCEEDED", "", FACTS)
    assert "did not take the message" in caplog.text
    assert "very-secret" not in caplog.text


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:9/very-secret", "file:///very-secret", "very-secret", "http://[very-secret"],
)
def test_no_address_fails_anything(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(WEBHOOK_VARIABLE, address)
    assert not send("run-7", "SUCCEEDED", "", FACTS)
    assert "very-secret" not in caplog.text


def test_a_configuration_that_is_a_document_is_not_sent(
    chat_room: ChatRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK_VARIABLE, chat_room.address)
    steps.notify("run-7", "SUCCEEDED", "", "name: mine\nsource: customer X\n", "")
    (body,) = chat_room.bodies
    assert "customer X" not in json.dumps(body)
    assert body["configuration"] == "given as a document"
