"""The step, the webhook, the watch, and the check of an artifact before a rollback."""

import json
import logging
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.versions import gate_result, make_version, write_gate

from rlr.config import Config, load_config
from rlr.data.manifest import Manifest
from rlr.foundation.errors import MachineError, UserError
from rlr.gate.floors import FloorVerdict
from rlr.orchestration import promoting, steps
from rlr.orchestration.announce import WEBHOOK_VARIABLE
from rlr.orchestration.watching import watch
from rlr.registry.audit.trail import read_trail
from rlr.registry.comparison import compare_versions
from rlr.registry.gate_results import attach_gate_result
from rlr.registry.server import connect
from rlr.registry.tracking import Run
from rlr.registry.versions import register

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Server(HTTPServer):
    """Stands for the service that serves the champion: keeps what it is told."""

    def __init__(self, status: int) -> None:
        self.bodies: list[Any] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                server.bodies.append(json.loads(self.rfile.read(length)))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server(getattr(request, "param", 200))
    threading.Thread(target=made.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{made.server_port}/hooks/very-secret"
    monkeypatch.setenv(WEBHOOK_VARIABLE, address)
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('promoting') / 'mlflow.db'}"


@pytest.fixture
def config(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(tmp_path)
    name = tmp_path.name
    values = {"tracking_uri": store, "experiment": name, "model_name": name}
    return load_config("tiny", [f"registry.{key}={value}" for key, value in values.items()])


@pytest.fixture
def client(config: Config) -> "MlflowClient":
    return connect(config.registry)


def _judge(client: "MlflowClient", config: Config, version: str, champion: str | None) -> None:
    settings = config.registry
    folder = write_gate(Path(f"gate-{version}"), gate_result(settings, version, champion))
    attach_gate_result(client, settings.model_name, version, folder, settings)


def _step(config: Config, version: str) -> Any:
    return steps.promote(config.as_yaml(), [], version, "run-7")


def test_the_step_promotes_by_the_gate_and_tells_the_webhook_once(
    client: "MlflowClient", config: Config, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    name = config.registry.model_name
    for champion in (None, "1"):
        version = make_version(client, config.registry)
        _judge(client, config, version, champion)
        with caplog.at_level(logging.INFO, "rlr"):
            done = _step(config, version)
    assert (done.version, done.previous, done.changed, done.entry) == ("2", "1", True, 3)
    # A cluster does a step again that it has lost.
    again = _step(config, "2")
    assert (again.version, again.previous, again.changed) == ("2", "1", False)
    assert [body["uri"] for body in server.bodies] == [f"models:/{name}/1", f"models:/{name}/2"]
    trail = read_trail(client, name)
    told = server.bodies[-1]
    assert told["event"] == "champion_changed"
    assert (told["champion"], told["former"], told["action"]) == ("2", "1", "promote")
    assert told["audit_sha256"] == trail.reading.digests[4]
    assert trail.intents[-1].facts["pipeline_run"] == "run-7"
    assert "very-secret" not in caplog.text


@pytest.mark.parametrize("server", [500], indirect=True)
def test_a_webhook_that_fails_fails_no_promotion(
    client: "MlflowClient", config: Config, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    version = make_version(client, config.registry)
    with pytest.raises(UserError, match="The gate has not judged"):
        _step(config, version)
    assert server.bodies == []
    _judge(client, config, version, None)
    assert _step(config, version).changed
    assert len(server.bodies) == 1
    assert "did not take the message" in caplog.text
    assert "very-secret" not in caplog.text


def test_the_watch_tells_each_champion_once_and_again_until_it_is_followed(
    client: "MlflowClient", config: Config, tmp_path: Path
) -> None:
    settings = config.registry
    file, log = tmp_path / "champion.json", tmp_path / "log"
    command = (
        f"{sys.executable} -c 'import json, os, sys; "
        f'open("{log}", "a").write(os.environ["RLR_CHAMPION_URI"] + "\\n"); '
        f'sys.exit(json.load(sys.stdin)["champion"] == "2" and not os.path.exists("{log}2"))\''
    )

    def seen() -> list[str | None]:
        return [c["champion"] for c in watch(settings, 1.0, True, file, command)]

    first = make_version(client, settings)
    assert seen() == [None]
    promoting.promote_version(config, first, override=True, reason="x")
    assert seen() == ["1"]
    assert seen() == []
    assert json.loads(file.read_text())["uri"] == f"models:/{settings.model_name}/1"
    second = make_version(client, settings)
    promoting.promote_version(config, second, override=True, reason="x")
    with pytest.raises(MachineError, match=r"ended with status 1; .* not count as followed"):
        seen()
    assert json.loads(file.read_text())["champion"] == "1"
    Path(f"{log}2").touch()
    assert seen() == ["2"]
    addresses = ["", *(f"models:/{settings.model_name}/{n}" for n in (1, 2, 2))]
    assert log.read_text().splitlines() == addresses
    with pytest.raises(UserError, match="no-such-command cannot be run"):
        next(watch(settings, 1.0, True, None, "no-such-command"))


def test_the_watch_goes_on_where_the_server_is_away_for_a_while(
    client: "MlflowClient", config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    version = make_version(client, config.registry)
    found = watch(config.registry, 5.0, False, sleep=lambda _: None)
    assert next(found)["champion"] is None
    promoting.promote_version(config, version, override=True, reason="x")
    ask, answers = MlflowClient.get_registered_model, iter([False, False, True])

    def flaky(self: MlflowClient, name: str) -> Any:
        if not next(answers, True):
            raise MlflowException("connection refused")
        return ask(self, name)

    monkeypatch.setattr(MlflowClient, "get_registered_model", flaky)
    assert next(found)["champion"] == version
    assert next(answers, None) is None


@pytest.fixture
def registered(
    client: "MlflowClient", config: Config, trained: Path, small_manifest: Manifest
) -> Callable[[Path], str]:
    """Return a function that registers a real detector and makes it champion."""

    def make(folder: Path) -> str:
        run = Run.start(client, config, small_manifest.version, small_manifest.digest)
        verdict = FloorVerdict(True, [])
        made = register(run, folder, config.registry, verdict, challenger=False)
        promoting.promote_version(config, made.version, override=True, reason="x")
        return made.version

    return make


def test_a_rollback_asks_the_artifact_first(
    client: "MlflowClient",
    config: Config,
    registered: Callable[[Path], str],
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(2):
        registered(trained)
    moved = promoting.roll_back(config)
    assert (moved.version, moved.former) == ("1", "2")
    assert "scores as it did" in moved.check
    entry = read_trail(client, config.registry.model_name).intents[-1]
    assert entry.check == moved.check

    found = compare_versions(client, config.registry, "1", "@champion")
    assert found["a"] == found["b"] == "1"
    found = compare_versions(client, config.registry, "1", "2")
    assert found["same_images"]
    assert found["thresholds"] == found["configuration"] == found["data"] == found["code"] == {}

    # Another torch, another machine: what it says of its own images is something else.
    with monkeypatch.context() as patch:
        patch.setattr("rlr.detection.canary._greatest_difference", lambda *_: 1.0)
        with pytest.raises(MachineError, match="does not score its canary images as it did"):
            promoting.roll_back(config, to="2")
    with monkeypatch.context() as patch:
        patch.setattr("rlr.orchestration.promoting.util.find_spec", lambda _: None)
        with pytest.raises(UserError, match="cannot be asked without torch; roll back where"):
            promoting.roll_back(config, to="2")
    (place,) = (Path(".rlr/models") / one for one in _fetched(client, config, "2"))
    shutil.rmtree(place, ignore_errors=True)
    uri = client.get_model_version_download_uri(config.registry.model_name, "2")
    (weights,) = Path(uri.removeprefix("file://")).rglob("network.safetensors")
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(MachineError, match="cannot be loaded, so nothing was changed"):
        promoting.roll_back(config, to="2")
    trail = read_trail(client, config.registry.model_name)
    assert trail.actual.champion == "1"
    assert len(trail.intents) == 3


def _fetched(client: "MlflowClient", config: Config, version: str) -> list[str]:
    name = config.registry.model_name
    return [f"{name}-{client.get_model_version(name, version).tags['fingerprint']}"]


def test_an_artifact_without_canary_is_only_loaded(repository: Path, config: Config) -> None:
    old = str(repository / "tests/artifacts/format-2/model")
    assert promoting.check_artifact(old, config).startswith("It loads; ")
