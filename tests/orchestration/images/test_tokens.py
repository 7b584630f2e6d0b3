"""What Debian's registry cannot show: a server of tokens, and a registry that names no digest."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration.images import Images, pin_images

MANIFEST = b'{"schemaVersion": 2}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
PAIR = base64.b64encode(b"me:word").decode()


class Registry(ThreadingHTTPServer):
    """A registry that hands access to a server of tokens, which is itself.

    Attributes:
        realm: Where it says that tokens come from; "": from itself.
        names_digest: Whether it says a manifest's digest.
        key: What the token is called; "": there is none.
        status: Of the manifest.
        asked: Method, path and authorisation of each request.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.realm = ""
        self.names_digest = True
        self.key = "token"
        self.status = 200
        self.asked: list[tuple[str, str, str]] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_HEAD(self) -> None:
        self._manifest(body=b"")

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/token":
            self._token(parse_qs(urlsplit(self.path).query))
        else:
            self._manifest(body=MANIFEST)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._token(parse_qs(body))

    def _note(self) -> str:
        authorisation = self.headers.get("Authorization", "")
        self.server.asked.append((self.command, urlsplit(self.path).path, authorisation))
        return authorisation

    def _token(self, question: dict[str, list[str]]) -> None:
        authorisation = self._note()
        wanted = question == {"service": ["s"], "scope": ["repository:rlr:pull"]}
        refresh = question.get("refresh_token") == ["identity"]
        if refresh or (wanted and authorisation == f"Basic {PAIR}"):
            self._send(200, json.dumps({self.server.key: "t"}).encode())
        else:
            self._send(401, b"{}")

    def _manifest(self, body: bytes) -> None:
        if self._note() != "Bearer t":
            realm = self.server.realm or f"http://{self.server.host}/token"
            challenge = f'Bearer realm="{realm}",service="s",scope="repository:rlr:pull"'
            self._send(401, b"", {"WWW-Authenticate": challenge})
            return
        headers = {"Docker-Content-Digest": DIGEST} if self.server.names_digest else {}
        self._send(self.server.status, body, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[Registry]:
    server = Registry()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def pinned(registry: Registry) -> str:
    name = f"{registry.host}/rlr:1"
    return pin_images(Images(name, f"{name}@{DIGEST}"), timeout=5).pipeline


def log_in(registry: Registry, monkeypatch: pytest.MonkeyPatch, folder: Path, **entry: str) -> None:
    auths = {registry.host: entry or {"auth": PAIR}}
    (folder / "config.json").write_text(json.dumps({"auths": auths}))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


@pytest.mark.parametrize("key", ["token", "access_token"])
@pytest.mark.parametrize("names_digest", [True, False])
def test_a_token_is_fetched_with_what_docker_login_has_stored(
    key: str,
    names_digest: bool,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    log_in(registry, monkeypatch, tmp_path)
    registry.key, registry.names_digest = key, names_digest
    assert pinned(registry) == f"{registry.host}/rlr@{DIGEST}"
    sent = [authorisation for _, path, authorisation in registry.asked if path != "/token"]
    assert set(sent) == {"", "Bearer t"}  # the pair went to the server of tokens alone


def test_an_identity_token_is_exchanged(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log_in(registry, monkeypatch, tmp_path, auth=PAIR, identitytoken="identity")
    assert pinned(registry) == f"{registry.host}/rlr@{DIGEST}"
    assert ("POST", "/token", "") in registry.asked


def test_without_credentials_access_is_refused(registry: Registry) -> None:
    with pytest.raises(UserError, match=rf"{registry.host} refuses access to rlr:1 \(status 401\)"):
        pinned(registry)


def test_credentials_do_not_go_anywhere_in_the_clear(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log_in(registry, monkeypatch, tmp_path)
    registry.realm = "http://elsewhere.example/token"
    with pytest.raises(UserError, match=r"sends credentials to http://elsewhere\.example/token"):
        pinned(registry)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"status": 500}, MachineError, "failed when asked for rlr:1: status 500"),
        ({"status": 404}, UserError, "has no image rlr:1; push it first"),
        ({"key": "nothing"}, MachineError, "gave no token, but something else"),
    ],
    ids=["500", "404", "no token"],
)
def test_failures_are_sentences(
    change: dict[str, object],
    error: type[Exception],
    words: str,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    log_in(registry, monkeypatch, tmp_path)
    for name, value in change.items():
        setattr(registry, name, value)
    with pytest.raises(error, match=words):
        pinned(registry)


def test_damaged_credentials_are_told(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log_in(registry, monkeypatch, tmp_path, auth="not base64!")
    with pytest.raises(UserError, match=f"run `docker login {registry.host}`"):
        pinned(registry)


def test_an_allowed_tag_stays_where_the_registry_cannot_tell(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"{registry.host}/rlr:1"
    with caplog.at_level("WARNING", "rlr"):
        kept = pin_images(Images(name, name), allow_tag=True)
    assert kept == Images(name, name)
    assert f"{name} stays a tag, which may mean another image tomorrow" in caplog.text


def test_a_credential_helper_is_asked(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text('#!/bin/sh\necho \'{"Username": "me", "Secret": "word"}\'\n')
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "test"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert pinned(registry) == f"{registry.host}/rlr@{DIGEST}"
